//! `devup schema`

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::spec::schema;

const EXAMPLES: &str = "\
Examples:
  devup schema > devup.schema.json
  # and as the first line of devup.yaml, for editors that know the YAML language server:
  # yaml-language-server: $schema=./devup.schema.json";

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

/// Prints the JSON Schema of devup.yaml.
pub fn run(_: &Args, context: &Context) -> Result<Exit> {
    context.screen.json_pretty(&schema::json_schema())?;
    Ok(Exit::DONE)
}
