//! Makes things in the place beside the data: nothing that is there is written over, no link is followed, and no path
//! leads out.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, XattrFlags};
use rustix::process::{Gid, Uid};

use super::place::{Place, through};
use super::swap;
use crate::volume::entry::{Entry, Kind, Moment};

/// What is being loaded.
pub(super) struct Loading {
    place: Place,
    /// The volume's own top; its attributes are set when everything is in place.
    top: Option<Entry>,
    /// Folders get their attributes at the end: what is made in them would change their times.
    folders: Vec<Entry>,
    file: Option<(File, Entry)>,
}

impl Loading {
    /// Begins, in a volume where nothing else is being loaded.
    pub(super) fn begin(top: &Place) -> io::Result<Self> {
        let place = Place::of(Rc::new(swap::prepare(&*top.folder(b"")?)?));
        Ok(Self { place, top: None, folders: Vec::new(), file: None })
    }

    /// Where it is made.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What the volume's top is to be like.
    pub(super) fn top(&self) -> Option<&Entry> {
        self.top.as_ref()
    }

    /// Makes an entry; says what could not be made as it was.
    pub(super) fn make(&mut self, entry: Entry, bytes: &[u8], pieces: bool) -> io::Result<Vec<String>> {
        if entry.is_top() {
            if entry.kind != Kind::Folder {
                return Err(io::Error::other("the top of a volume is a folder"));
            }
            self.top = Some(entry);
            return Ok(Vec::new());
        }
        let (folder, name) = self.place.parent(&entry.path.0)?;
        match &entry.kind {
            Kind::Folder => {
                rustix::fs::mkdirat(&folder, name, Mode::RWXU)?;
                self.folders.push(entry);
            }
            Kind::File => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&folder, name, flags, Mode::RUSR | Mode::WUSR)?;
                self.file = Some((File::from(file), entry));
                self.piece(bytes)?;
                if !pieces {
                    return self.whole();
                }
            }
            Kind::Link(target) => {
                rustix::fs::symlinkat(OsStr::from_bytes(&target.0), &folder, name)?;
                return nameless(&folder, name, &entry);
            }
            Kind::Block(number) => return node(&folder, name, &entry, FileType::BlockDevice, *number),
            Kind::Char(number) => return node(&folder, name, &entry, FileType::CharacterDevice, *number),
            Kind::Pipe => return node(&folder, name, &entry, FileType::Fifo, 0),
            Kind::Socket => return node(&folder, name, &entry, FileType::Socket, 0),
        }
        Ok(Vec::new())
    }

    /// Another name of a file that was made here.
    pub(super) fn link(&mut self, path: &[u8], first: &[u8]) -> io::Result<()> {
        let (old, old_name) = self.place.again().parent(first)?;
        let (new, new_name) = self.place.parent(path)?;
        Ok(rustix::fs::linkat(&old, old_name, &new, new_name, AtFlags::empty())?)
    }

    fn file(&mut self) -> io::Result<&mut (File, Entry)> {
        self.file.as_mut().ok_or_else(|| io::Error::other("no file is being made"))
    }

    /// More bytes of the file that was made last.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.0.write_all(bytes)
    }

    /// A hole in it.
    pub(super) fn hole(&mut self, length: u64) -> io::Result<()> {
        let forward = i64::try_from(length).map_err(io::Error::other)?;
        self.file()?.0.seek(SeekFrom::Current(forward))?;
        Ok(())
    }

    /// It is whole.
    pub(super) fn whole(&mut self) -> io::Result<Vec<String>> {
        let (mut file, entry) = self.file.take().ok_or_else(|| io::Error::other("no file is being made"))?;
        let length = file.stream_position()?;
        if length != entry.size {
            let reason = format!("{} has {length} bytes instead of {}", entry.shown(), entry.size);
            return Err(io::Error::other(reason));
        }
        // a hole at the end is no byte that was written
        file.set_len(length)?;
        attributes(&OwnedFd::from(file), &entry)
    }

    /// Gives the folders their attributes, and waits until everything is on the disk.
    pub(super) fn settle(&mut self) -> io::Result<Vec<String>> {
        let mut left_out = Vec::new();
        for entry in std::mem::take(&mut self.folders).iter().rev() {
            left_out.extend(attributes(&*self.place.folder(&entry.path.0)?, entry)?);
        }
        let top = self.place.folder(b"")?;
        if let Some(entry) = &self.top {
            left_out.extend(attributes(&top, entry)?);
        }
        rustix::fs::syncfs(&top)?;
        Ok(left_out)
    }
}

/// Owner, permissions, extended attributes and times, in the order in which none of them undoes another.
pub(super) fn attributes(file: &OwnedFd, entry: &Entry) -> io::Result<Vec<String>> {
    rustix::fs::fchown(file, Some(owner(entry)?.0), Some(owner(entry)?.1))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode & 0o7777))?;
    let set = |name: &str, value: &[u8]| rustix::fs::fsetxattr(file, name, value, XattrFlags::empty());
    let left_out = extended(entry, set);
    rustix::fs::futimens(file, &times(entry.mtime))?;
    Ok(left_out)
}

fn extended(entry: &Entry, set: impl Fn(&str, &[u8]) -> rustix::io::Result<()>) -> Vec<String> {
    let mut left_out = Vec::new();
    for (name, value) in &entry.attributes {
        if let Err(error) = set(name, &value.0) {
            left_out.push(format!("{}: attribute {name}: {}", entry.shown(), io::Error::from(error)));
        }
    }
    left_out
}

/// The number that means "nobody in particular" to the system is no owner.
fn owner(entry: &Entry) -> io::Result<(Uid, Gid)> {
    if entry.uid == u32::MAX || entry.gid == u32::MAX {
        return Err(io::Error::other(format!("{} has an owner that nobody can be", entry.shown())));
    }
    Ok((Uid::from_raw(entry.uid), Gid::from_raw(entry.gid)))
}

fn times(mtime: Moment) -> Timestamps {
    let last_modification = Timespec { tv_sec: mtime.0, tv_nsec: mtime.1.into() };
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification }
}

/// A pipe, socket or device.
fn node(folder: &OwnedFd, name: &OsStr, entry: &Entry, kind: FileType, number: u64) -> io::Result<Vec<String>> {
    rustix::fs::mknodat(folder, name, kind, Mode::RUSR | Mode::WUSR, number)?;
    nameless(folder, name, entry)
}

/// Attributes of what can't be opened without a consequence: links and nodes, by their name in their folder.
fn nameless(folder: &OwnedFd, name: &OsStr, entry: &Entry) -> io::Result<Vec<String>> {
    let (user, group) = owner(entry)?;
    rustix::fs::chownat(folder, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    if !matches!(entry.kind, Kind::Link(_)) {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        let itself = format!("/proc/self/fd/{}", held.as_raw_fd());
        rustix::fs::chmod(Path::new(&itself), Mode::from_raw_mode(entry.mode & 0o7777))?;
    }
    let at = through(folder, name);
    let left_out = extended(entry, |name, value| rustix::fs::lsetxattr(&at, name, value, XattrFlags::empty()));
    rustix::fs::utimensat(folder, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(left_out)
}
