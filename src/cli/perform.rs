//! Performs a plan in front of the user: dry run, progress, Ctrl-C.

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::perform;
use crate::app::project::Project;
use crate::app::up;
use crate::app::wiring::Engine;
use crate::base::lock::Lock;
use crate::engine::{Cancel, Canceller, Level};
use crate::plan::Plan;
use crate::ui::progress::Progress;
use crate::ui::text::clean_lines;

/// The project's lock, for a verb that changes something: taken before it looks, held to its end. `None` under
/// `--dry-run`, which changes nothing and waits for nobody.
pub async fn lock(context: &Context, project: &Project) -> Result<Option<Lock>> {
    if context.global.dry_run {
        return Ok(None);
    }
    let (request, cancel) = (context.request()?, Cancel::never());
    tokio::select! {
        // heard from before the first look, so that whoever is told of the waiting can end it
        biased;
        // waiting is nothing that would have to be finished first
        _ = tokio::signal::ctrl_c() => {
            Err(AppError::Interrupted { message: "interrupted while waiting; nothing was done".to_owned() })
        }
        taken = up::lock(&request, project, context, &cancel) => taken.map(Some),
    }
}

/// Performs it, or only prints it under `--dry-run`.
pub async fn plan(context: &Context, engine: &Engine, project: &Project, plan: Plan) -> Result<Exit> {
    if context.global.dry_run {
        return show(context, &plan);
    }
    let request = context.request()?;
    let progress = Progress::new(context.screen.look);
    let (canceller, cancel) = Canceller::new();
    let work = perform::perform(&request, engine, project, &plan, &progress, &cancel);
    let report = with_interrupts(context, canceller, work).await?;
    drop(progress);
    perform::judge(&report)?;
    Ok(Exit::DONE)
}

/// Prints a plan.
pub fn show(context: &Context, plan: &Plan) -> Result<Exit> {
    if context.global.json {
        context.screen.json_pretty(plan)?;
    } else {
        context.screen.answer(&clean_lines(&plan.to_string()))?;
    }
    Ok(if plan.is_noop() { Exit::DONE } else { Exit::PENDING })
}

/// What a verb without a plan would do, under `--dry-run`.
pub fn would(context: &Context, report: &serde_json::Value, line: &str) -> Result<Exit> {
    if context.global.json {
        context.screen.json(report)?;
    } else {
        context.screen.answer(&format!("{line}\n"))?;
    }
    Ok(Exit::PENDING)
}

/// The first Ctrl-C lets running steps finish, the second stops them.
pub async fn with_interrupts<T>(
    context: &Context,
    canceller: Canceller,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            // in this order the signal is listened to before the work begins
            biased;
            _ = tokio::signal::ctrl_c() => {
                if canceller.interrupt() == Level::Finish {
                    context.screen.say("interrupted: waiting for what is under way (once more: stop now)");
                }
            }
            done = &mut work => return done,
        }
    }
}
