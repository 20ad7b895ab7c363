//! A project out of a backup into a folder of its own, which is no place that anything else knows: for a drill.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Coming, Moment, Returned, Wish, desk, fetch, known, projects, work};
use crate::app::error::Result;
use crate::app::vaults::Opened;
use crate::backup::part::Kind;
use crate::state::consent::Consent;
use crate::state::store::State;

/// A project that stands in a folder of its own.
#[derive(Debug)]
pub struct Rehearsed {
    /// The snapshot.
    pub snapshot: String,
    /// The project's folder there.
    pub folder: PathBuf,
    /// What was put there, and compared.
    pub returned: Returned,
}

/// Every project that has a backup.
pub fn all(opened: &Opened) -> Result<Vec<String>> {
    projects(opened)
}

/// Puts the work of the newest backup into a folder in `beside`, which is not there yet, with the lock and the consent that
/// belong to it.
pub fn stand(state: &State, opened: &Opened, project: &str, beside: &Path) -> Result<Rehearsed> {
    let desk = desk(state)?;
    let wish =
        Wish { projects: vec![project.to_owned()], moment: Moment::Latest, only: vec![Kind::Work], replace: false };
    let mut coming = fetch(opened, project, &wish, desk.path())?;
    let mut returned = Returned { project: project.to_owned(), ..Returned::default() };
    let (was, into, folder) = work::elsewhere(&coming, beside, &mut returned)?;
    coming.plan.folder = Some(folder.clone());
    known::lock(&coming)?;
    lend_consent(state, &coming, &folder, &|path: &Path| match path.strip_prefix(&was) {
        Ok(rest) => into.join(rest),
        Err(_) => path.to_owned(),
    })?;
    returned.folder = Some(folder.clone());
    Ok(Rehearsed { snapshot: coming.plan.snapshot.clone(), folder, returned })
}

/// What was agreed to for the project holds for its copy: the same list, the same scripts.
fn lend_consent(state: &State, coming: &Coming, folder: &Path, here: &dyn Fn(&Path) -> PathBuf) -> Result<()> {
    if let Some(consent) = known::consent(coming)? {
        let scripts: BTreeMap<PathBuf, String> =
            consent.scripts.into_iter().map(|(script, digest)| (here(&script), digest)).collect();
        state.keep_consent(folder, Consent { scripts, ..consent })?;
    }
    Ok(())
}
