//! From an address to what reads and writes there.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustic_backend::LocalBackend;
use rustic_core::WriteBackend;

use super::address::Address;
use super::error::{BackupError, Kind, Result};
use super::rclone;
use super::rest::Rest;
use crate::base::files::{Access, create_folder};

/// restic renews its locks every five minutes and takes those of half an hour for abandoned; so does devup.
const LOCK_LIVES: Duration = Duration::from_mins(30);

/// What reads and writes at an address.
pub(super) fn connect(address: &Address) -> Result<Arc<dyn WriteBackend>> {
    match address {
        Address::Folder(folder) => {
            let options: [(String, String); 0] = [];
            let backend = LocalBackend::new(folder.to_string_lossy(), options)
                .map_err(|error| BackupError::of(format!("opening {address}"), &error))?;
            Ok(Arc::new(backend))
        }
        Address::Rest(url) => Ok(Arc::new(Rest::connect(url)?)),
        Address::Rclone(remote) => Ok(Arc::new(rclone::serve(remote)?)),
    }
}

/// Makes the folder of a new repository, for its user alone.
pub(super) fn prepare(address: &Address) -> Result<()> {
    let Address::Folder(folder) = address else { return Ok(()) };
    let attempt = || format!("making a repository in {address}");
    if folder.exists() {
        let mut entries = fs::read_dir(folder).map_err(|error| BackupError::io(attempt(), &error))?;
        if !folder.join("config").exists() && entries.any(|entry| entry.is_ok_and(|entry| !ours(&entry.file_name()))) {
            return Err(BackupError::new(Kind::Exists, attempt(), "the folder holds other files; name an empty one"));
        }
        return Ok(());
    }
    create_folder(folder, Access::Private).map_err(|error| BackupError::io(attempt(), &error.source))
}

/// What a `backup init` that was interrupted leaves behind.
fn ours(name: &std::ffi::OsStr) -> bool {
    ["data", "index", "keys", "snapshots", "locks"].iter().any(|own| name == *own)
}

/// Whether restic is at work in a repository that is a folder: its locks that are still renewed.
pub(super) fn refuse_beside_restic(address: &Address, now: SystemTime) -> Result<()> {
    let Address::Folder(folder) = address else { return Ok(()) };
    let alive = |path: &Path| {
        let written = fs::metadata(path).and_then(|data| data.modified()).ok();
        written.is_some_and(|written| now.duration_since(written).is_ok_and(|age| age < LOCK_LIVES))
    };
    let Ok(locks) = fs::read_dir(folder.join("locks")) else { return Ok(()) };
    let held = locks.flatten().map(|entry| entry.path()).find(|path| alive(path));
    held.map_or(Ok(()), |path| {
        let reason = format!(
            "restic is at work there, or was killed within the last half hour ({}); `restic unlock` removes a dead lock",
            path.display()
        );
        Err(BackupError::new(Kind::Busy, format!("writing to {address}"), reason))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.odt"), "x").unwrap();
        let error = prepare(&Address::Folder(folder.path().to_owned())).unwrap_err();
        assert_eq!(error.kind, Kind::Exists);
        assert!(error.to_string().contains("other files"), "{error}");
    }

    #[test]
    fn a_living_lock_of_restic_is_respected_and_a_dead_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Folder(folder.path().to_owned());
        fs::create_dir(folder.path().join("locks")).unwrap();
        refuse_beside_restic(&address, SystemTime::now()).unwrap();
        fs::write(folder.path().join("locks/abc"), "x").unwrap();
        assert_eq!(refuse_beside_restic(&address, SystemTime::now()).unwrap_err().kind, Kind::Busy);
        refuse_beside_restic(&address, SystemTime::now() + LOCK_LIVES).unwrap();
    }
}
