//! `devcontainer-feature.json`: what a feature says of itself.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::development::FeatureWish;
use crate::spec::devcontainer::features::wishes;
use crate::spec::devcontainer::jsonc;
use crate::spec::error::SpecError;
use crate::spec::node::{Node, Source};

/// The file's name.
pub(super) const FILE: &str = "devcontainer-feature.json";
/// What runs.
pub(super) const SCRIPT: &str = "install.sh";

/// What the label of an image takes over from a feature.
const METADATA: [&str; 12] = [
    "init",
    "privileged",
    "capAdd",
    "securityOpt",
    "entrypoint",
    "mounts",
    "customizations",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
];

/// What a feature says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name within its repository.
    pub id: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// Options with their defaults.
    pub options: IndexMap<String, String>,
    /// Variables of the image.
    pub environment: IndexMap<String, String>,
    /// Names of features that come before it where they are there.
    pub installs_after: Vec<String>,
    /// Features that have to be there.
    pub depends_on: Vec<FeatureWish>,
    /// Names that it had before.
    pub legacy_ids: Vec<String>,
    /// What it asks of the container.
    pub metadata: Node,
}

impl Definition {
    /// Reads it; `shown` is its name in errors.
    pub fn parse(text: &str, shown: PathBuf) -> Result<Self, SpecError> {
        let node = jsonc::parse(&Arc::new(Source { path: shown, text: text.to_owned() }))?;
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let texts = |key: &str| {
            let items = node.get(key).and_then(Node::as_seq).into_iter().flatten();
            items.filter_map(Node::as_str).map(str::to_owned).collect()
        };
        let options = node.entries("options").filter_map(|(name, entry)| {
            Some((name.clone(), entry.node.get("default").map_or(Some(String::new()), |node| node.value.text())?))
        });
        let environment = node.entries("containerEnv");
        let mut metadata = Node::empty_map(node.at.clone());
        for key in METADATA {
            if let Some(value) = node.get(key) {
                metadata.set(key, value.clone());
            }
        }
        Ok(Self {
            id: text("id"),
            version: text("version"),
            options: options.collect(),
            environment: environment
                .filter_map(|(name, entry)| Some((name.clone(), entry.node.value.text()?)))
                .collect(),
            installs_after: texts("installsAfter"),
            depends_on: wishes(node.get("dependsOn")),
            legacy_ids: texts("legacyIds"),
            metadata,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_with_defaults_and_needs() {
        let text = r#"{ "id": "go", "version": "1.2.3", // a comment
            "options": { "version": { "type": "string", "default": "latest" }, "lint": { "type": "boolean", "default": true }, "x": {} },
            "containerEnv": { "PATH": "/go/bin:${PATH}" }, "dependsOn": { "ghcr.io/a/b:1": { "flag": true }, "./c": "2" },
            "installsAfter": ["ghcr.io/a/d"], "init": true, "remoteUser": "nobody" }"#;
        let read = Definition::parse(text, "go.json".into()).unwrap();
        let options: Vec<_> = read.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(options, ["version=latest", "lint=true", "x="]);
        assert_eq!(read.depends_on[0].options["flag"], "true");
        assert_eq!(read.depends_on[1].options["version"], "2");
        assert_eq!(read.metadata.to_json(), serde_json::json!({"init": true}));
        assert_eq!((read.id.as_str(), read.installs_after.len()), ("go", 1));
    }
}
