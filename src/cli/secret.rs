//! `devup secret`

use std::io::{IsTerminal, Read};

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::secret;
use crate::state::store::State;
use crate::ui::table::Table;

const EXAMPLES: &str = "\
Values never stand on the command line, where every process could read them.

Examples:
  devup secret set api_key                asks for the value
  pass show shop | devup secret set api_key
  devup secret list                       which entries the spec wants, and which have a value
  devup secret get api_key | wl-copy
  devup secret rm api_key";

/// Arguments of `secret`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Keep a value, read from standard input or asked for
    #[command(
        after_help = "Examples:\n  devup secret set api_key                       asks for the value\n  pass show shop | devup secret set api_key      reads it"
    )]
    Set {
        /// The entry, as `keyring:` names it in the spec
        name: String,
    },
    /// Print a value
    #[command(after_help = "Examples:\n  devup secret get api_key | wl-copy")]
    Get {
        /// The entry
        name: String,
    },
    /// Forget a value
    #[command(after_help = "Examples:\n  devup secret rm api_key")]
    Rm {
        /// The entry
        name: String,
    },
    /// List the entries, without their values
    #[command(visible_alias = "ls", after_help = "Examples:\n  devup secret list\n  devup secret list --json")]
    List,
}

/// Keeps, prints, forgets or lists.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let project = context.project()?;
    if let Some(notice) = secret::store(&state)?.notice {
        context.screen.warn(&notice);
    }
    match &arguments.verb {
        Verb::Set { name } => {
            secret::set(&state, &project.name, name, value(name)?)?;
            context.screen.say(&format!("{name} is kept for project {}.", project.name));
        }
        Verb::Get { name } => {
            let value = secret::get(&state, &project.name, name)?;
            context.screen.answer_bytes(value.expose())?;
        }
        Verb::Rm { name } => {
            secret::remove(&state, &project.name, name)?;
            context.screen.say(&format!("{name} is forgotten."));
        }
        Verb::List => {
            let lines = secret::list(&state, &project.name, project.environment.as_ref())?;
            if context.global.json {
                context.screen.json_pretty(&lines)?;
                return Ok(Exit::DONE);
            }
            let mut table = Table::new(["NAME", "VALUE", "USED BY"]);
            for line in &lines {
                let value = match (line.present, line.generated) {
                    (true, _) => "kept",
                    (false, true) => "made up on first use",
                    (false, false) => "missing",
                };
                table.row([line.name.clone(), value.to_owned(), line.used_by.join(", ")]);
            }
            context.screen.answer(&table.render())?;
        }
    }
    Ok(Exit::DONE)
}

/// From standard input, or typed unseen where that is a terminal.
fn value(name: &str) -> Result<Vec<u8>> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        let typed = dialoguer::Password::new().with_prompt(format!("Value of {name}")).interact();
        return typed
            .map(String::into_bytes)
            .map_err(|error| AppError::failed(format!("asking for the value: {error}")));
    }
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes).map_err(|source| AppError::io("reading the value from standard input", source))?;
    Ok(bytes)
}
