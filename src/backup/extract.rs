//! Writes a tree of a repository below a folder, and nothing anywhere else. The repository is not believed: names are
//! single components or refused, every step goes from an open folder to the next without following links, nothing that is
//! there is written over, and each piece has to be what its name says. Devices, sockets and pipes are left out.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{DataId, IndexedFullStatus, Repository, TreeId};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::process::{Gid, Uid};
use serde::Serialize;

use super::error::{BackupError, Result};
use super::tree::{self, Refusal};

/// Folders in folders; each keeps a file descriptor.
const DEEPEST: usize = 400;
/// As deep as that, with room to spare: a caller's thread may have less.
const STACK: usize = DEEPEST * 64 * 1024;
/// Files on their way to those who write; each may keep its folder open.
const QUEUE: usize = 64;
/// A disk has no use for more.
const MOST_WORKERS: usize = 8;
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

/// Writes trees below one folder: one thread walks, and the others write what is in files.
pub(super) struct Extractor<'a> {
    hand: Hand<'a>,
    root: PathBuf,
}

/// What all threads share.
struct Hand<'a> {
    reader: &'a Repository<IndexedFullStatus>,
    owners: bool,
    done: Mutex<Extracted>,
}

/// A folder that is being filled. Its times are set when the last who writes into it lets go.
struct Folder<'a> {
    hand: &'a Hand<'a>,
    open: OwnedFd,
    path: PathBuf,
    meta: Option<Metadata>,
}

/// A file to write.
struct Job<'a> {
    at: Arc<Folder<'a>>,
    path: PathBuf,
    name: OsString,
    node: Node,
}

/// The thread that walks.
struct Walk<'h> {
    hand: &'h Hand<'h>,
    root: &'h Path,
    linked: HashMap<(u64, u64), (PathBuf, Vec<DataId>)>,
    jobs: SyncSender<Job<'h>>,
}

impl<'a> Extractor<'a> {
    /// Below this folder, which is there and empty.
    pub(super) fn new(reader: &'a Repository<IndexedFullStatus>, root: &Path) -> Self {
        let owners = rustix::process::geteuid().is_root();
        Self { hand: Hand { reader, owners, done: Mutex::default() }, root: root.to_owned() }
    }

    /// Writes the nodes that `wanted` accepts at the top, and everything below them.
    pub(super) fn run(self, tree: TreeId, wanted: &(dyn Fn(&OsStr) -> bool + Sync)) -> Result<Extracted> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let open = rustix::fs::openat(CWD, &self.root, flags, Mode::empty())
            .map_err(|error| BackupError::io(format!("opening {}", self.root.display()), &error.into()))?;
        let Self { hand, root } = self;
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let queue = Mutex::new(queue);
        let workers = std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, MOST_WORKERS);
        let hand_of_all = &hand;
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| hand_of_all.work(&queue));
            }
            let walked = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
                let top = Arc::new(Folder { hand: hand_of_all, open, path: PathBuf::new(), meta: None });
                let mut walk = Walk { hand: hand_of_all, root: &root, linked: HashMap::new(), jobs };
                walk.folder(&top, tree, 0, wanted);
            });
            walked.map(|_| ()).map_err(|error| BackupError::io(format!("writing below {}", root.display()), &error))
        })?;
        drop(queue);
        let mut done = hand.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.failed.sort_unstable();
        done.left_out.sort_unstable();
        Ok(done)
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if let Some(meta) = &self.meta
            && let Err(reason) = self.hand.attributes(&self.open, &self.path, meta)
        {
            self.hand.fail(&self.path, &reason);
        }
    }
}

impl<'h> Walk<'h> {
    fn folder(&mut self, at: &Arc<Folder<'h>>, tree: TreeId, depth: usize, wanted: &dyn Fn(&OsStr) -> bool) {
        let nodes = match self.hand.nodes(tree, depth) {
            Ok(nodes) => nodes,
            Err(reason) => return self.hand.fail(&at.path, &reason),
        };
        for node in nodes {
            let name = node.name().into_owned();
            if !wanted(&name) {
                continue;
            }
            // the path is for messages and hard links only; what is opened is the name, in the folder `at`
            let last = Path::new(&name).components().next_back();
            let path = at.path.join(last.map_or(OsStr::new("?"), |c| c.as_os_str()));
            if let Err(reason) = checked(&name).and_then(|()| self.entry(at, &path, name, node, depth)) {
                self.hand.fail(&path, &reason);
            }
        }
    }

