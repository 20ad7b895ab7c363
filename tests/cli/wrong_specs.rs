//! Wrong specs and the whole screen that each gets. Every message has its place and its remedy.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::environment::{Ran, TestEnvironment};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wrong");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// `devup config` in that folder: refused, without an answer.
fn refused(env: &TestEnvironment, folder: &Path, options: &[&str]) -> Ran {
    let mut command = env.command(&[options, &["config"]].concat());
    let ran = env.finish(command.current_dir(folder));
    assert_eq!(ran.code, Some(1), "{}: {}", folder.display(), ran.screen());
    assert_eq!(ran.stdout, "", "{}", folder.display());
    ran
}

/// The screen of one finding: its message, and all up to the next.
fn part<'a>(screen: &'a str, message: &str) -> Option<&'a str> {
    let from = screen.find(&format!("error: {message}\n"))?;
    let rest = &screen[from..];
    Some(rest.find("\n\n").map_or(rest, |end| &rest[..end]))
}

#[test]
fn every_message_has_place_and_remedy() {
    let env = TestEnvironment::new();
    let all = fixtures();
    assert!(all.len() >= 40, "{}", all.len());
    let mut lacking = Vec::new();
    for folder in all {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let screen = refused(&env, &folder, &[]).stderr;
        let data: Value = serde_json::from_str(&refused(&env, &folder, &["--json"]).stderr).unwrap();
        let findings = data["error"]["findings"].as_array().unwrap();
        assert!(!findings.is_empty(), "{name}");
        for finding in findings {
            let [message, help] = ["message", "help"].map(|key| finding[key].as_str().unwrap());
            let part = part(&screen, message).unwrap_or_else(|| panic!("{name}: {message} is not in {screen}"));
            let place =
                finding["path"].as_str().map(|path| format!("{path}:{}:{}", finding["line"], finding["column"]));
            if !place.is_some_and(|place| part.contains(&format!("--> {place}\n"))) || !part.contains(" | ") {
                lacking.push(format!("{name}: no place: {message}"));
            }
            if help.trim().is_empty() || !part.contains(&format!("\n  help: {help}")) {
                lacking.push(format!("{name}: no remedy: {message}"));
            }
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn whole_screens() {
    let env = TestEnvironment::new();
    for folder in fixtures() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let screen = refused(&env, &folder, &[]).stderr.replace(&*folder.to_string_lossy(), "[FOLDER]");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots/wrong");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, screen));
    }
}
