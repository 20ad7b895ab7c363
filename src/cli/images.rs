//! `devup build`, `devup pull`, `devup push`

use super::ask::{self, Host};
use super::context::Context;
use super::exit::Exit;
use super::perform;
use crate::app::check;
use crate::app::error::{AppError, Result};
use crate::app::images::{self, BuildWish, PullWish};
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::remote;
use crate::app::up::{self, UpRequest};
use crate::engine::{Canceller, Report, StepError};
use crate::model::quantity::Bytes;
use crate::ui::look::{Look, ProgressStyle};
use crate::ui::progress::Progress;
use crate::ui::text::{clean, clean_lines};

/// Arguments of `build`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup build                     every service that is built\n  devup build --no-cache web\n  devup build --build-arg VERSION=2 web\n  devup build --print             what would be built, for docker buildx bake"
)]
#[expect(clippy::struct_excessive_bools, reason = "one flag each")]
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
    /// Give the builds your SSH agent: `default`, or one by its socket
    #[arg(long, value_name = "ID[=SOCKET]", value_parser = ssh)]
    ssh: Option<String>,
    /// Attest how the images were built: true, false, or options such as `mode=max`
    #[arg(long, value_name = "WHETHER")]
    provenance: Option<String>,
    /// Attest what is in the images: true, false, or options such as `generator=IMAGE`
    #[arg(long, value_name = "WHETHER")]
    sbom: Option<String>,
    /// Memory of the steps' containers, where the engine's builder has such a limit
    #[arg(short, long, value_name = "SIZE", value_parser = size)]
    memory: Option<Bytes>,
    /// The builder: `default`, which is the engine's own
    #[arg(long, value_name = "NAME", value_parser = builder)]
    builder: Option<String>,
    /// Say what the builder would write otherwise in the Dockerfiles; build nothing
    #[arg(long)]
    check: bool,
    /// Print the equivalent file for `docker buildx bake`; build nothing
    #[arg(long)]
    print: bool,
}

/// `default`, or `ID=SOCKET`; nothing is `default` as well.
fn ssh(text: &str) -> std::result::Result<String, String> {
    match text.split_once('=') {
        None if text.is_empty() || text == "default" => Ok("default".to_owned()),
        Some((id, path)) if !id.is_empty() && !path.is_empty() => Ok(text.to_owned()),
        _ => Err("this is neither `default` nor ID=SOCKET".to_owned()),
    }
}

fn size(text: &str) -> std::result::Result<Bytes, String> {
    let bytes = crate::spec::shape::size(text).map(Bytes);
    bytes.ok_or_else(|| "this is no size such as 512m or 2gb".to_owned())
}

/// devup speaks to one engine, and builds there.
fn builder(text: &str) -> std::result::Result<String, String> {
    match text {
        "" | "default" => Ok("default".to_owned()),
        _ => Err(
            "devup builds with the engine's own builder, which is called `default`; builders of docker buildx are for \
                  buildx (`devup build --print | docker buildx bake --builder NAME --file -`)"
                .to_owned(),
        ),
    }
}

/// Builds images.
pub fn build(arguments: &BuildArgs, context: &Context) -> Result<Exit> {
    let project = load(context)?;
    // there is one builder only, which was seen to when the name was read
    let _: Option<&String> = arguments.builder.as_ref();
    let wish = BuildWish {
        services: arguments.services.clone(),
        no_cache: arguments.no_cache,
        pull: arguments.pull,
        arguments: arguments.build_arg.iter().filter_map(|text| build_argument(text)).collect(),
        with_dependencies: arguments.with_dependencies,
        ssh: arguments.ssh.clone(),
        provenance: arguments.provenance.clone(),
        sbom: arguments.sbom.clone(),
        memory: arguments.memory,
        push: arguments.push,
        check: arguments.check,
    };
    if arguments.print {
        return print(context, &project, &wish);
    }
    if arguments.check {
        return findings(context, &project, &wish);
    }
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

/// The file for bake; nothing where nothing is built, as in Compose.
fn print(context: &Context, project: &Project, wish: &BuildWish) -> Result<Exit> {
    let Some(printed) = images::bake(project, wish)? else { return Ok(Exit::DONE) };
    for remark in &printed.remarks {
        context.screen.warn(&clean_lines(remark));
    }
    context.screen.json_pretty(&printed.file)?;
    Ok(Exit::DONE)
}

/// What was found, service by service; something found is exit code 1, as in Compose.
fn findings(context: &Context, project: &Project, wish: &BuildWish) -> Result<Exit> {
    let request = context.request()?;
    let host = Host::of(context)?;
    let checked = context.block_on(async {
        let engine = ask::engine(context, &host).await?;
        check::check(&request, &engine, project, wish, context).await
    })?;
    if context.global.json {
        context.screen.json(&checked)?;
    } else {
        context.screen.answer(&crate::ui::findings::text(&checked))?;
    }
    let fine = |one: &check::Checked| one.findings.warnings.is_empty() && one.findings.error.is_none();
    Ok(if checked.iter().all(fine) { Exit::DONE } else { Exit::FAILED })
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
    let mut project = load(context)?;
    let others = project.spec.iter().flat_map(|spec| spec.remotes.iter().map(|other| other.address.clone()));
    let others: Vec<String> = others.collect();
    if !others.is_empty() && !context.global.dry_run {
        // branches of other repositories may have moved on
        remote::forget(&context.request()?, others);
        project = load(context)?;
    }
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
    let project = context.load(Project::load)?;
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
        if images::limits_memory(wish) && engine.containers.features().buildkit {
            context.screen.warn("--memory has no effect: BuildKit, with which this engine builds, has no such limit");
        }
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
