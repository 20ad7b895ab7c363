//! How programs are told where their stores are: by the variables that they read.

use super::app::App;
use super::finding::{Because, Finding, Place};
use super::read::lines;
use super::snapshot::Folder;
use super::stores::{Kind, Store};

/// A variable that programs read, for which store, and its value.
const KNOWN: [(&str, Kind, &str); 40] = [
    ("DATABASE_URL", Kind::Postgres, "postgres://app:${DB_PASSWORD:-app}@db:5432/app"),
    ("POSTGRES_HOST", Kind::Postgres, "db"),
    ("POSTGRES_PORT", Kind::Postgres, "5432"),
    ("POSTGRES_DB", Kind::Postgres, "app"),
    ("POSTGRES_USER", Kind::Postgres, "app"),
    ("POSTGRES_PASSWORD", Kind::Postgres, "${DB_PASSWORD:-app}"),
    ("PGHOST", Kind::Postgres, "db"),
    ("PGDATABASE", Kind::Postgres, "app"),
    ("PGUSER", Kind::Postgres, "app"),
    ("PGPASSWORD", Kind::Postgres, "${DB_PASSWORD:-app}"),
    ("DB_HOST", Kind::Postgres, "db"),
    ("DB_PORT", Kind::Postgres, "5432"),
    ("DB_NAME", Kind::Postgres, "app"),
    ("DB_DATABASE", Kind::Postgres, "app"),
    ("DB_USER", Kind::Postgres, "app"),
    ("DB_USERNAME", Kind::Postgres, "app"),
    ("DB_PASSWORD", Kind::Postgres, "${DB_PASSWORD:-app}"),
    ("DB_CONNECTION", Kind::Postgres, "pgsql"),
    ("DATABASE_URL", Kind::Mysql, "mysql://app:${DB_PASSWORD:-app}@mysql:3306/app"),
    ("MYSQL_HOST", Kind::Mysql, "mysql"),
    ("MYSQL_DATABASE", Kind::Mysql, "app"),
    ("MYSQL_USER", Kind::Mysql, "app"),
    ("MYSQL_PASSWORD", Kind::Mysql, "${DB_PASSWORD:-app}"),
    ("DB_HOST", Kind::Mysql, "mysql"),
    ("DB_PORT", Kind::Mysql, "3306"),
    ("DB_NAME", Kind::Mysql, "app"),
    ("DB_DATABASE", Kind::Mysql, "app"),
    ("DB_USER", Kind::Mysql, "app"),
    ("DB_USERNAME", Kind::Mysql, "app"),
    ("DB_PASSWORD", Kind::Mysql, "${DB_PASSWORD:-app}"),
    ("DB_CONNECTION", Kind::Mysql, "mysql"),
    ("MONGO_URL", Kind::Mongo, "mongodb://mongo:27017/app"),
    ("MONGODB_URI", Kind::Mongo, "mongodb://mongo:27017/app"),
    ("MONGO_URI", Kind::Mongo, "mongodb://mongo:27017/app"),
    ("REDIS_URL", Kind::Redis, "redis://redis:6379/0"),
    ("REDIS_HOST", Kind::Redis, "redis"),
    ("CELERY_BROKER_URL", Kind::Redis, "redis://redis:6379/0"),
    ("RABBITMQ_URL", Kind::Rabbit, "amqp://guest:guest@rabbitmq:5672"),
    ("AMQP_URL", Kind::Rabbit, "amqp://guest:guest@rabbitmq:5672"),
    ("RABBITMQ_HOST", Kind::Rabbit, "rabbitmq"),
];

/// Files that list a project's variables.
const LISTS: [&str; 4] = [".env.example", ".env.sample", ".env.template", ".env.dist"];

/// Tells an application where its stores are, and what it wants to be told beyond that.
pub fn tell(app: &mut App, folder: &Folder, stores: &[Store]) {
    for store in stores {
        let before = app.environment.len();
        for (name, _, value) in KNOWN.iter().filter(|(_, kind, _)| *kind == store.kind) {
            if app.environment.iter().all(|(known, _)| known != name)
                && let Some(place) = mention(folder, name)
            {
                let value = Because::of((*value).to_owned(), &place, format!("reads {name}"));
                app.environment.push(((*name).to_owned(), value));
            }
        }
        let by_framework =
            app.environment.iter().any(|(_, value)| value.value.contains(&format!("{}:", store.service)));
        if app.environment.len() == before && !by_framework {
            assume(app, store);
        }
    }
    wanted(app, folder);
}

/// Nothing that was looked at reads a variable for this store: the usual one is set, and that is said.
fn assume(app: &mut App, store: &Store) {
    let usual = |name: &str| name.ends_with("_URL") || name.ends_with("_URI");
    let Some((name, _, value)) = KNOWN.iter().find(|(name, kind, _)| *kind == store.kind && usual(name)) else {
        return;
    };
    if app.environment.iter().any(|(known, _)| known == name) {
        let what = format!("`{}` is not told to {}: {name} is another store's already", store.service, app.main_name());
        app.open.push(Finding::at(&app.seen.clone(), what));
        return;
    }
    let place = store.ground.why.place.clone().unwrap_or_else(|| app.seen.clone());
    let what = format!(
        "how does {} learn that `{}` is its server? {name} was set, no file that was looked at reads it",
        app.main_name(),
        store.service
    );
    app.open.push(Finding::at(&place, what));
    app.environment.push(((*name).to_owned(), Because::of((*value).to_owned(), &place, "the usual variable")));
}

/// Variables that the project lists, and that nobody gives a value.
fn wanted(app: &mut App, folder: &Folder) {
    let Some(list) = folder.first_of(&LISTS) else { return };
    let Some(text) = folder.text(list) else { return };
    for variable in lines::variables(text, &folder.path_of(list)) {
        let given = app.environment.iter().any(|(name, _)| *name == variable.name);
        let empty =
            matches!(variable.rest.as_str(), "" | "\"\"" | "''") || variable.rest.to_lowercase().contains("change");
        if !given && empty {
            let what = format!("{} has no value: put one into .env, or under `environment`", variable.name);
            app.open.push(Finding::at(&variable.place, what));
        }
    }
}

/// The first line that has the name as a word of its own.
fn mention(folder: &Folder, name: &str) -> Option<Place> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has = |line: &str| {
        line.match_indices(name)
            .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + name.len()..].starts_with(is_part))
    };
    folder.texts().find_map(|(path, text)| {
        let line = text.lines().position(has)?;
        Some(folder.place(path, line + 1))
    })
}
