//! What the user asked for beside the verb: which project, and which answers are given in advance.

use std::path::PathBuf;

use crate::model::layout::Layout;
use crate::spec::discover;

/// The shared part of every request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which files, which project, which profiles.
    pub spec: discover::Request,
    /// `--instance`.
    pub instance: Option<String>,
    /// Where devup keeps what it must remember.
    pub layout: Layout,
    /// The user's home.
    pub home: PathBuf,
    /// Every question is answered with yes. Never grants trust.
    pub yes: bool,
    /// What the spec asks of this machine is granted.
    pub trust: bool,
    /// A person can be asked.
    pub can_ask: bool,
    /// Nothing is done, only shown.
    pub dry_run: bool,
    /// At most this many things at once; `None`: no limit.
    pub parallel: Option<usize>,
}

impl Request {
    /// The project's name was given for this run: by `-p`, or by `COMPOSE_PROJECT_NAME` of this process. One that stands in
    /// the project's `.env` is the same in every checkout, so it names none of them in particular.
    pub fn names_project(&self) -> bool {
        let variable = self.spec.environment.get("COMPOSE_PROJECT_NAME");
        self.spec.project_name.is_some() || variable.is_some_and(|name| !name.is_empty())
    }

    /// Of what was read, the files that the user named for this run (`-f`, `--env-file`, `COMPOSE_FILE`).
    pub fn given_files(&self, config_files: &[PathBuf], env_files: &[PathBuf]) -> Vec<PathBuf> {
        let set = |name: &str| self.spec.environment.get(name).is_some_and(|value| !value.is_empty());
        let config = !self.spec.files.is_empty() || set("COMPOSE_FILE");
        let env = !self.spec.env_files.is_empty() || set("COMPOSE_ENV_FILES");
        let given = config_files.iter().filter(|_| config).chain(env_files.iter().filter(|_| env));
        given.cloned().collect()
    }
}
