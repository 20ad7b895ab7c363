//! `restore` to where things were: each project's work goes back into its folder, its secrets into the keyring, and what
//! devup knew of it into devup's own state. Everything is fetched beside and looked at first, so that there is a plan to
//! show before anything is written; newer work is never written over.

pub mod data;
mod known;
pub mod rehearsal;
mod secrets;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use tempfile::TempDir;

use super::backup::secrets::desk as memory;
use super::error::{AppError, Result};
use super::vaults::Opened;
use super::workstation;
use crate::backup::manifest::{Gap, Manifest};
use crate::backup::part::{Kind, safe};
use crate::backup::restore::{Request, restore};
use crate::backup::snapshot::{self, Snapshot, Wanted};
use crate::base::files::{Access, create_folder};
use crate::state::store::State;

pub use secrets::{SecretPlan, SecretWay};
pub use work::{Moved, Way, WorkPlan};

/// What is wanted back.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which projects; none: all that the repository has.
    pub projects: Vec<String>,
    /// Which snapshot of each.
    pub moment: Moment,
    /// Only these parts; none: everything.
    pub only: Vec<Kind>,
    /// What is in the way is moved aside, and secrets that are others now are set.
    pub replace: bool,
}

/// Which snapshot of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// The newest complete one.
    Latest,
    /// The newest complete one that is not younger.
    At(Timestamp),
    /// This one.
    Snapshot(String),
}

/// What would be done for one project.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The project.
    pub project: String,
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// The project's folder on this machine.
    pub folder: Option<PathBuf>,
    /// Its work; absent where the snapshot has none, or none is wanted.
    pub work: Option<WorkPlan>,
    /// Its secrets.
    pub secrets: Vec<SecretPlan>,
    /// Parts with data: databases and volumes.
    pub data: Vec<String>,
    /// What the snapshot does not have.
    pub not_covered: Vec<Gap>,
}

/// One project on its way back: fetched, and not yet written anywhere.
#[derive(Debug)]
pub struct Coming {
    /// What would be done.
    pub plan: Plan,
    manifest: Manifest,
    /// Parts as they lie in the snapshot.
    parts: PathBuf,
    secrets: Option<TempDir>,
}

/// All of them.
#[derive(Debug)]
pub struct Prepared {
    /// Projects that can come back.
    pub coming: Vec<Coming>,
    /// Projects that cannot be fetched, and why.
    pub failed: Vec<(String, AppError)>,
    /// Holds what was fetched.
    desk: TempDir,
}

/// What came back of one project.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Returned {
    /// The project.
    pub project: String,
    /// Its folder.
    pub folder: Option<PathBuf>,
    /// What was put back.
    pub restored: Vec<String>,
    /// What was proven to be as it was.
    pub verified: Vec<String>,
    /// What was not restored, or is not as it was, and why.
    pub missing: Vec<String>,
    /// What should be known besides.
    pub notes: Vec<String>,
}

/// Fetches what is wanted, and plans.
pub fn prepare(state: &State, opened: &Opened, home: &Path, wish: &Wish) -> Result<Prepared> {
    let desk = desk(state)?;
    let mut prepared = Prepared { coming: Vec::new(), failed: Vec::new(), desk };
    let names = if wish.projects.is_empty() { projects(opened)? } else { wish.projects.clone() };
    for project in names {
        match fetch(opened, &project, wish, prepared.desk.path()) {
            Ok(coming) => prepared.coming.push(coming),
            Err(error) => prepared.failed.push((project, error)),
        }
    }
    // of projects that share a repository, the newest snapshot brings its work
    prepared.coming.sort_by_key(|coming| std::cmp::Reverse(coming.plan.taken));
    let mut taken = BTreeMap::new();
    for coming in &mut prepared.coming {
        coming.decide(state, home, &mut taken)?;
    }
    // who brings a repository goes before those that share it
    prepared.coming.sort_by_key(|coming| (coming.is_brought(), coming.plan.project.clone()));
    Ok(prepared)
}

