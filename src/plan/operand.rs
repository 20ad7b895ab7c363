//! What operations work on: containers that are there or will be, their images, what is put into them, and until when one waits.

use serde::{Deserialize, Serialize};

use super::step::StepId;
use crate::model::resource::SecretSource;

/// A container that a step works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerTarget {
    /// It was there when the plan was made.
    Existing {
        /// The engine's id.
        id: String,
        /// Its name by the time of the step, for people.
        name: String,
    },
    /// An earlier step makes it.
    MadeBy {
        /// Which.
        step: StepId,
        /// Its name by the time of the step, for people.
        name: String,
    },
}

impl ContainerTarget {
    /// Name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Existing { name, .. } | Self::MadeBy { name, .. } => name,
        }
    }

    /// The same container under another name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let name = name.to_owned();
        match self {
            Self::Existing { id, .. } => Self::Existing { id: id.clone(), name },
            Self::MadeBy { step, .. } => Self::MadeBy { step: *step, name },
        }
    }
}

/// The image of a container to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUse {
    /// By which the engine finds it.
    pub reference: String,
    /// Its id; `None`: an earlier step brings the image.
    pub id: Option<String>,
    /// The step that brings it.
    pub made_by: Option<StepId>,
}

/// What one container takes from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// `network_mode: service:…`
    Network,
    /// `pid: service:…`
    Pid,
    /// `ipc: service:…`
    Ipc,
    /// `volumes_from`
    Volumes {
        /// `:ro`
        read_only: bool,
    },
}

/// A container takes something from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// What.
    pub namespace: Namespace,
    /// From which.
    pub of: ContainerTarget,
}

/// Where an injected file's bytes come from. Read at apply only, and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectionSource {
    /// A secret of the project, by reference.
    Secret(SecretSource),
    /// A config of the project, by reference.
    Config(SecretSource),
    /// Public text, such as certificates.
    Text(String),
}

/// A file put into a container after it was made and before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Its content.
    pub source: InjectionSource,
    /// Absolute path inside.
    pub target: String,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookMoment {
    /// After the start.
    PostStart,
    /// Before the stop.
    PreStop,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Health checks are good. Having none is an error, as in Compose.
    Healthy,
    /// Ended with 0.
    Completed,
    /// Healthy, or running where there is no health check. An end with 0 is fine.
    Ready,
    /// As `Ready`, but any end is a failure (`--wait`, as in Compose).
    Running,
    /// It does not run any more, whatever its exit code.
    Ended,
}
