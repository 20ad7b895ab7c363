//! `devup wipe --check`

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::wipe::{self, Search};
use crate::state::store::State;
use crate::ui::wipe as view;
use crate::work::at_risk::Asking;

const EXAMPLES: &str = "\
Looks at the projects that devup knows, and at every git repository below the home folder: commits
that no remote has, stashes, files that are in no commit, merges and rebases under way, data in
volumes. Remotes are asked in this run; what cannot be proven counts as lost. Nothing is changed.

Examples:
  devup wipe --check              what would be lost with this machine?
  devup wipe --check --offline    the same without asking remotes, in a moment; proves nothing
  devup wipe --check --json       for programs

Exit codes: 0 nothing would be lost, 1 something would, or is not proven to be elsewhere.";

/// Arguments of `wipe`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// List what exists only on this machine
    #[arg(long, required = true)]
    check: bool,
    /// Ask no remote: what they have is not proven then
    #[arg(long)]
    offline: bool,
}

/// Lists what would be lost with this machine.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let Args { check, offline } = arguments;
    debug_assert!(check, "required: wiping itself is another matter");
    let request = context.request()?;
    let state = State::open(request.layout)?;
    let search = Search::run(&state, &request.home)?;
    if !offline && search.repositories() > 0 && !context.global.json {
        context
            .screen
            .say(&format!("Asking the remotes of the repositories that are here ({})…", search.repositories()));
    }
    let volumes = context.block_on(async { wipe::volumes(&context.engine().await?).await });
    let asking = Asking { offline: *offline, not_in: Some(request.home) };
    let report = search.judge(&asking, volumes.as_ref().ok())?;
    if context.global.json {
        context.screen.json_pretty(&report)?;
    } else {
        context.screen.answer(&view::text(&report))?;
    }
    Ok(if report.safe { Exit::DONE } else { Exit::FAILED })
}
