//! Makes a project out of a template. The templates are part of the binary.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

use super::error::{AppError, Result};
use crate::base::files::{self, Access, FileError};
use crate::model::name::ProjectName;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Embedded;

/// Describes a template; not part of the project.
const DESCRIPTION: &str = "template.yaml";
/// Stands for the project's name in a template's files.
const NAME: &str = "{{name}}";

/// A template, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// What to type in the new project.
    pub next: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    description: String,
    #[serde(default)]
    next: Vec<String>,
}

/// What `init` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The template.
    pub template: String,
    /// The folder to fill; made where it is missing.
    pub folder: PathBuf,
    /// The project's name; that of the folder where absent.
    pub name: Option<String>,
    /// Also into a folder with other files, which are overwritten where they are in the way.
    pub force: bool,
}

/// A project that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The project's name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, relative to the folder.
    pub files: Vec<String>,
    /// What to type there.
    pub next: Vec<String>,
}

/// All templates, by name.
pub fn templates() -> Result<Vec<Template>> {
    let names: BTreeSet<String> =
        Embedded::iter().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect();
    names.into_iter().map(|name| describe(&name)).collect()
}

/// Makes the project.
pub fn init(request: &Request) -> Result<Made> {
    let known = templates()?;
    let Some(template) = known.iter().find(|template| template.name == request.template) else {
        let names: Vec<&str> = known.iter().map(|template| template.name.as_str()).collect();
        let message = format!("there is no template `{}`", request.template);
        return Err(AppError::usage(message).help(format!("known are {}", names.join(", "))));
    };
    let name = project_name(request)?;
    refuse_full(request)?;
    let prefix = format!("{}/", template.name);
    let mut files = Vec::new();
    for path in Embedded::iter() {
        let Some(relative) = path.strip_prefix(&prefix).filter(|relative| *relative != DESCRIPTION) else { continue };
        let Some(file) = Embedded::get(&path) else { continue };
        write(&request.folder.join(relative), &filled(&file.data, name.as_str())).map_err(file_failed)?;
        files.push(relative.to_owned());
    }
    files.sort();
    Ok(Made { name: name.to_string(), folder: request.folder.clone(), files, next: template.next.clone() })
}

fn describe(name: &str) -> Result<Template> {
    let broken = |reason: String| AppError::failed(format!("template `{name}`: {reason}"));
    let file = Embedded::get(&format!("{name}/{DESCRIPTION}")).ok_or_else(|| broken(format!("no {DESCRIPTION}")))?;
    let Description { description, next } =
        serde_yaml::from_slice(&file.data).map_err(|error| broken(format!("{DESCRIPTION}: {error}")))?;
    Ok(Template { name: name.to_owned(), description, next })
}

fn project_name(request: &Request) -> Result<ProjectName> {
    if let Some(name) = &request.name {
        return ProjectName::parse(name).map_err(|error| AppError::usage(error.to_string()));
    }
    let folder = std::path::absolute(&request.folder)
        .map_err(|source| AppError::io(format!("looking at {}", request.folder.display()), source))?;
    let last = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ProjectName::normalise(&last).ok_or_else(|| {
        AppError::usage(format!("no project name can be made of the folder's name `{last}`"))
            .help("give one with --name")
    })
}

/// A fresh clone, with nothing but its `.git`, counts as empty.
fn refuse_full(request: &Request) -> Result<()> {
    let folder = &request.folder;
    if request.force {
        return Ok(());
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(AppError::io(format!("looking into {}", folder.display()), error)),
    };
    let there = entries.flatten().map(|entry| entry.file_name()).find(|name| name != ".git");
    match there {
        None => Ok(()),
        Some(name) => {
            let message = format!("{} is not empty: there is {}", folder.display(), name.to_string_lossy());
            Err(AppError::needs_decision(message, "name another folder, or overwrite what is in the way with --force"))
        }
    }
}

/// Files that are no text stay as they are.
fn filled(bytes: &[u8], name: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace(NAME, name).into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

/// The binary keeps no modes: a file that names its interpreter is a program.
fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let access = if bytes.starts_with(b"#!") { Access::Executable } else { Access::Shared };
    if let Some(folder) = path.parent() {
        files::create_folder(folder, Access::Shared)?;
    }
    // a link would be followed, and the file it leads to is none of this project
    if path.is_symlink() {
        files::remove_if_there(path)?;
    }
    files::write_atomic(path, bytes, access)
}

fn file_failed(error: FileError) -> AppError {
    AppError::io(format!("cannot {} {}", error.attempt, error.path.display()), error.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(folder: &Path) -> Request {
        Request { template: "django".to_owned(), folder: folder.to_owned(), name: None, force: false }
    }

    #[test]
    fn every_template_describes_itself_and_makes_a_project() {
        for template in templates().unwrap() {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("My Shop");
            let made = init(&Request { template: template.name, ..request(&folder) }).unwrap();
            assert_eq!(made.name, "myshop");
            assert!(!template.description.is_empty() && !made.next.is_empty());
            assert!(made.files.iter().any(|file| file == ".gitignore"), "{:?}", made.files);
            assert!(!folder.join(DESCRIPTION).exists());
            let spec = std::fs::read_to_string(folder.join("devup.yaml")).unwrap();
            assert!(spec.contains("name: \"myshop\"") && !spec.contains(NAME), "{spec}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn programs_can_be_run() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        init(&request(&root.path().join("shop"))).unwrap();
        let mode = |file: &str| root.path().join("shop").join(file).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("manage.py"), mode("README.md")), (0o755, 0o644));
    }

    #[test]
    fn a_folder_with_work_in_it_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(".git")).unwrap();
        let named = Request { name: Some("shop".to_owned()), ..request(root.path()) };
        init(&named).unwrap();
        std::fs::write(root.path().join("README.md"), "mine").unwrap();
        assert!(matches!(init(&named).unwrap_err(), AppError::NeedsDecision { .. }));
        assert_eq!(std::fs::read_to_string(root.path().join("README.md")).unwrap(), "mine");
        init(&Request { force: true, ..named }).unwrap();
        assert!(std::fs::read_to_string(root.path().join("README.md")).unwrap().starts_with("# shop"));
    }

    #[test]
    fn what_is_unknown_or_no_name_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let wrong = Request { template: "jango".to_owned(), ..request(root.path()) };
        assert_eq!(init(&wrong).unwrap_err().remedy().unwrap(), "known are django");
        let wrong = Request { name: Some("A B".to_owned()), ..request(root.path()) };
        assert!(matches!(init(&wrong).unwrap_err(), AppError::Usage { .. }));
    }
}