    fn entry(
        &mut self,
        at: &Arc<Folder<'h>>,
        path: &Path,
        name: OsString,
        node: Node,
        depth: usize,
    ) -> std::result::Result<(), Refusal> {
        match &node.node_type {
            NodeType::Dir => {
                let tree = node.subtree.ok_or("it is a folder without content")?;
                rustix::fs::mkdirat(&at.open, &name, Mode::RWXU).map_err(said)?;
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let open = rustix::fs::openat(&at.open, &name, flags, Mode::empty()).map_err(said)?;
                self.hand.count(|done| done.folders += 1);
                let folder = Folder { hand: self.hand, open, path: path.to_owned(), meta: Some(node.meta) };
                self.folder(&Arc::new(folder), tree, depth + 1, &|_| true);
                Ok(())
            }
            NodeType::File if node.meta.links > 1 && node.meta.inode != 0 => self.linked(at, path, &name, &node),
            NodeType::File => {
                let job = Job { at: at.clone(), path: path.to_owned(), name, node };
                self.jobs.send(job).map_err(|_| "nobody writes any more".to_owned())
            }
            NodeType::Symlink { .. } => {
                rustix::fs::symlinkat(node.node_type.to_link(), &at.open, &name).map_err(said)?;
                self.hand.count(|done| done.links += 1);
                self.hand.link_attributes(&at.open, &name, &node.meta)
            }
            NodeType::Dev { .. } | NodeType::Chardev { .. } => {
                self.hand.leave_out(path, "a device");
                Ok(())
            }
            NodeType::Fifo | NodeType::Socket => {
                self.hand.leave_out(path, "a pipe or socket");
                Ok(())
            }
        }
    }

    /// A file that had several names: another name of one that is there, or written at once, so that it is.
    fn linked(
        &mut self,
        at: &Arc<Folder<'h>>,
        path: &Path,
        name: &OsStr,
        node: &Node,
    ) -> std::result::Result<(), Refusal> {
        let pieces = node.content.as_deref().unwrap_or_default();
        let key = (node.meta.device_id, node.meta.inode);
        // two parts may have used one inode after the other: the content decides. Every folder on the way to the first name
        // is one that this run has made
        if let Some((first, content)) = self.linked.get(&key)
            && content == pieces
            && rustix::fs::linkat(CWD, self.root.join(first), &at.open, name, AtFlags::empty()).is_ok()
        {
            self.hand.count(|done| done.files += 1);
            return Ok(());
        }
        self.hand.file(&at.open, path, name, node)?;
        self.linked.insert(key, (path.to_owned(), pieces.to_vec()));
        Ok(())
    }
}

impl Hand<'_> {
    fn count(&self, change: impl FnOnce(&mut Extracted)) {
        change(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fail(&self, path: &Path, reason: &str) {
        self.count(|done| {
            done.failures += 1;
            if done.failed.len() < NAMED {
                done.failed.push(format!("{}: {reason}", path.display()));
            }
        });
    }

    fn leave_out(&self, path: &Path, what: &str) {
        self.count(|done| {
            if done.left_out.len() < NAMED {
                done.left_out.push(format!("{}: {what}", path.display()));
            }
        });
    }

    /// Writes files until there are no more.
    fn work(&self, queue: &Mutex<Receiver<Job>>) {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { at, path, name, node }) = next else { return };
            if let Err(reason) = self.file(&at.open, &path, &name, &node) {
                self.fail(&path, &reason);
            }
        }
    }

    fn nodes(&self, tree: TreeId, depth: usize) -> std::result::Result<Vec<Node>, Refusal> {
        if depth >= DEEPEST {
            return Err(format!("more than {DEEPEST} folders in each other"));
        }
        tree::nodes(self.reader, tree)
    }

    fn file(&self, at: &OwnedFd, path: &Path, name: &OsStr, node: &Node) -> std::result::Result<(), Refusal> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(at, name, flags, Mode::RUSR | Mode::WUSR).map_err(said)?);
        self.count(|done| done.files += 1);
        let written = self.content(&mut file, node.content.as_deref().unwrap_or_default())?;
        self.count(|done| done.bytes += written);
        self.attributes(&file, path, &node.meta)
    }

    fn content(&self, file: &mut File, pieces: &[DataId]) -> std::result::Result<u64, Refusal> {
        let mut length = 0;
        for id in pieces {
            let piece = tree::piece(self.reader, *id)?;
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

    fn attributes(&self, file: &impl AsFd, path: &Path, meta: &Metadata) -> std::result::Result<(), Refusal> {
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
