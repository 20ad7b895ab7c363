//! Phase 5: short forms → long forms, so that every later phase knows one spelling of each attribute. Applied twice, it changes nothing.

mod mounts;
mod service;

use super::error::{Fault, Problem, SpecError};
use super::node::{Entry, Node, Value};
use super::path::{below, show};

/// How many ports the ranges of one load may expand to.
const MAX_PORTS: usize = 20_000;

/// Rewrites the whole spec into long forms.
pub fn canonicalise(spec: &mut Node) -> Result<(), SpecError> {
    let mut ports_left = MAX_PORTS;
    for (name, entry) in spec.entries_mut("services") {
        service::canonicalise(&mut entry.node, &["services", name], &mut ports_left)?;
    }
    for kind in ["networks", "volumes", "secrets", "configs"] {
        for (name, entry) in spec.entries_mut(kind) {
            external(&mut entry.node, &[kind, name])?;
        }
    }
    Ok(())
}

/// `external: {name: X}` of old files → `external: true` and `name: X`.
fn external(resource: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let Some(old) = resource.get("external").filter(|node| node.as_map().is_some()).cloned() else { return Ok(()) };
    if let Some(old_name) = old.get("name") {
        if let Some(name) = resource.get("name").filter(|name| name.value != old_name.value) {
            let reason = "gives two names: `name` and `external.name`".to_owned();
            return Err(Problem::new(Fault::Contradiction { path: show(path), reason }, &name.at)
                .also(&old_name.at, "the other name")
                .help("keep `name` and write `external: true`")
                .into());
        }
        resource.set("name", old_name.clone());
    }
    resource.set("external", Node::new(Value::Bool(true), old.at));
    Ok(())
}

/// Applies `change` to the value under `key`, if there is one.
fn with(node: &mut Node, key: &str, path: &[&str], change: Change) -> Result<(), SpecError> {
    match node.get_mut(key) {
        Some(value) if !value.is_null() => change(value, &below(path, key)),
        _ => Ok(()),
    }
}

type Change = fn(&mut Node, &[&str]) -> Result<(), SpecError>;

/// A string becomes a list of one.
#[expect(clippy::unnecessary_wraps, reason = "one of the changes that `with` applies")]
fn one_to_list(node: &mut Node, _: &[&str]) -> Result<(), SpecError> {
    if matches!(node.value, Value::Seq(_) | Value::Map(_) | Value::Null) {
        return Ok(());
    }
    let at = node.at.clone();
    let item = std::mem::replace(node, Node::new(Value::Null, at));
    node.value = Value::Seq(vec![item]);
    Ok(())
}

/// `[KEY=value]` becomes a mapping; each entry needs its `=`.
fn pairs(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let Value::Seq(items) = &node.value else { return Ok(()) };
    let mut map = super::node::Map::new();
    for item in items {
        let text = item.value.text().unwrap_or_default();
        let Some((key, value)) = text.split_once('=') else {
            return Err(bad(item, path, "it has to be `name=value`"));
        };
        map.insert(key.to_owned(), Entry { key_at: item.at.clone(), node: Node::string(value, item.at.clone()) });
    }
    node.value = Value::Map(map);
    Ok(())
}

/// The value is of the right kind but cannot be read.
fn bad(node: &Node, path: &[&str], reason: impl Into<String>) -> SpecError {
    let value = node.value.text().unwrap_or_else(|| node.value.kind().to_owned());
    SpecError::new(Fault::BadValue { path: show(path), value, reason: reason.into() }, &node.at)
}

/// The value is of a wrong kind.
fn wrong(node: &Node, path: &[&str], expected: &str) -> SpecError {
    let fault = Fault::WrongType { path: show(path), expected: expected.into(), found: node.value.kind().into() };
    SpecError::new(fault, &node.at)
}

#[cfg(test)]
mod tests;
