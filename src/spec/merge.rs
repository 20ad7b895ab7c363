//! Phase 3: merging a later file into an earlier one, and a service into the one it extends, by the rule of each attribute.
//!
//! Mappings merge, lists append, everything else is replaced; the exceptions stand in [`rule`]. Afterwards
//! [`super::unique`] removes what a later entry of a list redefines. `!reset` removes the key, `!override` replaces it.

use super::error::{Fault, SpecError};
use super::node::{At, Entry, Map, MergeTag, Node, Value};
use super::path::{below, index, show};

/// How two values of one attribute become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Mappings merge, lists append, scalars replace.
    Deep,
    /// The later one stands.
    Replace,
    /// Both become lists of `key=value`, one after the other.
    Texts,
    /// As [`Rule::Texts`], without those that are there already.
    Hosts,
    /// A string is the build's context.
    Build,
    /// A list is a mapping of names to nothing.
    Names,
    /// A list is a mapping of names to the default condition.
    Dependencies,
    /// Options merge only where the driver is the same.
    Logging,
    /// Pools merge where their subnet is the same.
    Pools,
}

#[expect(clippy::match_same_arms, reason = "grouped by where the attributes stand")]
fn rule(path: &[&str]) -> Rule {
    match path {
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["networks" | "volumes", _, "labels"] => Rule::Texts,
        ["services", _, "build"] => Rule::Build,
        ["services", _, "build", "args" | "additional_contexts" | "labels"] => Rule::Texts,
        ["services", _, "extra_hosts"] | ["services", _, "build", "extra_hosts"] => Rule::Hosts,
        ["services", _, "command" | "entrypoint"]
        | ["services", _, "healthcheck", "test"]
        | ["services", _, "ulimits", _] => Rule::Replace,
        ["services", _, "depends_on"] => Rule::Dependencies,
        ["services", _, "deploy", "labels"] | ["services", _, "volumes", _, "volume", "labels"] => Rule::Texts,
        [
            "services",
            _,
            "annotations" | "dns" | "dns_opt" | "dns_search" | "env_file" | "environment" | "label_file" | "labels"
            | "sysctls" | "tmpfs",
        ] => Rule::Texts,
        ["services", _, "logging"] => Rule::Logging,
        ["services", _, "models" | "networks"] => Rule::Names,
        // devup's own: a later list of steps or tasks is the whole list, so that an overlay can leave one out; and a later
        // way of keeping data is the whole way, whichever form either has
        ["services", _, "provision" | "backup"] | ["up"] | ["tasks", _, "run"] | ["secrets", _, "command"] => {
            Rule::Replace
        }
        _ => Rule::Deep,
    }
}

/// Merges `over` into `base`, both standing at `path`.
///
/// # Errors
/// [`Fault::Merge`] where a mapping meets a list or a scalar.
pub fn merge(base: &mut Node, over: Node, path: &[&str]) -> Result<(), SpecError> {
    if over.tag.is_some() {
        *base = over;
        return Ok(());
    }
    merge_by(rule(path), base, over, path)
}

fn merge_by(rule: Rule, base: &mut Node, over: Node, path: &[&str]) -> Result<(), SpecError> {
    match rule {
        Rule::Replace => *base = over,
        Rule::Texts => {
            let mut all = texts(base);
            all.retain(|text| !is_reset(text, &over));
            all.extend(texts(&over));
            *base = Node::new(Value::Seq(all), base.at.clone());
        }
        Rule::Hosts => {
            let mut hosts = texts(base);
            for host in texts(&over) {
                if !hosts.iter().any(|known| known.value == host.value) {
                    hosts.push(host);
                }
            }
            *base = Node::new(Value::Seq(hosts), base.at.clone());
        }
        _ if over.is_null() => {}
        Rule::Build => return deep(base, as_build(over), path, as_build),
        Rule::Names => return deep(base, as_names(over), path, as_names),
        Rule::Dependencies => return deep(base, as_dependencies(over), path, as_dependencies),
        Rule::Logging => match (base.get("driver"), over.get("driver")) {
            (Some(ours), Some(theirs)) if ours.value != theirs.value => *base = over,
            _ => return deep(base, over, path, |node| node),
        },
        Rule::Pools => return pools(base, over, path),
        Rule::Deep => return deep(base, over, path, |node| node),
    }
    Ok(())
}

/// Whether a mapping of the later file resets this `key=value`.
fn is_reset(text: &Node, over: &Node) -> bool {
    let name = text.as_str().unwrap_or_default().split('=').next().unwrap_or_default();
    over.get(name).is_some_and(|node| node.tag == Some(MergeTag::Reset))
}

