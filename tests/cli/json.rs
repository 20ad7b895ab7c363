//! `--json` everywhere: what reports, reports as JSON, and what fails, fails as JSON. Those answers that need an engine
//! are judged end to end, in `tests/e2e/reports.rs`.

use serde_json::Value;

use crate::commands;
use crate::environment::TestEnvironment;

const SPEC: &str = "\
devup: 1
services:
  web: { image: shop/web, build: ., command: [sleep, infinity], develop: { watch: [{ path: ., action: rebuild }] } }
secrets: { key: { keyring: key } }
tasks: { words: { service: web, run: printf } }
";

/// What a command does under `--json` where there is no engine.
enum Kind {
    /// Answers, with this exit code.
    Answers(i32),
    /// Needs an engine; the failure is JSON.
    Needs,
    /// Lacks something else; the failure is JSON.
    Fails,
    /// Prints what is in a format of its own.
    Own,
}
use Kind::{Answers, Fails, Needs, Own};

/// Each command with arguments that make it report, if it can.
const COMMANDS: &[(&str, &[&str], Kind)] = &[
    ("up", &[], Needs),
    ("plan", &[], Needs),
    ("down", &[], Needs),
    ("destroy", &["--yes"], Needs),
    ("rebuild", &[], Needs),
    ("create", &[], Needs),
    ("scale", &["web=2"], Needs),
    ("build", &[], Needs),
    ("pull", &[], Needs),
    ("push", &["--dry-run"], Answers(20)),
    ("ps", &[], Needs),
    ("status", &[], Needs),
    ("logs", &[], Needs),
    ("stop", &[], Needs),
    ("start", &[], Needs),
    ("restart", &[], Needs),
    ("pause", &[], Needs),
    ("unpause", &[], Needs),
    ("kill", &[], Needs),
    ("rm", &["--force"], Needs),
    ("run", &["web"], Needs),
    ("exec", &["web", "true"], Needs),
    ("attach", &["web"], Needs),
    ("shell", &["web"], Needs),
    ("task", &["--list"], Answers(0)),
    ("cp", &["web:/a", "b"], Needs),
    ("commit", &["web"], Needs),
    ("export", &["web"], Needs),
    ("top", &[], Needs),
    ("stats", &[], Needs),
    ("events", &[], Needs),
    ("port", &["web", "80"], Needs),
    ("images", &[], Needs),
    ("volumes", &[], Needs),
    ("ls", &[], Needs),
    ("watch", &[], Needs),
    ("wait", &["web"], Needs),
    ("config", &[], Answers(0)),
    ("schema", &[], Answers(0)),
    // a script of the shell
    ("completions", &["bash"], Own),
    ("doctor", &[], Answers(1)),
    ("ports", &[], Answers(0)),
    ("projects", &[], Answers(0)),
    ("secret", &["list"], Answers(0)),
    ("backup", &["repos"], Answers(0)),
    ("data", &["list"], Fails),
    ("restore", &["shop", "--into", "back"], Fails),
    ("trust", &["--show"], Answers(4)),
    ("uninstall", &["--dry-run"], Answers(0)),
    ("wipe", &["--check", "--offline"], Answers(0)),
    ("init", &["--list"], Answers(0)),
    // a page in the language of manual pages
    ("man", &[], Own),
    ("version", &[], Answers(0)),
];

fn project() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("devup.yaml", SPEC).file("Dockerfile", "FROM scratch\n");
    env
}

#[test]
fn a_wrong_command_line_is_json_too() {
    let env = project();
    for line in [&["ps", "--json", "--servces"][..], &["--json", "--parallel", "many"], &["secret", "set", "--json"]] {
        let ran = env.run(line);
        assert_eq!(ran.code, Some(2), "{line:?}");
        let error: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|_| panic!("{line:?}: {}", ran.screen()));
        assert!(error["error"]["message"].is_string() && error["error"]["help"].is_string(), "{line:?}: {error}");
        assert_eq!(ran.stdout, "", "{line:?}");
    }
}

#[test]
fn every_command_is_known_here() {
    let known: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(commands::listed(&TestEnvironment::new(), &[]), known);
}

