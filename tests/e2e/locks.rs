//! Every verb that changes a project waits for the devup at work on it, and names it; verbs that only look never wait.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

/// Becomes healthy when the file `go` is in the project's folder.
const SPEC: &str = "services:\n  a:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    volumes: ['.:/workspace']\n    healthcheck: {test: [CMD, ls, /workspace/go], interval: 100ms, retries: 10000}\n";

/// An `up` that has begun, holds the lock, and waits for health.
fn long_up(engine: &Engine, what: &str) -> (Project, Child) {
    let project = Project::new(engine, what, SPEC);
    let first = project.spawn(&["up"]);
    within(Duration::from_secs(30), || (!engine.running(&project.name).is_empty()).then_some(())).expect("a runs");
    (project, first)
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// Reads what it says until it says that it waits; its end without that word fails the test.
#[track_caller]
fn says_whom_it_waits_for(child: &mut Child) -> String {
    let mut all = String::new();
    // borrowed: it must be able to go on speaking
    for line in BufReader::new(child.stderr.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("waiting for devup with pid") {
            return line;
        }
        all.push_str(&line);
        all.push('\n');
    }
    panic!("it did not wait: {:?}\n{all}", child.wait());
}

#[test]
fn verbs_that_change_something_wait_and_name_who_is_at_work() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let (project, first) = long_up(&engine, "locks");
    let before = (engine.ids(&project.name), engine.running(&project.name));
    let verbs: [&[&str]; 14] = [
        &["stop"],
        &["start"],
        &["restart"],
        &["pause"],
        &["unpause"],
        &["kill"],
        &["rm", "-fs"],
        &["scale", "a=2"],
        &["create"],
        &["rebuild"],
        &["run", "--rm", "-T", "a", "true"],
        &["down"],
        &["destroy", "--yes"],
        &["up"],
    ];
    for verb in verbs {
        let mut child = project.spawn(verb);
        let said = says_whom_it_waits_for(&mut child);
        assert!(said.contains(&first.id().to_string()), "{verb:?}: {said}");
        signal(&child, rustix::process::Signal::INT);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{verb:?}: an interrupt ends the waiting");
    }
    assert_eq!((engine.ids(&project.name), engine.running(&project.name)), before, "nothing was touched");
    let looks: [&[&str]; 9] = [
        &["ps"],
        &["logs"],
        &["top"],
        &["images"],
        &["ports"],
        &["projects"],
        &["config"],
        &["stop", "--dry-run"],
        &["down", "--dry-run"],
    ];
    for verb in looks {
        let ran = project.devup(verb);
        assert!(!ran.err.contains("waiting for devup"), "{verb:?}: {}", ran.err);
        assert!(matches!(ran.code, Some(0 | 20)), "{verb:?}: {:?} {}", ran.code, ran.err);
    }
    // a stop asked for meanwhile is done after the `up`
    let mut stop = project.spawn(&["stop"]);
    says_whom_it_waits_for(&mut stop);
    project.write("go", "");
    Ran::from(first.wait_with_output().unwrap()).expect(0);
    assert_eq!(stop.wait().unwrap().code(), Some(0));
    assert!(engine.running(&project.name).is_empty());
}

#[test]
fn the_lock_of_a_dead_devup_is_taken_over_silently() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let (project, mut first) = long_up(&engine, "dead");
    signal(&first, rustix::process::Signal::KILL);
    first.wait().unwrap();
    let ran = project.devup(&["stop"]).expect(0);
    assert!(!ran.err.contains("waiting"), "{}", ran.err);
    assert!(engine.running(&project.name).is_empty());
}
