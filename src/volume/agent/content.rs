//! A file's bytes, and where it has none: holes are told, not sent.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use super::place::Place;
use crate::volume::entry::{Entry, Moment};
use crate::volume::protocol::PIECE;

/// Holes that are kept of one file. Where there are more, runs of zeros become holes when it is made again.
const HOLES: usize = 20_000;

/// A file that is being read.
pub(super) struct Open {
    file: File,
    at: u64,
    expected: (u64, Moment),
}

/// What comes next of it.
pub(super) struct Next {
    /// Bytes.
    pub(super) bytes: Vec<u8>,
    /// Zeros after them.
    pub(super) hole: u64,
    /// Nothing follows.
    pub(super) end: bool,
    /// It is another than it was when it was walked over.
    pub(super) changed: bool,
}

fn open(folder: &OwnedFd, name: &OsStr) -> io::Result<File> {
    // a pipe that took the file's name would keep its reader waiting
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let quiet = rustix::fs::openat(folder, name, flags | OFlags::NOATIME, Mode::empty());
    let file = match quiet {
        Err(Errno::PERM) => rustix::fs::openat(folder, name, flags, Mode::empty()),
        other => other,
    };
    let file = File::from(file?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    Ok(file)
}

impl Open {
    /// The file at a path, expected to be as it was.
    pub(super) fn of(place: &Place, path: &[u8], size: u64, mtime: Moment) -> io::Result<Self> {
        let mut place = place.again();
        let (folder, name) = place.parent(path)?;
        Ok(Self { file: open(&folder, name)?, at: 0, expected: (size, mtime) })
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let facts = self.file.metadata()?;
        // a file that has grown is kept as long as it was listed: its entry says so already
        let end = facts.len().min(self.expected.0);
        let data = data(&self.file, self.at, end)?;
        let mut bytes = Vec::new();
        let hole = if data > self.at {
            data - self.at
        } else {
            let stop = hole(&self.file, self.at, end)?.min(self.at.saturating_add(PIECE as u64)).max(self.at);
            bytes = vec![0; usize::try_from(stop - self.at).map_err(io::Error::other)?];
            let read = filled(&self.file, &mut bytes, self.at)?;
            bytes.truncate(read);
            0
        };
        let grown = self.at.saturating_add(bytes.len() as u64).saturating_add(hole);
        // a file that was cut meanwhile has no more, whatever it said of its length
        let over = grown >= end || grown == self.at;
        self.at = grown;
        let now = (facts.len(), Moment(facts.mtime(), u32::try_from(facts.mtime_nsec()).unwrap_or_default()));
        Ok(Next { bytes, hole, end: over, changed: now != self.expected })
    }
}

fn filled(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Where the next data begins; the end where there is none.
fn data(file: &File, at: u64, end: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(data.min(end)),
        Err(Errno::NXIO) => Ok(end.max(at)),
        // a file system without holes
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(at),
        Err(error) => Err(error.into()),
    }
}

/// Where the next hole begins; every file has one at its end.
fn hole(file: &File, at: u64, end: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, SeekFrom::Hole(at)) {
        Ok(hole) => Ok(hole.min(end)),
        Err(Errno::NXIO | Errno::INVAL | Errno::OPNOTSUPP) => Ok(end),
        Err(error) => Err(error.into()),
    }
}

/// The holes of a file of which not everything is stored.
pub(super) fn holes(folder: &OwnedFd, name: &OsStr, entry: &Entry) -> io::Result<Vec<(u64, u64)>> {
    if entry.holes.is_empty() {
        return Ok(Vec::new());
    }
    let file = open(folder, name)?;
    let (mut found, mut at) = (Vec::new(), 0);
    while at < entry.size {
        let data = data(&file, at, entry.size)?;
        if data > at {
            if found.len() == HOLES {
                return Ok(Vec::new());
            }
            found.push((at, data - at));
        }
        at = hole(&file, data, entry.size)?.max(data + 1);
    }
    Ok(found)
}
