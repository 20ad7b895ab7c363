//! `devup completions`

use clap::CommandFactory;
use clap_complete::Shell;

use super::context::Context;
use super::exit::Exit;
use super::root::Cli;
use crate::app::error::Result;

const EXAMPLES: &str = "\
Examples:
  devup completions bash > ~/.local/share/bash-completion/completions/devup
  devup completions zsh > ~/.zfunc/_devup          # with ~/.zfunc in fpath
  devup completions fish > ~/.config/fish/completions/devup.fish";

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "devup", &mut script);
    context.screen.answer_bytes(&script)?;
    Ok(Exit::DONE)
}
