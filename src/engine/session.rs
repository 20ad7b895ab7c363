//! How the programs of a dev container's person run: as the user, in the folder, with the variables that the user's own
//! shell would have.

use std::time::Duration;

use futures_util::StreamExt;
use indexmap::IndexMap;

use crate::driver::error::Result;
use crate::driver::session::{ExecRequest, SessionDriver};
use crate::driver::stream::Chunk;
use crate::model::development::Session;
use crate::spec::devcontainer::variables::container_environment;

/// Variables by name.
type Variables = IndexMap<String, String>;

/// Start-up files that hang must not hang devup.
const PATIENCE: Duration = Duration::from_secs(10);
/// Stands before, between and after what is read: start-up files may print anything.
const MARK: &str = "devup-variables-5d0c";
/// Variables of a shell about itself.
const TRANSIENT: [&str; 5] = ["PWD", "OLDPWD", "SHLVL", "_", "PS1"];

/// The request completed by the session: what it says itself counts more.
pub async fn request(
    sessions: &dyn SessionDriver,
    container: &str,
    session: &Session,
    mut request: ExecRequest,
) -> Result<ExecRequest> {
    if request.user.is_none() {
        request.user.clone_from(&session.user);
    }
    if request.working_dir.is_none() {
        request.working_dir.clone_from(&session.folder);
    }
    let (own, shell) = probe(sessions, container, session, request.user.clone()).await?;
    let mut environment = shell.map_or_else(Variables::new, |shell| of_shell(&own, shell));
    let lookup = |name: &str| own.get(name).cloned();
    let mut removed = Vec::new();
    for (name, value) in &session.environment {
        match value {
            Some(value) => drop(environment.insert(name.clone(), container_environment(value, &lookup))),
            None => removed.push(name.clone()),
        }
    }
    if !removed.is_empty() {
        let unset = removed.iter().flat_map(|name| ["-u".to_owned(), name.clone()]);
        request.command = ["env".to_owned()].into_iter().chain(unset).chain(request.command).collect();
    }
    let given = request.environment.iter().map(|line| line.split('=').next().unwrap_or_default().to_owned());
    let given: Vec<String> = given.collect();
    let added = environment.iter().filter(|(name, _)| !given.contains(name));
    let added: Vec<String> = added.map(|(name, value)| format!("{name}={value}")).collect();
    request.environment.splice(..0, added);
    Ok(request)
}

/// The container's variables, and those of the user's shell.
async fn probe(
    sessions: &dyn SessionDriver,
    container: &str,
    session: &Session,
    user: Option<String>,
) -> Result<(Variables, Option<Variables>)> {
    let flags = session.probe.unwrap_or_default().flags();
    if flags.is_none() && session.environment.is_empty() {
        return Ok((Variables::new(), None));
    }
    let request = ExecRequest { command: script(flags), user, ..ExecRequest::default() };
    let mut output = sessions.exec(container, &request).await?.output;
    let mut bytes = Vec::new();
    let read = async {
        while let Some(Ok(chunk)) = output.next().await {
            if let Chunk::Out(chunk) = chunk {
                bytes.extend_from_slice(&chunk);
            }
        }
    };
    // what was printed until then counts; without an answer the container's own variables do
    let _in_time = tokio::time::timeout(PATIENCE, read).await;
    let text = String::from_utf8_lossy(&bytes);
    let parts: Vec<&str> = text.split(MARK).collect();
    let own = parts.get(1).map(|part| parsed(part)).unwrap_or_default();
    // complete only with the mark behind it
    let shell = parts.get(3).filter(|_| parts.len() > 4).map(|part| parsed(part));
    Ok((own, shell))
}

/// Prints the variables of the container, then those of the user's login shell, each between two marks.
fn script(flags: Option<&str>) -> Vec<String> {
    let show = format!("printf {MARK}; cat /proc/self/environ; printf {MARK}");
    let ask = flags.map_or_else(String::new, |flags| {
        format!(
            "me=$(id -un 2>/dev/null); shell=\n\
             while IFS=: read -r name _ _ _ _ _ login; do [ \"$name\" = \"$me\" ] && shell=$login; done \
             </etc/passwd 2>/dev/null\n\
             case $shell in */nologin|*/false) shell= ;; esac\n\
             [ -x \"$shell\" ] || shell=/bin/sh\n\
             exec \"$shell\" {flags} '{show}'\n"
        )
    });
    vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{show}\n{ask}")]
}

fn parsed(text: &str) -> Variables {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('\0').filter_map(pair).collect()
}

/// What the shell adds or changes. A login shell may have begun its path anew: what the container has in it stays.
fn of_shell(own: &Variables, shell: Variables) -> Variables {
    let mut environment: Variables =
        shell.into_iter().filter(|(name, _)| !TRANSIENT.contains(&name.as_str())).collect();
    if let (Some(own), Some(shell)) = (own.get("PATH"), environment.get_mut("PATH")) {
        *shell = joined_paths(shell, own);
    }
    environment.retain(|name, value| own.get(name) != Some(value));
    environment
}

/// The shell's folders, and the container's others among them where they stood.
fn joined_paths(shell: &str, own: &str) -> String {
    let mut folders: Vec<&str> = shell.split(':').collect();
    let mut next = 0;
    for folder in own.split(':') {
        match folders.iter().position(|known| *known == folder) {
            Some(index) => next = index + 1,
            None => {
                folders.insert(next, folder);
                next += 1;
            }
        }
    }
    folders.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_folders_stay_where_they_stood() {
        assert_eq!(joined_paths("/usr/bin:/bin", "/opt/venv/bin:/usr/bin:/x"), "/opt/venv/bin:/usr/bin:/x:/bin");
        assert_eq!(joined_paths("/bin", "/bin"), "/bin");
    }

    #[test]
    fn only_what_the_shell_changes_is_added() {
        let own = parsed("HOME=/root\0PATH=/opt:/bin\0");
        let shell = parsed("HOME=/root\0PATH=/bin\0NVM=1\0PWD=/\0SHLVL=1\0");
        let added: Vec<_> = of_shell(&own, shell).into_iter().collect();
        assert_eq!(added, [("NVM".to_owned(), "1".to_owned())]);
    }

    #[cfg(unix)]
    #[test]
    fn noise_of_start_up_files_does_not_matter() {
        let words = script(Some("-c"));
        let output =
            std::process::Command::new(&words[0]).args(&words[1..]).env("DEVUP_PROBED", "a b").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let parts: Vec<&str> = text.split(MARK).collect();
        assert_eq!(parts.len(), 5, "{text}");
        assert_eq!(parsed(parts[1])["DEVUP_PROBED"], "a b");
        assert_eq!(parsed(parts[3])["DEVUP_PROBED"], "a b");
    }
}
