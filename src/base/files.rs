//! Files that are either wholly there or not at all, and readable only by whom they concern.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Who may read a file or folder that devup writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The user alone: 0600 for files, 0700 for folders. For all that holds or may hold a secret.
    Private,
    /// Everyone may read: 0644 for files, 0755 for folders.
    Shared,
    /// As [`Access::Shared`], and executable: 0755.
    Executable,
}

impl Access {
    #[cfg(unix)]
    fn file_mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
            Self::Executable => 0o755,
        }
    }

    #[cfg(unix)]
    fn folder_mode(self) -> u32 {
        match self {
            Self::Private => 0o700,
            Self::Shared | Self::Executable => 0o755,
        }
    }
}

/// A file operation that failed: what was attempted, on which path, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt} {}: {source}", path.display())]
pub struct FileError {
    /// A verb: read, write, create…
    pub attempt: &'static str,
    /// The path concerned.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl FileError {
    fn on(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { attempt, path: path.to_owned(), source }
    }
}

/// Writes `bytes` to `path` so that a crash or power cut at any moment leaves the old content or the new, never a mixture:
/// a temporary file beside it is written, synced, renamed, and the folder synced. A symbolic link at `path` is followed,
/// so that a dotfile kept elsewhere stays a link. The folder has to exist.
pub fn write_atomic(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write_beside(&target, bytes, access).map_err(FileError::on("write", path))
}

fn write_beside(target: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = tempfile::Builder::new().prefix(".devup-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    set_mode(draft.as_file(), access)?;
    draft.as_file().sync_all()?;
    draft.persist(target)?;
    // without this the rename itself may be lost; some file systems cannot sync a folder, which is no failure to write
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(file: &File, access: Access) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(access.file_mode()))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Access) -> io::Result<()> {
    Ok(())
}

/// Creates the folder and its missing parents with the modes of `access`. A folder that exists keeps its mode, unless it
/// has to be [`Access::Private`]: then the rights of others are taken away.
pub fn create_folder(path: &Path, access: Access) -> Result<(), FileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(access.folder_mode());
    }
    builder.create(path).map_err(FileError::on("create", path))?;
    #[cfg(unix)]
    if access == Access::Private {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(FileError::on("inspect", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(FileError::on("protect", path))?;
        }
    }
    Ok(())
}

/// The file's content, or `None` where there is no such file.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::on("read", path)(error)),
    }
}

/// Removes the file; that it was not there is no failure.
pub fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::on("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Opens a log to append to, readable by its user alone (logs of other programs may tell more than they should).
pub fn open_log(path: &Path) -> Result<File, FileError> {
    if let Some(folder) = path.parent() {
        create_folder(folder, Access::Private)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(Access::Private.file_mode());
    }
    options.open(path).map_err(FileError::on("open", path))
}

/// The last `count` lines of a file that may be huge: at most its last 64 KiB are read. Bytes that are not UTF-8 are
/// replaced.
pub fn last_lines(path: &Path, count: usize) -> Result<Vec<String>, FileError> {
    const WINDOW: u64 = 64 * 1024;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(WINDOW);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(WINDOW).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(FileError::on("read", path))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write_atomic(&path, b"one", Access::Shared).unwrap();
        write_atomic(&path, b"two", Access::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(mode(&path), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        let link = folder.path().join("link");
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new", Access::Shared).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn a_failure_names_attempt_path_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("file");
        let text = write_atomic(&path, b"", Access::Shared).unwrap_err().to_string();
        assert!(text.starts_with("cannot write ") && text.contains("missing/file"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn private_folders_lose_the_rights_of_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create_folder(&path, Access::Private).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        create_folder(&path, Access::Private).unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn the_last_lines_of_a_long_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let lines: Vec<String> = (0..50_000).map(|n| format!("line {n}")).collect();
        fs::write(&path, lines.join("\n")).unwrap();
        assert_eq!(last_lines(&path, 2).unwrap(), ["line 49998", "line 49999"]);
        fs::write(&path, "only").unwrap();
        assert_eq!(last_lines(&path, 5).unwrap(), ["only"]);
        assert!(read_optional(&folder.path().join("none")).unwrap().is_none());
        remove_if_there(&path).unwrap();
        remove_if_there(&path).unwrap();
    }
}
