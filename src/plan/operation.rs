//! What a step does. Closed: an exhaustive match shows each place to touch when one is added.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::inside::ProvisionMark;
pub use super::operand::{ContainerTarget, HookMoment, ImageUse, Injection, InjectionSource, Join, Namespace, Until};
use crate::driver::container::AnonymousVolumes;
use crate::model::build::Build;
use crate::model::container::{ContainerSpec, NetworkAttachment};
use crate::model::development::{Session, Stage};
use crate::model::provider::{Model, Provider};
use crate::model::resource::{Network, SecretSource, Volume};
use crate::model::service::Hook;
use crate::model::task::{Provision, Task};

/// One thing to do. A container's parts put in after its creation are steps of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Operation {
    /// Makes a network.
    CreateNetwork {
        /// As the spec has it.
        network: Network,
        /// Compose's and devup's labels.
        labels: IndexMap<String, String>,
    },
    /// Removes a network.
    RemoveNetwork {
        /// The engine's id.
        id: String,
        /// Its name.
        name: String,
    },
    /// Makes a volume.
    CreateVolume {
        /// As the spec has it.
        volume: Volume,
        /// Compose's and devup's labels.
        labels: IndexMap<String, String>,
    },
    /// Removes a volume and its data.
    RemoveVolume {
        /// Its name.
        name: String,
    },
    /// Fetches an image.
    PullImage {
        /// Reference.
        reference: String,
        /// `os/arch`; the engine's own where `None`.
        platform: Option<String>,
    },
    /// Builds an image from a Dockerfile.
    BuildImage {
        /// What it is called; further tags are in `build`.
        reference: String,
        /// The spec's section.
        build: Box<Build>,
        /// Named contexts that are images of the engine's own: their references, by the contexts' names.
        images: IndexMap<String, String>,
        /// `os/arch`; the engine's own where `None`.
        platform: Option<String>,
        /// The secrets it may mount, by id.
        secrets: IndexMap<String, SecretSource>,
        /// Labels of the image.
        labels: IndexMap<String, String>,
    },
    /// Builds one of devup's building blocks.
    BuildEnv {
        /// Its name: `python-3.11`.
        env: String,
        /// What the image is called: its tag is a content hash.
        reference: String,
    },
    /// Runs provisioning steps on top of an image, and keeps the result as an image.
    ProvisionImage {
        /// The image below.
        base: String,
        /// What the result is called: its tag is a content hash.
        reference: String,
        /// What runs.
        steps: Vec<Provision>,
    },
    /// Removes an image's reference.
    RemoveImage {
        /// Reference.
        reference: String,
    },
    /// Asks the program of this machine that provides a service for it.
    AskProvider {
        /// The service.
        name: String,
        /// The program and its options.
        provider: Provider,
    },
    /// Asks that program to give up what it holds for the service.
    ReleaseProvider {
        /// The service.
        name: String,
        /// The program and its options.
        provider: Provider,
    },
    /// Tells that program that the service is not used for now. It says itself whether it knows that.
    StopProvider {
        /// The service.
        name: String,
        /// The program and its options.
        provider: Provider,
    },
    /// Has the host's model runner fetch a model and serve it.
    ServeModel {
        /// Its key.
        key: String,
        /// Which.
        model: Model,
    },
    /// Makes a container.
    CreateContainer {
        /// Everything about it.
        spec: Box<ContainerSpec>,
        /// Its image.
        image: ImageUse,
        /// What it takes from other containers.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joins: Vec<Join>,
    },
    /// Puts files into a container that was never started.
    InjectFiles {
        /// Which.
        container: ContainerTarget,
        /// The files.
        files: Vec<Injection>,
    },
    /// Connects a container with a further network.
    ConnectNetwork {
        /// Which.
        container: ContainerTarget,
        /// With what.
        network: NetworkAttachment,
    },
    /// Gives a container another name.
    RenameContainer {
        /// Which.
        container: ContainerTarget,
        /// The new name.
        to: String,
    },
    /// Starts a container.
    StartContainer {
        /// Which.
        container: ContainerTarget,
    },
    /// Stops a container.
    StopContainer {
        /// Which.
        container: ContainerTarget,
        /// Before the kill; the container's own where `None`.
        grace: Option<Duration>,
    },
    /// Sends a signal.
    KillContainer {
        /// Which.
        container: ContainerTarget,
        /// `SIGKILL`, …
        signal: String,
    },
    /// Freezes.
    PauseContainer {
        /// Which.
        container: ContainerTarget,
    },
    /// Unfreezes.
    UnpauseContainer {
        /// Which.
        container: ContainerTarget,
    },
    /// Removes a container, running or not.
    RemoveContainer {
        /// Which.
        container: ContainerTarget,
        /// What becomes of its anonymous volumes.
        volumes: AnonymousVolumes,
    },
    /// Waits.
    WaitFor {
        /// For which.
        container: ContainerTarget,
        /// For what.
        until: Until,
    },
    /// Runs a step of `pre_start` in a container of its own, with the volumes of one that does not run yet, to its end.
    RunBefore {
        /// Whose volumes it works on.
        container: ContainerTarget,
        /// The container to be made for it.
        spec: Box<ContainerSpec>,
        /// Its image.
        image: ImageUse,
        /// What it takes from others beside the volumes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joins: Vec<Join>,
        /// Networks that it joins once it is made.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        networks: Vec<NetworkAttachment>,
        /// Files put in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Injection>,
        /// Containers that may start after it.
        prepared: Vec<ContainerTarget>,
        /// Kept with each of these once it is done.
        mark: String,
    },
    /// Runs a hook inside.
    RunHook {
        /// In which.
        container: ContainerTarget,
        /// When.
        moment: HookMoment,
        /// What.
        hook: Hook,
        /// Kept with the container's id once it is done; `None`: nothing is kept.
        mark: Option<String>,
    },
    /// Runs a provisioning step in a container of its own, with the mounts of another that does not run yet, to its end.
    ProvisionContainer {
        /// Whose mounts it works on.
        container: ContainerTarget,
        /// The container in which it runs; removed afterwards.
        spec: Box<ContainerSpec>,
        /// Its image.
        image: ImageUse,
        /// Kept with what holds its result once it is done.
        mark: ProvisionMark,
    },
    /// Runs commands of a dev container's life inside.
    RunStage {
        /// In which.
        container: ContainerTarget,
        /// What.
        stage: Stage,
        /// As whom, where, with which variables.
        session: Session,
        /// Further variables, by reference.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        secrets: IndexMap<String, SecretSource>,
        /// Kept with the container's id once it is done.
        mark: String,
    },
    /// Runs a task of the project inside.
    RunTask {
        /// Its name.
        name: String,
        /// In which.
        container: ContainerTarget,
        /// What.
        task: Task,
        /// Kept with the container's id once it is done.
        mark: String,
    },
}

