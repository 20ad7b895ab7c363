//! `devup down` and `devup destroy`.

use super::before::{self, BeforeArgs};
use super::context::Context;
use super::exit::Exit;
use super::lifecycle::grace;
use super::perform;
use crate::app::agree::Agreeing;
use crate::app::down;
use crate::app::error::Result;
use crate::app::project::Project;
use crate::app::wiring::Engine;
use crate::plan::{DownOptions, Operation, Plan, RemoveImages, Step};
use crate::state::store::State;
use crate::ui::text::clean;

/// Which images go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Rmi {
    /// Those that services made without naming them
    Local,
    /// Every image of a service
    All,
}

const EXAMPLES: &str = "\
Examples:
  devup down                    containers and networks go, data stays
  devup down -v                 volumes too; what is in them is saved first
  devup down --rmi local        images that were built too";

/// Arguments of `down`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Services; none: everything
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Volumes go as well, named and anonymous
    #[arg(short, long, alias = "volume")]
    volumes: bool,
    /// Images go as well
    #[arg(long, value_enum, value_name = "WHICH")]
    rmi: Option<Rmi>,
    /// Containers of services that are not in the spec go as well
    #[arg(long)]
    remove_orphans: bool,
    /// Seconds before a container is killed; its own grace period where not given
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
    #[command(flatten)]
    before: BeforeArgs,
}

/// Takes the project down.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let images = arguments.rmi.map(|rmi| if rmi == Rmi::All { RemoveImages::All } else { RemoveImages::Local });
    let options = DownOptions {
        services: arguments.services.clone(),
        volumes: arguments.volumes,
        images,
        remove_orphans: arguments.remove_orphans,
        grace: grace(arguments.timeout),
        ..DownOptions::default()
    };
    if arguments.volumes {
        before::save(context, &project, &arguments.before.first("down"))?;
    }
    context.block_on(async {
        let engine = context.engine().await?;
        take_down(context, &engine, &project, &options).await
    })
}

/// Takes a project down. Once all of it is gone, others may have its ports.
pub async fn take_down(context: &Context, engine: &Engine, project: &Project, options: &DownOptions) -> Result<Exit> {
    let _lock = perform::lock(context, project).await?;
    let plan = down::plan(engine, project, options).await?;
    if plan.steps.is_empty() {
        context.screen.say(&format!("nothing of {} is there", clean(&project.name)));
    }
    agree_to_providers(context, engine, project, &plan).await?;
    let exit = perform::plan(context, engine, project, plan).await?;
    if options.services.is_empty() && !context.global.dry_run {
        State::open(context.request()?.layout)?.release_ports(&project.name)?;
    }
    Ok(exit)
}

const DESTROY_EXAMPLES: &str = "\
Examples:
  devup destroy                 says what goes, and asks
  devup destroy --yes           without asking

Everything of the project goes: containers, networks, volumes with their data, images it built. The folder stays.
The data is saved to the backup repository of this machine first, and how to get it back is said.";

/// Arguments of `destroy`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = DESTROY_EXAMPLES)]
pub struct DestroyArgs {
    /// Seconds before a container is killed; its own grace period where not given
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
    #[command(flatten)]
    before: BeforeArgs,
}

/// Removes everything of the project, data too.
pub fn destroy(arguments: &DestroyArgs, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let options = DownOptions {
        volumes: true,
        images: Some(RemoveImages::Local),
        remove_orphans: true,
        everything: true,
        grace: grace(arguments.timeout),
        ..DownOptions::default()
    };
    if !context.global.dry_run {
        context.block_on(async {
            let engine = context.engine().await?;
            agree(context, &project, &down::plan(&engine, &project, &options).await?)
        })?;
        before::save(context, &project, &arguments.before.first("destroy"))?;
    }
    context.block_on(async {
        let engine = context.engine().await?;
        let request = context.request()?;
        let _lock = perform::lock(context, &project).await?;
        let plan = down::plan(&engine, &project, &options).await?;
        if context.global.dry_run {
            return perform::show(context, &plan);
        }
        agree_to_providers(context, &engine, &project, &plan).await?;
        perform::plan(context, &engine, &project, plan).await?;
        State::open(request.layout)?.forget_project(&project.name)?;
        Ok(Exit::DONE)
    })
}

/// Programs that release or stop what they provide run on this machine, too: not without consent.
pub(super) async fn agree_to_providers(
    context: &Context,
    engine: &Engine,
    project: &Project,
    plan: &Plan,
) -> Result<()> {
    let runs_one =
        |step: &Step| matches!(step.operation, Operation::ReleaseProvider { .. } | Operation::StopProvider { .. });
    if context.global.dry_run || !plan.steps.iter().any(runs_one) {
        return Ok(());
    }
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    Agreeing { request: &request, engine, project, state: &state, questions: context }.agree().await.map(drop)
}

fn agree(context: &Context, project: &Project, plan: &Plan) -> Result<()> {
    let name = clean(&project.name);
    if plan.steps.is_empty() {
        context.screen.say(&format!("nothing of {name} is there"));
        return Ok(());
    }
    let going: Vec<String> = plan.loses_data().map(|(_, what)| clean(what)).collect();
    if going.is_empty() {
        context.screen.say(&format!("{name} has no data on this engine"));
    }
    for what in &going {
        context.screen.say(&format!("this data goes for good: {what}"));
    }
    context.confirm(&format!("Destroy {name}?"), "devup destroy --yes")
}
