//! `--mount` of `docker run`: `type=bind,source=…,target=…`, into the spec's long form.

use crate::spec::error::{Fault, Problem};
use crate::spec::node::{At, Node, Value};

/// A mount in long form. `path` is the property, for messages.
pub fn of_text(text: &str, path: &str, at: &At) -> Result<Node, Problem> {
    let mut mount = Node::empty_map(at.clone());
    mount.set("type", Node::string("volume", at.clone()));
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, "true"));
        if !option(&mut mount, key, value, at) {
            let reason = format!("`{part}` has no counterpart");
            let problem = Problem::new(Fault::BadValue { path: path.into(), value: text.into(), reason }, at);
            return Err(problem.help("a mount has type, source, target, readonly, consistency, bind-propagation, volume-nocopy, volume-subpath, tmpfs-size and tmpfs-mode"));
        }
    }
    finished(mount, path, text)
}

/// The object form.
pub fn of_object(node: &Node, path: &str) -> Result<Node, Problem> {
    let mut mount = Node::empty_map(node.at.clone());
    for key in ["type", "source", "target"] {
        if let Some(value) = node.get(key) {
            mount.set(key, value.clone());
        }
    }
    finished(mount, path, "")
}

/// As `docker run --mount` does, a folder of the host that is missing is not made up.
fn finished(mut mount: Node, path: &str, text: &str) -> Result<Node, Problem> {
    let at = mount.at.clone();
    let value = |reason: &str| Fault::BadValue { path: path.into(), value: text.into(), reason: reason.into() };
    let kind = mount.get("type").and_then(Node::as_str).unwrap_or_default().to_owned();
    if !["bind", "volume", "tmpfs"].contains(&kind.as_str()) {
        return Err(Problem::new(value("the type is none of bind, volume, tmpfs"), &at));
    }
    if mount.get("target").and_then(Node::as_str).is_none_or(str::is_empty) {
        return Err(Problem::new(value("it has no target"), &at).help("add `target=/path/inside`"));
    }
    if kind == "bind" && mount.get("source").and_then(Node::as_str).is_none_or(|source| !source.starts_with('/')) {
        let problem = Problem::new(value("a bind needs an absolute source"), &at);
        return Err(problem.help("begin it with `${localWorkspaceFolder}/`"));
    }
    if mount.get("source").and_then(Node::as_str) == Some("") {
        mount.take("source");
    }
    Ok(mount)
}

fn option(mount: &mut Node, key: &str, value: &str, at: &At) -> bool {
    let text = || Node::string(value, at.clone());
    let flag = || Node::new(Value::Bool(matches!(value, "true" | "1")), at.clone());
    match key {
        "type" => mount.set("type", text()),
        "source" | "src" => mount.set("source", text()),
        "target" | "dst" | "destination" => mount.set("target", text()),
        "readonly" | "ro" => mount.set("read_only", flag()),
        "consistency" => mount.set("consistency", text()),
        "bind-propagation" => inner(mount, "bind", "propagation", text()),
        "volume-nocopy" => inner(mount, "volume", "nocopy", flag()),
        "volume-subpath" => inner(mount, "volume", "subpath", text()),
        "tmpfs-size" => inner(mount, "tmpfs", "size", text()),
        "tmpfs-mode" => match i64::from_str_radix(value, 8) {
            Ok(mode) => inner(mount, "tmpfs", "mode", Node::new(Value::Int(mode), at.clone())),
            Err(_) => return false,
        },
        _ => return false,
    }
    true
}

fn inner(mount: &mut Node, section: &str, key: &str, value: Node) {
    if mount.get(section).is_none() {
        mount.set(section, Node::empty_map(value.at.clone()));
    }
    if let Some(section) = mount.get_mut(section) {
        section.set(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<serde_json::Value, String> {
        let read = of_text(text, "mounts[0]", &At::nowhere());
        read.map(|node| node.to_json()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_notation_of_docker_becomes_the_long_form() {
        for (text, expected) in [
            (
                "type=bind,source=/a,target=/b,readonly",
                json!({"type": "bind", "source": "/a", "target": "/b", "read_only": true}),
            ),
            (
                "src=v,dst=/b,consistency=cached",
                json!({"type": "volume", "source": "v", "target": "/b", "consistency": "cached"}),
            ),
            (
                "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770",
                json!({"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1m", "mode": 1016}}),
            ),
            (
                "type=bind,src=/a,dst=/b,bind-propagation=rslave",
                json!({"type": "bind", "source": "/a", "target": "/b", "bind": {"propagation": "rslave"}}),
            ),
            ("target=/anonymous", json!({"type": "volume", "target": "/anonymous"})),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_docker_would_refuse_is_refused_before() {
        for (text, reason) in [
            ("type=bind,source=/a", "no target"),
            ("type=bind,source=a,target=/b", "absolute"),
            ("type=cluster,target=/b", "none of"),
            ("target=/b,colour=red", "colour=red"),
        ] {
            assert!(read(text).unwrap_err().contains(reason), "{text}");
        }
    }
}
