//! The last phase: the canonical spec → the [`Environment`] that the rest of devup works with.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::error::{Fault, SpecError};
use super::load::Loaded;
use super::node::{At, Entry, Node};
use super::path::show;
use crate::model::backup::Backup;
use crate::model::environment::Environment;

/// The environment that a loaded spec describes. Names are those of the project itself; an instance's come later.
///
/// # Errors
/// Values that the phases before let pass, but that mean nothing to an engine; with their places.
pub fn environment(loaded: &Loaded) -> Result<Environment, SpecError> {
    let spec = &loaded.spec;
    let disabled = loaded.disabled.iter().map(|(name, entry)| noun("services", name, entry));
    Ok(Environment {
        project: Some(loaded.project.clone()),
        base_name: loaded.project.to_string(),
        working_dir: loaded.working_dir.clone(),
        config_files: loaded.config_files.clone(),
        env_files: loaded.env_files.clone(),
        services: nouns(spec, "services")?,
        disabled: disabled.collect::<Result<_, _>>()?,
        networks: nouns(spec, "networks")?,
        volumes: nouns(spec, "volumes")?,
        secrets: nouns(spec, "secrets")?,
        configs: nouns(spec, "configs")?,
        models: nouns(spec, "models")?,
        tasks: nouns(spec, "tasks")?,
        up: texts(spec, "up"),
        backup: backup(spec)?,
        development: loaded.development.clone(),
        ..Environment::default()
    })
}

fn nouns<T: DeserializeOwned>(spec: &Node, kind: &str) -> Result<IndexMap<String, T>, SpecError> {
    spec.entries(kind).map(|(name, entry)| noun(kind, name, entry)).collect()
}

fn noun<T: DeserializeOwned>(kind: &str, name: &str, entry: &Entry) -> Result<(String, T), SpecError> {
    match serde_json::from_value(entry.node.to_json()) {
        Ok(noun) => Ok((name.to_owned(), noun)),
        Err(error) => Err(misfit(kind, name, entry, &error)),
    }
}

/// The model's own word on it; the place is that of the attribute that alone makes it fail, where there is one.
fn misfit(kind: &str, name: &str, entry: &Entry, error: &serde_json::Error) -> SpecError {
    let path = show(&[kind, name]);
    let at: &At = if entry.key_at.source.is_some() { &entry.key_at } else { &entry.node.at };
    SpecError::new(Fault::BadValue { path, value: name.to_owned(), reason: error.to_string() }, at)
}

fn backup(spec: &Node) -> Result<Backup, SpecError> {
    let Some(node) = spec.get("backup") else { return Ok(Backup::default()) };
    let entry = Entry { key_at: node.at.clone(), node: node.clone() };
    noun("the spec", "backup", &entry).map(|(_, backup)| backup)
}

fn texts(spec: &Node, key: &str) -> Vec<String> {
    spec.get(key).and_then(Node::as_seq).into_iter().flatten().filter_map(|item| item.value.text()).collect()
}
