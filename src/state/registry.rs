//! The registry: every project that devup brought up on this machine, by its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::environment::Instance;
use crate::model::name::ProjectName;

use super::store::{State, StateError};

/// A project is not written again for a mere use within this time: the second `devup` has to cost nothing.
const USE_IS_FRESH: SignedDuration = SignedDuration::from_hours(1);

/// One project in one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The Compose project's name, an instance's suffix included.
    pub name: ProjectName,
    /// The name in the spec.
    pub base_name: String,
    /// Which copy; `None` for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// The name or instance was given by hand (`-p`, `--instance`): it says nothing about the next call without them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// The project's folder, canonical.
    pub path: PathBuf,
    /// Where it was cloned from, in a form in which equal repositories are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Git's folder, which all worktrees of one clone share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<PathBuf>,
    /// Where the project's folder lies within its working tree; empty: at its top.
    #[serde(default, skip_serializing_if = "is_top")]
    pub within: PathBuf,
    /// `base_name` is what the folder is called: nothing else gave the project a name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named_by_folder: bool,
    /// The files it was read from.
    #[serde(default)]
    pub config_files: Vec<PathBuf>,
    /// When devup last worked on it, to the hour.
    pub last_used: Timestamp,
}

fn is_top(within: &Path) -> bool {
    within.as_os_str().is_empty()
}

/// All projects, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registry {
    projects: BTreeMap<String, Entry>,
}

impl Registry {
    /// The projects, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.projects.values()
    }

    /// The project of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.projects.get(name)
    }

    /// The projects of this folder, one per name given by `-p` or `--instance`.
    pub fn at(&self, path: &Path) -> impl Iterator<Item = &Entry> {
        self.entries().filter(move |entry| entry.path == path)
    }

    /// Enters a project, or its newest state. Returns whether anything is worth keeping.
    pub fn enter(&mut self, entry: Entry) -> bool {
        if let Some(known) = self.projects.get(entry.name.as_str()) {
            let fresh = entry.last_used.duration_since(known.last_used).abs() < USE_IS_FRESH;
            let same = Entry { last_used: entry.last_used, ..known.clone() } == entry;
            if fresh && same {
                return false;
            }
        }
        self.projects.insert(entry.name.to_string(), entry);
        true
    }

    /// Forgets a project.
    pub fn forget(&mut self, name: &str) -> Option<Entry> {
        self.projects.remove(name)
    }
}

impl State {
    /// The registry as it is now.
    pub fn registry(&self) -> Result<Registry, StateError> {
        self.read(&self.layout().projects())
    }

    /// Enters a project. Nothing is written where nothing but the minute has changed.
    pub fn enter_project(&self, entry: &Entry) -> Result<(), StateError> {
        if !self.registry()?.enter(entry.clone()) {
            return Ok(());
        }
        self.update(&self.layout().projects(), |registry: &mut Registry| registry.enter(entry.clone())).map(|_| ())
    }

    /// Forgets a project with its chosen ports and what was done for it: after `destroy`.
    pub fn forget_project(&self, name: &str) -> Result<(), StateError> {
        if self.registry()?.get(name).is_some() {
            self.update(&self.layout().projects(), |registry: &mut Registry| registry.forget(name))?;
        }
        self.unmark(name, |_| true)?;
        self.forget_ports(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    fn entry(name: &str, path: &str, at: i64) -> Entry {
        Entry {
            name: ProjectName::parse(name).unwrap(),
            base_name: "shop".to_owned(),
            instance: None,
            asked: false,
            path: PathBuf::from(path),
            remote: None,
            repository: None,
            within: PathBuf::new(),
            named_by_folder: false,
            config_files: vec![],
            last_used: Timestamp::from_second(at).unwrap(),
        }
    }

    #[test]
    fn a_second_use_within_the_hour_writes_nothing() {
        let (_folder, state) = temporary();
        state.enter_project(&entry("shop", "/shop", 0)).unwrap();
        let written = |state: &State| std::fs::metadata(state.layout().projects()).unwrap().modified().unwrap();
        let before = written(&state);
        state.enter_project(&entry("shop", "/shop", 60)).unwrap();
        assert_eq!(written(&state), before);
        assert_eq!(state.registry().unwrap().get("shop").unwrap().last_used.as_second(), 0);
        state.enter_project(&entry("shop", "/shop", 4000)).unwrap();
        assert_eq!(state.registry().unwrap().get("shop").unwrap().last_used.as_second(), 4000);
        state.enter_project(&entry("shop", "/moved", 4001)).unwrap();
        assert_eq!(state.registry().unwrap().at(Path::new("/moved")).count(), 1);
        state.forget_project("shop").unwrap();
        assert_eq!(state.registry().unwrap().entries().count(), 0);
        state.forget_project("shop").unwrap();
    }
}
