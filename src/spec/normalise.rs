//! Phase 6: what Compose adds without being told: the default network, dependencies that other attributes imply, build
//! defaults, values of bare variables, and the engine's names of the project's resources.

use super::dotenv::Variables;
use super::node::{At, Entry, Node, Value};
use super::resolve_path::clean;

/// Completes a spec whose forms are long.
pub fn normalise(spec: &mut Node, project: &str, environment: &Variables) {
    let uses_default = networks(spec);
    if uses_default && spec.get("networks").and_then(|networks| networks.get("default")).is_none() {
        if spec.get("networks").and_then(Node::as_map).is_none() {
            spec.set("networks", Node::empty_map(At::nowhere()));
        }
        if let Some(networks) = spec.get_mut("networks") {
            networks.set("default", Node::new(Value::Null, At::nowhere()));
        }
    }
    for (_, entry) in spec.entries_mut("services") {
        service(&mut entry.node, environment);
    }
    names(spec, project);
}

/// Gives bare variables of services their value from outside.
pub fn variables(spec: &mut Node, environment: &Variables) {
    for (_, entry) in spec.entries_mut("services") {
        if let Some(variables) = entry.node.get_mut("environment") {
            bare(variables, environment, true);
        }
    }
}

fn is_external(resource: &Node) -> bool {
    resource.get("external").and_then(|node| node.value.text()).as_deref() == Some("true")
}

/// Joins services to the default network; tells whether any is in it.
fn networks(spec: &mut Node) -> bool {
    let mut uses_default = false;
    for (_, entry) in spec.entries_mut("services") {
        let service = &mut entry.node;
        let apart = ["provider", "network_mode"].iter().any(|key| service.get(key).is_some_and(|node| !node.is_null()));
        if apart || service.as_map().is_none() {
            continue;
        }
        let joined = service.get("networks").and_then(Node::as_map);
        if joined.is_none_or(indexmap::IndexMap::is_empty) {
            let at = service.at.clone();
            let mut networks = Node::empty_map(at.clone());
            networks.set("default", Node::new(Value::Null, at));
            service.set("networks", networks);
        }
        uses_default |= service.get("networks").is_some_and(|networks| networks.get("default").is_some());
    }
    uses_default
}

fn service(service: &mut Node, environment: &Variables) {
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.as_str() == Some("if_not_present")
    {
        policy.value = Value::String("missing".into());
    }
    if let Some(build) = service.get_mut("build") {
        let at = build.at.clone();
        if build.get("context").is_none_or(Node::is_null) {
            build.set("context", Node::string(".", at.clone()));
        }
        let unsaid = |key| build.get(key).is_none_or(Node::is_null);
        if unsaid("dockerfile") && unsaid("dockerfile_inline") {
            build.set("dockerfile", Node::string("Dockerfile", at));
        }
        if let Some(args) = build.get_mut("args") {
            bare(args, environment, false);
        }
    }
    for mount in service.get_mut("volumes").and_then(Node::as_seq_mut).into_iter().flatten() {
        if let Some(Value::String(target)) = mount.get_mut("target").map(|target| &mut target.value) {
            *target = clean(target);
        }
    }
    dependencies(service);
}

/// Gives bare variables their value from outside; those without one stay, or go.
fn bare(variables: &mut Node, environment: &Variables, keep: bool) {
    match &mut variables.value {
        Value::Map(map) => map.retain(|name, entry| {
            if entry.node.is_null() {
                match environment.get(name.as_str()) {
                    Some(value) => entry.node.value = Value::String(value.clone()),
                    None => return keep,
                }
            }
            true
        }),
        Value::Seq(items) => items.retain_mut(|item| {
            if let Value::String(text) = &mut item.value
                && !text.contains('=')
            {
                match environment.get(text.as_str()) {
                    Some(value) => *text = format!("{text}={value}"),
                    None => return keep,
                }
            }
            true
        }),
        _ => {}
    }
}

/// What `links`, namespaces of other services and `volumes_from` depend on.
fn dependencies(service: &mut Node) {
    let texts = |key: &str| -> Vec<(String, At)> {
        let items = service.get(key).and_then(Node::as_seq).into_iter().flatten();
        items.filter_map(|item| Some((item.as_str()?.to_owned(), item.at.clone()))).collect()
    };
    let mut implied: Vec<(String, bool, At)> = Vec::new();
    for (link, at) in texts("links") {
        let name = link.split_once(':').map_or(link.as_str(), |(name, _)| name);
        implied.push((name.to_owned(), true, at));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(node) = service.get(key)
            && let Some(name) = node.as_str().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), true, node.at.clone()));
        }
    }
    for (from, at) in texts("volumes_from") {
        if !from.starts_with("container:") {
            let name = from.split(':').next().unwrap_or_default();
            implied.push((name.to_owned(), false, at));
        }
    }
    if implied.is_empty() {
        return;
    }
    if service.get("depends_on").and_then(Node::as_map).is_none() {
        let at = service.at.clone();
        service.set("depends_on", Node::empty_map(at));
    }
    let Some(known) = service.get_mut("depends_on").and_then(Node::as_map_mut) else { return };
    for (name, restart, at) in implied {
        known.entry(name).or_insert_with(|| {
            let mut node = Node::empty_map(at.clone());
            node.set("condition", Node::string("service_started", at.clone()));
            if restart {
                node.set("restart", Node::new(Value::Bool(true), at.clone()));
            }
            node.set("required", Node::new(Value::Bool(true), at.clone()));
            Entry { key_at: at, node }
        });
    }
}

/// Names what has none: an external resource by its key, the project's own as `<project>_<key>`.
fn names(spec: &mut Node, project: &str) {
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (key, entry) in spec.entries_mut(kind) {
            if entry.node.is_null() {
                entry.node = Node::empty_map(entry.key_at.clone());
            }
            let resource = &mut entry.node;
            if resource.get("name").is_none_or(Node::is_null) {
                let name = if is_external(resource) { key.clone() } else { format!("{project}_{key}") };
                resource.set("name", Node::string(name, entry.key_at.clone()));
            }
        }
    }
}
