//! A part of a backup comes back: the data of one service, or all data into a copy of the project. Judged by asking the
//! databases themselves.

use crate::dumps::{ask, postgres, run};
use crate::engine::within;
use crate::project::Project;

fn redis(project: &Project, container: &str, words: &[&str]) -> String {
    project.engine.exec(container, &[&["redis-cli"], words].concat()).trim().to_owned()
}

fn rows(project: &Project) -> String {
    ask(project, "shop", "select count(*), sum(id) from goods").trim().to_owned()
}

#[test]
fn one_service_comes_back_or_a_copy_gets_the_data() {
    let Some(project) = postgres("partly") else { return };
    let cache = project.container("cache", 1);
    ask(&project, "shop", "create table goods(id int primary key); insert into goods select generate_series(1, 5000)");
    assert_eq!(redis(&project, &cache, &["set", "greeting", "hello"]), "OK");
    run(&project, &["backup"]).expect(0);
    ask(&project, "shop", "delete from goods where id > 3");
    assert_eq!(redis(&project, &cache, &["set", "greeting", "newer"]), "OK");
    let name = project.name.clone();

    run(&project, &["restore", &name, "--service", "proxy"])
        .expect(1)
        .says("has no data of a service proxy")
        .says("it has data of cache, db");
    run(&project, &["restore", "elsewhere", "--service", "db"])
        .expect(1)
        .says("project elsewhere is not on this machine");
    let planned = run(&project, &["--dry-run", "restore", &name, "--service", "db"]).expect(20).says("databases/db");
    assert!(!planned.out.contains("volumes/cache"), "{}", planned.out);
    // never over newer data without a word
    run(&project, &["restore", &name, "--service", "db"]).expect(4).says("has data of its own: databases/db");
    assert_eq!(rows(&project), "3|6");
    run(&project, &["restore", "--service", "db", "--replace"])
        .expect(0)
        .says("saved the data as before-restore-")
        .says("db: loaded");
    assert_eq!(rows(&project), "5000|12502500");
    assert_eq!(redis(&project, &cache, &["get", "greeting"]), "newer", "the other service is left alone");

    ask(&project, "shop", "delete from goods");
    run(&project, &["--instance", "copy", "restore"]).expect(0).says(&format!("into {name}-copy"));
    let copy = |service: &str| format!("{name}-copy-{service}-1");
    let count = ["psql", "-XAtq", "-U", "ada", "-d", "shop", "-c", "select count(*) from goods"];
    let found = project.engine.exec(&copy("db"), &count);
    let greeting = within(std::time::Duration::from_secs(20), || {
        Some(redis(&project, &copy("cache"), &["get", "greeting"])).filter(|said| said == "hello")
    });
    let own = rows(&project);
    run(&project, &["--instance", "copy", "destroy", "--yes", "--no-backup"]).expect(0);
    assert_eq!((found.trim(), greeting.as_deref(), own.as_str()), ("5000", Some("hello"), "0|"));
}
