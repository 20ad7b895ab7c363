//! What a use case can end with, by what the user can do about it. The command line turns each kind into an exit code
//! (`cli::exit`) and into a screen (`ui::fault`).

use crate::driver::error::DriverError;
use crate::spec::error::SpecError;
use crate::state::store::StateError;

/// What to do about an engine that does not answer.
pub const ENGINE_REMEDY: &str =
    "`devup doctor` says what is wrong with the engine; `devup doctor --fix` mends what it can";

/// Why a use case did not do what was asked. A message says what was attempted and why it failed; the help says what to
/// type next.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The spec is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The engine failed, or does not answer.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The command line asks for something that makes no sense.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to type instead.
        help: Option<String>,
    },
    /// No engine is there, or it can't be used.
    #[error("{message}")]
    EngineUnavailable {
        /// What was looked for, and where.
        message: String,
        /// The exact commands to type.
        help: Option<String>,
    },
    /// Only a person can answer this, and nobody is at the terminal (or the answer was no).
    #[error("{message}")]
    NeedsDecision {
        /// What has to be decided.
        message: String,
        /// The command that answers it.
        help: Option<String>,
    },
    /// It was tried and failed.
    #[error("{message}")]
    Failed {
        /// What was attempted and why it failed.
        message: String,
        /// What to type next.
        help: Option<String>,
    },
    /// A file or stream of the host.
    #[error("{attempted}: {source}")]
    Io {
        /// What was attempted.
        attempted: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Nobody reads the answer any more (`devup logs | head`): not worth a word.
    #[error("the reader of the output is gone")]
    OutputClosed,
    /// The user pressed Ctrl-C.
    #[error("{message}")]
    Interrupted {
        /// What is left to do.
        message: String,
    },
}

impl AppError {
    /// A failure without a better kind.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: None }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// A question that nobody answered.
    pub fn needs_decision(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::NeedsDecision { message: message.into(), help: Some(help.into()) }
    }

    /// A failure of a file or stream; a closed pipe becomes [`AppError::OutputClosed`].
    pub fn io(attempted: impl Into<String>, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::Io { attempted: attempted.into(), source }
    }

    /// With what to type next, where the kind carries it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Usage { help, .. }
        | Self::EngineUnavailable { help, .. }
        | Self::NeedsDecision { help, .. }
        | Self::Failed { help, .. } = &mut self
        {
            *help = Some(text.into());
        }
        self
    }

    /// What to type next.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Usage { help, .. }
            | Self::EngineUnavailable { help, .. }
            | Self::NeedsDecision { help, .. }
            | Self::Failed { help, .. } => help.clone(),
            Self::Driver(error) => driver_remedy(error),
            Self::Spec(_) | Self::Io { .. } | Self::OutputClosed => None,
            Self::Interrupted { .. } => Some("run the same command again: it goes on from there".into()),
        }
    }
}

fn driver_remedy(error: &DriverError) -> Option<String> {
    let text = match error {
        DriverError::Unreachable { .. } => ENGINE_REMEDY,
        DriverError::NoRight { .. } => {
            "join the group that owns the socket (`sudo usermod -aG docker \"$USER\"`, then log in again), or see `devup doctor`"
        }
        DriverError::PortTaken { .. } => "`devup ports` shows who holds which port",
        DriverError::DiskFull { .. } => "free space with `docker system prune`, then run the same command again",
        DriverError::NotFound { .. }
        | DriverError::Conflict { .. }
        | DriverError::NotSupported { .. }
        | DriverError::NoProgram { .. }
        | DriverError::Failed { .. } => return None,
    };
    Some(text.to_owned())
}

impl From<StateError> for AppError {
    /// The state's errors say what to do themselves.
    fn from(error: StateError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Result of a use case.
pub type Result<T, E = AppError> = std::result::Result<T, E>;
