//! `PostgreSQL`: roles by `pg_dumpall`, each database by `pg_dump` in its own format. Loaded into databases of other names,
//! which take the place of the old ones when all of them are there. Settings and grants of databases stand in what the dump
//! says about itself.

use super::error::{DumpError, Result};
use super::program::{Inside, shell};
use super::rows::{LARGEST, LOCKED, Rows, Table, of_tables};
use super::server::Stored;
use super::settings;
use super::stream::{About, Database, Dump, Stream, UNPACKED, component};

/// Logs in as the superuser that the image's contract names, with the password that the container has, if it wants one.
const LOGIN: &str = r#"
export PGUSER="${POSTGRES_USER:-postgres}"
if [ -n "${POSTGRES_PASSWORD:-}" ]; then export PGPASSWORD="$POSTGRES_PASSWORD"
elif [ -n "${POSTGRES_PASSWORD_FILE:-}" ] && [ -r "$POSTGRES_PASSWORD_FILE" ]; then PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"; export PGPASSWORD; fi
unset PGHOST PGDATABASE PGSERVICE PGOPTIONS
exec "$@"
"#;
/// How a dump in its own format begins.
pub(super) const BEGINS: &[u8] = b"PGDMP";
/// The stream of the roles.
const ROLES: &str = "roles.sql";
/// Between fields of an answer: no name has it.
const BETWEEN: char = '\u{1f}';
/// How the names begin of databases that are being loaded, and of those that they replace.
const NEW: &str = "devup_new_";
const OLD: &str = "devup_old_";

const DATABASES: &str = "select datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype \
    from pg_database where datallowconn and not datistemplate order by 1";

fn psql(inside: &Inside, attempt: &str, database: &str, query: &str) -> Result<Vec<Vec<String>>> {
    let between = BETWEEN.to_string();
    let words = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", &between, "-d", database, "-c", query];
    let text = inside.output(attempt, &shell(LOGIN, &words))?;
    Ok(text.lines().map(|line| line.split(BETWEEN).map(str::to_owned).collect()).collect())
}

/// The server's version.
pub(super) fn version(inside: &Inside) -> Result<String> {
    let attempt = format!("asking PostgreSQL in {} for its version", inside.service);
    let rows = psql(inside, &attempt, "template1", "show server_version")?;
    Ok(rows.into_iter().flatten().next().unwrap_or_default())
}

/// Whether it takes clients: the server that runs the scripts of a first start listens on its socket only, and ends again.
pub(super) fn listens(inside: &Inside) -> bool {
    let attempt = format!("waiting for PostgreSQL in {}", inside.service);
    inside.output(&attempt, &shell(LOGIN, &["pg_isready", "-q", "-h", "127.0.0.1"])).is_ok()
}

fn databases(inside: &Inside) -> Result<Vec<Vec<String>>> {
    psql(inside, &format!("listing the databases in {}", inside.service), "template1", DATABASES)
}

/// Rows of every table that is a person's own.
pub(super) fn rows(inside: &Inside) -> Result<Rows> {
    let attempt = format!("counting the rows in {}", inside.service);
    let tables = format!(
        "select n.nspname || '.' || c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join \
         pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> \
         'information_schema' and n.nspname !~ '^pg_' and pg_relation_size(c.oid) < {LARGEST}"
    );
    let ask = |place: &str, question: &str| {
        psql(inside, &attempt, place, &format!("set lock_timeout = '{LOCKED}s'; {question}"))
    };
    let mut rows = Rows::new();
    for mut made in databases(inside)? {
        let name = made.remove(0);
        if name.starts_with(NEW) || name.starts_with(OLD) {
            continue;
        }
        let place = connection(&name);
        let found = ask(&place, &tables)?;
        let found: Vec<Table> = found
            .into_iter()
            .filter_map(|row| <[String; 2]>::try_from(row).ok())
            .map(|[table, quoted]| Table { name: format!("{name}: {table}"), quoted })
            .collect();
        of_tables(&found, &|question| ask(&place, question), &mut rows)?;
    }
    Ok(rows)
}

/// Makes ready to dump everything.
pub(super) fn dump(inside: &Inside) -> Result<Dump> {
    let mut about = About { server: "postgres".to_owned(), version: version(inside)?, ..About::default() };
    let attempt = format!("reading what the databases in {} are set to", inside.service);
    let set = psql(inside, &attempt, "template1", settings::SETTINGS)?;
    let granted = psql(inside, &attempt, "template1", settings::GRANTS)?;
    let roles = shell(LOGIN, &["pg_dumpall", "--roles-only", "-l", "template1"]);
    let ends = b"PostgreSQL database cluster dump complete";
    let mut streams = vec![Stream { name: ROLES.to_owned(), command: roles, begins: &[b"--"], ends }];
    for mut made in databases(inside)? {
        let name = made.remove(0);
        // what a restore that was stopped left behind is no data
        if name.starts_with(NEW) || name.starts_with(OLD) {
            continue;
        }
        let stream = format!("{}.dump", component(&name));
        let command = shell(LOGIN, &["pg_dump", "--format=custom", UNPACKED, "--dbname", &connection(&name)]);
        streams.push(Stream { name: stream.clone(), command, begins: &[BEGINS], ends: b"" });
        let mut database = Database { name, stream, made, ..Database::default() };
        settings::note(&mut database, &set, &granted);
        about.databases.push(database);
    }
    Ok(Dump::of(inside.clone(), about, streams))
}

