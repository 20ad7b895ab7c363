//! What is remembered of backups that were taken, for `wipe --check`: where a project's last one lies, and what it has.

use std::path::Path;

use super::work::Print;
use crate::app::error::Result;
use crate::app::vaults::Opened;
use crate::backup::manifest::Manifest;
use crate::backup::session::Summary;
use crate::state::backed::Backed;
use crate::state::store::State;

/// Remembers a backup.
pub(super) fn taken(
    state: &State,
    opened: &Opened,
    summary: &Summary,
    manifest: &Manifest,
    work: Option<Print>,
) -> Result<()> {
    let (work, bases, include) =
        work.map(|print| (Some(print.fingerprint), print.bases, print.include)).unwrap_or_default();
    let backed = Backed {
        snapshot: summary.snapshot.clone(),
        taken: manifest.taken,
        folder: folder(opened),
        work,
        bases,
        include,
        parts: manifest.parts.iter().map(|part| part.place.display().to_string()).collect(),
    };
    Ok(state.note_backup(&manifest.project, &opened.name, backed)?)
}

fn folder(opened: &Opened) -> Option<std::path::PathBuf> {
    opened.vault.address().folder().map(Path::to_owned)
}

/// What one repository has of the last backups, the other has since it was copied: the same moment of the same project,
/// under an identity of its own.
pub fn copied(state: &State, from: &Opened, to: &Opened) -> Result<()> {
    let (here, there) = (from.vault.snapshots()?, to.vault.snapshots()?);
    for (project, repositories) in state.backed_up()? {
        let Some(backed) = repositories.get(&from.name) else { continue };
        let Some(time) = here.iter().find(|one| one.id == backed.snapshot).map(|one| one.time) else { continue };
        let copy = there.iter().find(|one| one.complete && one.project == project && one.time == time);
        if let Some(copy) = copy {
            let backed = Backed { snapshot: copy.id.clone(), folder: folder(to), ..backed.clone() };
            state.note_backup(&project, &to.name, backed)?;
        }
    }
    Ok(())
}

/// Forgets the backups that the repository does not have any more.
pub fn removed(state: &State, opened: &Opened) -> Result<()> {
    let there = opened.vault.snapshots()?;
    let is_there = |backed: &Backed| there.iter().any(|one| one.id == backed.snapshot);
    Ok(state.keep_backups(&opened.name, is_there)?)
}
