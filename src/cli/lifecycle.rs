//! `devup stop start restart pause unpause kill rm`

use std::time::Duration;

use super::before::BeforeArgs;
use super::context::Context;
use super::down;
use super::exit::Exit;
use super::perform;
use crate::app::before::has_unnamed;
use crate::app::error::{AppError, Result};
use crate::app::inspect;
use crate::app::lifecycle::{self, Verb};
use crate::app::select::OneOff;
use crate::app::up::Questions as _;
use crate::driver::container::AnonymousVolumes;

/// Arguments of `start`, `pause`, `unpause`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup start\n  devup pause web && devup unpause web")]
pub struct Args {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Arguments of `stop`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup stop\n  devup stop -t 2 web")]
pub struct StopArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Seconds before a container is killed; its own grace period where not given
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
}

/// Arguments of `restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup restart\n  devup restart --no-deps db")]
pub struct RestartArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Leave services alone that want to be restarted along
    #[arg(long)]
    no_deps: bool,
    /// Seconds before a container is killed; its own grace period where not given
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
}

/// Arguments of `kill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup kill\n  devup kill -s SIGHUP proxy")]
pub struct KillArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Containers of services that the spec does not have are removed as well
    #[arg(long)]
    remove_orphans: bool,
    /// The signal
    #[arg(short, long, value_name = "SIGNAL", default_value = "SIGKILL")]
    signal: String,
}

/// Arguments of `rm`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup rm            asks\n  devup rm -fs web    stops and removes without asking\n\nNamed volumes stay; what was written outside volumes is lost."
)]
pub struct RmArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Without effect, as in Compose
    #[arg(short, long, hide = true)]
    all: bool,
    /// Don't ask
    #[arg(short, long)]
    force: bool,
    /// Stop them first where they run
    #[arg(short, long)]
    stop: bool,
    /// Anonymous volumes go as well; what is in them is saved first
    #[arg(short, long)]
    volumes: bool,
    #[command(flatten)]
    before: BeforeArgs,
}

/// Seconds as a grace period; negative ones mean the container's own.
pub fn grace(seconds: Option<i64>) -> Option<Duration> {
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
}

/// `start`
pub fn start(arguments: &Args, context: &Context) -> Result<Exit> {
    perform_verb(context, &Verb::Start, &arguments.services, None)
}

/// `pause`
pub fn pause(arguments: &Args, context: &Context) -> Result<Exit> {
    perform_verb(context, &Verb::Pause, &arguments.services, None)
}

/// `unpause`
pub fn unpause(arguments: &Args, context: &Context) -> Result<Exit> {
    perform_verb(context, &Verb::Unpause, &arguments.services, None)
}

/// `stop`
pub fn stop(arguments: &StopArgs, context: &Context) -> Result<Exit> {
    perform_verb(context, &Verb::Stop { grace: grace(arguments.timeout) }, &arguments.services, None)
}

/// `restart`
pub fn restart(arguments: &RestartArgs, context: &Context) -> Result<Exit> {
    let verb = Verb::Restart { grace: grace(arguments.timeout), alone: arguments.no_deps };
    perform_verb(context, &verb, &arguments.services, Some("no container to restart"))
}

/// `kill`
pub fn kill(arguments: &KillArgs, context: &Context) -> Result<Exit> {
    let verb = Verb::Kill { signal: arguments.signal.clone(), remove_orphans: arguments.remove_orphans };
    perform_verb(context, &verb, &arguments.services, Some("no container to kill"))
}

/// One plan over the containers that are there; `otherwise`: doing nothing is a failure with these words.
fn perform_verb(context: &Context, verb: &Verb, services: &[String], otherwise: Option<&str>) -> Result<Exit> {
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let _lock = perform::lock(context, &project).await?;
        let containers = inspect::containers(&engine, &project, &[], OneOff::Include, true).await?;
        let plan = lifecycle::plan(verb, &project, services, containers)?;
        if let (true, Some(message)) = (plan.steps.is_empty(), otherwise) {
            return Err(AppError::failed(message).help("`devup ps -a` shows what is there"));
        }
        down::agree_to_providers(context, &engine, &project, &plan).await?;
        perform::plan(context, &engine, &project, plan).await
    })
}

/// `rm`
pub fn rm(arguments: &RmArgs, context: &Context) -> Result<Exit> {
    let volumes = if arguments.volumes { AnonymousVolumes::Remove } else { AnonymousVolumes::Keep };
    let verb = Verb::Remove { running: arguments.stop, volumes };
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let _lock = perform::lock(context, &project).await?;
        let containers = inspect::containers(&engine, &project, &[], OneOff::Include, true).await?;
        let loses = arguments.volumes && containers.iter().any(has_unnamed);
        let plan = lifecycle::plan(&verb, &project, &arguments.services, containers)?;
        let going: Vec<String> =
            plan.loses_data().map(|(step, _)| step.operation.subject().replacen("Container ", "", 1)).collect();
        if going.is_empty() {
            context.screen.say("No stopped containers");
            return Ok(Exit::DONE);
        }
        context.screen.say(&format!("Going to remove {}", crate::ui::text::clean(&going.join(", "))));
        if !arguments.force && !context.global.dry_run {
            context.confirm("Are you sure?", "devup rm --force")?;
        }
        if loses && !context.global.dry_run {
            let environment = project.environment.as_ref();
            context.save_first(&project.name, environment, &arguments.before.first("rm")).await?;
        }
        perform::plan(context, &engine, &project, plan).await
    })
}
