//! From an address to what reads and writes there.

use std::fs;
use std::path::{Path, PathBuf};
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
/// What restic and the library append to the name of a file until it is whole.
const HALF: &str = "-tmp-";
/// A file that somebody still writes to is younger.
const UNTOUCHED: Duration = Duration::from_hours(1);

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

/// Removes from a folder what writers that were killed had half written: files that nobody has written to for an hour.
pub(super) fn sweep(address: &Address, now: SystemTime) {
    let Address::Folder(folder) = address else { return };
    let below = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = ["data", "index", "keys", "snapshots"].map(|name| folder.join(name));
    let packs: Vec<PathBuf> = below(&folder.join("data")).filter(|path| path.is_dir()).collect();
    for path in folders.iter().chain(&packs).flat_map(|folder| below(folder)) {
        let half = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(HALF));
        let written = fs::symlink_metadata(&path).and_then(|data| data.modified()).ok();
        let old = written.is_some_and(|written| now.duration_since(written).is_ok_and(|age| age > UNTOUCHED));
        if half && old {
            // where it can't be removed it is in nobody's way but the disk's
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether restic is at work in a repository that is a folder: its locks that are still renewed.
pub(super) fn refuse_beside_restic(address: &Address, now: SystemTime) -> Result<()> {
    let Address::Folder(folder) = address else { return Ok(()) };
    let alive = |path: &Path| {
        let written = fs::metadata(path).and_then(|data| data.modified()).ok();
        written.is_some_and(|written| now.duration_since(written).map_or(true, |age| age < LOCK_LIVES))
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
        // another machine's clock may be ahead
        assert!(refuse_beside_restic(&address, SystemTime::now() - LOCK_LIVES).is_err());
        refuse_beside_restic(&address, SystemTime::now() + LOCK_LIVES).unwrap();
    }

    #[test]
    fn half_written_files_go_when_nobody_writes_to_them_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Folder(folder.path().to_owned());
        fs::create_dir_all(folder.path().join("data/0a")).unwrap();
        fs::create_dir(folder.path().join("snapshots")).unwrap();
        let files = ["data/0a/0abc-tmp-", "data/0a/0abc", "snapshots/12-tmp-", "mine-tmp-"];
        for file in files {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let left = || files.iter().filter(|file| folder.path().join(file).exists()).count();
        sweep(&address, SystemTime::now());
        assert_eq!(left(), 4);
        sweep(&address, SystemTime::now() + 2 * UNTOUCHED);
        assert_eq!(left(), 2);
        assert!(folder.path().join("data/0a/0abc").exists() && folder.path().join("mine-tmp-").exists());
    }
}
