//! What a step is about to remove is saved first, and how to get it back is said.

use super::context::Context;
use super::keys::KeyArgs;
use crate::app::before::{self, Before, SaveFirst};
use crate::app::data::Whose;
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::vaults::Keys;
use crate::model::environment::Environment;
use crate::ui::data as view;

/// Declining it, and what opens the repository.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BeforeArgs {
    /// Data that goes is not saved first
    #[arg(long)]
    no_backup: bool,
    #[command(flatten)]
    keys: KeyArgs,
}

impl BeforeArgs {
    /// As use cases want it.
    pub fn first(&self, step: &'static str) -> SaveFirst {
        SaveFirst { declined: self.no_backup, origin: self.keys.origin(), step }
    }
}

/// Saves the project's data before a step.
pub fn save(context: &Context, project: &Project, how: &SaveFirst) -> Result<()> {
    save_of(context, &project.name, project.environment.as_ref(), how)
}

fn save_of(context: &Context, project: &str, environment: Option<&Environment>, how: &SaveFirst) -> Result<()> {
    if context.global.dry_run || how.declined {
        return Ok(());
    }
    let keys = Keys { origin: how.origin.clone(), person: context };
    match before::save(&context.request()?, Whose { project, environment }, how.step, &keys)? {
        Before::Nothing => {}
        Before::Saved(saved) => context.screen.say(&view::before(&saved)),
        Before::NoRepository(why) => {
            let how = "`devup backup init REPOSITORY --passphrase-file FILE` makes one for the next time";
            context.screen.say(&format!("no backup of the data was taken first: {why}; {how}"));
        }
    }
    Ok(())
}

/// As [`save`], while a plan is under way: in a thread that may wait, so that interrupts are heard meanwhile.
pub async fn save_beside(
    context: &Context,
    project: &str,
    environment: Option<&Environment>,
    how: &SaveFirst,
) -> Result<()> {
    let context = Context { global: context.global.clone(), screen: context.screen };
    let (project, environment, how) = (project.to_owned(), environment.cloned(), how.clone());
    let saving = tokio::task::spawn_blocking(move || save_of(&context, &project, environment.as_ref(), &how));
    saving.await.map_err(|error| AppError::failed(format!("saving the data first: {error}")))?
}
