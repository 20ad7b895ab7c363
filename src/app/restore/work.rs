//! Work on its way back: where it goes, what is there already, and how it is put there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Coming, Returned};
use crate::app::backup::work::PLAIN;
use crate::app::error::{AppError, Result};
use crate::backup::part::Kind;
use crate::state::returned;
use crate::state::store::State;
use crate::work::description::FILE;
use crate::work::replay;
use crate::work::verify::verify;

/// A folder, and what it is called once it is out of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Now.
    pub from: PathBuf,
    /// Then.
    pub to: PathBuf,
}

/// Where work goes, and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkPlan {
    /// The folder: the top of the repository, or that of a project which is in none.
    pub into: PathBuf,
    /// What is there.
    pub way: Way,
}

/// What is where work goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Way {
    /// Nothing, or a clone that has nothing of its own.
    Free,
    /// This very snapshot, from an earlier restore.
    Done,
    /// It shares its repository with another project, with which it comes.
    With {
        /// Which.
        project: String,
    },
    /// Half of it, from a restore that was interrupted.
    Unfinished {
        /// Where that goes.
        aside: Vec<Moved>,
    },
    /// Something of its own.
    Occupied {
        /// What.
        found: Vec<String>,
        /// Where that goes, if it may.
        aside: Vec<Moved>,
    },
}

/// Settles where the project's work goes. `taken`: folders that other projects bring.
pub(super) fn plan(
    state: &State,
    coming: &Coming,
    here: &dyn Fn(&Path) -> PathBuf,
    taken: &mut BTreeMap<PathBuf, String>,
) -> Result<Option<WorkPlan>> {
    let Some(source) = Source::of(coming)? else { return Ok(None) };
    let into = here(&source.was);
    if let Some(project) = taken.get(&into) {
        return Ok(Some(WorkPlan { into, way: Way::With { project: project.clone() } }));
    }
    taken.insert(into.clone(), coming.plan.project.clone());
    let folders = source.folders(&into)?;
    let aside = || folders.iter().filter(|folder| folder.exists()).map(|folder| out_of_the_way(folder)).collect();
    let way = match state.returned(&into)? {
        Some(known) if known.snapshot == coming.plan.snapshot && known.done && into.exists() => Way::Done,
        Some(known) if !known.done && into.exists() => Way::Unfinished { aside: aside() },
        _ => {
            let found = source.obstacles(&into)?;
            if found.is_empty() { Way::Free } else { Way::Occupied { found, aside: aside() } }
        }
    };
    Ok(Some(WorkPlan { into, way }))
}

/// A name beside the folder that nothing has yet.
fn out_of_the_way(folder: &Path) -> Moved {
    let numbered = |number: u32| {
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".before-restore-{number}"));
        folder.with_file_name(name)
    };
    let free = (1..u32::MAX).map(numbered).find(|path| fs::symlink_metadata(path).is_err());
    Moved { from: folder.to_owned(), to: free.unwrap_or_else(|| numbered(u32::MAX)) }
}

/// Work as it lies in a snapshot.
struct Source {
    /// Where the parts lie.
    from: PathBuf,
    /// The folder that it was taken from.
    was: PathBuf,
    /// It is a capture of git's; else a plain folder.
    is_git: bool,
}

impl Source {
    fn of(coming: &Coming) -> Result<Option<Self>> {
        let work = coming.parts.join(Kind::Work.folder());
        if work.join(FILE).exists() {
            let description = replay::description(&work)?;
            let first = description.repositories.first().map(|first| first.path.path());
            return Ok(first.map(|was| Self { from: work, was, is_git: true }));
        }
        let plain = work.join(PLAIN);
        let was = coming.manifest.path.clone().filter(|_| plain.is_dir());
        Ok(was.map(|was| Self { from: plain, was, is_git: false }))
    }

    fn folders(&self, into: &Path) -> Result<Vec<PathBuf>> {
        if self.is_git { Ok(replay::folders(&self.from, into)?) } else { Ok(vec![into.to_owned()]) }
    }

    fn obstacles(&self, into: &Path) -> Result<Vec<String>> {
        if self.is_git {
            return Ok(replay::obstacles(&self.from, into)?);
        }
        let entries = fs::read_dir(into).map(|entries| entries.flatten().count()).unwrap_or_default();
        Ok(if entries == 0 { Vec::new() } else { vec![format!("{entries} files and folders")] })
    }
}

