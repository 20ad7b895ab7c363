//! One `devcontainer.json`, read: checked against the specification's properties, variables replaced as far as they are
//! known before there is a container.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::jsonc;
use super::variables::{self, Known};
use super::workspace::{self, Workspace};
use crate::base::digest::Digest;
use crate::spec::discover::Files;
use crate::spec::dotenv::Variables;
use crate::spec::error::{Fault, Problem, SpecError, Warning};
use crate::spec::node::{Node, Source};
use crate::spec::schema;

/// A dev container's file.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The file, absolute.
    pub path: PathBuf,
    /// Its properties.
    pub node: Node,
    /// Where the project lies.
    pub workspace: Workspace,
    /// Properties that the specification does not have, and what else works but perhaps not as meant.
    pub warnings: Vec<Warning>,
}

/// How the dev container's image and surroundings come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `image`
    Image,
    /// `build` or `dockerFile`
    Dockerfile,
    /// `dockerComposeFile`
    Compose,
}

/// What reading needs besides the file.
pub struct Surroundings<'a> {
    /// The files.
    pub files: &'a dyn Files,
    /// The process's environment.
    pub environment: &'a Variables,
    /// The project's folder, absolute.
    pub local_folder: &'a Path,
    /// Whether `${devcontainerId}` is replaced: what the file describes is shown with the variable.
    pub with_id: bool,
}

/// Reads one; `shown` is its name for people.
pub fn read(path: &Path, shown: &Path, around: &Surroundings) -> Result<Configuration, SpecError> {
    of_source(path, &around.files.read(path, shown)?, around)
}

/// The same of a file whose text is there already.
pub fn of_source(path: &Path, source: &Arc<Source>, around: &Surroundings) -> Result<Configuration, SpecError> {
    let mut node = jsonc::parse(source)?;
    let (unknown, wrong): (Vec<Problem>, Vec<Problem>) =
        schema::validate_devcontainer(&node).into_iter().partition(is_foreign_property);
    if let Some(error) = SpecError::collect(wrong) {
        return Err(error);
    }
    let mut known = Known {
        environment: around.environment.clone(),
        local_folder: around.local_folder.display().to_string(),
        container_folder: None,
        id: around.with_id.then(|| id(around.local_folder, path)),
    };
    // the workspace is made of the file, and the file may speak of the workspace
    let mut first = node.clone();
    variables::substitute(&mut first, &known)?;
    let is_repository = |folder: &Path| around.files.is_repository(folder);
    let workspace = workspace::of(&first, around.local_folder, &is_repository);
    known.container_folder = Some(workspace.folder.clone());
    variables::substitute(&mut node, &known)?;
    let warnings = unknown.iter().map(told).collect();
    Ok(Configuration { path: path.to_owned(), node, workspace, warnings })
}

/// A property of somebody else's at the top of the file.
fn is_foreign_property(problem: &Problem) -> bool {
    matches!(&*problem.fault, Fault::UnknownKey { path, .. } if path == schema::DEVCONTAINER_ROOT)
}

fn told(problem: &Problem) -> Warning {
    let help = if problem.help.starts_with("did you mean") { problem.help.clone() } else { String::new() };
    let warning = Warning::new(format!("{problem}: it has no effect"), &problem.at);
    if help.is_empty() { warning } else { warning.help(help) }
}

/// The dev container's id: the same for the same folder and file, and different from every other on this machine.
pub fn id(local_folder: &Path, file: &Path) -> String {
    let labels: IndexMap<&str, String> = [
        ("devcontainer.config_file", file.display().to_string()),
        ("devcontainer.local_folder", local_folder.display().to_string()),
    ]
    .into();
    // plain text always has a form in JSON
    let text = serde_json::to_string(&labels).unwrap_or_default();
    base32(Digest::of(text).bytes())
}

/// The digest as one number with 52 digits, to the base of 32.
fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    // 260 bits in 52 digits: the number has 256, so four zeros stand before it
    let digit = |number: usize| {
        (0..5).fold(0_usize, |value, place| {
            let index = number * 5 + place;
            value << 1 | if index < 4 { 0 } else { usize::from(bit(index - 4)) }
        })
    };
    (0..52).map(|number| DIGITS[digit(number)] as char).collect()
}

