//! Walks an environment along the table of trust and lists what it asks of the host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::{Image, Network, Volume};

use super::boundary::{Boundary, Reach};
use super::capability::{Capability, Kind, Place, Survey};
use super::check::{self, Site};
use super::table::{self, Row, Rule};

/// Names on the engine that are not this project's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Volumes.
    pub volumes: BTreeSet<String>,
    /// Networks.
    pub networks: BTreeSet<String>,
    /// Images.
    pub images: BTreeSet<String>,
}

impl Neighbours {
    /// Of what an engine has, that which does not carry the project's label. Images that were built here without any
    /// label count as the project's own; those of registries and of other projects do not.
    pub fn of<'o>(
        project: &str,
        volumes: impl IntoIterator<Item = &'o Volume>,
        networks: impl IntoIterator<Item = &'o Network>,
        images: impl IntoIterator<Item = &'o Image>,
    ) -> Self {
        let foreign_image = |image: &&Image| match owner(&image.labels) {
            Some(other) => other != project,
            None => !image.digests.is_empty(),
        };
        let volumes = volumes.into_iter().filter(|volume| owner(&volume.labels) != Some(project));
        let networks = networks.into_iter().filter(|network| owner(&network.labels) != Some(project));
        Self {
            volumes: volumes.map(|volume| volume.name.clone()).collect(),
            networks: networks.map(|network| network.name.clone()).collect(),
            images: images.into_iter().filter(foreign_image).flat_map(|image| image.tags.clone()).collect(),
        }
    }
}

fn owner(labels: &IndexMap<String, String>) -> Option<&str> {
    labels.get(labels::PROJECT).map(String::as_str)
}

/// What is known of a project and its surroundings.
pub struct World<'a> {
    /// What is wanted.
    pub environment: &'a Environment,
    /// Where the project ends.
    pub boundary: Boundary,
    /// Other names on the engine; `None` where nobody looked: then every written name may be another's.
    pub neighbours: Option<&'a Neighbours>,
    /// Every file that the spec was read from, includes and the like too.
    pub read_files: &'a [PathBuf],
    /// Those of them that the user named (`-f`, `--env-file`).
    pub given_files: &'a [PathBuf],
    /// Where a path of the model (`services.web.ports[0]`) was written.
    pub places: &'a dyn Fn(&str) -> Option<Place>,
}

impl World<'_> {
    /// Where a path of the model was written; the nearest place above it where it has none of its own.
    pub fn place(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = (self.places)(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The spec has this service.
    pub fn has_service(&self, name: &str) -> bool {
        self.environment.services.contains_key(name) || self.environment.disabled.contains_key(name)
    }

    /// Somebody else may mean something by this name. Names made of the project's own are free as long as nobody has
    /// them.
    pub fn is_foreign(&self, name: &str, names: impl Fn(&Neighbours) -> &BTreeSet<String>) -> bool {
        match self.neighbours {
            Some(neighbours) => names(neighbours).contains(name),
            None => {
                let project = self.environment.project_name();
                let own = name
                    .strip_prefix(project)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-', '/', ':']));
                project.is_empty() || !own
            }
        }
    }
}

/// Lists everything that the environment asks of the host.
pub fn survey(world: &World<'_>) -> Survey {
    let mut found = Vec::new();
    let Environment {
        project: _,
        base_name: _,
        instance: _,
        working_dir: _,
        config_files,
        env_files,
        all_resources: _,
        old_names: _,
        services,
        disabled,
        networks,
        volumes,
        secrets,
        configs,
        models,
        tasks,
        up: _,
        backup: _,
        development,
        bindings: _,
    } = world.environment;
    files(world, config_files.iter().chain(env_files), &mut found);
    section(world, "service", "services", services, table::SERVICE, &mut found);
    // those that no profile enables now too: one answer is good for every profile
    section(world, "service", "services", disabled, table::SERVICE, &mut found);
    section(world, "network", "networks", networks, table::NETWORK, &mut found);
    section(world, "volume", "volumes", volumes, table::VOLUME, &mut found);
    section(world, "secret", "secrets", secrets, table::SOURCE, &mut found);
    section(world, "config", "configs", configs, table::SOURCE, &mut found);
    section(world, "model", "models", models, table::MODEL, &mut found);
    let stages = development.iter().flat_map(|development| &development.initialize);
    for (stage, command) in stages.flat_map(|stage| stage.commands.values().map(move |command| (stage, command))) {
        let place = development.as_ref().and_then(|development| development.initialize_at.clone());
        let place = place.map(|(file, line)| Place { file, line });
        found.push(check::stage(world.boundary.root(), &stage.name, command, place));
    }
    section(world, "task", "tasks", tasks, table::TASK, &mut found);
    let mut seen = BTreeSet::new();
    found.retain(|capability| seen.insert(capability.to_string()));
    Survey { capabilities: found }
}

/// Files of the spec itself that lie outside, unless the user named them.
fn files<'p>(world: &World<'p>, own: impl Iterator<Item = &'p PathBuf>, found: &mut Vec<Capability>) {
    let given: BTreeSet<&Path> = world.given_files.iter().map(PathBuf::as_path).collect();
    let all: BTreeSet<&Path> = own.chain(world.read_files).map(PathBuf::as_path).collect();
    for file in all.into_iter().filter(|file| !given.contains(file)) {
        let action = match world.boundary.reach(file) {
            Reach::Inside => continue,
            Reach::Outside(real) => format!("reads {}", real.display()),
            Reach::Nowhere => format!("reads {}, links in a circle", file.display()),
        };
        let kind = Kind::FilesOutside;
        let subject = "the spec".to_owned();
        found.push(Capability { kind, subject, action, place: None, scripts: std::collections::BTreeMap::new() });
    }
}

