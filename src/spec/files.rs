//! The files that a spec is read from: those of the disk, of memory in tests, and of other repositories.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decode;
use super::error::SpecError;
use super::node::Source;

/// What is known of a file of another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnOtherMachine {
    /// It was fetched.
    Fetched {
        /// The copy of it.
        path: PathBuf,
        /// Its address as it may be shown.
        shown: String,
    },
    /// It was not fetched yet.
    NotFetched {
        /// Its address as it may be shown.
        shown: String,
    },
    /// It never will be; why.
    Refused(String),
}

/// The files as the phases see them.
pub trait Files {
    /// Is there a file, a link to one, or a pipe?
    fn is_file(&self, path: &Path) -> bool;
    /// Is it the root of a repository?
    fn is_repository(&self, _folder: &Path) -> bool {
        false
    }
    /// The folders in it; none where there is no such folder.
    fn folders(&self, _folder: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
    /// A file of another repository, by an address as `include` has it. Nothing is fetched here.
    fn remote(&self, _address: &str) -> OnOtherMachine {
        OnOtherMachine::Refused("only files of this machine can be read here".to_owned())
    }
    /// Its text. `shown` is the name for errors.
    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError>;
}

/// The real files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn is_file(&self, path: &Path) -> bool {
        path.exists() && !path.is_dir()
    }

    fn is_repository(&self, folder: &Path) -> bool {
        folder.join(".git").exists()
    }

    fn folders(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        decode::read(path, shown)
    }
}