impl Configuration {
    /// A property that is a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.node.get(key)?.as_str()
    }

    /// A property that is `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.node.get(key)?.as_bool()
    }

    /// Strings of a property that is a string or a list of them.
    pub fn texts(&self, key: &str) -> Vec<(&str, &Node)> {
        let Some(node) = self.node.get(key) else { return Vec::new() };
        let items = node.as_seq().map_or(std::slice::from_ref(node), Vec::as_slice);
        items.iter().filter_map(|item| Some((item.as_str()?, item))).collect()
    }

    /// The folder of the file, where its relative paths begin.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Which form it has; a file without any is an error.
    pub fn form(&self) -> Result<Form, SpecError> {
        let has = |key: &str| self.node.get(key).is_some();
        if has("dockerComposeFile") {
            return Ok(Form::Compose);
        }
        if has("dockerFile") || self.node.get("build").is_some_and(|build| build.get("dockerfile").is_some()) {
            return Ok(Form::Dockerfile);
        }
        if has("image") {
            return Ok(Form::Image);
        }
        let fault = Fault::MissingKey { path: schema::DEVCONTAINER_ROOT.into(), key: "image".into() };
        let help = "say what it is made of: `image`, `build.dockerfile` or `dockerComposeFile`";
        let problem = Problem::new(fault, &self.node.at).help(help);
        // a slip of the pen in one of these names is the likely reason
        let meant = |warning: &&Warning| {
            let help = warning.help.as_deref().unwrap_or_default();
            ["`image`", "`build`", "`dockerFile`", "`dockerComposeFile`"].iter().any(|name| help.contains(name))
        };
        Err(match self.warnings.iter().find(meant) {
            Some(warning) => {
                problem.help(warning.help.clone().unwrap_or_default()).also(&warning.at, "perhaps this one")
            }
            None => problem,
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::decode;

    struct One(&'static str);

    impl Files for One {
        fn is_file(&self, _: &Path) -> bool {
            true
        }

        fn is_repository(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, _: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
            decode::decode(self.0.as_bytes(), shown)
        }
    }

    fn read_text(text: &'static str) -> Result<Configuration, SpecError> {
        let environment = Variables::new();
        let around = Surroundings {
            files: &One(text),
            environment: &environment,
            local_folder: Path::new("/home/ada/shop"),
            with_id: true,
        };
        read(Path::new("/home/ada/shop/.devcontainer.json"), Path::new(".devcontainer.json"), &around)
    }

    #[test]
    fn a_foreign_property_is_a_warning_and_a_wrong_kind_an_error() {
        let read = read_text("{\n  \"image\": \"a\",\n  \"forwardPort\": [1],\n  \"devPort\": 2\n}").unwrap();
        assert_eq!(read.warnings.len(), 2);
        assert_eq!(read.warnings[0].help.as_deref(), Some("did you mean `forwardPorts`?"));
        assert_eq!((read.warnings[0].at.line, read.warnings[0].at.column), (3, 3));
        let error = read_text("{\n  \"image\": \"a\",\n  \"forwardPorts\": \"80\",\n  \"init\": 1\n}").unwrap_err();
        assert_eq!(error.problems().len(), 2);
        let screen = error.screen(false);
        assert!(screen.contains(".devcontainer.json:3:19") && screen.contains("forwardPorts"), "{screen}");
    }

    #[test]
    fn the_workspace_is_known_to_the_file() {
        let text = r#"{"image": "a", "workspaceFolder": "/w/${localWorkspaceFolderBasename}",
            "mounts": ["type=volume,source=${devcontainerId},target=${containerWorkspaceFolder}/x"]}"#;
        let read = read_text(text).unwrap();
        let mount = read.texts("mounts")[0].0;
        assert!(mount.ends_with("target=/w/shop/x") && !mount.contains("devcontainerId"), "{mount}");
    }

    #[test]
    fn a_file_without_any_form_says_which_there_are() {
        assert_eq!(read_text(r#"{"image": "a"}"#).unwrap().form().unwrap(), Form::Image);
        assert_eq!(read_text(r#"{"build": {"dockerfile": "a"}}"#).unwrap().form().unwrap(), Form::Dockerfile);
        assert_eq!(read_text(r#"{"dockerComposeFile": ["a"]}"#).unwrap().form().unwrap(), Form::Compose);
        let error = read_text("{}").unwrap().form().unwrap_err();
        assert!(error.problems()[0].help.contains("dockerComposeFile"));
    }

    #[test]
    fn the_id_is_one_number_of_52_digits() {
        assert_eq!(base32(&[0; 32]), "0".repeat(52));
        assert_eq!(base32(&[255; 32]), format!("1{}", "v".repeat(51)));
        let one = id(Path::new("/a"), Path::new("/a/.devcontainer.json"));
        assert!(one.len() == 52 && one != id(Path::new("/b"), Path::new("/b/.devcontainer.json")));
    }
}
