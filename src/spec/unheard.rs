//! Keys that are read, kept and printed, but that nothing on one machine answers to. Nobody shall wonder why a key has
//! no effect: each gets a warning that names it. What only some engines can't do is told with the plan
//! ([`crate::driver::unhonoured`]).

use super::error::Warning;
use super::node::{At, Node, Value};
use super::path::{below, index, show};

/// A key without effect.
struct Unheard {
    /// Its path: `*` is any name, `[]` any item of a list.
    path: &'static str,
    /// Why.
    reason: &'static str,
    /// What to write instead; empty where there is nothing.
    instead: &'static str,
    /// The one value that says nothing special.
    usual: Option<&'static str>,
}

const CLUSTER: &str = "it is about clusters of several machines";
const STORE: &str = "it is about the store of a cluster";

const fn unheard(path: &'static str, reason: &'static str, instead: &'static str) -> Unheard {
    Unheard { path, reason, instead, usual: None }
}

/// The table. A row stands for all beneath it.
const TABLE: &[Unheard] = &[
    unheard("configs.*.labels", STORE, ""),
    unheard("configs.*.template_driver", STORE, ""),
    unheard("secrets.*.driver", STORE, ""),
    unheard("secrets.*.driver_opts", STORE, ""),
    unheard("secrets.*.labels", STORE, ""),
    unheard("secrets.*.template_driver", STORE, ""),
    unheard("services.*.build.no_cache_filter", BUILDER, "`no_cache: true` runs all steps anew"),
    unheard("services.*.deploy.endpoint_mode", CLUSTER, ""),
    unheard("services.*.deploy.labels", CLUSTER, "`labels` of the service are its containers'"),
    Unheard { usual: Some("replicated"), ..unheard("services.*.deploy.mode", CLUSTER, "") },
    unheard("services.*.deploy.placement", CLUSTER, ""),
    unheard("services.*.deploy.resources.reservations.cpus", CLUSTER, "`cpu_shares` weighs containers"),
    unheard("services.*.deploy.resources.reservations.generic_resources", CLUSTER, ""),
    unheard("services.*.deploy.restart_policy.delay", CLUSTER, ""),
    unheard("services.*.deploy.restart_policy.window", CLUSTER, ""),
    unheard("services.*.deploy.rollback_config", CLUSTER, ""),
    unheard("services.*.deploy.update_config", CLUSTER, ""),
    unheard("services.*.pull_refresh_after", "Compose has none either", "`pull_policy: every_12h` pulls again"),
];

const BUILDER: &str = "the engine's build API has no parameter for it";

/// A warning for each such key of a spec whose forms are long.
pub fn on(spec: &Node) -> Vec<Warning> {
    let mut warnings = Vec::new();
    walk(spec, &spec.at, &[], &mut warnings);
    warnings
}

fn walk(node: &Node, key_at: &At, path: &[&str], warnings: &mut Vec<Warning>) {
    if let Some(row) = TABLE.iter().find(|row| is_at(row.path, path)) {
        let usual = row.usual.is_some_and(|usual| node.as_str() == Some(usual));
        if !is_nothing(node) && !usual {
            let message = format!("`{}` has no effect: {}", show(path), row.reason);
            let warning = Warning::new(message, key_at);
            warnings.push(if row.instead.is_empty() { warning } else { warning.help(row.instead) });
        }
        return;
    }
    // no row lies deeper, nor in what is the user's own
    if path.len() > DEEPEST || path.last().is_some_and(|key| key.starts_with("x-") && path.len() != 2) {
        return;
    }
    match &node.value {
        Value::Map(map) => {
            map.iter().for_each(|(key, entry)| walk(&entry.node, &entry.key_at, &below(path, key), warnings));
        }
        Value::Seq(items) => {
            for (number, item) in items.iter().enumerate() {
                walk(item, &item.at, &below(path, &index(number)), warnings);
            }
        }
        _ => {}
    }
}

/// Segments of the longest path of the table, less one.
const DEEPEST: usize = 5;

fn is_at(pattern: &str, path: &[&str]) -> bool {
    let mut segments = pattern.split('.');
    path.iter().all(|have| segments.next().is_some_and(|wanted| wanted == "*" || wanted == *have))
        && segments.next().is_none()
}

fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Seq(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{decode, parse};
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let source = decode::decode(text.as_bytes(), Path::new("compose.yaml")).unwrap();
        let spec = parse::parse(&source).unwrap().remove(0);
        on(&spec).iter().map(|warning| warning.screen(false)).collect()
    }

    #[test]
    fn keys_without_effect_are_named_with_their_place() {
        let text = "services:\n  web:\n    image: a\n    deploy:\n      mode: global\n      update_config: {order: stop-first}\n      placement: {}\n";
        assert_eq!(
            said(text),
            [
                "warning: `services.web.deploy.mode` has no effect: it is about clusters of several machines (compose.yaml:5:7)\n",
                "warning: `services.web.deploy.update_config` has no effect: it is about clusters of several machines (compose.yaml:6:7)\n",
            ]
        );
        assert!(
            said("services: {a: {image: a, deploy: {mode: replicated, replicas: 2}, labels: {models: x}}}").is_empty()
        );
    }

    #[test]
    fn each_row_is_a_key_of_the_schema_and_is_reached() {
        let known = super::super::schema::key_paths();
        for row in TABLE {
            assert!(known.iter().any(|key| key.path == row.path), "{}", row.path);
            assert!(row.path.split('.').count() <= DEEPEST + 1, "{}", row.path);
        }
    }
}
