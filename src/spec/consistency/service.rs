//! What one service says, against the rest of the spec.

use std::collections::HashMap;

use super::Checked;
use crate::spec::error::Fault;
use crate::spec::node::{At, Entry, Node};
use crate::spec::path::{index, show};
use crate::spec::port::{check_protocol, range};

/// Checks a service.
pub(super) fn check(checked: &mut Checked<'_>, name: &str, entry: &Entry) {
    let service = &entry.node;
    let at = &entry.key_at;
    origin(checked, name, service, at);
    backup(checked, name, service);
    build(checked, name, service);
    network(checked, name, service);
    healthcheck(checked, name, service);
    references(checked, name, service);
    limits(checked, name, service);
    scale(checked, name, service);
    ports(checked, name, service);
    mounts(checked, name, service);
    watch(checked, name, service);
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn items<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> {
    node.get(key).and_then(Node::as_seq).into_iter().flatten()
}

fn origin(checked: &mut Checked<'_>, name: &str, service: &Node, at: &At) {
    let has = |key: &str| service.get(key).is_some();
    if !has("image") && !has("build") && !has("provider") && !has("env") {
        let fault = Fault::MissingKey { path: show(&["services", name]), key: "image` or `build".into() };
        checked.tell(fault, at).help =
            "add `image: NAME:TAG`, `build: FOLDER`, or, with devup, `env:` with a building block".into();
    }
    if has("env") && (has("image") || has("build")) {
        let other = if has("image") { "image" } else { "build" };
        let at = &service.get("env").map_or(at, |node| &node.at).clone();
        checked.contradiction(&["services", name], format!("has both `env` and `{other}`"), at);
    }
}

/// What is left out of backups has to be there.
fn backup(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let Some(backup) = service.get("backup") else { return };
    for (number, volume) in items(backup, "exclude").enumerate() {
        let wanted = volume.as_str().unwrap_or_default();
        let is_it = |mount: &Node| {
            text(mount, "type") == "volume" && [text(mount, "source"), text(mount, "target")].contains(&wanted)
        };
        if !items(service, "volumes").any(is_it) {
            let mounted = items(service, "volumes").filter(|mount| text(mount, "type") == "volume");
            let known: Vec<&str> = mounted.map(|mount| text(mount, "source")).filter(|key| !key.is_empty()).collect();
            let path = show(&["services", name, "backup", "exclude", &index(number)]);
            let help = if known.is_empty() {
                "the service mounts none; one that only its image declares is named by its path inside".to_owned()
            } else {
                format!("volumes of the service are {}", known.join(", "))
            };
            let fault = Fault::UnknownName { path, kind: "volume", name: wanted.to_owned() };
            // a volume that only the image declares is known by its path, which nothing here can prove wrong
            if !wanted.starts_with('/') {
                checked.tell(fault, &volume.at).help = help;
            }
        }
    }
}

fn build(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let Some(build) = service.get("build") else { return };
    if let (Some(_), Some(inline)) = (build.get("dockerfile"), build.get("dockerfile_inline")) {
        let path = ["services", name, "build"];
        checked.contradiction(&path, "has both `dockerfile` and `dockerfile_inline`", &inline.at);
    }
    for (key, entry) in build.entries("additional_contexts") {
        let Some(target) = entry.node.as_str().and_then(service_of) else { continue };
        let path = ["services", name, "build", "additional_contexts", key];
        checked.refers(&path, "service", target, &entry.node.at);
        let other = checked.spec.get("services").and_then(|services| services.get(target));
        if other.is_some_and(|other| other.get("build").is_none()) {
            checked.contradiction(&path, format!("names the service `{target}`, which is not built"), &entry.node.at);
        }
    }
    if let Some(platform) = service.get("platform")
        && build.get("platforms").is_some()
        && !items(build, "platforms").any(|known| known.value == platform.value)
    {
        let reason = format!("does not list the service's own platform `{}`", text(service, "platform"));
        checked.contradiction(&["services", name, "build", "platforms"], reason, &platform.at);
    }
    for (number, secret) in items(build, "secrets").enumerate() {
        reference(checked, &["services", name, "build", "secrets", &index(number)], "secret", secret);
    }
}

/// The service whose image a named context is.
fn service_of(context: &str) -> Option<&str> {
    context.strip_prefix("service:").or_else(|| context.strip_prefix("target:"))
}

fn network(checked: &mut Checked<'_>, name: &str, service: &Node) {
    if let Some(mode) = service.get("network_mode") {
        if service.get("networks").is_some_and(|networks| networks.as_map().is_some_and(|map| !map.is_empty())) {
            checked.contradiction(&["services", name], "has both `network_mode` and `networks`", &mode.at);
        }
        if let Some(target) = mode.as_str().and_then(|mode| mode.strip_prefix("service:")) {
            checked.refers(&["services", name, "network_mode"], "service", target, &mode.at);
        }
    }
    for (network, entry) in service.entries("networks") {
        checked.refers(&["services", name, "networks"], "network", network, &entry.key_at);
    }
}

fn healthcheck(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let Some(test) = service.get("healthcheck").and_then(|health| health.get("test")) else { return };
    let first = test.as_seq().and_then(|words| words.first()).and_then(Node::as_str).unwrap_or("NONE");
    if !["CMD", "CMD-SHELL", "NONE"].contains(&first) {
        let path = show(&["services", name, "healthcheck", "test"]);
        let reason = "the list must begin with `CMD`, `CMD-SHELL` or `NONE`".to_owned();
        let fault = Fault::BadValue { path, value: first.to_owned(), reason };
        checked.tell(fault, &test.at).help = "a test written as one string is run by the shell".into();
    }
}

fn reference(checked: &mut Checked<'_>, path: &[&str], kind: &'static str, node: &Node) {
    let source = text(node, "source").to_owned();
    let at = node.get("source").map_or(&node.at, |source| &source.at);
    checked.refers(path, kind, &source, at);
}

fn references(checked: &mut Checked<'_>, name: &str, service: &Node) {
    for (other, entry) in service.entries("depends_on") {
        let required = entry.node.get("required").and_then(Node::as_bool) != Some(false);
        if required || !checked.disabled.contains_key(other) {
            checked.refers(&["services", name, "depends_on"], "service", other, &entry.key_at);
        }
    }
    for (number, mount) in items(service, "volumes").enumerate() {
        if text(mount, "type") == "volume" && !text(mount, "source").is_empty() {
            reference(checked, &["services", name, "volumes", &index(number)], "volume", mount);
        }
    }
    for (list, kind) in [("secrets", "secret"), ("configs", "config")] {
        for (number, node) in items(service, list).enumerate() {
            reference(checked, &["services", name, list, &index(number)], kind, node);
        }
    }
    for (model, entry) in service.entries("models") {
        checked.refers(&["services", name, "models"], "model", model, &entry.key_at);
    }
}

/// Attributes of old and their heirs under `deploy` must say the same.
fn limits(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let Some(resources) = service.get("deploy").and_then(|deploy| deploy.get("resources")) else { return };
    for (own, side, heir) in [
        ("cpus", "limits", "cpus"),
        ("mem_limit", "limits", "memory"),
        ("mem_reservation", "reservations", "memory"),
        ("pids_limit", "limits", "pids"),
    ] {
        let (Some(value), Some(side_node)) = (service.get(own), resources.get(side)) else { continue };
        let same = side_node.get(heir).is_some_and(|other| other.to_json() == value.to_json());
        if !same {
            let reason = format!("gives `{own}` and `deploy.resources.{side}.{heir}` different values");
            checked.contradiction(&["services", name], reason, &value.at);
        }
    }
}

fn scale(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let replicas = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let scale = service.get("scale");
    if let (Some(scale), Some(replicas)) = (scale, replicas)
        && scale.value != replicas.value
    {
        let reason = "gives `scale` and `deploy.replicas` different values";
        checked.contradiction(&["services", name], reason, &scale.at);
    }
    for node in [scale, replicas].into_iter().flatten() {
        if node.as_int().is_some_and(|number| number < 0) {
            let path = show(&["services", name, "scale"]);
            let fault =
                Fault::BadValue { path, value: node.value.text().unwrap_or_default(), reason: "it is negative".into() };
            checked.tell(fault, &node.at);
        }
    }
    let many = scale.or(replicas).and_then(Node::as_int).is_some_and(|number| number > 1);
    if let Some(fixed) = service.get("container_name").filter(|_| many) {
        let reason = "has a `container_name`, so there can be no more than one container";
        checked.contradiction(&["services", name], reason, &fixed.at);
    }
}

fn ports(checked: &mut Checked<'_>, name: &str, service: &Node) {
    for (number, port) in items(service, "ports").enumerate() {
        for (key, check) in [("protocol", check_protocol as fn(&str) -> Result<(), String>), ("published", check_range)]
        {
            let Some(node) = port.get(key) else { continue };
            if let Err(reason) = check(text(port, key)) {
                let path = show(&["services", name, "ports", &index(number), key]);
                checked.tell(Fault::BadValue { path, value: text(port, key).to_owned(), reason }, &node.at);
            }
        }
    }
}

fn check_range(text: &str) -> Result<(), String> {
    range(text).map(drop)
}

fn mounts(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let mut taken: HashMap<&str, &At> = HashMap::new();
    let tmpfs = items(service, "tmpfs").enumerate().map(|(number, item)| {
        let target = item.as_str().unwrap_or_default();
        ("tmpfs", number, target.split_once(':').map_or(target, |(path, _)| path), &item.at)
    });
    let volumes = items(service, "volumes")
        .enumerate()
        .map(|(number, mount)| ("volumes", number, text(mount, "target"), &mount.at));
    for (list, number, target, at) in tmpfs.chain(volumes) {
        if let Some(first) = taken.insert(target, at) {
            let path = ["services", name, list, &index(number)];
            let problem =
                checked.contradiction(&path, format!("mounts `{target}`, where something is mounted already"), at);
            problem.also.push((first.clone(), "mounted first".into()));
        }
    }
}

fn watch(checked: &mut Checked<'_>, name: &str, service: &Node) {
    let Some(develop) = service.get("develop") else { return };
    for (number, rule) in items(develop, "watch").enumerate() {
        let action = text(rule, "action");
        if text(rule, "target").is_empty() && !["rebuild", "restart"].contains(&action) {
            let path = show(&["services", name, "develop", "watch", &index(number)]);
            checked.tell(Fault::MissingKey { path, key: "target".into() }, &rule.at);
        }
    }
}
