//! What is archived, watched: the library goes on where a file can't be read and says so in a log that nobody sees. Here
//! every such failure is kept, so that what is not whole is never taken for complete.

use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::{ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult};

/// Failures that are named; the others are counted.
const NAMED: usize = 20;

/// What went by while a source was read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    entries: AtomicU64,
    failures: AtomicU64,
    named: Mutex<Vec<String>>,
}

impl Seen {
    /// Files, folders, links and the rest.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// How much could not be read.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The first of the failures.
    pub(super) fn named(&self) -> Vec<String> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, what: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED {
            named.push(what);
        }
    }
}

/// A source whose failures are kept, and whose entries are below one folder, in order.
pub(super) struct Watched<S> {
    inner: S,
    root: PathBuf,
    seen: Arc<Seen>,
}

impl<S> Watched<S> {
    /// Around a source whose paths begin with `root`; they are handed on without it.
    pub(super) fn new(inner: S, root: &Path) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        (Self { inner, root: root.to_owned(), seen: seen.clone() }, seen)
    }
}

impl<S: ReadSource> ReadSource for Watched<S> {
    type Open = WatchedOpen<S::Open>;
    type Iter = WatchedEntries<S::Iter>;

    fn size(&self) -> RusticResult<Option<u64>> {
        self.inner.size()
    }

    fn entries(&self) -> Self::Iter {
        let (root, seen) = (self.root.clone(), self.seen.clone());
        WatchedEntries { inner: self.inner.entries(), root, last: PathBuf::new(), seen }
    }
}

/// The entries of a watched source.
pub(super) struct WatchedEntries<I> {
    inner: I,
    root: PathBuf,
    last: PathBuf,
    seen: Arc<Seen>,
}

impl<I> WatchedEntries<I> {
    /// The path below the root, or why the entry can't be kept: the library would panic, leave the part's place, make a
    /// folder twice, or take a file for unchanged forever.
    fn below<O>(&self, entry: &ReadSourceEntry<O>) -> Result<PathBuf, &'static str> {
        let path = entry.path.strip_prefix(&self.root).map_err(|_| "it lies elsewhere")?;
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err("its path leads elsewhere");
        }
        if path.file_name() != Some(&*entry.node.name()) {
            return Err("its name is another one in its path");
        }
        if *path <= *self.last {
            return Err("it comes out of order");
        }
        if entry.node.is_file() && entry.node.meta.mtime.is_none() {
            return Err("it has no time");
        }
        Ok(path.to_owned())
    }
}

impl<O, I: Iterator<Item = RusticResult<ReadSourceEntry<O>>>> Iterator for WatchedEntries<I> {
    type Item = RusticResult<ReadSourceEntry<WatchedOpen<O>>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.inner.next()? {
                Ok(entry) => entry,
                Err(error) => {
                    self.seen.fail(error.display_log());
                    return Some(Err(error));
                }
            };
            let path = match self.below(&entry) {
                Ok(path) => path,
                Err(reason) => {
                    self.seen.fail(format!("{}: {reason}", entry.path.display()));
                    continue;
                }
            };
            let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
            let made_up = folders.filter(|folder| !self.last.starts_with(folder)).count();
            self.seen.entries.fetch_add(1 + made_up as u64, Ordering::Relaxed);
            self.last.clone_from(&path);
            let name = path.display().to_string();
            let open = entry.open.map(|inner| WatchedOpen { inner, name, seen: self.seen.clone() });
            return Some(Ok(ReadSourceEntry { path, node: entry.node, open }));
        }
    }
}

/// A file of a watched source.
pub(super) struct WatchedOpen<O> {
    inner: O,
    name: String,
    seen: Arc<Seen>,
}

impl<O: ReadSourceOpen> ReadSourceOpen for WatchedOpen<O> {
    type Reader = WatchedReader<O::Reader>;

    fn open(self) -> RusticResult<Self::Reader> {
        let Self { inner, name, seen } = self;
        match inner.open() {
            Ok(inner) => Ok(WatchedReader { inner, name, seen }),
            Err(error) => {
                seen.fail(error.display_log());
                Err(error)
            }
        }
    }
}

/// The content of a watched source's file.
pub(super) struct WatchedReader<R> {
    inner: R,
    name: String,
    seen: Arc<Seen>,
}

impl<R: Read> Read for WatchedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.seen.fail(format!("reading {}: {error}", self.name));
            }
        })
    }
}

type Entries = Box<dyn Iterator<Item = RusticResult<ReadSourceEntry<ErasedOpen>>> + Send>;

/// A source of any kind.
pub(super) struct Erased(Box<dyn Fn() -> Entries + Send + Sync>);

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erased")
    }
}

impl Erased {
    /// Of this one.
    pub(super) fn new<S>(source: S) -> Self
    where
        S: ReadSource + 'static,
        S::Open: Send + 'static,
        S::Iter: Send + 'static,
    {
        Self(Box::new(move || {
            Box::new(source.entries().map(|entry| {
                let ReadSourceEntry { path, node, open } = entry?;
                Ok(ReadSourceEntry { path, node, open: open.map(ErasedOpen::new) })
            }))
        }))
    }
}

impl ReadSource for Erased {
    type Open = ErasedOpen;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        (self.0)()
    }
}

/// A file of a source of any kind.
pub(super) struct ErasedOpen(Box<dyn FnOnce() -> RusticResult<Box<dyn Read + Send>> + Send>);

impl ErasedOpen {
    fn new<O: ReadSourceOpen + Send + 'static>(open: O) -> Self {
        Self(Box::new(move || Ok(Box::new(open.open()?))))
    }
}

impl ReadSourceOpen for ErasedOpen {
    type Reader = Box<dyn Read + Send>;

    fn open(self) -> RusticResult<Self::Reader> {
        (self.0)()
    }
}
