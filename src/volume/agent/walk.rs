//! A walk through a folder: each folder before what is in it, names in the order of their bytes, as backups want them.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};

use super::content;
use super::place::{Place, through};
use super::swap;
use crate::volume::entry::{Entry, Kind, Moment, Raw};

/// Attributes of one entry, in all. The largest that file systems take is 64 KiB each.
const ATTRIBUTES: usize = 1024 * 1024;

/// A walk under way.
pub(super) struct Walk {
    top: Option<Rc<OwnedFd>>,
    levels: Vec<Level>,
}

struct Level {
    folder: Rc<OwnedFd>,
    path: Vec<u8>,
    names: std::vec::IntoIter<OsString>,
}

/// An entry, or where and why there is none.
pub(super) type Step = Result<Entry, (Vec<u8>, io::Error)>;

impl Walk {
    /// Through a whole place.
    pub(super) fn of(place: &Place) -> io::Result<Self> {
        Ok(Self { top: Some(place.folder(b"")?), levels: Vec::new() })
    }

    fn enter(&mut self, folder: Rc<OwnedFd>, path: Vec<u8>) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&*folder)? {
            let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
            let apart = path.is_empty() && swap::is_ours(&name);
            if name != "." && name != ".." && !apart {
                names.push(name);
            }
        }
        names.sort_unstable();
        self.levels.push(Level { folder, path, names: names.into_iter() });
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(top) = self.top.take() {
            // of the open folder itself: its own entry `.` is no name of anything else
            let found = describe(&through(&top, ".".as_ref()), Vec::new());
            return Some(
                found.and_then(|entry| self.enter(top, Vec::new()).map(|()| entry)).map_err(|e| (Vec::new(), e)),
            );
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            let (folder, path) = (level.folder.clone(), joined(&level.path, name.as_bytes()));
            match describe(&through(&folder, &name), path.clone()) {
                // gone since the folder was listed: it is not there, and that is no failure
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Some(Err((path, error))),
                Ok(mut entry) => {
                    let ended = match entry.kind {
                        Kind::Folder => below(&folder, &name).and_then(|inner| self.enter(inner, path.clone())),
                        Kind::File => content::holes(&folder, &name, &entry).map(|holes| entry.holes = holes),
                        _ => Ok(()),
                    };
                    return Some(ended.map(|()| entry).map_err(|error| (path, error)));
                }
            }
        }
    }
}

fn below(folder: &OwnedFd, name: &OsString) -> io::Result<Rc<OwnedFd>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    Ok(Rc::new(rustix::fs::openat(folder, name, flags, Mode::empty())?))
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// What the system says of it.
fn describe(at: &Path, path: Vec<u8>) -> io::Result<Entry> {
    let facts = at.symlink_metadata()?;
    let kind = kind(at, &facts)?;
    let size = if kind == Kind::File { facts.len() } else { 0 };
    Ok(Entry {
        path: Raw(path),
        mode: facts.mode() & 0o7777,
        uid: facts.uid(),
        gid: facts.gid(),
        mtime: moment(facts.mtime(), facts.mtime_nsec()),
        ctime: moment(facts.ctime(), facts.ctime_nsec()),
        inode: facts.ino(),
        device: facts.dev(),
        links: if kind == Kind::Folder { 0 } else { facts.nlink() },
        size,
        attributes: attributes(at)?,
        // how much of it is stored, until somebody looks where
        holes: (facts.blocks() * 512 < size).then_some((0, 0)).into_iter().collect(),
        kind,
    })
}

fn moment(seconds: i64, nanos: i64) -> Moment {
    Moment(seconds, u32::try_from(nanos).unwrap_or_default())
}

fn kind(at: &Path, facts: &Metadata) -> io::Result<Kind> {
    let kind = facts.file_type();
    Ok(match () {
        () if kind.is_dir() => Kind::Folder,
        () if kind.is_symlink() => Kind::Link(Raw(at.read_link()?.into_os_string().into_vec())),
        () if kind.is_block_device() => Kind::Block(facts.rdev()),
        () if kind.is_char_device() => Kind::Char(facts.rdev()),
        () if kind.is_fifo() => Kind::Pipe,
        () if kind.is_socket() => Kind::Socket,
        () => Kind::File,
    })
}

/// All of its extended attributes but the labels of the host's own policy, which are another's on another host.
fn attributes(at: &Path) -> io::Result<Vec<(String, Raw)>> {
    let mut names = vec![0; 64 * 1024];
    let length = match rustix::fs::llistxattr(at, names.as_mut_slice()) {
        Ok(length) => length,
        Err(error) if error == rustix::io::Errno::NOTSUP => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let (mut found, mut size) = (Vec::new(), 0);
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let text = std::str::from_utf8(name).map_err(|_| io::Error::other("the name of an attribute is no text"))?;
        if text == "security.selinux" {
            continue;
        }
        let mut value = vec![0; 64 * 1024];
        match rustix::fs::lgetxattr(at, text, value.as_mut_slice()) {
            Ok(length) => value.truncate(length),
            Err(error) if error == rustix::io::Errno::NODATA => continue,
            Err(error) => return Err(error.into()),
        }
        size += value.len();
        if size > ATTRIBUTES {
            return Err(io::Error::other(format!("its attributes have more than {ATTRIBUTES} bytes")));
        }
        found.push((text.to_owned(), Raw(value)));
    }
    found.sort();
    Ok(found)
}
