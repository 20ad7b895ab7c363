//! A service's `build` section in canonical form.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::quantity::Bytes;
use super::resource::is_false;
use super::service::{FileReference, Ulimit};

/// How an image is built from a Dockerfile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// A folder (absolute after path resolution), or a git or http URL.
    pub context: String,
    /// Relative to the context; `Dockerfile` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The Dockerfile itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments; those without a value take devup's environment, and are dropped where it has none.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub args: IndexMap<String, Option<String>>,
    /// `default`, or `id=path`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// Image labels.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Images to take layers from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Where to export the cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<String>,
    /// No cache at all.
    #[serde(skip_serializing_if = "is_false")]
    pub no_cache: bool,
    /// Named contexts (`BuildKit`).
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub additional_contexts: IndexMap<String, String>,
    /// Refresh base images.
    #[serde(skip_serializing_if = "is_false")]
    pub pull: bool,
    /// `name=address`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// Isolation technology of Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// Extended rights of `BuildKit`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<String>,
    /// Network of the build's own containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Secrets of the project, mounted during the build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<FileReference>,
    /// Size of /dev/shm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    /// Further tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Limits of the build's own containers.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub ulimits: IndexMap<String, Ulimit>,
    /// Platforms to build for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// A statement of how the image was built goes with it: `true`, `false`, or options such as `mode=max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// A bill of materials goes with the image: `true`, `false`, or options such as `generator=IMAGE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<String>,
    /// Memory of the steps' containers: of the command line, no spec has it.
    #[serde(skip)]
    pub memory: Option<Bytes>,
    /// Elevated rights during the build.
    #[serde(skip_serializing_if = "is_false")]
    pub privileged: bool,
}

impl Build {
    /// Named contexts that are other services' images: the context's name, and the service. `target:` is what the file
    /// that Compose hands to its builder calls a service.
    pub fn services(&self) -> impl Iterator<Item = (&str, &str)> {
        self.additional_contexts.iter().filter_map(|(name, source)| {
            let service = source.strip_prefix("service:").or_else(|| source.strip_prefix("target:"))?;
            Some((name.as_str(), service))
        })
    }
}
