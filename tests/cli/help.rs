//! The help of every command: whole screens, each with an example.

use crate::commands;
use crate::environment::TestEnvironment;

/// The shared options are shown once, with the program itself.
const SHARED: &str = "Global options:\n";

/// A screen of help without the shared options, and those.
fn apart(screen: &str) -> (String, Vec<&str>) {
    let (before, rest) = screen.split_once(SHARED).unwrap_or_else(|| panic!("no shared options: {screen}"));
    // the section ends where something stands at the beginning of a line again
    let shared: Vec<&str> = rest.split_inclusive('\n').take_while(|line| line.starts_with([' ', '\n'])).collect();
    let after = &rest[shared.iter().map(|line| line.len()).sum()..];
    (format!("{before}{SHARED}  […]\n\n{after}"), shared)
}

#[test]
fn every_command_explains_itself() {
    let env = TestEnvironment::new();
    let root = env.run(&["--help"]).stdout;
    for command in commands::all(&env) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = env.run(&[words.as_slice(), &["--help"]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
        let screen = if words.is_empty() {
            root.clone()
        } else {
            let (screen, shared) = apart(&ran.stdout);
            for line in shared {
                assert!(root.contains(line), "{words:?}: not as in `devup --help`: {line}");
            }
            screen
        };
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots/help");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = [&["devup"], words.as_slice()].concat().join("-");
        settings.bind(|| insta::assert_snapshot!(name, screen));
    }
}

#[test]
fn every_command_has_an_example_that_begins_with_the_program() {
    let env = TestEnvironment::new();
    let all = commands::all(&env);
    assert!(all.len() > 40 && all.contains(&vec!["secret".to_owned(), "set".to_owned()]), "{all:?}");
    let mut lacking = Vec::new();
    for command in all {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let screen = env.run(&[words.as_slice(), &["--help"]].concat()).stdout;
        let example = format!("devup{}", words.iter().map(|word| format!(" {word}")).collect::<String>());
        let examples = screen.split_once("\nExamples:\n").map(|(_, examples)| examples).unwrap_or_default();
        if !examples.contains(&example) {
            lacking.push(example);
        }
    }
    assert!(lacking.is_empty(), "without an example: {lacking:#?}");
}

#[test]
fn each_snapshot_belongs_to_a_command() {
    let env = TestEnvironment::new();
    let mut known: Vec<String> = commands::all(&env)
        .into_iter()
        .map(|command| format!("{}.snap", [vec!["devup".to_owned()], command].concat().join("-")))
        .collect();
    known.sort();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/help");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, known);
}
