//! Drills: a backup counts as proven when a throw-away copy of the project was brought up from it and is what it was. Judged
//! by the engine: what the copy left, and what the project itself still is.

use std::fs;
use std::time::Duration;

use crate::dumps::run;
use crate::engine::{Kind, engine, within};
use crate::project::Project;

const SPEC: &str = "\
devup: 1
services:
  db:
    env: postgres-15
    environment: { POSTGRES_USER: ada, POSTGRES_DB: shop, POSTGRES_PASSWORD: x }
    volumes: ['rows:/var/lib/postgresql/data']
  web:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: ['data:/data', './page:/page:ro']
    depends_on: { db: { condition: service_healthy } }
tasks:
  works: { service: web, stage: smoke, run: cat /data/file /page/index }
  never: { service: web, stage: unit, run: 'false' }
volumes: { rows: {}, data: {} }
";

fn project(what: &str) -> Option<Project> {
    let project = Project::new(&engine(Kind::Docker)?, what, "");
    fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("devup.yaml", SPEC);
    project.write("page/index", "welcome\n");
    project.devup(&["up"]).expect(0);
    fill(&project, "web", "echo kept > /data/file");
    let sql = "create table goods(id int primary key); insert into goods select generate_series(1, 777)";
    let words = ["psql", "-XAtq", "-U", "ada", "-d", "shop", "-c", sql];
    assert_eq!(project.engine.exec(&project.container("db", 1), &words), "");
    run(&project, &["backup"]).expect(0);
    Some(project)
}

fn fill(project: &Project, service: &str, script: &str) {
    assert_eq!(project.engine.exec(&project.container(service, 1), &["sh", "-c", script]), "");
}

fn copy(project: &Project) -> String {
    format!("{}-devup-drill", project.name)
}

/// Nothing of the copy is anywhere.
fn nothing_left(project: &Project) {
    let (engine, copy) = (&project.engine, copy(project));
    assert!(engine.containers(&copy).is_empty());
    assert_eq!((engine.volumes(&copy), engine.networks(&copy)), (Vec::new(), Vec::new()));
    let known = project.devup(&["projects"]).expect(0).out;
    assert!(known.contains(&project.name) && !known.contains(&copy), "{known}");
    assert!(!project.home().join(".cache/devup/drill").exists());
    let trust = fs::read_to_string(project.home().join(".local/state/devup/trust.json")).unwrap_or_default();
    assert!(!trust.contains("/drill/"), "{trust}");
}

#[test]
fn a_backup_is_proven_by_a_copy_that_goes_again() {
    let Some(project) = project("drill") else { return };
    let before = project.engine.ids(&project.name);
    project.devup(&["status"]).expect(0).says("no backup of it was ever proven");
    run(&project, &["backup", "drill"])
        .expect(0)
        .says("is proven")
        .says("777 rows in 1 tables of db")
        .says("volumes data")
        .says("task works");
    nothing_left(&project);
    assert_eq!(project.engine.ids(&project.name), before, "the project itself is left alone");
    project.devup(&["status"]).expect(0).says("last backup:").says("last proven backup:");

    // a backup of a project that does not work is none that is proven
    fill(&project, "web", "busybox rm /data/file");
    run(&project, &["backup"]).expect(0);
    run(&project, &["backup", "drill"]).expect(1).says("is NOT proven").says("task works ended with 1");
    nothing_left(&project);
    project.devup(&["status"]).expect(0).says("failed: task works ended with 1").says("last proven backup:");
    let all = project.devup(&["backup", "status", "--json"]).expect(0).out;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert!(all[0]["proven"]["snapshot"].is_string() && all[0]["warnings"][0].as_str().unwrap().contains("task works"));
    run(&project, &["backup", "drill", "elsewhere"]).expect(1).says("no complete backup of project elsewhere");
}

#[test]
fn a_drill_that_is_ended_leaves_nothing_for_long() {
    let Some(project) = project("ended") else { return };
    let key = project.home().join("key").to_string_lossy().into_owned();
    let words = ["backup", "drill", "--passphrase-file", &key];
    let running = || (!project.engine.containers(&copy(&project)).is_empty()).then_some(());

    let mut killed = project.spawn(&words);
    within(Duration::from_mins(2), running).expect("the copy comes");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(running().is_some(), "a kill leaves it");
    let drilled = run(&project, &["backup", "drill", "--json"]).expect(0);
    assert!(drilled.err.contains(&format!("removed {}", copy(&project))), "{}", drilled.err);
    let drilled: serde_json::Value = serde_json::from_str(&drilled.out).unwrap();
    assert_eq!(drilled[0]["proven"], true, "{drilled}");
    nothing_left(&project);

    let interrupted = project.spawn(&words);
    within(Duration::from_mins(2), running).expect("the copy comes");
    let pid = rustix::process::Pid::from_child(&interrupted);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = crate::project::Ran::from(interrupted.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}{}", ended.out, ended.err);
    nothing_left(&project);
    // an interrupt says nothing about the backup
    let told = project.devup(&["status"]).expect(0).err;
    assert!(!told.contains("failed"), "{told}");
}
