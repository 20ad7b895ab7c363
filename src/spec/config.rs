//! The canonical spec as `docker-compose config` prints it: the same data, which loads again to the same spec.

use super::dialect::Dialect;
use super::discover::{Files, Found};
use super::error::SpecError;
use super::load::{LoadOptions, Loaded, load};
use super::node::{Map, Node, Value};
use super::shape::{Shape, tables};

/// Loads what `config` prints. A Compose file is printed as Compose prints it, `x-devup` as it stands; whether it is
/// sound is judged with devup's keys in their places all the same.
///
/// # Errors
/// All that is wrong with the spec.
pub fn load_to_print(found: &Found, files: &dyn Files, options: &LoadOptions) -> Result<Loaded, SpecError> {
    let loaded = load(found, files, options)?;
    if loaded.dialect == Dialect::Devup || !loaded.lifted {
        return Ok(loaded);
    }
    // what only devup's keys make complete would look incomplete without them
    let options = LoadOptions { keep_extension: true, consistency: false, ..options.clone() };
    Ok(Loaded { warnings: loaded.warnings, ..load(found, files, &options)? })
}

/// The spec as JSON. As in Compose, keys of the user's own (`x-…`) appear at the top only.
pub fn json(loaded: &Loaded) -> serde_json::Value {
    let mut spec = prepared(loaded);
    // Compose prints them as YAML only
    spec.take("models");
    if let Some(map) = spec.as_map_mut() {
        for (key, entry) in map.iter_mut().filter(|(key, _)| !key.starts_with("x-")) {
            drop_extensions(&mut entry.node, USER_KEYED.contains(&key.as_str()));
        }
    }
    for (_, entry) in spec.entries_mut("services") {
        capitalise_throttles(&mut entry.node);
    }
    spec.to_json()
}

/// Compose's JSON spells these keys with capitals (its YAML does not), and scripts read them so.
fn capitalise_throttles(service: &mut Node) {
    let Some(lists) = service.get_mut("blkio_config").and_then(Node::as_map_mut) else { return };
    for item in lists.values_mut().filter_map(|entry| entry.node.as_seq_mut()).flatten() {
        for (key, capital) in [("path", "Path"), ("rate", "Rate"), ("weight", "Weight")] {
            if let Some(entry) = item.take(key) {
                item.set(capital, entry.node);
            }
        }
    }
}

/// The spec as YAML, keys of the user's own included.
pub fn yaml(loaded: &Loaded) -> String {
    super::emit::yaml(&prepared(loaded).to_json())
}

/// Sections whose keys are names, which may begin with `x-`.
const USER_KEYED: [&str; 7] = ["services", "networks", "volumes", "secrets", "configs", "models", "tasks"];

fn prepared(loaded: &Loaded) -> Node {
    let mut spec = loaded.spec.clone();
    if spec.get("services").is_none() {
        spec.set("services", Node::empty_map(spec.at.clone()));
    }
    order(&mut spec, &tables::SPEC);
    escape(&mut spec);
    spec
}

/// Names in alphabetical order; known keys in the order of their table, the user's own after them.
fn order(node: &mut Node, shape: &Shape) {
    match (&mut node.value, shape) {
        (Value::Map(map), Shape::Record(fields)) => {
            let position = |key: &String| fields.iter().position(|(known, _)| known == key).unwrap_or(fields.len());
            map.sort_by(|a, _, b, _| (position(a), a).cmp(&(position(b), b)));
            for (key, entry) in map.iter_mut() {
                let known = fields.iter().find(|(known, _)| known == key);
                order(&mut entry.node, known.map_or(&Shape::Any, |(_, shape)| shape));
            }
        }
        (Value::Map(map), Shape::Ulimit) => map.sort_by(|a, _, b, _| b.cmp(a)),
        (Value::Map(map), shape) => {
            let value = if let Shape::Dict(value) = shape { value } else { &Shape::Any };
            map.sort_keys();
            map.values_mut().for_each(|entry| order(&mut entry.node, value));
        }
        (Value::Seq(items), shape) => {
            let item = if let Shape::List(item) = shape { item } else { &Shape::Any };
            for node in items {
                order(node, item);
            }
        }
        _ => {}
    }
}

/// `$` → `$$`, so that the output can be read as a spec again.
fn escape(node: &mut Node) {
    match &mut node.value {
        Value::String(text) if text.contains('$') => *text = text.replace('$', "$$"),
        Value::Seq(items) => items.iter_mut().for_each(escape),
        Value::Map(map) => map.values_mut().for_each(|entry| escape(&mut entry.node)),
        _ => {}
    }
}

fn drop_extensions(node: &mut Node, keys_are_names: bool) {
    match &mut node.value {
        Value::Map(map) => {
            if !keys_are_names {
                map.retain(|key, _| !key.starts_with("x-"));
            }
            let below: &mut Map = map;
            below
                .iter_mut()
                .for_each(|(key, entry)| drop_extensions(&mut entry.node, !keys_are_names && holds_names(key)));
        }
        Value::Seq(items) => items.iter_mut().for_each(|item| drop_extensions(item, false)),
        _ => {}
    }
}

/// Attributes whose keys are names or data of the user's.
fn holds_names(key: &str) -> bool {
    [
        "environment",
        "labels",
        "annotations",
        "args",
        "driver_opts",
        "options",
        "sysctls",
        "storage_opt",
        "depends_on",
        "networks",
        "models",
        "ulimits",
        "additional_contexts",
        "aux_addresses",
    ]
    .contains(&key)
}
