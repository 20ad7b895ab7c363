//! From one repository to another: the off-site copy of what was backed up here.

use rustic_core::repofile::SnapshotFile;

use super::error::Result;
use super::snapshot::{COMPLETE, OURS, Snapshot};
use super::vault::Vault;

/// Snapshots that a repository does not have yet.
pub struct Missing(Vec<SnapshotFile>);

impl Missing {
    /// As shown.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.0.iter().map(Snapshot::of).collect()
    }
}

/// The complete snapshots that the other does not have; those of one project, or all.
pub fn missing(from: &Vault, to: &Vault, project: Option<&str>) -> Result<Missing> {
    let wanted = |file: &SnapshotFile| {
        file.tags.contains(OURS) && file.tags.contains(COMPLETE) && project.is_none_or(|project| file.label == project)
    };
    let files: Vec<SnapshotFile> = from.snapshot_files()?.into_iter().filter(|file| wanted(file)).collect();
    let judged = to
        .repository
        .relevant_copy_snapshots(|_| true, &files)
        .map_err(|error| to.failed("comparing snapshots with", &error))?;
    Ok(Missing(judged.into_iter().filter(|one| one.relevant).map(|one| one.sn).collect()))
}

/// Copies them. The caller holds the other's lock.
pub fn copy(from: &Vault, to: &Vault, missing: &Missing) -> Result<()> {
    to.refuse_beside_restic()?;
    if missing.0.is_empty() {
        return Ok(());
    }
    let (source, target) = (from.for_reading()?, to.for_writing()?);
    source.copy(&target, &missing.0).map_err(|error| to.failed("copying to", &error))
}
