//! Where secrets are kept: the operating system's keyring, else files that only the user may read.

use std::path::{Path, PathBuf};

use crate::base::files::FileError;

use super::file_store::FileStore;
use super::keyring_store::KeyringStore;
use super::value::SecretValue;

/// Why a secret could not be kept or read. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A name that could lead elsewhere.
    #[error(
        "{name:?} cannot name a secret: letters, digits, '-', '_' and '.' are allowed, and it may not begin with '.'"
    )]
    BadName {
        /// What was given.
        name: String,
    },
    /// The keyring failed.
    #[error("cannot {attempt} secret {project}/{name} in the keyring: {reason}")]
    Keyring {
        /// A verb.
        attempt: &'static str,
        /// The project.
        project: String,
        /// The entry.
        name: String,
        /// The keyring's words.
        reason: String,
    },
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Keeps secrets by project and name.
pub trait Store: Send + Sync {
    /// In words, for the user: `the keyring`.
    fn place(&self) -> String;
    /// It is the operating system's keyring, and no folder of devup's.
    fn is_keyring(&self) -> bool {
        false
    }
    /// The value; `None` where there is none.
    fn get(&self, project: &str, name: &str) -> Result<Option<SecretValue>, StoreError>;
    /// Keeps a value.
    fn set(&self, project: &str, name: &str, value: &SecretValue) -> Result<(), StoreError>;
    /// Forgets a value; says whether there was one.
    fn remove(&self, project: &str, name: &str) -> Result<bool, StoreError>;
    /// Names that are kept for a project, sorted.
    fn names(&self, project: &str) -> Result<Vec<String>, StoreError>;
    /// How often the value was replaced or taken away; 0 where it is the first one.
    fn revision(&self, project: &str, name: &str) -> Result<u64, StoreError>;
    /// Tells one value from another, on this machine only, and gives nothing to guess from.
    fn fingerprint(&self, value: &SecretValue) -> Result<String, StoreError>;
    /// The fingerprint that a variable had when the project came up last.
    fn remembered(&self, project: &str, variable: &str) -> Result<Option<String>, StoreError>;
    /// Keeps it.
    fn remember(&self, project: &str, variable: &str, fingerprint: &str) -> Result<(), StoreError>;
}

/// The store of this machine, and what the user should be told about it once.
pub struct Opened {
    /// The store.
    pub store: Box<dyn Store>,
    /// There is no keyring, and why.
    pub notice: Option<String>,
}

/// Opens the keyring, or the files beneath `folder` (one folder per project) where there is none. `keyring` is the user's
/// preference: `Some(false)` never asks the keyring.
pub fn open(folder: &Path, keyring: Option<bool>) -> Opened {
    let files = FileStore::new(folder.to_owned());
    if keyring == Some(false) {
        return Opened { store: Box::new(files), notice: None };
    }
    match KeyringStore::connect(folder.to_owned()) {
        Ok(store) => Opened { store: Box::new(store), notice: None },
        Err(reason) => {
            // said once per machine: the folder is made with the first secret
            let notice = (!folder.exists()).then(|| {
                format!(
                    "no keyring answers here ({reason}); secrets are kept in {}, in files that only you can read",
                    folder.display()
                )
            });
            Opened { store: Box::new(files), notice }
        }
    }
}

/// Refuses names that could lead out of their project's folder, or into another's entries.
pub(super) fn check_name(name: &str) -> Result<(), StoreError> {
    let good = !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if good { Ok(()) } else { Err(StoreError::BadName { name: name.chars().take(80).collect() }) }
}

/// A project's folder.
pub(super) fn project_folder(folder: &Path, project: &str) -> Result<PathBuf, StoreError> {
    check_name(project)?;
    Ok(folder.join(project))
}
