//! `backup:` of a spec: what it leaves out, freezes and hands to programs of the spec's own; databases of `SQLite`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::engine::{Kind, engine, within};
use crate::project::{Project, Ran};

fn run(project: &Project, words: &[&str]) -> Ran {
    let key = project.home().join("key");
    if !key.exists() {
        fs::write(&key, "opens what devup made\n").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = key.to_string_lossy().into_owned();
    project.devup(&[words, &["--passphrase-file", &key]].concat())
}

fn inside(project: &Project, service: &str, script: &str) -> String {
    project.engine.exec(&project.container(service, 1), &["sh", "-c", script])
}

/// What the newest backup says of itself.
fn manifest(project: &Project) -> serde_json::Value {
    let shown = run(project, &["backup", "show", "latest", "--json"]).expect(0).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["manifest"].clone()
}

fn places(manifest: &serde_json::Value) -> Vec<String> {
    let parts = manifest["parts"].as_array().unwrap().iter();
    parts.filter_map(|part| part["place"].as_str().map(str::to_owned)).collect()
}

fn status(project: &Project, service: &str) -> String {
    let state = project.engine.inspect(&project.container(service, 1)).state.and_then(|state| state.status);
    state.map(|status| status.to_string()).unwrap_or_default()
}

const RULES: &str = "\
name: NAME
services:
  cache: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, volumes: ['cache:/c'], x-devup: { backup: false } }
  store:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: ['store:/s', 'scratch:/t']
    x-devup:
      backup:
        command: { dump: 'cd /s && cat * && echo \"$$0\" >/t/ran', load: [sh, -c, 'cat >/s/loaded'], check: test -d /s }
        exclude: [store, /t]
volumes: { cache: {}, store: {}, scratch: {} }
";

#[test]
fn the_spec_says_what_is_kept_and_how() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "rules", "");
    project.write("compose.yaml", &RULES.replace("NAME", &project.name));
    project.devup(&["up"]).expect(0);
    inside(&project, "store", "echo precious > /s/file");
    let taken = run(&project, &["backup"]).expect(0).says("data of service cache: the spec says `backup: false`");
    assert!(taken.out.contains("volume scratch: the spec says so: `backup.exclude` of service store"), "{}", taken.out);
    let wanted = |manifest: &serde_json::Value| {
        let places = places(manifest);
        assert!(places.contains(&"databases/store".to_owned()), "{places:?}");
        assert!(!places.iter().any(|place| place.starts_with("volumes/")), "{places:?}");
    };
    wanted(&manifest(&project));
    // the spec is heeded wherever one stands
    run(&project, &["backup", "--all"]).expect(0);
    wanted(&manifest(&project));
    run(&project, &["data", "restore", "--snapshot", "latest", "--no-backup"]).expect(0).says("store: loaded data");
    assert_eq!(inside(&project, "store", "cat /s/loaded").trim(), "precious");
    // what says nothing is no dump, and what fails is none: there is no backup then
    inside(&project, "store", "rm /s/*; : > /s/file");
    run(&project, &["backup"]).expect(1).says("dumping data of store: it printed nothing");
    inside(&project, "store", "rm /s/file");
    run(&project, &["backup"]).expect(1).says("dumping data of store: it ended with code 1");
    run(&project, &["backup", "list", "--json"]).expect(0);
    assert!(inside(&project, "store", "ls /t").contains("ran"), "its volume is writable all the while");
}

const FROZEN: &str = "\
services:
  db: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, volumes: ['data:/d'], x-devup: { backup: { pause: PAUSE } } }
volumes: { data: {} }
";

#[test]
fn containers_are_frozen_while_they_are_read_and_go_on_whatever_happens() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "frozen", &FROZEN.replace("PAUSE", "true"));
    project.devup(&["up"]).expect(0);
    inside(&project, "db", "dd if=/dev/urandom of=/d/big bs=1M count=60 2>/dev/null");
    run(&project, &["backup", "init", "../repo", "--sheet", "../sheet"]).expect(0);
    let key = project.home().join("key").to_string_lossy().into_owned();
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let mut child = project.spawn(&["backup", "--passphrase-file", &key]);
        let frozen = within(Duration::from_mins(2), || (status(&project, "db") == "paused").then_some(()));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait().unwrap();
        frozen.expect("it is frozen while its volume is read");
        let thawed = within(Duration::from_secs(30), || (status(&project, "db") == "running").then_some(()));
        thawed.expect("it goes on when devup is gone");
    }
    run(&project, &["backup"]).expect(0);
    assert_eq!(status(&project, "db"), "running");
    let verified = manifest(&project)["parts"].to_string();
    assert!(verified.contains("its containers were frozen meanwhile"), "{verified}");
    // a service may decline, also where data is saved under a name
    project.write("compose.yaml", &FROZEN.replace("PAUSE", "false"));
    let saved = run(&project, &["data", "save", "one"]).expect(0);
    assert!(!saved.out.contains("frozen meanwhile"), "{}", saved.out);
}

