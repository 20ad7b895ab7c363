//! `devup ps`, `devup status`

use clap::ArgAction;

use super::context::Context;
use super::exit::Exit;
use crate::app::automatic;
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::ps::{self, Options};
use crate::app::standing;
use crate::base::clock::{Clock, SystemClock};
use crate::model::observed::Container;
use crate::state::store::State;
use crate::ui;
use crate::ui::template::Format;

const EXAMPLES: &str = "\
Examples:
  devup ps                               what runs
  devup ps -a                            and what does not
  devup status                           what runs, and where the project's backups stand
  devup ps --format json | jq .Name      one JSON object per container
  devup ps --format '{{.Name}} {{.State}}'";

/// Arguments of `ps`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Stopped containers and those of `run` as well
    #[arg(short, long)]
    all: bool,
    /// Only containers of this status: `status=running`
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// `table`, `table TEMPLATE`, `json` or a template such as `{{.Name}}`
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Don't cut long values
    #[arg(long)]
    no_trunc: bool,
    /// Containers of services that the spec does not have
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true")]
    orphans: bool,
    /// Ids only
    #[arg(short, long)]
    quiet: bool,
    /// Names of services only
    #[arg(long = "services")]
    services_only: bool,
    /// Only containers of this status: paused, restarting, removing, running, dead, created, exited
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
}

impl Args {
    fn options(&self) -> Result<Options> {
        let mut states = Vec::new();
        for name in &self.status {
            states.push(ps::state(name)?);
        }
        for filter in &self.filter {
            let Some(("status", name)) = filter.split_once('=') else {
                return Err(AppError::usage(format!("unknown filter {filter:?}")).help("the one filter is status=…"));
            };
            states.push(ps::state(name)?);
        }
        Ok(Options { services: self.services.clone(), all: self.all, states, without_orphans: !self.orphans })
    }
}

/// Lists containers.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    context.screen.answer(&listed(arguments, context, &context.project()?)?)?;
    if let Some(trouble) = automatic::trouble(&State::open(context.request()?.layout)?, SystemClock.now())? {
        context.screen.say(&trouble);
    }
    Ok(Exit::DONE)
}

/// Lists containers, and says where the backups stand.
pub fn status(arguments: &Args, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    context.screen.answer(&listed(arguments, context, &project)?)?;
    let now = SystemClock.now();
    if let Some(standing) = standing::of(&State::open(context.request()?.layout)?, &project.name, now)? {
        for line in ui::drill::lines(&standing, now) {
            context.screen.say(&line);
        }
    }
    Ok(Exit::DONE)
}

fn listed(arguments: &Args, context: &Context, project: &Project) -> Result<String> {
    let options = arguments.options()?;
    let format = if context.global.json { Format::Json } else { Format::parse(&arguments.format)? };
    let containers = context.block_on(async {
        let engine = context.engine().await?;
        ps::ps(&engine, project, &options).await
    })?;
    view(arguments, &format, &containers)
}

fn view(arguments: &Args, format: &Format, containers: &[Container]) -> Result<String> {
    if arguments.quiet {
        return Ok(containers.iter().map(|container| format!("{}\n", container.id)).collect());
    }
    if arguments.services_only {
        let mut names: Vec<&str> = containers.iter().map(Container::service).collect();
        names.sort_unstable();
        names.dedup();
        return Ok(names.iter().map(|name| format!("{}\n", ui::text::clean(name))).collect());
    }
    let now = SystemClock.now().as_second();
    let rows: Vec<_> = containers.iter().map(|container| ui::ps::object(container, now, arguments.no_trunc)).collect();
    Ok(match format.render(&rows)? {
        Some(text) => text,
        None => ui::ps::table(containers, now, arguments.no_trunc),
    })
}
