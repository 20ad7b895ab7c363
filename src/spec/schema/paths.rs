//! The table of keys as a list of paths: what the support table in `docs/compose.md` has a row for.

use super::shape::{Object, Shape};
use super::top::SPEC;

/// A key of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath {
    /// `services.*.ports[].target`: `*` stands for a name of the user's, `[]` for each item of a list.
    pub path: String,
    /// What it does, in words.
    pub about: &'static str,
    /// Keys stand beneath it.
    pub has_keys: bool,
}

/// Every key of a spec, those before that hold them. What stands under `x-devup` is left out: it is moved to its place
/// before anything else looks at it.
pub fn key_paths() -> Vec<KeyPath> {
    let mut out = Vec::new();
    keys(&SPEC, "", &mut out);
    out
}

/// Says whether keys stand beneath.
fn walk(shape: &'static Shape, path: &str, out: &mut Vec<KeyPath>) -> bool {
    match shape {
        Shape::Any | Shape::Scalar(_) => false,
        Shape::List(of) => walk(of, &format!("{path}[]"), out),
        Shape::Names { of, .. } => walk(of, &format!("{path}.*"), out),
        Shape::Either(shapes) => {
            // each is walked, whatever those before had
            let with_keys = shapes.iter().filter(|shape| walk(shape, path, out)).count();
            with_keys > 0
        }
        Shape::Object(object) => {
            keys(object, path, out);
            true
        }
    }
}

fn keys(object: &'static Object, path: &str, out: &mut Vec<KeyPath>) {
    for key in object.keys.iter().filter(|key| key.name != "x-devup") {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        let own = out.len();
        out.push(KeyPath { path: path.clone(), about: key.about, has_keys: false });
        out[own].has_keys = walk(key.shape, &path, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_keys_have_paths() {
        let all = key_paths();
        for wanted in ["name", "services.*.ports[].target", "networks.*.ipam.config[].subnet", "include[].env_file"] {
            assert!(all.iter().any(|key| key.path == wanted && !key.has_keys), "{wanted}");
        }
        assert!(all.iter().any(|key| key.path == "services.*.ports" && key.has_keys));
        let mut paths: Vec<&String> = all.iter().map(|key| &key.path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), all.len(), "each once");
    }
}
