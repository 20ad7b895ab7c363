//! A dev container → a spec of devup's own. The file is read as `devup` reads it, then said in the words of `devup.yaml`;
//! what these have no words for, or mean otherwise, is listed with its line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::writer::Writer;
use super::{ImportError, Proposal, Snapshot};
use crate::spec::devcontainer::configuration::{self, Form, Surroundings};
use crate::spec::devcontainer::lower;
use crate::spec::discover::Files;
use crate::spec::dotenv::Variables;
use crate::spec::error::SpecError;
use crate::spec::node::Source;

mod writer;

/// Where the file stands, best first; then `.devcontainer/NAME/devcontainer.json`.
const FILES: [&str; 2] = [".devcontainer/devcontainer.json", ".devcontainer.json"];
/// Stands for the folder that the project's folder is in.
const ABOVE: &str = "/devup-import";
/// Around what becomes a variable of the spec.
const MARKS: (char, char) = ('\u{1}', '\u{2}');

/// The file that describes the dev container.
pub fn first(snapshot: &Snapshot) -> Option<&str> {
    let further = |path: &&str| {
        let folder = path.strip_prefix(".devcontainer/").and_then(|rest| rest.strip_suffix("/devcontainer.json"));
        folder.is_some_and(|name| !name.contains('/'))
    };
    FILES.into_iter().find(|file| snapshot.has(file)).or_else(|| snapshot.paths().find(further))
}

/// A spec of the project's dev container.
pub fn propose(snapshot: &Snapshot) -> Result<Proposal, ImportError> {
    let file = first(snapshot).ok_or(ImportError::Missing("devcontainer.json"))?;
    let local = Path::new(ABOVE).join(if snapshot.name.is_empty() { "project" } else { &snapshot.name });
    let unreadable = |error: &SpecError| ImportError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let text = snapshot.text(file).ok_or_else(|| ImportError::Unreadable {
        file: file.to_owned(),
        reason: "no text, or too much of it".to_owned(),
    })?;
    let source = Arc::new(Source { path: PathBuf::from(file), text: text.to_owned() });
    let environment = variables(text);
    let around = Surroundings { files: &Nothing, environment: &environment, local_folder: &local, with_id: false };
    let read = configuration::of_source(&local.join(file), &source, &around).map_err(|error| unreadable(&error))?;
    let (document, development) = lower::document(&read).map_err(|error| unreadable(&error))?;
    let form = read.form().map_err(|error| unreadable(&error))?;
    let writer = Writer::new(file, local.to_string_lossy().into_owned(), &read);
    Ok(match form {
        Form::Compose => writer.composed(&development),
        Form::Image | Form::Dockerfile => writer.single(&document.to_json(), &development),
    })
}

/// Reading asks for no other file.
struct Nothing;

impl Files for Nothing {
    fn is_file(&self, _: &Path) -> bool {
        false
    }

    fn read(&self, path: &Path, _: &Path) -> Result<Arc<Source>, SpecError> {
        Err(SpecError::new(
            crate::spec::error::Fault::Unreadable { path: path.to_owned(), reason: "it is not looked at".into() },
            &crate::spec::node::At::nowhere(),
        ))
    }
}

