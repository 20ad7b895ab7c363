//! What the table can't say: keys that exclude each other, and values that need a source.

use super::super::error::{Fault, Problem};
use super::super::node::{Entry, Node, Value};

/// Keys of one mapping that exclude each other, and secrets that have no source.
pub(super) fn check(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, service) in root.entries("services") {
        let path = format!("services.{name}");
        for other in ["image", "build"] {
            exclusive(&service.node, &path, "env", other, "the building block is the image", &mut problems);
        }
        if let Some(entry) = service.node.as_map().and_then(|map| map.get("backup")) {
            backup(&format!("{path}.backup"), entry, &mut problems);
        }
    }
    for (name, secret) in root.entries("secrets") {
        let path = format!("secrets.{name}");
        one_source(&path, secret, secret_sources(&secret.node), &mut problems);
        generated(&path, secret, &mut problems);
    }
    for (name, config) in root.entries("configs") {
        one_source(&format!("configs.{name}"), config, &["file", "environment", "content"], &mut problems);
    }
    problems
}

/// Keys of a secret of which it has one. A question may stand beside what may have no value yet.
pub(in crate::spec) fn secret_sources(secret: &Node) -> &'static [&'static str] {
    const ALL: &[&str] = &["file", "environment", "keyring", "command", "prompt"];
    let may_be_empty = ["environment", "keyring"].iter().any(|key| secret.get(key).is_some());
    if may_be_empty { &ALL[..ALL.len() - 1] } else { ALL }
}

fn exclusive(node: &Node, path: &str, one: &str, other: &str, why: &str, problems: &mut Vec<Problem>) {
    let Value::Map(map) = &node.value else { return };
    if let (Some(first), Some(second)) = (map.get(one), map.get(other)) {
        let reason = format!("can't have both `{one}` and `{other}`");
        let problem = Problem::new(Fault::Contradiction { path: path.to_owned(), reason }, &second.key_at);
        problems.push(problem.also(&first.key_at, format!("`{one}` is given")).help(format!("keep one: {why}")));
    }
}

/// A database of `SQLite` is a file, which only the spec can name; nothing else is one.
fn backup(path: &str, entry: &Entry, problems: &mut Vec<Problem>) {
    let node = &entry.node;
    let kind = if node.as_map().is_some() { node.get("kind") } else { Some(node) }.and_then(Node::as_str);
    exclusive(node, path, "kind", "command", "the commands say what kind it is", problems);
    let map = node.as_map();
    let file = map.and_then(|map| map.get("path"));
    let (reason, at, help) = match (kind, file) {
        (Some("sqlite"), None) => {
            let help = "write `backup: { kind: sqlite, path: /data/app.db }`";
            ("has the kind sqlite, but no `path` of the database", &node.at, help)
        }
        (Some(kind), Some(file)) if kind != "sqlite" && !kind.contains('$') => {
            ("has `path`, but its kind is not sqlite", &file.key_at, "write `kind: sqlite`, or remove `path`")
        }
        (None, Some(file)) => ("has `path`, but no kind", &file.key_at, "add `kind: sqlite`"),
        _ => return,
    };
    let fault = Fault::Contradiction { path: path.to_owned(), reason: reason.to_owned() };
    problems.push(Problem::new(fault, at).help(help));
}

/// A secret or config has exactly one source, unless somebody else keeps it.
fn one_source(path: &str, entry: &Entry, sources: &[&str], problems: &mut Vec<Problem>) {
    let Value::Map(map) = &entry.node.value else { return };
    let given: Vec<_> = sources.iter().filter_map(|source| map.get_key_value(*source)).collect();
    match given.as_slice() {
        [] if ["external", "driver"].iter().any(|other| map.contains_key(*other)) => {}
        [] => {
            let reason = "has no source for its value".to_owned();
            let problem = Problem::new(Fault::Contradiction { path: path.to_owned(), reason }, &entry.key_at);
            problems.push(problem.help(format!("add one of {}", sources.join(", "))));
        }
        [_] => {}
        [(one, first), (other, second), ..] => {
            let reason = format!("can't have both `{one}` and `{other}`");
            let problem = Problem::new(Fault::Contradiction { path: path.to_owned(), reason }, &second.key_at);
            let problem = problem.also(&first.key_at, format!("`{one}` is given"));
            problems.push(problem.help("keep one source for the value"));
        }
    }
}

fn generated(path: &str, secret: &Entry, problems: &mut Vec<Problem>) {
    let Value::Map(map) = &secret.node.value else { return };
    if let Some(entry) = map.get("generate").filter(|_| !map.contains_key("keyring")) {
        let reason = "has `generate`, but no `keyring` to keep the value in".to_owned();
        let problem = Problem::new(Fault::Contradiction { path: path.to_owned(), reason }, &entry.key_at);
        problems.push(problem.help("add `keyring: NAME`"));
    }
}
