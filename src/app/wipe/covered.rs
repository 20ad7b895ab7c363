//! Which backups have what exists only here: those that are not on this machine themselves, and that hold the very work
//! that is there now.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::Line;
use crate::app::error::Result;
use crate::state::backed::{Backed, BackedUp};
use crate::work::at_risk::{self, Asking, Finding};
use crate::work::fingerprint;
use crate::work::matter::Matter;
use crate::work::repository::Repository;

/// The backup that has something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The repository's name.
    pub repository: String,
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
}

/// Looks through the backups.
pub(super) struct Covers<'a> {
    pub(super) backed_up: &'a BackedUp,
    pub(super) asking: &'a Asking,
}

impl Covers<'_> {
    /// The backup that has the work of this repository.
    pub(super) fn work(&self, line: &Line, repository: &Repository, matter: &Matter) -> Result<Option<Covered>> {
        // what a remote did not say, a backup cannot say either: it may stand on what the remote had
        let unproven = |one: &Finding| matches!(one, Finding::Unproven { .. } | Finding::Unreadable { .. });
        let candidates: Vec<(&String, &Backed)> = line.projects.iter().flat_map(|project| self.away(project)).collect();
        if line.findings.is_empty() || candidates.is_empty() || line.findings.iter().any(unproven) {
            return Ok(None);
        }
        let now = fingerprint::of_repository(repository.folder(), matter)?;
        for (name, backed) in candidates {
            if backed.work.as_ref() == Some(&now) && at_risk::remotes_have(repository, &backed.bases, self.asking)? {
                return Ok(Some(covered(name, backed)));
            }
        }
        Ok(None)
    }

    /// The backup that has this folder, which is in no repository.
    pub(super) fn folder(&self, project: &str, folder: &Path) -> Result<Option<Covered>> {
        let candidates: Vec<(&String, &Backed)> = self.away(project).collect();
        if candidates.is_empty() {
            return Ok(None);
        }
        let now = fingerprint::of_folder(folder)?;
        let found = candidates.into_iter().find(|(_, backed)| backed.work.as_ref() == Some(&now));
        Ok(found.map(|(name, backed)| covered(name, backed)))
    }

    /// Backups of the project that are not lost with this machine.
    fn away(&self, project: &str) -> impl Iterator<Item = (&String, &Backed)> {
        self.backed_up.get(project).into_iter().flatten().filter(|(_, backed)| {
            let folders = backed.folder.as_deref().zip(self.asking.not_in.as_deref());
            backed.folder.is_none()
                || folders
                    .is_some_and(|(folder, home)| is_on_another_disk(folder, home) && has(folder, &backed.snapshot))
        })
    }
}

/// The repository in this folder has the snapshot still; its file is named by the whole identity.
fn has(folder: &Path, snapshot: &str) -> bool {
    let entries = std::fs::read_dir(folder.join("snapshots")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(snapshot))
}

/// It is there, and on another file system than the home folder: a disk that can be taken out.
fn is_on_another_disk(folder: &Path, home: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    device(folder).zip(device(home)).is_some_and(|(one, other)| one != other)
}

fn covered(name: &str, backed: &Backed) -> Covered {
    Covered { repository: name.to_owned(), snapshot: backed.snapshot.clone(), taken: backed.taken }
}
