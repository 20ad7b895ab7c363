//! `devup run`

use std::path::PathBuf;

use super::ask::{self, Host};
use super::context::Context;
use super::converge::PullWhen;
use super::exec;
use super::exit::Exit;
use super::images::look;
use super::perform;
use super::session::{self, Inside, Wires};
use crate::app::error::{AppError, Result};
use crate::app::lifecycle;
use crate::app::perform::{self as app_perform, judge};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::run::{self, Folders, Requests, RunRequest};
use crate::app::up::{self, UpRequest};
use crate::app::wiring::Engine;
use crate::driver::error::DriverError;
use crate::driver::session::AttachRequest;
use crate::engine::{Cancel, Canceller};
use crate::model::event::Deaf;
use crate::model::observed::Container;
use crate::plan::Answers;
use crate::ui::progress::Progress;
use crate::ui::text::clean_lines;

const EXAMPLES: &str = "\
Examples:
  devup run --rm web sh              a shell in a container of its own
  devup run --rm web ./manage.py migrate
  devup run -d --name job worker     in the background
  cat dump.sql | devup run --rm -T web psql

The exit code is that of the program.";

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Build the image first, even where it exists
    #[arg(long)]
    build: bool,
    /// A capability of Linux more; may be given several times
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// A capability of Linux less; may be given several times
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    /// Start it, print its name, and leave it
    #[arg(short, long)]
    detach: bool,
    /// Instead of the service's entrypoint
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// A variable for the program; NAME to pass on its value here
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// A file of variables for the program; may be given several times, `--env` wins
    #[arg(long, value_name = "FILE")]
    env_from_file: Vec<PathBuf>,
    /// Pass on standard input (done anyway, but for `--interactive=false`)
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true",
          action = clap::ArgAction::Set, value_name = "BOOL")]
    interactive: bool,
    /// A label; may be given several times
    #[arg(short, long = "label", value_name = "NAME[=VALUE]")]
    labels: Vec<String>,
    /// Name of the container
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// No terminal for the program
    #[arg(short = 'T', long = "no-tty", visible_alias = "no-TTY")]
    no_tty: bool,
    /// A terminal for the program: it has one wherever this is one; accepted for `-it`
    #[arg(short, long, hide = true, conflicts_with = "no_tty")]
    tty: bool,
    /// Leave what the service depends on as it is
    #[arg(long)]
    no_deps: bool,
    /// Publish a port
    #[arg(short, long, value_name = "PORT")]
    publish: Vec<String>,
    /// When images are pulled
    #[arg(long, value_enum, value_name = "WHEN")]
    pull: Option<PullWhen>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Build without showing progress
    #[arg(long)]
    quiet_build: bool,
    /// Pull without showing progress
    #[arg(long)]
    quiet_pull: bool,
    /// Remove containers of services that are not in the spec
    #[arg(long)]
    remove_orphans: bool,
    /// Remove the container afterwards, with its anonymous volumes
    #[arg(long)]
    rm: bool,
    /// Publish the service's own ports
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Let others find it by the service's name too
    #[arg(long)]
    use_aliases: bool,
    /// As this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// A mount: [SOURCE:]TARGET[:ro]
    #[arg(short, long = "volume", value_name = "MOUNT")]
    volumes: Vec<String>,
    /// In this folder
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// The service
    service: String,
    /// The program and its arguments; none: the service's own
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Args {
    fn wish(&self, request: &Request) -> Result<RunRequest> {
        let given = exec::variables(&self.env);
        Ok(RunRequest {
            service: self.service.clone(),
            command: self.command.clone(),
            entrypoint: self.entrypoint.clone(),
            environment: run::environment(&request.spec, &self.env_from_file, given)?,
            volumes: self.volumes.clone(),
            ports: self.publish.clone(),
            service_ports: self.service_ports,
            name: self.name.clone(),
            user: self.user.clone(),
            working_dir: self.workdir.clone(),
            labels: self.labels.clone(),
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            tty: !self.detach && self.interactive && session::wants_tty(self.no_tty),
            stdin: !self.detach && self.interactive,
            no_deps: self.no_deps,
            build: self.build,
            pull: self.pull.and_then(PullWhen::pull),
            use_aliases: self.use_aliases,
            remove_orphans: self.remove_orphans,
        })
    }
}

