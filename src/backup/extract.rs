//! Writes a tree of a repository below a folder, and nothing anywhere else. The repository is not believed: names are
//! single components or refused, every step goes from an open folder to the next without following links, nothing that is
//! there is written over, and each piece has to be what its name says. Devices, sockets and pipes are left out.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustic_core::repofile::{BlobType, Metadata, Node, NodeType};
use rustic_core::{BlobId, DataId, IndexedFullStatus, Repository, TreeId};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::process::{Gid, Uid};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::{BackupError, Result};

/// A piece of a file or a folder's list may not claim to be larger: restic cuts files into pieces of 8 MiB at most.
const LARGEST_PIECE: u32 = 128 * 1024 * 1024;
/// Folders in folders; each keeps a file descriptor.
const DEEPEST: usize = 400;
/// Failures that are named; the others are counted.
const NAMED: usize = 50;
/// Runs of zeros of this length become holes.
const HOLE: usize = 64 * 1024;
const OVER_A_HOLE: SeekFrom = SeekFrom::Current(64 * 1024);

/// What was written, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Extracted {
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What is not a file, folder or link, or an attribute that is not restored.
    pub left_out: Vec<String>,
    /// What is damaged, or would have led elsewhere.
    pub failed: Vec<String>,
    /// Failures in all.
    pub failures: u64,
}

/// Writes trees below one folder.
pub(super) struct Extractor<'a> {
    reader: &'a Repository<IndexedFullStatus>,
    linked: HashMap<(u64, u64), (PathBuf, Vec<DataId>)>,
    owners: bool,
    root: PathBuf,
    done: Extracted,
}

/// Of one entry: why it was not written.
type Refusal = String;

impl<'a> Extractor<'a> {
    /// Below this folder, which is there and empty.
    pub(super) fn new(reader: &'a Repository<IndexedFullStatus>, root: &Path) -> Self {
        let owners = rustix::process::geteuid().is_root();
        Self { reader, linked: HashMap::new(), owners, root: root.to_owned(), done: Extracted::default() }
    }

