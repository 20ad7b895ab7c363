//! Containers, networks and volumes: what `observe` reads and `engine` changes. Small enough for a fake to be complete.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::features::Features;
use crate::model::container::{ContainerSpec, InjectedFile, NetworkAttachment};
use crate::model::observed;
use crate::model::resource;
use indexmap::IndexMap;

/// Which resources are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of one project, by Compose's label.
    Project(String),
    /// Those of every Compose project on the engine.
    AllProjects,
    /// Those that carry this label (and value).
    Label(String, Option<String>),
}

/// What removing a container takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnonymousVolumes {
    /// They stay.
    Keep,
    /// They go too.
    Remove,
}

/// Lifecycle of containers, networks and volumes. Calls are idempotent where that is natural: removing what is gone and
/// stopping what is stopped succeed.
#[async_trait]
pub trait ContainerDriver: Send + Sync {
    /// What the engine can do.
    fn features(&self) -> &Features;

    /// Containers, stopped ones included.
    async fn containers(&self, scope: &Scope) -> Result<Vec<observed::Container>>;
    /// Networks.
    async fn networks(&self, scope: &Scope) -> Result<Vec<observed::Network>>;
    /// Volumes.
    async fn volumes(&self, scope: &Scope) -> Result<Vec<observed::Volume>>;
    /// One container by id or name, with exit code and health as of now.
    async fn container(&self, id: &str) -> Result<Option<observed::Container>>;
    /// One network by name or id.
    async fn network(&self, name: &str) -> Result<Option<observed::Network>>;
    /// One volume by name.
    async fn volume(&self, name: &str) -> Result<Option<observed::Volume>>;

    /// Makes a network; returns its id.
    async fn create_network(&self, network: &resource::Network, labels: &IndexMap<String, String>) -> Result<String>;
    /// Removes a network. Endpoints of stopped containers are no obstacle; running ones are, but Podman takes the network
    /// away from them.
    async fn remove_network(&self, id: &str) -> Result<()>;
    /// Makes a volume.
    async fn create_volume(&self, volume: &resource::Volume, labels: &IndexMap<String, String>) -> Result<()>;
    /// Removes a volume and its data.
    async fn remove_volume(&self, name: &str) -> Result<()>;

    /// Makes a container on the first network of the spec (on all where the engine can); returns its id.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String>;
    /// Puts files into a container that does not run yet.
    async fn inject(&self, id: &str, files: &[InjectedFile]) -> Result<()>;
    /// Joins a further network.
    async fn connect(&self, id: &str, network: &NetworkAttachment) -> Result<()>;
    /// Renames.
    async fn rename(&self, id: &str, name: &str) -> Result<()>;
    /// Starts.
    async fn start(&self, id: &str) -> Result<()>;
    /// Signal, then kill after `grace` (`None`: the container's own).
    async fn stop(&self, id: &str, grace: Option<Duration>) -> Result<()>;
    /// Stop and start.
    async fn restart(&self, id: &str, grace: Option<Duration>) -> Result<()>;
    /// Sends a signal.
    async fn kill(&self, id: &str, signal: &str) -> Result<()>;
    /// Freezes.
    async fn pause(&self, id: &str) -> Result<()>;
    /// Unfreezes.
    async fn unpause(&self, id: &str) -> Result<()>;
    /// Removes, running or not.
    async fn remove(&self, id: &str, volumes: AnonymousVolumes) -> Result<()>;
    /// Waits until it does not run; returns its exit code.
    async fn wait(&self, id: &str) -> Result<i64>;
    /// Waits until its state or health differs from what `container` said before, at most `patience`.
    /// Returns its present state; `None` where it is gone. The caller loops.
    async fn changed(
        &self,
        id: &str,
        known: &observed::Container,
        patience: Duration,
    ) -> Result<Option<observed::Container>>;
}