/// Runs a program in a container of its own.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let request = context.request()?;
    let project = context.load(Project::load)?;
    for remark in &project.remarks {
        context.screen.say(&clean_lines(remark));
    }
    let wish = arguments.wish(&request)?;
    let folders = Folders { current: &request.spec.current_dir, home: &request.home };
    let requests = run::requests(&project, &wish, &run::slug()?, &folders)?;
    let host = Host::of(context)?;
    context.block_on(async {
        let engine = ask::engine(context, &host).await?;
        let quiet = arguments.quiet || arguments.quiet_pull || arguments.quiet_build;
        let stage = Stage { context, host: &host, request: &request, engine: &engine, project: &project, quiet };
        if context.global.dry_run {
            return stage.show(&requests).await;
        }
        stage.make(&requests).await?;
        let container = run::made(&engine, &requests.name).await?;
        let wires = Wires { tty: wish.tty, stdin: wish.stdin, signals: true };
        if arguments.detach {
            stage.begin(&container).await?;
            context.screen.answer(&format!("{}\n", requests.name))?;
            return Ok(Exit::DONE);
        }
        let ended = stage.accompany(&container, wires).await;
        if arguments.rm {
            run::remove(&engine, &container.id).await?;
        }
        ended.map(Exit::program)
    })
}

/// What both parts of a run share.
struct Stage<'a> {
    context: &'a Context,
    host: &'a Host,
    request: &'a Request,
    engine: &'a Engine,
    project: &'a Project,
    quiet: bool,
}

impl Stage<'_> {
    async fn show(&self, requests: &Requests) -> Result<Exit> {
        let mut exit = Exit::DONE;
        for wish in requests.dependencies.iter().chain([&requests.container]) {
            let (plan, _) = up::plan(self.request, self.engine, self.project, wish).await?;
            // what one part would change, the next does not undo
            let part = perform::show(self.context, &plan)?;
            exit = if part == Exit::DONE { exit } else { part };
        }
        Ok(exit)
    }

    async fn make(&self, requests: &Requests) -> Result<()> {
        let mut container = requests.container.clone();
        if let Some(dependencies) = &requests.dependencies {
            container.answers = self.part(dependencies).await?;
        }
        run::make_volumes(self.engine, self.project, &container).await?;
        self.part(&container).await.map(drop)
    }

    /// Returns what providers answered.
    async fn part(&self, wish: &UpRequest) -> Result<Answers> {
        let progress = Progress::new(look(self.context, self.quiet));
        let (canceller, cancel) = Canceller::new();
        let tools = self.host.tools();
        let listeners = (&progress as &dyn crate::model::event::Listener, &cancel);
        let work = up::up(self.request, self.engine, self.project, wish, self.context, &tools, listeners);
        let outcome = perform::with_interrupts(self.context, canceller, work).await?;
        judge(&outcome.report)?;
        Ok(outcome.answers)
    }

    /// Starts the container and runs its hooks, under the project's lock: what runs for long must not hold it.
    async fn begin(&self, container: &Container) -> Result<()> {
        let _lock = perform::lock(self.context, self.project).await?;
        let plan = lifecycle::start_of(self.project, container);
        let report =
            app_perform::perform(self.request, self.engine, self.project, &plan, &Deaf, &Cancel::never()).await?;
        run::judge_start(self.engine, container, &report).await
    }

    /// Starts the container, stays with it until it ends, and returns its exit code.
    async fn accompany(&self, container: &Container, wires: Wires) -> Result<i64> {
        // joined before it starts, to miss nothing
        let request = AttachRequest { stdin: wires.stdin, ..AttachRequest::default() };
        let attached = self.engine.sessions.attach(&container.id, &request).await?;
        let ended = {
            let mut joined = std::pin::pin!(session::join(self.engine, attached, Inside::Container, wires));
            let mut begun = std::pin::pin!(self.begin(container));
            tokio::select! {
                ended = &mut joined => match ended {
                    Ok(()) => begun.await,
                    Err(error) => Err(error),
                },
                begun = &mut begun => match begun {
                    Ok(()) => joined.await,
                    Err(error) => Err(error),
                },
            }
        };
        match ended {
            Ok(()) => Ok(self.engine.containers.wait(&container.id).await?),
            Err(error @ AppError::Driver(DriverError::NoProgram { .. })) => Err(error),
            // nobody reads or listens any more: it does not go on behind the user's back
            Err(error) => match self.engine.containers.stop(&container.id, None).await {
                Ok(()) => Err(error),
                Err(stop) => Err(AppError::failed(format!("{error}; {stop}"))),
            },
        }
    }
}
