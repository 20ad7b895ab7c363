//! What the rows of the table look at. Each function reports what a value asks of the host, and nothing where it stays
//! inside.

mod command;
mod name;
mod path;
mod value;

pub(super) use command::{command, provider, stage};
pub(super) use name::{
    building_block, image, keyring, labels, network_name, service_networks, tags, volume_name, volumes_from,
};
pub(super) use path::{
    additional_contexts, cache_from, cache_to, context, develop, dockerfile, env_file, inputs, mount_kind,
    mount_source, mounts, source_file, volume_options,
};
pub(super) use value::{
    build_network, cap_add, cgroup, devices, host_ip, ipam, ipc, isolation, log_driver, log_options, namespace,
    network_driver, network_mode, network_options, oom_score, propagation, security_opt, storage_opt, sysctls, userns,
    volume_driver,
};

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::capability::{Capability, Kind};
use super::survey::World;

/// The place in the model that is looked at.
pub struct Site<'a, 'w> {
    /// What is known of the project and its surroundings.
    pub world: &'a World<'w>,
    /// `services.web.ports[0].host_ip`.
    pub path: String,
    /// `service web`.
    pub subject: String,
    /// The mapping that the value stands in.
    pub siblings: &'a Map<String, Value>,
    /// Where reports go.
    pub found: &'a mut Vec<Capability>,
}

impl Site<'_, '_> {
    /// Reports a capability at this place.
    pub fn report(&mut self, kind: Kind, action: impl Into<String>) {
        self.report_at(&self.path.clone(), kind, action);
    }

    /// Reports a capability at a place beneath this one.
    pub fn report_at(&mut self, path: &str, kind: Kind, action: impl Into<String>) {
        self.found.push(Capability {
            kind,
            subject: self.subject.clone(),
            action: action.into(),
            place: self.world.place(path),
            scripts: BTreeMap::new(),
        });
    }

    /// A neighbouring value as text; empty where it is none.
    pub fn sibling(&self, key: &str) -> &str {
        self.siblings.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The texts of a list, with their paths.
fn texts<'v>(path: &str, value: &'v Value) -> Vec<(String, &'v str)> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let with_path =
        |(number, item): (usize, &'v Value)| (format!("{path}[{number}]"), item.as_str().unwrap_or_default());
    items.iter().enumerate().map(with_path).collect()
}

/// The entries of a mapping as texts, with their paths.
fn entries<'v>(path: &str, value: &'v Value) -> Vec<(String, &'v str, String)> {
    let Some(map) = value.as_object() else { return Vec::new() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.iter().map(|(key, value)| (format!("{path}.{key}"), key.as_str(), text(value))).collect()
}
