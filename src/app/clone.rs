//! `devup SOURCE [DIR]`: from an address to a folder in which `up` can go on.

use std::path::PathBuf;

use crate::git::address::Address;
use crate::source::clone::{CloneError, CloneRequest, Fetched, fetch};

use super::error::{AppError, Result};
use super::machine::programs;
use crate::host::bootstrap::Workshop;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The SOURCE as typed.
    pub source: String,
    /// The DIR as typed.
    pub dir: Option<PathBuf>,
    /// `--branch`.
    pub branch: Option<String>,
    /// `--depth`.
    pub depth: Option<u32>,
    /// Seen from here; absolute.
    pub current_dir: PathBuf,
    /// Progress and questions of git go to the terminal.
    pub on_terminal: bool,
}

/// Clones, or finds the clone that is there. Nothing of an existing folder is changed. Where there is no git, it is
/// installed after consent.
pub async fn clone(request: &Request, shop: &Workshop<'_>) -> Result<Fetched> {
    let address = Address::parse(&request.source, &request.current_dir).map_err(|error| {
        AppError::usage(error.to_string()).help("devup SOURCE [DIR], e.g. devup https://git.example/shop.git")
    })?;
    let request = CloneRequest {
        address,
        dir: request.dir.clone(),
        branch: request.branch.clone(),
        depth: request.depth,
        submodules: true,
        current_dir: request.current_dir.clone(),
        on_terminal: request.on_terminal,
    };
    let fetched = match fetch(&request).await {
        Err(CloneError::NoGit) => {
            programs(&["git"], shop).await?;
            fetch(&request).await
        }
        other => other,
    };
    fetched.map_err(|error| from_clone(&error))
}

fn from_clone(error: &CloneError) -> AppError {
    let help = match error {
        CloneError::Address(_) => return AppError::usage(error.to_string()),
        CloneError::NoGit => "`devup doctor --fix` installs it",
        CloneError::TargetTaken { .. } => "give another folder: devup SOURCE DIR",
        CloneError::Busy { .. } => "run the same command again when it is done",
        CloneError::Git { .. } => "check the address, and that `git ls-remote SOURCE` works for you",
        CloneError::Process(_) | CloneError::File(_) => return AppError::failed(error.to_string()),
    };
    AppError::failed(error.to_string()).help(help)
}
