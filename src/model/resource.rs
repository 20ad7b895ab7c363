//! Networks, volumes, secrets and configs, in Compose's canonical form (what `docker-compose config --format json` prints).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A network of the project, or an external one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The engine's name for it.
    pub name: String,
    /// `bridge` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Handed to the driver as they are.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub driver_opts: IndexMap<String, String>,
    /// Address management.
    pub ipam: Ipam,
    /// Not ours: never created, never removed.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
    /// Without a way out.
    #[serde(skip_serializing_if = "is_false")]
    pub internal: bool,
    /// Other containers may join.
    #[serde(skip_serializing_if = "is_false")]
    pub attachable: bool,
    /// The user's labels.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// `None` leaves it to the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<bool>,
    /// `None` leaves it to the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
}

/// Address management of a network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// `default` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Pools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<IpamPool>,
    /// Handed to the driver of addresses as they are.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, String>,
}

/// One pool of addresses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IpamPool {
    /// CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Address of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// CIDR inside the subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// Reserved addresses by name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub aux_addresses: IndexMap<String, String>,
}

/// A named volume of the project, or an external one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// The engine's name for it.
    pub name: String,
    /// `local` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Handed to the driver as they are.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub driver_opts: IndexMap<String, String>,
    /// Not ours: never created, never removed.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
    /// The user's labels.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
}

/// Where a secret's value comes from. A reference: the value itself is read at apply only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretSource {
    /// Project-scoped name.
    pub name: String,
    /// A file on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A variable of devup's own environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The value itself (configs only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// devup: an entry of the OS keyring under this project's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
    /// devup: a command on the host whose output is the value; runs only with consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// devup: the question to the user where nothing else has a value. What is typed is kept only with `keyring`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// devup: made up at this length on first use if absent from the keyring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<u32>,
    /// Known to the engine, not to us.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}