fn desk(state: &State) -> Result<TempDir> {
    let folder = state.layout().cache.join("restore");
    create_folder(&folder, Access::Private).map_err(|error| AppError::failed(error.to_string()))?;
    tempfile::tempdir_in(&folder).map_err(|source| AppError::io("making a folder for what is restored", source))
}

/// Every project that has a complete snapshot.
fn projects(opened: &Opened) -> Result<Vec<String>> {
    let mut names: Vec<String> = opened
        .vault
        .snapshots()?
        .into_iter()
        .filter(|snapshot| snapshot.complete && !snapshot.project.is_empty() && snapshot.project != workstation::LABEL)
        .map(|snapshot| snapshot.project)
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(AppError::failed(format!("repository {} has no complete snapshot of any project", opened.name))
            .help("`devup backup list` shows what it has"));
    }
    Ok(names)
}

/// Gets what the plan needs to know out of the repository: work and settings into a folder, secrets into memory.
fn fetch(opened: &Opened, project: &str, wish: &Wish, desk: &Path) -> Result<Coming> {
    let wanted = match &wish.moment {
        Moment::Latest => newest(opened, project, Timestamp::MAX)?,
        Moment::At(time) => newest(opened, project, *time)?,
        Moment::Snapshot(id) => Wanted::Id(id.clone()),
    };
    let (snapshot, manifest) = opened.vault.show(&wanted)?;
    let Some(manifest) = manifest else {
        return Err(AppError::failed(format!("snapshot {} is none of devup's complete ones", snapshot.id))
            .help(format!("devup restore --snapshot {} --into DIR", snapshot.id)));
    };
    if !project.is_empty() && manifest.project != project {
        return Err(AppError::usage(format!(
            "snapshot {} is of project {}, not of {project}",
            snapshot.id, manifest.project
        ))
        .help("`devup backup list` shows which is whose"));
    }
    let has = |kind: Kind| manifest.parts.iter().any(|part| part.kind == kind);
    let is_wanted = |kind: Kind| (wish.only.is_empty() || wish.only.contains(&kind)) && has(kind);
    let parts = desk.join(safe(project));
    let kinds: Vec<Kind> =
        [Kind::Settings, Kind::Work].into_iter().filter(|kind| *kind == Kind::Settings || is_wanted(*kind)).collect();
    bring(opened, &snapshot, kinds, &parts)?;
    let secrets = if is_wanted(Kind::Secrets) {
        let folder = memory()?;
        bring(opened, &snapshot, vec![Kind::Secrets], &folder.path().join("parts"))?;
        Some(folder)
    } else {
        None
    };
    let is_data = |kind: Kind| matches!(kind, Kind::Database | Kind::Volume) && is_wanted(kind);
    let data = manifest.parts.iter().filter(|part| is_data(part.kind)).map(|part| part.place.display().to_string());
    let plan = Plan {
        project: manifest.project.clone(),
        snapshot: snapshot.id,
        taken: manifest.taken,
        folder: None,
        work: None,
        secrets: Vec::new(),
        data: data.collect(),
        not_covered: manifest.not_covered.clone(),
    };
    Ok(Coming { plan, manifest, parts, secrets })
}

/// Snapshots of these tags are no backups of a project as it should be: data under a name, and what was saved before a step
/// that removes or replaces something. They are restored only by their identity.
const ASIDE: &[&str] = &["devup:data:", "devup:before-"];

/// The newest complete backup of a project that is not younger.
fn newest(opened: &Opened, project: &str, until: Timestamp) -> Result<Wanted> {
    let mut snapshots = opened.vault.snapshots()?;
    let is_aside = |tag: &String| ASIDE.iter().any(|aside| tag.starts_with(aside));
    snapshots.retain(|one| one.complete && one.project == project && !one.tags.iter().any(is_aside));
    let any = !snapshots.is_empty();
    let fitting = snapshots.into_iter().filter(|one| one.time <= until);
    // who names a moment knows better than our clock
    let now = if until == Timestamp::MAX { Timestamp::now() } else { until };
    snapshot::newest(fitting, now, |one| one.time).map(|one| Wanted::Id(one.id)).ok_or_else(|| {
        let which = if any { format!(" that is not younger than {until}") } else { String::new() };
        AppError::failed(format!("repository {} has no complete backup of project {project}{which}", opened.name))
            .help("`devup backup list` shows what it has")
    })
}