    /// Writes the nodes that `wanted` accepts at the top, and everything below them.
    pub(super) fn run(mut self, tree: TreeId, wanted: &dyn Fn(&OsStr) -> bool) -> Result<Extracted> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let root = rustix::fs::openat(CWD, &self.root, flags, Mode::empty())
            .map_err(|error| BackupError::io(format!("opening {}", self.root.display()), &error.into()))?;
        self.folder(&root, Path::new(""), tree, 0, wanted);
        Ok(self.done)
    }

    fn fail(&mut self, path: &Path, reason: &str) {
        self.done.failures += 1;
        if self.done.failed.len() < NAMED {
            self.done.failed.push(format!("{}: {reason}", path.display()));
        }
    }

    fn leave_out(&mut self, path: &Path, what: &str) {
        if self.done.left_out.len() < NAMED {
            self.done.left_out.push(format!("{}: {what}", path.display()));
        }
    }

    fn folder(&mut self, at: &OwnedFd, path: &Path, tree: TreeId, depth: usize, wanted: &dyn Fn(&OsStr) -> bool) {
        let nodes = match self.nodes(tree, depth) {
            Ok(nodes) => nodes,
            Err(reason) => return self.fail(path, &reason),
        };
        for node in nodes {
            let name = node.name().into_owned();
            if !wanted(&name) {
                continue;
            }
            // the path is for messages and hard links only; what is opened is the name, in the folder `at`
            let below = path.join(Path::new(&name).components().next_back().map_or(OsStr::new("?"), |c| c.as_os_str()));
            let ended = match checked(&name) {
                Ok(()) => self.entry(at, &below, &name, &node, depth),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = ended {
                self.fail(&below, &reason);
            }
        }
    }

    fn nodes(&self, tree: TreeId, depth: usize) -> std::result::Result<Vec<Node>, Refusal> {
        if depth >= DEEPEST {
            return Err(format!("more than {DEEPEST} folders in each other"));
        }
        let entry = self.reader.get_index_entry(&tree).map_err(|error| error.display_log())?;
        sane(entry.location.length, entry.data_length())?;
        Ok(self.reader.get_tree(&tree).map_err(|error| error.display_log())?.nodes)
    }

    fn entry(
        &mut self,
        at: &OwnedFd,
        path: &Path,
        name: &OsStr,
        node: &Node,
        depth: usize,
    ) -> std::result::Result<(), Refusal> {
        match &node.node_type {
            NodeType::Dir => {
                let tree = node.subtree.ok_or("it is a folder without content")?;
                rustix::fs::mkdirat(at, name, Mode::RWXU).map_err(said)?;
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let folder = rustix::fs::openat(at, name, flags, Mode::empty()).map_err(said)?;
                self.done.folders += 1;
                self.folder(&folder, path, tree, depth + 1, &|_| true);
                self.attributes(&folder, path, &node.meta)
            }
            NodeType::File => self.file(at, path, name, node),
            NodeType::Symlink { .. } => {
                rustix::fs::symlinkat(node.node_type.to_link(), at, name).map_err(said)?;
                self.done.links += 1;
                self.link_attributes(at, name, &node.meta)
            }
            NodeType::Dev { .. } | NodeType::Chardev { .. } => {
                self.leave_out(path, "a device");
                Ok(())
            }
            NodeType::Fifo | NodeType::Socket => {
                self.leave_out(path, "a pipe or socket");
                Ok(())
            }
        }
    }

    fn file(&mut self, at: &OwnedFd, path: &Path, name: &OsStr, node: &Node) -> std::result::Result<(), Refusal> {
        let pieces = node.content.as_deref().unwrap_or_default();
        let shared = (node.meta.links > 1 && node.meta.inode != 0).then_some((node.meta.device_id, node.meta.inode));
        // two parts may have used one inode after the other: the content decides
        if let Some((first, content)) = shared.and_then(|key| self.linked.get(&key))
            && content == pieces
            && self.link(first, at, name).is_ok()
        {
            self.done.files += 1;
            return Ok(());
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(at, name, flags, Mode::RUSR | Mode::WUSR).map_err(said)?);
        self.done.files += 1;
        let written = self.content(&mut file, pieces)?;
        self.done.bytes += written;
        self.attributes(&file, path, &node.meta)?;
        if let Some(key) = shared {
            self.linked.insert(key, (path.to_owned(), pieces.to_vec()));
        }
        Ok(())
    }

    /// A second name of a file that was written before. Every folder on the way is one that this run has made.
    fn link(&self, first: &Path, at: &OwnedFd, name: &OsStr) -> rustix::io::Result<()> {
        rustix::fs::linkat(CWD, self.root.join(first), at, name, AtFlags::empty())
    }

    fn content(&self, file: &mut File, pieces: &[DataId]) -> std::result::Result<u64, Refusal> {
        let mut length = 0;
        for id in pieces {
            let entry = self.reader.get_index_entry(id).map_err(|error| error.display_log())?;
            sane(entry.location.length, entry.data_length())?;
            let id: BlobId = (*id).into();
            let piece = self.reader.get_blob_cached(&id, BlobType::Data).map_err(|error| error.display_log())?;
            if hex::encode(Sha256::digest(&piece)) != id.to_hex().as_str() {
                return Err(format!("piece {} is not what its name says", id.to_hex().as_str()));
            }
            length += piece.len() as u64;
            for run in piece.chunks(HOLE) {
                if run.len() == HOLE && run.iter().all(|byte| *byte == 0) {
                    file.seek(OVER_A_HOLE).map_err(|error| error.to_string())?;
                } else {
                    file.write_all(run).map_err(|error| error.to_string())?;
                }
            }
        }
        file.set_len(length).map_err(|error| error.to_string())?;
        Ok(length)
    }

    fn attributes(&mut self, file: &impl AsFd, path: &Path, meta: &Metadata) -> std::result::Result<(), Refusal> {
        for attribute in &meta.extended_attributes {
            let value = attribute.value.as_deref().unwrap_or_default();
            let ordinary = attribute.name.starts_with("user.") || attribute.name.starts_with("system.posix_acl_");
            let set = || rustix::fs::fsetxattr(file, &*attribute.name, value, XattrFlags::empty());
            if !ordinary || set().is_err() {
                self.leave_out(path, &format!("attribute {}", attribute.name));
            }
        }
        if self.owners {
            let (user, group) = owner(meta);
            rustix::fs::fchown(file, user, group).map_err(said)?;
        }
        if let Some(mode) = meta.mode {
            rustix::fs::fchmod(file, Mode::from_bits_truncate(permissions(mode))).map_err(said)?;
        }
        rustix::fs::futimens(file, &times(meta)).map_err(said)
    }

    fn link_attributes(&self, at: &OwnedFd, name: &OsStr, meta: &Metadata) -> std::result::Result<(), Refusal> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if self.owners {
            let (user, group) = owner(meta);
            rustix::fs::chownat(at, name, user, group, flags).map_err(said)?;
        }
        rustix::fs::utimensat(at, name, &times(meta), flags).map_err(said)
    }
}

/// The number that means "nobody in particular" to the system is no owner.
fn owner(meta: &Metadata) -> (Option<Uid>, Option<Gid>) {
    let real = |number: Option<u32>| number.filter(|number| *number != u32::MAX);
    (real(meta.uid).map(Uid::from_raw), real(meta.gid).map(Gid::from_raw))
}

/// restic keeps Go's file modes: permissions as in Unix, the other bits elsewhere.
fn permissions(mode: u32) -> u32 {
    let mut out = mode & 0o777;
    for (go, unix) in [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)] {
        if mode & go != 0 {
            out |= unix;
        }
    }
    out
}

/// A name that is one component, and none that leads elsewhere.
pub(super) fn checked(name: &OsStr) -> std::result::Result<(), Refusal> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.iter().any(|byte| matches!(byte, b'/' | 0)) {
        let name = name.to_string_lossy();
        return Err(format!("the name {name:?} would lead elsewhere"));
    }
    Ok(())
}

pub(super) fn sane(stored: u32, length: u32) -> std::result::Result<(), Refusal> {
    if stored > LARGEST_PIECE || length > LARGEST_PIECE {
        return Err(format!("a piece claims to have {} bytes", stored.max(length)));
    }
    Ok(())
}

fn times(meta: &Metadata) -> Timestamps {
    let spec = |time: Option<Timestamp>| match time {
        // before 1970 the fraction counts backwards in a Timestamp, and forwards in a Timespec
        Some(time) => {
            let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
            let (tv_sec, tv_nsec) = if nanos < 0 { (seconds - 1, nanos + 1_000_000_000) } else { (seconds, nanos) };
            Timespec { tv_sec, tv_nsec: tv_nsec.into() }
        }
        None => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
    };
    Timestamps { last_access: spec(meta.atime), last_modification: spec(meta.mtime) }
}

fn said(error: rustix::io::Errno) -> Refusal {
    std::io::Error::from(error).to_string()
}
