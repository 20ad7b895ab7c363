//! `devup build`, `devup pull`, `devup push`

use super::ask::{self, Host};
use super::context::Context;
use super::exit::Exit;
use super::perform;
use crate::app::error::{AppError, Result};
use crate::app::images::{self, BuildWish, PullWish};
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::up::{self, UpRequest};
use crate::engine::{Canceller, Report, StepError};
use crate::ui::look::{Look, ProgressStyle};
use crate::ui::progress::Progress;
use crate::ui::text::{clean, clean_lines};

/// Arguments of `build`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup build                     every service that is built\n  devup build --no-cache web\n  devup build --build-arg VERSION=2 web"
)]
pub struct BuildArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Build every step anew
    #[arg(long)]
    no_cache: bool,
    /// Refresh base images
    #[arg(long)]
    pull: bool,
    /// A build argument; NAME alone passes on its value here
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Build what the services depend on as well
    #[arg(long)]
    with_dependencies: bool,
    /// Push the images afterwards
    #[arg(long)]
    push: bool,
}

/// Builds images.
pub fn build(arguments: &BuildArgs, context: &Context) -> Result<Exit> {
    let project = load(context)?;
    let wish = BuildWish {
        services: arguments.services.clone(),
        no_cache: arguments.no_cache,
        pull: arguments.pull,
        arguments: arguments.build_arg.iter().filter_map(|text| build_argument(text)).collect(),
        with_dependencies: arguments.with_dependencies,
    };
    let Some(request) = images::build(&project, &wish)? else {
        context.screen.say("No services to build: a service is built where it has `build:`, `env:` or `provision:`");
        return Ok(Exit::DONE);
    };
    let report = match bring(context, &project, &request, arguments.quiet)? {
        Brought::Shown(exit) => return Ok(exit),
        Brought::Performed(report) => report,
    };
    judge(&report)?;
    if arguments.push {
        let references = images::pushed(&project, &arguments.services, arguments.with_dependencies)?;
        return send(context, &references, false, arguments.quiet);
    }
    Ok(Exit::DONE)
}

/// `NAME` alone passes this process's value on; without one there, it is left out.
fn build_argument(text: &str) -> Option<(String, Option<String>)> {
    if let Some((name, value)) = text.split_once('=') {
        return Some((name.to_owned(), Some(value.to_owned())));
    }
    std::env::var(text).ok().map(|value| (text.to_owned(), Some(value)))
}

/// Arguments of `pull`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup pull                      every image that is not built\n  devup pull --policy missing db"
)]
pub struct PullArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// A pull that fails is a warning
    #[arg(long)]
    ignore_pull_failures: bool,
    /// Leave out images that can be built
    #[arg(long)]
    ignore_buildable: bool,
    /// Pull what the services depend on as well
    #[arg(long)]
    include_deps: bool,
    /// When to pull
    #[arg(long, value_enum, value_name = "WHEN")]
    policy: Option<Policy>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Policy {
    /// Where an image is missing
    Missing,
    /// Whether it is there or not
    Always,
}

/// Pulls images.
pub fn pull(arguments: &PullArgs, context: &Context) -> Result<Exit> {
    let project = load(context)?;
    let wish = PullWish {
        services: arguments.services.clone(),
        ignore_buildable: arguments.ignore_buildable,
        with_dependencies: arguments.include_deps,
        missing_only: arguments.policy == Some(Policy::Missing),
    };
    let Some(request) = images::pull(&project, &wish)? else {
        context.screen.say("No image to pull");
        return Ok(Exit::DONE);
    };
    let mut report = match bring(context, &project, &request, arguments.quiet)? {
        Brought::Shown(exit) => return Ok(exit),
        Brought::Performed(report) => report,
    };
    for step in &mut report.steps {
        let image = step.subject.strip_prefix("Image ").unwrap_or_default();
        // where the engine itself is gone, nothing is tolerated
        let gone = matches!(&step.error, Some(StepError::Driver(error)) if error.is_unreachable());
        let can_be_built = images::is_buildable(&project, image);
        if let (Some(error), false, true) = (&step.error, gone, arguments.ignore_pull_failures || can_be_built) {
            let hint = if can_be_built { "; `devup build` makes it" } else { "" };
            context.screen.warn(&clean_lines(&format!("{error}{hint}")));
            step.tolerated = true;
        }
    }
    judge(&report)?;
    Ok(Exit::DONE)
}

/// Arguments of `push`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup push                      the images of every service that is built\n  devup push web"
)]
pub struct PushArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on with the next image where one fails
    #[arg(long)]
    ignore_push_failures: bool,
    /// Push what the services depend on as well
    #[arg(long)]
    include_deps: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// Pushes images.
pub fn push(arguments: &PushArgs, context: &Context) -> Result<Exit> {
    let project = load(context)?;
    let references = images::pushed(&project, &arguments.services, arguments.include_deps)?;
    send(context, &references, arguments.ignore_push_failures, arguments.quiet)
}

fn send(context: &Context, references: &[String], keep_going: bool, quiet: bool) -> Result<Exit> {
    if references.is_empty() {
        context.screen.say("No image to push: no service is built");
        return Ok(Exit::DONE);
    }
    if context.global.dry_run {
        if context.global.json {
            context.screen.json(&serde_json::json!({ "push": references }))?;
            return Ok(Exit::PENDING);
        }
        for reference in references {
            context.screen.answer(&format!("push {}\n", clean(reference)))?;
        }
        return Ok(Exit::PENDING);
    }
    context.block_on(async {
        let engine = context.engine().await?;
        let progress = Progress::new(look(context, quiet));
        let (canceller, cancel) = Canceller::new();
        let work = images::push(&engine, references, keep_going, &progress, &cancel);
        let failed = perform::with_interrupts(context, canceller, work).await?;
        drop(progress);
        if failed > 0 {
            context.screen.warn(&format!("{failed} of {} images were not pushed", references.len()));
        }
        Ok(Exit::DONE)
    })
}

fn load(context: &Context) -> Result<Project> {
    let project = Project::load(&context.request()?)?;
    for remark in &project.remarks {
        context.screen.say(&clean_lines(remark));
    }
    Ok(project)
}

/// As the look has it, or without progress.
pub fn look(context: &Context, quiet: bool) -> Look {
    let look = context.screen.look;
    if quiet { Look { progress: ProgressStyle::Quiet, ..look } } else { look }
}

/// What became of a plan for images.
enum Brought {
    /// It was only shown; whether something would change.
    Shown(Exit),
    Performed(Report),
}

/// Performs the part of `up` that brings images.
fn bring(context: &Context, project: &Project, wish: &UpRequest, quiet: bool) -> Result<Brought> {
    let request = context.request()?;
    let host = Host::of(context)?;
    context.block_on(async {
        let engine = ask::engine(context, &host).await?;
        if context.global.dry_run {
            let (plan, _) = up::plan(&request, &engine, project, wish).await?;
            return perform::show(context, &plan).map(Brought::Shown);
        }
        let progress = Progress::new(look(context, quiet));
        let (canceller, cancel) = Canceller::new();
        let tools = host.tools();
        let work = up::up(&request, &engine, project, wish, context, &tools, (&progress, &cancel));
        let outcome = perform::with_interrupts(context, canceller, work).await?;
        if outcome.report.steps.is_empty() && !quiet {
            context.screen.say("Nothing to do");
        }
        Ok::<_, AppError>(Brought::Performed(outcome.report))
    })
}