#[test]
fn what_thaws_does_nothing_when_all_is_done() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "guard", &FROZEN.replace("PAUSE", "true"));
    project.devup(&["up"]).expect(0);
    let id = engine.inspect(&project.container("db", 1)).id.unwrap();
    for (said, wanted) in [(format!("{id}\ndone\n"), "paused"), (format!("{id}\n"), "running")] {
        project.devup(&["pause"]);
        let mut command: Command = project.command(&["thaw-guard"]);
        let mut guard = command.stdin(Stdio::piped()).spawn().unwrap();
        guard.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
        assert!(guard.wait().unwrap().success());
        assert_eq!(status(&project, "db"), wanted);
    }
}

const LITE: &str = "version: 1\ndescription: SQLite\nbase: debian-12\npackages: [sqlite3, python3]\n";
const APP: &str = "\
devup: 1
services:
  app:
    env: lite
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: ['data:/data']
    backup: { kind: sqlite, path: \"/data/it's my.db\", exclude: [data] }
volumes: { data: {} }
";

#[test]
fn sqlite_comes_back_while_it_is_in_use() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "lite", "");
    fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("envs/lite/env.yaml", LITE);
    project.write("devup.yaml", APP);
    project.devup(&["up"]).expect(0);
    let sql = |query: &str| {
        let container = project.container("app", 1);
        project.engine.exec(&container, &["python3", "-c", ASK, "/data/it's my.db", query]).trim().to_owned()
    };
    assert_eq!(sql("pragma journal_mode = wal"), "[('wal',)]");
    sql("create table goods(id integer primary key, name text)");
    sql("insert into goods select value, 'thing ' || value from generate");
    let sum = "select count(*), sum(id), max(name) from goods";
    let wanted = sql(sum);
    assert!(wanted.contains("(3000, "), "{wanted}");
    for tool in ["sqlite3", "python3"] {
        project.devup(&["data", "dump", "app.db"]).expect(0);
        assert!(fs::read(project.folder().join("app.db")).unwrap().starts_with(b"SQLite format 3\0"));
        sql("delete from goods where id > 7");
        project.devup(&["data", "load", "--no-backup", "app.db"]).expect(0);
        assert_eq!(sql(sum), wanted, "{tool}");
        // somebody has it open, in the middle of a transaction that never ends well
        let held = "import sqlite3, time, pathlib; c = sqlite3.connect(\"/data/it's my.db\"); c.execute('begin immediate'); \
                    c.execute('delete from goods'); pathlib.Path('/tmp/held').touch(); time.sleep(600)";
        let script = "setsid python3 -c \"$1\" >/dev/null 2>&1 & echo $! >/tmp/pid; while [ ! -e /tmp/held ]; do sleep 0.1; done";
        project.engine.exec(&project.container("app", 1), &["sh", "-c", script, "sh", held]);
        let taken = run(&project, &["backup"]).expect(0);
        assert!(!taken.out.contains("a dump of"), "{tool}: {}", taken.out);
        assert!(places(&manifest(&project)).contains(&"databases/app".to_owned()), "{tool}");
        inside(&project, "app", "kill -9 $(cat /tmp/pid); rm /tmp/held");
        assert_eq!(sql(sum), wanted, "{tool}: nobody was disturbed");
        sql("delete from goods where id > 7");
        run(&project, &["data", "restore", "--snapshot", "latest", "--no-backup"])
            .expect(0)
            .says("app: loaded /data/it's my.db");
        assert_eq!(sql(sum), wanted, "{tool}");
        // one that is a database no more, and one that is not there
        for harm in ["echo garbage >", "rm -f"] {
            inside(&project, "app", &format!("{harm} \"/data/it's my.db\"; rm -f /data/*-wal /data/*-shm"));
            run(&project, &["data", "restore", "--snapshot", "latest", "--no-backup"]).expect(0);
            assert_eq!(sql(sum), wanted, "{tool}: {harm}");
        }
        assert_eq!(inside(&project, "app", "ls -A /data | grep -c devup").trim(), "0", "nothing is left beside it");
        inside(&project, "app", "mv /usr/bin/sqlite3 /usr/bin/sqlite3.away");
    }
    // without any tool its volume is kept, and whoever writes to it is frozen
    inside(&project, "app", "mv /usr/bin/python3 /usr/bin/python3.away");
    project.write("devup.yaml", &APP.replace(", exclude: [data]", ""));
    let taken = run(&project, &["backup"]).expect(0).says("neither sqlite3 nor python3");
    assert!(taken.out.contains("a dump of sqlite in service app"), "{}", taken.out);
    let kept = manifest(&project);
    assert!(places(&kept).contains(&"volumes/data".to_owned()), "{kept}");
    assert!(kept["parts"].to_string().contains("its containers were frozen meanwhile"), "{kept}");
    inside(&project, "app", "mv /usr/bin/python3.away /usr/bin/python3");
    // a damaged one is told, and is no backup
    inside(
        &project,
        "app",
        "printf garbage | dd of=\"/data/it's my.db\" bs=1 seek=4096 conv=notrunc 2>/dev/null; rm -f /data/*-wal",
    );
    run(&project, &["backup"]).expect(1).says("malformed");
}

