//! What happens while a plan is performed, for whoever listens: progress, journal, dashboard.

use std::time::Duration;

use serde::Serialize;

/// How a step or a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Done.
    Done,
    /// Failed, with what to tell the user.
    Failed {
        /// What was attempted and why it failed.
        error: String,
    },
    /// Never begun, because of another's failure or an interrupt.
    Skipped {
        /// Why.
        because: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A step (by its id in the plan) or job began.
    Started {
        /// The step.
        step: String,
        /// In words: `Container shop-db-1`.
        subject: String,
        /// In words: `Creating`.
        action: String,
    },
    /// It went on: a layer of a pull, a line of a build.
    Progress {
        /// The step.
        step: String,
        /// What of it went on, where it has parts: a layer, a line of a Dockerfile.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        part: String,
        /// In words.
        message: String,
        /// Units done.
        current: Option<u64>,
        /// Units in all.
        total: Option<u64>,
    },
    /// It ended.
    Ended {
        /// The step.
        step: String,
        /// In words: `Container shop-db-1`.
        subject: String,
        /// In words: `Created`.
        action: String,
        /// How.
        outcome: Outcome,
        /// How long it took.
        #[serde(serialize_with = "millis")]
        took: Duration,
    },
    /// Something the user should know.
    Warning {
        /// In words.
        message: String,
    },
}

fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Receives events. Called from several tasks at once; must not block.
pub trait Listener: Send + Sync {
    /// One thing happened.
    fn on(&self, event: Event);
}

/// Listens to nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Deaf;

impl Listener for Deaf {
    fn on(&self, _event: Event) {}
}