/// Every variable of this machine that the file names, standing for itself: `${localEnv:A:b}` is `${A-b}` in a spec.
fn variables(text: &str) -> Variables {
    let mut found = Variables::new();
    for start in ["${localEnv:", "${env:"] {
        for rest in text.split(start).skip(1) {
            let Some((inner, _)) = rest.split_once('}') else { continue };
            let mut parts = inner.split(':');
            let name = parts.next().unwrap_or_default();
            let default = parts.next().unwrap_or_default();
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let is_plain = !default.contains(['$', '"', '\\', '{']);
            if is_name && is_plain {
                let (open, close) = MARKS;
                found.entry(name.to_owned()).or_insert_with(|| format!("{open}{name}-{default}{close}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn proposed(files: &[(&str, &str)]) -> Proposal {
        let mut snapshot = Snapshot::named("shop");
        for (path, text) in files {
            snapshot.add(*path, Some((*text).to_owned()));
        }
        propose(&snapshot).unwrap()
    }

    const FILE: &str = r#"{
        "build": { "dockerfile": "Dockerfile", "args": { "A": "${localEnv:A:b}", "B": "$B" } },
        "remoteUser": "node",
        "features": { "./x": {} },
        "forwardPorts": [3000],
        "mounts": ["type=bind,source=${localWorkspaceFolder}/data,target=/data", "type=volume,source=c-${devcontainerId},target=/c"],
        "remoteEnv": { "MODE": "dev", "PATH": "${containerEnv:PATH}:/x" },
        "postCreateCommand": ["npm", "run", "two words"],
        "postStartCommand": "echo $HOME"
    }"#;

    #[test]
    fn a_dev_container_is_said_in_the_words_of_a_spec() {
        let proposal = proposed(&[(".devcontainer/devcontainer.json", FILE)]);
        let read: Value = serde_yaml::from_str(&proposal.text).unwrap();
        let dev = &read["services"]["dev"];
        assert_eq!(
            dev["build"],
            json!({"context": "./.devcontainer", "dockerfile": "Dockerfile", "args": {"A": "${A-b}", "B": "$$B"}})
        );
        assert_eq!((&dev["user"], &dev["working_dir"]), (&json!("node"), &json!("/workspaces/shop")));
        assert_eq!(dev["environment"], json!(["MODE=dev"]));
        let mounts: Vec<_> =
            dev["volumes"].as_array().unwrap().iter().map(|mount| mount["source"].as_str().unwrap()).collect();
        assert_eq!(mounts, [".", "./data", "c"]);
        assert_eq!(read["volumes"], json!({"c": {}}));
        assert_eq!(dev["ports"][0]["target"], 3000);
        let step = json!({"run": "npm run 'two words'", "outputs": ["/workspaces/shop"], "user": "node"});
        assert_eq!(dev["provision"], json!([step]));
        assert_eq!(dev["post_start"], json!([{"command": ["/bin/sh", "-c", "echo $$HOME"]}]));
        assert!(dev.get("labels").is_none() && !proposal.text.contains(ABOVE), "{}", proposal.text);
        let open: Vec<String> = proposal.open.iter().map(ToString::to_string).collect();
        assert!(open[0].starts_with(".devcontainer/devcontainer.json:4: features: "), "{open:?}");
        assert!(open.iter().any(|line| line.contains("PATH depends on the container")), "{open:?}");
        assert!(proposal.text.contains("- .devcontainer/devcontainer.json:4: features"), "{}", proposal.text);
    }

    #[test]
    fn compose_files_are_included_and_the_rest_is_listed() {
        let text = r#"{ "dockerComposeFile": ["../compose.yaml", "dev.yaml"], "service": "app", "forwardPorts": [1], "postStartCommand": "x" }"#;
        let proposal = proposed(&[(".devcontainer/go/devcontainer.json", text)]);
        let read: Value = serde_yaml::from_str(&proposal.text).unwrap();
        assert_eq!(read["include"], json!([{"path": [".devcontainer/compose.yaml", ".devcontainer/go/dev.yaml"]}]));
        let open: Vec<String> = proposal.open.iter().map(ToString::to_string).collect();
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(open[1].contains("postStartCommand: make a task of it"), "{open:?}");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_told() {
        let mut snapshot = Snapshot::default();
        assert_eq!(propose(&snapshot), Err(ImportError::Missing("devcontainer.json")));
        snapshot.add(".devcontainer.json", Some("{ \"image\": 3 }".to_owned()));
        let error = propose(&snapshot).unwrap_err().to_string();
        assert!(error.starts_with(".devcontainer.json: ") && error.contains("image"), "{error}");
    }
}
