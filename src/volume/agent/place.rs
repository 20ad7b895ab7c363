//! A folder, and the way to things below it: name by name, from an open folder to the next, following no link. What a path
//! says can therefore never lead out.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{CWD, Mode, OFlags};

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

/// A folder that nothing leads out of.
pub(super) struct Place {
    top: Rc<OwnedFd>,
    /// The folder that was wanted last: whoever walks wants it again.
    last: Option<(Vec<u8>, Rc<OwnedFd>)>,
}

impl Place {
    /// The folder at a path that is believed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let top = rustix::fs::openat(CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self::of(Rc::new(top)))
    }

    /// A folder that is open.
    pub(super) fn of(top: Rc<OwnedFd>) -> Self {
        Self { top, last: None }
    }

    /// The same folder.
    pub(super) fn again(&self) -> Self {
        Self::of(self.top.clone())
    }

    /// A folder below; the empty path is the top itself.
    pub(super) fn folder(&self, path: &[u8]) -> io::Result<Rc<OwnedFd>> {
        let mut now = self.top.clone();
        for name in path.split(|byte| *byte == b'/').filter(|_| !path.is_empty()) {
            now = Rc::new(rustix::fs::openat(&now, sane(name)?, FOLDER, Mode::empty())?);
        }
        Ok(now)
    }

    /// The folder that holds what a path names, and its name there.
    pub(super) fn parent<'p>(&mut self, path: &'p [u8]) -> io::Result<(Rc<OwnedFd>, &'p OsStr)> {
        let at = path.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = at.map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
        let name = sane(name)?;
        if at == Some(0) {
            return Err(elsewhere(path));
        }
        if let Some((known, open)) = &self.last
            && known == folder
        {
            return Ok((open.clone(), name));
        }
        let open = self.folder(folder)?;
        self.last = Some((folder.to_vec(), open.clone()));
        Ok((open, name))
    }
}

/// A single name, and none that leads elsewhere.
pub(super) fn sane(name: &[u8]) -> io::Result<&OsStr> {
    if name.is_empty() || name == b"." || name == b".." || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        return Err(elsewhere(name));
    }
    Ok(OsStr::from_bytes(name))
}

fn elsewhere(name: &[u8]) -> io::Error {
    io::Error::other(format!("the name {:?} would lead elsewhere", String::from_utf8_lossy(name)))
}

/// A path of the system to a name in an open folder, for the calls that know no folders. The name itself is not followed
/// by the calls that it is used for.
pub(super) fn through(folder: &OwnedFd, name: &OsStr) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name)
}
