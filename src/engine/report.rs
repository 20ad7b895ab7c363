//! How a plan ended.

use super::error::StepError;
use crate::model::event::Outcome;
use crate::plan::StepId;

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub step: StepId,
    /// What it was done to: `Container shop-db-1`.
    pub subject: String,
    /// How.
    pub outcome: Outcome,
    /// Why, where it failed.
    pub error: Option<StepError>,
    /// Its failure is a warning.
    pub tolerated: bool,
}

/// How a plan ended: one entry per step, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Steps.
    pub steps: Vec<Ended>,
    /// The user interrupted.
    pub interrupted: bool,
}

impl Report {
    /// Steps that failed, tolerated ones aside.
    pub fn failures(&self) -> impl Iterator<Item = (&Ended, &StepError)> {
        let failed = self.steps.iter().filter(|step| !step.tolerated);
        failed
            .filter_map(|step| Some((step, step.error.as_ref()?)))
            .filter(|(_, error)| **error != StepError::Interrupted)
    }

    /// Steps that were never begun.
    pub fn left(&self) -> impl Iterator<Item = &Ended> {
        self.steps.iter().filter(|step| matches!(step.outcome, Outcome::Skipped { .. }))
    }

    /// Everything was done, but for what was tolerated.
    pub fn is_success(&self) -> bool {
        !self.interrupted
            && self.steps.iter().all(|step| step.outcome == Outcome::Done || (step.tolerated && step.error.is_some()))
    }

    /// The engine itself went away.
    pub fn lost_engine(&self) -> bool {
        self.failures().any(|(_, error)| matches!(error, StepError::Driver(error) if error.is_unreachable()))
    }
}
