//! How drills of backups went, and what one that was killed has left behind. Losing it means that nothing counts as proven.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// A backup that was restored and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// When it was proven.
    pub at: Timestamp,
}

/// The drills of one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drilled {
    /// The last backup that was proven.
    pub proven: Option<Proof>,
    /// When the last drill was, and why it failed, if it did and none went well since.
    pub failed: Option<(Timestamp, String)>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drills {
    /// By project.
    pub of: BTreeMap<String, Drilled>,
    /// Throw-away copies that are there now, by name, with their folders: whoever finds one of these while no drill runs
    /// removes it.
    pub under_way: BTreeMap<String, PathBuf>,
}

impl Drills {
    /// When the last one was, well or not.
    pub fn last(&self) -> Option<Timestamp> {
        let of_one =
            |one: &Drilled| [one.proven.as_ref().map(|proof| proof.at), one.failed.as_ref().map(|failed| failed.0)];
        self.of.values().flat_map(of_one).flatten().max()
    }
}

impl State {
    /// How they went.
    pub fn drills(&self) -> Result<Drills, StateError> {
        self.read(&self.layout().drills())
    }

    /// A throw-away copy is about to be made.
    pub fn begin_drill(&self, copy: &str, folder: &Path) -> Result<(), StateError> {
        self.update(&self.layout().drills(), |drills: &mut Drills| {
            drills.under_way.insert(copy.to_owned(), folder.to_owned());
        })
    }

    /// Nothing of it is left.
    pub fn end_drill(&self, copy: &str) -> Result<(), StateError> {
        self.update(&self.layout().drills(), |drills: &mut Drills| {
            drills.under_way.remove(copy);
        })
    }

    /// Remembers how a drill went.
    pub fn note_drill(&self, project: &str, at: Timestamp, ended: Result<Proof, String>) -> Result<(), StateError> {
        self.update(&self.layout().drills(), |drills: &mut Drills| {
            let one = drills.of.entry(project.to_owned()).or_default();
            match ended {
                Ok(proof) => (one.proven, one.failed) = (Some(proof), None),
                Err(why) => one.failed = Some((at, why)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn a_failure_stays_until_the_next_proof_and_takes_none_away() {
        let (_folder, state) = temporary();
        let at = |second| Timestamp::from_second(second).unwrap();
        let proof = |second| Proof { snapshot: "1a".to_owned(), taken: at(1), at: at(second) };
        assert_eq!(state.drills().unwrap().last(), None);
        state.note_drill("shop", at(5), Ok(proof(5))).unwrap();
        state.note_drill("shop", at(9), Err("a table is empty".to_owned())).unwrap();
        let drills = state.drills().unwrap();
        assert_eq!(drills.last(), Some(at(9)));
        assert_eq!(drills.of["shop"].proven, Some(proof(5)));
        state.note_drill("shop", at(12), Ok(proof(12))).unwrap();
        assert_eq!(state.drills().unwrap().of["shop"], Drilled { proven: Some(proof(12)), failed: None });
        state.begin_drill("shop-x", Path::new("/tmp/x")).unwrap();
        assert_eq!(state.drills().unwrap().under_way.len(), 1);
        state.end_drill("shop-x").unwrap();
        assert!(state.drills().unwrap().under_way.is_empty());
    }
}
