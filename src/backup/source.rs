//! What is archived, watched: the library goes on where a file can't be read and says so in a log that nobody sees. Here
//! every such failure is kept, so that what is not whole is never taken for complete.

use std::io::{self, Read};
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

/// A source whose failures are kept.
pub(super) struct Watched<S> {
    inner: S,
    seen: Arc<Seen>,
}

impl<S> Watched<S> {
    /// Around a source.
    pub(super) fn new(inner: S) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        (Self { inner, seen: seen.clone() }, seen)
    }
}

impl<S: ReadSource> ReadSource for Watched<S> {
    type Open = WatchedOpen<S::Open>;
    type Iter = WatchedEntries<S::Iter>;

    fn size(&self) -> RusticResult<Option<u64>> {
        self.inner.size()
    }

    fn entries(&self) -> Self::Iter {
        WatchedEntries { inner: self.inner.entries(), seen: self.seen.clone() }
    }
}

/// The entries of a watched source.
pub(super) struct WatchedEntries<I> {
    inner: I,
    seen: Arc<Seen>,
}

impl<O, I: Iterator<Item = RusticResult<ReadSourceEntry<O>>>> Iterator for WatchedEntries<I> {
    type Item = RusticResult<ReadSourceEntry<WatchedOpen<O>>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.inner.next()? {
            Ok(ReadSourceEntry { path, node, open }) => {
                self.seen.entries.fetch_add(1, Ordering::Relaxed);
                let name = path.display().to_string();
                let open = open.map(|inner| WatchedOpen { inner, name, seen: self.seen.clone() });
                Ok(ReadSourceEntry { path, node, open })
            }
            Err(error) => {
                self.seen.fail(error.display_log());
                Err(error)
            }
        })
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