/// Restores parts of a snapshot into a new folder; what is not whole is an error.
fn bring(opened: &Opened, snapshot: &Snapshot, only: Vec<Kind>, into: &Path) -> Result<()> {
    let request = Request { wanted: Wanted::Id(snapshot.id.clone()), only, into: into.to_owned() };
    let restored = restore(&opened.vault, &request)?;
    if restored.damaged.is_empty() && restored.written.failures == 0 {
        return Ok(());
    }
    let what = if restored.damaged.is_empty() { "some files".to_owned() } else { restored.damaged.join(", ") };
    Err(AppError::failed(format!("snapshot {} of {} is damaged: {what}", snapshot.id, snapshot.project)).help(format!(
        "take an older one: devup restore {} --at TIME; or what is whole of it: devup restore --snapshot {} --into DIR",
        snapshot.project, snapshot.id
    )))
}

impl Coming {
    /// Looks at this machine, and settles what would be done.
    fn decide(&mut self, state: &State, home: &Path, taken: &mut BTreeMap<PathBuf, String>) -> Result<()> {
        let old_home = self.manifest.home.clone();
        let here = |path: &Path| moved(path, old_home.as_deref(), home);
        self.plan.folder = self.manifest.path.as_deref().map(here);
        self.plan.work = work::plan(state, self, &here, taken)?;
        if let Some(folder) = &self.secrets {
            self.plan.secrets = secrets::plan(state, &self.plan.project, &folder.path().join("parts"))?;
        }
        Ok(())
    }

    /// Another project brings its work.
    fn is_brought(&self) -> bool {
        matches!(&self.plan.work, Some(WorkPlan { way: Way::With { .. }, .. }))
    }

    /// The folder that is in the way of this project's work, and is moved aside before it is written.
    pub fn in_the_way(&self) -> Option<&Path> {
        let work = self.plan.work.as_ref()?;
        matches!(work.way, Way::Occupied { .. }).then_some(work.into.as_path())
    }

    /// Writes it. What stands in the way was backed up by the caller.
    pub fn put_back(&self, state: &State, home: &Path, replace: bool) -> Result<Returned> {
        let mut returned =
            Returned { project: self.plan.project.clone(), folder: self.plan.folder.clone(), ..Returned::default() };
        if let Some(plan) = &self.plan.work {
            work::put_back(state, self, plan, replace, &mut returned)?;
        }
        let old_home = self.manifest.home.clone();
        let here = |path: &Path| moved(path, old_home.as_deref(), home);
        known::put_back(state, self, &here, &mut returned)?;
        if let Some(folder) = &self.secrets {
            secrets::put_back(state, &self.plan, &folder.path().join("parts"), replace, &mut returned)?;
        }
        Ok(returned)
    }
}

/// Where a path of the other machine is on this one: what was in the home folder is in this one's.
fn moved(path: &Path, old_home: Option<&Path>, home: &Path) -> PathBuf {
    match old_home.and_then(|old| path.strip_prefix(old).ok()) {
        Some(rest) => home.join(rest),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_the_home_folder_is_in_the_new_one() {
        let (ada, bob) = (Path::new("/home/ada"), Path::new("/Users/bob"));
        assert_eq!(moved(Path::new("/home/ada/src/shop"), Some(ada), bob), Path::new("/Users/bob/src/shop"));
        assert_eq!(moved(Path::new("/srv/shop"), Some(ada), bob), Path::new("/srv/shop"));
        assert_eq!(moved(Path::new("/home/adam/shop"), Some(ada), bob), Path::new("/home/adam/shop"));
        assert_eq!(moved(Path::new("/home/ada/x"), None, bob), Path::new("/home/ada/x"));
    }
}
