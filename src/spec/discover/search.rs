//! The search for the files of a spec, and for the environment files that say how they are read.

use std::path::{Path, PathBuf};

use super::{COMPOSE_NAMES, DEVUP_NAMES, Files, Input, OVERLAY_NAMES, OVERRIDE_NAMES, Request, plain};
use crate::spec::devcontainer::configuration::{self, Surroundings};
use crate::spec::devcontainer::find;
use crate::spec::dotenv::{self, Variables};
use crate::spec::error::{Fault, Problem, SpecError, Warning};
use crate::spec::excerpt::quoted;
use crate::spec::node::At;

/// A search under way: what is known so far of the environment that the files are read in.
pub(super) struct Search<'a> {
    request: &'a Request,
    files: &'a dyn Files,
    pub(super) environment: Variables,
    pub(super) env_files: Vec<PathBuf>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Search<'a> {
    /// A search that has looked at nothing.
    pub(super) fn new(request: &'a Request, files: &'a dyn Files) -> Self {
        let mut environment = request.environment.clone();
        // a shell says where it is, other programs need not: it is there in any case, as in Compose
        environment.entry("PWD".to_owned()).or_insert_with(|| request.current_dir.display().to_string());
        Self { request, files, environment, env_files: Vec::new(), warnings: Vec::new() }
    }

    /// Puts the Compose files that a `devcontainer.json` names before it: it is merged over them.
    pub(super) fn with_compose_files(&self, inputs: Vec<Input>) -> Result<Vec<Input>, SpecError> {
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

    /// The files that make up the spec, in the order in which they are merged.
    pub(super) fn inputs(&mut self) -> Result<Vec<Input>, SpecError> {
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
    pub(super) fn environment_of(&mut self, directory: &Path) -> Result<(), SpecError> {
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

    /// The profiles that are asked for.
    pub(super) fn profiles(&self) -> Vec<String> {
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