fn deep(base: &mut Node, over: Node, path: &[&str], shape: fn(Node) -> Node) -> Result<(), SpecError> {
    if base.is_null() {
        *base = over;
        return Ok(());
    }
    let at = base.at.clone();
    *base = shape(std::mem::replace(base, Node::new(Value::Null, at)));
    let found = (base.value.kind(), over.value.kind());
    match (&mut base.value, over.value) {
        (Value::Map(ours), Value::Map(theirs)) => entries(ours, theirs, path),
        (Value::Seq(ours), Value::Seq(theirs)) => {
            ours.extend(theirs);
            Ok(())
        }
        (Value::Map(_) | Value::Seq(_), _) => {
            let reason = format!("it is {} before and {} here", found.0, found.1);
            Err(SpecError::new(Fault::Merge { path: show(path), reason }, &over.at))
        }
        (_, value) => {
            *base = Node { value, at: over.at, tag: None };
            Ok(())
        }
    }
}

fn entries(ours: &mut Map, theirs: Map, path: &[&str]) -> Result<(), SpecError> {
    for (key, entry) in theirs {
        match ours.get_mut(&key) {
            Some(known) => merge(&mut known.node, entry.node, &below(path, &key))?,
            None => {
                ours.insert(key, entry);
            }
        }
    }
    Ok(())
}

/// Removes what is tagged `!reset`, and all tags. During `extends` the tags of the extending service stay, because they
/// speak to the files before as well; once the file is merged they have been heard.
pub fn settle(node: &mut Node) {
    node.tag = None;
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Some(MergeTag::Reset));
            map.values_mut().for_each(|entry| settle(&mut entry.node));
        }
        Value::Seq(items) => {
            items.retain(|item| item.tag != Some(MergeTag::Reset));
            items.iter_mut().for_each(settle);
        }
        _ => {}
    }
}

/// Merges a later file into those before.
pub fn merge_file(base: &mut Node, over: Node) -> Result<(), SpecError> {
    merge(base, over, &[])?;
    settle(base);
    Ok(())
}

/// `key=value` texts: of a mapping sorted by key, as Compose has them; of a list as they are.
pub fn texts(node: &Node) -> Vec<Node> {
    match &node.value {
        Value::Map(map) => {
            let mut texts: Vec<Node> = map.iter().flat_map(|(key, entry)| key_values(key, entry)).collect();
            texts.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            texts
        }
        Value::Seq(items) => items.clone(),
        Value::String(_) => vec![Node { tag: None, ..node.clone() }],
        _ => Vec::new(),
    }
}

fn key_values(key: &str, entry: &Entry) -> Vec<Node> {
    let one = |value: Option<String>| {
        let text = value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}"));
        Node { value: Value::String(text), at: entry.node.at.clone(), tag: entry.node.tag }
    };
    match &entry.node.value {
        Value::Seq(items) => items.iter().map(|item| one(Some(item.value.text().unwrap_or_default()))).collect(),
        value => vec![one(value.text())],
    }
}

fn as_build(node: Node) -> Node {
    if !matches!(node.value, Value::String(_)) {
        return node;
    }
    let at = node.at.clone();
    let tag = node.tag;
    let mut build = Node::empty_map(at);
    build.set("context", node);
    Node { tag, ..build }
}

/// `[a, b]` → `{a: null, b: null}`.
pub fn as_names(node: Node) -> Node {
    name_map(node, |at| Node::new(Value::Null, at))
}

/// `[a, b]` → each with `condition: service_started` and `required: true`.
pub fn as_dependencies(node: Node) -> Node {
    name_map(node, |at| {
        let mut dependency = Node::empty_map(at.clone());
        dependency.set("condition", Node::string("service_started", at.clone()));
        dependency.set("required", Node::new(Value::Bool(true), at));
        dependency
    })
}

fn name_map(node: Node, value: impl Fn(At) -> Node) -> Node {
    let Value::Seq(items) = node.value else { return node };
    let map = items
        .into_iter()
        .filter_map(|item| {
            let name = item.value.text()?;
            Some((name, Entry { key_at: item.at.clone(), node: value(item.at) }))
        })
        .collect();
    Node { value: Value::Map(map), at: node.at, tag: node.tag }
}

fn pools(base: &mut Node, over: Node, path: &[&str]) -> Result<(), SpecError> {
    let found = over.value.kind();
    let (Some(ours), Value::Seq(theirs)) = (base.as_seq_mut(), over.value) else {
        let reason = format!("a list is needed in each file, but it is {found} here");
        return Err(SpecError::new(Fault::Merge { path: show(path), reason }, &over.at));
    };
    for pool in theirs {
        let same =
            |known: &&mut Node| known.get("subnet").and_then(Node::as_str) == pool.get("subnet").and_then(Node::as_str);
        match ours.iter_mut().find(same) {
            Some(known) => merge(known, pool, &below(path, &index(0)))?,
            None => ours.push(pool),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
