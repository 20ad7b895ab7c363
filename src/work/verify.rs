//! Comparing what was put back with what was captured: by git's own answers and the files' own bytes, not by what the
//! replay says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::description::{Captured, CapturedHead, CapturedTree};
use super::error::WorkError;
use super::replay::{description, places};
use super::repository::{Head, Repository, Tree};
use super::view::View;
use super::{files, index};

/// What was compared, and what is not equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Refs.
    pub refs: usize,
    /// Stashes.
    pub stashes: usize,
    /// Entries of indexes.
    pub entries: usize,
    /// Files that differ from their index, are untracked or ignored.
    pub files: usize,
    /// What is not as it was captured.
    pub different: Vec<String>,
}

/// Compares the capture in `from` with what lies in the folder `into`.
pub fn verify(from: &Path, into: &Path) -> Result<Compared, WorkError> {
    let work = description(from)?;
    let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    let mut compared = Compared::default();
    for (position, (place, captured)) in places(&work, into).iter().zip(&work.repositories).enumerate() {
        let Some(place) = place else { continue };
        let repository = Repository::at(&place.folder)?.ok_or_else(|| WorkError::NoRepository(place.folder.clone()))?;
        let part = from.join(position.to_string());
        compared.repository(&repository, captured, &part, &desk.path().join(position.to_string()))?;
    }
    Ok(compared)
}

impl Compared {
    fn repository(
        &mut self,
        repository: &Repository,
        captured: &Captured,
        part: &Path,
        desk: &Path,
    ) -> Result<(), WorkError> {
        let refs = repository.refs()?;
        let there: BTreeMap<&str, &str> = refs.iter().map(|one| (one.name.as_str(), one.oid.as_str())).collect();
        for (name, oid) in &captured.refs {
            self.refs += 1;
            if there.get(name.as_str()) != Some(&oid.as_str()) {
                self.different.push(format!("{name} of {}", captured.path));
            }
        }
        let symbolic = repository.symbolic_refs()?;
        self.refs += captured.symbolic.len();
        let lost = captured.symbolic.iter().filter(|one| !symbolic.contains(one));
        self.different.extend(lost.map(|(name, _)| format!("{name} of {}", captured.path)));
        let log = fs::read(part.join("stash.log")).unwrap_or_default();
        self.stashes += captured.stashes;
        // without files for logs (reftable) stashes come back as refs, and were compared with these
        if log != super::repository::read(&repository.common.join("logs/refs/stash")).unwrap_or_default() {
            self.different.push(format!("the stashes of {}", captured.path));
        }
        let view = View::of(repository, desk)?;
        for (number, tree) in captured.trees.iter().enumerate().filter(|(_, tree)| tree.exists) {
            let id = tree.id.as_ref().map(|id| &id.0);
            match repository.trees.iter().find(|one| one.id.as_ref() == id) {
                Some(found) => {
                    let commit = found.commit(&refs);
                    let git = view.tree(found, commit.as_deref())?;
                    let part = part.join("trees").join(number.to_string());
                    self.tree(&git, found, tree, &part)?;
                    self.files(found, tree, &desk.join("files").join(number.to_string()))?;
                }
                None => self.different.push(format!("the working tree {}", tree.path)),
            }
        }
        Ok(())
    }

    fn tree(
        &mut self,
        git: &crate::git::call::Git,
        found: &Tree,
        tree: &CapturedTree,
        part: &Path,
    ) -> Result<(), WorkError> {
        let is_equal = match (&found.head, &tree.head) {
            (Head::Branch(one), CapturedHead::Branch(other)) => one == other,
            (Head::Detached(one), CapturedHead::Detached(other)) => one == other,
            _ => false,
        };
        if !is_equal {
            self.different.push(format!("what is checked out in {}", tree.path));
        }
        let entries = index::read(git, &found.folder)?;
        self.entries += entries.len();
        for (name, bytes) in index::files(&entries) {
            let file = part.join(name);
            if fs::read(&file).map_err(WorkError::file("read", &file))? != bytes {
                self.different.push(format!("the index of {} ({name})", tree.path));
            }
        }
        Ok(())
    }

    fn files(&mut self, found: &Tree, tree: &CapturedTree, desk: &Path) -> Result<(), WorkError> {
        for entry in &tree.files {
            self.files += 1;
            let taken = files::take(&found.folder, &entry.path, desk).map_err(WorkError::file("read", desk))?;
            if taken.as_ref() != Some(entry) {
                self.different.push(format!("{} in {}", entry.path, tree.path));
            }
        }
        let other_mode = tree.modes.iter().filter(|(path, mode)| files::mode(&found.folder, path) != Some(*mode));
        self.different.extend(other_mode.map(|(path, _)| format!("the mode of {path} in {}", tree.path)));
        Ok(())
    }
}
