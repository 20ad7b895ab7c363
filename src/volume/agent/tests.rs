//! The helper's side by itself: hostile paths, and restores that stop in between.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::*;
use crate::volume::entry::{Entry, Kind};

fn own(path: &str, kind: Kind) -> Entry {
    let facts = Path::new("/proc/self").metadata().unwrap();
    let path = Raw(path.as_bytes().to_vec());
    Entry { path, kind, mode: 0o700, uid: facts.uid(), gid: facts.gid(), ..Entry::default() }
}

fn agent(root: &Path) -> Agent {
    Agent { top: Place::open(root).unwrap(), walk: None, open: Vec::new(), numbers: 0, loading: None }
}

fn make(agent: &mut Agent, entry: Entry, bytes: &[u8]) -> io::Result<()> {
    let entry = Entry { size: bytes.len() as u64, ..entry };
    agent.answer(Ask::Make { entry: Box::new(entry), pieces: false }, bytes).map(|_| ())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nothing_is_made_outside_and_nothing_is_written_over() {
    let outer = tempfile::tempdir().unwrap();
    let (root, outside) = (outer.path().join("volume"), outer.path().join("outside"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&outside).unwrap();
    let mut agent = agent(&root);
    agent.answer(Ask::Load, b"").unwrap();
    for path in ["../x", "a/../../x", "/x", "a//x", ".", "..", "a\0b", "a/"] {
        let error = make(&mut agent, own(path, Kind::File), b"evil").unwrap_err().to_string();
        assert!(error.contains("would lead elsewhere") || error.contains("No such file"), "{path}: {error}");
    }
    // a link that was made is no folder to go through
    let target = Raw(outside.as_os_str().as_bytes().to_vec());
    make(&mut agent, own("link", Kind::Link(target)), b"").unwrap();
    assert!(make(&mut agent, own("link/x", Kind::File), b"evil").is_err());
    assert!(make(&mut agent, own("link", Kind::File), b"evil").is_err());
    let link = Ask::Link { path: Raw(b"second".to_vec()), first: Raw(b"../../../outside".to_vec()) };
    assert!(agent.answer(link, b"").is_err());
    make(&mut agent, own("file", Kind::File), b"first").unwrap();
    assert!(make(&mut agent, own("file", Kind::File), b"again").is_err());
    assert_eq!(names(&outside), [""; 0]);
    assert_eq!(names(outer.path()), ["outside", "volume"]);
}

#[test]
fn a_size_that_is_a_lie_is_found() {
    let root = tempfile::tempdir().unwrap();
    let mut agent = agent(root.path());
    agent.answer(Ask::Load, b"").unwrap();
    let lying = Entry { size: u64::MAX, ..own("file", Kind::File) };
    let error = agent.answer(Ask::Make { entry: Box::new(lying), pieces: false }, b"x").unwrap_err();
    assert!(error.to_string().contains("1 bytes instead of 18446744073709551615"), "{error}");
    let error = agent.answer(Ask::Hole { length: u64::MAX }, b"").unwrap_err();
    assert!(!error.to_string().is_empty());
}

#[test]
fn reading_follows_no_link_and_leaves_no_volume() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("volume");
    fs::create_dir(&root).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    symlink(outer.path(), root.join("out")).unwrap();
    symlink(outer.path().join("secret"), root.join("file")).unwrap();
    let mut agent = agent(&root);
    for path in ["out/secret", "file", "../secret"] {
        let ask = Ask::Open { path: Raw(path.as_bytes().to_vec()), size: 6, mtime: crate::volume::entry::Moment(0, 0) };
        assert!(agent.answer(ask, b"").is_err(), "{path}");
    }
}

#[test]
fn a_file_that_grows_is_kept_as_it_was_listed_and_told() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("log"), "first").unwrap();
    let mut agent = agent(root.path());
    let listed = Walk::of(&agent.top).unwrap().last().unwrap().unwrap();
    fs::write(root.path().join("log"), "first and second").unwrap();
    let ask = Ask::Open { path: listed.path, size: listed.size, mtime: listed.mtime };
    let (answer, bytes) = agent.answer(ask, b"").unwrap();
    assert_eq!((answer, bytes), (Answer::Piece { file: None, hole: 0, changed: true }, b"first".to_vec()));
}

fn loaded(root: &Path) -> Agent {
    fs::write(root.join("old"), "old").unwrap();
    let mut agent = agent(root);
    agent.answer(Ask::Load, b"").unwrap();
    make(&mut agent, own("", Kind::Folder), b"").unwrap();
    make(&mut agent, own("folder", Kind::Folder), b"").unwrap();
    make(&mut agent, own("folder/new", Kind::File), b"new").unwrap();
    agent
}

#[test]
fn what_was_loaded_comes_in_place_of_what_was_there() {
    let root = tempfile::tempdir().unwrap();
    let mut agent = loaded(root.path());
    assert_eq!(names(root.path()), [".devup-restore", "old"]);
    agent.answer(Ask::Settle, b"").unwrap();
    agent.answer(Ask::Swap, b"").unwrap();
    assert_eq!(names(root.path()), ["folder"]);
    assert_eq!(fs::read(root.path().join("folder/new")).unwrap(), b"new");
    assert_eq!(root.path().metadata().unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn a_restore_that_stopped_while_it_loaded_leaves_what_was_there() {
    let root = tempfile::tempdir().unwrap();
    drop(loaded(root.path()));
    let mut next = agent(root.path());
    // a backup in between does not see what was half loaded
    let walked: Vec<String> = Walk::of(&next.top).unwrap().map(|step| step.unwrap().shown()).collect();
    assert_eq!(walked, [".", "old"]);
    next.answer(Ask::Recover, b"").unwrap();
    assert_eq!(names(root.path()), ["old"]);
}

/// Every place at which the renames can stop.
#[test]
fn a_restore_that_stopped_while_it_swapped_is_finished_by_the_next() {
    for (out, moved) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let mut agent = loaded(root.path());
        agent.answer(Ask::Settle, b"").unwrap();
        drop(agent);
        let stage = if out { "out" } else { "in" };
        fs::write(at(".devup-restore/note"), format!("{{\"stage\":\"{stage}\",\"top\":null}}")).unwrap();
        if !out || moved > 0 {
            fs::rename(at("old"), at(".devup-restore/old/old")).unwrap();
        }
        if !out && moved > 0 {
            fs::rename(at(".devup-restore/new/folder"), at("folder")).unwrap();
        }
        super::swap::recover(&Place::open(root.path()).unwrap()).unwrap();
        assert_eq!(names(root.path()), ["folder"], "{out} {moved}");
        assert_eq!(fs::read(at("folder/new")).unwrap(), b"new");
    }
}
