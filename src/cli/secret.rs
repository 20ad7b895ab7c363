//! `devup secret`

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use crate::app::confidential::Confidential;
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::secret;
use crate::app::secret_check::{self, Presence};
use crate::app::secret_file::{self, Format, Imported};
use crate::secret::resolve::Commands;
use crate::state::store::State;
use crate::ui::table::Table;

const EXAMPLES: &str = "\
Values never stand on the command line, where every process could read them.

Examples:
  devup secret set api_key                asks for the value
  pass show shop | devup secret set api_key
  devup secret list                       which entries the spec wants, and which have a value
  devup secret check                      where each secret comes from, and what is missing
  devup secret import .env.secret         keeps all that a file has
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
    /// Explain where each secret comes from, and whether it has a value
    #[command(
        after_help = "Nothing is run and nothing is made up.\n\nExamples:\n  devup secret check\n  devup secret check --json\n\nExit codes: 0 all have a value, 1 some have none."
    )]
    Check,
    /// Keep all entries of a file, or none
    #[command(
        after_help = "Examples:\n  devup secret import .env.secret\n  devup secret import --format json - <secrets.json\n  devup secret import --replace .env.secret"
    )]
    Import {
        /// A file; `-`: standard input
        file: PathBuf,
        /// Of the file
        #[arg(long, value_enum, default_value_t)]
        format: FormatName,
        /// Put the file's values in the place of others
        #[arg(long)]
        replace: bool,
    },
    /// Print entries with their values, as a file that can be imported
    #[command(
        after_help = "Examples:\n  devup secret export | gpg -c >secrets.gpg\n  devup secret export --format json api_key"
    )]
    Export {
        /// Entries; none: all
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Of what is printed
        #[arg(long, value_enum, default_value_t)]
        format: FormatName,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum FormatName {
    /// NAME=value
    #[default]
    Env,
    /// One object of texts
    Json,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Env => Self::Env,
            FormatName::Json => Self::Json,
        }
    }
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
        Verb::Check => return check(context, &state, &project),
        Verb::Import { file, format, replace } => {
            let bytes = if file.as_os_str() == "-" { from_stdin()? } else { from_file(file)? };
            let imported = secret_file::import(&state, &project.name, file, bytes, (*format).into(), *replace)?;
            show_imported(context, &project, &imported)?;
        }
        Verb::Export { names, format } => {
            let text = secret_file::export(&state, &project.name, names, (*format).into())?;
            context.screen.answer_bytes(text.as_bytes())?;
        }
        Verb::List => list(context, &state, &project)?,
    }
    Ok(Exit::DONE)
}

fn show_imported(context: &Context, project: &Project, imported: &Imported) -> Result<()> {
    if context.global.json {
        return context.screen.json_pretty(imported);
    }
    for name in &imported.kept {
        context.screen.say(&format!("{name} is kept for project {}.", project.name));
    }
    for name in &imported.unchanged {
        context.screen.say(&format!("{name} has this value already."));
    }
    Ok(())
}

fn list(context: &Context, state: &State, project: &Project) -> Result<()> {
    let lines = secret::list(state, &project.name, project.environment.as_ref())?;
    if context.global.json {
        return context.screen.json_pretty(&lines);
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
    context.screen.answer(&table.render())
}

fn check(context: &Context, state: &State, project: &Project) -> Result<Exit> {
    let request = context.request()?;
    // `look` runs no command, whoever agreed to it
    let confidential = Confidential::of(&request, project, state, Commands::Agreed)?;
    let environment = project.environment()?;
    let origins = context.block_on(async { Ok(secret_check::check(environment, &confidential).await) })?;
    let missing = origins.iter().any(|origin| origin.state == Presence::Missing);
    let exit = if missing { Exit::FAILED } else { Exit::DONE };
    if context.global.json {
        context.screen.json_pretty(&origins)?;
        return Ok(exit);
    }
    let mut table = Table::new(["NAME", "FROM", "VALUE", "USED BY"]);
    for origin in &origins {
        let name = if origin.config { format!("{} (config)", origin.name) } else { origin.name.clone() };
        let state = match origin.state {
            Presence::Present => "there",
            Presence::OnFirstUse => "made up on first use",
            Presence::NotAsked => "asked when it is used",
            Presence::Asked => "you are asked when it is used",
            Presence::Missing => "missing",
        };
        table.row([name, origin.from.clone(), state.to_owned(), origin.used_by.join(", ")]);
    }
    context.screen.answer(&table.render())?;
    for why in origins.iter().filter_map(|origin| origin.why.as_ref()) {
        context.screen.warn(why);
    }
    Ok(exit)
}

fn from_stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().read_to_end(&mut bytes);
    read.map_err(|source| AppError::io("reading standard input", source))?;
    Ok(bytes)
}

fn from_file(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|source| AppError::io(format!("reading {}", file.display()), source))
}

/// From standard input, or typed unseen where that is a terminal.
fn value(name: &str) -> Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        let typed = dialoguer::Password::new().with_prompt(format!("Value of {name}")).interact();
        return typed
            .map(String::into_bytes)
            .map_err(|error| AppError::failed(format!("asking for the value: {error}")));
    }
    from_stdin()
}
