//! `devup man`

use clap::CommandFactory;

use super::context::Context;
use super::exit::Exit;
use super::root::Cli;
use crate::app::error::{AppError, Result};

const EXAMPLES: &str = "\
Examples:
  devup man | man -l -                  read it
  devup man exec | man -l -             the page of one command
  devup man > ~/.local/share/man/man1/devup.1";

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The page of one command instead of the whole program's
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints the page.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let mut tree = Cli::command();
    // `build` hands the shared options down to the commands' pages
    tree.build();
    let page = match &arguments.command {
        None => tree,
        Some(name) => one_command(&tree, name)?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|source| AppError::io("writing the manual page", source))?;
    context.screen.answer_bytes(&text)?;
    Ok(Exit::DONE)
}

fn one_command(tree: &clap::Command, name: &str) -> Result<clap::Command> {
    let found = tree.find_subcommand(name).cloned();
    let found = found.ok_or_else(|| AppError::usage(format!("there is no command `{name}` to print the page of")))?;
    Ok(found.display_name(format!("devup-{name}")))
}
