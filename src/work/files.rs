//! Files of a working tree: taken with their modes, times and links, and put back the same. No path leads through a
//! link, so that nothing outside of the tree is read or written.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use super::description::{Entry, What, stays_inside};
use super::encoded::Bytes;
use super::error::WorkError;

/// The bits of a mode that can be set.
const MODE: u32 = 0o7777;

/// Takes what lies at `path` in the tree into the folder `into`. `Ok(None)`: it is of a kind that cannot be kept.
pub(super) fn take(top: &Path, path: &Bytes, into: &Path) -> io::Result<Option<Entry>> {
    let from = top.join(path.path());
    let entry = |what| Ok(Some(Entry { path: path.clone(), what }));
    if !stays_inside(path) || through_link(top, &path.path()) {
        return entry(What::Missing);
    }
    let found = match fs::symlink_metadata(&from) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return entry(What::Missing);
        }
        Err(error) => return Err(error),
    };
    if found.is_dir() {
        return entry(What::Missing);
    }
    let to = into.join(path.path());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if found.is_symlink() {
        let target = fs::read_link(&from)?;
        symlink(&target, &to)?;
        return entry(What::Link { target: Bytes::from(target.as_path()) });
    }
    if !found.is_file() {
        return Ok(None);
    }
    let mode = found.mode() & MODE;
    let modified = (found.mtime(), u32::try_from(found.mtime_nsec()).unwrap_or(0));
    let (size, sha256) = copy(&from, &to, mode, modified)?;
    entry(What::File { mode, modified, size, sha256 })
}

/// Puts an entry back; its content lies in the folder `from`.
pub(super) fn put(top: &Path, entry: &Entry, from: &Path) -> Result<(), WorkError> {
    let to = top.join(entry.path.path());
    let refused = |reason: &str| WorkError::Capture { path: to.clone(), reason: reason.to_owned() };
    if !stays_inside(&entry.path) {
        return Err(refused("the path leads out of the working tree"));
    }
    if through_link(top, &entry.path.path()) {
        return Err(refused("the path leads through a link"));
    }
    let failed = |attempt| WorkError::file(attempt, &to);
    match fs::remove_file(&to) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            // an empty folder, as a checkout leaves it for a submodule, may stand there
            fs::remove_dir(&to).map_err(failed("replace"))?;
        }
        _ => {}
    }
    if entry.what != What::Missing
        && let Some(folder) = to.parent()
    {
        fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
    }
    match &entry.what {
        What::Missing => Ok(()),
        What::Link { target } => symlink(OsStr::from_bytes(&target.0), &to).map_err(failed("write")),
        What::File { mode, modified, size, sha256 } => {
            let source = from.join(entry.path.path());
            let (length, digest) = copy(&source, &to, mode & MODE, *modified).map_err(failed("write"))?;
            if (length, &digest) != (*size, sha256) {
                return Err(refused("its content is not what was captured"));
            }
            Ok(())
        }
    }
}

/// The mode of a file in the tree; `None`: there is none that is a file.
pub(super) fn mode(top: &Path, path: &Bytes) -> Option<u32> {
    if !stays_inside(path) || through_link(top, &path.path()) {
        return None;
    }
    let found = fs::symlink_metadata(top.join(path.path())).ok()?;
    found.is_file().then(|| found.mode() & MODE)
}

/// Gives a file of the tree this mode; what is no file is left alone.
pub(super) fn set_mode(top: &Path, path: &Bytes, wanted: u32) -> Result<(), WorkError> {
    match mode(top, path) {
        Some(mode) if mode != wanted => {
            let to = top.join(path.path());
            fs::set_permissions(&to, Permissions::from_mode(wanted & MODE))
                .map_err(WorkError::file("set the mode of", &to))
        }
        _ => Ok(()),
    }
}

/// The mode that new files get here; those that can be run have the same bits for running.
pub(super) fn usual_mode(desk: &Path) -> io::Result<u32> {
    let probe = desk.join("usual-mode");
    fs::write(&probe, "")?;
    Ok(fs::metadata(&probe)?.mode() & MODE)
}

/// One of the folders on the way is a link.
fn through_link(top: &Path, path: &Path) -> bool {
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    folders.into_iter().any(|folder| fs::symlink_metadata(top.join(folder)).is_ok_and(|found| found.is_symlink()))
}

/// Copies content, mode and time; returns the length and SHA-256 of what was copied.
fn copy(from: &Path, to: &Path, mode: u32, (seconds, nanos): (i64, u32)) -> io::Result<(u64, String)> {
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut source = OpenOptions::new().read(true).custom_flags(no_link).open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        let length = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..length]);
        target.write_all(&piece[..length])?;
        size += length as u64;
    }
    // before 1970 the seconds count down, and the nanoseconds still up
    let seconds_off = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 { UNIX_EPOCH.checked_sub(seconds_off) } else { UNIX_EPOCH.checked_add(seconds_off) };
    set(&target, mode, second.and_then(|second| second.checked_add(Duration::from_nanos(nanos.into()))))?;
    Ok((size, hex::encode(hash.finalize())))
}

fn set(file: &File, mode: u32, time: Option<SystemTime>) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    match time {
        Some(time) => file.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}

/// Copies a folder with everything in it, links as links; what is no file, folder or link is left out.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_any(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The same for one path; what is at the target already is replaced.
pub fn copy_any(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_dir() {
        return copy_folder(from, to);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if found.is_file() {
        let nanos = u32::try_from(found.mtime_nsec()).unwrap_or(0);
        copy(from, to, found.mode() & MODE, (found.mtime(), nanos))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, sha256: &str) -> Entry {
        let what = What::File { mode: 0o640, modified: (-1, 5), size: 1, sha256: sha256.to_owned() };
        Entry { path: Bytes::from(path.as_bytes()), what }
    }

    #[test]
    fn no_path_leads_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (top, kept, outside) =
            (folder.path().join("top"), folder.path().join("kept"), folder.path().join("outside"));
        for folder in [&top, &outside, &kept.join("door")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(kept.join("door/x"), "x").unwrap();
        fs::write(outside.join("x"), "secret").unwrap();
        symlink(&outside, top.join("door")).unwrap();
        let path = Bytes::from(&b"door/x"[..]);
        assert_eq!(take(&top, &path, &folder.path().join("taken")).unwrap().unwrap().what, What::Missing);
        assert!(put(&top, &file("door/x", ""), &kept).is_err());
        assert_eq!(fs::read(outside.join("x")).unwrap(), b"secret");
    }

    #[test]
    fn files_come_back_as_they_were_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (top, kept) = (folder.path().join("top"), folder.path().join("kept"));
        fs::create_dir_all(&top).unwrap();
        fs::write(top.join("a"), "x").unwrap();
        set(
            &File::options().write(true).open(top.join("a")).unwrap(),
            0o751,
            UNIX_EPOCH.checked_sub(Duration::new(7, 9)),
        )
        .unwrap();
        let taken = take(&top, &Bytes::from(&b"a"[..]), &kept).unwrap().unwrap();
        let before = fs::metadata(top.join("a")).unwrap();
        fs::write(top.join("a"), "newer").unwrap();
        put(&top, &taken, &kept).unwrap();
        let after = fs::metadata(top.join("a")).unwrap();
        let facts = |found: &fs::Metadata| (found.mode(), found.mtime(), found.mtime_nsec());
        assert_eq!(facts(&after), facts(&before));
        fs::write(kept.join("a"), "y").unwrap();
        assert!(put(&top, &taken, &kept).unwrap_err().to_string().contains("not what was captured"));
    }
}
