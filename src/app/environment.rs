//! From the canonical spec to the nouns that everything else works with.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::error::{AppError, Result};
use crate::model::environment::Environment;
use crate::model::service::Service;
use crate::spec::load::Loaded;

/// What a loaded spec wants. Names are those of the project itself; an instance's come later.
pub fn of(loaded: &Loaded) -> Result<Environment> {
    let mut spec = loaded.canonical();
    let mut disabled: IndexMap<String, Service> = IndexMap::new();
    for (name, entry) in &loaded.disabled {
        disabled.insert(name.clone(), typed(&format!("services.{name}"), entry.node.to_json())?);
    }
    Ok(Environment {
        project: Some(loaded.project.clone()),
        base_name: loaded.project.to_string(),
        instance: None,
        working_dir: loaded.working_dir.clone(),
        config_files: loaded.config_files.clone(),
        env_files: loaded.env_files.clone(),
        services: section(&mut spec, "services")?,
        disabled,
        networks: section(&mut spec, "networks")?,
        volumes: section(&mut spec, "volumes")?,
        secrets: section(&mut spec, "secrets")?,
        configs: section(&mut spec, "configs")?,
        tasks: section(&mut spec, "tasks")?,
        up: match spec.get_mut("up").map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => typed("up", list)?,
        },
        bindings: IndexMap::new(),
    })
}

fn section<T: DeserializeOwned>(spec: &mut Value, name: &str) -> Result<IndexMap<String, T>> {
    let Some(Value::Object(entries)) = spec.get_mut(name).map(Value::take) else { return Ok(IndexMap::new()) };
    entries.into_iter().map(|(key, value)| Ok((key.clone(), typed(&format!("{name}.{key}"), value)?))).collect()
}

/// The loader has checked kinds and values before: what does not fit here is a gap between it and the model.
fn typed<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        AppError::failed(format!("{path}: {error}"))
            .help("devup itself is wrong here: please report it with this part of the spec")
    })
}
