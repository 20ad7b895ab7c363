//! Databases in backups: dumped by their own tools, loaded from a repository, and asked themselves what they hold.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::engine::{Kind, engine, within};
use crate::project::{Project, Ran};

/// A password that must not be seen outside of the container.
const PASSWORD: &str = "s3ntinel-of-the-database";

pub fn run(project: &Project, words: &[&str]) -> Ran {
    let key = project.home().join("key");
    if !key.exists() {
        fs::write(&key, "opens what devup made\n").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = key.to_string_lossy().into_owned();
    let mut all = words.to_vec();
    all.extend(["--passphrase-file", &key]);
    project.devup(&all)
}

fn psql(project: &Project, database: &str, query: &str) -> String {
    let words = ["psql", "-XAtq", "-U", "ada", "-d", database, "-c", query];
    project.engine.exec(&project.container("db", 1), &words)
}

pub fn postgres(what: &str) -> Option<Project> {
    let engine = engine(Kind::Docker)?;
    let spec = format!(
        "devup: 1\nservices:\n  db:\n    env: postgres-15\n    environment: {{ POSTGRES_USER: ada, POSTGRES_DB: shop, \
         POSTGRES_PASSWORD: {PASSWORD} }}\n    volumes: \
         ['data:/var/lib/postgresql/data']\n  cache:\n    env: redis-7\n    volumes: ['cache:/data']\nvolumes: {{ data: {{}}, \
         cache: {{}} }}\n"
    );
    let project = Project::new(&engine, what, "");
    fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("devup.yaml", &spec);
    project.devup(&["up"]).expect(0);
    // as with `--auth-local=scram-sha-256`: nobody is trusted, not even over the server's own socket
    let strict = "sed -i 's/^local .*/local all all scram-sha-256/' \"$PGDATA/pg_hba.conf\" && kill -HUP 1";
    project.engine.exec(&project.container("db", 1), &["sh", "-c", strict]);
    let refused =
        within(Duration::from_secs(20), || psql(&project, "shop", "select 1").contains("password").then_some(()));
    refused.expect("the server reads its rules again");
    Some(project)
}

/// A database whose name looks like a path and like a connection string, as a client has to write it.
const ODD: &str = r"dbname='odd ../db = \'x\''";

/// As [`psql`], logged in as a client over the network is.
pub fn ask(project: &Project, database: &str, query: &str) -> String {
    let script = format!("PGPASSWORD={PASSWORD} exec psql -h 127.0.0.1 -XAtq -U ada -d \"$1\" -c \"$2\"");
    project.engine.exec(&project.container("db", 1), &["sh", "-c", &script, "sh", database, query])
}

#[test]
fn postgres_and_redis_come_back_from_a_backup() {
    let Some(project) = postgres("dumps") else { return };
    for query in [
        "create role \"odd \"\"role\" login password 'x'",
        "create table goods(id int primary key, name text, made timestamptz default now())",
        "insert into goods select n, 'thing ' || n from generate_series(1, 5000) n",
        "alter table goods owner to \"odd \"\"role\"",
        "select lo_from_bytea(4711, decode(repeat('00ff', 1000), 'hex'))",
        "create database \"odd ../db = 'x'\" owner \"odd \"\"role\"",
        "alter database shop set search_path to \"$user\", public, \"odd, \"\"schema\"",
        "alter database shop set app.word = 'it''s a \\word'",
        "alter role \"odd \"\"role\" in database shop set work_mem = '7MB'",
        "revoke all on database shop from public",
        "grant create, temporary on database shop to \"odd \"\"role\" with grant option",
    ] {
        let said = ask(&project, "shop", query);
        assert!(!said.contains("ERROR"), "{query}: {said}");
    }
    ask(&project, ODD, "create table t as select 42 as answer");
    let sum = "select count(*), md5(string_agg(id || name || made, ',' order by id)) from goods";
    let wanted = ask(&project, "shop", sum);
    assert!(wanted.starts_with("5000|"), "{wanted}");
    let settings = "select (select string_agg(setrole::regrole || ' ' || setconfig::text, ';' order by setrole::regrole::text) \
        from pg_db_role_setting s where s.setdatabase = d.oid), (select string_agg(x::text, ',' order by x::text) \
        from unnest(datacl) x) from pg_database d where datname = 'shop'";
    let set = ask(&project, "postgres", settings);
    assert!(set.contains("7MB") && set.contains("odd, ") && set.contains("it's a \\"), "{set}");
    let redis = |words: &[&str]| {
        project.engine.exec(&project.container("cache", 1), &[&["redis-cli"], words].concat()).trim().to_owned()
    };
    assert_eq!(redis(&["set", "greeting", "hello"]), "OK");

    let taken = run(&project, &["backup"]).expect(0);
    assert!(!taken.out.contains("volume ") && !taken.out.contains("a dump of"), "{}", taken.out);
    let shown = run(&project, &["backup", "show", "latest", "--json"]).expect(0).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let parts = shown["manifest"]["parts"].as_array().unwrap();
    let places: Vec<&str> = parts.iter().filter_map(|part| part["place"].as_str()).collect();
    assert!(places.contains(&"databases/db") && places.contains(&"volumes/cache"), "{places:?}");
    assert!(!places.contains(&"volumes/data"), "the dump covers it: {places:?}");
    assert!(parts.iter().any(|part| part["verified"].as_str().unwrap().contains("exit codes")), "{parts:?}");
    assert!(!shown.to_string().contains(PASSWORD));

    // a client that holds the database open, and all data gone
    ask(&project, "shop", "drop table goods; create table newer(id int); select lo_unlink(4711)");
    ask(&project, "postgres", "drop database \"odd ../db = 'x'\"");
    ask(&project, "postgres", "alter database shop reset all; grant connect on database shop to public");
    assert_ne!(ask(&project, "postgres", settings), set);
    assert_eq!(redis(&["del", "greeting"]), "1");
    run(&project, &["data", "restore", "--snapshot", "latest"]).expect(0).says("db: loaded");
    assert_eq!(ask(&project, "shop", sum), wanted);
    assert_eq!(ask(&project, "postgres", settings), set);
    assert_eq!(ask(&project, "shop", "select to_regclass('newer') is null").trim(), "t");
    assert_eq!(ask(&project, "shop", "select length(lo_get(4711))").trim(), "2000");
    let owner = "select tableowner from pg_tables where tablename = 'goods'";
    assert_eq!(ask(&project, "shop", owner).trim(), "odd \"role");
    assert_eq!(ask(&project, ODD, "select answer from t").trim(), "42");
    let left = ask(&project, "postgres", "select datname from pg_database where datname like 'devup%'");
    assert_eq!(left.trim(), "");
    let answer = within(Duration::from_secs(20), || Some(redis(&["get", "greeting"])).filter(|said| said == "hello"));
    assert!(answer.is_some(), "{}", redis(&["get", "greeting"]));
    forgets_nothing_when_stopped(&project, sum, &wanted);
}

/// A stopped server is started for its dump, alone, and stopped again; a dump onto a fresh volume is whole.
fn forgets_nothing_when_stopped(project: &Project, sum: &str, wanted: &str) {
    project.devup(&["stop"]).expect(0);
    let taken = run(project, &["backup"]).expect(0);
    assert!(!taken.out.contains("a dump of postgres"), "{}", taken.out);
    assert_eq!(project.engine.running(&project.name), [""; 0]);
    project.devup(&["down", "-v", "--no-backup"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert!(ask(project, "shop", "select count(*) from goods").contains("does not exist"));
    run(project, &["data", "restore", "--snapshot", "latest", "--no-backup"]).expect(0);
    assert_eq!(ask(project, "shop", sum), wanted);
}

/// Files in the project's folder that were not there when it was made.
fn files(project: &Project) -> Vec<String> {
    let names = fs::read_dir(project.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "devup.yaml" && name != "devup.lock");
    names.sort();
    names
}

#[test]
fn one_database_goes_to_a_file_and_comes_from_one() {
    let Some(project) = postgres("files") else { return };
    ask(
        &project,
        "shop",
        "create table goods as select n as id, 'thing ' || n as name from generate_series(1, 3000) n",
    );
    ask(&project, "shop", "alter database shop set app.word = 'kept'");
    let sum = "select count(*), md5(string_agg(id || name, ',' order by id)) from goods";
    let wanted = ask(&project, "shop", sum);
    // Redis has no such file, and of the two databases the server's own is not meant
    let said = project.devup(&["data", "dump", "--json", "shop.dump"]).expect(0).out;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((said["service"].as_str(), said["database"].as_str()), (Some("db"), Some("shop")), "{said}");
    let dump = fs::read(project.folder().join("shop.dump")).unwrap();
    assert!(dump.starts_with(b"PGDMP") && said["bytes"].as_u64() == Some(dump.len() as u64), "{said}");
    let mode = fs::metadata(project.folder().join("shop.dump")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    ask(&project, "shop", "create database other");
    project.devup(&["data", "dump", "more.dump"]).expect(2).says("several databases: other, postgres, shop");
    project.devup(&["data", "dump", "--database", "gone", "more.dump"]).expect(1).says("no database gone");
    project.devup(&["data", "dump", "web", "more.dump"]).expect(1).says("there is cache, db");
    project.devup(&["data", "dump", "cache", "more.dump"]).expect(1).says("no dump that is one file");
    assert_eq!(files(&project), ["shop.dump"], "no half of a file is left");
    let streamed = project.command(&["data", "dump", "db", "--database", "shop", "-"]).output().unwrap();
    assert!(streamed.status.success() && streamed.stdout.starts_with(b"PGDMP"));

    let shop = ["db", "--database", "shop"];
    let load = |file: &str| project.devup(&[&["data", "load", "--no-backup"], &shop[..], &[file]].concat());
    ask(&project, "shop", "delete from goods where id > 5; create table newer(id int)");
    let changed = ask(&project, "shop", sum);
    for (name, text, told) in [
        ("empty", &b""[..], "the file is empty"),
        ("sql", b"select 1;", "is no dump of postgres in its own format"),
        ("packed", b"\x1f\x8b", "is packed by gzip"),
        ("cut", &dump[..dump.len() / 2], "loading database shop of db"),
    ] {
        project.write("bad", "");
        fs::write(project.folder().join("bad"), text).unwrap();
        load("bad").expect(1).says(told);
        assert_eq!(ask(&project, "shop", sum), changed, "{name}: what is there stays");
    }
    assert_eq!(ask(&project, "postgres", "select count(*) from pg_database where datname like 'devup%'").trim(), "0");
    load("shop.dump").expect(0).says("shop of db is as in shop.dump");
    assert_eq!(ask(&project, "shop", sum), wanted);
    assert_eq!(ask(&project, "shop", "show app.word").trim(), "kept", "settings are the database's, not the file's");
    assert_eq!(ask(&project, "shop", "select to_regclass('newer') is null").trim(), "t");
    // one that is not there yet, from a stream
    let mut command = project.command(&["data", "load", "--no-backup", "db", "--database", "fresh", "-"]);
    let file = fs::File::open(project.folder().join("shop.dump")).unwrap();
    assert!(command.stdin(file).output().unwrap().status.success());
    assert_eq!(ask(&project, "fresh", sum), wanted);
    // what is there is saved first
    ask(&project, "shop", "delete from goods");
    run(&project, &["data", "load", "db", "--database", "shop", "shop.dump"])
        .expect(0)
        .says("saved the data as before-load-");
    assert_eq!(ask(&project, "shop", sum), wanted);
}

#[test]
fn a_dump_that_fails_is_told_and_the_volume_is_kept() {
    let Some(engine) = engine(Kind::Docker) else { return };
    // an image of that name without any of its programs
    let spec = "services:\n  db:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    \
                environment: { POSTGRES_PASSWORD: x }\n    volumes: ['data:/var/lib/postgresql/data']\nvolumes: { data: {} }\n";
    let project = Project::new(&engine, "nodump", spec);
    project.devup(&["up"]).expect(0);
    let taken = run(&project, &["backup"]).expect(0);
    assert!(taken.out.contains("a dump of postgres in service db"), "{}", taken.out);
    assert!(taken.out.contains("kept as it lies on the disk"), "{}", taken.out);
    let shown = run(&project, &["backup", "show", "latest"]).expect(0);
    assert!(shown.out.contains("volumes/data"), "{}", shown.out);
}

#[test]
fn a_database_that_dies_during_its_dump_is_never_taken_for_whole() {
    let Some(project) = postgres("dies") else { return };
    ask(&project, "shop", "create table goods as select n from generate_series(1, 1000) n");
    run(&project, &["backup"]).expect(0);
    // whoever dumps waits for this, so that the server dies in the middle
    let locked = "begin; lock table goods; select pg_sleep(600)";
    let script =
        format!("PGPASSWORD={PASSWORD} psql -h 127.0.0.1 -XAtq -U ada -d shop -c '{locked}' >/dev/null 2>&1 &");
    project.engine.exec(&project.container("db", 1), &["sh", "-c", &script]);
    let waits = |what: &str| {
        let query = format!("select count(*) > 0 from pg_stat_activity where {what}");
        within(Duration::from_mins(1), || (ask(&project, "shop", &query).trim() == "t").then_some(()))
    };
    waits("query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()")
        .expect("the table is locked");
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| run(&project, &["backup"]));
        waits("application_name = 'pg_dump' and wait_event_type = 'Lock'").expect("the dump waits");
        // for PostgreSQL this is to end at once, as after a crash
        project.engine.exec(&project.container("db", 1), &["sh", "-c", "kill -QUIT 1"]);
        let ended = backup.join().unwrap();
        let said = ended.out + &ended.err;
        assert!(said.contains("a dump of postgres in service db") || ended.code != Some(0), "{said}");
    });
    let shown = run(&project, &["backup", "show", "latest", "--json"]).expect(0);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let parts = shown["manifest"]["parts"].as_array().unwrap();
    let database = parts.iter().find(|part| part["place"] == "databases/db");
    let gaps = shown["manifest"]["not_covered"].to_string();
    // either the backup failed, and the newest is the one before; or it says what it lacks
    let lacks = gaps.contains("a dump of postgres in service db");
    assert!(lacks != database.is_some(), "{shown}");
    run(&project, &["backup", "check", "--read-data"]).expect(0);
}

/// An env of the project's own: Debian's server, and who backs it up.
pub const MARIADB: &str = "\
version: 1
description: MariaDB
base: debian-12
packages: [mariadb-server]
run:
  - rm -rf /var/lib/mysql/*
  - install -d -o mysql /run/mysqld
  # a client's configuration that keeps a password away from everybody else
  - printf '[client]\\nuser=nobody\\n' > /etc/mysql/conf.d/client.cnf
service:
  volumes: [/var/lib/mysql]
  command: [sh, -c, '[ -d /var/lib/mysql/mysql ] || mariadb-install-db --user=mysql >/dev/null; exec mariadbd --user=mysql']
  healthcheck: { test: [CMD, mariadb-admin, -uroot, ping], interval: 1s, timeout: 5s, retries: 60, start_period: 30s }
backup: mariadb
";

fn sql(project: &Project, query: &str) -> String {
    project.engine.exec(&project.container("db", 1), &["mariadb", "-uroot", "-NB", "-e", query])
}

#[test]
fn mariadb_comes_back_from_a_backup() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "mariadb", "");
    fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("envs/maria/env.yaml", MARIADB);
    let spec = "devup: 1\nservices: { db: { env: maria, volumes: ['data:/var/lib/mysql'] } }\nvolumes: { data: {} }\n";
    project.write("devup.yaml", spec);
    project.devup(&["up"]).expect(0);
    sql(&project, "create database shop character set utf8mb4 collate utf8mb4_bin");
    sql(&project, "create database `odd db`");
    sql(&project, "use shop; create table goods(id int primary key, name varchar(50), b blob)");
    sql(&project, "use shop; insert into goods select seq, concat('thing ', seq), unhex('00ff27') from seq_1_to_5000");
    sql(&project, "use shop; create view cheap as select * from goods where id < 10");
    sql(
        &project,
        "use shop; create table log(id int); create trigger t after delete on goods for each row insert into log values (old.id)",
    );
    for query in [
        "create user `o'dd \"user`@'%' identified by 'first'",
        "create user plain@localhost identified by 'plain'",
        "create role `rea\"ders`",
        "grant select on shop.goods to `rea\"ders`",
        "grant insert, update (name) on shop.goods to `o'dd \"user`@'%' with grant option",
        "grant `rea\"ders` to `o'dd \"user`@'%'",
        "grant all on `odd db`.* to plain@localhost",
    ] {
        assert_eq!(sql(&project, query), "", "{query}");
    }
    let users = "show create user `o'dd \"user`@'%'; show grants for `o'dd \"user`@'%'; show grants for `rea\"ders`; \
        show create user plain@localhost; show grants for plain@localhost";
    let known = sql(&project, users);
    assert!(known.contains("GRANT OPTION") && known.contains("IDENTIFIED BY PASSWORD"), "{known}");
    let sum = "checksum table shop.goods";
    let wanted = sql(&project, sum);
    assert!(wanted.starts_with("shop.goods"), "{wanted}");
    run(&project, &["backup"]).expect(0);
    sql(&project, "use shop; delete from goods where id > 3; create table newer(id int)");
    sql(&project, "drop database `odd db`");
    sql(
        &project,
        "drop user `o'dd \"user`@'%'; drop role `rea\"ders`; set password for plain@localhost = password('new')",
    );
    sql(&project, "grant all on *.* to plain@localhost");
    run(&project, &["data", "restore", "--snapshot", "latest"]).expect(0).says("db: loaded");
    assert_eq!(sql(&project, sum), wanted);
    assert_eq!(sql(&project, "select count(*) from shop.cheap").trim(), "9");
    assert_eq!(sql(&project, "select count(*) from shop.log").trim(), "0");
    assert_eq!(sql(&project, users), known);
    assert_eq!(sql(&project, "show databases like 'devup%'").trim(), "");
    assert_eq!(sql(&project, "show databases like 'odd%'").trim(), "odd db");
    assert_eq!(sql(&project, "show tables in shop like 'newer'").trim(), "");
    project.devup(&["data", "dump", "db", "--database", "shop", "shop.sql"]).expect(0);
    sql(&project, "use shop; delete from goods where id > 3; create table newer(id int)");
    let load = ["data", "load", "--no-backup", "db", "--database"];
    // the trial fails: the real one is not touched
    project.write("bad.sql", "create table a(id int);\nthis is no statement;\n");
    project.devup(&[&load[..], &["shop", "bad.sql"]].concat()).expect(1).says("no statement");
    assert_eq!(sql(&project, "select count(*) from shop.goods").trim(), "3");
    project.devup(&[&load[..], &["shop", "shop.sql"]].concat()).expect(0);
    assert_eq!(sql(&project, sum), wanted);
    project.devup(&[&load[..], &["fresh", "shop.sql"]].concat()).expect(0);
    assert_eq!(sql(&project, "select count(*) from fresh.goods").trim(), "5000");
    assert_eq!(sql(&project, users), known, "users are no part of a file");
}
