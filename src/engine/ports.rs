//! What the executor needs from outside: drivers, and others' work behind narrow doors.

use async_trait::async_trait;

use crate::driver::container::ContainerDriver;
use crate::driver::image::{BuildRequest, ImageDriver, ProgressSink};
use crate::driver::session::SessionDriver;
use crate::model::event::Listener;
use crate::model::provider::{Model, Provider};
use crate::model::resource::SecretSource;
use crate::model::task::Provision;

/// Reads the value of a secret or config, at the moment it is needed.
#[async_trait]
pub trait SecretResolver: Send + Sync {
    /// The bytes, or why there are none (never with the value in the words).
    async fn resolve(&self, source: &SecretSource) -> Result<Vec<u8>, String>;

    /// A program inside is about to speak: whatever value it could repeat has to be known for [`Self::hide`].
    async fn know_all(&self) {}

    /// A program's words as they may be repeated: without the values of the secrets that were resolved so far.
    fn hide(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Makes images that are not just built from a Dockerfile, and knows what the host adds to those that are.
#[async_trait]
pub trait Workshop: Send + Sync {
    /// Builds one of devup's building blocks as `reference`.
    async fn build_env(&self, env: &str, reference: &str, progress: ProgressSink<'_>) -> Result<(), String>;
    /// Runs provisioning steps on top of `base` and keeps the result as `reference`.
    async fn provision(
        &self,
        base: &str,
        reference: &str,
        steps: &[Provision],
        progress: ProgressSink<'_>,
    ) -> Result<(), String>;
    /// Adds what the host gives to builds of the user's own: certificate authorities and proxies.
    async fn surround(&self, request: BuildRequest) -> Result<BuildRequest, String>;
}

/// Who hears how a long job goes, in lines.
pub type Told<'t> = &'t (dyn Fn(&str) + Send + Sync);

/// Programs of this machine that provide services and models. They keep the answers.
#[async_trait]
pub trait Providers: Send + Sync {
    /// Asks for a service.
    async fn up(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String>;
    /// What is held for a service may go.
    async fn down(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String>;
    /// A service is not used for now.
    async fn stop(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String>;
    /// Has a model fetched and served.
    async fn serve(&self, key: &str, model: &Model, told: Told<'_>) -> Result<(), String>;
}

/// Notes what was done to which container, volume or folder (the subject), where that itself cannot tell.
pub trait Marks: Send + Sync {
    /// Something was done.
    fn done(&self, subject: &str, mark: &str) -> Result<(), String>;
    /// What begins like this counts as not done any more.
    fn forget(&self, subject: &str, beginning: &str) -> Result<(), String>;
}

/// Everything the executor works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The project's name.
    pub project: &'a str,
    /// Containers, networks, volumes.
    pub containers: &'a dyn ContainerDriver,
    /// Images.
    pub images: &'a dyn ImageDriver,
    /// Programs and logs.
    pub sessions: &'a dyn SessionDriver,
    /// Values of secrets.
    pub secrets: &'a dyn SecretResolver,
    /// Envs and provisioned images.
    pub workshop: &'a dyn Workshop,
    /// Services and models that are no containers.
    pub providers: &'a dyn Providers,
    /// Notes.
    pub marks: &'a dyn Marks,
    /// Who listens.
    pub listener: &'a dyn Listener,
}
