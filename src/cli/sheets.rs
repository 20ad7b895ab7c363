//! The file of a recovery sheet: made before there is a repository that only its words open, and never over another one.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::app::error::{AppError, Result};

/// Two empty files for a sheet and its picture; they go again unless they are written.
pub(super) struct Claimed {
    files: Vec<(PathBuf, File)>,
    written: bool,
}

impl Claimed {
    /// Makes them.
    pub(super) fn make(sheet: &Path) -> Result<Self> {
        if sheet.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
            return Err(AppError::usage("the recovery sheet is a text; its code becomes a picture (.png) beside it")
                .help("name a text file: `--sheet sheet.txt`"));
        }
        let mut claimed = Self { files: Vec::new(), written: false };
        for path in [sheet.to_owned(), sheet.with_extension("png")] {
            let made = File::options().write(true).create_new(true).mode(0o600).open(&path);
            let file =
                made.map_err(|source| AppError::io(format!("making the recovery sheet {}", path.display()), source))?;
            claimed.files.push((path, file));
        }
        Ok(claimed)
    }

    /// Writes them, to the disk.
    pub(super) fn write(mut self, text: &str, picture: &[u8]) -> Result<()> {
        for ((path, file), bytes) in self.files.iter_mut().zip([text.as_bytes(), picture]) {
            file.write_all(bytes)
                .and_then(|()| file.sync_all())
                .map_err(|source| AppError::io(format!("writing the recovery sheet {}", path.display()), source))?;
        }
        self.written = true;
        Ok(())
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if !self.written {
            for (path, _) in &self.files {
                // they are of this run, and hold nothing whole
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = folder.path().join("sheet.txt");
        drop(Claimed::make(&sheet).unwrap());
        assert!(!sheet.exists() && !sheet.with_extension("png").exists());
        std::fs::write(sheet.with_extension("png"), "a holiday").unwrap();
        assert!(Claimed::make(&sheet).is_err() && !sheet.exists());
        assert_eq!(std::fs::read(sheet.with_extension("png")).unwrap(), b"a holiday");
        std::fs::remove_file(sheet.with_extension("png")).unwrap();
        Claimed::make(&sheet).unwrap().write("words", b"code").unwrap();
        assert_eq!(std::fs::read(&sheet).unwrap(), b"words");
        assert_eq!(std::fs::read(sheet.with_extension("png")).unwrap(), b"code");
    }
}
