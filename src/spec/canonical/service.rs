//! The attributes of one service.

use super::super::error::SpecError;
use super::super::merge::{as_dependencies, as_names};
use super::super::node::{Entry, Map, Node, Value};
use super::super::path::{below, index};
use super::mounts::{device, file_mount, mount, ports};
use super::{bad, one_to_list, pairs, with, wrong};
use crate::model::backup::NONE;

/// Rewrites a service into long forms.
pub fn canonicalise(service: &mut Node, path: &[&str], ports_left: &mut usize) -> Result<(), SpecError> {
    if service.as_map().is_none() {
        return Ok(());
    }
    with(service, "backup", path, backup)?;
    with(service, "build", path, build)?;
    with(service, "depends_on", path, dependencies)?;
    with(service, "extends", path, |node, _| wrap(node, "service"))?;
    with(service, "env_file", path, env_files)?;
    with(service, "gpus", path, gpus)?;
    for names in ["networks", "models"] {
        with(service, names, path, |node, _| names_of(node))?;
    }
    for list in ["label_file", "dns", "dns_search", "tmpfs"] {
        with(service, list, path, one_to_list)?;
    }
    for (list, change) in
        [("volumes", mount as super::Change), ("devices", device), ("secrets", file_mount), ("configs", file_mount)]
    {
        items(service, list, path, change)?;
    }
    if let Some(list) = service.get_mut("ports") {
        ports(list, &below(path, "ports"), ports_left)?;
    }
    develop(service, path)?;
    omit_empty_items(service, "dns");
    Ok(())
}

fn items(service: &mut Node, key: &str, path: &[&str], change: super::Change) -> Result<(), SpecError> {
    let path = below(path, key);
    for (number, item) in service.get_mut(key).and_then(Node::as_seq_mut).into_iter().flatten().enumerate() {
        change(item, &below(&path, &index(number)))?;
    }
    Ok(())
}

fn build(build: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    wrap(build, "context")?;
    for key in ["provenance", "sbom"] {
        if let Some(node) = build.get_mut(key)
            && let Some(text) = node.value.text()
        {
            node.value = Value::String(text);
        }
    }
    with(build, "additional_contexts", path, pairs)?;
    with(build, "ssh", path, ssh)?;
    items(build, "secrets", path, file_mount)
}

/// `postgres` → its kind, `false` → the kind that keeps nothing, `true` → as recognised; text of a command is the shell's.
fn backup(backup: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let at = backup.at.clone();
    let kind = match &backup.value {
        Value::Bool(true) => None,
        Value::Bool(false) => Some(NONE.to_owned()),
        Value::String(kind) => Some(kind.clone()),
        _ => {
            with(backup, "path", path, one_to_list)?;
            return with(backup, "command", path, |commands, path| {
                ["dump", "load", "check"].iter().try_for_each(|which| with(commands, which, path, by_shell))
            });
        }
    };
    *backup = Node::empty_map(at.clone());
    if let Some(kind) = kind {
        backup.set("kind", Node::string(kind, at));
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one of the changes that `with` applies")]
fn by_shell(command: &mut Node, _: &[&str]) -> Result<(), SpecError> {
    if matches!(command.value, Value::String(_)) {
        let words = ["/bin/sh", "-c"].map(|word| Node::string(word, command.at.clone()));
        let text = std::mem::replace(command, Node::new(Value::Null, command.at.clone()));
        command.value = Value::Seq(words.into_iter().chain([text]).collect());
    }
    Ok(())
}

/// `a` → `{key: a}`.
#[expect(clippy::unnecessary_wraps, reason = "one of the changes that `with` applies")]
fn wrap(node: &mut Node, key: &str) -> Result<(), SpecError> {
    if matches!(node.value, Value::String(_)) {
        let mut map = Node::empty_map(node.at.clone());
        map.set(key, node.clone());
        *node = map;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one of the changes that `with` applies")]
fn names_of(node: &mut Node) -> Result<(), SpecError> {
    let at = node.at.clone();
    *node = as_names(std::mem::replace(node, Node::new(Value::Null, at)));
    Ok(())
}

fn dependencies(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let at = node.at.clone();
    *node = as_dependencies(std::mem::replace(node, Node::new(Value::Null, at)));
    let shape = "a list of services or a mapping of them";
    let Some(map) = node.as_map_mut() else { return Err(wrong(node, path, shape)) };
    for (name, entry) in map {
        let dependency = &mut entry.node;
        if dependency.as_map().is_none() {
            return Err(wrong(dependency, &below(path, name), "a mapping with `condition`"));
        }
        let at = dependency.at.clone();
        if dependency.get("condition").is_none() {
            dependency.set("condition", Node::string("service_started", at.clone()));
        }
        if dependency.get("required").is_none() {
            dependency.set("required", Node::new(Value::Bool(true), at));
        }
    }
    Ok(())
}

fn env_files(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    one_to_list(node, path)?;
    for item in node.as_seq_mut().into_iter().flatten() {
        wrap(item, "path")?;
        if item.as_map().is_some() && item.get("required").is_none() {
            let at = item.at.clone();
            item.set("required", Node::new(Value::Bool(true), at));
        }
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one of the changes that `with` applies")]
fn gpus(node: &mut Node, _: &[&str]) -> Result<(), SpecError> {
    if matches!(node.value, Value::String(_)) {
        let mut all = Node::empty_map(node.at.clone());
        all.set("count", Node::string("all", node.at.clone()));
        node.value = Value::Seq(vec![all]);
    }
    Ok(())
}

/// `[default, id=path]` → `{default: null, id: path}`.
fn ssh(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let items = match &node.value {
        Value::Seq(items) => items.clone(),
        Value::String(_) => vec![node.clone()],
        Value::Map(_) => return Ok(()),
        _ => return Err(wrong(node, path, "a list of keys")),
    };
    let mut keys = Map::new();
    for item in items {
        let text = item.value.text().unwrap_or_default();
        let (id, value) = match text.split_once('=') {
            Some((id, file)) => (id, Value::String(file.to_owned())),
            None if text == "default" => ("default", Value::Null),
            None => return Err(bad(&item, path, "it has to be `default` or `id=path`")),
        };
        keys.insert(id.to_owned(), Entry { key_at: item.at.clone(), node: Node::new(value, item.at.clone()) });
    }
    node.value = Value::Map(keys);
    Ok(())
}

fn develop(service: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let Some(rules) = service.get_mut("develop").and_then(|develop| develop.get_mut("watch")) else { return Ok(()) };
    for rule in rules.as_seq_mut().into_iter().flatten() {
        for list in ["ignore", "include"] {
            with(rule, list, path, one_to_list)?;
        }
    }
    Ok(())
}

/// An unset variable in a list (`dns: ${DNS}`) is no entry.
fn omit_empty_items(service: &mut Node, key: &str) {
    if let Some(items) = service.get_mut(key).and_then(Node::as_seq_mut) {
        items.retain(|item| !item.is_null() && item.as_str() != Some(""));
    }
}
