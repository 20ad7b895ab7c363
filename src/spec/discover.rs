//! Phase 0: which files make up the spec, and in which environment they are read. Compose's rules, with devup's own
//! names before Compose's in each folder, and the personal overlay `devup.local.yaml` at the end.
//! `docs/spec.md` tells the user the same.

use std::path::{Component, Path, PathBuf};

use crate::model::name::ProjectName;

use super::devcontainer::configuration::{self, Surroundings};
use super::devcontainer::find::{self, Which};
use super::dotenv::{self, Variables};
use super::error::{Fault, Problem, SpecError, Warning};
use super::excerpt::quoted;
use super::node::At;

pub use super::files::{Disk, Files, OnOtherMachine};

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
    let mut search = Search {
        request,
        files,
        environment: request.environment.clone(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
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

struct Search<'a> {
    request: &'a Request,
    files: &'a dyn Files,
    environment: Variables,
    env_files: Vec<PathBuf>,
    warnings: Vec<Warning>,
}

impl Search<'_> {
    /// Puts the Compose files that a `devcontainer.json` names before it: it is merged over them.
    fn with_compose_files(&self, inputs: Vec<Input>) -> Result<Vec<Input>, SpecError> {
        let mut all = Vec::with_capacity(inputs.len());
        for input in inputs {
            if let Input::File(path) = &input
                && find::is_one(path)
            {
                let around = Surroundings {
                    files: self.files,
                    environment: &self.environment,
                    local_folder: find::local_folder(path),
                    with_id: true,
                };
                let read = configuration::read(path, &self.request.shown(path), &around)?;
                for (name, node) in read.texts("dockerComposeFile") {
                    let file = plain(&read.folder().join(name));
                    if !self.files.is_file(&file) {
                        let fault = Fault::Unreadable { path: file, reason: "there is no such file".into() };
                        return Err(SpecError::new(fault, &node.at));
                    }
                    all.push(Input::File(file));
                }
            }
            all.push(input);
        }
        Ok(all)
    }

    fn inputs(&mut self) -> Result<Vec<Input>, SpecError> {
        if let Some(which) = &self.request.devcontainer {
            let (path, said) = find::find(&self.request.directory_so_far(), which, self.files)?;
            self.warnings.extend(said);
            let overlay = self.among(find::local_folder(&path), &OVERLAY_NAMES);
            return Ok([path].into_iter().chain(overlay.into_iter().take(1)).map(Input::File).collect());
        }
        if !self.request.files.is_empty() {
            let inputs = self.request.named_inputs(&self.request.files);
            return self.all_there(inputs, "-f");
        }
        let variable = self.environment.get("COMPOSE_FILE").filter(|f| !f.is_empty());
        let mut inputs = match variable {
            Some(list) => {
                let separator = self.environment.get("COMPOSE_PATH_SEPARATOR").filter(|s| !s.is_empty());
                let separator = separator.map_or(if cfg!(windows) { ";" } else { ":" }, String::as_str);
                let inputs = self.request.named_inputs(list.split(separator));
                self.all_there(inputs, "COMPOSE_FILE")?
            }
            None => self.upwards()?,
        };
        let overlay = self.among(&self.request.folder_of(&inputs), &OVERLAY_NAMES);
        self.told("personal overlays", &overlay);
        inputs.extend(overlay.into_iter().next().map(Input::File));
        Ok(inputs)
    }

    fn all_there(&self, inputs: Vec<Input>, asked_by: &str) -> Result<Vec<Input>, SpecError> {
        for input in &inputs {
            if let Input::File(path) = input
                && !self.files.is_file(path)
            {
                let reason = format!("there is no such file ({asked_by} asks for it)");
                let fault = Fault::Unreadable { path: self.request.shown(path), reason };
                return Err(SpecError::new(fault, &At::nowhere()));
            }
        }
        Ok(inputs)
    }

    /// From the project's folder (or the current one) to the root.
    fn upwards(&mut self) -> Result<Vec<Input>, SpecError> {
        let start = self.request.directory_so_far();
        for folder in start.ancestors() {
            let own = self.among(folder, &DEVUP_NAMES);
            let compose = self.among(folder, &COMPOSE_NAMES);
            if let Some(winner) = own.first() {
                self.told("specs", &[own.as_slice(), compose.as_slice()].concat());
                return Ok(vec![Input::File(winner.clone())]);
            }
            if let Some(winner) = compose.first() {
                self.told("specs", &compose);
                let overrides = self.among(folder, &OVERRIDE_NAMES);
                self.told("overrides", &overrides);
                let overriding = overrides.into_iter().next();
                return Ok([winner.clone()].into_iter().chain(overriding).map(Input::File).collect());
            }
            let containers = find::candidates(folder, self.files);
            if let Some(winner) = containers.first() {
                self.warnings.extend(find::several(&containers));
                return Ok(vec![Input::File(winner.clone())]);
            }
        }
        Err(Self::nothing(start))
    }

    fn nothing(dir: PathBuf) -> SpecError {
        let containers = [".devcontainer/devcontainer.json", ".devcontainer.json"];
        let looked_for = DEVUP_NAMES.iter().chain(&COMPOSE_NAMES).chain(&containers).copied().collect();
        Problem::new(Fault::NothingFound { dir, looked_for }, &At::nowhere()).into()
    }

    fn among(&self, folder: &Path, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| folder.join(name)).filter(|path| self.files.is_file(path)).collect()
    }

    /// Says which one wins where several could be meant.
    fn told(&mut self, what: &str, found: &[PathBuf]) {
        let [winner, losers @ ..] = found else { return };
        if losers.is_empty() {
            return;
        }
        let name = |path: &PathBuf| quoted(&path.file_name().unwrap_or_default().to_string_lossy());
        let losers: Vec<_> = losers.iter().map(name).collect();
        let message = format!("several {what} found: {} is used, {} not", name(winner), losers.join(", "));
        let help = "name the ones you mean with `-f`, or join them with `include:`";
        let mut warning = Warning::new(message, &At::nowhere()).help(help);
        // a spec may include the others
        warning.unless_read = found[1..].to_vec();
        self.warnings.push(warning);
    }

    /// Adds what the environment files say, unless it is known already.
    fn environment_of(&mut self, directory: &Path) -> Result<(), SpecError> {
        let paths = self.env_files_of(directory)?;
        let mut read = Variables::new();
        for path in paths {
            if self.env_files.contains(&path) {
                continue;
            }
            let source = self.files.read(&path, &self.request.shown(&path))?;
            let known = |name: &str| self.environment.get(name).or_else(|| read.get(name)).cloned();
            let file = dotenv::parse(&source, &known)?;
            self.warnings.extend(file.warnings);
            read.extend(file.variables);
            self.env_files.push(path);
        }
        for (name, value) in read {
            self.environment.entry(name).or_insert(value);
        }
        Ok(())
    }

    fn env_files_of(&self, directory: &Path) -> Result<Vec<PathBuf>, SpecError> {
        let process = &self.request.environment;
        let variable = process.get("COMPOSE_ENV_FILES").filter(|list| !list.is_empty());
        let named: Vec<PathBuf> = match variable {
            Some(list) if self.request.env_files.is_empty() => list.split(',').map(|f| f.trim().into()).collect(),
            _ => self.request.env_files.clone(),
        };
        if !named.is_empty() {
            let inputs = named.iter().map(|path| Input::File(self.request.absolute(path))).collect();
            self.all_there(inputs, "--env-file or COMPOSE_ENV_FILES")?;
            return Ok(named.iter().map(|path| self.request.absolute(path)).collect());
        }
        let disabled = process.get("COMPOSE_DISABLE_ENV_FILE").map_or(Ok(false), |value| boolean(value))?;
        let default = directory.join(".env");
        Ok(if !disabled && self.files.is_file(&default) { vec![default] } else { Vec::new() })
    }

    fn profiles(&self) -> Vec<String> {
        if !self.request.profiles.is_empty() {
            return self.request.profiles.clone();
        }
        let list = self.environment.get("COMPOSE_PROFILES").map_or("", String::as_str);
        list.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }
}

fn boolean(value: &str) -> Result<bool, SpecError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => {
            let message = format!("COMPOSE_DISABLE_ENV_FILE is {}, which is no boolean", quoted(value));
            let problem = Problem::new(Fault::BadOption(message), &At::nowhere());
            Err(problem.help("set it to `true` or `false`, or unset it").into())
        }
    }
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
