//! `devup events`, `stats`, `wait`

use futures_util::StreamExt;

use super::context::Context;
use super::down;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::inspect;
use crate::app::select::OneOff;
use crate::app::watching::{self, Measured};
use crate::base::clock::{Clock, SystemClock};
use crate::plan::DownOptions;
use crate::ui;
use crate::ui::template::Format;

/// Arguments of `events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup events\n  devup events --json web\n  devup events --since 10m --until 0s")]
pub struct EventsArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// From a time (2013-01-02T13:23:37Z) or a while ago (42m) on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup stats\n  devup stats --no-stream --format json")]
pub struct StatsArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Containers that do not run as well
    #[arg(short, long)]
    all: bool,
    /// `table`, `table TEMPLATE`, `json` or a template such as `{{.Name}}`
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Measure once
    #[arg(long)]
    no_stream: bool,
    /// Don't cut long values
    #[arg(long)]
    no_trunc: bool,
}

/// Arguments of `wait`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup wait migrate && echo done\n\nThe exit code is that of the service that ended first."
)]
pub struct WaitArgs {
    /// Services
    #[arg(value_name = "SERVICE", required = true)]
    services: Vec<String>,
    /// Take the project down when the first container ends
    #[arg(long)]
    pub down_project: bool,
}

/// Shows what happens.
pub fn events(arguments: &EventsArgs, context: &Context) -> Result<Exit> {
    let now = SystemClock.now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| super::moment::parse(text, now)).transpose();
    let (since, until) = (moment(&arguments.since)?, moment(&arguments.until)?);
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let mut events = watching::events(&engine, &project, &arguments.services, since, until).await?;
        while let Some(event) = events.next().await {
            let event = event?;
            if context.global.json {
                context.screen.json(&ui::inspect::event_json(&event))?;
            } else {
                context.screen.answer(&ui::inspect::event(&event))?;
            }
        }
        Ok(Exit::DONE)
    })
}

/// Shows usage.
pub fn stats(arguments: &StatsArgs, context: &Context) -> Result<Exit> {
    let format = if context.global.json { Format::Json } else { Format::parse(&arguments.format)? };
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let containers =
            inspect::containers(&engine, &project, &arguments.services, OneOff::Include, arguments.all).await?;
        if arguments.no_stream {
            let measured = watching::usage(&engine, &containers).await?;
            context.screen.answer(&stats_text(&measured, &format, arguments.no_trunc)?)?;
            return Ok(Exit::DONE);
        }
        let mut measured: Vec<Measured> =
            containers.iter().map(|container| Measured { container: container.clone(), usage: None }).collect();
        let mut stream = watching::usage_stream(&engine, &containers).await?;
        let running = containers.iter().filter(|container| container.is_up()).count().max(1);
        let mut news = 0;
        while let Some(next) = stream.next().await {
            let (number, usage) = next?;
            measured[number].usage = Some(usage);
            news += 1;
            if news % running == 0 {
                redraw(context, &stats_text(&measured, &format, arguments.no_trunc)?)?;
            }
        }
        Ok(Exit::DONE)
    })
}

/// A table that is drawn over itself on a terminal; one after the other elsewhere.
fn redraw(context: &Context, text: &str) -> Result<()> {
    let home = if ui::terminal::stdout_is_one() { "\u{1b}[2J\u{1b}[H" } else { "" };
    context.screen.answer(&format!("{home}{text}"))
}

fn stats_text(measured: &[Measured], format: &Format, whole: bool) -> Result<String> {
    let rows: Vec<_> = measured.iter().map(|one| ui::inspect::stat(one, whole)).collect();
    Ok(format.render(&rows)?.unwrap_or_else(|| ui::inspect::stats(measured, whole)))
}

/// Waits for the end of services.
pub fn wait(arguments: &WaitArgs, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let mut ends = watching::ends(&engine, &project, &arguments.services).await?;
        let mut first = None;
        while let Some(end) = ends.next().await {
            let (name, code) = end?;
            first.get_or_insert(code);
            if context.global.json {
                context.screen.json(&serde_json::json!({ "container": name, "exit_code": code }))?;
            } else {
                context
                    .screen
                    .answer(&format!("container \"{}\" exited with status code {code}\n", ui::text::clean(&name)))?;
            }
            if arguments.down_project {
                break;
            }
        }
        if arguments.down_project {
            let options = DownOptions { remove_orphans: true, ..DownOptions::default() };
            down::take_down(context, &engine, &project, &options).await?;
        }
        Ok(Exit::program(first.unwrap_or(0)))
    })
}
