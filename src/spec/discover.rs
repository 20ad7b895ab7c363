//! Phase 0: which files make up the spec, and in which environment they are read. Compose's rules, with devup's own
//! names before Compose's in each folder, and the personal overlay `devup.local.yaml` at the end.
//! `docs/spec.md` tells the user the same.

use std::path::{Component, Path, PathBuf};

use crate::model::name::ProjectName;

use self::search::Search;
use super::devcontainer::find::{self, Which};
use super::dotenv::Variables;
use super::error::{Fault, Problem, SpecError, Warning};
use super::excerpt::quoted;
use super::node::At;

pub use super::files::{Disk, Files, OnOtherMachine};

mod search;

/// devup's own names, best first.
pub const DEVUP_NAMES: [&str; 2] = ["devup.yaml", "devup.yml"];
/// Compose's names, best first.
pub const COMPOSE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Compose's overrides, best first; read after a file of Compose's names.
pub const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
/// The personal overlay, which is never committed.
pub const OVERLAY_NAMES: [&str; 2] = ["devup.local.yaml", "devup.local.yml"];

/// What the command line and the process say.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Absolute.
    pub current_dir: PathBuf,
    /// `-f`, in order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// `--profile`, in order.
    pub profiles: Vec<String>,
    /// `--env-file`, in order.
    pub env_files: Vec<PathBuf>,
    /// The process's environment.
    pub environment: Variables,
    /// `--devcontainer`: the project's dev container, whatever other specs there are.
    pub devcontainer: Option<Which>,
    /// `--all-resources`: what no service uses counts, too.
    pub all_resources: bool,
    /// `--compatibility`: names of Compose 1.
    pub compatibility: bool,
}

impl Request {
    /// Whether names are those of Compose 1: by the flag, or by a variable of this process or of the project's files.
    pub fn has_old_names(&self, variables: &Variables) -> bool {
        let says = |value: &String| ["1", "true", "t", "y", "yes"].contains(&value.to_lowercase().as_str());
        self.compatibility || variables.get("COMPOSE_COMPATIBILITY").is_some_and(says)
    }
}

/// One part of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An absolute path.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// In the order of merging.
    pub inputs: Vec<Input>,
    /// Absolute; relative paths of the spec begin here.
    pub project_directory: PathBuf,
    /// From `-p` or `COMPOSE_PROJECT_NAME`.
    pub given_name: Option<ProjectName>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// For interpolation: the process's environment, then the environment files.
    pub environment: Variables,
    /// The environment files that were read, absolute.
    pub env_files: Vec<PathBuf>,
    /// Where several files could have been meant.
    pub warnings: Vec<Warning>,
}

/// Where relative paths begin: a dev container's Compose files know their own folder only.
fn paths_directory(inputs: &[Input], project_directory: &Path) -> PathBuf {
    let path = |input: &'_ Input| match input {
        Input::File(path) => Some(path.clone()),
        Input::Stdin => None,
    };
    let mut paths = inputs.iter().filter_map(path);
    match paths.next() {
        Some(first) if !find::is_one(&first) && paths.any(|path| find::is_one(&path)) => {
            first.parent().unwrap_or(project_directory).to_owned()
        }
        _ => project_directory.to_owned(),
    }
}

impl Found {
    /// Where relative paths of the spec begin.
    pub fn paths_directory(&self) -> PathBuf {
        paths_directory(&self.inputs, &self.project_directory)
    }

    /// The project's name: `-p`, then `COMPOSE_PROJECT_NAME`, then the spec's own `name:`, then the folder's.
    pub fn project_name(&self, top_level: Option<(&str, &At)>) -> Result<ProjectName, SpecError> {
        if let Some(name) = &self.given_name {
            return Ok(name.clone());
        }
        if let Some((name, at)) = top_level.filter(|(name, _)| !name.is_empty()) {
            return parse_name(name, at);
        }
        let folder = self.project_directory.file_name().unwrap_or_default().to_string_lossy();
        ProjectName::normalise(&folder).ok_or_else(|| {
            let message = format!("no project name can be made from the folder {}", quoted(&folder));
            let problem = Problem::new(Fault::BadOption(message), &At::nowhere());
            problem.help("give one: `-p NAME`, COMPOSE_PROJECT_NAME=NAME, or `name: NAME` in the spec").into()
        })
    }
}

/// Checks a name that somebody wrote; a folder's name would be normalised instead.
fn parse_name(name: &str, at: &At) -> Result<ProjectName, SpecError> {
    ProjectName::parse(name).map_err(|_| {
        let proposal = ProjectName::normalise(name).map(|n| n.as_str().to_owned());
        SpecError::new(Fault::BadProjectName { name: name.to_owned(), proposal }, at)
    })
}

/// The name that `-p` or `COMPOSE_PROJECT_NAME` gives: enough for commands that need no spec.
pub fn given_name(request: &Request, environment: &Variables) -> Result<Option<ProjectName>, SpecError> {
    let variable = environment.get("COMPOSE_PROJECT_NAME");
    let given = request.project_name.as_ref().or(variable).filter(|name| !name.is_empty());
    given.map(|name| parse_name(name, &At::nowhere())).transpose()
}

/// Finds the spec.
pub fn discover(request: &Request, files: &dyn Files) -> Result<Found, SpecError> {
    let mut search = Search::new(request, files);
    search.environment_of(&request.directory_so_far())?;
    let inputs = search.inputs()?;
    let inputs = search.with_compose_files(inputs)?;
    let project_directory = request.directory_with(&inputs);
    // a spec further up has an environment file beside it, too; what is known already wins
    search.environment_of(&project_directory)?;
    search.environment_of(&paths_directory(&inputs, &project_directory))?;
    let profiles = search.profiles();
    let given_name = given_name(request, &search.environment)?;
    let Search { environment, env_files, warnings, .. } = search;
    Ok(Found { inputs, project_directory, given_name, profiles, environment, env_files, warnings })
}

impl Request {
    /// A path from the current directory, without `.` and `..`.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        plain(&self.current_dir.join(path))
    }

    /// As shown to the user: relative to the current directory where that is shorter.
    pub fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.current_dir).unwrap_or(path).to_owned()
    }

    fn named_inputs(&self, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Vec<Input> {
        let input = |path: &Path| match path.to_str() {
            Some("-") => Input::Stdin,
            _ => Input::File(self.absolute(path)),
        };
        paths.into_iter().map(|path| input(path.as_ref())).collect()
    }

    /// Where the search begins, as far as that is known before anything was found.
    pub fn directory_so_far(&self) -> PathBuf {
        self.directory_with(&self.named_inputs(&self.files))
    }

    fn directory_with(&self, inputs: &[Input]) -> PathBuf {
        if let Some(directory) = &self.project_directory {
            return self.absolute(directory);
        }
        self.folder_of(inputs)
    }

    /// The folder of the first file, wherever the project's folder is. A dev container's file lies below the folder that it
    /// describes, and may name Compose files from anywhere.
    fn folder_of(&self, inputs: &[Input]) -> PathBuf {
        let paths = || {
            inputs.iter().filter_map(|input| match input {
                Input::File(path) => Some(path.as_path()),
                Input::Stdin => None,
            })
        };
        let described = paths().find(|path| find::is_one(path)).map(find::local_folder);
        let first = described.or_else(|| paths().next().and_then(Path::parent));
        first.unwrap_or(&self.current_dir).to_owned()
    }
}

/// Without `.` and `..`, as the text says, links not followed.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
