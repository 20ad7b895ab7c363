//! A volume as a source of a backup: read through a helper while it is archived, and nowhere kept whole. What the parent
//! snapshot has unchanged is not read at all.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::io::{self, Cursor, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes};
use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult};
use serde::{Deserialize, Serialize};

use super::beside::Helper;
use super::entry::{Entry, Kind, Moment, Raw};
use super::error::{Result, VolumeError};
use super::node::node;
use super::protocol::{Answer, Ask};
use super::wire::{Pending, Wire};

/// The volume's files in its part of a snapshot.
pub const FILES: &str = "files";
/// What nodes of a backup have no place for, beside the files.
pub const ABOUT: &str = "volume.json";
/// Files that changed while they were read and are named; the others are counted.
const NAMED: usize = 20;

/// What nodes of a backup have no place for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its own version.
    pub version: u32,
    /// Holes of files (where, how long), by path in base64: a path need not be text.
    pub holes: BTreeMap<Raw, Vec<(u64, u64)>>,
}

impl About {
    /// From its text. What is not understood is no reason not to restore: holes cost space, not content.
    pub fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }
}

/// What was noticed while a volume was read.
#[derive(Debug, Default)]
pub struct Noticed {
    changed: AtomicU64,
    named: Mutex<Vec<String>>,
}

impl Noticed {
    /// Files that changed while they were read.
    pub fn changed(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }

    /// The first of them.
    pub fn named(&self) -> Vec<String> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, path: &Raw) {
        self.changed.fetch_add(1, Ordering::Relaxed);
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED {
            named.push(String::from_utf8_lossy(&path.0).into_owned());
        }
    }
}

/// A volume to be archived.
pub struct Source {
    wire: Arc<Wire>,
    volume: String,
    noticed: Arc<Noticed>,
}

impl Source {
    /// Through a helper that reads.
    pub fn of(helper: &Helper) -> Result<Self> {
        Ok(Self { wire: helper.wire()?.clone(), volume: helper.volume.clone(), noticed: Arc::default() })
    }

    /// What is noticed while it is read.
    pub fn noticed(&self) -> Arc<Noticed> {
        self.noticed.clone()
    }
}

impl ReadSource for Source {
    type Open = Content;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Entries {
        let attempt = format!("reading volume {}", self.volume);
        let first = self.wire.ask(&attempt, &Ask::Walk { loading: false });
        let (next, ready) = match first.and_then(|_| self.wire.send(&attempt, &Ask::More, &[])) {
            Ok(next) => (Some(next), VecDeque::new()),
            Err(error) => (None, VecDeque::from([Err(error)])),
        };
        Entries {
            wire: self.wire.clone(),
            attempt,
            ready,
            next,
            about: Some(About { version: 1, ..About::default() }),
            noticed: self.noticed.clone(),
        }
    }
}

/// Its entries: the top as a folder, everything below it, and at last what nodes have no place for.
pub struct Entries {
    wire: Arc<Wire>,
    attempt: String,
    ready: VecDeque<Result<Entry>>,
    /// The next answer is on its way while this one is used.
    next: Option<Pending>,
    about: Option<About>,
    noticed: Arc<Noticed>,
}

impl Entries {
    fn take(&mut self, next: Pending) {
        match next.wait(&self.attempt) {
            Ok((Answer::Entries { entries, failures, end }, _)) => {
                if !end {
                    match self.wire.send(&self.attempt, &Ask::More, &[]) {
                        Ok(next) => self.next = Some(next),
                        Err(error) => self.ready.push_back(Err(error)),
                    }
                }
                self.ready.extend(entries.into_iter().map(Ok));
                let failed = |(path, reason): (Raw, String)| {
                    VolumeError::failed(format!("{}: {}", self.attempt, String::from_utf8_lossy(&path.0)), reason)
                };
                self.ready.extend(failures.into_iter().map(|failure| Err(failed(failure))));
            }
            Ok(_) => {
                let odd = VolumeError::failed(&self.attempt, "the helper answered something else");
                self.ready.push_back(Err(odd));
            }
            Err(error) => self.ready.push_back(Err(error)),
        }
    }