/// The one container that an operation is done to: of a reference a reference, of a changeable one a changeable one.
macro_rules! target {
    ($operation:expr) => {
        match $operation {
            Operation::CreateNetwork { .. }
            | Operation::RemoveNetwork { .. }
            | Operation::CreateVolume { .. }
            | Operation::RemoveVolume { .. }
            | Operation::PullImage { .. }
            | Operation::BuildImage { .. }
            | Operation::BuildEnv { .. }
            | Operation::ProvisionImage { .. }
            | Operation::RemoveImage { .. }
            | Operation::AskProvider { .. }
            | Operation::ReleaseProvider { .. }
            | Operation::StopProvider { .. }
            | Operation::ServeModel { .. }
            | Operation::CreateContainer { .. } => None,
            Operation::InjectFiles { container, .. }
            | Operation::ConnectNetwork { container, .. }
            | Operation::RenameContainer { container, .. }
            | Operation::StartContainer { container }
            | Operation::StopContainer { container, .. }
            | Operation::KillContainer { container, .. }
            | Operation::PauseContainer { container }
            | Operation::UnpauseContainer { container }
            | Operation::RemoveContainer { container, .. }
            | Operation::WaitFor { container, .. }
            | Operation::RunHook { container, .. }
            | Operation::RunBefore { container, .. }
            | Operation::ProvisionContainer { container, .. }
            | Operation::RunStage { container, .. }
            | Operation::RunTask { container, .. } => Some(container),
        }
    };
}

impl Operation {
    /// Every container it names.
    pub fn targets(&self) -> Vec<&ContainerTarget> {
        match self {
            Self::CreateContainer { joins, .. } => joins.iter().map(|join| &join.of).collect(),
            Self::RunBefore { container, joins, prepared, .. } => {
                let joined = joins.iter().map(|join| &join.of);
                std::iter::once(container).chain(joined).chain(prepared).collect()
            }
            other => target!(other).into_iter().collect(),
        }
    }

    /// Every container it names, to be renumbered.
    pub(super) fn targets_mut(&mut self) -> Vec<&mut ContainerTarget> {
        match self {
            Self::CreateContainer { joins, .. } => joins.iter_mut().map(|join| &mut join.of).collect(),
            Self::RunBefore { container, joins, prepared, .. } => {
                let joined = joins.iter_mut().map(|join| &mut join.of);
                std::iter::once(container).chain(joined).chain(prepared).collect()
            }
            other => target!(other).into_iter().collect(),
        }
    }

    /// The image of the container it makes.
    pub(super) fn image_mut(&mut self) -> Option<&mut ImageUse> {
        match self {
            Self::CreateContainer { image, .. }
            | Self::ProvisionContainer { image, .. }
            | Self::RunBefore { image, .. } => Some(image),
            _ => None,
        }
    }
}
