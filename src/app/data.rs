//! `data save|list|restore|rm`: a project's data under a name, for trying things that can't be undone otherwise.

use jiff::Timestamp;
use serde::Serialize;

use super::backup::Keeper as _;
use super::error::{AppError, Result};
use super::live::Live;
use super::refill::{Refill, refill};
use super::vaults::Opened;
use super::volumes::{Volumes, holdings};
use crate::backup::manifest::Manifest;
use crate::backup::session::{Session, Subject, Summary};
use crate::backup::snapshot::{DATA, Snapshot, Wanted};
use crate::model::environment::Environment;

/// Names that devup gives by itself begin so.
const BEFORE: &str = "before-";
/// So many of those stay.
const STAY: usize = 5;

/// Whose data.
#[derive(Clone, Copy)]
pub struct Whose<'a> {
    /// The project.
    pub project: &'a str,
    /// Its spec, where there is one.
    pub environment: Option<&'a Environment>,
}

/// Data that was saved.
#[derive(Debug, Clone, Serialize)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// The project.
    pub project: String,
    /// The repository.
    pub repository: String,
    /// What was added to it.
    #[serde(flatten)]
    pub summary: Summary,
    /// What it holds.
    pub manifest: Manifest,
}

/// One name.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// What is behind it.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}

/// A name as the user may give it.
pub fn checked(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with(['-', '.']) || !name.chars().all(fine) {
        return Err(AppError::usage(format!("{name:?} is no name for saved data"))
            .help("letters, digits, `-`, `_` and `.`, such as `before-migration`"));
    }
    Ok(())
}

/// Everything of a project that has a name, oldest first.
pub fn list(opened: &Opened, project: &str) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    for snapshot in opened.vault.snapshots()?.into_iter().filter(|one| one.complete && one.project == project) {
        let name = snapshot.tags.iter().find_map(|tag| tag.strip_prefix(DATA)).map(str::to_owned);
        found.extend(name.map(|name| Named { name, snapshot }));
    }
    Ok(found)
}

/// Saves under a name that is free. Whoever writes meanwhile is frozen. The caller holds the repository's lock.
pub fn save(live: &Live, opened: &Opened, whose: Whose<'_>, name: &str) -> Result<Saved> {
    checked(name)?;
    if list(opened, whose.project)?.iter().any(|known| known.name == name) {
        return Err(AppError::failed(format!("saving data: {} has data saved as {name} already", whose.project))
            .help(format!("take another name, or remove it with `devup data rm {name}`")));
    }
    let Whose { project, environment } = whose;
    if holdings(live, project, environment)?.volumes.is_empty() {
        return Err(AppError::failed(format!("saving data: {project} has no volumes on this engine"))
            .help("`devup up` makes them"));
    }
    let subject = Subject {
        project: project.to_owned(),
        instance: environment.and_then(|environment| environment.instance.as_ref()).map(|one| one.0.clone()),
        path: environment.map(|environment| environment.working_dir.clone()),
        remote: None,
        reason: format!("data:{name}"),
    };
    let mut session = Session::begin(&opened.vault, subject, Timestamp::now())?;
    let gaps = Volumes { live, project, environment, pause: true, dumps: false }.keep(&mut session)?;
    let (summary, manifest) = session.finish(Timestamp::now(), gaps)?;
    let (name, project, repository) = (name.to_owned(), project.to_owned(), opened.name.clone());
    Ok(Saved { name, project, repository, summary, manifest })
}

/// Saves what a step is about to remove or overwrite; `None`: there is nothing. Of those that devup saved by itself the
/// newest stay.
pub fn save_before(live: &Live, opened: &Opened, whose: Whose<'_>, step: &str) -> Result<Option<Saved>> {
    if holdings(live, whose.project, whose.environment)?.volumes.is_empty() {
        return Ok(None);
    }
    let stamp = stamp();
    let taken: Vec<String> = list(opened, whose.project)?.into_iter().map(|known| known.name).collect();
    let plain = format!("{BEFORE}{step}-{stamp}");
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let name = std::iter::once(plain.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    let saved = save(live, opened, whose, &name)?;
    let own: Vec<&String> = taken.iter().filter(|name| name.starts_with(BEFORE) && is_stamped(name)).collect();
    for old in own.iter().take((own.len() + 1).saturating_sub(STAY)) {
        remove(opened, whose.project, old)?;
    }
    Ok(Some(saved))
}

/// The moment, as a part of a name.
fn stamp() -> String {
    Timestamp::now().strftime("%Y%m%dT%H%M%S").to_string()
}

/// devup gave the name: a person's `before-lunch` stays.
fn is_stamped(name: &str) -> bool {
    name.split('-').any(|part| {
        part.len() == 15
            && part.as_bytes()[8] == b'T'
            && part.bytes().enumerate().all(|(at, c)| at == 8 || c.is_ascii_digit())
    })
}

/// Puts the data of a snapshot back: saved under a name, or part of a backup. The caller holds the repository's lock.
pub fn restore(live: &Live, opened: &Opened, whose: Whose<'_>, wanted: &Wanted) -> Result<Refill> {
    let kept = opened.vault.kept(wanted)?;
    refill(live, &kept, whose.project, whose.environment)
}

/// Gives one copy of a project the data of another: saved from the one, put into the volumes of the other. What was saved
/// on the way is forgotten again. The caller holds the repository's lock.
pub fn branch(live: &Live, opened: &Opened, from: Whose<'_>, to: Whose<'_>) -> Result<Refill> {
    let saved = save(live, opened, from, &format!("copying-{}", stamp()))?;
    let filled = opened.vault.kept(&Wanted::Id(saved.summary.snapshot.clone())).map_err(AppError::from);
    let filled = filled.and_then(|kept| refill(live, &kept, to.project, to.environment));
    remove(opened, from.project, &saved.name)?;
    filled
}

/// Removes what has this name. Its space is freed by a prune. The caller holds the repository's lock.
pub fn remove(opened: &Opened, project: &str, name: &str) -> Result<usize> {
    find(opened, project, name)?;
    Ok(opened.vault.remove_tagged(project, &format!("{DATA}{name}"))?)
}

/// What has this name.
pub fn find(opened: &Opened, project: &str, name: &str) -> Result<Named> {
    let known = list(opened, project)?;
    let names: Vec<String> = known.iter().map(|known| known.name.clone()).collect();
    known.into_iter().rfind(|known| known.name == name).ok_or_else(|| {
        let help = if names.is_empty() {
            "`devup data save NAME` saves it".to_owned()
        } else {
            format!("there is {}", names.join(", "))
        };
        AppError::failed(format!("{project} has no data saved as {name}")).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_anything_is_done() {
        for name in ["before-migration", "v1.2_x"] {
            checked(name).unwrap();
        }
        for name in ["", "a,b", "a b", "../x", "-x", ".x", "a/b", "ä"] {
            assert!(checked(name).unwrap_err().to_string().contains("is no name"), "{name}");
        }
    }

    #[test]
    fn only_names_that_devup_gave_are_removed_by_it() {
        assert!(is_stamped("before-down-20261121T201500") && is_stamped("before-down-20261121T201500-2"));
        assert!(!is_stamped("before-lunch") && !is_stamped("before-2026"));
    }
}
