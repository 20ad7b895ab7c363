//! `watch`: files of the host reach containers, seen through the engine.

use std::process::Child;
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

const PATIENCE: Duration = Duration::from_mins(1);

const SPEC: &str = r#"
services:
  web:
    image: IMAGE
    command: [sh, -c, "busybox ln -s busybox /bin/rm; exec sleep infinity"]
    stop_signal: SIGKILL
    develop:
      watch:
        - { path: ./src, action: sync, target: /app, ignore: [skipped], initial_sync: true }
        - { path: ./app.conf, action: sync+restart, target: /etc/app.conf }
        - { path: ./sql, action: sync+exec, target: /sql, exec: { command: [sh, -c, "cat /sql/* > /loaded"] } }
        - { path: ./nowhere, action: restart }
"#;

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

/// A program that is ended with its test, as by Ctrl-C.
struct Watching(Option<Child>);

impl Watching {
    fn end(&mut self) -> Option<Ran> {
        let child = self.0.take()?;
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).ok()?;
        Some(Ran::from(child.wait_with_output().ok()?))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(ran) = self.end() {
            eprintln!("--- stdout\n{}\n--- stderr\n{}", ran.out, ran.err);
        }
    }
}

fn project(engine: &Engine, what: &str, spec: &str) -> Project {
    let shop = Project::new(engine, what, spec);
    shop.write("src/first", "1");
    shop.write("app.conf", "1");
    shop.write("sql/1.sql", "one");
    shop
}

/// Starts it; it listens once what is there at first has been copied.
fn watch(shop: &Project, arguments: &[&str]) -> Watching {
    let watching = Watching(Some(shop.spawn(arguments)));
    until(shop, "cat /app/first", "1");
    watching
}

/// Waits until this, run inside, prints that.
#[track_caller]
fn until(shop: &Project, script: &str, wanted: &str) {
    let container = shop.container("web", 1);
    let mut last = String::new();
    let seen = within(PATIENCE, || {
        if !shop.engine.running(&shop.name).contains(&container) {
            return None;
        }
        last = shop.engine.exec(&container, &["sh", "-c", script]);
        (last.trim() == wanted).then_some(())
    });
    assert!(seen.is_some(), "{script}: {last:?} is not {wanted:?}");
}

#[test]
fn what_is_edited_removed_and_renamed_is_so_inside() {
    let Some(engine) = docker() else { return };
    let shop = project(&engine, "watch", SPEC);
    let mut watching = watch(&shop, &["watch"]);
    shop.write("src/first", "2");
    until(&shop, "cat /app/first", "2");
    shop.write("src/new/deep/file", "text");
    shop.write("src/skipped/file", "text");
    until(&shop, "cat /app/new/deep/file", "text");
    std::fs::rename(shop.folder().join("src/new"), shop.folder().join("src/renamed")).unwrap();
    until(&shop, "cat /app/renamed/deep/file; ls /app", "textfirst\nrenamed");
    std::fs::remove_file(shop.folder().join("src/first")).unwrap();
    until(&shop, "ls /app", "renamed");
    // a folder becomes a file
    std::fs::remove_dir_all(shop.folder().join("src/renamed")).unwrap();
    shop.write("src/renamed", "file");
    until(&shop, "cat /app/renamed", "file");
    let ran = watching.end().unwrap().expect(130);
    assert!(ran.err.contains("nowhere is not there"), "{}", ran.err);
    assert_eq!(engine.running(&shop.name).len(), 1, "the services go on");
}

#[test]
fn a_burst_of_a_thousand_files_arrives_whole() {
    let Some(engine) = docker() else { return };
    let shop = project(&engine, "burst", SPEC);
    let mut watching = watch(&shop, &["watch"]);
    for number in 0..1000 {
        shop.write(&format!("src/many/{}/{number}", number % 10), &number.to_string());
    }
    until(&shop, "cat /app/many/*/* | busybox wc -c; cat /app/many/9/999", "2890\n999");
    std::fs::remove_dir_all(shop.folder().join("src/many")).unwrap();
    until(&shop, "ls /app", "first");
    watching.end().unwrap().expect(130);
}

#[test]
fn restarts_and_programs_follow_a_copy() {
    let Some(engine) = docker() else { return };
    let shop = project(&engine, "actions", SPEC);
    let mut watching = watch(&shop, &["up", "--watch"]);
    let started = || engine.inspect(&shop.container("web", 1)).state.unwrap().started_at;
    let before = started();
    shop.write("app.conf", "2");
    within(PATIENCE, || (started() != before).then_some(())).expect("it is restarted");
    until(&shop, "cat /etc/app.conf", "2");
    shop.write("sql/2.sql", "two");
    until(&shop, "cat /loaded", "two");
    watching.end().unwrap().expect(130);
    assert!(engine.running(&shop.name).is_empty(), "who stays stops the services in the end");
}

#[test]
fn a_rebuild_makes_the_container_anew_and_removes_the_old_image() {
    let Some(engine) = docker() else { return };
    let spec = "services:\n  web:\n    build: { context: . }\n    stop_signal: SIGKILL\n    develop:\n      watch:\n        - { path: ., action: rebuild, ignore: [home] }\n";
    let shop = project(&engine, "rebuild", spec);
    shop.write("Dockerfile", "FROM IMAGE\nCOPY src /app\nCMD [\"sleep\", \"infinity\"]\n");
    shop.write(".dockerignore", "*.md\n");
    let mut watching = watch(&shop, &["watch", "--quiet"]);
    let image = || {
        let up = |container: &bollard::models::ContainerSummary| {
            container.state.as_ref().is_some_and(|state| state.as_ref() == "running")
        };
        engine.containers(&shop.name).into_iter().find(up).and_then(|container| container.image_id)
    };
    let old = image().expect("a container");
    shop.write("notes.md", "no part of the context");
    shop.write("src/first", "2");
    within(PATIENCE, || image().filter(|image| *image != old)).expect("another image");
    until(&shop, "cat /app/first", "2");
    let gone = within(PATIENCE, || engine.ask(async |docker| docker.inspect_image(&old).await).is_err().then_some(()));
    assert!(gone.is_some(), "the replaced image is removed");
    let ran = watching.end().unwrap().expect(130);
    assert_eq!(ran.err.matches("built anew").count(), 1, "{}", ran.err);
    let name = format!("{}-web", shop.name);
    shop.devup(&["down", "--rmi", "local"]).expect(0);
    assert!(engine.ask(async |docker| docker.inspect_image(&name).await).is_err());
}

#[test]
fn nothing_to_watch_is_said_before_anything_is_done() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "idle", "services: {web: {image: IMAGE}}\n");
    shop.devup(&["watch"]).expect(1).says("develop.watch");
    shop.devup(&["up", "--watch"]).expect(1).says("develop.watch");
    assert!(engine.containers(&shop.name).is_empty());
    let shop = project(&engine, "dry", SPEC);
    shop.devup(&["--dry-run", "watch"]).expect(0).says("src → /app");
    assert!(engine.containers(&shop.name).is_empty());
}
