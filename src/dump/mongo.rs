//! `MongoDB`: everything by `mongodump` into one archive, unpacked, so that the repository packs it and finds what is the
//! same as before. Loaded by `mongorestore`, which replaces each collection that the archive has.

use super::error::Result;
use super::program::{Inside, shell};
use super::server::Stored;
use super::stream::{About, Database, Dump, Stream};

/// Logs in as the user that the image's contract names. The password is handed over as a file that only the program has
/// open: as an argument everybody could see it.
const LOGIN: &str = r#"
user="${MONGO_INITDB_ROOT_USERNAME:-}" password="${MONGO_INITDB_ROOT_PASSWORD:-}"
for name in USERNAME PASSWORD; do
  eval "file=\${MONGO_INITDB_ROOT_${name}_FILE:-}"
  if [ -n "$file" ] && [ -r "$file" ]; then
    if [ "$name" = USERNAME ]; then user="$(cat "$file")"; else password="$(cat "$file")"; fi
  fi
done
program="$1"; shift
command -v "$program" >/dev/null 2>&1 || { echo "$program is not in the image" >&2; exit 127; }
[ -n "$user" ] || exec "$program" --quiet "$@"
quoted="$(printf '%s' "$password" | sed "s/'/''/g")"
exec "$program" --quiet --username="$user" --authenticationDatabase=admin --config=/dev/fd/3 "$@" 3<<END
password: '$quoted'
END
"#;
/// The one stream of such a dump.
const ALL: &str = "all.archive";
/// How an archive begins, and what each of its blocks, so the last one, ends with.
pub(super) const BEGINS: &[u8] = &[0x6d, 0xe2, 0x99, 0x81];
const ENDS: &[u8] = &[0xff; 4];

/// Whether it can be logged in to. Shells of the server are not in every image, so the tool itself asks.
pub(super) fn answers(inside: &Inside) -> Result<()> {
    let words = ["mongodump", "--db=admin", "--collection=system.version", "--out=-"];
    // what it prints is no text
    inside.read(&format!("asking MongoDB in {}", inside.service), &shell(LOGIN, &words))?.drain()
}

/// Makes ready to dump everything.
pub(super) fn dump(inside: &Inside) -> Result<Dump> {
    answers(inside)?;
    let database = Database { name: "all databases".to_owned(), stream: ALL.to_owned(), ..Database::default() };
    let about = About { server: "mongodb".to_owned(), databases: vec![database], ..About::default() };
    let command = shell(LOGIN, &["mongodump", "--archive"]);
    let stream = Stream { name: ALL.to_owned(), command, begins: &[BEGINS], ends: ENDS };
    Ok(Dump::of(inside.clone(), about, vec![stream]))
}

/// Has the archive read once as a trial, and loads it then.
pub(super) fn load(inside: &Inside, stored: Stored<'_>) -> Result<()> {
    for (what, option) in [("trying", "--dryRun"), ("loading", "--drop")] {
        let attempt = format!("{what} the databases of {}", inside.service);
        let words = ["mongorestore", "--archive", "--objcheck", "--stopOnError", option];
        stored(ALL, &mut |pieces| inside.feed(&attempt, &shell(LOGIN, &words), pieces))?;
    }
    Ok(())
}
