//! Whether the user was told where backups of this machine go, or that none are set up. Losing it means that it is told once
//! more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// When it was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    at: Option<Timestamp>,
}

impl State {
    /// It was told.
    pub fn told_of_backups(&self) -> Result<bool, StateError> {
        Ok(self.read::<Told>(&self.layout().told_of_backups())?.at.is_some())
    }

    /// It is told now.
    pub fn note_told_of_backups(&self, now: Timestamp) -> Result<(), StateError> {
        self.update(&self.layout().told_of_backups(), |told: &mut Told| told.at = Some(now))
    }
}
