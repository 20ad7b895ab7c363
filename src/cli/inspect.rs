//! `devup top`, `port`, `images`, `volumes`, `ls`

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::inspect;
use crate::base::clock::{Clock, SystemClock};
use crate::ui;
use crate::ui::template::Format;

/// `table` or `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// A table.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// Arguments of `top`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup top\n  devup top web worker")]
pub struct TopArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Arguments of `port`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup port proxy 80              127.0.0.1:8080\n  curl http://$(devup port proxy 80)"
)]
pub struct PortArgs {
    /// The service
    service: String,
    /// The port inside
    #[arg(value_name = "PRIVATE_PORT")]
    port: u16,
    /// The container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// tcp or udp
    #[arg(long, default_value = "tcp")]
    protocol: String,
}

/// Arguments of `images`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup images\n  devup images --format json")]
pub struct ImagesArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Ids only
    #[arg(short, long)]
    quiet: bool,
}

/// Arguments of `volumes`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup volumes\n  devup volumes -q db")]
pub struct VolumesArgs {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// `table`, `table TEMPLATE`, `json` or a template such as `{{.Name}}`
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Names only
    #[arg(short, long)]
    quiet: bool,
}

/// Arguments of `ls`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devup ls          Compose projects on this engine\n  devup projects    devup's own register of projects"
)]
pub struct LsArgs {
    /// Stopped projects as well
    #[arg(short, long)]
    all: bool,
    /// Only projects whose name matches: `name=REGEX`
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Names only
    #[arg(short, long)]
    quiet: bool,
}

/// Shows processes.
pub fn top(arguments: &TopArgs, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let found = context.block_on(async {
        let engine = context.engine().await?;
        inspect::top(&engine, &project, &arguments.services).await
    })?;
    if context.global.json {
        let row = |(container, processes): &(crate::model::observed::Container, _)| serde_json::json!({ "service": container.service(), "container": container.name, "processes": processes });
        let rows: Vec<_> = found.iter().map(row).collect();
        context.screen.json(&rows)?;
    } else {
        context.screen.answer(&ui::inspect::top(&found))?;
    }
    Ok(Exit::DONE)
}

/// Shows where a port is published.
pub fn port(arguments: &PortArgs, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let found = context.block_on(async {
        let engine = context.engine().await?;
        let wanted = (arguments.port, arguments.protocol.as_str());
        inspect::port(&engine, &project, &arguments.service, arguments.index, wanted).await
    })?;
    if context.global.json {
        context.screen.json(&found)?;
    } else {
        let place = ui::ports::address(&found.host_ip, &found.published.to_string());
        context.screen.answer(&format!("{place}\n"))?;
    }
    Ok(Exit::DONE)
}

/// Shows images.
pub fn images(arguments: &ImagesArgs, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let found = context.block_on(async {
        let engine = context.engine().await?;
        inspect::images(&engine, &project, &arguments.services).await
    })?;
    if arguments.quiet {
        let mut ids: Vec<&str> =
            found.iter().map(|(c, _)| c.image_id.strip_prefix("sha256:").unwrap_or(&c.image_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        context.screen.answer(&ids.iter().map(|id| format!("{id}\n")).collect::<String>())?;
    } else if arguments.format == Form::Json || context.global.json {
        context.screen.json(&ui::inspect::images_json(&found))?;
    } else {
        context.screen.answer(&ui::inspect::images(&found, SystemClock.now().as_second()))?;
    }
    Ok(Exit::DONE)
}

/// Shows volumes.
pub fn volumes(arguments: &VolumesArgs, context: &Context) -> Result<Exit> {
    let format = if context.global.json { Format::Json } else { Format::parse(&arguments.format)? };
    let project = context.project()?;
    let found = context.block_on(async {
        let engine = context.engine().await?;
        inspect::volumes(&engine, &project, &arguments.services).await
    })?;
    if arguments.quiet {
        let names: String = found.iter().map(|volume| format!("{}\n", ui::text::clean(&volume.name))).collect();
        context.screen.answer(&names)?;
        return Ok(Exit::DONE);
    }
    let rows: Vec<_> = found.iter().map(ui::inspect::volume).collect();
    let text = format.render(&rows)?.unwrap_or_else(|| ui::inspect::volumes(&found));
    context.screen.answer(&text)?;
    Ok(Exit::DONE)
}

/// Shows Compose projects on the engine.
pub fn ls(arguments: &LsArgs, context: &Context) -> Result<Exit> {
    let patterns = name_filters(&arguments.filter)?;
    let mut found = context.block_on(async {
        let engine = context.engine().await?;
        inspect::projects(&engine, arguments.all).await
    })?;
    found.retain(|project| patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(&project.name)));
    if arguments.quiet {
        let names: String = found.iter().map(|project| format!("{}\n", ui::text::clean(&project.name))).collect();
        context.screen.answer(&names)?;
    } else if arguments.format == Form::Json || context.global.json {
        context.screen.json(&ui::inspect::projects_json(&found))?;
    } else {
        context.screen.answer(&ui::inspect::projects(&found))?;
    }
    Ok(Exit::DONE)
}

fn name_filters(filters: &[String]) -> Result<Vec<regex::Regex>> {
    use crate::app::error::AppError;
    let read = |filter: &String| {
        let Some(("name", pattern)) = filter.split_once('=') else {
            return Err(AppError::usage(format!("unknown filter {filter:?}")).help("the one filter is name=…"));
        };
        regex::Regex::new(pattern).map_err(|error| AppError::usage(format!("{pattern:?} is no pattern: {error}")))
    };
    filters.iter().map(read).collect()
}