    fn entry(&mut self, mut entry: Entry) -> RusticResult<ReadSourceEntry<Content>> {
        let mut path = PathBuf::from(FILES);
        if !entry.is_top() {
            path.push(OsStr::from_bytes(&entry.path.0));
        }
        let name = path.file_name().unwrap_or_else(|| OsStr::new(FILES)).to_owned();
        let holes = std::mem::take(&mut entry.holes);
        if let Some(about) = &mut self.about
            && !holes.is_empty()
        {
            about.holes.insert(entry.path.clone(), holes);
        }
        let node = node(&entry, &name).map_err(|error| said(VolumeError::failed(&self.attempt, error)))?;
        let open = (entry.kind == Kind::File).then(|| {
            Content::File(FileToOpen {
                wire: self.wire.clone(),
                attempt: format!("{}: {}", self.attempt, entry.shown()),
                path: entry.path.clone(),
                size: entry.size,
                mtime: entry.mtime,
                noticed: self.noticed.clone(),
            })
        });
        Ok(ReadSourceEntry { path, node, open })
    }
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Content>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.ready.pop_front() {
                Some(Ok(entry)) => return Some(self.entry(entry)),
                Some(Err(error)) => return Some(Err(said(error))),
                None => match self.next.take() {
                    Some(next) => self.take(next),
                    None => return self.about.take().map(|about| about_entry(&about)),
                },
            }
        }
    }
}

fn about_entry(about: &About) -> RusticResult<ReadSourceEntry<Content>> {
    let text = serde_json::to_vec(about).map_err(|error| said(VolumeError::failed("writing about a volume", error)))?;
    // the moment tells it from the one of the backup before, which may be as long
    let now = Some(Timestamp::now());
    let meta = Metadata { mode: Some(0o600), mtime: now, ctime: now, size: text.len() as u64, ..Metadata::default() };
    let node = Node::new_node(OsStr::new(ABOUT), NodeType::File, meta);
    Ok(ReadSourceEntry { path: PathBuf::from(ABOUT), node, open: Some(Content::Words(text)) })
}

fn said(error: VolumeError) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::InputOutput, error.to_string(), error)
}

/// A file's content, not yet opened.
pub enum Content {
    /// Of the volume.
    File(FileToOpen),
    /// devup's own.
    Words(Vec<u8>),
}

/// A file of a volume.
pub struct FileToOpen {
    wire: Arc<Wire>,
    attempt: String,
    path: Raw,
    size: u64,
    mtime: Moment,
    noticed: Arc<Noticed>,
}

impl ReadSourceOpen for Content {
    type Reader = Reader;

    fn open(self) -> RusticResult<Reader> {
        Ok(match self {
            Self::Words(text) => Reader::Words(Cursor::new(text)),
            Self::File(file) => {
                let ask = Ask::Open { path: file.path.clone(), size: file.size, mtime: file.mtime };
                let first = file.wire.send(&file.attempt, &ask, &[]).map_err(said)?;
                Reader::File(FileReader {
                    file,
                    next: Some(first),
                    open: None,
                    bytes: Bytes::new(),
                    hole: 0,
                    noted: false,
                })
            }
        })
    }
}

/// A file's content.
pub enum Reader {
    /// Of the volume.
    File(FileReader),
    /// devup's own.
    Words(Cursor<Vec<u8>>),
}

/// A file of a volume as it comes; the next piece is asked for before this one is used.
pub struct FileReader {
    file: FileToOpen,
    next: Option<Pending>,
    open: Option<u32>,
    bytes: Bytes,
    hole: u64,
    noted: bool,
}

impl FileReader {
    fn take(&mut self, next: Pending) -> io::Result<()> {
        let (answer, bytes) = next.wait(&self.file.attempt).map_err(io::Error::other)?;
        let Answer::Piece { file, hole, changed } = answer else {
            return Err(io::Error::other("the helper answered something else"));
        };
        self.open = file;
        if let Some(file) = file {
            let next = self.file.wire.send(&self.file.attempt, &Ask::Read { file }, &[]);
            self.next = Some(next.map_err(io::Error::other)?);
        }
        if changed && !self.noted {
            self.noted = true;
            self.file.noticed.note(&self.file.path);
        }
        (self.bytes, self.hole) = (bytes, hole);
        Ok(())
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.bytes.is_empty() && self.hole == 0 {
            match self.next.take() {
                Some(next) => self.take(next)?,
                None => return Ok(0),
            }
        }
        let read = if self.bytes.is_empty() {
            let zeros = usize::try_from(self.hole).unwrap_or(usize::MAX).min(buffer.len());
            buffer[..zeros].fill(0);
            self.hole -= zeros as u64;
            zeros
        } else {
            let read = self.bytes.len().min(buffer.len());
            buffer[..read].copy_from_slice(&self.bytes[..read]);
            self.bytes.advance(read);
            read
        };
        Ok(read)
    }
}

impl Drop for FileReader {
    /// Whoever stops early leaves no file open in the helper.
    fn drop(&mut self) {
        if let Some(next) = self.next.take()
            && let Ok((Answer::Piece { file: Some(file), .. }, _)) = next.wait(&self.file.attempt)
        {
            let _ = self.file.wire.ask(&self.file.attempt, &Ask::Close { file });
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Words(words) => words.read(buffer),
        }
    }
}
