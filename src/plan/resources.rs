//! Networks and volumes of a run: which are there, which are made, which are made anew.

use indexmap::IndexMap;

use super::error::PlanError;
use super::graph::Graph;
use super::hash;
use super::operation::Operation;
use super::options::{Inputs, Options};
use super::step::{Cause, Risk, StepId};
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::{self, Observed};
use crate::model::resource::{Network, Volume};

/// What happens to a network or volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is there, or somebody else's business.
    Stays,
    /// It is made.
    Missing,
    /// It is removed and made anew. Holds the engine's id of the present one.
    Replaced(String),
}

/// A resource of the run.
#[derive(Debug)]
pub(super) struct Resource<'a, T> {
    /// Key in the spec.
    pub(super) key: &'a str,
    /// As the spec has it.
    pub(super) wanted: &'a T,
    /// Hash of what there will be after the run.
    pub(super) hash: String,
    /// What happens to it.
    pub(super) standing: Standing,
}

/// By the engine's name.
pub(super) type Resources<'a, T> = IndexMap<String, Resource<'a, T>>;

/// Containers that stand in the way of a replacement: their names.
pub(super) type Obstacles<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Networks by the engine's name.
pub(super) fn networks<'a>(
    environment: &'a Environment,
    observed: &Observed,
    options: &Options,
    used: &dyn Fn(&str) -> bool,
    obstacles: Obstacles,
    graph: &mut Graph,
) -> Result<Resources<'a, Network>, PlanError> {
    let mut found = IndexMap::new();
    for (key, wanted) in environment.networks.iter().filter(|(_, network)| used(&network.name)) {
        let present = observed.networks.iter().find(|network| network.name == wanted.name || network.id == wanted.name);
        let mut resource = Resource { key, wanted, hash: hash::network(wanted), standing: Standing::Stays };
        match present {
            None if wanted.external => {
                return Err(PlanError::ExternalAbsent { kind: "network", name: wanted.name.clone() });
            }
            None => resource.standing = Standing::Missing,
            Some(_) if wanted.external => {}
            Some(present) => {
                own_network(environment, present)?;
                judge(&mut resource, &present.id, &present.labels);
            }
        }
        keep_where_blocked("network", &wanted.name, &mut resource, options.no_recreate, obstacles, graph, present);
        found.insert(wanted.name.clone(), resource);
    }
    Ok(found)
}

fn own_network(environment: &Environment, present: &observed::Network) -> Result<(), PlanError> {
    let owner = match present.labels.get(labels::PROJECT) {
        Some(project) if project == environment.project_name() => return Ok(()),
        Some(project) => format!("project {project}"),
        None => "no project".to_owned(),
    };
    Err(PlanError::ForeignNetwork { name: present.name.clone(), owner })
}

/// Compares with the hash on the label; without one the resource was made by Docker Compose, and is taken over as it is.
fn judge<T>(resource: &mut Resource<'_, T>, id: &str, present: &IndexMap<String, String>) {
    if present.get(labels::HASH).is_some_and(|hash| *hash != resource.hash) {
        resource.standing = Standing::Replaced(id.to_owned());
    }
}

fn keep_where_blocked<T>(
    kind: &str,
    name: &str,
    resource: &mut Resource<'_, T>,
    refused: bool,
    obstacles: Obstacles,
    graph: &mut Graph,
    present: Option<&impl Labelled>,
) {
    if !matches!(resource.standing, Standing::Replaced(_)) {
        return;
    }
    let obstacles = obstacles(name);
    if refused {
        graph.warn(format!("{kind} {name} is not as the spec defines it, and stays as it is"));
    } else if !obstacles.is_empty() {
        graph.warn(format!(
            "{kind} {name} is not as the spec defines it, and stays as it is: used by {}, which this run does not touch",
            obstacles.join(", ")
        ));
    } else {
        return;
    }
    resource.standing = Standing::Stays;
    if let Some(hash) = present.and_then(|present| present.labels().get(labels::HASH)) {
        resource.hash.clone_from(hash);
    }
}

trait Labelled {
    fn labels(&self) -> &IndexMap<String, String>;
}
impl Labelled for observed::Network {
    fn labels(&self) -> &IndexMap<String, String> {
        &self.labels
    }
}
impl Labelled for observed::Volume {
    fn labels(&self) -> &IndexMap<String, String> {
        &self.labels
    }
}