fn section<T: Serialize>(
    world: &World<'_>,
    noun: &str,
    section: &str,
    entries: &IndexMap<String, T>,
    table: &[Row],
    found: &mut Vec<Capability>,
) {
    for (name, entry) in entries {
        let subject = format!("{noun} {name}");
        let path = format!("{section}.{name}");
        match serde_json::to_value(entry) {
            Ok(Value::Object(map)) => walk(world, &path, &subject, &map, table, found),
            // a model that can't be written down can't be judged either
            _ => found.push(unknown(world, &path, subject, "can't be read by the table of trust".to_owned())),
        }
    }
}

/// Walks one mapping.
pub(super) fn walk(
    world: &World<'_>,
    path: &str,
    subject: &str,
    map: &Map<String, Value>,
    table: &[Row],
    found: &mut Vec<Capability>,
) {
    for (key, value) in map {
        let path = format!("{path}.{key}");
        let Some(row) = table.iter().find(|row| row.key == key) else {
            found.push(unknown(
                world,
                &path,
                subject.to_owned(),
                format!("sets {key}, which the table of trust does not know"),
            ));
            continue;
        };
        if is_nothing(value) {
            continue;
        }
        let mut site = Site { world, path: path.clone(), subject: subject.to_owned(), siblings: map, found };
        match row.rule {
            Rule::Free(_) => {}
            Rule::Host(kind, action) => site.report(kind, detailed(key, action, value, map)),
            Rule::Checked(_, check) => check(&mut site, value),
            Rule::Inner(table) => match value.as_object() {
                Some(inner) => walk(world, &path, subject, inner, table, found),
                None => site.report(Kind::Unknown, format!("sets {key} to {value}")),
            },
            Rule::Each(table) => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    if let Some(item) = item.as_object() {
                        walk(world, &format!("{path}[{number}]"), subject, item, table, found);
                    }
                }
            }
        }
    }
}

/// The sentence with the value in it, so that another value is another capability. Nothing devup resolves is secret
/// here: secrets are references.
fn detailed(key: &str, action: &str, value: &Value, map: &Map<String, Value>) -> String {
    match (key, value) {
        ("external", _) => {
            let name = map.get("name").and_then(Value::as_str).unwrap_or("?");
            format!("{action}: {name}")
        }
        (_, Value::Bool(_)) => action.to_owned(),
        (_, Value::String(text)) => format!("{action}: {text}"),
        _ => format!("{action}: {value}"),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn unknown(world: &World<'_>, path: &str, subject: String, action: String) -> Capability {
    Capability {
        kind: Kind::Unknown,
        subject,
        action,
        place: world.place(path),
        scripts: std::collections::BTreeMap::new(),
    }
}
