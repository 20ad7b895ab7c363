//! A dev container's part of an environment: what belongs to the person who works inside, not to the container itself.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::resource::SecretSource;

/// The service that is somebody's workplace, and how that person works in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Development {
    /// The service.
    pub service: String,
    /// The file that says so, absolute.
    pub file: PathBuf,
    /// The project's folder on this machine, absolute.
    pub local_folder: PathBuf,
    /// How programs run inside.
    pub session: Session,
    /// Set the user's ids to those of the person on this machine; where nobody says, it is done.
    pub update_ids: Option<bool>,
    /// The container does nothing by itself: the image's command is not run. Where nobody says, it is so without Compose
    /// files.
    pub override_command: Option<bool>,
    /// Compose files describe the container.
    pub composed: bool,
    /// Of several services, only these and what they need; none: all.
    pub run_services: Vec<String>,
    /// Runs on this machine before anything else.
    pub initialize: Vec<Stage>,
    /// File and line in which that is asked for.
    pub initialize_at: Option<(PathBuf, usize)>,
    /// Runs inside, in this order.
    pub stages: Vec<Stage>,
    /// What is installed on the image.
    pub features: Vec<FeatureWish>,
    /// Names of features that come first.
    pub features_first: Vec<String>,
    /// Its own id.
    pub id: String,
    /// Ports that have to be published as they are.
    pub required_ports: Vec<u16>,
    /// What is said of ports, by number or range (`8000`, `8000-8010`).
    pub ports: IndexMap<String, PortAttributes>,
    /// What is said of all other ports.
    pub other_ports: Option<PortAttributes>,
    /// The stage after which people can begin to work; the specification's default where nobody says.
    pub wait_for: Option<String>,
    /// Secrets that the commands inside get as variables, by name.
    pub secrets: IndexMap<String, Wish>,
    /// What this machine should have.
    pub requirements: Requirements,
}

/// The stage in which the user's own files are put in place.
pub const DOTFILES: &str = "dotfiles";

/// All of a dev container's life, in its order: `waitFor` names one of these.
pub const LIFE: [&str; 7] = [
    "initializeCommand",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    DOTFILES,
    "postStartCommand",
    "postAttachCommand",
];

/// What is waited for where nobody says anything.
const WAITED_FOR: &str = "updateContentCommand";

impl Development {
    /// Whether people can begin to work only after this stage.
    pub fn awaits(&self, stage: &str) -> bool {
        let place = |name: &str| LIFE.iter().position(|known| *known == name);
        place(stage) <= place(self.wait_for.as_deref().unwrap_or(WAITED_FOR))
    }
}

/// A feature that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureWish {
    /// As written: `./tools`, `registry/name:1`, `https://…`.
    pub reference: String,
    /// Options that were given.
    pub options: IndexMap<String, String>,
}

/// A secret that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// What it is for, and where that is explained.
    pub about: String,
    /// Where its value comes from; `None`: nowhere.
    pub source: Option<SecretSource>,
}

/// What a machine should have. Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requirements {
    /// CPUs.
    pub cpus: Option<u64>,
    /// Memory.
    pub memory: Option<u64>,
    /// Room on the disk.
    pub storage: Option<u64>,
    /// A GPU.
    pub gpu: bool,
}

impl Requirements {
    /// What satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cpus: self.cpus.max(other.cpus),
            memory: self.memory.max(other.memory),
            storage: self.storage.max(other.storage),
            gpu: self.gpu || other.gpu,
        }
    }
}

/// What is said of a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortAttributes {
    /// A name for people.
    pub label: Option<String>,
    /// `http` or `https`.
    pub protocol: Option<String>,
    /// It has to be the same port on this machine.
    pub required: bool,
}

/// The user's own files, which follow that person into every dev container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dotfiles {
    /// Where git finds them.
    pub repository: String,
    /// What installs them, in the repository; where nothing is said, the first of the usual names that is there.
    pub install_command: Option<String>,
    /// Where they are put, inside.
    pub target_path: Option<String>,
}

/// How programs of the person inside run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The user; the container's own where absent.
    pub user: Option<String>,
    /// The folder; the container's own where absent.
    pub folder: Option<String>,
    /// Variables added; one without a value is taken away. May refer to `${containerEnv:NAME}`.
    pub environment: IndexMap<String, Option<String>>,
    /// Which of the user's start-up files count.
    pub probe: Option<Probe>,
}

/// The shell whose variables the user's programs get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Probe {
    /// None: the container's variables only.
    None,
    /// A login shell.
    LoginShell,
    /// A login shell for a person.
    #[default]
    LoginInteractiveShell,
    /// A shell for a person.
    InteractiveShell,
}

impl Probe {
    /// The shell's flags; `None`: no shell is asked.
    pub fn flags(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::LoginShell => Some("-lc"),
            Self::LoginInteractiveShell => Some("-lic"),
            Self::InteractiveShell => Some("-ic"),
        }
    }
}

/// When a stage's commands run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Once for each container.
    Created,
    /// After each start.
    Started,
}

/// Commands that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// `onCreateCommand`.
    pub name: String,
    /// When they run.
    pub when: When,
    /// By name, side by side; one without a name stands alone.
    pub commands: IndexMap<String, Command>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// A shell reads it.
    Line(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

impl Command {
    /// The program and its arguments.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Line(line) => ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            Self::Words(words) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_named_stage_is_not_awaited() {
        let awaited = |wait_for: Option<&str>| {
            let development = Development { wait_for: wait_for.map(str::to_owned), ..Development::default() };
            LIFE[1..].iter().filter(|name| development.awaits(name)).count()
        };
        assert_eq!(awaited(None), 2, "onCreateCommand and updateContentCommand");
        assert_eq!(awaited(Some("initializeCommand")), 0);
        assert_eq!(awaited(Some("postStartCommand")), 5, "with the user's own files, without attaching");
    }
}
