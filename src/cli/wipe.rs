//! `devup wipe`, and its check

use super::context::Context;
use super::exit::Exit;
use super::uninstall;
use crate::app::error::{AppError, Result};
use crate::app::wipe::{self, Search};
use crate::state::store::State;
use crate::ui::wipe as view;
use crate::work::at_risk::Asking;

const EXAMPLES: &str = "\
Looks at the projects that devup knows, and at every git repository below the home folder: commits
that no remote has, stashes, files that are in no commit, merges and rebases under way, data in
volumes. Remotes are asked in this run, and what cannot be proven counts as lost; a backup that is not
on this machine's own disk counts where it has the very work that is there now.

With --check nothing is changed. Without it everything of devup's is removed (see `devup uninstall`)
if nothing would be lost; the folders of projects stay.

Examples:
  devup wipe                      remove devup's things, if nothing would be lost
  devup wipe --check              what would be lost with this machine?
  devup wipe --check --offline    the same without asking remotes, in a moment; proves nothing
  devup wipe --check --json       for programs

Exit codes: 0 nothing would be lost, 1 something would, or is not proven to be elsewhere.";

/// Arguments of `wipe`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only list what exists only on this machine
    #[arg(long)]
    check: bool,
    /// Remove devup's things whatever would be lost
    #[arg(long, conflicts_with_all = ["check", "offline"])]
    anyway: bool,
    /// Ask no remote: what they have is not proven then
    #[arg(long)]
    offline: bool,
}

/// Lists what would be lost with this machine; without `--check`, removes devup's things if that is nothing.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let Args { check, anyway, offline } = arguments;
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
    // one answer at a time: what is removed is the answer of a wipe that goes on
    let goes_on = !check && (report.safe || *anyway);
    match context.global.json {
        true if goes_on => {}
        true => context.screen.json_pretty(&report)?,
        false => context.screen.answer(&view::text(&report))?,
    }
    if goes_on {
        return uninstall::run(&uninstall::Args {}, context);
    }
    if report.safe {
        return Ok(Exit::DONE);
    }
    if *check {
        return Ok(Exit::FAILED);
    }
    Err(AppError::needs_decision(
        "nothing is removed: what is listed would be lost",
        "push it, or `devup backup --all --repo REPOSITORY` to another machine; or `devup wipe --anyway`",
    ))
}
