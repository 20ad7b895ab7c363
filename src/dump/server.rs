//! Which servers can be dumped, and what each kind does.

use bytes::Bytes;

use super::error::Result;
use super::program::Inside;
use super::stream::{About, Dump};
use super::{mariadb, postgres, redis};

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// `PostgreSQL`.
    Postgres,
    /// `MariaDB`, and `MySQL`, whose tools it understands.
    MariaDb,
    /// Redis, and Valkey.
    Redis,
}

/// What comes out of a repository, piece by piece.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = std::result::Result<Bytes, String>>;

/// Hands the pieces of a stream, by its name, to whoever takes them.
pub type Stored<'s> = &'s dyn Fn(&str, &mut dyn FnMut(Pieces<'_>) -> Result<()>) -> Result<()>;

impl Server {
    /// By the label of its image, else by the image's name, else by the variables that its image's contract asks for.
    pub fn recognise(label: Option<&str>, image: &str, variables: &[&str]) -> Option<Self> {
        let of_word = |word: &str| {
            Some(match word {
                "postgres" | "postgresql" | "postgis" | "timescaledb" | "pgvector" => Self::Postgres,
                "mariadb" | "mysql" | "percona" => Self::MariaDb,
                "redis" | "valkey" => Self::Redis,
                _ => return None,
            })
        };
        if let Some(label) = label {
            return of_word(label);
        }
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split([':', '@']).next().unwrap_or(name);
        // `postgres-15` and the like are the names of building blocks
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
        let has = |names: &[&str]| names.iter().any(|name| variables.contains(name));
        of_word(name)
            .or_else(|| has(&["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"]).then_some(Self::Postgres))
            .or_else(|| {
                let words = ["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD_FILE"];
                has(&words).then_some(Self::MariaDb)
            })
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
        }
    }

    /// Whether a path inside is where it keeps what it dumps.
    pub fn keeps(self, target: &str) -> bool {
        let places: &[&str] = match self {
            Self::Postgres => &["/var/lib/postgresql"],
            Self::MariaDb => &["/var/lib/mysql"],
            // nothing is dumped: its files are what is kept
            Self::Redis => &[],
        };
        places
            .iter()
            .any(|place| target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Whether it answers.
    pub fn answers(self, inside: &Inside) -> bool {
        let asked = match self {
            Self::Postgres => postgres::version(inside),
            Self::MariaDb => mariadb::version(inside),
            Self::Redis => redis::version(inside),
        };
        asked.is_ok()
    }

    /// Looks what there is, and makes ready to dump it. `None`: the server has put everything into its own files, and its
    /// volume is to be kept.
    pub fn dump(self, inside: &Inside) -> Result<Option<Dump>> {
        match self {
            Self::Postgres => postgres::dump(inside).map(Some),
            Self::MariaDb => mariadb::dump(inside).map(Some),
            Self::Redis => redis::settle(inside).map(|()| None),
        }
    }

    /// Loads what a dump holds, in place of what is there.
    pub fn load(self, inside: &Inside, about: &About, stored: Stored<'_>) -> Result<()> {
        match self {
            Self::Postgres => postgres::load(inside, about, stored),
            Self::MariaDb => mariadb::load(inside, about, stored),
            // its volume is what is restored
            Self::Redis => Ok(()),
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
    fn only_places_of_the_server_itself_are_covered_by_its_dump() {
        assert!(Server::Postgres.keeps("/var/lib/postgresql/data") && Server::MariaDb.keeps("/var/lib/mysql"));
        assert!(!Server::Postgres.keeps("/var/lib/postgresql-backups") && !Server::Redis.keeps("/data"));
    }
}
