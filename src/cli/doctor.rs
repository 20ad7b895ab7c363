//! `devup doctor`

use std::path::PathBuf;

use super::context::Context;
use super::exit::Exit;
use crate::app::doctor::{self, Treatment};
use crate::app::error::Result;
use crate::driver::locate::Here;
use crate::host::bootstrap::Workshop;
use crate::model::layout::Layout;
use crate::ui::ask::OnTerminal;
use crate::ui::talk::Talk;
use crate::ui::{doctor as view, fault};

const EXAMPLES: &str = "\
Examples:
  devup doctor                what is fit here, what is not, and what to do about it
  devup doctor --fix          install and start what is missing, after asking
  devup doctor --fix --yes    without asking
  devup doctor --json         for programs

Exit codes: 0 fit, 1 not fit; with --fix also 3 where the engine cannot be mended from here, 4 where only a yes is missing.";

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Mend what can be mended, after asking
    #[arg(long)]
    fix: bool,
}

/// Looks at this machine.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
    let logs = Layout::from_variables(&home, |name| std::env::var(name).ok()).logs();
    let asker = OnTerminal { screen: context.screen, yes: context.global.yes };
    let talk = Talk::new(context.screen);
    let shop = Workshop { asker: &asker, listener: &talk, logs: &logs };
    let treatment = if arguments.fix && !context.global.dry_run { Treatment::Fix } else { Treatment::Look };
    let report = context.block_on(async { Ok(doctor::run(&Here::current(), treatment, &shop).await) })?;
    if context.global.json {
        context.screen.json_pretty(&view::json(&report))?;
    } else {
        context.screen.answer(&view::text(&report, context.screen.look.colour_out))?;
        for error in &report.failed {
            fault::show(&context.screen, error);
        }
    }
    if report.fit() {
        return Ok(Exit::DONE);
    }
    Ok(report.failed.iter().map(Exit::of).max_by_key(|exit| exit.code()).unwrap_or(Exit::FAILED))
}
