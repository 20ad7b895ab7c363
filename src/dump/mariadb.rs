//! `MariaDB`, and `MySQL`: each database by the server's own dump program, in one transaction; users as the server tells
//! them.

use super::error::Result;
use super::program::{Inside, shell};
use super::rows::{LARGEST, LOCKED, Rows, Table, of_tables};
use super::server::Stored;
use super::stream::{About, Database, Dump, Stream, component};
use super::users;

/// Logs in as root over the local socket, with the password that the container has, if it has one. The first word is the
/// program's name behind `mariadb` or `mysql`.
pub(super) const LOGIN: &str = r#"
for name in MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD; do
  eval "value=\${$name:-} file=\${${name}_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ] && [ -r "$file" ]; then value="$(cat "$file")"; fi
  if [ -n "$value" ]; then export MYSQL_PWD="$value"; break; fi
done
what="$1"; shift
if command -v "mariadb$what" >/dev/null 2>&1; then program="mariadb$what"
else case "$what" in -dump) program=mysqldump;; *) program="mysql$what";; esac; fi
exec "$program" -uroot "$@"
"#;
/// How the names begin of databases that are loaded for a proof.
const PROOF: &str = "devup_new_";
const DATABASES: &str = "select schema_name, default_character_set_name, default_collation_name \
    from information_schema.schemata order by 1";
/// The server's own.
const SYSTEM: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// Rows of an answer.
pub(super) fn ask(inside: &Inside, attempt: &str, query: &str) -> Result<Vec<Vec<String>>> {
    let text = inside.output(attempt, &shell(LOGIN, &["", "-NB", "-e", query]))?;
    Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// The server's version.
pub(super) fn version(inside: &Inside) -> Result<String> {
    let rows = ask(inside, &format!("asking MariaDB in {} for its version", inside.service), "select version()")?;
    Ok(rows.into_iter().flatten().next().unwrap_or_default())
}

/// Whether it takes clients: the server that runs the scripts of a first start listens on its socket only, and ends again.
pub(super) fn listens(inside: &Inside) -> bool {
    let attempt = format!("waiting for MariaDB in {}", inside.service);
    inside.output(&attempt, &shell(LOGIN, &["-admin", "--protocol=tcp", "-h", "127.0.0.1", "ping"])).is_ok()
}

/// Rows of every table that is a person's own.
pub(super) fn rows(inside: &Inside) -> Result<Rows> {
    let attempt = format!("counting the rows in {}", inside.service);
    let tables = format!(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' and \
         coalesce(data_length, 0) < {LARGEST} order by 1, 2"
    );
    let found: Vec<Table> = ask(inside, &attempt, &tables)?
        .into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok())
        .filter(|[schema, _]| !SYSTEM.contains(&&**schema) && !schema.starts_with(PROOF))
        .map(|[schema, table]| Table {
            name: format!("{schema}: {table}"),
            quoted: format!("{}.{}", quoted(&schema), quoted(&table)),
        })
        .collect();
    let mut rows = Rows::new();
    of_tables(
        &found,
        &|question| ask(inside, &attempt, &format!("set session lock_wait_timeout = {LOCKED}; {question}")),
        &mut rows,
    )?;
    Ok(rows)
}

/// Makes ready to dump everything but the server's own tables.
pub(super) fn dump(inside: &Inside) -> Result<Dump> {
    let mut about = About { server: "mariadb".to_owned(), version: version(inside)?, ..About::default() };
    let rows = ask(inside, &format!("listing the databases in {}", inside.service), DATABASES)?;
    let mut streams = Vec::new();
    for mut made in rows {
        let name = made.remove(0);
        if SYSTEM.contains(&&*name) || name.starts_with(PROOF) {
            continue;
        }
        let stream = format!("{}.sql", component(&name));
        let options =
            ["-dump", "--single-transaction", "--routines", "--events", "--triggers", "--hex-blob", "--", &name];
        let command = shell(LOGIN, &options);
        streams.push(Stream { name: stream.clone(), command, begins: &[b"--", b"/*"], ends: b"-- Dump completed" });
        about.databases.push(Database { name, stream, made, ..Database::default() });
    }
    about.users = users::read(inside, &about.version)?;
    Ok(Dump::of(inside.clone(), about, streams))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Loads each database under another name first: only what can be loaded takes the place of what is there.
pub(super) fn load(inside: &Inside, about: &About, stored: Stored<'_>) -> Result<()> {
    for (number, database) in about.databases.iter().enumerate() {
        let proof = format!("{PROOF}{number}");
        let tried = fill(inside, &proof, database, stored);
        let attempt = format!("taking away the proof of {} in {}", database.name, inside.service);
        let gone = ask(inside, &attempt, &format!("drop database if exists {}", quoted(&proof)));
        tried?;
        gone?;
    }
    about.databases.iter().try_for_each(|database| fill(inside, &database.name, database, stored))?;
    // last: a right on a table wants the table
    users::write(inside, &about.users)
}

fn fill(inside: &Inside, name: &str, database: &Database, stored: Stored<'_>) -> Result<()> {
    let attempt = format!("loading database {} of {}", database.name, inside.service);
    let word =
        |at: usize| database.made.get(at).filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let mut made = format!("drop database if exists {0}; create database {0}", quoted(name));
    if let (Some(characters), Some(collation)) = (word(0), word(1)) {
        made.push_str(&format!(" character set {characters} collate {collation}"));
    }
    ask(inside, &attempt, &made)?;
    let command = shell(LOGIN, &["", "--", name]);
    stored(&database.stream, &mut |pieces| inside.feed(&attempt, &command, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_stay_names() {
        assert_eq!(quoted("a`; drop x"), "`a``; drop x`");
    }
}
