//! The exit code, decided once.

use std::process::ExitCode;

use crate::app::error::AppError;
use crate::driver::error::DriverError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done as asked.
    pub const DONE: Self = Self(0);
    /// Tried and failed.
    pub const FAILED: Self = Self(1);
    /// A wrong command line.
    pub const USAGE: Self = Self(2);
    /// No engine, or no right to use it.
    pub const ENGINE_UNAVAILABLE: Self = Self(3);
    /// Only a person can decide this.
    pub const NEEDS_DECISION: Self = Self(4);
    /// `plan`, `--dry-run`: there is something to do.
    pub const PENDING: Self = Self(20);
    /// Ctrl-C.
    pub const INTERRUPTED: Self = Self(130);
    /// The reader of the output is gone: as if by SIGPIPE.
    pub const OUTPUT_CLOSED: Self = Self(141);

    /// The program is there, and cannot be executed; as shells and Docker have it.
    pub const NOT_EXECUTABLE: Self = Self(126);
    /// There is no such program; as shells and Docker have it.
    pub const NO_PROGRAM: Self = Self(127);

    /// A program's own code, passed through; what does not fit a process's code becomes 1.
    pub fn program(code: i64) -> Self {
        Self(u8::try_from(code).unwrap_or(1))
    }

    /// The code as a number.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The code of an error.
    pub fn of(error: &AppError) -> Self {
        match error {
            AppError::Usage { .. } => Self::USAGE,
            AppError::EngineUnavailable { .. }
            | AppError::Driver(DriverError::Unreachable { .. } | DriverError::NoRight { .. }) => {
                Self::ENGINE_UNAVAILABLE
            }
            AppError::Driver(DriverError::NoProgram { found: true, .. }) => Self::NOT_EXECUTABLE,
            AppError::Driver(DriverError::NoProgram { found: false, .. }) => Self::NO_PROGRAM,
            AppError::NeedsDecision { .. } => Self::NEEDS_DECISION,
            AppError::Interrupted { .. } => Self::INTERRUPTED,
            AppError::OutputClosed => Self::OUTPUT_CLOSED,
            AppError::Spec(_) | AppError::Driver(_) | AppError::Failed { .. } | AppError::Io { .. } => Self::FAILED,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_code() {
        let unreachable = DriverError::Unreachable {
            attempted: "listing containers".into(),
            address: "unix:///none".into(),
            reason: "no such file".into(),
        };
        assert_eq!(Exit::of(&AppError::Driver(unreachable)), Exit::ENGINE_UNAVAILABLE);
        let no_program = |found| {
            let (attempted, reason) = ("starting container x".into(), "exec".into());
            AppError::Driver(DriverError::NoProgram { attempted, reason, found })
        };
        assert_eq!(Exit::of(&no_program(true)).code(), 126);
        assert_eq!(Exit::of(&no_program(false)).code(), 127);
        assert_eq!(Exit::of(&AppError::usage("x")), Exit::USAGE);
        assert_eq!(Exit::of(&AppError::needs_decision("x", "y")), Exit::NEEDS_DECISION);
        assert_eq!(Exit::of(&AppError::failed("x")), Exit::FAILED);
        assert_eq!(Exit::program(137).code(), 137);
        assert_eq!(Exit::program(-1).code(), 1);
    }
}