/// Puts the work where the plan says.
pub(super) fn put_back(
    state: &State,
    coming: &Coming,
    plan: &WorkPlan,
    replace: bool,
    returned: &mut Returned,
) -> Result<()> {
    let into = &plan.into;
    match &plan.way {
        Way::Done => {
            returned.notes.push(format!("{} was put back by an earlier restore", into.display()));
            return Ok(());
        }
        Way::With { project } => {
            returned.notes.push(format!("its work comes with project {project}, in {}", into.display()));
            return Ok(());
        }
        Way::Occupied { found, .. } if !replace => {
            let found: String = found.iter().map(|one| format!("\n  {one}")).collect();
            let what = format!("{} has work of its own, which a restore does not write over:{found}", into.display());
            let project = &coming.plan.project;
            return Err(AppError::needs_decision(
                what,
                format!("`devup restore {project} --replace` backs it up, moves it aside and restores"),
            ));
        }
        Way::Free => {}
        Way::Unfinished { aside } | Way::Occupied { aside, .. } => move_aside(aside, returned)?,
    }
    let Some(source) = Source::of(coming)? else { return Ok(()) };
    let note = |done| returned::Returned { snapshot: coming.plan.snapshot.clone(), done };
    state.note_return(into, note(false))?;
    if source.is_git {
        replay_and_compare(&source, into, returned)?;
    } else {
        place(&source.from, into, returned)?;
    }
    state.note_return(into, note(true))?;
    Ok(())
}

/// Puts the work below another folder than it was in, under the name that it had. Returns where it was, where it is, and where
/// the project's own folder is now.
pub(super) fn elsewhere(
    coming: &Coming,
    beside: &Path,
    returned: &mut Returned,
) -> Result<(PathBuf, PathBuf, PathBuf)> {
    let Some(source) = Source::of(coming)? else {
        return Err(AppError::failed(format!("snapshot {} has no files of the project", coming.plan.snapshot))
            .help("`devup backup show` says why not"));
    };
    let into = beside.join(source.was.file_name().unwrap_or_default());
    if let Some(outside) = source.folders(&into)?.into_iter().find(|folder| !folder.starts_with(beside)) {
        let message = format!("a part of the work would go to {}, which is not the copy's own", outside.display());
        return Err(AppError::failed(message));
    }
    if source.is_git {
        replay_and_compare(&source, &into, returned)?;
    } else {
        place(&source.from, &into, returned)?;
    }
    let within = coming.manifest.path.as_deref().and_then(|path| path.strip_prefix(&source.was).ok());
    let folder = within.map_or_else(|| into.clone(), |within| into.join(within));
    Ok((source.was, into, folder))
}

fn move_aside(aside: &[Moved], returned: &mut Returned) -> Result<()> {
    for Moved { from, to } in aside {
        fs::rename(from, to).map_err(|source| AppError::io(format!("moving {} aside", from.display()), source))?;
        returned.notes.push(format!("what was in {} is in {} now", from.display(), to.display()));
    }
    Ok(())
}

fn replay_and_compare(source: &Source, into: &Path, returned: &mut Returned) -> Result<()> {
    let replayed = replay::replay(&source.from, into)?;
    let folders: Vec<String> = replayed.repositories.iter().map(|folder| folder.display().to_string()).collect();
    returned.restored.push(format!("work in {}", folders.join(", ")));
    returned.missing.extend(replayed.notes);
    let compared = verify(&source.from, into)?;
    returned.missing.extend(compared.different.into_iter().map(|what| format!("{what}: not as it was")));
    returned.verified.push(format!(
        "{} refs, {} stashes, {} entries of indexes, {} files outside of commits",
        compared.refs, compared.stashes, compared.entries, compared.files
    ));
    Ok(())
}

/// Puts a plain folder in place; its content was checked while it was fetched.
fn place(from: &Path, into: &Path, returned: &mut Returned) -> Result<()> {
    let failed = |source| AppError::io(format!("putting {} back", into.display()), source);
    if let Some(parent) = into.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::rename(from, into) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            crate::work::files::copy_folder(from, into).map_err(failed)?;
        }
        other => other.map_err(failed)?,
    }
    returned.restored.push(format!("the folder {}", into.display()));
    returned.verified.push(format!("the digest of {}", into.display()));
    Ok(())
}
