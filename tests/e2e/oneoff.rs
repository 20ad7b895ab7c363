//! `run`: exit codes of programs that can't be started, what it prepares, and that it keeps nobody waiting.

use std::time::Duration;

use crate::engine::{Kind, engine, name_of, within};
use crate::project::{Project, Ran};

const SPEC: &str = r#"
devup: 1
services:
  a:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    working_dir: /workspace
    volumes: [".:/workspace"]
    provision: [{ run: "echo built >> built", outputs: [built] }]
    post_start: [{ command: [sh, -c, "echo x >> /workspace/hooked"] }]
"#;

fn project(what: &str) -> Option<Project> {
    let engine = engine(Kind::Docker)?;
    let project = Project::new(&engine, what, "");
    std::fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("devup.yaml", SPEC);
    Some(project)
}

#[test]
fn a_program_that_cannot_start_has_the_shells_exit_codes() {
    let Some(project) = project("codes") else { return };
    project.write("text", "no program\n");
    project.devup(&["run", "-q", "--rm", "-T", "a", "nope"]).expect(127).says("nope");
    project.devup(&["run", "-q", "--rm", "-T", "a", "/workspace/nope"]).expect(127).says("nope");
    project.devup(&["run", "-q", "--rm", "-T", "a", "/workspace/text"]).expect(126).says("/workspace/text");
    project.devup(&["run", "-q", "--rm", "-T", "a", "/workspace"]).expect(126).says("/workspace");
    project.devup(&["run", "-q", "-d", "--name", &format!("{}-left", project.name), "a", "nope"]).expect(127);
    project.devup(&["run", "-q", "--rm", "-T", "a", "sh", "-c", "exit 127"]).expect(127);
    let names: Vec<String> = project.engine.containers(&project.name).iter().map(name_of).collect();
    assert_eq!(names, [format!("{}-left", project.name)], "--rm removes what could not start");
}

#[test]
fn what_is_run_is_provisioned_and_has_its_hooks() {
    let Some(project) = project("prepared") else { return };
    // the program ends when the hook was there
    let waits = "until [ -e hooked ]; do sleep 0.1; done; cat built hooked";
    let ran = project.devup(&["run", "-q", "--rm", "-T", "a", "sh", "-c", waits]).expect(0);
    assert_eq!(ran.out, "built\nx\n");
    let ran = project.devup(&["run", "-q", "--rm", "-T", "a", "cat", "built"]).expect(0);
    assert_eq!(ran.out, "built\n", "once for the folder");
    project.devup(&["up"]).expect(0);
    assert_eq!(std::fs::read_to_string(project.folder().join("built")).unwrap(), "built\n");
    let detached = project.devup(&["run", "-q", "-d", "a", "sleep", "1000"]).expect(0);
    let hooked = std::fs::read_to_string(project.folder().join("hooked")).unwrap().lines().count();
    assert!(hooked >= 3, "{hooked} hooks, {}", detached.out);
}

#[test]
fn a_long_run_keeps_nobody_waiting() {
    let Some(project) = project("long") else { return };
    let script = "touch begun; until [ -e end ]; do sleep 0.1; done; exit 4";
    let child = project.spawn(&["run", "-q", "--rm", "-T", "a", "sh", "-c", script]);
    within(Duration::from_mins(1), || project.folder().join("begun").exists().then_some(())).expect("it runs");
    for verb in ["up", "stop"] {
        let mut other = project.spawn(&[verb]);
        let ended = within(Duration::from_mins(1), || other.try_wait().unwrap());
        let _ = other.kill();
        assert!(ended.expect("the lock is free while the program runs").success(), "{verb}");
    }
    project.write("end", "");
    Ran::from(child.wait_with_output().unwrap()).expect(4);
}

#[test]
fn a_provider_is_asked_once_for_a_run_and_told_of_a_stop() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "asked", "");
    project.write(
        "compose.yaml",
        "services:\n  a: {image: IMAGE, depends_on: [b, db], command: [sleep, infinity], stop_signal: SIGKILL}\n  b: {image: IMAGE, depends_on: [db], command: [sleep, infinity], stop_signal: SIGKILL}\n  db: {provider: {type: ./provide.sh}}\n",
    );
    let script = r#"#!/bin/sh
[ "$2" = metadata ] && { echo '{"description": "d", "stop": {}}'; exit; }
echo "$3" >> called
[ "$3" = up ] && echo '{"type": "setenv", "message": "URL=cloud://x"}'
exit 0
"#;
    project.write("provide.sh", script);
    let made = std::process::Command::new("chmod").arg("+x").arg(project.folder().join("provide.sh")).status();
    assert!(made.unwrap().success());
    let called = || std::fs::read_to_string(project.folder().join("called")).unwrap_or_default();
    let trusting = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("DEVUP_TRUST", "1");
        Ran::of(command)
    };
    let ran = trusting(&["run", "-q", "--rm", "-T", "a", "sh", "-c", "echo $DB_URL"]).expect(0);
    assert_eq!(ran.out, "cloud://x\n");
    assert_eq!(called(), "up\n");
    trusting(&["stop"]).expect(0);
    assert_eq!(called(), "up\nstop\n");
    trusting(&["stop", "b"]).expect(0);
    assert_eq!(called(), "up\nstop\n", "it provides another service");
    trusting(&["down"]).expect(0);
    assert_eq!(called(), "up\nstop\ndown\n");
}
