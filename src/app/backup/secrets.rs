//! The project's own secrets, as a part of a backup: one file per entry. They leave the keyring for the encrypted
//! repository only; on the way they lie in memory where the machine has a folder for that.

use tempfile::TempDir;

use super::Keeper;
use crate::app::error::{AppError, Result};
use crate::app::secret;
use crate::backup::manifest::Gap;
use crate::backup::part::{Kind, Part};
use crate::backup::session::Session;
use crate::base::files::{Access, write_atomic};
use crate::state::store::State;

/// Folders of memory, the likeliest first.
const MEMORY: &[&str] = &["/dev/shm", "/run/shm"];

/// A folder for secrets that goes with its owner: in memory, else where temporary files lie; only the user can look in.
pub fn desk() -> Result<TempDir> {
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("devup-secrets-");
        builder
    };
    let in_memory = MEMORY.iter().find_map(|folder| builder().tempdir_in(folder).ok());
    match in_memory {
        Some(folder) => Ok(folder),
        None => builder().tempdir().map_err(|source| AppError::io("making a folder for secrets", source)),
    }
}

/// Keeps the secrets of one project.
pub struct SecretsKeeper<'a> {
    /// Where the store is found.
    pub state: &'a State,
    /// The project.
    pub project: &'a str,
}

impl Keeper for SecretsKeeper<'_> {
    fn keep(&self, session: &mut Session<'_>) -> Result<Vec<Gap>> {
        let opened = secret::store(self.state)?;
        let names = opened.store.names(self.project)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let desk = desk()?;
        let mut kept = 0;
        for name in &names {
            // one that went meanwhile is not kept
            let Some(value) = opened.store.get(self.project, name)? else { continue };
            write_atomic(&desk.path().join(name), value.expose(), Access::Private)
                .map_err(|error| AppError::failed(error.to_string()))?;
            kept += 1;
        }
        let origin = format!("{kept} entries of {}", opened.store.place());
        let folder = desk.path().to_owned();
        session.add(Part::folder(Kind::Secrets, None, folder, &origin, "read without an error"))?;
        Ok(Vec::new())
    }
}