#[test]
fn every_command_takes_it_and_answers_in_json() {
    let env = project();
    for (name, arguments, kind) in COMMANDS {
        let ran = env.run(&[&["--json", name][..], arguments].concat());
        let code = match kind {
            Answers(code) => *code,
            Needs => 3,
            Fails => 1,
            Own => 0,
        };
        assert_eq!(ran.code, Some(code), "{name}: {}", ran.screen());
        match kind {
            Answers(_) => drop(serde_json::from_str::<Value>(&ran.stdout).unwrap_or_else(|error| {
                panic!("{name}: {error}: {}", ran.screen());
            })),
            Fails => {
                assert_eq!(ran.stdout, "", "{name}");
                let error: Value =
                    serde_json::from_str(&ran.stderr).unwrap_or_else(|_| panic!("{name}: {}", ran.stderr));
                assert!(error["error"]["message"].is_string() && error["error"]["help"].is_string(), "{name}: {error}");
            }
            Needs => {
                assert_eq!(ran.stdout, "", "{name}");
                let last = ran.stderr.lines().last().unwrap_or_default();
                let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{name}: {}", ran.stderr));
                assert!(
                    error["error"]["message"].as_str().is_some_and(|text| text.contains("[ROOT]")),
                    "{name}: {last}"
                );
                assert!(
                    error["error"]["help"].as_str().is_some_and(|text| text.contains("devup doctor")),
                    "{name}: {last}"
                );
            }
            Own => {}
        }
    }
}

#[test]
fn it_may_stand_behind_the_command() {
    let env = project();
    for command in [&["config"][..], &["version"], &["secret", "list"], &["task", "--list"], &["ports"]] {
        let before = env.run(&[&["--json"], command].concat());
        let after = env.run(&[command, &["--json"]].concat());
        assert_eq!(before.stdout, after.stdout, "{command:?}");
        assert!(serde_json::from_str::<Value>(&after.stdout).is_ok(), "{command:?}: {}", after.screen());
    }
    // what is free changes between two looks, what is looked at does not
    let names = |arguments: &[&str]| {
        let report: Value = serde_json::from_str(&env.run(arguments).stdout).unwrap();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().map(|check| check["name"].clone()).collect::<Vec<_>>()
    };
    assert!(names(&["--json", "doctor"]).len() > 5);
    assert_eq!(names(&["--json", "doctor"]), names(&["doctor", "--json"]));
}

#[test]
fn format_is_composes_word_for_it() {
    let env = project();
    for (command, same) in [("config", true), ("version", true)] {
        let formatted = env.run(&[command, "--format", "json"]);
        assert_eq!(formatted.stdout == env.run(&["--json", command]).stdout, same, "{command}");
    }
    for command in ["ps", "images", "volumes", "ls", "stats"] {
        let ran = env.run(&[command, "--format", "json"]);
        assert_eq!(ran.code, Some(3), "{command} takes it and goes on to the engine: {}", ran.screen());
    }
}

#[test]
fn the_lists_of_config_are_json_too() {
    let env = project();
    let list = |arguments: &[&str]| -> Value {
        let ran = env.run(&[&["--json", "config"][..], arguments].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ran.screen()))
    };
    assert_eq!(list(&["--services"]), serde_json::json!(["web"]));
    assert_eq!(list(&["--images"]), serde_json::json!(["shop/web"]));
    assert_eq!(list(&["--volumes"]), serde_json::json!([]));
    assert_eq!(list(&["--networks"]), serde_json::json!(["default"]));
    assert_eq!(list(&["--profiles"]), serde_json::json!([]));
    assert_eq!(list(&["--hash", "web"])["web"].as_str().map(str::len), Some(64));
    assert_eq!(list(&["--environment"])["LC_ALL"], "C.UTF-8");
    // Compose's spelling is about the spec alone
    assert_eq!(env.run(&["config", "--format", "json", "--services"]).stdout, "web\n");
}

#[test]
fn a_refusal_is_json_with_its_remedy() {
    let env = project();
    env.file("devup.yaml", "services: {web: {image: x, privileged: true}}\n");
    let ran = env.run(&["trust", "--show", "--json"]);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &shown["allowed"]), (Some(4), &"no".into()));
    let ran = env.run(&["--json", "trust"]);
    let error: Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""));
    assert_eq!(error["error"]["help"], "devup --project-directory [ROOT]/project trust");
}
