//! Phase 5b: what an attribute means where part of it is not said, and what can be checked without the rest of the spec.

use super::dotenv::Variables;
use super::error::{Fault, Problem, SpecError};
use super::node::{Node, Value};
use super::path::{index, show};
use super::port::is_address;
use super::schema;

/// Fills in the parts that Compose gives a value.
pub fn set(spec: &mut Node) {
    for (_, entry) in spec.entries_mut("services") {
        let service = &mut entry.node;
        if let Some(build) = service.get_mut("build") {
            or_string(build, "context", ".");
        }
        each(service, "secrets", |secret| {
            let source = secret.get("source").and_then(|source| source.value.text()).unwrap_or_default();
            or_string(secret, "target", &format!("/run/secrets/{source}"));
        });
        each(service, "ports", |port| {
            or_string(port, "protocol", "tcp");
            or_string(port, "mode", "ingress");
        });
        each(service, "gpus", device_count);
        let reservations =
            service.get_mut("deploy").and_then(|d| d.get_mut("resources")).and_then(|r| r.get_mut("reservations"));
        if let Some(reservations) = reservations {
            each(reservations, "devices", device_count);
        }
    }
}

fn each(node: &mut Node, key: &str, change: impl Fn(&mut Node)) {
    node.get_mut(key).and_then(Node::as_seq_mut).into_iter().flatten().for_each(change);
}

fn or_string(node: &mut Node, key: &str, value: &str) {
    if node.get(key).is_none() {
        let at = node.at.clone();
        node.set(key, Node::string(value, at));
    }
}

fn device_count(device: &mut Node) {
    if device.get("device_ids").is_none() {
        or_string(device, "count", "all");
    }
}

/// Checks parts that need nothing else of the spec.
pub fn check(spec: &Node) -> Result<(), SpecError> {
    for (name, entry) in spec.entries("volumes") {
        external_alone(&entry.node, &["volumes", name])?;
    }
    for (name, entry) in spec.entries("configs") {
        one_source(&entry.node, &["configs", name], CONFIG_SOURCES)?;
    }
    for (name, entry) in spec.entries("secrets") {
        one_source(&entry.node, &["secrets", name], schema::secret_sources(&entry.node))?;
    }
    for (name, entry) in spec.entries("services") {
        service(&entry.node, name)?;
    }
    Ok(())
}

const CONFIG_SOURCES: &[&str] = &["file", "environment", "content"];

fn external_alone(volume: &Node, path: &[&str]) -> Result<(), SpecError> {
    if volume.get("external").and_then(Node::as_bool) != Some(true) {
        return Ok(());
    }
    let other = volume
        .as_map()
        .into_iter()
        .flatten()
        .find(|(key, _)| !["name", "external"].contains(&key.as_str()) && !key.starts_with("x-"));
    match other {
        None => Ok(()),
        Some((key, entry)) => {
            let reason = format!("is external and can't have `{key}` as well");
            let problem = Problem::new(Fault::Contradiction { path: show(path), reason }, &entry.key_at);
            Err(problem.help("an external volume is made elsewhere: keep `name` only").into())
        }
    }
}

fn one_source(resource: &Node, path: &[&str], sources: &[&str]) -> Result<(), SpecError> {
    let given: Vec<&&str> = sources.iter().filter(|key| resource.get(key).is_some()).collect();
    match given.as_slice() {
        [_] => Ok(()),
        [] if resource.get("driver").is_some() || resource.get("external").is_some() => Ok(()),
        [] => {
            let fault = Fault::MissingKey { path: show(path), key: sources.join("`, `") };
            Err(Problem::new(fault, &resource.at)
                .help(format!("add one of {}, or `external: true`", sources.join(", ")))
                .into())
        }
        [first, second, ..] => {
            let reason = format!("has both `{first}` and `{second}`");
            let at = resource.as_map().and_then(|map| map.get(**second)).map_or(&resource.at, |entry| &entry.key_at);
            Err(SpecError::new(Fault::Contradiction { path: show(path), reason }, at))
        }
    }
}

fn service(service: &Node, name: &str) -> Result<(), SpecError> {
    for (number, port) in service.get("ports").and_then(Node::as_seq).into_iter().flatten().enumerate() {
        if let Some(address) = port.get("host_ip")
            && let Some(text) = address.value.text()
            && !is_address(&text)
        {
            let path = show(&["services", name, "ports", &index(number), "host_ip"]);
            let reason = "it is not an IP address".to_owned();
            return Err(SpecError::new(Fault::BadValue { path, value: text, reason }, &address.at));
        }
    }
    let watch = service.get("develop").and_then(|develop| develop.get("watch")).and_then(Node::as_seq);
    for (number, rule) in watch.into_iter().flatten().enumerate() {
        if let Some(path) = rule.get("path").filter(|path| path.as_str() == Some("")) {
            let shown = show(&["services", name, "develop", "watch", &index(number), "path"]);
            let reason = "it is empty".to_owned();
            return Err(SpecError::new(Fault::BadValue { path: shown, value: String::new(), reason }, &path.at));
        }
    }
    let reserved = service
        .get("deploy")
        .and_then(|deploy| deploy.get("resources"))
        .and_then(|resources| resources.get("reservations"))
        .and_then(|reservations| reservations.get("devices"));
    for device in [service.get("gpus"), reserved].into_iter().flatten().filter_map(Node::as_seq).flatten() {
        if device.get("count").is_some() && device.get("device_ids").is_some() {
            let reason = "asks for devices with both `count` and `device_ids`".to_owned();
            return Err(SpecError::new(Fault::Contradiction { path: show(&["services", name]), reason }, &device.at));
        }
    }
    Ok(())
}

/// `environment: [NAME]` takes its value from the environment of the file that says so.
pub fn bare_variables(spec: &mut Node, environment: &Variables) {
    for (_, entry) in spec.entries_mut("services") {
        each(&mut entry.node, "environment", |item| {
            if let Value::String(text) = &mut item.value
                && let Some(value) = environment.get(text.as_str())
            {
                *text = format!("{text}={value}");
            }
        });
    }
}