/// A database's name as nothing but a name: some have `=` in them, which would make them a connection string.
fn connection(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A name in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value in a statement.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Loads everything beside, and puts it in place.
pub(super) fn load(inside: &Inside, about: &About, stored: Stored<'_>) -> Result<()> {
    recover(inside)?;
    let attempt = format!("loading the roles of {}", inside.service);
    // roles that are there already are an error each, and no reason to stop; what they may do is set all the same
    stored(ROLES, &mut |pieces| inside.feed(&attempt, &shell(LOGIN, &["psql", "-Xq", "-d", "template1"]), pieces))?;
    let loaded = about.databases.iter().enumerate().try_for_each(|(number, database)| {
        let name = format!("{NEW}{number}");
        load_one(inside, database, &name, stored)
    });
    if let Err(error) = loaded {
        // the first error is the one to tell; what is left is taken away by the next load, too
        let _ = recover(inside);
        return Err(error);
    }
    about.databases.iter().enumerate().try_for_each(|(number, database)| put(inside, &database.name, number))
}

fn load_one(inside: &Inside, database: &Database, name: &str, stored: Stored<'_>) -> Result<()> {
    let attempt = format!("loading database {} of {}", database.name, inside.service);
    let [owner, encoding, collate, ctype] = &database.made[..] else {
        return Err(DumpError::failed(attempt, "the backup does not say how it was made"));
    };
    let query = format!(
        "create database {} owner {} encoding {} lc_collate {} lc_ctype {} template template0",
        quoted(name),
        quoted(owner),
        text(encoding),
        text(collate),
        text(ctype)
    );
    psql(inside, &attempt, "template1", &query)?;
    let command = shell(LOGIN, &["pg_restore", "--exit-on-error", "--dbname", &connection(name)]);
    stored(&database.stream, &mut |pieces| inside.feed(&attempt, &command, pieces))?;
    // last: a setting may be in the way of loading
    let settings = settings::statements(database, name, owner);
    if settings.is_empty() {
        return Ok(());
    }
    // through its input: a value may be a secret
    let command = shell(LOGIN, &["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "template1"]);
    inside.feed(&attempt, &command, &mut std::iter::once(Ok(bytes::Bytes::from(settings))))
}

/// One transaction: whoever stops in between finds the old database under its name, or the new one.
fn put(inside: &Inside, name: &str, number: usize) -> Result<()> {
    let attempt = format!("putting database {name} of {} in place", inside.service);
    let exists = databases(inside)?.iter().any(|row| row[0] == *name);
    let (new, old) = (format!("{NEW}{number}"), format!("{OLD}{number}"));
    let mut rename = format!("alter database {} rename to {};", quoted(&new), quoted(name));
    if exists {
        let leave = "select pg_terminate_backend(pid) from pg_stat_activity where datname =";
        rename =
            format!("{leave} {}; alter database {} rename to {}; {rename}", text(name), quoted(name), quoted(&old));
    }
    // clients that come back at once may be in the way: they are sent away once more
    let mut renamed = psql(inside, &attempt, "template1", &format!("begin; {rename} commit;"));
    for _ in 0..4 {
        if renamed.is_ok() {
            break;
        }
        renamed = psql(inside, &attempt, "template1", &format!("begin; {rename} commit;"));
    }
    renamed?;
    if exists {
        psql(inside, &attempt, "template1", &format!("drop database {}", quoted(&old)))?;
    }
    Ok(())
}

/// What a load that was stopped left behind goes.
fn recover(inside: &Inside) -> Result<()> {
    let attempt = format!("taking away what is left of a restore in {}", inside.service);
    for row in databases(inside)? {
        if row[0].starts_with(NEW) || row[0].starts_with(OLD) {
            psql(inside, &attempt, "template1", &format!("drop database {}", quoted(&row[0])))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_stay_names() {
        assert_eq!(quoted("a\"; drop x"), "\"a\"\"; drop x\"");
        assert_eq!(text("o'clock"), "'o''clock'");
        assert_eq!(connection("host=evil 'x\\"), "dbname='host=evil \\'x\\\\'");
    }
}
