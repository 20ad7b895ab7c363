//! What holds for every command: help, versions, wrong command lines, completions, manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::environment::TestEnvironment;

/// Feeds a program with text; its exit code and what it said.
fn feed(program: &str, arguments: &[&str], text: &str) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn version_in_every_form() {
    let env = TestEnvironment::new();
    assert_eq!(env.run(&["--version"]).stdout, "devup [VERSION]\n");
    assert_eq!(env.run(&["version"]).stdout, "devup version [VERSION]\n");
    assert_eq!(env.run(&["version", "--short"]).stdout, "[VERSION]\n");
    assert_eq!(env.run(&["version", "--format", "json"]).stdout, "{\"version\":\"[VERSION]\"}\n");
    assert_eq!(env.run(&["--json", "version"]).stdout, "{\"version\":\"[VERSION]\"}\n");
}

#[test]
fn a_misspelt_command_gets_a_proposal() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["verison"]).screen(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no command `verison`
      help: did you mean `devup version`?
    ");
}

#[test]
fn a_folder_of_that_name_is_offered_with_a_dot() {
    let env = TestEnvironment::new();
    env.file("shop/devup.yaml", "services: {}\n");
    insta::assert_snapshot!(env.run(&["shop"]).screen(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no command `shop`
      help: did you mean `devup sh` or `devup stop`?
            to clone the folder shop, write ./shop
    ");
}

#[test]
fn a_wrong_option_is_a_usage_error() {
    let env = TestEnvironment::new();
    let ran = env.run(&["version", "--shrot"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--short"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn completions_are_scripts_that_their_shells_can_read() {
    let env = TestEnvironment::new();
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"][..]), ("fish", &["--no-execute"][..])] {
        let script = env.run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        assert!(script.stdout.contains("completions") && script.stdout.contains("version"), "{shell}");
        match feed(shell, check, &script.stdout) {
            Some((good, said)) => assert!(good, "{shell}: {said}"),
            None => eprintln!("skipped: {shell} is not installed"),
        }
    }
}

#[test]
fn every_manual_page_is_read_without_complaint() {
    let env = TestEnvironment::new();
    for page in [&["man"][..], &["man", "version"], &["man", "completions"]] {
        let ran = env.run(page);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout.contains(".SH SYNOPSIS"), "{page:?}");
        match feed("groff", &["-man", "-Tutf8", "-ww", "-z"], &ran.stdout) {
            Some((good, said)) => assert!(good && said.is_empty(), "{page:?}: {said}"),
            None => eprintln!("skipped: groff is not installed"),
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let env = TestEnvironment::new();
    let mut child = env.command(&["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
