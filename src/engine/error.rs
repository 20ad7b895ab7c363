//! Why a step failed.

use crate::driver::error::DriverError;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The engine said so.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A container ended that should run, or ended badly.
    #[error("container {name} exited ({code}){}", tail(.logs))]
    Exited {
        /// Its name.
        name: String,
        /// Its exit code.
        code: i64,
        /// Its last lines.
        logs: String,
    },
    /// The health checks say no.
    #[error("container {name} is unhealthy{}", tail(.logs))]
    Unhealthy {
        /// Its name.
        name: String,
        /// Its last lines.
        logs: String,
    },
    /// Health is wanted of a container that has no check.
    #[error(
        "container {name} has no healthcheck configured: give its service a `healthcheck`, or depend on `service_started`"
    )]
    NoHealthcheck {
        /// Its name.
        name: String,
    },
    /// It went away while it was waited for.
    #[error("container {name} was removed meanwhile: run devup again")]
    Gone {
        /// Its name.
        name: String,
    },
    /// Patience is over.
    #[error("container {name} is not ready after {seconds} s{}: `--wait-timeout` gives it longer", tail(.logs))]
    TimedOut {
        /// Its name.
        name: String,
        /// How long it had.
        seconds: u64,
        /// Its last lines.
        logs: String,
    },
    /// A secret or config has no value.
    #[error("{kind} {name} for {target}: {reason}")]
    Content {
        /// `secret` or `config`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it should go.
        target: String,
        /// Why.
        reason: String,
    },
    /// A hook, task or provisioning step ended badly.
    #[error("{what} failed with exit code {code}{}", tail(.output))]
    Program {
        /// Which.
        what: String,
        /// Its exit code.
        code: i64,
        /// Its last lines.
        output: String,
    },
    /// Building an env or a provisioned image failed.
    #[error("{what}: {reason}")]
    Workshop {
        /// What was made.
        what: String,
        /// Why it failed.
        reason: String,
    },
    /// A program of this machine did not provide what it should.
    #[error("{what}: {reason}")]
    Provider {
        /// What was asked of it.
        what: String,
        /// Why it failed.
        reason: String,
    },
    /// What was done could not be noted; it will be done again next time.
    #[error("{what} was done, but that could not be noted: {reason}")]
    Note {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
    /// A plan that was not made by the planner.
    #[error("the plan names a result that no step brought: {what}")]
    Incoherent {
        /// What is missing.
        what: String,
    },
}

fn tail(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; its last lines:\n{text}") }
}
