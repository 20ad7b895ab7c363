//! Cloning with the user's own git: its credentials, its ssh configuration, its questions.
//!
//! The clone is made in `.<name>.devup-partial/` beside the target and renamed when it is whole, so that an interrupted
//! clone leaves no half project; the next attempt begins by removing what is left there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::base::files::FileError;
use crate::base::lock::{Attempt, Lock};
use crate::base::process::{Call, ProcessError};

use super::target::{Target, inspect};
use crate::git::address::Address;
use crate::git::login::Login;

/// Protocols that git may speak for a remote source, and for submodules of any source. `file` is not among them: a
/// submodule must not read repositories of this machine.
const PROTOCOLS: &str = "https:http:ssh:git";
/// The same for a source on this machine.
const LOCAL_PROTOCOLS: &str = "file:https:http:ssh:git";

/// What to clone, and how.
#[derive(Debug, Clone)]
pub struct CloneRequest {
    /// From where.
    pub address: Address,
    /// Into which folder; the name that git would choose where absent.
    pub dir: Option<PathBuf>,
    /// `--branch`: a branch or tag.
    pub branch: Option<String>,
    /// `--depth`.
    pub depth: Option<u32>,
    /// Submodules too.
    pub submodules: bool,
    /// Seen from here; absolute.
    pub current_dir: PathBuf,
    /// Progress and questions go to the terminal; else nothing is asked, and output is shown in errors only.
    pub on_terminal: bool,
}

/// Where the project is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Freshly cloned.
    Cloned(PathBuf),
    /// It was there before; nothing was changed.
    Existing(PathBuf),
}

impl Fetched {
    /// The project's folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Cloned(folder) | Self::Existing(folder) => folder,
        }
    }
}

/// Why there is no clone.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The source is refused.
    #[error(transparent)]
    Address(#[from] crate::git::address::AddressError),
    /// There is no git.
    #[error(
        "cannot clone: git is not installed; install it with your package manager (e.g. `apt install git`), or run `devup doctor --fix`"
    )]
    NoGit,
    /// Something else is in the way.
    #[error("cannot clone into {}: {reason}", target.display())]
    TargetTaken {
        /// The target.
        target: PathBuf,
        /// What is there.
        reason: String,
    },
    /// Another devup clones to the same place.
    #[error("another devup{} is cloning into {}; wait for it", pid.map_or_else(String::new, |pid| format!(" (process {pid})")), target.display())]
    Busy {
        /// The target.
        target: PathBuf,
        /// The other's process.
        pid: Option<u32>,
    },
    /// Git failed, and told the user why.
    #[error("git could not clone {address}{detail}")]
    Git {
        /// From where.
        address: String,
        /// Git's words, where the user has not seen them.
        detail: String,
    },
    /// Git could not be run.
    #[error(transparent)]
    Process(ProcessError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Clones, or finds that the same repository is there already. Existing work is never touched.
pub async fn fetch(request: &CloneRequest) -> Result<Fetched, CloneError> {
    let target = match &request.dir {
        Some(dir) => request.current_dir.join(dir),
        None => request.current_dir.join(request.address.folder_name()?),
    };
    if inspect(&target, &request.address)? == Target::SameClone {
        return Ok(Fetched::Existing(target));
    }
    let git = which::which("git").map_err(|_| CloneError::NoGit)?;
    let partial = Partial::begin(&target)?;
    run(clone_call(&git, request, &partial.repository()), request).await?;
    if request.submodules {
        run(submodule_call(&git, request, &partial.repository()), request).await?;
    }
    partial.finish(&target)?;
    Ok(Fetched::Cloned(target))
}

fn clone_call(git: &Path, request: &CloneRequest, into: &Path) -> Call {
    let address = &request.address;
    let login = Login::of(address);
    let protocols = if address.is_local() { LOCAL_PROTOCOLS } else { PROTOCOLS };
    let mut call = quiet_or_not(Call::new(git), request).env("GIT_ALLOW_PROTOCOL", protocols).arg("clone");
    call = call.arg(if request.on_terminal { "--progress" } else { "--quiet" });
    if let Some(branch) = &request.branch {
        // in one word, so that a branch can't become an option
        call = call.arg(format!("--branch={branch}"));
    }
    if let Some(depth) = request.depth {
        call = call.arg(format!("--depth={depth}"));
    }
    // git ignores --depth for paths, but not for their URLs
    let source = match request.depth {
        Some(_) if address.is_local() && !address.for_git().contains("://") => format!("file://{}", address.for_git()),
        _ => login.address.clone(),
    };
    login.on(call.arg("--").arg(source).arg(into))
}

fn submodule_call(git: &Path, request: &CloneRequest, repository: &Path) -> Call {
    let call = quiet_or_not(Call::new(git), request).env("GIT_ALLOW_PROTOCOL", PROTOCOLS).dir(repository);
    // they often lie on the same server
    let call = Login::of(&request.address).on(call.args(["submodule", "update", "--init", "--recursive"]));
    match request.depth {
        Some(depth) => call.arg(format!("--depth={depth}")),
        None => call,
    }
}

fn quiet_or_not(call: Call, request: &CloneRequest) -> Call {
    if request.on_terminal { call } else { call.env("GIT_TERMINAL_PROMPT", "0") }
}

async fn run(call: Call, request: &CloneRequest) -> Result<(), CloneError> {
    let failed = |detail: String| CloneError::Git { address: request.address.to_string(), detail };
    if request.on_terminal {
        let status = call.run_attached().await.map_err(CloneError::Process)?;
        return if status.success() { Ok(()) } else { Err(failed(" (its reason stands above)".to_owned())) };
    }
    let ended = call.run().await.map_err(CloneError::Process)?;
    if ended.success() {
        return Ok(());
    }
    // git repeats addresses in its errors, and those may hold a password
    let words = ended.error_text().replace(request.address.for_git(), &request.address.to_string());
    Err(failed(format!(":\n{words}")))
}

/// A clone under way.
struct Partial {
    folder: PathBuf,
    _lock: Lock,
}

impl Partial {
    fn begin(target: &Path) -> Result<Self, CloneError> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".devup-partial");
        let folder = target.parent().unwrap_or(Path::new(".")).join(name);
        let lock = match Lock::try_take(&folder.join("lock"))? {
            Attempt::Taken(lock) => lock,
            Attempt::Held(owner) => return Err(CloneError::Busy { target: target.to_owned(), pid: owner.pid }),
        };
        let partial = Self { folder, _lock: lock };
        remove(&partial.repository())?;
        Ok(partial)
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("repository")
    }

    fn finish(self, target: &Path) -> Result<(), CloneError> {
        let moved = std::fs::rename(self.repository(), target);
        moved.map_err(|source| FileError { attempt: "move the clone to", path: target.to_owned(), source })?;
        Ok(())
    }
}

/// What is not finished goes; so does the folder around it.
impl Drop for Partial {
    fn drop(&mut self) {
        let _ = remove(&self.folder);
    }
}

fn remove(folder: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError { attempt: "remove", path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
