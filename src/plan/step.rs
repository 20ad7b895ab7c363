//! A plan: steps, each with its cause and its risk, and the order between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::operation::Operation;

/// Number of a step within its plan, from 1. A step comes after every step it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a step is in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// Wanted and not there.
    Missing,
    /// There, and not as the spec wants it.
    Changed,
    /// Its image has another content than the one it was made from.
    ImageChanged,
    /// Made by Docker Compose: whether it is as the spec wants it cannot be told.
    MadeByCompose,
    /// A network or volume it uses is made anew.
    UsesReplaced {
        /// Its name.
        resource: String,
    },
    /// Another service, on which it depends, is re-created or started again.
    DependencyReplaced {
        /// The other service.
        service: String,
    },
    /// It does not run.
    NotRunning,
    /// It is frozen.
    Paused,
    /// A provisioning step is due: its inputs changed, or its result is gone.
    ProvisionDue,
    /// What a provider gives it is not what it was made with.
    ProvidedOtherwise,
    /// The engine has given it up.
    Dead,
    /// More containers than wanted.
    Surplus,
    /// Its service is not in the spec.
    Orphan,
    /// Left behind by an interrupted run.
    Leftover,
    /// Asked for by a flag, or the verb itself.
    Asked,
    /// The spec wants it at every run (`pull_policy`).
    Policy,
    /// Belongs to coming up: hooks, tasks, provisioning, waiting.
    ComingUp,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Changed => f.write_str("its definition changed"),
            Self::ImageChanged => f.write_str("its image changed"),
            Self::MadeByCompose => f.write_str("made by docker compose"),
            Self::UsesReplaced { resource } => write!(f, "{resource} is made anew"),
            Self::DependencyReplaced { service } => write!(f, "depends on {service}"),
            Self::NotRunning => f.write_str("not running"),
            Self::Paused => f.write_str("paused"),
            Self::ProvisionDue => f.write_str("a provisioning step is due"),
            Self::ProvidedOtherwise => f.write_str("what a provider gives it changed"),
            Self::Dead => f.write_str("dead"),
            Self::Surplus => f.write_str("more than wanted"),
            Self::Orphan => f.write_str("not in the spec"),
            Self::Leftover => f.write_str("left behind by an interrupted run"),
            Self::Asked => f.write_str("asked for"),
            Self::Policy => f.write_str("pull policy"),
            Self::ComingUp => f.write_str("part of coming up"),
        }
    }
}

/// What a step may cost the user. Asking is `app`'s part, never the planner's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Risk {
    /// Nothing.
    #[default]
    None,
    /// Something that runs is stopped.
    Interrupts,
    /// Data goes for good.
    LosesData {
        /// Which, in words: `volume shop_dbdata`.
        what: String,
    },
}

/// One step. It begins when all of `after` succeeded and all of `follows` ended, however they did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// What is done.
    pub operation: Operation,
    /// Why.
    pub cause: Cause,
    /// At what risk.
    pub risk: Risk,
    /// Steps that have to succeed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// Steps that have to end before, well or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<StepId>,
    /// The service it is done for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its failure is a warning (`required: false`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tolerated: bool,
}

/// What is to be done, with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The steps, each after those that it waits for.
    pub steps: Vec<Step>,
    /// What the user should know before: orphans, volumes that are not what the spec says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What follows depends on what these steps bring (an image pulled or built anew decides whether its containers are
    /// re-created): perform them, look again, and plan again with [`super::Options::images_settled`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub look_again: bool,
}

impl Plan {
    /// A step by its number.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get((id.0 as usize).checked_sub(1)?)
    }

    /// Steps that change something. Waiting does not, nor does asking providers, which happens at every run: whatever their
    /// answers change is a step of its own.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| {
            !matches!(
                step.operation,
                Operation::WaitFor { .. } | Operation::AskProvider { .. } | Operation::ServeModel { .. }
            )
        })
    }

    /// Nothing would change.
    pub fn is_noop(&self) -> bool {
        self.changes().next().is_none()
    }

    /// Steps that lose data without having been asked for by the user's own words: ask before.
    pub fn needs_yes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step.risk, Risk::LosesData { .. }) && step.cause != Cause::Asked)
    }

    /// Steps that lose data, asked for or not.
    pub fn loses_data(&self) -> impl Iterator<Item = (&Step, &str)> {
        self.steps.iter().filter_map(|step| match &step.risk {
            Risk::LosesData { what } => Some((step, what.as_str())),
            Risk::None | Risk::Interrupts => None,
        })
    }
}