/// Asks a database: its path, a query. `generate` is a table of 3000 numbers.
const ASK: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None); \
    c.execute('create temp table generate(value)'); \
    c.executemany('insert into generate values (?)', [(n,) for n in range(1, 3001)]); \
    print(c.execute(sys.argv[2]).fetchall())";

/// Stands in for `mongodump` and `mongorestore`, since there is no server to be had: takes the options that they have, logs
/// in as they do, and writes an archive that begins and ends as theirs. The data is one file.
const MONGO: &str = r#"#!/usr/bin/env python3
import os, sys
name, data = os.path.basename(sys.argv[0]), "/data/db/data"
given = dict(word.split("=", 1) if "=" in word else (word, "") for word in sys.argv[1:])
known = {"mongodump": ["--archive", "--db", "--collection", "--out"],
         "mongorestore": ["--archive", "--objcheck", "--stopOnError", "--dryRun", "--drop"]}[name]
for word in given:
    if word not in known + ["--quiet", "--username", "--authenticationDatabase", "--config"]: sys.exit("unknown option " + word)
if given["--username"] != "root" or given["--authenticationDatabase"] != "admin": sys.exit("no such user")
if open(given["--config"]).read() != "password: 'it''s s3ntinel'\n": sys.exit("Authentication failed")
if "s3ntinel" in " ".join(sys.argv): sys.exit("the password can be seen")
begin, end = bytes.fromhex("6de29981"), b"\xff" * 4
out, tried = sys.stdout.buffer, "/tmp/tried"
if name == "mongodump":
    if "--archive" not in given: out.write(b"\x05\x00\x00\x00\x00")
    else: out.write(begin + open(data, "rb").read() + (b"" if os.path.exists("/tmp/cut") else end))
else:
    archive = sys.stdin.buffer.read()
    if not archive.startswith(begin) or not archive.endswith(end): sys.exit("stream or file does not appear to be a mongodump archive")
    if "--dryRun" in given: open(tried, "w").close()
    elif "--drop" in given and os.path.exists(tried): open(data, "wb").write(archive[4:-4])
    else: sys.exit("duplicate key")
"#;
const MONGO_SPEC: &str = "\
devup: 1
services:
  db:
    env: python-3.11
    command: [sleep, infinity]
    stop_signal: SIGKILL
    environment: { MONGO_INITDB_ROOT_USERNAME: root, MONGO_INITDB_ROOT_PASSWORD: \"it's s3ntinel\" }
    volumes: ['data:/data/db', './tools/mongo:/usr/local/bin/mongodump:ro', './tools/mongo:/usr/local/bin/mongorestore:ro']
volumes: { data: {} }
";

#[test]
fn mongodb_is_asked_as_its_tools_want_it() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "mongo", "");
    fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("tools/mongo", MONGO);
    fs::set_permissions(project.folder().join("tools/mongo"), fs::Permissions::from_mode(0o755)).unwrap();
    project.write("devup.yaml", MONGO_SPEC);
    project.devup(&["up"]).expect(0);
    inside(&project, "db", "printf 'first state' > /data/db/data");
    let taken = run(&project, &["backup"]).expect(0);
    assert!(!taken.out.contains("a dump of") && !taken.out.contains("s3ntinel"), "{}", taken.out);
    let places = places(&manifest(&project));
    assert!(places.contains(&"databases/db".to_owned()) && !places.contains(&"volumes/data".to_owned()), "{places:?}");
    inside(&project, "db", "printf 'another' > /data/db/data");
    run(&project, &["data", "restore", "--snapshot", "latest", "--no-backup"])
        .expect(0)
        .says("db: loaded all databases");
    assert_eq!(inside(&project, "db", "cat /data/db/data"), "first state");
    inside(&project, "db", "touch /tmp/cut");
    run(&project, &["backup"]).expect(1).says("does not end like a dump");
}
