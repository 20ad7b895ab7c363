//! The part of a backup that git would lose: everything of a project's repository that no remote has, by room `work`; and
//! the whole folder of a project that is in no repository.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::Keeper;
use crate::app::error::{AppError, Result};
use crate::backup::manifest::Gap;
use crate::backup::part::{Kind, Part};
use crate::backup::session::Session;
use crate::source::checkout::Checkout;
use crate::work::at_risk::Asking;
use crate::work::capture::capture;
use crate::work::description::Work;
use crate::work::error::WorkError;
use crate::work::fingerprint;
use crate::work::matter::Matter;

/// The part that holds the folder of a project which is in no repository.
pub const PLAIN: &str = "folder";

/// Keeps the work of one project.
#[derive(Debug)]
pub struct WorkKeeper<'a> {
    folder: &'a Path,
    include: &'a [String],
    print: OnceCell<Print>,
}

/// What the work that was kept comes to.
#[derive(Debug, Default)]
pub(super) struct Print {
    pub(super) fingerprint: String,
    pub(super) bases: BTreeSet<String>,
    pub(super) include: Vec<String>,
}

impl<'a> WorkKeeper<'a> {
    /// Of the project in this folder, with the ignored files that match these patterns.
    pub fn new(folder: &'a Path, include: &'a [String]) -> Self {
        Self { folder, include, print: OnceCell::new() }
    }

    /// What the work came to, once it is kept.
    pub(super) fn print(self) -> Option<Print> {
        self.print.into_inner()
    }
}

impl From<WorkError> for AppError {
    fn from(error: WorkError) -> Self {
        let help = match &error {
            WorkError::Git(_) => "look at what git says there itself: `git status`, `git fsck`",
            WorkError::Lost { .. } => "`git fsck` says what is damaged; the remote may have it",
            WorkError::Overwrites { .. } => "move it away, or let `--replace` do that",
            WorkError::Base { .. } => "make the remote reachable and restore again; what is there already stays",
            WorkError::Capture { .. } => "another snapshot may have it whole: `devup backup list`",
            WorkError::File(_) | WorkError::NoRepository(_) | WorkError::Answer { .. } => {
                return Self::failed(error.to_string());
            }
        };
        Self::failed(error.to_string()).help(help)
    }
}

impl Keeper for WorkKeeper<'_> {
    fn keep(&self, session: &mut Session<'_>) -> Result<Vec<Gap>> {
        let folder = self.folder;
        if !folder.is_dir() {
            let why = format!("the project's folder {} is not there", folder.display());
            return Ok(vec![Gap { what: "work".to_owned(), why }]);
        }
        let Some(checkout) = Checkout::of(folder) else {
            let origin = format!("the folder {}, which is in no git repository", folder.display());
            let name = Some(PLAIN.to_owned());
            // before it is read: what changes meanwhile is not taken for kept
            let _ = self.print.set(Print { fingerprint: fingerprint::of_folder(folder)?, ..Print::default() });
            session.add(Part::folder(Kind::Work, name, folder.to_owned(), &origin, "read without an error"))?;
            return Ok(Vec::new());
        };
        let include = from_top(folder, &checkout.top, self.include);
        let matter = Matter::with(&include).map_err(|error| AppError::failed(error.to_string()))?;
        // a remote that goes with the home folder brings nothing back
        let asking = Asking { offline: false, not_in: std::env::home_dir() };
        let desk = tempfile::Builder::new()
            .prefix("devup-work-")
            .tempdir()
            .map_err(|source| AppError::io("making a folder for what git has", source))?;
        let staging = desk.path().join("work");
        let work = capture(&checkout.top, &staging, &asking, &matter)?;
        // what is not wholly kept is never taken for kept by `wipe --check`
        if work.repositories.iter().all(|one| !one.unread) {
            let (fingerprint, bases) = (fingerprint::of_capture(&staging)?, fingerprint::bases(&staging)?);
            let _ = self.print.set(Print { fingerprint, bases, include });
        }
        let origin = format!("what git has in {} and no remote has", checkout.top.display());
        session.add(Part::folder(Kind::Work, None, staging, &origin, &verified(&work)))?;
        let notes = work.repositories.iter().flat_map(|one| &one.notes);
        Ok(notes.map(|note| Gap { what: "work".to_owned(), why: note.clone() }).collect())
    }
}

/// Patterns that are seen from the project's folder, seen from the top of its working tree; what lies below something that
/// matches matters, too.
fn from_top(folder: &Path, top: &Path, include: &[String]) -> Vec<String> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (folder, top) = (real(folder), real(top));
    let within = folder.strip_prefix(&top).unwrap_or_else(|_| Path::new("")).to_string_lossy();
    let before = if within.is_empty() { String::new() } else { format!("{}/", globset::escape(&within)) };
    let both = |pattern: &String| {
        let pattern = pattern.trim_end_matches('/');
        [format!("{before}{pattern}"), format!("{before}{pattern}/**")]
    };
    include.iter().flat_map(both).collect()
}

/// What the parts' word stands on.
fn verified(work: &Work) -> String {
    let (mut refs, mut stashes, mut files) = (0, 0, 0);
    for one in &work.repositories {
        refs += one.refs.len();
        stashes += one.stashes;
        files += one.trees.iter().map(|tree| tree.files.len()).sum::<usize>();
    }
    let silent = work.repositories.iter().flat_map(|one| &one.unproven);
    let silent: String = silent.map(|one| format!("; {one}")).collect();
    format!("read by git: {refs} refs, {stashes} stashes, {files} files{silent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_seen_from_the_project_and_not_from_its_repository() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("apps [1]/shop");
        std::fs::create_dir_all(&folder).unwrap();
        let include = ["certs/".to_owned()];
        assert_eq!(from_top(top.path(), top.path(), &include), ["certs", "certs/**"]);
        let seen = from_top(&folder, top.path(), &include);
        assert!(globset::Glob::new(&seen[1]).unwrap().compile_matcher().is_match("apps [1]/shop/certs/a.pem"));
    }
}
