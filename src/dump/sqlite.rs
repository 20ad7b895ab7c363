//! `SQLite`: each database copied as it stands by the library itself, through the program `sqlite3` or Python in the image,
//! while whoever uses it goes on. Loaded beside, proven, and copied into place in one transaction.

use super::error::{DumpError, Result};
use super::program::{Inside, shell};
use super::server::Stored;
use super::stream::{About, Database, Dump, Stream, component};

/// Python's part of both scripts: copies one database into another, and proves what it made. Its first argument says how.
const PYTHON: &str = r#"
import sqlite3, sys
def prove(path):
    found = [row[0] for row in sqlite3.connect(path).execute("pragma integrity_check")]
    if found != ["ok"]: sys.exit("the database is damaged: " + str(found[:3]))
how, source, target = sys.argv[1:4]
if how == "prove": prove(source)
else:
    into = sqlite3.connect(target, timeout=30)
    sqlite3.connect(source, timeout=30).backup(into)
    into.close()
"#;

/// Functions of both scripts: `copy FROM TO`, `prove FILE`. Programs that are not there are told before anything is done.
const TOOLS: &str = r#"
path="$1" python="$2" folder="${1%/*}"
if command -v sqlite3 >/dev/null 2>&1; then
  lite() { sqlite3 -init /dev/null -batch -bail "$@" </dev/null; }
  # names without a special character: the program reads its own quotes
  copy() { ( cd "$work" && lite "$1" ".timeout 30000" ".backup copy" ); }
  put() { ( cd "$work" && lite "$path" ".timeout 30000" ".restore copy" ); }
  prove() { said="$(lite "$1" "pragma integrity_check")" || return 1
    [ "$said" = ok ] || { echo "the database is damaged: $said" >&2; return 1; }; }
elif python3 -c "import sqlite3" >/dev/null 2>&1; then
  copy() { python3 -c "$python" copy "$1" "$work/copy"; }
  put() { python3 -c "$python" copy "$work/copy" "$path"; }
  prove() { python3 -c "$python" prove "$1" ""; }
else
  echo "neither sqlite3 nor python3 with its module sqlite3 is in the image" >&2; exit 127
fi
desk() {
  work="$folder/$1"
  rm -rf "$work" && mkdir -m 700 "$work" || exit 1
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
}
"#;

/// Whether it can be dumped.
const LOOK: &str = r#"[ -f "$path" ] || { echo "there is no file $path" >&2; exit 1; }"#;

const DUMP: &str = r#"
desk .devup-dump
copy "$path" && prove "$work/copy" && cat "$work/copy"
"#;

/// A database that is there takes the copy in one transaction, so that whoever has it open sees the old or the new one.
/// One that is no database any more is of no use to anybody, and gives way.
const LOAD: &str = r#"
desk .devup-load
cat > "$work/copy" && prove "$work/copy" || exit 1
if [ -s "$path" ] && prove "$path" 2>/dev/null; then put; exit $?; fi
rm -f "$path-wal" "$path-shm" "$path-journal"
mv -f "$work/copy" "$path"
"#;

/// How a database begins.
pub(super) const BEGINS: &[u8] = b"SQLite format 3\0";

fn script(of: &str) -> String {
    format!("{TOOLS}{of}")
}

fn command(of: &str, path: &str) -> Vec<String> {
    shell(&script(of), &[path, PYTHON])
}

/// Whether programs can be run in its container, and one of them can read databases.
pub(super) fn answers(inside: &Inside) -> bool {
    inside.output(&format!("looking into {}", inside.service), &command("", "/")).is_ok()
}

/// What a dump of these files says about itself, whether they are there or not.
pub(super) fn about(paths: &[String]) -> About {
    let database = |path: &String| {
        let stream = format!("{}.db", component(path));
        Database { name: path.clone(), stream, ..Database::default() }
    };
    About { server: "sqlite".to_owned(), databases: paths.iter().map(database).collect(), ..About::default() }
}

/// Makes ready to dump these files.
pub(super) fn dump(inside: &Inside, paths: &[String]) -> Result<Dump> {
    let about = about(paths);
    let mut streams = Vec::new();
    for Database { name, stream, .. } in &about.databases {
        inside.output(&format!("looking for {name} in {}", inside.service), &command(LOOK, name))?;
        streams.push(Stream { name: stream.clone(), command: command(DUMP, name), begins: &[BEGINS], ends: b"" });
    }
    Ok(Dump::of(inside.clone(), about, streams))
}

/// Loads each into the file that has its path, if the spec still names it.
pub(super) fn load(inside: &Inside, paths: &[String], about: &About, stored: Stored<'_>) -> Result<()> {
    for database in &about.databases {
        let attempt = format!("loading {} of {}", database.name, inside.service);
        if !paths.contains(&database.name) {
            let reason = "the spec does not name it any more; add it to the service's `backup.path`";
            return Err(DumpError::failed(attempt, reason));
        }
        let command = command(LOAD, &database.name);
        stored(&database.stream, &mut |pieces| inside.feed(&attempt, &command, pieces))?;
    }
    Ok(())
}
