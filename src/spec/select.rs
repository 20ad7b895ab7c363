//! Phase 7b: profiles, and what nothing uses.

use std::collections::HashSet;

use super::node::{Map, Node};

/// Takes out the services that none of these profiles enables. `*` enables all.
pub fn by_profiles(spec: &mut Node, profiles: &[String]) -> Map {
    let mut disabled = Map::new();
    let Some(services) = spec.get_mut("services").and_then(Node::as_map_mut) else { return disabled };
    for (name, entry) in std::mem::take(services) {
        if is_enabled(&entry.node, profiles) {
            services.insert(name, entry)
        } else {
            disabled.insert(name, entry)
        };
    }
    disabled
}

fn is_enabled(service: &Node, profiles: &[String]) -> bool {
    let wanted = service.get("profiles").and_then(Node::as_seq);
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return true };
    profiles.iter().any(|active| active == "*" || wanted.iter().any(|profile| profile.as_str() == Some(active)))
}

/// Takes out networks, volumes, secrets, configs and models that no enabled service uses.
pub fn prune(spec: &mut Node) {
    let mut used: HashSet<(&'static str, String)> = HashSet::new();
    for (_, entry) in spec.entries("services") {
        let service = &entry.node;
        used.extend(service.entries("networks").map(|(name, _)| ("networks", name.clone())));
        used.extend(service.entries("models").map(|(name, _)| ("models", name.clone())));
        let built = service.get("build").and_then(|build| build.get("secrets"));
        for (kind, list) in [
            ("secrets", service.get("secrets")),
            ("secrets", built),
            ("configs", service.get("configs")),
            ("volumes", service.get("volumes")),
        ] {
            for item in list.and_then(Node::as_seq).into_iter().flatten() {
                let is_named = kind != "volumes" || item.get("type").and_then(Node::as_str) == Some("volume");
                if let Some(source) = item.get("source").and_then(Node::as_str).filter(|_| is_named) {
                    used.insert((kind, source.to_owned()));
                }
            }
        }
    }
    for kind in ["networks", "volumes", "secrets", "configs", "models"] {
        let Some(map) = spec.get_mut(kind).and_then(Node::as_map_mut) else { continue };
        map.retain(|name, _| used.contains(&(kind, name.clone())));
        if map.is_empty() {
            spec.take(kind);
        }
    }
}
