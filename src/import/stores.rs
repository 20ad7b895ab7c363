//! Databases, caches and brokers, by the drivers that dependencies name.

use serde_json::{Value, json};

use super::blocks::{Blocks, Ground};
use super::finding::{Because, Finding};
use super::read::Dependency;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `PostgreSQL`.
    Postgres,
    /// `MySQL` and its kin.
    Mysql,
    /// `MongoDB`.
    Mongo,
    /// Redis.
    Redis,
    /// `RabbitMQ`.
    Rabbit,
}

/// What is known of a kind.
struct Facts {
    kind: Kind,
    title: &'static str,
    service: &'static str,
    family: &'static str,
    image: &'static str,
    volume: (&'static str, &'static str),
    /// Names of drivers in all registries; those that end with `*` are beginnings.
    drivers: &'static [&'static str],
}

const TABLE: [Facts; 5] = [
    Facts {
        kind: Kind::Postgres,
        title: "PostgreSQL",
        service: "db",
        family: "postgres",
        image: "postgres:17",
        volume: ("dbdata", "/var/lib/postgresql/data"),
        drivers: &[
            "psycopg",
            "psycopg2",
            "psycopg2-binary",
            "psycopg-binary",
            "asyncpg",
            "aiopg",
            "pg8000",
            "pg",
            "pg-promise",
            "postgres",
            "postgresql",
            "tokio-postgres",
            "deadpool-postgres",
            "r2dbc-postgresql",
            "github.com/lib/pq",
            "github.com/jackc/pgx*",
            "gorm.io/driver/postgres",
            "ext-pgsql",
            "ext-pdo-pgsql",
            "ext-pdo_pgsql",
        ],
    },
    Facts {
        kind: Kind::Mysql,
        title: "MySQL",
        service: "mysql",
        family: "mysql",
        image: "mysql:8.4",
        volume: ("mysqldata", "/var/lib/mysql"),
        drivers: &[
            "mysqlclient",
            "pymysql",
            "aiomysql",
            "asyncmy",
            "mysql-connector-python",
            "mysql",
            "mysql2",
            "trilogy",
            "mysql-async",
            "mysql-connector-java",
            "mysql-connector-j",
            "mariadb",
            "mariadb-java-client",
            "github.com/go-sql-driver/mysql",
            "gorm.io/driver/mysql",
            "ext-mysqli",
            "ext-pdo-mysql",
        ],
    },
    Facts {
        kind: Kind::Mongo,
        title: "MongoDB",
        service: "mongo",
        family: "mongo",
        image: "mongo:8",
        volume: ("mongodata", "/data/db"),
        drivers: &[
            "pymongo",
            "motor",
            "mongoengine",
            "beanie",
            "djongo",
            "mongodb",
            "mongoose",
            "mongo",
            "mongoid",
            "go.mongodb.org/mongo-driver*",
            "spring-boot-starter-data-mongodb",
            "mongodb-driver-sync",
            "ext-mongodb",
        ],
    },
    Facts {
        kind: Kind::Redis,
        title: "Redis",
        service: "redis",
        family: "redis",
        image: "redis:7",
        volume: ("redisdata", "/data"),
        drivers: &[
            "redis",
            "celery",
            "django-redis",
            "channels-redis",
            "hiredis",
            "rq",
            "django-rq",
            "ioredis",
            "bull",
            "bullmq",
            "connect-redis",
            "sidekiq",
            "resque",
            "github.com/redis/go-redis*",
            "github.com/go-redis/redis*",
            "github.com/gomodule/redigo",
            "deadpool-redis",
            "spring-boot-starter-data-redis",
            "jedis",
            "lettuce-core",
            "predis/predis",
            "ext-redis",
        ],
    },
    Facts {
        kind: Kind::Rabbit,
        title: "RabbitMQ",
        service: "rabbitmq",
        family: "rabbitmq",
        image: "rabbitmq:4",
        volume: ("rabbitdata", "/var/lib/rabbitmq"),
        drivers: &[
            "pika",
            "aio-pika",
            "amqplib",
            "bunny",
            "lapin",
            "github.com/rabbitmq/amqp091-go",
            "github.com/streadway/amqp",
            "spring-boot-starter-amqp",
            "php-amqplib/php-amqplib",
        ],
    },
];

/// Crates that drive what their features name.
const BY_FEATURE: [&str; 3] = ["sqlx", "diesel", "sea-orm"];

/// A store that an application needs.
#[derive(Debug, Clone)]
pub struct Store {
    /// Which.
    pub kind: Kind,
    /// The service's name.
    pub service: &'static str,
    /// On what it stands.
    pub ground: Because<Ground>,
    /// Where its data lies: volume and path.
    pub volume: (&'static str, &'static str),
}

