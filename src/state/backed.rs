//! What was backed up last, of each project and to each repository: by this `wipe --check` knows what a backup covers
//! without opening any repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// The last complete backup of a project in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backed {
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Where the repository lies, if that is a folder of this machine: it may be lost with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Fingerprint of the work in it; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// Commits that the work in it stands on: without a remote that has them it is not whole.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bases: BTreeSet<String>,
    /// Patterns of ignored files in it, besides the usual ones, seen from the top of the working tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Its parts, by their places: `volumes/data`.
    pub parts: Vec<String>,
}

/// By project, and by the repository's name.
pub type BackedUp = BTreeMap<String, BTreeMap<String, Backed>>;

impl State {
    /// All that was backed up.
    pub fn backed_up(&self) -> Result<BackedUp, StateError> {
        self.read(&self.layout().backed_up())
    }

    /// Notes a complete backup.
    pub fn note_backup(&self, project: &str, repository: &str, backed: Backed) -> Result<(), StateError> {
        self.update(&self.layout().backed_up(), |all: &mut BackedUp| {
            all.entry(project.to_owned()).or_default().insert(repository.to_owned(), backed);
        })
    }

    /// Forgets the backups in a repository of which this is not true.
    pub fn keep_backups(&self, repository: &str, is_there: impl Fn(&Backed) -> bool) -> Result<(), StateError> {
        if self.backed_up()?.values().filter_map(|all| all.get(repository)).all(&is_there) {
            return Ok(());
        }
        self.update(&self.layout().backed_up(), |all: &mut BackedUp| {
            for repositories in all.values_mut() {
                repositories.retain(|name, backed| name != repository || is_there(backed));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn the_last_backup_of_each_repository_is_known() {
        let (_folder, state) = temporary();
        let backed = |snapshot: &str| Backed {
            snapshot: snapshot.to_owned(),
            taken: Timestamp::UNIX_EPOCH,
            folder: None,
            work: Some("ab".to_owned()),
            bases: BTreeSet::new(),
            include: Vec::new(),
            parts: vec!["work".to_owned()],
        };
        for (repository, snapshot) in [("local", "one"), ("server", "two"), ("local", "three")] {
            state.note_backup("shop", repository, backed(snapshot)).unwrap();
        }
        let all = state.backed_up().unwrap();
        let snapshots: Vec<&str> = all["shop"].values().map(|one| one.snapshot.as_str()).collect();
        assert_eq!(snapshots, ["three", "two"]);
        state.keep_backups("local", |backed| backed.snapshot != "three").unwrap();
        assert_eq!(state.backed_up().unwrap()["shop"].keys().collect::<Vec<_>>(), ["server"]);
    }
}
