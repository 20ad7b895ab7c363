//! `config`: the spec as devup reads it, and what is in it.

use indexmap::IndexMap;

use crate::app::error::Result;
use crate::app::remote::Reach;
use crate::app::request::Request;
use crate::app::select;
use crate::base::digest::Digest;
use crate::model::environment::Environment;
use crate::model::service::Service;
use crate::spec::devcontainer::configuration::{self, Configuration, Surroundings};
use crate::spec::devcontainer::find;
use crate::spec::discover::{self, Disk, Files, Found, Input};
use crate::spec::error::SpecError;
use crate::spec::interpolate::{self, VariableUse};
use crate::spec::load::{self, LoadOptions, Loaded};
use crate::spec::node::{At, Entry, Node};
use crate::spec::{merge, parse, resolve};

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Relative paths become absolute.
    pub resolve_paths: bool,
    /// References and contradictions are checked.
    pub consistency: bool,
    /// What Compose adds without being told is added.
    pub normalise: bool,
}

/// A spec as read for `config`.
#[derive(Debug)]
pub struct Read {
    /// The spec.
    pub loaded: Loaded,
    /// The same, typed; names are the project's own, as Compose prints them.
    pub environment: Environment,
}

/// Reads the spec; with services named, only these and what they need remain.
pub fn read(request: &Request, options: Options, services: &[String]) -> Result<Read> {
    let found = discover::discover(&request.spec, &Disk)?;
    let load_options = LoadOptions {
        resolve_paths: options.resolve_paths,
        consistency: options.consistency,
        normalise: options.normalise,
        prune: !request.spec.all_resources,
        ..LoadOptions::new(request.spec.current_dir.clone(), Some(request.home.clone()))
    };
    let mut loaded = load::load(&found, &Reach::of(&request.layout), &load_options)?;
    let old_names = request.spec.has_old_names(&loaded.environment);
    let mut environment = Environment { old_names, ..resolve::environment(&loaded)? };
    if !services.is_empty() {
        select::known(services, environment.services.keys().map(String::as_str))?;
        let kept = needed(&environment, services);
        environment.services.retain(|name, _| kept.contains(name));
        if let Some(map) = loaded.spec.get_mut("services").and_then(Node::as_map_mut) {
            map.retain(|name, _| kept.contains(name));
        }
        if !request.spec.all_resources {
            crate::spec::select::prune(&mut loaded.spec);
        }
        environment = Environment { services: environment.services, old_names, ..resolve::environment(&loaded)? };
    }
    Ok(Read { loaded, environment })
}

/// These services and all they depend on.
fn needed(environment: &Environment, services: &[String]) -> Vec<String> {
    let mut all = services.to_vec();
    let mut at = 0;
    while at < all.len() {
        let needs =
            environment.services.get(&all[at]).map(|service| service.depends_on.keys().cloned().collect::<Vec<_>>());
        for name in needs.unwrap_or_default() {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        at += 1;
    }
    all
}

/// The image that a service runs: its own, or what its build is called.
pub fn image(environment: &Environment, name: &str, service: &Service) -> String {
    service.image.clone().unwrap_or_else(|| environment.built_image(name))
}

/// That image, and those of its steps before the start.
pub fn images(environment: &Environment, name: &str, service: &Service) -> Vec<String> {
    let own = image(environment, name, service);
    let others = service.pre_start.iter().filter_map(|step| step.image.clone()).filter(|image| *image != own);
    std::iter::once(own.clone()).chain(others).collect()
}

/// The models that services use, by what they are called where they come from.
pub fn models(loaded: &Loaded) -> Vec<String> {
    let called = |entry: &Entry| entry.node.get("model").and_then(|model| model.value.text());
    loaded.spec.entries("models").filter_map(|(_, entry)| called(entry)).collect()
}

/// A hash per service over its canonical form.
pub fn hashes(environment: &Environment) -> Vec<(String, String)> {
    let hash = |(name, service): (&String, &Service)| {
        // a struct of plain data always has a form in JSON
        let text = serde_json::to_string(service).unwrap_or_default();
        (name.clone(), Digest::of(text.as_bytes()).to_string())
    };
    let mut hashes: Vec<(String, String)> = environment.services.iter().map(hash).collect();
    hashes.sort();
    hashes
}

/// The project's own files merged, variables as they stand.
pub fn raw(request: &Request) -> Result<(Found, Node)> {
    let found = discover::discover(&request.spec, &Disk)?;
    let mut spec = Node::empty_map(At::nowhere());
    for input in &found.inputs {
        let Input::File(path) = input else { continue };
        let source = Disk.read(path, &request.spec.shown(path))?;
        for document in parse::parse(&source)? {
            merge::merge_file(&mut spec, document)?;
        }
    }
    Ok((found, spec))
}

/// The project's `devcontainer.json`, its variables replaced as far as they are known without a container.
pub fn devcontainer(request: &Request) -> Result<Configuration> {
    let spec = &request.spec;
    let which = spec.devcontainer.clone().unwrap_or_default();
    let (path, said) = find::find(&spec.directory_so_far(), &which, &Disk)?;
    let around = Surroundings {
        files: &Disk,
        environment: &spec.environment,
        local_folder: find::local_folder(&path),
        with_id: false,
    };
    let mut read = configuration::read(&path, &spec.shown(&path), &around)?;
    read.warnings.splice(..0, said);
    Ok(read)
}

/// Variables that the spec refers to, sorted by name.
pub fn variables(request: &Request) -> Result<Vec<VariableUse>> {
    let (_, spec) = raw(request)?;
    let mut used: IndexMap<String, VariableUse> = IndexMap::new();
    for one in interpolate::variables(&spec) {
        used.entry(one.name.clone()).or_insert(one);
    }
    used.sort_keys();
    Ok(used.into_values().collect())
}

/// What variables are read from: the process's environment, the environment files and the project's name, sorted by name.
pub fn variable_values(request: &Request, read: &Read) -> Result<Vec<(String, String)>, SpecError> {
    let mut found = discover::discover(&request.spec, &Disk)?.environment;
    found.insert("COMPOSE_PROJECT_NAME".to_owned(), read.environment.project_name().to_owned());
    let mut values: Vec<(String, String)> = found.into_iter().collect();
    values.sort();
    Ok(values)
}
