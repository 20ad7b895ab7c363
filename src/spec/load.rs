//! All phases in order: what discovery found → one canonical spec.
//!
//! | phase | rooms |
//! | --- | --- |
//! | 1 parse | [`decode`](super::decode), [`parse`]; [`devcontainer`](super::devcontainer) says another format in the spec's words |
//! | 2 bring in others | [`include`](super::include), [`extends`](super::extends) |
//! | 3 merge | [`merge`](super::merge), [`unique`](super::unique), then [`schema`](super::schema) |
//! | 4 interpolate, each document before it joins others | [`interpolate`](super::interpolate) |
//! | 5 long forms | [`canonical`](super::canonical), [`defaults`](super::defaults) |
//! | 6 complete | [`resolve_path`](super::resolve_path), [`normalise`] |
//! | 7 types, profiles | [`shape`], [`select`] |
//! | 8 check the whole | [`consistency`] |
//! | 9 files of services | [`service_files`] |

use std::collections::HashMap;
use std::path::PathBuf;

use super::devcontainer::find;
use super::dialect::Dialect;
use super::discover::{Files, Found, Input};
use super::dotenv::Variables;
use super::error::{Fault, SpecError, Warning};
use super::model::{Context, File, OtherRepository, Scope};
use super::node::{At, Map, Node, Value};
use super::path::{below, index, show};
use super::resolve_path::Base;
use super::{advice, consistency, normalise, parse, select, service_files, shape, unheard};
use crate::model::development::Development;
use crate::model::name::ProjectName;

/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Paths beneath it are shown relative to it; absolute.
    pub current_dir: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// Relative paths become absolute.
    pub resolve_paths: bool,
    /// References and contradictions are checked.
    pub consistency: bool,
    /// What Compose adds without being told is added: default network, implied dependencies, names.
    pub normalise: bool,
    /// What no service uses is left out.
    pub prune: bool,
    /// `x-devup` stays what it is for Compose: an extension without meaning. For `config` of a Compose file.
    pub keep_extension: bool,
}

impl LoadOptions {
    /// As `up` loads.
    pub fn new(current_dir: PathBuf, home: Option<PathBuf>) -> Self {
        Self {
            current_dir,
            home,
            resolve_paths: true,
            consistency: true,
            normalise: true,
            prune: true,
            keep_extension: false,
        }
    }
}

/// A spec, ready.
#[derive(Debug)]
pub struct Loaded {
    /// The project's name: as given, as the spec says, or as its folder is called.
    pub project: ProjectName,
    /// The name is the folder's: neither the spec nor the user gives one.
    pub named_by_folder: bool,
    /// The project's folder, absolute.
    pub working_dir: PathBuf,
    /// The project's own files, absolute, in order of merging.
    pub config_files: Vec<PathBuf>,
    /// Every file that was read, those of `include`, `extends` and `env_file` too, absolute.
    pub read_files: Vec<PathBuf>,
    /// Files of other repositories among them.
    pub remotes: Vec<OtherRepository>,
    /// The environment files that were read for interpolation, absolute.
    pub env_files: Vec<PathBuf>,
    /// The active profiles.
    pub profiles: Vec<String>,
    /// For interpolation: also what `environment:` of secrets refers to.
    pub environment: Variables,
    /// Whose the first file is.
    pub dialect: Dialect,
    /// Whether devup's keys stood under `x-devup` anywhere.
    pub lifted: bool,
    /// The canonical spec with its places, disabled services taken out.
    pub spec: Node,
    /// Services that no profile enables, canonical.
    pub disabled: Map,
    /// What works, but perhaps not as meant.
    pub warnings: Vec<Warning>,
    /// Of a dev container: what belongs to the person inside.
    pub development: Option<Development>,
}

impl Loaded {
    /// The canonical spec as `docker-compose config --format json` has it, with devup's keys beside Compose's.
    pub fn canonical(&self) -> serde_json::Value {
        self.spec.to_json()
    }

    /// Where each part was written, by its path in the canonical spec: `services.web.ports[0]`.
    pub fn origins(&self) -> HashMap<String, At> {
        let mut origins = HashMap::new();
        collect(&self.spec, &[], &mut origins);
        for (name, entry) in &self.disabled {
            collect(&entry.node, &["services", name], &mut origins);
        }
        origins
    }
}

fn collect(node: &Node, path: &[&str], origins: &mut HashMap<String, At>) {
    if node.at.source.is_some() && !path.is_empty() {
        origins.insert(show(path), node.at.clone());
    }
    match &node.value {
        Value::Map(map) => map.iter().for_each(|(key, entry)| collect(&entry.node, &below(path, key), origins)),
        Value::Seq(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, &below(path, &index(number)), origins);
            }
        }
        _ => {}
    }
}

