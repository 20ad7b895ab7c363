//! `devup:` and `requires:`, which say who may read a spec, and keys whose time has not come.

use super::super::error::{Fault, Problem};
use super::super::node::{Entry, Node, Value};
use super::devup::SCHEMA_VERSION;

/// The version of this devup.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What this devup is too old for.
pub(super) fn too_new(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    for tree in [Some(root), root.get("x-devup")].into_iter().flatten() {
        if let Some(node) = tree.get("devup")
            && let Some(version) = version_of(&node.value).filter(|version| *version > SCHEMA_VERSION)
        {
            let reason = format!("`devup: {version}` is a later schema than {SCHEMA_VERSION}");
            problems.push(Problem::new(Fault::NeedsNewer { reason }, &node.at));
        }
        if let Some(node) = tree.get("requires")
            && let Some(text) = node.as_str()
            && !allows(text, OWN_VERSION)
        {
            let reason = format!("`requires: {}`", super::super::excerpt::clean(text, 60));
            let help = "install a devup that fits (`devup --version` prints what you have), or widen `requires`";
            problems.push(Problem::new(Fault::NeedsNewer { reason }, &node.at).help(help));
        }
    }
    problems
}

fn version_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether a requirement allows a version. One that can't be read is told elsewhere.
fn allows(requirement: &str, version: &str) -> bool {
    let requirement = semver::VersionReq::parse(requirement);
    let version = semver::Version::parse(version);
    match (requirement, version) {
        (Ok(requirement), Ok(version)) => requirement.matches(&version),
        _ => true,
    }
}

/// Keys that are known, but that nothing answers to yet.
pub(super) fn not_yet(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let top = root.as_map();
    let say = |entry: &Entry, feature: &str, help: &str| {
        let fault = Fault::NotYet { feature: feature.to_owned() };
        Problem::new(fault, &entry.key_at).help(help)
    };
    if let Some(entry) = top.and_then(|map| map.get("machines")).filter(|entry| !entry.node.is_null()) {
        let help = "remove `machines:` for now, or move it to `x-machines:`; services run in containers without it";
        problems.push(say(entry, "`machines` (virtual machines)", help));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_follow_semantic_versions() {
        assert!(allows(">=0.1", "0.1.0"));
        assert!(allows("*", "0.1.0"));
        assert!(allows("0.1", "0.1.7"));
        assert!(!allows(">=0.2", "0.1.0"));
        assert!(!allows("<0.1", "0.1.0"));
    }
}
