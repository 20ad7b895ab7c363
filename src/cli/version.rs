//! `devup version`

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;

/// Which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A sentence.
    #[default]
    Pretty,
    /// JSON.
    Json,
}

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup version\n  devup version --short\n  devup version --format json")]
pub struct Args {
    /// Nothing but the number
    #[arg(long)]
    short: bool,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the version.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    if arguments.format == Format::Json || context.global.json {
        context.screen.json(&json!({ "version": version }))?;
    } else if arguments.short {
        context.screen.answer(&format!("{version}\n"))?;
    } else {
        context.screen.answer(&format!("devup version {version}\n"))?;
    }
    Ok(Exit::DONE)
}
