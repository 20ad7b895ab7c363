//! Why work could not be looked at, captured or replayed.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::files::FileError;
use crate::git::call::GitError;

/// Why work could not be looked at, captured or replayed.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Git is missing, or failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is no repository.
    #[error("{} is no git repository", .0.display())]
    NoRepository(PathBuf),
    /// A ref or the like leads to an object that is not there.
    #[error("{name} leads to {oid}, which is not in the repository: it is damaged; see `git fsck`")]
    Lost {
        /// What leads to it.
        name: String,
        /// The object.
        oid: String,
    },
    /// The capture cannot be read.
    #[error("{} is no capture that this devup can read: {reason}", path.display())]
    Capture {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Something of its own is where the work would go.
    #[error("work is not put back into {}: it would overwrite\n{}", path.display(), found.iter().map(|one| format!("  {one}")).collect::<Vec<_>>().join("\n"))]
    Overwrites {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: Vec<String>,
    },
    /// The remote has not what the bundle stands on.
    #[error("commits cannot be put back into {}: {reason}", path.display())]
    Base {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Git answered something that is not understood.
    #[error("git's answer about {} is not understood: {what}", repository.display())]
    Answer {
        /// Which repository.
        repository: PathBuf,
        /// What is odd about it.
        what: String,
    },
}

impl WorkError {
    /// A failed file operation.
    pub(super) fn file(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File(FileError { attempt, path: path.to_owned(), source })
    }
}
