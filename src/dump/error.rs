//! What can go wrong with a dump.

use crate::driver::error::DriverError;

/// Why a database could not be dumped or loaded. Never holds a password: no command has one.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The engine failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// Something was tried and failed.
    #[error("{attempt}: {reason}")]
    Failed {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        reason: String,
    },
}

impl DumpError {
    /// Of an attempt.
    pub fn failed(attempt: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Failed { attempt: attempt.into(), reason: reason.to_string() }
    }
}

/// Result of this room.
pub type Result<T, E = DumpError> = std::result::Result<T, E>;
