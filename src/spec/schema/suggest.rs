//! "Did you mean": for keys that nothing knows, and for names that nothing defines.

use super::super::node::{Node, Value};
use super::service::SERVICE;
use super::shape::{Key, Object, Shape};
use super::top::SPEC;

/// What people write for a key of a service.
const HABITS: &[(&str, &str)] = &[
    ("cmd", "command"),
    ("cpu", "cpus"),
    ("depends", "depends_on"),
    ("envs", "environment"),
    ("env_vars", "environment"),
    ("health", "healthcheck"),
    ("mem", "mem_limit"),
    ("memory", "mem_limit"),
    ("mounts", "volumes"),
    ("network", "networks"),
    ("publish", "ports"),
    ("replicas", "scale"),
    ("requires", "depends_on"),
    ("workdir", "working_dir"),
];

/// The known name nearest to a word, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().count() > 64 {
        return None;
    }
    let plain = plain(word);
    let scored = known.into_iter().map(|name| (strsim::damerau_levenshtein(&plain, &self::plain(name)), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    let bound = match plain.chars().count().min(name.chars().count()) {
        0..=1 => 0,
        // two letters the other way round, but no other letter
        2 if !same_letters(&plain, name) => 0,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    (distance <= bound).then_some(name)
}

fn same_letters(one: &str, other: &str) -> bool {
    one.chars().all(|c| other.contains(c))
}

/// Without what people mix up: case, `-` and `_`.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The remedy for an unknown key of a mapping.
pub(super) fn for_unknown_key(object: &'static Object, key: &str, value: &Node) -> Option<String> {
    let here = || object.keys.iter().map(|key| key.name);
    let same = here().find(|name| plain(name) == plain(key));
    if let Some(name) = same {
        return Some(format!("did you mean `{name}`?"));
    }
    if std::ptr::eq(object, &raw const SPEC) {
        return at_top(key, value).or_else(|| did_you_mean(nearest(key, here())));
    }
    if std::ptr::eq(object, &raw const SERVICE) {
        return in_service(key).or_else(|| did_you_mean(nearest(key, here()))).or_else(|| below(object, key));
    }
    did_you_mean(nearest(key, here())).or_else(|| elsewhere(key)).or_else(|| all_of(object))
}

fn did_you_mean(name: Option<&str>) -> Option<String> {
    name.map(|name| format!("did you mean `{name}`?"))
}

/// A service's key, or a whole service, at the top level.
fn at_top(key: &str, value: &Node) -> Option<String> {
    if is_service(value) {
        return Some(format!("services stand under `services:`; indent `{}` below it", short(key)));
    }
    let belongs = SERVICE.keys.iter().any(|known| known.name == key);
    belongs.then(|| format!("`{key}` belongs to a service: indent it below `services: NAME:`"))
}

/// A top-level key inside a service, or another tool's word.
fn in_service(key: &str) -> Option<String> {
    if SPEC.keys.iter().any(|known| known.name == key) && !HABITS.iter().any(|(habit, _)| *habit == key) {
        return Some(format!("`{key}` belongs to the top level of the spec, not into a service"));
    }
    let (_, name) = HABITS.iter().find(|(habit, _)| *habit == plain(key) || *habit == key)?;
    Some(format!("did you mean `{name}`?"))
}

/// A key of a mapping one level below.
fn below(object: &'static Object, key: &str) -> Option<String> {
    let holder = object.keys.iter().find(|holder| keys_of(holder.shape).iter().any(|known| known.name == key))?;
    Some(format!("`{key}` belongs under `{}:`", holder.name))
}

/// A service's key in a mapping below it, as a wrong indentation gives.
fn elsewhere(key: &str) -> Option<String> {
    let known = SERVICE.keys.iter().any(|known| known.name == key);
    known.then(|| format!("`{key}` belongs to the service itself; check the indentation"))
}

/// All keys, where they are few.
fn all_of(object: &Object) -> Option<String> {
    if object.keys.len() > 12 {
        return None;
    }
    let names: Vec<_> = object.keys.iter().map(|key| format!("`{}`", key.name)).collect();
    Some(format!("the keys here are {}", names.join(", ")))
}

fn is_service(value: &Node) -> bool {
    let Value::Map(map) = &value.value else { return false };
    ["image", "build", "command", "env"].iter().any(|key| map.contains_key(*key))
}

/// The keys that a shape's long form has.
fn keys_of(shape: &'static Shape) -> &'static [Key] {
    match shape {
        Shape::Object(object) => object.keys,
        Shape::Either(forms) => forms.iter().map(|form| keys_of(form)).find(|keys| !keys.is_empty()).unwrap_or(&[]),
        _ => &[],
    }
}

fn short(key: &str) -> String {
    super::super::excerpt::clean(key, 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_near() {
        let known = ["ports", "image", "depends_on", "expose"];
        assert_eq!(nearest("port", known), Some("ports"));
        assert_eq!(nearest("imgae", known), Some("image"));
        assert_eq!(nearest("dependsOn", known), Some("depends_on"));
        assert_eq!(nearest("depend-on", known), Some("depends_on"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("bd", ["db", "ab"]), Some("db"));
        assert_eq!(nearest("bx", ["db"]), None);
        assert_eq!(nearest(&"p".repeat(100_000), known), None);
    }
}
