//! `devup logs`

use futures_util::StreamExt;

use super::context::Context;
use super::exit::Exit;
use crate::app::agree::Agreeing;
use crate::app::confidential::Confidential;
use crate::app::error::{AppError, Result};
use crate::app::logs::{self, Options};
use crate::app::project::Project;
use crate::app::wiring::Engine;
use crate::base::clock::{Clock, SystemClock};
use crate::driver::session::LogOptions;
use crate::secret::redact::Redactor;
use crate::secret::resolve::Commands;
use crate::state::store::State;
use crate::ui::logs::LogView;

const EXAMPLES: &str = "\
Examples:
  devup logs                    all lines of all services, in the order of their time
  devup logs -f web             go on as web prints
  devup logs --tail 20 -t       the last 20 lines of each container, with their times
  devup logs --since 10m        the last ten minutes
  devup logs --redact           without the values of secrets, to show to others
  devup logs --json             one object per line, for programs";

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on as new lines come
    #[arg(short, long)]
    follow: bool,
    /// Only the container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// Lines without the container's name before them
    #[arg(long)]
    no_log_prefix: bool,
    /// Without the values of the project's secrets. Those that a command prints are known by running it, after consent
    #[arg(long)]
    redact: bool,
    /// Since a time (2013-01-02T13:23:37Z) or for a while (42m)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to a time (2013-01-02T13:23:37Z) or a while ago (42m)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// This many lines from the end of each container's log, or `all`
    #[arg(short = 'n', long, value_name = "N", default_value = "all")]
    tail: String,
    /// With the time of each line
    #[arg(short, long)]
    timestamps: bool,
}

impl Args {
    fn options(&self) -> Result<Options> {
        let now = SystemClock.now();
        let moment = |text: &Option<String>| text.as_deref().map(|text| super::moment::parse(text, now)).transpose();
        let tail = match self.tail.as_str() {
            "all" | "-1" => None,
            number => Some(number.parse().map_err(|_| {
                AppError::usage(format!("--tail can't be {number:?}")).help("a number of lines, or `all`")
            })?),
        };
        let lines = LogOptions {
            follow: self.follow,
            tail,
            since: moment(&self.since)?,
            until: moment(&self.until)?,
            timestamps: self.timestamps,
        };
        Ok(Options { services: self.services.clone(), index: self.index, lines })
    }
}

/// Shows the lines.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let options = arguments.options()?;
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let mut found = logs::logs(&engine, &project, &options).await?;
        if arguments.redact {
            found = found.without(redactor(context, &engine, &project).await?);
        }
        let mut view = LogView::new(&found.origins, !arguments.no_log_prefix, context.screen.look);
        while let Some(line) = found.lines.next().await {
            context.screen.answer_bytes(&view.show(&line?))?;
        }
        Ok(Exit::DONE)
    })
}

async fn redactor(context: &Context, engine: &Engine, project: &Project) -> Result<Redactor> {
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    let request = &request;
    Agreeing { request, engine, project, state: &state, questions: context }.agree().await?;
    Confidential::of(request, project, &state, Commands::Agreed)?.redactor().await
}
