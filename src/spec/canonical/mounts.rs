//! Ports, mounts, devices, secrets and configs of a service.

use super::super::error::{Fault, Problem, SpecError};
use super::super::node::{At, Node, Value};
use super::super::path::{below, index};
use super::super::port::parse_ports;
use super::super::resolve_path::clean;
use super::super::volume::parse_mount;
use super::{bad, wrong};

/// Short ports → one mapping per port; one entry may become many.
pub fn ports(list: &mut Node, path: &[&str], left: &mut usize) -> Result<(), SpecError> {
    if list.is_null() {
        return Ok(());
    }
    let Some(items) = list.as_seq_mut() else { return Err(wrong(list, path, "a list of ports")) };
    let mut all = Vec::with_capacity(items.len());
    for (number, item) in std::mem::take(items).into_iter().enumerate() {
        let text = match &item.value {
            Value::Map(_) => {
                all.push(item);
                continue;
            }
            Value::Int(_) | Value::String(_) => item.value.text().unwrap_or_default(),
            _ => return Err(wrong(&item, &below(path, &index(number)), "a port")),
        };
        let ports = parse_ports(&text).map_err(|reason| {
            let hint = "write `HOST:CONTAINER`, for example \"8080:80\", \"127.0.0.1:8080:80\" or \"53:53/udp\"";
            let path = below(path, &index(number)).join(".").replace(".[", "[");
            Problem::new(Fault::BadValue { path, value: text.clone(), reason }, &item.at).help(hint)
        })?;
        *left = left.checked_sub(ports.len()).ok_or_else(|| {
            let fault = Fault::Limit {
                what: "the number of ports in ranges".into(),
                limit: format!("{} ports", super::MAX_PORTS),
            };
            SpecError::new(fault, &item.at)
        })?;
        all.extend(ports.into_iter().map(|port| {
            let text = |text: String| Node::string(text, item.at.clone());
            let mut long = Node::empty_map(item.at.clone());
            long.set("mode", text("ingress".into()));
            if !port.host_ip.is_empty() {
                long.set("host_ip", text(port.host_ip));
            }
            long.set("target", Node::new(Value::Int(port.target.into()), item.at.clone()));
            if !port.published.is_empty() {
                long.set("published", text(port.published));
            }
            long.set("protocol", text(port.protocol));
            long
        }));
    }
    *items = all;
    Ok(())
}

/// A short mount → its mapping.
pub fn mount(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let text = match &node.value {
        Value::Map(_) => return Ok(()),
        Value::String(text) => text,
        _ => return Err(wrong(node, path, "a string or a mapping")),
    };
    let short = parse_mount(text).map_err(|reason| bad(node, path, reason))?;
    let at = &node.at;
    let flag = || Node::new(Value::Bool(true), at.clone());
    let mut long = Node::empty_map(at.clone());
    let is_bind = short.is_bind();
    long.set("type", Node::string(if is_bind { "bind" } else { "volume" }, at.clone()));
    if let Some(source) = &short.source {
        long.set("source", Node::string(source, at.clone()));
    }
    long.set("target", Node::string(clean(&short.target), at.clone()));
    if short.read_only {
        long.set("read_only", flag());
    }
    let bind = bind_options(short.selinux, short.propagation, is_bind, at);
    if is_bind || bind.as_map().is_some_and(|map| !map.is_empty()) {
        long.set("bind", bind);
    }
    let mut volume = Node::empty_map(at.clone());
    if short.nocopy {
        volume.set("nocopy", flag());
    }
    if !is_bind || short.nocopy {
        long.set("volume", volume);
    }
    *node = long;
    Ok(())
}

fn bind_options(selinux: Option<String>, propagation: Option<String>, create: bool, at: &At) -> Node {
    let mut bind = Node::empty_map(at.clone());
    for (key, value) in [("selinux", selinux), ("propagation", propagation)] {
        if let Some(value) = value {
            bind.set(key, Node::string(value, at.clone()));
        }
    }
    if create {
        bind.set("create_host_path", Node::new(Value::Bool(true), at.clone()));
    }
    bind
}

/// `SOURCE[:TARGET[:PERMISSIONS]]` of a device.
pub fn device(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let text = match &node.value {
        Value::Map(_) => return Ok(()),
        Value::String(text) => text.clone(),
        _ => return Err(wrong(node, path, "a string or a mapping")),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => return Err(bad(node, path, "it has too many colons: use the long form")),
    };
    let target = if target.is_empty() { source } else { target };
    let mut long = Node::empty_map(node.at.clone());
    for (key, value) in [("source", source), ("target", target), ("permissions", permissions)] {
        long.set(key, Node::string(value, node.at.clone()));
    }
    *node = long;
    Ok(())
}

/// A secret's or config's name → `{source: name}`.
pub fn file_mount(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    match &node.value {
        Value::Map(_) => Ok(()),
        Value::String(_) => {
            let mut long = Node::empty_map(node.at.clone());
            long.set("source", node.clone());
            *node = long;
            Ok(())
        }
        _ => Err(wrong(node, path, "a name or a mapping")),
    }
}
