//! The floors of the house: a room uses lower floors only; neighbours on one floor do not use each other.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Floor of each room; the same as in `src/lib.rs` and `docs/ARCHITECTURE.md`.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("model", 1),
    ("spec", 2),
    ("driver", 2),
    ("git", 2),
    ("state", 2),
    ("secret", 2),
    ("backup", 3),
    ("dump", 3),
    ("observe", 3),
    ("plan", 3),
    ("provider", 3),
    ("envs", 3),
    ("feature", 3),
    ("host", 3),
    ("import", 3),
    ("source", 3),
    ("task", 3),
    ("trust", 3),
    ("volume", 3),
    ("watch", 3),
    ("work", 3),
    ("engine", 4),
    ("app", 5),
    ("ui", 6),
    ("cli", 7),
];

/// Lines over which a room has to be split; generated tables are excepted by name.
const LONGEST: usize = 500;

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&root).unwrap().to_path_buf();
            let first = relative.components().next()?.as_os_str().to_str()?.to_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            Some((room, relative, text))
        })
        .collect()
}

/// Names that follow `crate::` in code (comments and their links do not count).
fn rooms_used(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_group = false;
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut rest = code;
        while let Some(at) = rest.find("crate::") {
            rest = &rest[at + "crate::".len()..];
            if rest.starts_with('{') {
                in_group = true;
                continue;
            }
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((number + 1, name));
        }
        assert!(
            !in_group,
            "line {}: write `use crate::room::…` one by one, so that this test can read them",
            number + 1
        );
    }
    found
}

#[test]
fn every_room_has_a_floor() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    for (room, path, _) in sources() {
        if room != "main" && room != "lib" {
            assert!(
                floors.contains_key(room.as_str()),
                "{}: give the room `{room}` a floor in tests/architecture.rs",
                path.display()
            );
        }
    }
}

#[test]
fn rooms_use_lower_floors_only() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        let Some(own) = floors.get(room.as_str()) else { continue };
        for (line, used) in rooms_used(&text) {
            if let Some(other) = floors.get(used.as_str())
                && used != room
                && other >= own
            {
                wrong.push(format!("src/{}:{line}: {room} (floor {own}) uses {used} (floor {other})", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_wiring_names_concrete_drivers() {
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        if room == "driver" || path.ends_with("app/wiring.rs") || path.starts_with("app/wiring") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["driver::moby", "driver::fake", "driver::faulty", "bollard::"].iter().any(|name| code.contains(name))
                && !after_test_marker(&text, number)
            {
                wrong.push(format!("src/{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Unit tests at the foot of a file may use the fakes.
fn after_test_marker(text: &str, line: usize) -> bool {
    text.lines().take(line).any(|l| l.trim() == "#[cfg(test)]")
}

#[test]
fn rooms_have_one_purpose() {
    let mut wrong = Vec::new();
    for (_, path, text) in sources() {
        let lines = text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("src/{}: {lines} lines: would a newcomer find two purposes in it?", path.display()));
        }
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if ["util", "utils", "helper", "helpers", "common", "misc", "manager"].contains(&stem) {
            wrong.push(format!("src/{}: a name that says nothing", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