/// What these dependencies need. Remarks on what is not certain go to `open`.
pub fn of(dependencies: &[Dependency], blocks: &Blocks, open: &mut Vec<Finding>) -> Vec<Store> {
    let mut stores = Vec::new();
    for facts in &TABLE {
        let Some(by) = dependencies.iter().find(|dependency| facts.drives(dependency)) else { continue };
        let why = match (by.name.as_str(), facts.kind) {
            ("celery", Kind::Redis) => "celery needs a broker: Redis".to_owned(),
            (name, _) => format!("{name} speaks to {}", facts.title),
        };
        let ground = match blocks.newest(facts.family) {
            Some((block, _)) => Ground::Env(block.to_owned()),
            None => {
                let what = format!("which {}? {} was taken: nothing names a version", facts.title, facts.image);
                open.push(Finding::at(&by.place, what));
                Ground::Image(facts.image.to_owned())
            }
        };
        let ground = Because::of(ground, &by.place, why);
        stores.push(Store { kind: facts.kind, service: facts.service, ground, volume: facts.volume });
    }
    stores
}

impl Facts {
    fn drives(&self, dependency: &Dependency) -> bool {
        let name = dependency.name.as_str();
        let by_name = self.drivers.iter().any(|driver| match driver.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *driver,
        });
        by_name || BY_FEATURE.contains(&name) && dependency.rest.contains(self.family)
    }
}

impl Store {
    /// Its variables. Passwords can be given in `.env`; nothing beyond the project's own network can reach the store.
    pub fn environment(&self) -> Vec<(&'static str, &'static str)> {
        match self.kind {
            Kind::Postgres => {
                vec![("POSTGRES_DB", "app"), ("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "${DB_PASSWORD:-app}")]
            }
            Kind::Mysql => vec![
                ("MYSQL_DATABASE", "app"),
                ("MYSQL_USER", "app"),
                ("MYSQL_PASSWORD", "${DB_PASSWORD:-app}"),
                ("MYSQL_ROOT_PASSWORD", "${DB_PASSWORD:-app}"),
            ],
            Kind::Mongo | Kind::Redis | Kind::Rabbit => Vec::new(),
        }
    }

    /// How its image says that it is ready; building blocks say it themselves.
    pub fn healthcheck(&self) -> Option<Value> {
        if matches!(self.ground.value, Ground::Env(_)) {
            return None;
        }
        let test = match self.kind {
            Kind::Postgres => "pg_isready -q -h 127.0.0.1 -U app",
            Kind::Mysql => "mysqladmin ping -h 127.0.0.1 -uapp -p\"$$MYSQL_PASSWORD\"",
            Kind::Mongo => "mongosh --quiet --eval 'db.runCommand({ping: 1})'",
            Kind::Redis => "redis-cli ping",
            Kind::Rabbit => "rabbitmq-diagnostics -q ping",
        };
        Some(
            json!({"test": ["CMD-SHELL", test], "interval": "2s", "timeout": "5s", "retries": 15, "start_period": "60s"}),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::finding::Place;

    #[test]
    fn drivers_tell_stores() {
        let blocks = Blocks::new(["postgres-15", "redis-7"].map(str::to_owned));
        let one = |name: &str, rest: &str| Dependency::new(name, rest, Place::new("m", 3));
        let kinds = |names: &[(&str, &str)]| {
            let all: Vec<Dependency> = names.iter().map(|(name, rest)| one(name, rest)).collect();
            of(&all, &blocks, &mut Vec::new()).iter().map(|store| store.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&[("psycopg2_binary", ""), ("celery", "")]), [Kind::Postgres, Kind::Redis]);
        assert_eq!(kinds(&[("github.com/jackc/pgx/v5", "")]), [Kind::Postgres]);
        assert_eq!(kinds(&[("sqlx", "features = [\"postgres\"]"), ("page", "")]), [Kind::Postgres]);
        assert_eq!(
            kinds(&[("mysql2", ""), ("mongoose", ""), ("amqplib", "")]),
            [Kind::Mysql, Kind::Mongo, Kind::Rabbit]
        );
        let mut open = Vec::new();
        let stores = of(&[one("pg", ""), one("mysql2", "")], &blocks, &mut open);
        assert_eq!(stores[0].ground.value, Ground::Env("postgres-15".into()));
        assert!(stores[0].healthcheck().is_none() && stores[1].healthcheck().is_some());
        assert_eq!(open.len(), 1, "the version of an image is told");
    }
}
