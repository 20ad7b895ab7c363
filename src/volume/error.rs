//! What can go wrong with a volume.

use crate::driver::error::DriverError;

/// Why something with a volume did not work.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The engine failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// devup's own program can't run on this engine; the reason.
    #[error("devup's own program cannot read volumes on this engine: {0}")]
    NoHelper(String),
    /// Something was tried and failed.
    #[error("{attempt}: {reason}")]
    Failed {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        reason: String,
    },
}

impl VolumeError {
    /// Of an attempt.
    pub fn failed(attempt: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Failed { attempt: attempt.into(), reason: reason.to_string() }
    }
}

/// Result of this room.
pub type Result<T, E = VolumeError> = std::result::Result<T, E>;
