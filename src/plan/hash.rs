//! Hashes over definitions: a resource whose hash differs from the one on its label is not what the spec wants.

use serde::Serialize;
use serde_json::Value;

use super::draft::Draft;
use crate::base::digest::{Digest, FieldHasher};
use crate::model::resource::{Network, Volume};

/// Keys of a service that decide nothing about its containers, or are hashed in their resolved form.
const NOT_HASHED: &[&str] = &[
    "attach",
    "backup",
    "build",
    "depends_on",
    "develop",
    "env_file",
    "profiles",
    "provision",
    "pull_policy",
    "scale",
    "secrets",
    "configs",
    "environment",
    "volumes",
    "ports",
    "networks",
    "labels",
    "image",
    "links",
    "external_links",
    "env",
];

/// Hash of a network's definition.
pub(super) fn network(network: &Network) -> String {
    of(&network)
}

/// Hash of a volume's definition.
pub(super) fn volume(volume: &Volume) -> String {
    of(&volume)
}

/// Hash of anything in canonical form, whatever the order of its keys.
pub(super) fn of(value: &impl Serialize) -> String {
    // canonical forms are plain data with text keys, which JSON can always express
    let mut value = serde_json::to_value(value).unwrap_or(Value::Null);
    value.sort_all_objects();
    Digest::of(value.to_string()).to_string()
}

/// Hash of a container: everything that makes it differ from another, ids of the moment aside. `below` are the hashes
/// of its networks and of the services whose namespaces or volumes it joins, in a stable order.
pub(super) fn container(draft: &Draft, below: &[String], file_digests: &[String]) -> String {
    let mut spec = serde_json::to_value(&draft.spec).unwrap_or(Value::Null);
    if let Some(service) = spec.get_mut("service").and_then(Value::as_object_mut) {
        for key in NOT_HASHED {
            service.remove(*key);
        }
        if let Some(deploy) = service.get_mut("deploy").and_then(Value::as_object_mut) {
            deploy.remove("replicas");
            deploy.remove("labels");
        }
    }
    let mut hasher = FieldHasher::new();
    hasher.field(of(&spec)).field(of(&draft.injections));
    for list in [below, file_digests] {
        hasher.field(list.len().to_string());
        for entry in list {
            hasher.field(entry);
        }
    }
    hasher.finish().to_string()
}
