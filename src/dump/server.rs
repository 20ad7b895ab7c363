//! Which servers can be dumped, and what each kind does.

use bytes::Bytes;

use super::error::Result;
use super::program::Inside;
use super::stream::{About, Dump};
use super::{command, mariadb, mongo, postgres, redis, sqlite};
use crate::model::backup::{Commands, ServiceBackup};

/// A kind of server.
#[derive(Debug, Clone, PartialEq)]
pub enum Server {
    /// `PostgreSQL`.
    Postgres,
    /// `MariaDB`, and `MySQL`, whose tools it understands.
    MariaDb,
    /// Redis, and Valkey.
    Redis,
    /// `MongoDB`.
    Mongo,
    /// Files inside that are databases of `SQLite`.
    Sqlite(Vec<String>),
    /// Whatever the spec has programs for.
    Command(Commands),
}

/// What comes out of a repository, piece by piece.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = std::result::Result<Bytes, String>>;

/// Hands the pieces of a stream, by its name, to whoever takes them.
pub type Stored<'s> = &'s dyn Fn(&str, &mut dyn FnMut(Pieces<'_>) -> Result<()>) -> Result<()>;

/// What the spec says about a service's data.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Nothing of what server it is: it is recognised.
    Nothing,
    /// Its data is not kept.
    Off,
    /// Which server it is.
    Server(Server),
}

impl Said {
    /// By the service's `backup:`.
    pub fn by(backup: Option<&ServiceBackup>) -> Self {
        let Some(backup) = backup else { return Self::Nothing };
        match (&backup.kind, &backup.command) {
            (_, Some(commands)) => Self::Server(Server::Command(commands.clone())),
            (Some(_), None) if backup.is_off() => Self::Off,
            (Some(kind), None) if kind == "sqlite" => Self::Server(Server::Sqlite(backup.path.clone())),
            // the schema knows no other words
            (kind, None) => kind.as_deref().and_then(Server::of_word).map_or(Self::Nothing, Self::Server),
        }
    }
}

impl Server {
    /// By the name of its kind.
    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "postgres" | "postgresql" | "postgis" | "timescaledb" | "pgvector" => Self::Postgres,
            "mariadb" | "mysql" | "percona" => Self::MariaDb,
            "redis" | "valkey" => Self::Redis,
            "mongo" | "mongodb" => Self::Mongo,
            _ => return None,
        })
    }

    /// By the label of its image, else by the image's name, else by the variables that its image's contract asks for.
    pub fn recognise(label: Option<&str>, image: &str, variables: &[&str]) -> Option<Self> {
        if let Some(label) = label {
            return Self::of_word(label);
        }
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split([':', '@']).next().unwrap_or(name);
        // `postgres-15` and the like are the names of building blocks
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
        let has = |names: &[&str]| names.iter().any(|name| variables.contains(name));
        Self::of_word(name)
            .or_else(|| has(&["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"]).then_some(Self::Postgres))
            .or_else(|| {
                let words = ["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD_FILE"];
                has(&words).then_some(Self::MariaDb)
            })
            .or_else(|| has(&["MONGO_INITDB_ROOT_USERNAME"]).then_some(Self::Mongo))
    }

    /// What it is called.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
            Self::Mongo => "mongodb",
            Self::Sqlite(_) => "sqlite",
            Self::Command(_) => "command",
        }
    }

    /// Whether a path inside is where it keeps what it dumps.
    pub fn keeps(&self, target: &str) -> bool {
        let places: &[&str] = match self {
            Self::Postgres => &["/var/lib/postgresql"],
            Self::MariaDb => &["/var/lib/mysql"],
            Self::Mongo => &["/data/db"],
            // nothing is dumped: its files are what is kept
            Self::Redis => &[],
            // there may be anything beside it
            Self::Sqlite(_) | Self::Command(_) => &[],
        };
        places
            .iter()
            .any(|place| target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Whether it answers.
    pub fn answers(&self, inside: &Inside) -> bool {
        match self {
            Self::Postgres => postgres::listens(inside) && postgres::version(inside).is_ok(),
            Self::MariaDb => mariadb::listens(inside) && mariadb::version(inside).is_ok(),
            Self::Redis => redis::version(inside).is_ok(),
            Self::Mongo => mongo::answers(inside).is_ok(),
            Self::Sqlite(_) => sqlite::answers(inside),
            Self::Command(commands) => command::answers(inside, commands),
        }
    }

    /// Whether its files are whole by themselves while it does not run: then nobody has to start it to dump it.
    pub fn rests_in(&self, mounted: &[&str]) -> bool {
        let beneath = |path: &String| {
            mounted.iter().any(|target| path.strip_prefix(*target).is_some_and(|rest| rest.starts_with('/')))
        };
        matches!(self, Self::Sqlite(paths) if paths.iter().all(beneath))
    }

    /// Looks what there is, and makes ready to dump it. `None`: the server has put everything into its own files, and its
    /// volume is to be kept.
    pub fn dump(&self, inside: &Inside) -> Result<Option<Dump>> {
        match self {
            Self::Postgres => postgres::dump(inside).map(Some),
            Self::MariaDb => mariadb::dump(inside).map(Some),
            Self::Redis => redis::settle(inside).map(|()| None),
            Self::Mongo => mongo::dump(inside).map(Some),
            Self::Sqlite(paths) => sqlite::dump(inside, paths).map(Some),
            Self::Command(commands) => Ok(Some(command::dump(inside, commands))),
        }
    }

    /// What a dump of it would say about itself. `None`: it has none.
    pub fn about(&self, inside: &Inside) -> Result<Option<About>> {
        match self {
            // a file that is gone is loaded all the same
            Self::Sqlite(paths) => Ok(Some(sqlite::about(paths))),
            Self::Redis => Ok(None),
            _ => Ok(self.dump(inside)?.map(|dump| dump.about().clone())),
        }
    }

    /// Whether it has dumps that are files.
    pub fn has_file(&self) -> bool {
        !matches!(self, Self::Redis)
    }

    /// Whether a database that is not there can be made by loading it.
    pub fn makes(&self) -> bool {
        matches!(self, Self::Postgres | Self::MariaDb)
    }

    /// How a file with one of its databases begins: one of these.
    pub fn begins(&self) -> &'static [&'static [u8]] {
        match self {
            Self::Postgres => &[postgres::BEGINS],
            Self::Mongo => &[mongo::BEGINS],
            Self::Sqlite(_) => &[sqlite::BEGINS],
            // statements, and whatever the spec's own programs print
            Self::MariaDb | Self::Redis | Self::Command(_) => &[b""],
        }
    }

    /// Loads what a dump holds, in place of what is there.
    pub fn load(&self, inside: &Inside, about: &About, stored: Stored<'_>) -> Result<()> {
        match self {
            Self::Postgres => postgres::load(inside, about, stored),
            Self::MariaDb => mariadb::load(inside, about, stored),
            // its volume is what is restored
            Self::Redis => Ok(()),
            Self::Mongo => mongo::load(inside, stored),
            Self::Sqlite(paths) => sqlite::load(inside, paths, about, stored),
            Self::Command(commands) => command::load(inside, commands, stored),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_recognised_by_label_image_and_variables() {
        let by = |label: Option<&str>, image: &str, variables: &[&str]| Server::recognise(label, image, variables);
        assert_eq!(by(Some("postgres"), "shop-db", &[]), Some(Server::Postgres));
        for image in [
            "postgres",
            "postgres:15-alpine",
            "docker.io/library/postgres@sha256:1",
            "localhost/devup-env/postgres-15:1-a",
        ] {
            assert_eq!(by(None, image, &[]), Some(Server::Postgres), "{image}");
        }
        assert_eq!(by(None, "registry.example:5000/team/mariadb:11", &[]), Some(Server::MariaDb));
        assert_eq!(by(None, "valkey/valkey:8", &[]), Some(Server::Redis));
        assert_eq!(by(None, "shop/db", &["POSTGRES_PASSWORD"]), Some(Server::Postgres));
        assert_eq!(by(None, "shop/db", &["MYSQL_ROOT_PASSWORD"]), Some(Server::MariaDb));
        assert_eq!(by(None, "postgres-exporter", &[]), None);
        assert_eq!(by(None, "busybox", &["PATH"]), None);
    }

    #[test]
    fn the_spec_has_the_last_word() {
        let by = |text: &str| Said::by(Some(&serde_json::from_str(text).unwrap()));
        assert_eq!(Said::by(None), Said::Nothing);
        assert_eq!(by("{\"pause\": true}"), Said::Nothing);
        assert_eq!(by("{\"kind\": \"none\"}"), Said::Off);
        assert_eq!(by("{\"kind\": \"mysql\"}"), Said::Server(Server::MariaDb));
        assert_eq!(
            by("{\"kind\": \"sqlite\", \"path\": [\"/a\"]}"),
            Said::Server(Server::Sqlite(vec!["/a".to_owned()]))
        );
        let commands = Commands { dump: vec!["d".to_owned()], load: vec!["l".to_owned()], check: Vec::new() };
        let said = by("{\"command\": {\"dump\": [\"d\"], \"load\": [\"l\"]}}");
        assert_eq!(said, Said::Server(Server::Command(commands)));
    }

    #[test]
    fn databases_in_files_rest_in_volumes_only() {
        let server = Server::Sqlite(vec!["/data/app.db".to_owned()]);
        assert!(server.rests_in(&["/data"]) && !server.rests_in(&["/dat"]) && !server.rests_in(&[]));
        assert!(!Server::Postgres.rests_in(&["/data"]));
    }

    #[test]
    fn only_places_of_the_server_itself_are_covered_by_its_dump() {
        assert!(Server::Postgres.keeps("/var/lib/postgresql/data") && Server::MariaDb.keeps("/var/lib/mysql"));
        assert!(!Server::Postgres.keeps("/var/lib/postgresql-backups") && !Server::Redis.keeps("/data"));
    }
}
