//! `features` and `dependsOn`: what is to be installed, with its options.

use indexmap::IndexMap;

use crate::model::development::FeatureWish;
use crate::spec::node::{Node, Value};

/// Every feature of a mapping `{"reference": {"option": value}}`; a string instead of options is a version.
pub fn wishes(node: Option<&Node>) -> Vec<FeatureWish> {
    let map = node.and_then(Node::as_map).into_iter().flatten();
    map.map(|(reference, entry)| FeatureWish { reference: reference.clone(), options: options(&entry.node) }).collect()
}

fn options(node: &Node) -> IndexMap<String, String> {
    match &node.value {
        Value::Map(map) => {
            map.iter().filter_map(|(name, entry)| Some((name.clone(), entry.node.value.text()?))).collect()
        }
        Value::String(version) => IndexMap::from([("version".to_owned(), version.clone())]),
        _ => IndexMap::new(),
    }
}