/// Volumes by the engine's name.
pub(super) fn volumes<'a>(
    environment: &'a Environment,
    observed: &Observed,
    options: &Options,
    used: &dyn Fn(&str) -> bool,
    obstacles: Obstacles,
    graph: &mut Graph,
) -> Result<Resources<'a, Volume>, PlanError> {
    let mut found = IndexMap::new();
    for (key, wanted) in environment.volumes.iter().filter(|(_, volume)| used(&volume.name)) {
        let present = observed.volumes.iter().find(|volume| volume.name == wanted.name);
        let mut resource = Resource { key, wanted, hash: hash::volume(wanted), standing: Standing::Stays };
        match present {
            None if wanted.external => {
                return Err(PlanError::ExternalAbsent { kind: "volume", name: wanted.name.clone() });
            }
            None => resource.standing = Standing::Missing,
            Some(_) if wanted.external => {}
            Some(present)
                if present.labels.get(labels::PROJECT).map(String::as_str) != Some(environment.project_name()) =>
            {
                graph.warn(format!(
                    "volume {} was not made for this project and is used as it is: declare it as `external: true`",
                    wanted.name
                ));
            }
            Some(present) if options.fresh_data && !options.renewed.contains(&present.name) => {
                resource.standing = Standing::Replaced(present.name.clone());
            }
            Some(present) => judge(&mut resource, &present.name, &present.labels),
        }
        let refused = options.no_recreate || options.keep_changed_volumes;
        keep_where_blocked("volume", &wanted.name, &mut resource, refused, obstacles, graph, present);
        found.insert(wanted.name.clone(), resource);
    }
    Ok(found)
}

/// Labels of a network or volume.
fn resource_labels(
    environment: &Environment,
    inputs: &Inputs,
    (label, key): (&str, &str),
    hash: &str,
) -> IndexMap<String, String> {
    let mut all = project_labels(environment, inputs);
    all.insert(label.to_owned(), key.to_owned());
    all.insert(labels::CONFIG_HASH.to_owned(), hash.to_owned());
    all.insert(labels::HASH.to_owned(), hash.to_owned());
    all
}

/// Labels that everything of the project carries.
pub(super) fn project_labels(environment: &Environment, inputs: &Inputs) -> IndexMap<String, String> {
    let mut all = IndexMap::new();
    let mut put = |key: &str, value: &str| {
        all.insert(key.to_owned(), value.to_owned());
    };
    put(labels::PROJECT, environment.project_name());
    put(labels::VERSION, &inputs.version);
    put(labels::OWNER, &inputs.version);
    put(labels::BASE_NAME, &environment.base_name);
    if let Some(instance) = &environment.instance {
        put(labels::INSTANCE, &instance.0);
    }
    all
}

/// Steps that make what is missing and replace what is not as wanted. `free` are the steps after which the replaced one
/// is used by nobody any more; `asked`: it was the user's word that volumes are made anew. Returns the step after which each
/// is there.
pub(super) fn emit(
    graph: &mut Graph,
    environment: &Environment,
    inputs: &Inputs,
    networks: &Resources<Network>,
    (volumes, asked): (&Resources<Volume>, bool),
    free: &dyn Fn(&str) -> Vec<StepId>,
) -> IndexMap<String, StepId> {
    let mut made = IndexMap::new();
    for (name, network) in networks {
        let (cause, removed) = match &network.standing {
            Standing::Stays => continue,
            Standing::Missing => (Cause::Missing, None),
            Standing::Replaced(id) => {
                let remove = Operation::RemoveNetwork { id: id.clone(), name: name.clone() };
                let remove = graph.add(remove, Cause::Changed, None);
                graph.after(remove, free(name));
                (Cause::Changed, Some(remove))
            }
        };
        let labels = resource_labels(environment, inputs, (labels::NETWORK, network.key), &network.hash);
        let create = graph.add(Operation::CreateNetwork { network: network.wanted.clone(), labels }, cause, None);
        graph.after(create, removed);
        made.insert(network_key(name), create);
    }
    for (name, volume) in volumes {
        let (cause, removed) = match &volume.standing {
            Standing::Stays => continue,
            Standing::Missing => (Cause::Missing, None),
            Standing::Replaced(_) => {
                let cause = if asked { Cause::Asked } else { Cause::Changed };
                let remove = graph.add(Operation::RemoveVolume { name: name.clone() }, cause.clone(), None);
                graph.risk(remove, Risk::LosesData { what: format!("volume {name}") });
                graph.after(remove, free(name));
                (cause, Some(remove))
            }
        };
        let labels = resource_labels(environment, inputs, (labels::VOLUME, volume.key), &volume.hash);
        let create = graph.add(Operation::CreateVolume { volume: volume.wanted.clone(), labels }, cause, None);
        graph.after(create, removed);
        made.insert(volume_key(name), create);
    }
    made
}

/// Key of a network in what [`emit`] returns.
pub(super) fn network_key(name: &str) -> String {
    format!("network {name}")
}

/// Key of a volume in what [`emit`] returns.
pub(super) fn volume_key(name: &str) -> String {
    format!("volume {name}")
}
