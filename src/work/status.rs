//! What differs between a working tree, its index and its commit: git's own answer, in the format for programs.

use std::path::Path;

use super::encoded::Bytes;
use super::error::WorkError;
use crate::git::call::{Git, parts};

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Paths whose index entry is not that of the commit.
    pub(super) staged: Vec<Bytes>,
    /// Tracked paths whose file is not that of the index; deleted ones too.
    pub(super) changed: Vec<Bytes>,
    /// Paths of a merge that nobody has decided.
    pub(super) conflicts: Vec<Bytes>,
    /// Files that git does not follow.
    pub(super) untracked: Vec<Bytes>,
    /// Folders among them that are repositories.
    pub(super) nested: Vec<Bytes>,
    /// What is ignored; folders that are ignored as a whole end with a slash.
    pub(super) ignored: Vec<Bytes>,
}

/// Asks git. Submodules are repositories of their own, and are not looked into.
pub(super) fn of(git: &Git, folder: &Path) -> Result<Status, WorkError> {
    let answer = git.read(&[
        "status",
        "--porcelain=v2",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignored=matching",
        "--ignore-submodules=all",
    ])?;
    let mut status = Status::default();
    for line in parts(&answer) {
        status.take(line).ok_or_else(|| WorkError::Answer {
            repository: folder.to_owned(),
            what: format!("status says {}", line.escape_ascii()),
        })?;
    }
    Ok(status)
}

impl Status {
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let rest = line.get(2..)?;
        match line.first()? {
            // 1 XY sub mH mI mW hH hI path
            b'1' => {
                let path = Bytes::from(line.splitn(9, |byte| *byte == b' ').nth(8)?);
                if *line.get(2)? != b'.' {
                    self.staged.push(path.clone());
                }
                if *line.get(3)? != b'.' {
                    self.changed.push(path);
                }
            }
            // u XY sub m1 m2 m3 mW h1 h2 h3 path
            b'u' => self.conflicts.push(Bytes::from(line.splitn(11, |byte| *byte == b' ').nth(10)?)),
            b'?' => match rest.strip_suffix(b"/") {
                Some(folder) => self.nested.push(Bytes::from(folder)),
                None => self.untracked.push(Bytes::from(rest)),
            },
            b'!' => self.ignored.push(Bytes::from(rest)),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_the_path() {
        let mut status = Status::default();
        let lines: [&[u8]; 5] = [
            b"1 MD N... 100644 100644 000000 aa bb a b\n\xff",
            b"u UU N... 100644 100644 100644 100644 aa bb cc x y",
            b"? new file",
            b"? inner/",
            b"! target/",
        ];
        for line in lines {
            status.take(line).unwrap();
        }
        assert_eq!(status.staged, [Bytes::from(&b"a b\n\xff"[..])]);
        assert_eq!(status.changed, status.staged);
        assert_eq!(status.conflicts, [Bytes::from(&b"x y"[..])]);
        assert_eq!((status.untracked.len(), status.nested.len(), status.ignored.len()), (1, 1, 1));
        assert!(Status::default().take(b"9 odd").is_none());
    }
}
