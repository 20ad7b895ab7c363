//! The options that open a repository, and whoever is asked at the terminal.

use std::path::PathBuf;

use super::context::Context;
use crate::app::error::{AppError, Result};
use crate::app::vaults::{Keys, Person};
use crate::backup::passphrase::Origin;
use crate::base::lock::Owner;
use crate::secret::value::SecretValue;

/// What opens a repository where neither the keyring nor a person does.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KeyArgs {
    /// The passphrase is the first line of this file
    #[arg(long, value_name = "FILE", global = true)]
    passphrase_file: Option<PathBuf>,
    /// The passphrase is the first line of this open file descriptor
    #[arg(long, value_name = "N", global = true, conflicts_with = "passphrase_file")]
    passphrase_fd: Option<u32>,
    /// The passphrase is the first line that this command prints
    #[arg(long, value_name = "COMMAND", global = true, conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    passphrase_command: Option<String>,
}

/// Which repository, and what opens it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlaceArgs {
    /// The repository, by its name or place, instead of the first one
    #[arg(long, value_name = "REPOSITORY", global = true)]
    pub repo: Option<String>,
    /// What opens it
    #[command(flatten)]
    pub keys: KeyArgs,
}

impl KeyArgs {
    /// As use cases want them.
    pub fn keys<'a>(&self, context: &'a Context) -> Keys<'a> {
        Keys { origin: self.origin(), person: context }
    }

    /// Where the user says that the passphrase comes from.
    pub fn origin(&self) -> Option<Origin> {
        let file = self.passphrase_file.clone().map(Origin::File);
        let descriptor = self.passphrase_fd.map(Origin::Descriptor);
        let command = self.passphrase_command.clone().map(Origin::Command);
        file.or(descriptor).or(command)
    }
}

impl Person for Context {
    fn passphrase(&self, prompt: &str, new: bool) -> Result<Option<SecretValue>> {
        if !self.screen.look.can_ask {
            return Ok(None);
        }
        let question = dialoguer::Password::new().with_prompt(prompt);
        let question = if new { question.with_confirmation("Once more", "the two are not the same") } else { question };
        let typed = question.interact().map_err(|error| AppError::failed(format!("asking: {error}")))?;
        Ok(Some(SecretValue::new(typed.into_bytes())))
    }

    fn waiting_for(&self, owner: Owner) {
        let pid = owner.pid.map_or_else(|| "another devup".to_owned(), |pid| format!("devup with pid {pid}"));
        self.screen.say(&format!("waiting for {pid}, which writes to the same backup repository (Ctrl-C: don't wait)"));
    }

    fn told(&self, text: &str) {
        self.screen.say(text);
    }
}
