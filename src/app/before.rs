//! What a step is about to remove is saved first, so that it can be undone.

use super::data::{self, Saved, Whose};
use super::error::{AppError, Result};
use super::live::Live;
use super::request::Request;
use super::vaults::{self, Keys};
use super::volumes::holdings;
use crate::backup::passphrase::Origin;
use crate::model::observed::{Container, Observed};
use crate::plan::{ContainerTarget, Operation, Plan, is_anonymous};
use crate::state::store::State;

/// How data is saved before a step that removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveFirst {
    /// `--no-backup`: not at all.
    pub declined: bool,
    /// What opens the repository, where the user says it.
    pub origin: Option<Origin>,
    /// The verb, as the user types it.
    pub step: &'static str,
}

impl Default for SaveFirst {
    fn default() -> Self {
        Self { declined: false, origin: None, step: "up" }
    }
}

/// What became of it.
#[derive(Debug)]
pub enum Before {
    /// It is saved.
    Saved(Box<Saved>),
    /// There is no data.
    Nothing,
    /// There is no repository, and none can be made without a person: why.
    NoRepository(String),
}

/// Saves the project's data before a step, to the first repository, which is made where there is none. Where there is one,
/// and it takes no backup, the step must not happen: that is an error. Blocks; not to be called inside a runtime.
pub fn save(request: &Request, whose: Whose<'_>, step: &str, keys: &Keys) -> Result<Before> {
    let live = Live::connect()?;
    if holdings(&live, whose.project, whose.environment)?.volumes.is_empty() {
        return Ok(Before::Nothing);
    }
    let state = State::open(request.layout.clone())?;
    let first = vaults::settings(&state)?.repositories.is_empty();
    let opened = match vaults::open_or_make(&state, request, None, keys) {
        Ok(opened) => opened,
        Err(AppError::NeedsDecision { message, .. }) if first => return Ok(Before::NoRepository(message)),
        Err(error) => return Err(refused(&error, step)),
    };
    let saved = live.wait(vaults::lock(&state, &opened, keys.person)).and_then(|_lock| {
        // held while this closure runs
        data::save_before(&live, &opened, whose, step)
    });
    Ok(saved.map_err(|error| refused(&error, step))?.map_or(Before::Nothing, |saved| Before::Saved(Box::new(saved))))
}

/// The step did not happen: what to type where the data may go all the same.
fn refused(error: &AppError, step: &str) -> AppError {
    let help = error.remedy().map(|remedy| format!("{remedy}; ")).unwrap_or_default();
    AppError::failed(format!("nothing was removed, because the data could not be saved first: {error}"))
        .help(format!("{help}`devup {step} --no-backup` goes on without"))
}

/// Whether a plan takes data away: it removes volumes, or leaves unnamed ones behind that nothing of the project uses.
pub(super) fn takes_data(plan: &Plan, observed: &Observed, renewed: bool) -> bool {
    let leaves = |target: &ContainerTarget| {
        let ContainerTarget::Existing { id, .. } = target else { return false };
        observed.containers.iter().any(|container| container.id == *id && has_unnamed(container))
    };
    plan.steps.iter().any(|step| match &step.operation {
        Operation::RemoveVolume { .. } => true,
        Operation::RemoveContainer { container, .. } => renewed && leaves(container),
        _ => false,
    })
}

/// It keeps something in a volume without a name of its own.
pub fn has_unnamed(container: &Container) -> bool {
    container.mounts.iter().any(|mount| mount.kind == "volume" && is_anonymous(&mount.source))
}
