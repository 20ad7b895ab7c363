//! `forwardPorts`, `appPort` and their attributes, as published ports: devup needs no editor to forward them.

use indexmap::IndexMap;

use super::configuration::Configuration;
use crate::model::development::PortAttributes;
use crate::spec::error::{Fault, Problem};
use crate::spec::node::{Node, Value};

/// Published ports by service; the empty name is the dev container itself.
pub type Ports = IndexMap<String, Vec<Node>>;

/// Everything that is published.
pub fn published(read: &Configuration, service: &str, problems: &mut Vec<Problem>) -> Ports {
    let mut ports = Ports::new();
    for item in items(read, "forwardPorts") {
        match forwarded(read, item) {
            Ok((host, port)) => {
                let of = if is_own(&host) { service.to_owned() } else { host };
                ports.entry(of).or_default().push(port);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for item in items(read, "appPort") {
        let port = match item.as_int() {
            Some(number) => Node::string(format!("{number}:{number}"), item.at.clone()),
            None => item.clone(),
        };
        ports.entry(service.to_owned()).or_default().push(port);
    }
    ports
}

/// Ports that must have the same number on this machine.
pub fn required(read: &Configuration) -> Vec<u16> {
    let numbers = items(read, "forwardPorts").into_iter().filter_map(|item| number(item).map(|(_, number)| number));
    let is_required = |number: &u16| attribute(read, *number, "requireLocalPort").and_then(Node::as_bool) == Some(true);
    numbers.filter(is_required).collect()
}

/// Whether a host is the dev container itself.
pub(super) fn is_own(host: &str) -> bool {
    ["", "localhost", "127.0.0.1"].contains(&host)
}

/// What is said of single ports and ranges.
pub fn attributes(node: &Node) -> IndexMap<String, PortAttributes> {
    let map = node.as_map().into_iter().flatten();
    map.map(|(port, entry)| (port.clone(), of_port(&entry.node))).collect()
}

/// What is said of one.
pub fn of_port(node: &Node) -> PortAttributes {
    let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let required = node.get("requireLocalPort").and_then(Node::as_bool) == Some(true);
    PortAttributes { label: text("label"), protocol: text("protocol"), required }
}

fn items<'r>(read: &'r Configuration, key: &str) -> Vec<&'r Node> {
    match read.node.get(key) {
        Some(node) => node.as_seq().map_or_else(|| vec![node], |items| items.iter().collect()),
        None => Vec::new(),
    }
}

/// `3000`, `"3000"`, `"db:5432"`.
pub(super) fn number(item: &Node) -> Option<(String, u16)> {
    let text = item.value.text()?;
    let (host, number) = text.rsplit_once(':').unwrap_or(("", &text));
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((host.to_owned(), number))
}

fn forwarded(read: &Configuration, item: &Node) -> Result<(String, Node), Problem> {
    let Some((host, target)) = number(item) else {
        let value = item.value.text().unwrap_or_default();
        let reason = "it is no port".to_owned();
        let fault = Fault::BadValue { path: "forwardPorts".into(), value, reason };
        return Err(Problem::new(fault, &item.at).help("write a number, or `SERVICE:NUMBER`"));
    };
    let mut port = Node::empty_map(item.at.clone());
    port.set("mode", Node::string("ingress", item.at.clone()));
    port.set("target", Node::new(Value::Int(target.into()), item.at.clone()));
    port.set("published", Node::string(target.to_string(), item.at.clone()));
    port.set("protocol", Node::string("tcp", item.at.clone()));
    for (from, to) in [("label", "name"), ("protocol", "app_protocol")] {
        if let Some(value) = attribute(read, target, from) {
            port.set(to, value.clone());
        }
    }
    Ok((host, port))
}

/// Of the port itself, of a range that holds it, or of all others.
fn attribute<'r>(read: &'r Configuration, port: u16, name: &str) -> Option<&'r Node> {
    let named = read.node.entries("portsAttributes").find(|(key, _)| holds(key, port));
    named.map(|(_, entry)| &entry.node).or_else(|| read.node.get("otherPortsAttributes"))?.get(name)
}

pub(super) fn holds(key: &str, port: u16) -> bool {
    let of = |text: &str| text.trim().parse::<u16>().ok();
    match key.split_once('-') {
        Some((from, to)) => of(from).zip(of(to)).is_some_and(|(from, to)| (from..=to).contains(&port)),
        None => of(key.rsplit(':').next().unwrap_or(key)) == Some(port),
    }
}