/// Loads what was found.
///
/// # Errors
/// All that is wrong with the spec; each problem has its place.
pub fn load(found: &Found, files: &dyn Files, options: &LoadOptions) -> Result<Loaded, SpecError> {
    let context = Context::new(files, found.project_directory.clone(), options);
    context.warn(found.warnings.iter().cloned());
    let own = found.inputs.iter().map(|input| context.input(input)).collect::<Result<Vec<File>, SpecError>>()?;
    let Introduction { project, named_by_folder, dialect } = introduction(found, &own)?;
    let mut environment = found.environment.clone();
    environment.insert("COMPOSE_PROJECT_NAME".into(), project.as_str().to_owned());
    let dir = found.paths_directory();
    let scope = Scope { context: &context, dir: dir.clone(), environment, including: Vec::new() };
    let base = Base { dir: dir.clone(), home: options.home.clone() };
    let mut spec = scope.load(&own, options.resolve_paths.then_some(&base))?;
    if spec.as_map().is_none_or(Map::is_empty) {
        return Err(empty(found));
    }
    spec.set("name", Node::string(project.as_str(), spec.get("name").map_or(At::nowhere(), |name| name.at.clone())));
    if options.normalise {
        normalise::normalise(&mut spec, project.as_str(), &scope.environment);
    }
    normalise::variables(&mut spec, &scope.environment);
    context.warn(advice::on(&spec));
    context.warn(unheard::on(&spec));
    shape::apply(&mut spec)?;
    let disabled = select::by_profiles(&mut spec, &found.profiles);
    if options.consistency {
        consistency::check(&spec, &disabled)?;
    }
    service_files::read(&mut spec, &context, &dir, &scope.environment)?;
    if options.prune {
        select::prune(&mut spec);
    }
    let environment = scope.environment;
    let read_files = context.read.into_inner();
    let remotes = context.remotes.into_inner();
    let mut warnings = context.warnings.into_inner();
    let settled = |files: &[PathBuf]| !files.is_empty() && files.iter().all(|file| read_files.contains(file));
    warnings.retain(|warning| !settled(&warning.unless_read));
    Ok(Loaded {
        project,
        named_by_folder,
        working_dir: found.project_directory.clone(),
        config_files: own_files(found),
        env_files: found.env_files.clone(),
        profiles: found.profiles.clone(),
        environment,
        dialect,
        lifted: context.lifted.get(),
        spec,
        disabled,
        warnings,
        development: context.development.into_inner(),
        read_files,
        remotes,
    })
}

fn own_files(found: &Found) -> Vec<PathBuf> {
    found
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::File(path) => Some(path.clone()),
            Input::Stdin => None,
        })
        .collect()
}

fn empty(found: &Found) -> SpecError {
    let files: Vec<String> = own_files(found).iter().map(|path| path.display().to_string()).collect();
    let reason = "the spec is empty".to_owned();
    SpecError::from(
        super::error::Problem::new(Fault::Syntax(reason), &At::nowhere())
            .help(format!("write at least one service in {}, or start with `devup init`", files.join(", "))),
    )
}

/// What has to be known before anything is interpolated.
struct Introduction {
    project: ProjectName,
    named_by_folder: bool,
    dialect: Dialect,
}

/// The project's name, which the files themselves may interpolate, and whose the first file is.
fn introduction(found: &Found, files: &[File]) -> Result<Introduction, SpecError> {
    let mut name: Option<(String, At)> = None;
    let mut dialect = None;
    for file in files.iter().filter(|file| !find::is_one(&file.path)) {
        for document in parse::parse(&file.source)? {
            dialect = dialect.or(Some(Dialect::of(&file.path, &document)));
            if let Some(node) = document.get("name").filter(|node| !node.is_null()) {
                let mut named = Node::empty_map(At::nowhere());
                named.set("name", node.clone());
                super::interpolate::interpolate(&mut named, &|key| found.environment.get(key).cloned())?;
                name = named.get("name").and_then(|node| Some((node.value.text()?, node.at.clone())));
            }
        }
    }
    let dialect = dialect.unwrap_or(Dialect::Compose);
    // as in Compose, a name in a file is made to fit, where anything of it is left
    let fitting = name.map(|(text, at)| match ProjectName::normalise(&text) {
        Some(fitting) => (fitting.as_str().to_owned(), at),
        None => (text, at),
    });
    let written = fitting.as_ref().map(|(text, at)| (text.as_str(), at)).filter(|(text, _)| !text.is_empty());
    let named_by_folder = found.given_name.is_none() && written.is_none();
    Ok(Introduction { project: found.project_name(written)?, named_by_folder, dialect })
}

#[cfg(test)]
mod tests;
