//! Dependencies must not run in a circle.

use std::collections::HashMap;

use super::Checked;
use crate::spec::error::Fault;
use crate::spec::node::{At, Node};

/// Tells the first circle, if there is one.
pub(super) fn check(checked: &mut Checked<'_>) {
    let spec = checked.spec;
    let edges: HashMap<&str, Vec<(&str, &At)>> =
        spec.entries("services").map(|(name, entry)| (name.as_str(), dependencies(&entry.node))).collect();
    let mut done: HashMap<&str, bool> = HashMap::new();
    for (start, _) in spec.entries("services") {
        if let Some((chain, at)) = circle(start, &edges, &mut done) {
            checked.tell(Fault::Cycle { what: "depends_on", chain }, at);
            return;
        }
    }
}

fn dependencies(service: &Node) -> Vec<(&str, &At)> {
    service.entries("depends_on").map(|(name, entry)| (name.as_str(), &entry.key_at)).collect()
}

/// Walks without recursion: a chain may be as long as there are services. `done` is false on the way down.
fn circle<'a>(
    start: &'a str,
    edges: &HashMap<&'a str, Vec<(&'a str, &'a At)>>,
    done: &mut HashMap<&'a str, bool>,
) -> Option<(Vec<String>, &'a At)> {
    if done.contains_key(start) {
        return None;
    }
    let mut way: Vec<(&str, usize)> = vec![(start, 0)];
    done.insert(start, false);
    while let Some((name, next)) = way.last_mut() {
        let Some((to, at)) = edges.get(name).and_then(|all| all.get(*next)) else {
            done.insert(name, true);
            way.pop();
            continue;
        };
        *next += 1;
        match done.get(to) {
            Some(true) => {}
            Some(false) => {
                let begin = way.iter().position(|(name, _)| name == to).unwrap_or(0);
                let chain = way[begin..].iter().map(|(name, _)| *name).chain([*to]).map(str::to_owned).collect();
                return Some((chain, at));
            }
            None => {
                done.insert(to, false);
                way.push((to, 0));
            }
        }
    }
    None
}
