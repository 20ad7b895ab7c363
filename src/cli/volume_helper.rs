//! `devup volume-helper`: what runs inside the container beside a volume. Not for people.

use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::volume::agent;

/// Arguments of `volume-helper`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to serve
    root: PathBuf,
}

/// Serves until nobody asks any more.
pub fn run(arguments: &Args) -> Result<Exit> {
    let failed = |error: io::Error| AppError::io(format!("serving {}", arguments.root.display()), error);
    // the standard library looks for ends of lines in everything that goes to its own standard output
    let output = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
    agent::serve(&arguments.root, io::stdin().lock(), std::fs::File::from(output)).map_err(failed)?;
    Ok(Exit::DONE)
}
