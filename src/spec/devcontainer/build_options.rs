//! `build.options`: flags of `docker build`, into keys of a `build` section.

use crate::spec::error::{Fault, Problem};
use crate::spec::node::{Node, Value};

/// Flags with a value, by the key that takes it; `true`: a list.
const VALUES: &[(&str, &str, bool)] = &[
    ("--add-host", "extra_hosts", true),
    ("--build-arg", "args", true),
    ("--build-context", "additional_contexts", true),
    ("--cache-from", "cache_from", true),
    ("--cache-to", "cache_to", true),
    ("--label", "labels", true),
    ("--network", "network", false),
    ("--platform", "platforms", true),
    ("--shm-size", "shm_size", false),
    ("--ssh", "ssh", true),
    ("--target", "target", false),
];
/// Flags without one.
const FLAGS: &[(&str, &str)] = &[("--no-cache", "no_cache"), ("--pull", "pull")];

/// The names of all that have a counterpart.
pub fn flags() -> impl Iterator<Item = &'static str> {
    VALUES.iter().map(|(name, ..)| *name).chain(FLAGS.iter().map(|(name, _)| *name))
}

/// Puts the flags into the section.
pub fn apply(options: &[(&str, &Node)], build: &mut Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut rest = options.iter();
    while let Some((word, node)) = rest.next() {
        let (name, joined) = word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
        if let Some((_, key)) = FLAGS.iter().find(|(known, _)| *known == name) {
            build.set(key, Node::new(Value::Bool(joined != Some("false")), node.at.clone()));
            continue;
        }
        let known = VALUES.iter().find(|(known, ..)| *known == name);
        let value = joined.or_else(|| known.and_then(|_| rest.next()).map(|(value, _)| *value));
        let (Some((_, key, is_list)), Some(value)) = (known, value) else {
            let reason = if known.is_some() { "it lacks its value" } else { "devup knows no counterpart of this flag" };
            let fault = Fault::BadValue { path: "build.options".into(), value: (*word).into(), reason: reason.into() };
            let help = format!("remove it; known are {}", flags().collect::<Vec<_>>().join(", "));
            problems.push(Problem::new(fault, &node.at).help(help));
            continue;
        };
        let value = Node::string(value, node.at.clone());
        if *is_list { push(build, key, value) } else { build.set(key, value) }
    }
    problems
}

/// Adds to a list, or to a mapping of `NAME=value`.
fn push(build: &mut Node, key: &str, value: Node) {
    match build.get_mut(key).map(|node| &mut node.value) {
        Some(Value::Seq(items)) => items.push(value),
        Some(Value::Map(_)) => {
            let text = value.as_str().unwrap_or_default().to_owned();
            let (name, text) = text.split_once('=').unwrap_or((&text, ""));
            if let Some(map) = build.get_mut(key) {
                map.set(name, Node::string(text, value.at));
            }
        }
        _ => {
            let at = value.at.clone();
            build.set(key, Node::new(Value::Seq(vec![value]), at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::node::At;
    use serde_json::json;

    #[test]
    fn flags_become_keys_and_others_are_told() {
        let words = ["--network=host", "--build-arg", "A=1", "--no-cache", "--squash", "--ssh"];
        let nodes: Vec<Node> = words.iter().map(|word| Node::string(*word, At::nowhere())).collect();
        let options: Vec<(&str, &Node)> = words.iter().copied().zip(&nodes).collect();
        let mut build = Node::empty_map(At::nowhere());
        let mut arguments = Node::empty_map(At::nowhere());
        arguments.set("B", Node::string("2", At::nowhere()));
        build.set("args", arguments);
        let problems = apply(&options, &mut build);
        assert_eq!(build.to_json(), json!({"args": {"B": "2", "A": "1"}, "network": "host", "no_cache": true}));
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(texts.len() == 2 && texts[0].contains("--squash") && texts[1].contains("lacks"), "{texts:?}");
    }
}
