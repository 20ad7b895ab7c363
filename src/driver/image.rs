//! Images: looking, pulling, building, importing.

use std::path::PathBuf;

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::Serialize;
use tokio::io::AsyncRead;

use super::error::Result;
use crate::model::build::Build;
use crate::model::observed::Image;

/// A line or a measure of a pull or build under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageProgress {
    /// What is worked on: a layer, a stage.
    pub part: String,
    /// In words.
    pub message: String,
    /// Bytes done.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

/// Receives progress.
pub type ProgressSink<'a> = &'a (dyn Fn(ImageProgress) + Send + Sync);

/// What the `RUN` steps of a user's Dockerfile find beside what it gives them itself. Neither the context folder nor the
/// Dockerfile on disk is touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// An image that holds the files under their paths. It is on the engine before the build begins.
    pub image: String,
    /// Files by absolute path inside, for all to read.
    pub files: IndexMap<String, Vec<u8>>,
    /// Variables of the steps; they are no part of the image.
    pub variables: IndexMap<String, String>,
}

/// A build with nothing left to decide.
#[derive(Clone)]
pub struct BuildRequest {
    /// References the result gets; the first is the service's image.
    pub tags: Vec<String>,
    /// The spec's section: context absolute, args with final values.
    pub build: Build,
    /// Secret values by id: never serialised, never shown.
    pub secrets: IndexMap<String, Vec<u8>>,
    /// Files that are not in the context folder but belong at these paths of it (generated Dockerfiles and the like).
    pub extra_files: Vec<(PathBuf, Vec<u8>, u32)>,
    /// Only `extra_files` make up the context.
    pub without_folder: bool,
    /// `os/arch`; the engine's own where `None`.
    pub platform: Option<String>,
    /// Labels of the image.
    pub labels: IndexMap<String, String>,
    /// Named contexts that are images of the engine's own store: their references, by the contexts' names.
    pub images: IndexMap<String, String>,
    /// What the host adds to the steps.
    pub surroundings: Option<Surroundings>,
}

impl BuildRequest {
    /// Nothing but the spec's section.
    pub fn of(build: Build) -> Self {
        Self {
            tags: Vec::new(),
            build,
            secrets: IndexMap::new(),
            extra_files: Vec::new(),
            without_folder: false,
            platform: None,
            labels: IndexMap::new(),
            images: IndexMap::new(),
            surroundings: None,
        }
    }
}

/// What a builder found in a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Findings {
    /// What it would not write like that.
    pub warnings: Vec<Finding>,
    /// Why it could not be built at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One thing that a builder would not write like that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// What the rule says.
    pub description: String,
    /// What is said about this place.
    pub detail: String,
    /// Where the rule is explained.
    pub url: String,
    /// Line of the Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A container that becomes an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitRequest {
    /// What the image is called; `None`: nothing.
    pub reference: Option<String>,
    /// Dockerfile lines (`ENV A=b`).
    pub changes: Vec<String>,
    /// Who made it.
    pub author: Option<String>,
    /// A word on it.
    pub message: Option<String>,
    /// The container's processes go on meanwhile.
    pub unpaused: bool,
}

/// Images of an engine.
#[async_trait]
pub trait ImageDriver: Send + Sync {
    /// An image by reference or id.
    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// All images that carry this label, as `key` or `key=value`.
    async fn images(&self, label: Option<&str>) -> Result<Vec<Image>>;
    /// Fetches from its registry, with the user's credentials for it. The digest may be part of the reference.
    async fn pull(&self, reference: &str, platform: Option<&str>, progress: ProgressSink<'_>) -> Result<Image>;
    /// The reference with the digest that its registry has for it now; one that has a digest stays as it is.
    async fn pinned(&self, reference: &str) -> Result<String>;
    /// Whether a build asks for something that this engine's builder has no way to do: known before anything is begun.
    fn can_build(&self, _request: &BuildRequest) -> Result<()> {
        Ok(())
    }
    /// Builds; returns the image's id. The failing step's output is in the error.
    async fn build(&self, request: &BuildRequest, progress: ProgressSink<'_>) -> Result<String>;
    /// What the engine's builder has to say about a build, without building.
    async fn check(&self, request: &BuildRequest) -> Result<Findings>;
    /// Makes an image of one layer out of a tar archive of a root file system. `changes` are Dockerfile lines (`ENV A=b`).
    async fn import(
        &self,
        reference: &str,
        archive: Box<dyn AsyncRead + Send + Unpin>,
        changes: &[String],
    ) -> Result<String>;
    /// Commits a container as an image; returns its id.
    async fn commit(&self, container: &str, request: &CommitRequest) -> Result<String>;
    /// Gives a further reference.
    async fn tag(&self, image: &str, reference: &str) -> Result<()>;
    /// Removes a reference, and the image with its last one. Gone already: success.
    async fn remove_image(&self, reference: &str, force: bool) -> Result<()>;
    /// Sends to its registry.
    async fn push(&self, reference: &str, progress: ProgressSink<'_>) -> Result<()>;
}
