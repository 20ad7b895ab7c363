//! Both sides together: a folder read through a helper's wire and filled through another, and compared by the system.

use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rustic_core::{ReadSource as _, ReadSourceOpen as _};
use rustix::fs::{FileType, Mode, Timespec, Timestamps, XattrFlags};
use tokio::runtime::{Builder, Runtime};
use tokio_util::io::ReaderStream;

use super::agent;
use super::beside::{Helper, Reach};
use super::entry::{Kind, Moment};
use super::fill::Fill;
use super::node;
use super::source::{ABOUT, About, FILES, Source};
use super::wire::Wire;
#[cfg(test)]
use crate::driver::fake::Fake;
use crate::driver::stream::Chunk;

struct Served {
    helper: Helper,
    _runtime: Runtime,
}

/// A helper in a thread of this process.
fn serve(root: &Path) -> Served {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let root = root.to_owned();
    std::thread::spawn(move || agent::serve(&root, &theirs, &theirs));
    Served { helper: over(&runtime, ours), _runtime: runtime }
}

fn over(runtime: &Runtime, ours: UnixStream) -> Helper {
    ours.set_nonblocking(true).unwrap();
    let (output, input) = {
        let _inside = runtime.enter();
        tokio::net::UnixStream::from_std(ours).unwrap().into_split()
    };
    let output = ReaderStream::new(output).map(|piece| Ok(Chunk::Out(piece.unwrap_or_default()))).boxed();
    let wire = Wire::new(runtime.handle().clone(), output, Box::pin(input));
    let fake = Arc::new(Fake::new());
    let reach = Reach {
        containers: fake.clone(),
        images: fake.clone(),
        sessions: fake,
        program: PathBuf::new(),
        handle: runtime.handle().clone(),
    };
    Helper::over(reach, wire)
}

/// Every kind of thing that this user may make.
fn odd_things(root: &Path) {
    let at = |path: &str| root.join(path);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/plain"), "text").unwrap();
    fs::write(at("a-b"), "sorts before a/").unwrap();
    fs::create_dir(at("a")).unwrap();
    fs::write(at("a/inner"), "x").unwrap();
    fs::write(root.join(std::ffi::OsString::from_vec(b"odd \xff\n\"name".to_vec())), "odd").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::hard_link(at("folder/plain"), at("same")).unwrap();
    symlink("/nowhere/../\u{e9}", at("link")).unwrap();
    fs::set_permissions(at("folder"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(at("a-b"), fs::Permissions::from_mode(0o4711)).unwrap();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(at("big"), big).unwrap();
    let sparse = File::create(at("sparse")).unwrap();
    sparse.write_at(b"in the middle", 5 << 20).unwrap();
    sparse.set_len(9 << 20).unwrap();
    fs::write(at("zeros"), vec![0; 300_000]).unwrap();
    rustix::fs::mknodat(File::open(root).unwrap(), "pipe", FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    // file systems without such attributes keep none
    let _ = rustix::fs::fsetxattr(File::open(at("big")).unwrap(), "user.colour", b"\x00red", XattrFlags::empty());
    let _ = Command::new("setfacl").args(["-m", "u:12345:r"]).arg(at("big")).status();
    let spec = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps { last_access: spec(0, 0), last_modification: spec(-1_000, 123_456_789) };
    for name in ["big", "folder", "pipe"] {
        rustix::fs::utimensat(File::open(root).unwrap(), name, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(at("link"), Some(70_000), Some(70_001)).unwrap();
        std::os::unix::fs::chown(at("big"), Some(999), Some(998)).unwrap();
    }
}

/// What the system says of everything below.
fn manifest(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let facts = fs::symlink_metadata(&folder).unwrap();
        found.push(line(root, &folder, &facts));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            if facts.is_dir() { folders.push(path) } else { found.push(line(root, &path, &facts)) }
        }
    }
    found.sort();
    found
}

fn line(root: &Path, path: &Path, facts: &fs::Metadata) -> String {
    let content = if facts.is_file() {
        format!(
            "{} {:x?}",
            facts.blocks(),
            sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(fs::read(path).unwrap()))
        )
    } else if facts.is_symlink() {
        format!("{:?}", fs::read_link(path).unwrap())
    } else {
        String::new()
    };
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let mut attributes = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap();
        attributes.push(format!("{}={:?}", String::from_utf8_lossy(name), &value[..length]));
    }
    attributes.sort();
    let links = if facts.is_dir() { 0 } else { facts.nlink() };
    let (mode, uid, gid, size) = (facts.mode(), facts.uid(), facts.gid(), if facts.is_dir() { 0 } else { facts.len() });
    let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
    let time = format!("{}.{:09}", facts.mtime(), facts.mtime_nsec());
    format!("{name:?} {mode:o} {uid} {gid} {links} {size} {time} {content} {attributes:?}")
}

