//! Redis: asked to write everything to its own file, which is renamed into place when it is whole; the volume that the
//! file lies in is kept then.

use std::time::{Duration, Instant};

use super::error::{DumpError, Result};
use super::program::{Inside, shell};

/// With the password that the container has, if it has one under the usual name.
const LOGIN: &str = r#"
if [ -n "${REDIS_PASSWORD:-}" ]; then export REDISCLI_AUTH="$REDIS_PASSWORD"; fi
for program in redis-cli valkey-cli; do command -v "$program" >/dev/null 2>&1 && exec "$program" "$@"; done
echo "neither redis-cli nor valkey-cli is in the image" >&2; exit 127
"#;
/// A file of some gigabytes takes minutes.
const PATIENCE: Duration = Duration::from_mins(10);

fn ask(inside: &Inside, words: &[&str]) -> Result<String> {
    let attempt = format!("asking Redis in {}", inside.service);
    let said = inside.output(&attempt, &shell(LOGIN, words))?;
    // an error of the server is an answer like any other to its client
    let refused = ["NOAUTH", "WRONGPASS", "NOPERM", "MISCONF", "ERR ", "(error)"];
    if refused.iter().any(|word| said.starts_with(word)) {
        return Err(DumpError::failed(attempt, said.trim()));
    }
    Ok(said)
}

fn field(text: &str, name: &str) -> String {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_default().to_owned()
}

/// The server's version.
pub(super) fn version(inside: &Inside) -> Result<String> {
    Ok(field(&ask(inside, &["info", "server"])?, "redis_version"))
}

/// Everything that the server holds is in its file when this returns.
pub(super) fn settle(inside: &Inside) -> Result<()> {
    let attempt = format!("asking Redis in {} to write its file", inside.service);
    let begun = Instant::now();
    // one that is under way already may have begun before the last change
    while field(&ask(inside, &["info", "persistence"])?, "rdb_bgsave_in_progress") == "1" {
        wait(&attempt, begun)?;
    }
    ask(inside, &["bgsave"])?;
    loop {
        let state = ask(inside, &["info", "persistence"])?;
        match (&*field(&state, "rdb_bgsave_in_progress"), &*field(&state, "rdb_last_bgsave_status")) {
            ("1", _) => wait(&attempt, begun)?,
            (_, "ok") => return Ok(()),
            (_, status) => return Err(DumpError::failed(attempt, format!("it says {status}; its log says more"))),
        }
    }
}

fn wait(attempt: &str, begun: Instant) -> Result<()> {
    if begun.elapsed() > PATIENCE {
        return Err(DumpError::failed(attempt, format!("not done after {} s", PATIENCE.as_secs())));
    }
    std::thread::sleep(Duration::from_millis(100));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_answer_are_found_by_their_whole_name() {
        let text = "# Persistence\r\nrdb_bgsave_in_progress:0\r\nrdb_last_bgsave_status:ok\r\n";
        assert_eq!(field(text, "rdb_last_bgsave_status"), "ok");
        assert_eq!(field(text, "rdb_last"), "");
    }
}
