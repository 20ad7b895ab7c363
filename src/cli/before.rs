//! What a step is about to remove is saved first, and how to get it back is said.

use super::context::Context;
use super::keys::KeyArgs;
use crate::app::data::{self, Whose};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::vaults;
use crate::app::volumes::holdings;
use crate::state::store::State;
use crate::ui::data as view;

/// Saves the project's data before `step`, to the first repository, which is made where there is none. A machine on which
/// none can be made without a person (no keyring, no terminal) is told so, and the step goes on; where there is one, and
/// it takes no backup, the step does not happen.
pub fn save(context: &Context, project: &Project, step: &str, keys: &KeyArgs) -> Result<()> {
    if context.global.dry_run {
        return Ok(());
    }
    let whose = Whose { project: &project.name, environment: project.environment.as_ref() };
    let live = Live::connect()?;
    if holdings(&live, whose.project, whose.environment)?.volumes.is_empty() {
        return Ok(());
    }
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    let first = vaults::settings(&state)?.repositories.is_empty();
    let keys = keys.keys(context);
    let opened = match vaults::open_or_make(&state, &request, None, &keys) {
        Ok(opened) => opened,
        Err(AppError::NeedsDecision { message, .. }) if first => {
            let how = "`devup backup init REPOSITORY --passphrase-file FILE` makes one for the next time";
            context.screen.say(&format!("no backup of the data was taken first: {message}; {how}"));
            return Ok(());
        }
        Err(error) => return Err(declined(&error, step)),
    };
    let saved = context.block_on(vaults::lock(&state, &opened, context)).and_then(|_lock| {
        // held while this closure runs
        data::save_before(&live, &opened, whose, step)
    });
    if let Some(saved) = saved.map_err(|error| declined(&error, step))? {
        context.screen.say(&view::before(&saved));
    }
    Ok(())
}

/// The step did not happen: what to type where the data may go all the same.
fn declined(error: &AppError, step: &str) -> AppError {
    let help = error.remedy().map(|remedy| format!("{remedy}; ")).unwrap_or_default();
    AppError::failed(format!("nothing was removed, because the data could not be saved first: {error}"))
        .help(format!("{help}`devup {step} --no-backup` goes on without"))
}
