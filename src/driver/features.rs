//! What an engine can do. Code asks here, never for the engine's name.

use serde::{Deserialize, Serialize};

/// Which program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Docker.
    Docker,
    /// Podman through its Docker API.
    Podman,
    /// A test's own.
    Fake,
}

/// An engine and its abilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a table of abilities")]
pub struct Features {
    /// Which program.
    pub kind: EngineKind,
    /// Its version.
    pub version: String,
    /// API version agreed on, `(1, 41)`.
    pub api: (u32, u32),
    /// `linux/amd64`.
    pub platform: String,
    /// More than one network in the create call (API 1.44).
    pub multi_network_create: bool,
    /// Can build with `BuildKit`.
    pub buildkit: bool,
    /// Its own choice of builder is `BuildKit` (Docker 23 and later).
    pub builder_is_buildkit: bool,
    /// Its builder knows named contexts (Docker 23 and later).
    pub named_contexts: bool,
    /// `healthcheck.start_interval` (API 1.44).
    pub start_interval: bool,
    /// Sub-paths of volumes (API 1.45).
    pub volume_subpath: bool,
    /// Image mounts (API 1.48).
    pub image_mount: bool,
    /// Annotations for the runtime (API 1.43).
    pub annotations: bool,
    /// A MAC address per network instead of one per container (API 1.44).
    pub endpoint_mac: bool,
    /// Which network gives the default route (API 1.48).
    pub gateway_priority: bool,
    /// Names of interfaces inside (API 1.49).
    pub interface_name: bool,
    /// Takes the whole create call; Podman's Docker API drops some of it (see `unhonoured`).
    pub whole_create: bool,
    /// Networks without IPv4 (API 1.48).
    pub no_ipv4: bool,
    /// What becomes of mounts below a bind that is read-only (API 1.44).
    pub recursive_binds: bool,
    /// Where its own socket lies, for containers that may use its API.
    pub api_socket: String,
    /// Links with an alias; Podman refuses a container that has any.
    pub links: bool,
    /// A listing of containers says their health.
    pub lists_health: bool,
    /// `top` answers without being told which columns.
    pub top_by_default: bool,
    /// An import gives the image its tag.
    pub import_takes_tag: bool,
    /// Runs health checks by itself; where not, devup runs the probe.
    pub runs_healthchecks: bool,
    /// `exec` and `logs` and the like reach it over a local socket: bind mounts mean the same folder here and there.
    pub local: bool,
    /// Root inside is an ordinary user on the host.
    pub rootless: bool,
}
