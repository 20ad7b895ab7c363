//! What `up` and its kin share: flags, and bringing a project to what its spec says in front of the user.

use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::ask::{self, Host};
use super::before::BeforeArgs;
use super::context::Context;
use super::exit::Exit;
use super::first;
use super::lifecycle::grace;
use super::perform;
use super::stay::{self, Stay};
use super::watch::Follower;
use crate::app::error::Result;
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::up::{self, UpOutcome, UpRequest};
use crate::app::wiring::Engine;
use crate::engine::Canceller;
use crate::plan::{Options, Pull};
use crate::ui;
use crate::ui::progress::Progress;

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PullWhen {
    /// At every run
    Always,
    /// Where an image is missing
    Missing,
    /// Not at all
    Never,
    /// As the spec says
    Policy,
}

impl PullWhen {
    /// The planner's word.
    pub fn pull(self) -> Option<Pull> {
        match self {
            Self::Always => Some(Pull::Always),
            Self::Missing => Some(Pull::Missing),
            Self::Never => Some(Pull::Never),
            Self::Policy => None,
        }
    }
}

/// What `up`, `plan`, `create` and `rebuild` share.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Converge {
    /// Services, with those that they need; none: all
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,
    /// Build images first, even where they exist
    #[arg(long, conflicts_with = "no_build")]
    build: bool,
    /// Build nothing
    #[arg(long)]
    pub(super) no_build: bool,
    /// When images are pulled
    #[arg(long, value_enum, value_name = "WHEN")]
    pull: Option<PullWhen>,
    /// Pull without showing progress
    #[arg(long)]
    quiet_pull: bool,
    /// Build without showing progress
    #[arg(long)]
    quiet_build: bool,
    /// Make every container anew
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,
    /// Leave containers that exist as they are
    #[arg(long)]
    no_recreate: bool,
    /// Begin with empty anonymous volumes
    #[arg(short = 'V', long)]
    renew_anon_volumes: bool,
    /// Remove containers of services that are not in the spec
    #[arg(long)]
    remove_orphans: bool,
    /// So many containers of a service: `--scale web=3`
    #[arg(long, value_name = "SERVICE=N", value_parser = scale_of)]
    pub(super) scale: Vec<(String, u32)>,
    /// Seconds before a container that is replaced is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i64>,
    /// Fail where a port of the host is taken, instead of choosing another
    #[arg(long)]
    strict_ports: bool,
    #[command(flatten)]
    pub(super) before: BeforeArgs,
}

/// `web=3`
pub fn scale_of(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text.split_once('=').ok_or("expected SERVICE=N, such as web=3")?;
    let count = count.parse().map_err(|_| format!("{count:?} is no number of containers"))?;
    Ok((service.to_owned(), count))
}

impl Converge {
    /// Nothing but other numbers of containers.
    pub(super) fn scaled(scale: Vec<(String, u32)>) -> Self {
        Self { scale, ..Self::default() }
    }

    /// The request to `app`.
    pub(super) fn request(&self) -> UpRequest {
        UpRequest {
            options: Options {
                services: self.services.clone(),
                force_recreate: self.force_recreate,
                no_recreate: self.no_recreate,
                build: self.build,
                pull: self.pull.and_then(PullWhen::pull),
                renew_anon_volumes: self.renew_anon_volumes,
                remove_orphans: self.remove_orphans,
                scale: self.scale.iter().cloned().collect::<IndexMap<_, _>>(),
                grace: grace(self.timeout),
                ..Options::default()
            },
            strict_ports: self.strict_ports,
            save_first: self.before.first("up"),
            ..UpRequest::default()
        }
    }

    /// `--no-build`: a build section counts for nothing.
    pub(super) fn without_builds(&self, project: &mut Project) {
        let Some(environment) = project.environment.as_mut().filter(|_| self.no_build) else { return };
        let names: Vec<String> = environment.services.keys().map(|key| environment.built_image(key)).collect();
        for (service, name) in environment.services.values_mut().zip(names) {
            if service.build.take().is_some() && service.image.is_none() {
                service.image = Some(name);
            }
        }
    }
}

/// The wish with what the environment, and the project's environment files, say of orphans.
pub(super) fn with_variables(mut wish: UpRequest, project: &Project) -> UpRequest {
    let variables = project.spec.as_ref().map(|loaded| &loaded.environment);
    let says = |name: &str| {
        let value = variables.and_then(|variables| variables.get(name));
        value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    };
    wish.options.remove_orphans |= says("COMPOSE_REMOVE_ORPHANS");
    wish.options.ignore_orphans |= says("COMPOSE_IGNORE_ORPHANS");
    wish
}

/// Converges and returns.
pub(super) fn converge(context: &Context, arguments: &Converge, wish: &UpRequest) -> Result<Exit> {
    converge_and(context, arguments, wish, None)
}

/// Converges, and stays where that is asked for.
pub(super) fn converge_and(
    context: &Context,
    arguments: &Converge,
    wish: &UpRequest,
    stay: Option<&Stay>,
) -> Result<Exit> {
    let began = Instant::now();
    let request = context.request()?;
    let mut project = context.load(Project::load)?;
    arguments.without_builds(&mut project);
    let wish = &with_variables(wish.clone(), &project);
    for remark in &project.remarks {
        context.screen.say(&ui::text::clean_lines(remark));
    }
    let watched = stay.filter(|stay| stay.watch);
    let follower = watched.map(|stay| Follower::new(context, &project, &stay.services)).transpose()?;
    let host = Host::of(context)?;
    context.block_on(async {
        let engine = ask::engine(context, &host).await?;
        if context.global.dry_run {
            return show_plan(context, &engine, &project, wish).await;
        }
        // from before the start, so that what changes meanwhile is not missed
        let notice = follower.as_ref().map(Follower::notice).transpose()?;
        let progress = Progress::new(context.screen.look);
        let (canceller, cancel) = Canceller::new();
        let tools = host.tools();
        let work = up::up(&request, &engine, &project, wish, context, &tools, (&progress, &cancel));
        let outcome = perform::with_interrupts(context, canceller, work).await?;
        drop(progress);
        judge(&outcome.report)?;
        summary(context, &outcome, began.elapsed())?;
        // where nothing changed, nothing is looked at either
        if outcome.changed > 0 && outcome.started {
            first::offer(context).await?;
        }
        let Some(stay) = stay else { return Ok(Exit::DONE) };
        let staying = stay::follow(context, &engine, &project, stay);
        let (Some(follower), Some(notice)) = (&follower, notice) else { return staying.await };
        tokio::select! {
            ended = staying => ended,
            ended = follower.follow(&engine, &host, notice) => ended.map(|()| Exit::DONE),
        }
    })
}

fn summary(context: &Context, outcome: &UpOutcome, took: Duration) -> Result<()> {
    if context.global.json {
        return context.screen.json_pretty(&ui::up::json(outcome, took));
    }
    for line in ui::up::lines(outcome, took) {
        context.screen.say(&line);
    }
    Ok(())
}

/// Shows what would be done.
pub(super) async fn show_plan(context: &Context, engine: &Engine, project: &Project, wish: &UpRequest) -> Result<Exit> {
    let (plan, chosen) = up::plan(&context.request()?, engine, project, wish).await?;
    for remark in crate::app::ports::remarks(&chosen) {
        context.screen.say(&ui::text::clean(&remark));
    }
    // its warnings are part of it
    perform::show(context, &plan)
}
