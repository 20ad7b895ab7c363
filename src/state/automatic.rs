//! How the automatic backups went. Losing it means that one is due.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// The last of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Automatic {
    /// When automatic backups were asked for.
    pub since: Option<Timestamp>,
    /// When one last ended well.
    pub succeeded: Option<Timestamp>,
    /// Why the last one failed, and when.
    pub failed: Option<(Timestamp, String)>,
    /// Why another repository lacks what was backed up, and since when.
    pub behind: Option<(Timestamp, String)>,
}

impl State {
    /// How they went.
    pub fn automatic(&self) -> Result<Automatic, StateError> {
        self.read(&self.layout().automatic_backups())
    }

    /// Notes how one went.
    pub fn note_automatic(&self, change: impl FnOnce(&mut Automatic)) -> Result<(), StateError> {
        self.update(&self.layout().automatic_backups(), change)
    }
}