/// Reads all of one and fills the other with it.
fn copy(from: &Path, to: &Path) -> super::error::Result<super::fill::Filled> {
    let (reader, writer) = (serve(from), serve(to));
    let source = Source::of(&reader.helper).unwrap();
    let mut kept = Vec::new();
    let mut about = About::default();
    for entry in source.entries() {
        let entry = entry.unwrap_or_else(|error| panic!("{}", error.display_log()));
        let mut content = Vec::new();
        if let Some(open) = entry.open {
            std::io::copy(&mut open.open().unwrap(), &mut content).unwrap();
        }
        if entry.path == Path::new(ABOUT) {
            about = About::parse(&content);
        } else {
            let path = entry.path.strip_prefix(FILES).unwrap().as_os_str().as_bytes().to_vec();
            kept.push((node::entry(&entry.node, path), content));
        }
    }
    assert_eq!(source.noticed().changed(), 0);
    let mut fill = Fill::begin(&writer.helper)?;
    for (mut entry, content) in kept {
        entry.holes = about.holes.get(&entry.path).cloned().unwrap_or_default();
        let identity = vec![format!("{:?}", &content[..content.len().min(16)])];
        let pieces: Vec<_> = content.chunks(700_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        fill.add(entry, identity, &mut pieces.into_iter())?;
    }
    fill.check()?.swap()
}

#[test]
fn a_volume_is_filled_as_another_was() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_things(from.path());
    fs::write(to.path().join("old"), "goes").unwrap();
    let filled = copy(from.path(), to.path()).unwrap();
    assert_eq!(filled.left_out, [""; 0]);
    let (wanted, found) = (manifest(from.path()), manifest(to.path()));
    same(&wanted, &found);
    let sparse = fs::metadata(to.path().join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 2 << 20, "{} blocks", sparse.blocks());
    let zeros = fs::metadata(to.path().join("zeros")).unwrap();
    assert_eq!(zeros.blocks(), fs::metadata(from.path().join("zeros")).unwrap().blocks());
}

fn same(wanted: &[String], found: &[String]) {
    for (wanted, found) in wanted.iter().zip(found) {
        assert_eq!(wanted, found);
    }
    assert_eq!(wanted.len(), found.len());
}

#[test]
fn what_is_cut_on_its_way_changes_nothing() {
    let to = tempfile::tempdir().unwrap();
    fs::write(to.path().join("old"), "stays").unwrap();
    let served = serve(to.path());
    let facts = fs::metadata(to.path()).unwrap();
    let mut fill = Fill::begin(&served.helper).unwrap();
    let entry = |path: &str, size| super::entry::Entry {
        path: super::entry::Raw(path.as_bytes().to_vec()),
        kind: if path.is_empty() { Kind::Folder } else { Kind::File },
        mode: 0o700,
        uid: facts.uid(),
        gid: facts.gid(),
        mtime: Moment(1, 2),
        size,
        ..super::entry::Entry::default()
    };
    fill.add(entry("", 0), Vec::new(), &mut std::iter::empty()).unwrap();
    fill.add(entry("new", 10), Vec::new(), &mut std::iter::once(Ok(Bytes::from_static(b"short")))).unwrap();
    let error = fill.check().err().unwrap().to_string();
    assert!(error.contains("5 bytes instead of 10"), "{error}");
    assert_eq!(fs::read(to.path().join("old")).unwrap(), b"stays");
    served.helper.recover().unwrap();
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
}

/// A peer that says only this, and ends.
fn talk(said: &'static [u8]) -> String {
    use std::io::Write as _;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(said).unwrap();
    let helper = over(&runtime, ours);
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    helper.ask(&super::protocol::Ask::Hello).unwrap_err().to_string()
}

#[test]
fn a_helper_that_ends_or_talks_nonsense_is_an_error_and_no_endless_wait() {
    assert!(talk(b"").contains("the helper has ended"));
    assert!(talk(b"exec format error").contains("claims to have"));
    assert!(talk(&[0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 2, b'h', b'i']).contains("expected"));
}
