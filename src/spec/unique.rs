//! Phase 3b: what a later entry of a list redefines. Each list has its key: a port's address, a mount's target, a variable's name.

use super::error::{Fault, SpecError};
use super::node::{Node, Value};
use super::path::{below, index, show};
use super::volume::parse_mount;

use indexmap::IndexMap;

/// Keeps of each list the last entry of every key, at the place of the first.
pub fn enforce(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    match &mut node.value {
        Value::Map(map) => {
            for (key, entry) in map.iter_mut() {
                enforce(&mut entry.node, &below(path, key))?;
            }
        }
        Value::Seq(items) => {
            if let Some(key_of) = indexer(path) {
                let mut kept: IndexMap<String, Node> = IndexMap::with_capacity(items.len());
                for (number, item) in std::mem::take(items).into_iter().enumerate() {
                    let key = key_of(&item, &below(path, &index(number)))?;
                    kept.insert(key, item);
                }
                *items = kept.into_values().collect();
            }
        }
        _ => {}
    }
    Ok(())
}

type Indexer = fn(&Node, &[&str]) -> Result<String, SpecError>;

#[expect(clippy::match_same_arms, reason = "grouped by where the lists stand")]
fn indexer(path: &[&str]) -> Option<Indexer> {
    Some(match path {
        ["networks", _, "labels"] | ["networks", _, "ipam", "options"] => name,
        [
            "services",
            _,
            "annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "environment" | "labels"
            | "links" | "profiles" | "sysctls" | "tmpfs",
        ]
        | ["services", _, "build", "args" | "additional_contexts" | "tags" | "labels"]
        | ["services", _, "deploy", "labels"]
        | ["services", _, "networks", _, "aliases" | "link_local_ips"] => name,
        ["services", _, "devices"] => device,
        ["services", _, "configs"] => config,
        ["services", _, "secrets"] => secret,
        ["services", _, "env_file"] => env_file,
        ["services", _, "expose"] => whole,
        ["services", _, "ports"] => port,
        ["services", _, "volumes"] => mount,
        _ => return None,
    })
}

fn name(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    let text = whole(node, path)?;
    Ok(text.split_once('=').map_or(text.as_str(), |(key, _)| key).to_owned())
}

fn whole(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    node.value.text().ok_or_else(|| wrong(node, path, "a string"))
}

fn wrong(node: &Node, path: &[&str], expected: &str) -> SpecError {
    let fault = Fault::WrongType { path: show(path), expected: expected.into(), found: node.value.kind().into() };
    SpecError::new(fault, &node.at)
}

fn target(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    node.get("target")
        .and_then(|target| target.value.text())
        .ok_or_else(|| SpecError::new(Fault::MissingKey { path: show(path), key: "target".into() }, &node.at))
}

fn mount(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    match &node.value {
        Value::Map(_) => target(node, path),
        Value::String(text) => parse_mount(text).map(|mount| mount.target).map_err(|reason| {
            SpecError::new(Fault::BadValue { path: show(path), value: text.clone(), reason: reason.into() }, &node.at)
        }),
        _ => Err(wrong(node, path, "a string or a mapping")),
    }
}

fn device(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    if node.as_map().is_some() {
        return target(node, path);
    }
    let text = whole(node, path)?;
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or_default();
    Ok(parts.next().unwrap_or(source).to_owned())
}

fn config(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    file_mount(node, path, "")
}

fn secret(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    file_mount(node, path, "/run/secrets")
}

fn file_mount(node: &Node, path: &[&str], default: &str) -> Result<String, SpecError> {
    if node.as_map().is_none() {
        return Ok(format!("{default}/{}", whole(node, path)?));
    }
    if node.get("target").is_some_and(|target| !target.is_null()) {
        return target(node, path);
    }
    let source = node.get("source").and_then(|source| source.value.text()).unwrap_or_default();
    Ok(format!("{default}/{source}"))
}

fn env_file(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    if node.as_map().is_none() {
        return whole(node, path);
    }
    node.get("path")
        .and_then(|path| path.value.text())
        .ok_or_else(|| SpecError::new(Fault::MissingKey { path: show(path), key: "path".into() }, &node.at))
}

fn port(node: &Node, path: &[&str]) -> Result<String, SpecError> {
    if node.as_map().is_none() {
        return whole(node, path);
    }
    let field = |key: &str, default: &str| {
        node.get(key).and_then(|value| value.value.text()).unwrap_or_else(|| default.to_owned())
    };
    let target = target(node, path)?;
    Ok(format!("{}:{}:{target}/{}", field("host_ip", "0.0.0.0"), field("published", ""), field("protocol", "tcp")))
}
