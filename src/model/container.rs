//! A container to be made, with nothing left to decide: what the planner hands to a driver.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::mount::Mount;
use super::service::{Service, ServiceNetwork};

/// Everything a driver needs to create one container. Where a field exists here and on `service`, the one here counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The engine's name for it.
    pub name: String,
    /// The image, by reference or id.
    pub image: String,
    /// Labels: the user's, Compose's and devup's.
    pub labels: IndexMap<String, String>,
    /// Variables with their final values.
    pub environment: IndexMap<String, String>,
    /// Mounts, volumes by the engine's name.
    pub mounts: Vec<Mount>,
    /// Published ports with final addresses.
    pub ports: Vec<PortBinding>,
    /// Networks in the order of connecting; the first is the one it is created on.
    pub networks: Vec<NetworkAttachment>,
    /// `host`, `none`, `bridge`, `container:<id>`: instead of `networks`.
    pub network_mode: Option<String>,
    /// `container:<id>` or another value, resolved from `service:NAME`.
    pub pid_mode: Option<String>,
    /// As `pid_mode`.
    pub ipc_mode: Option<String>,
    /// Containers to take volumes from, `<id>[:ro]`.
    pub volumes_from: Vec<String>,
    /// `<container>:<alias>`.
    pub links: Vec<String>,
    /// Everything else, as the spec has it.
    pub service: Arc<Service>,
}

/// A port of the host bound to a port inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortBinding {
    /// Address of the host; `127.0.0.1` unless the spec says otherwise.
    pub host_ip: String,
    /// Port of the host; 0: the engine chooses.
    pub published: u16,
    /// Port inside.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// One network a container joins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkAttachment {
    /// The engine's name (or id) of the network.
    pub network: String,
    /// Names by which others find it there: service, container and the user's aliases.
    pub aliases: Vec<String>,
    /// Addresses and the like.
    pub options: ServiceNetwork,
}

/// A file put into a container after it was created and before it starts (secrets and configs that are no host files).
/// Never serialised: `content` may be a secret.
#[derive(Clone)]
pub struct InjectedFile {
    /// Absolute path inside.
    pub target: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

impl std::fmt::Debug for InjectedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InjectedFile")
            .field("target", &self.target)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}
