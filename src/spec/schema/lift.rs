//! `x-devup`: devup's keys in a file that Compose reads as well. They are moved to where they stand in a `devup.yaml`,
//! so that every later phase knows one form only.
//!
//! Under `x-devup` devup's word replaces Compose's: a service's `env` takes the place of `image` and `build`, a secret's
//! `keyring`, `command` or `environment` takes the place of its `file`.

use super::super::error::{Fault, Problem, SpecError};
use super::super::node::{Entry, Map, Node, Value};
use super::check;
use super::devup::{X_SECRET, X_SERVICE, X_SPEC};
use super::shape::Shape;

/// Where a value may come from: giving one under `x-devup` replaces the others.
const SECRET_SOURCES: [&str; 7] = ["file", "environment", "external", "keyring", "command", "content", "prompt"];

/// Moves what stands under `x-devup` (of the spec, its services and its secrets) to its place. Call it on each file
/// before merging. A spec that was written for a later devup is refused right here. A key that is given in both places is an error; what is no mapping is left to the checks.
pub fn lift(root: &mut Node) -> Result<(), SpecError> {
    // what a later devup wrote may look like anything: no other answer would help
    if let Some(error) = SpecError::collect(super::versions::too_new(root)) {
        return Err(error);
    }
    let mut problems = Vec::new();
    if let Some(mut entry) = take(root, &X_SPEC, "x-devup", &mut problems) {
        for (section, replaced) in [("services", &["image", "build"][..]), ("secrets", &SECRET_SOURCES[..])] {
            if let Some(named) = entry.node.take(section) {
                spread(root, section, replaced, named, &mut problems);
            }
        }
        merge_into(root, entry, &mut problems);
    }
    for (section, replaced) in [("services", &["image", "build"][..]), ("secrets", &SECRET_SOURCES[..])] {
        let shape = if section == "services" { &X_SERVICE } else { &X_SECRET };
        for (name, holder) in root.entries_mut(section) {
            let path = format!("{section}.{name}.x-devup");
            if let Some(entry) = take(&mut holder.node, shape, &path, &mut problems) {
                replace(&mut holder.node, &entry, replaced);
                merge_into(&mut holder.node, entry, &mut problems);
            }
        }
    }
    SpecError::collect(problems).map_or(Ok(()), Err)
}

/// Takes `x-devup` out, if it is a mapping. Once lifted, a key that is none of devup's would pass for one of Compose's.
fn take(node: &mut Node, shape: &'static Shape, path: &str, problems: &mut Vec<Problem>) -> Option<Entry> {
    node.get("x-devup")?.as_map()?;
    let entry = node.take("x-devup")?;
    problems.extend(check::unknown_keys(shape, &entry.node, path));
    Some(entry)
}

/// `x-devup.services.NAME` goes into `services.NAME`.
fn spread(root: &mut Node, section: &'static str, replaced: &[&str], named: Entry, problems: &mut Vec<Problem>) {
    let Value::Map(named) = named.node.value else { return };
    for (name, entry) in named {
        if let Some(holder) = root.get_mut(section).and_then(|holders| holders.get_mut(&name)) {
            replace(holder, &entry, replaced);
            merge_into(holder, entry, problems);
        } else {
            let kind = section.strip_suffix('s').unwrap_or(section);
            let fault = Fault::UnknownName { path: format!("x-devup.{section}"), kind, name };
            problems.push(Problem::new(fault, &entry.key_at));
        }
    }
}

/// Drops the keys that what comes from `x-devup` takes the place of.
fn replace(holder: &mut Node, entry: &Entry, replaced: &[&str]) {
    let Some(given) = entry.node.as_map() else { return };
    let takes_over = given.contains_key("env") || SECRET_SOURCES.iter().any(|source| given.contains_key(*source));
    if takes_over {
        for key in replaced {
            holder.take(key);
        }
    }
}

fn merge_into(holder: &mut Node, entry: Entry, problems: &mut Vec<Problem>) {
    if holder.is_null() {
        holder.value = Value::Map(Map::new());
    }
    let (Value::Map(map), Value::Map(lifted)) = (&mut holder.value, entry.node.value) else { return };
    for (key, entry) in lifted {
        if let Some(first) = map.get(&key) {
            let problem = Problem::new(Fault::DuplicateKey { key }, &entry.key_at);
            let problem = problem.also(&first.key_at, "it is also given");
            problems.push(problem.help("keep one: either under `x-devup` or beside it"));
        } else {
            map.insert(key, entry);
        }
    }
}
