//! What the user asks for this time, and what other rooms found out before planning.

use std::collections::BTreeSet;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::operation::Injection;
use crate::driver::features::Features;
use crate::model::mount::Mount;
use crate::model::task::Provision;

/// `--pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// At every run.
    Always,
    /// Where it is not there.
    Missing,
    /// Not at all: a missing image is an error.
    Never,
}

/// What `up` waits for in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Running or healthy; an end with 0 is fine.
    #[default]
    Ready,
    /// As Compose's `--wait`: any end is a failure, but of services that others await completed.
    Strict,
    /// Only for what a dependant needs.
    Dependencies,
}

/// What the user asks for this time: the flags of `up`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// Services; none: all. A service of an inactive profile may be named.
    pub services: Vec<String>,
    /// Leaves dependencies out.
    pub no_deps: bool,
    /// Re-creates the selected services' containers even where nothing changed.
    pub force_recreate: bool,
    /// The same for dependencies.
    pub always_recreate_deps: bool,
    /// Leaves what exists as it is.
    pub no_recreate: bool,
    /// Builds images that have a `build` section even where they exist.
    pub build: bool,
    /// Overrides every `pull_policy`.
    pub pull: Option<Pull>,
    /// Anonymous volumes begin empty instead of being handed over.
    pub renew_anon_volumes: bool,
    /// Volumes begin empty: those that are there are removed.
    pub fresh_data: bool,
    /// Of these the run has made new ones already.
    pub renewed: BTreeSet<String>,
    /// Removes containers of services that are not in the spec.
    pub remove_orphans: bool,
    /// Says nothing of orphans (`COMPOSE_IGNORE_ORPHANS`).
    pub ignore_orphans: bool,
    /// Numbers of containers, overriding the spec.
    pub scale: IndexMap<String, u32>,
    /// Creates, and starts nothing.
    pub no_start: bool,
    /// With `no_start`: runs the provisioning steps that are due for what is created (`run`).
    pub prepare: bool,
    /// Of a dev container's stages, runs only those that `waitFor` waits for.
    pub awaited_stages_only: bool,
    /// What is waited for in the end.
    pub wait: Wait,
    /// Before the kill of a container that is replaced; its own where `None`.
    pub grace: Option<Duration>,
    /// Pulls and builds of this run are done: plan with the images that are there.
    pub images_settled: bool,
    /// Volumes whose definition changed stay as they are (the answer to a refused risk).
    pub keep_changed_volumes: bool,
}

/// How a service's image comes to be where it is neither just `image` nor just `build`: its last maker brings it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageChain {
    /// Makers in order, each on top of the one before.
    pub makers: Vec<ImageMaker>,
}

/// One link of an [`ImageChain`]. A link whose image exists is skipped: its reference is a content hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageMaker {
    /// The service's own `image` or `build`.
    Service {
        /// What it is called.
        reference: String,
    },
    /// A building block of devup.
    Env {
        /// `python-3.11`.
        env: String,
        /// What it is called.
        reference: String,
    },
    /// Provisioning steps kept as an image layer.
    Layer {
        /// The image below.
        base: String,
        /// What it is called.
        reference: String,
        /// What runs.
        steps: Vec<Provision>,
    },
}

impl ImageMaker {
    /// What its image is called.
    pub fn reference(&self) -> &str {
        match self {
            Self::Service { reference } | Self::Env { reference, .. } | Self::Layer { reference, .. } => reference,
        }
    }
}

/// What devup adds to a service beyond the spec: certificate authorities and proxies of the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Additions {
    /// Variables; the spec's own win.
    pub environment: IndexMap<String, String>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Files put in.
    pub injections: Vec<Injection>,
}

/// A provisioning step that runs in a container of its own beside the service's mounts, before the service starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsideStep {
    /// Hash over the step and its inputs.
    pub digest: String,
    /// Hash over the step without what its inputs hold.
    pub step: String,
    /// Paths inside that it writes, absolute.
    pub outputs: Vec<String>,
    /// One of these is shown by a bind, and is not on the host's disk.
    pub gone: bool,
    /// The step.
    pub provision: Provision,
}

/// Variables by name.
pub type Variables = IndexMap<String, String>;

/// What the programs that provide services and models answered in this run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Variables for those that depend on a service, by that service.
    pub services: IndexMap<String, Variables>,
    /// Where a model answers, by its key.
    pub models: IndexMap<String, String>,
}

/// What other rooms found out before planning. Keys are services where nothing else is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Images that come to be in several steps.
    pub images: IndexMap<String, ImageChain>,
    /// What devup adds.
    pub additions: IndexMap<String, Additions>,
    /// Provisioning steps that do not run as image layers.
    pub provision: IndexMap<String, Vec<InsideStep>>,
    /// Of configs and secrets that are copied instead of mounted, by key: what changes with their content (a file's digest,
    /// how often an entry was replaced).
    pub file_digests: IndexMap<String, String>,
    /// What was done in which container: `<container id> <mark>`.
    pub marks: BTreeSet<String>,
    /// Bind mounts mean the same folder on the engine's machine.
    pub local: bool,
    /// A container joins all its networks when it is made.
    pub multi_network_create: bool,
    /// What the engine can do; `None`: everything.
    pub features: Option<Features>,
    /// Answers of this run's providers; `None`: nobody is asked, as in a preview, and nothing is known of them.
    pub answers: Option<Answers>,
    /// The present, in seconds since 1970: decides whether a pull is due.
    pub now: i64,
    /// devup's version, for the labels.
    pub version: String,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            images: IndexMap::new(),
            additions: IndexMap::new(),
            provision: IndexMap::new(),
            file_digests: IndexMap::new(),
            marks: BTreeSet::new(),
            local: true,
            multi_network_create: false,
            features: None,
            answers: None,
            now: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl Inputs {
    /// Whether something was done in a container.
    pub fn is_marked(&self, container: &str, mark: &str) -> bool {
        self.marks.contains(&mark_line(container, mark))
    }
}

/// How a mark is kept.
pub fn mark_line(container: &str, mark: &str) -> String {
    format!("{container} {mark}")
}
