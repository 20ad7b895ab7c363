//! What goes wrong with an engine, by what can be done about it.

/// Why a driver's call failed. `attempted` is a phrase such as `creating container shop-db-1`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// No engine answers at the address.
    #[error("{attempted}: the engine at {address} does not answer: {reason}")]
    Unreachable {
        /// What was attempted.
        attempted: String,
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The socket is there, but not for this user.
    #[error("{attempted}: no right to use the engine's socket {address}")]
    NoRight {
        /// What was attempted.
        attempted: String,
        /// Where.
        address: String,
    },
    /// The thing is not there.
    #[error("{attempted}: not found: {reason}")]
    NotFound {
        /// What was attempted.
        attempted: String,
        /// The engine's words.
        reason: String,
    },
    /// A name is taken, a thing is in use, or already in that state.
    #[error("{attempted}: {reason}")]
    Conflict {
        /// What was attempted.
        attempted: String,
        /// The engine's words.
        reason: String,
    },
    /// A port of the host is taken.
    #[error("{attempted}: port {port} of the host is taken: {reason}")]
    PortTaken {
        /// What was attempted.
        attempted: String,
        /// The port; 0 where the engine does not say.
        port: u16,
        /// The engine's words.
        reason: String,
    },
    /// No space left.
    #[error("{attempted}: the engine's disk is full: {reason}")]
    DiskFull {
        /// What was attempted.
        attempted: String,
        /// The engine's words.
        reason: String,
    },
    /// The engine can't do this.
    #[error("{attempted}: {engine} cannot do this: {reason}")]
    NotSupported {
        /// What was attempted.
        attempted: String,
        /// Name and version.
        engine: String,
        /// What it lacks, and the remedy.
        reason: String,
    },
    /// The program that a container is to start cannot be started.
    #[error("{attempted}: {reason}")]
    NoProgram {
        /// What was attempted.
        attempted: String,
        /// The engine's words.
        reason: String,
        /// It is there, and cannot be executed.
        found: bool,
    },
    /// The engine refused or failed for a reason of its own.
    #[error("{attempted}: {reason}")]
    Failed {
        /// What was attempted.
        attempted: String,
        /// The engine's words.
        reason: String,
    },
}

impl DriverError {
    /// The thing is not there (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// What is there does not allow it, such as something that uses the thing to be removed.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// The engine itself is gone: nothing else will work either.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoRight { .. })
    }
}

/// Result of a driver's call.
pub type Result<T, E = DriverError> = std::result::Result<T, E>;
