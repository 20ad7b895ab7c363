//! `projects`: everything that devup, or Compose, has on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::labels;
use crate::model::observed::Container;
use crate::state::store::State;

use super::error::Result;

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name, an instance's suffix included.
    pub name: String,
    /// Which copy, where it is one.
    pub instance: Option<String>,
    /// Containers that run.
    pub running: usize,
    /// Containers in all.
    pub containers: usize,
    /// Its folder; `None` where neither the registry nor a label knows.
    pub path: Option<PathBuf>,
    /// The folder is still there.
    pub exists: bool,
    /// When devup last worked on it; `None` for projects that it never did.
    pub last_used: Option<Timestamp>,
}

/// Projects of the registry and of the engine, by name. Without an engine (`None`) the registry's alone.
pub fn list(state: &State, everyone: Option<&[Container]>) -> Result<Vec<Line>> {
    let registry = state.registry()?;
    let mut by_project: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in everyone.unwrap_or_default().iter().filter(|container| !container.oneoff()) {
        let project = container.label(labels::PROJECT);
        if !project.is_empty() {
            by_project.entry(project).or_default().push(container);
        }
    }
    let names: BTreeSet<&str> =
        registry.entries().map(|entry| entry.name.as_str()).chain(by_project.keys().copied()).collect();
    let line = |name: &str| {
        let entry = registry.get(name);
        let containers = by_project.get(name).map(Vec::as_slice).unwrap_or_default();
        let labelled = || containers.first().map(|container| container.label(labels::WORKING_DIR));
        let path = entry
            .map(|entry| entry.path.clone())
            .or_else(|| labelled().filter(|path| !path.is_empty()).map(PathBuf::from));
        Line {
            name: name.to_owned(),
            instance: entry.and_then(|entry| entry.instance.as_ref()).map(|instance| instance.0.clone()),
            running: containers.iter().filter(|container| container.is_up()).count(),
            containers: containers.len(),
            exists: path.as_ref().is_some_and(|path| path.is_dir()),
            path,
            last_used: entry.map(|entry| entry.last_used),
        }
    };
    Ok(names.into_iter().map(line).collect())
}
