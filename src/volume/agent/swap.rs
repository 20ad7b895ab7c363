//! Puts what was loaded in place of what was there. A volume's top can't be renamed, so its entries are, one by one; a
//! note on the disk says how far that went. Whoever comes after an interruption goes on from there: until the first
//! rename what was loaded is taken away, from then on it is put in place.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::make;
use super::place::{Place, through};
use crate::volume::entry::Entry;

/// The folder beside the data.
const NAME: &str = ".devup-restore";
/// What is loaded, in it.
const NEW: &str = "new";
/// What was there, in it.
const OLD: &str = "old";
/// The note, in it.
const NOTE: &str = "note";

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    /// What is there is being moved out of the way.
    Out,
    /// What was loaded is being moved in.
    In,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    stage: Stage,
    /// What the top of the volume is to be like.
    top: Option<Entry>,
}

/// It is devup's own, and no part of the data.
pub(super) fn is_ours(name: &OsStr) -> bool {
    name == NAME
}

fn folder(at: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}

/// An empty place to load into.
pub(super) fn prepare(top: &OwnedFd) -> io::Result<OwnedFd> {
    rustix::fs::mkdirat(top, NAME, Mode::RWXU)?;
    let ours = folder(top, NAME)?;
    for name in [NEW, OLD] {
        rustix::fs::mkdirat(&ours, name, Mode::RWXU)?;
    }
    folder(&ours, NEW)
}

/// Puts what was loaded in place.
pub(super) fn swap(top: &Place, like: Option<Entry>) -> io::Result<Vec<String>> {
    let top = top.folder(b"")?;
    let ours = folder(&top, NAME)?;
    write(&ours, &Note { stage: Stage::Out, top: like })?;
    go_on(&top, &ours)
}

/// What an interrupted restore left: finished, where it had begun to put things in place, else taken away.
pub(super) fn recover(top: &Place) -> io::Result<()> {
    let top = top.folder(b"")?;
    let Some(ours) = there(folder(&top, NAME))? else { return Ok(()) };
    if read(&ours)?.is_some() {
        return go_on(&top, &ours).map(|_| ());
    }
    fs::remove_dir_all(through(&top, OsStr::new(NAME)))
}

fn go_on(top: &OwnedFd, ours: &OwnedFd) -> io::Result<Vec<String>> {
    let note = read(ours)?.ok_or_else(|| io::Error::other("the note of a restore is gone"))?;
    if note.stage == Stage::Out {
        move_all(top, &folder(ours, OLD)?)?;
        rustix::fs::syncfs(top)?;
        write(ours, &Note { stage: Stage::In, top: note.top.clone() })?;
    }
    if let Some(new) = there(folder(ours, NEW))? {
        move_all(&new, top)?;
    }
    let like_before = || note.top.as_ref().map_or_else(|| Ok(Vec::new()), |entry| make::attributes(top, entry));
    like_before()?;
    rustix::fs::syncfs(top)?;
    // the note goes last: without it everything that is left here is of no use any more
    for name in [OLD, NEW] {
        there(fs::remove_dir_all(through(ours, OsStr::new(name))))?;
    }
    fs::remove_dir_all(through(top, OsStr::new(NAME)))?;
    // once more: the removal was a change of the top
    like_before()
}

/// What may be gone already.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn move_all(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(from)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." && !is_ours(name) {
            names.push(name.to_owned());
        }
    }
    for name in names {
        rustix::fs::renameat(from, &name, to, &name)?;
    }
    Ok(())
}

fn read(ours: &OwnedFd) -> io::Result<Option<Note>> {
    let text = there(fs::read(through(ours, OsStr::new(NOTE))))?;
    Ok(text.map(|text| serde_json::from_slice(&text)).transpose()?)
}

/// Written beside and renamed: a note is whole or is not there.
fn write(ours: &OwnedFd, note: &Note) -> io::Result<()> {
    let draft = through(ours, OsStr::new("note.new"));
    fs::write(&draft, serde_json::to_vec(note)?)?;
    fs::File::open(&draft)?.sync_all()?;
    fs::rename(&draft, through(ours, OsStr::new(NOTE)))?;
    Ok(rustix::fs::fsync(ours)?)
}
