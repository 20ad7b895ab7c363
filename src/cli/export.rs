//! `devup export`

use std::path::PathBuf;

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::select::{self, OneOff};
use crate::app::{export, inspect};
use crate::ui::terminal;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Examples:
  devup export -o web.tar web       into a file
  devup export web | tar t          what is in it?

Volumes are not part of it.";

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The service
    service: String,
}

/// Writes a container's files.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    if arguments.output.is_none() && terminal::stdout_is_one() && !context.global.dry_run {
        return Err(AppError::usage("an archive is nothing for a terminal")
            .help(format!("devup export -o {0}.tar {0}", arguments.service)));
    }
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let service = std::slice::from_ref(&arguments.service);
        let all = inspect::containers(&engine, &project, service, OneOff::Exclude, true).await?;
        let container = select::one(&all, &arguments.service, arguments.index)?;
        let to = arguments.output.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
        let report = json!({ "container": container.name, "output": to });
        if context.global.dry_run {
            return super::perform::would(context, &report, &format!("export {} to {to}", clean(&container.name)));
        }
        match &arguments.output {
            None => export::to_stream(&engine, container, &mut std::io::stdout()).await?,
            Some(path) => {
                export::to_file(&engine, container, path).await?;
                if context.global.json {
                    context.screen.json(&report)?;
                }
            }
        }
        Ok(Exit::DONE)
    })
}
