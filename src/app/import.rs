//! `devup init` in a folder with work in it: looks at the folder, proposes a spec, and writes it.

use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{AppError, Result};
use super::request::Request;
use crate::base::files::{self, Access};
use crate::envs::catalogue::Catalogue;
use crate::import::snapshot::{DEEPEST, LARGEST_TEXT, MOST_FILES, MOST_TEXT, is_foreign, is_telling};
use crate::import::{Blocks, Finding, From, ImportError, Proposal, Snapshot, propose};
use crate::spec::discover::{self, DEVUP_NAMES, Disk, Files};
use crate::spec::error::SpecError;
use crate::spec::load::{self, LoadOptions};
use crate::spec::node::Source;
use crate::spec::resolve;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The project's folder.
    pub folder: PathBuf,
    /// What the spec is made from.
    pub from: From,
    /// Over a spec that is there.
    pub force: bool,
}

/// Looks at the folder and proposes; writes nothing.
///
/// # Errors
/// There is nothing to make a spec from, or one is there already.
pub fn look(request: &Request, wish: &Wish) -> Result<Proposal> {
    let snapshot = snapshot(&wish.folder)?;
    let blocks = Blocks::new(Catalogue::of_project(&wish.folder).names());
    let mut proposal = propose(&snapshot, wish.from, &blocks).map_err(|error| refused(&error, wish))?;
    if let Err(error) = check(request, wish, &proposal.text) {
        // told, not hidden: the person has the file and the reason
        let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
        proposal.open.push(Finding::general(format!("this does not load yet: {reason}")));
    }
    Ok(proposal)
}

/// Where the spec is, or comes to be.
pub fn target(folder: &Path) -> PathBuf {
    let there = DEVUP_NAMES.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok());
    there.unwrap_or_else(|| folder.join(DEVUP_NAMES[0]))
}

/// Refuses where a spec of devup's is there, unless it may be written over.
///
/// # Errors
/// It is there.
pub fn refuse_over(wish: &Wish) -> Result<()> {
    let path = target(&wish.folder);
    if wish.force || path.symlink_metadata().is_err() {
        return Ok(());
    }
    let message = format!("{} is there already", path.display());
    Err(AppError::needs_decision(
        message,
        "`devup` brings it up; `devup init --force` writes over it, `--dry-run` shows what it would write",
    ))
}

/// Writes the proposal: the whole file or nothing of it.
///
/// # Errors
/// A spec is there, or the file can't be written.
pub fn write(wish: &Wish, proposal: &Proposal) -> Result<PathBuf> {
    refuse_over(wish)?;
    let path = target(&wish.folder);
    // a link would be followed, and the file it leads to is none of this project
    if path.is_symlink() {
        files::remove_if_there(&path).map_err(|error| AppError::io(error.to_string(), error.source))?;
    }
    files::write_atomic(&path, proposal.text.as_bytes(), Access::Shared)
        .map_err(|error| AppError::io(format!("cannot write {}", path.display()), error.source))?;
    Ok(path)
}

fn refused(error: &ImportError, wish: &Wish) -> AppError {
    let folder = wish.folder.display();
    let message = error.to_string();
    match error {
        ImportError::Empty => AppError::usage(message)
            .help(format!("begin with a template: devup init --template django {folder}\nor write a devup.yaml; `devup init --list` lists the templates")),
        ImportError::Unknown => AppError::failed(message).help(
            "looked for compose.yaml, devcontainer.json, Dockerfile, Vagrantfile, Procfile and the manifests of Python, Node, Ruby, PHP, Java, Go and Rust, here and one folder below; \
             write a devup.yaml with what you know",
        ),
        ImportError::SpecAlready(_) => AppError::failed(message)
            .help("nothing to do: `devup` brings it up; `devup init --from compose` makes a devup.yaml that includes it"),
        ImportError::DevContainer(_) => AppError::failed(message)
            .help("nothing to do: `devup` brings it up; `devup init --from devcontainer` makes a devup.yaml of it, --from dockerfile or procfile of those"),
        ImportError::Missing(_) | ImportError::Unreadable { .. } => {
            AppError::failed(message).help(format!("looked in {folder}; name the project's folder: devup init --from KIND DIR"))
        }
    }
}

/// The proposal as the loader sees it, beside the files that are there.
struct Proposed<'a> {
    path: PathBuf,
    text: &'a str,
}

impl Files for Proposed<'_> {
    fn is_file(&self, path: &Path) -> bool {
        path == self.path || Disk.is_file(path)
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        if path == self.path {
            return Ok(Arc::new(Source { path: shown.to_owned(), text: self.text.to_owned() }));
        }
        Disk.read(path, shown)
    }
}

/// Loads the proposal with devup's own loader.
fn check(request: &Request, wish: &Wish, text: &str) -> Result<()> {
    let path = request.spec.absolute(&target(&wish.folder));
    let found = discover::Request {
        files: vec![path.clone()],
        project_directory: Some(wish.folder.clone()),
        project_name: Some("check".to_owned()),
        ..request.spec.clone()
    };
    let files = Proposed { path, text };
    let found = discover::discover(&found, &files)?;
    let options = LoadOptions::new(request.spec.current_dir.clone(), Some(request.home.clone()));
    resolve::environment(&load::load(&found, &files, &options)?)?;
    Ok(())
}

/// Looks at a folder: names to a certain depth, texts of files that say how a project is run. Links are not followed.
fn snapshot(folder: &Path) -> Result<Snapshot> {
    let looking = |path: &Path| format!("looking into {}", path.display());
    let name = folder.canonicalize().ok().and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    let mut snapshot = Snapshot::named(name.unwrap_or_default());
    let mut budget = MOST_TEXT;
    let mut folders = VecDeque::from([(folder.to_owned(), String::new(), 0)]);
    while let Some((path, prefix, depth)) = folders.pop_front() {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if depth == 0 && error.kind() == std::io::ErrorKind::NotFound => return Ok(snapshot),
            Err(error) if depth == 0 => return Err(AppError::io(looking(&path), error)),
            // a folder below that nobody may read says nothing
            Err(_) => continue,
        };
        let mut entries: Vec<fs::DirEntry> = entries.flatten().take(MOST_FILES).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let relative = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if kind.is_dir() && depth < DEEPEST && !is_foreign(&name) {
                folders.push_back((entry.path(), relative, depth + 1));
            } else if kind.is_file() {
                if snapshot.len() >= MOST_FILES {
                    snapshot.cut = true;
                    return Ok(snapshot);
                }
                let text = if is_telling(&name) { text(&entry.path(), &mut budget) } else { None };
                snapshot.add(relative, text);
            }
        }
    }
    Ok(snapshot)
}

/// A file's text, if it is not too large; what is no UTF-8 is replaced.
fn text(path: &Path, budget: &mut u64) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LARGEST_TEXT + 1).read_to_end(&mut bytes).ok()?;
    let size = bytes.len() as u64;
    if size > LARGEST_TEXT || size > *budget {
        return None;
    }
    *budget -= size;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
