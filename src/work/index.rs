//! The index as it is: every entry with its stage, and the marks that commands leave on entries.

use std::path::Path;

use super::description::stays_inside;
use super::encoded::Bytes;
use super::error::WorkError;
use crate::git::call::Git;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexEntry {
    /// The path.
    pub(super) path: Bytes,
    /// 0, or 1 to 3 in a conflict.
    pub(super) stage: u8,
    /// `100644` and the like.
    pub(super) mode: String,
    /// The content's object.
    pub(super) oid: String,
    /// Marks.
    pub(super) marks: Marks,
}

/// Marks that commands leave on entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Marks {
    /// `update-index --assume-unchanged`
    pub(super) assume_unchanged: bool,
    /// `update-index --skip-worktree`
    pub(super) skip_worktree: bool,
    /// `add --intent-to-add`
    pub(super) intent_to_add: bool,
}

/// Bits of an entry's flags, as git's own listing prints them.
const ASSUME_UNCHANGED: u32 = 0x8000;
const INTENT_TO_ADD: u32 = 1 << 29;
const SKIP_WORKTREE: u32 = 1 << 30;
/// Lines that the listing has behind each path.
const LINES_BEHIND: usize = 5;

/// Reads the index of the tree that `git` is turned to.
pub(super) fn read(git: &Git, folder: &Path) -> Result<Vec<IndexEntry>, WorkError> {
    // in a sparse checkout git would take the mark from entries whose file is there
    let git = git.clone().config("core.sparseCheckout=false");
    let answer = git.read(&["ls-files", "-z", "--stage", "--debug"])?;
    let mut rest = answer.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = take(rest).ok_or_else(|| WorkError::Answer {
            repository: folder.to_owned(),
            what: "the listing of the index has another form".to_owned(),
        })?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

/// `MODE OID STAGE<tab>PATH<nul>` and five lines, of which the last one ends with the flags.
fn take(bytes: &[u8]) -> Option<(IndexEntry, &[u8])> {
    let tab = bytes.iter().position(|byte| *byte == b'\t')?;
    let end = tab + bytes[tab..].iter().position(|byte| *byte == 0)?;
    let mut words = std::str::from_utf8(&bytes[..tab]).ok()?.split(' ');
    let (mode, oid, stage) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let mut lines = bytes[end + 1..].splitn(LINES_BEHIND + 1, |byte| *byte == b'\n');
    let last = lines.by_ref().nth(LINES_BEHIND - 1)?;
    let (_, flags) = std::str::from_utf8(last).ok()?.rsplit_once("flags: ")?;
    let flags = u32::from_str_radix(flags.trim(), 16).ok()?;
    let marks = Marks {
        assume_unchanged: flags & ASSUME_UNCHANGED != 0,
        skip_worktree: flags & SKIP_WORKTREE != 0,
        intent_to_add: flags & INTENT_TO_ADD != 0,
    };
    let path = Bytes::from(&bytes[tab + 1..end]);
    Some((IndexEntry { path, stage, mode: mode.to_owned(), oid: oid.to_owned(), marks }, lines.next()?))
}

impl IndexEntry {
    /// It stands for a submodule.
    pub(super) fn is_submodule(&self) -> bool {
        self.mode == "160000"
    }

    /// Git does not look at its file, or it has no content yet: the file has to be looked at apart.
    pub(super) fn is_marked(&self) -> bool {
        let Marks { assume_unchanged, skip_worktree, intent_to_add } = self.marks;
        assume_unchanged || skip_worktree || intent_to_add
    }

    /// As `git update-index -z --index-info` reads it.
    fn line(&self) -> Vec<u8> {
        let mut line = format!("{} {} {}\t", self.mode, self.oid, self.stage).into_bytes();
        line.extend(&self.path.0);
        line.push(0);
        line
    }
}

/// The files of an index, by name: what git's own commands read to make it anew.
pub(super) fn files(entries: &[IndexEntry]) -> Vec<(&'static str, Vec<u8>)> {
    let lines = |wanted: &dyn Fn(&IndexEntry) -> bool| -> Vec<u8> {
        entries.iter().filter(|entry| wanted(entry)).flat_map(IndexEntry::line).collect()
    };
    let paths = |wanted: &dyn Fn(&IndexEntry) -> bool| -> Vec<u8> {
        let paths = entries.iter().filter(|entry| wanted(entry));
        paths.flat_map(|entry| entry.path.0.iter().copied().chain([0])).collect()
    };
    vec![
        ("index", lines(&|entry| !entry.marks.intent_to_add)),
        ("intent-to-add", lines(&|entry| entry.marks.intent_to_add)),
        ("assume-unchanged", paths(&|entry| entry.marks.assume_unchanged)),
        ("skip-worktree", paths(&|entry| entry.marks.skip_worktree)),
    ]
}

/// Reads `index` or `intent-to-add` back; the marks are in the other files. `None`: it is none, or a path leads out of
/// the working tree.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<IndexEntry>> {
    crate::git::call::parts(bytes)
        .map(|part| {
            let tab = part.iter().position(|byte| *byte == b'\t')?;
            let mut words = std::str::from_utf8(&part[..tab]).ok()?.split(' ');
            let (mode, oid, stage) = (words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.parse().ok()?);
            let path = Bytes::from(&part[tab + 1..]);
            stays_inside(&path).then(|| IndexEntry { path, stage, mode, oid, marks: Marks::default() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let listing = b"100644 aa 0\ta\nb\0  ctime: 1:2\n  mtime: 1:2\n  dev: 1\tino: 2\n  uid: 0\tgid: 0\n  size: 2\tflags: 40008000\n120000 bb 2\tl\xff\0  ctime: 1:2\n  mtime: 1:2\n  dev: 1\tino: 2\n  uid: 0\tgid: 0\n  size: 2\tflags: 2000\n";
        let (first, rest) = take(listing).unwrap();
        assert!(first.marks.assume_unchanged && first.marks.skip_worktree && !first.marks.intent_to_add);
        let (second, rest) = take(rest).unwrap();
        assert_eq!((second.stage, second.is_marked(), rest), (2, false, &b""[..]));
        let files = files(&[first.clone(), second.clone()]);
        let read = parse(&files[0].1).unwrap();
        assert_eq!((&read[0].path, &read[1]), (&first.path, &second));
        assert_eq!(files[2].1, b"a\nb\0");
        assert!(take(b"100644 aa 0\tpath").is_none());
    }
}
