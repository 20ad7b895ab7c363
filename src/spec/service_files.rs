//! Phase 9: `env_file` and `label_file`: what these files say becomes part of the service's own variables and labels.

use std::path::{Path, PathBuf};

use super::dotenv::{self, Variables};
use super::error::{Fault, SpecError};
use super::model::Context;
use super::node::{At, Entry, Map, Node, Value};
use super::path::show;

/// Reads the files of all services. `dir` is where relative paths begin.
pub fn read(spec: &mut Node, context: &Context<'_>, dir: &Path, environment: &Variables) -> Result<(), SpecError> {
    for (name, entry) in spec.entries_mut("services") {
        let service = &mut entry.node;
        if let Some(files) = service.take("env_file") {
            let variables = variables(service, &files.node, name, context, dir, environment)?;
            fill(service, "environment", variables);
        }
        if let Some(files) = service.take("label_file") {
            let labels = labels(&files.node, context, dir)?;
            fill(service, "labels", labels);
        }
    }
    Ok(())
}

/// A value and the place of the file's name.
type Given = Vec<(String, String, At)>;

fn variables(
    service: &Node,
    files: &Node,
    name: &str,
    context: &Context<'_>,
    dir: &Path,
    environment: &Variables,
) -> Result<Given, SpecError> {
    let mut read = Variables::new();
    let mut given = Given::new();
    for file in files.as_seq().into_iter().flatten() {
        let at = file.get("path").map_or(&file.at, |path| &path.at);
        let path = absolute(dir, file.get("path").and_then(Node::as_str).unwrap_or_default());
        let required = file.get("required").and_then(Node::as_bool) != Some(false);
        if !context.files.is_file(&path) {
            if required {
                return Err(missing(context, &path, at));
            }
            continue;
        }
        let own = |key: &str| service.get("environment").and_then(|own| own.get(key)).and_then(Node::as_str);
        let known = |key: &str| {
            environment.get(key).cloned().or_else(|| own(key).map(str::to_owned)).or_else(|| read.get(key).cloned())
        };
        let source = context.source(&path, at)?;
        let said = match file.get("format").and_then(Node::as_str) {
            None | Some("") => {
                let parsed = dotenv::parse(&source, &known)?;
                context.warn(parsed.warnings);
                parsed.variables
            }
            Some("raw") => dotenv::parse_raw(&source, &known)?,
            Some(other) => {
                let path = show(&["services", name, "env_file", "format"]);
                let reason = "the only other format is `raw`".to_owned();
                let fault = Fault::BadValue { path, value: other.to_owned(), reason };
                return Err(SpecError::new(fault, file.get("format").map_or(at, |format| &format.at)));
            }
        };
        given.extend(said.iter().map(|(key, value)| (key.clone(), value.clone(), at.clone())));
        read.extend(said);
    }
    Ok(given)
}

fn labels(files: &Node, context: &Context<'_>, dir: &Path) -> Result<Given, SpecError> {
    let mut read = Variables::new();
    let mut given = Given::new();
    for file in files.as_seq().into_iter().flatten() {
        let path = absolute(dir, file.as_str().unwrap_or_default());
        if !context.files.is_file(&path) {
            return Err(missing(context, &path, &file.at));
        }
        let source = context.source(&path, &file.at)?;
        let parsed = dotenv::parse(&source, &|key| read.get(key).cloned())?;
        context.warn(parsed.warnings);
        given.extend(parsed.variables.iter().map(|(key, value)| (key.clone(), value.clone(), file.at.clone())));
        read.extend(parsed.variables);
    }
    Ok(given)
}

/// Adds what the service does not say itself; later files win over earlier ones.
fn fill(service: &mut Node, key: &str, given: Given) {
    if given.is_empty() {
        return;
    }
    let mut map = Map::new();
    for (name, value, at) in given {
        map.insert(name, Entry { key_at: at.clone(), node: Node::string(value, at) });
    }
    let at = service.at.clone();
    let own = service.take(key);
    let own_at = own.as_ref().map_or_else(|| at, |entry| entry.node.at.clone());
    if let Some(Value::Map(own)) = own.map(|entry| entry.node.value) {
        for (name, entry) in own {
            // a bare variable that nothing outside answers for takes the file's value
            if !entry.node.is_null() || !map.contains_key(&name) {
                map.insert(name, entry);
            }
        }
    }
    service.set(key, Node::new(Value::Map(map), own_at));
}

fn absolute(dir: &Path, path: &str) -> PathBuf {
    dir.join(path)
}

fn missing(context: &Context<'_>, path: &Path, at: &At) -> SpecError {
    let path = context.shown(path).to_owned();
    SpecError::new(Fault::Unreadable { path, reason: "there is no such file".into() }, at)
}
