//! The streams of a dump as a source of a backup: run one after the other while they are archived, cut into pieces, and
//! judged by how they begin and end and by the program's own verdict.

use std::collections::VecDeque;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{ErrorKind, ReadSource, ReadSourceEntry, RusticError, RusticResult};
use serde::{Deserialize, Serialize};

use super::error::{DumpError, Result};
use super::program::{Inside, Running};
use super::settings::{Grant, Setting};
use super::users::User;

/// Bytes of a piece: its length stands in its entry, so it is in memory before it is archived.
const PIECE: usize = 16 * 1024 * 1024;
/// Bytes at a stream's end in which its trailer has to be.
const TAIL: usize = 4 * 1024;
/// By this a tool that packs what it prints leaves that to the repository, which also finds what is the same as before.
pub(super) const UNPACKED: &str = "--compress=0";
/// What a dump says about itself.
pub const ABOUT: &str = "about.json";
/// The folder of the streams, which comes after what a dump says about itself whatever their names are.
pub const STREAMS: &str = "dumps";

/// One stream of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Name of the folder of its pieces.
    pub name: String,
    /// What prints it.
    pub command: Vec<String>,
    /// It begins with one of these.
    pub begins: &'static [&'static [u8]],
    /// This is near its end; empty: nothing is known of its end.
    pub ends: &'static [u8],
}

/// What a dump says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Which kind of server: `postgres`, `mariadb`, `mongodb`, `sqlite`, `command`.
    pub server: String,
    /// Its version, in its own words.
    pub version: String,
    /// Its databases.
    pub databases: Vec<Database>,
    /// Its users, where no stream has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
}

/// One database of a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The stream that holds it.
    pub stream: String,
    /// How it was made, in the server's own words.
    #[serde(default)]
    pub made: Vec<String>,
    /// What `alter database … set` gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// Who may do what with it; absent: as with a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<Grant>>,
}

/// A name as one component of a path.
pub(super) fn component(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '/' | '%' | '\0' => out.push_str(&format!("%{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A dump that is archived as it comes.
pub struct Dump {
    inside: Inside,
    about: About,
    streams: Vec<Stream>,
    bytes: Arc<Mutex<u64>>,
}

impl Dump {
    /// Of these streams.
    pub(super) fn of(inside: Inside, about: About, mut streams: Vec<Stream>) -> Self {
        // a backup's entries come in order
        streams.sort_by(|one, other| one.name.cmp(&other.name));
        Self { inside, about, streams, bytes: Arc::default() }
    }

    /// What it says about itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Writes one database as its tool does for a file, and judges it as a backup does.
    pub fn write(&self, database: &Database, out: &mut dyn Write) -> Result<u64> {
        let attempt = format!("dumping {} of {}", database.name, self.inside.service);
        let wanted = self.streams.iter().find(|stream| stream.name == database.stream).cloned();
        let mut stream = wanted.ok_or_else(|| DumpError::failed(&attempt, "it has no dump of its own"))?;
        // no repository packs it
        stream.command.retain(|word| word != UNPACKED);
        let running = self.inside.read(&attempt, &stream.command)?;
        let mut cutter = Cutter::new(running, stream, attempt.clone());
        let mut bytes = 0;
        while let Some((_, piece)) = cutter.piece()? {
            out.write_all(&piece).map_err(|error| DumpError::failed(&attempt, format!("writing it: {error}")))?;
            bytes += piece.len() as u64;
        }
        Ok(bytes)
    }

    /// To be asked when all of it was read: how it was made sure that it is whole.
    pub fn verdict(&self) -> impl FnOnce() -> std::result::Result<String, String> + Send + use<> {
        let (bytes, databases, streams) = (self.bytes.clone(), self.about.databases.len(), self.streams.len());
        let server = format!("{} {}", self.about.server, self.about.version).trim_end().to_owned();
        move || {
            let bytes = *bytes.lock().unwrap_or_else(PoisonError::into_inner);
            if bytes == 0 {
                return Err("the dump is empty".to_owned());
            }
            Ok(format!("{server}: {databases} databases in {streams} dumps, exit codes, beginnings and ends are right"))
        }
    }
}

impl ReadSource for Dump {
    type Open = Cursor<Vec<u8>>;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Entries {
        Entries {
            inside: self.inside.clone(),
            about: Some(self.about.clone()),
            streams: self.streams.clone().into(),
            running: None,
            bytes: self.bytes.clone(),
        }
    }
}

/// Its entries.
pub struct Entries {
    inside: Inside,
    about: Option<About>,
    streams: VecDeque<Stream>,
    running: Option<Cutter>,
    bytes: Arc<Mutex<u64>>,
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Cursor<Vec<u8>>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(about) = self.about.take() {
            let text = serde_json::to_vec_pretty(&about).unwrap_or_default();
            return Some(Ok(file(PathBuf::from(ABOUT), text)));
        }
        loop {
            if let Some(cutter) = &mut self.running {
                match cutter.piece() {
                    Ok(Some((path, piece))) => {
                        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) += piece.len() as u64;
                        return Some(Ok(file(path, piece)));
                    }
                    Ok(None) => self.running = None,
                    Err(error) => {
                        self.running = None;
                        return Some(Err(said(error)));
                    }
                }
            }
            let stream = self.streams.pop_front()?;
            let attempt = format!("dumping {} of {}", stream.name, self.inside.service);
            match self.inside.read(&attempt, &stream.command) {
                Ok(running) => self.running = Some(Cutter::new(running, stream, attempt)),
                Err(error) => return Some(Err(said(error))),
            }
        }
    }
}

fn said(error: DumpError) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::InputOutput, error.to_string(), error)
}

fn file(path: PathBuf, content: Vec<u8>) -> ReadSourceEntry<Cursor<Vec<u8>>> {
    let now = Some(Timestamp::now());
    let size = content.len() as u64;
    let meta = Metadata { mode: Some(0o600), mtime: now, ctime: now, size, ..Metadata::default() };
    let node = Node::new_node(path.file_name().unwrap_or_default(), NodeType::File, meta);
    ReadSourceEntry { path, node, open: Some(Cursor::new(content)) }
}

/// Cuts a stream.
struct Cutter {
    running: Running,
    stream: Stream,
    attempt: String,
    buffer: BytesMut,
    tail: Vec<u8>,
    pieces: u64,
    ended: bool,
}

impl Cutter {
    fn new(running: Running, stream: Stream, attempt: String) -> Self {
        Self { running, stream, attempt, buffer: BytesMut::new(), tail: Vec::new(), pieces: 0, ended: false }
    }

    /// The next piece; `None` when the stream has ended as it has to.
    fn piece(&mut self) -> Result<Option<(PathBuf, Vec<u8>)>> {
        while !self.ended && self.buffer.len() < PIECE {
            match self.running.piece()? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => self.ended = true,
            }
        }
        if self.buffer.is_empty() {
            self.judge()?;
            return Ok(None);
        }
        let piece: Bytes = self.buffer.split_to(self.buffer.len().min(PIECE)).freeze();
        if self.pieces == 0 && !self.stream.begins.iter().any(|begin| piece.starts_with(begin)) {
            self.running.end()?;
            return Err(DumpError::failed(&self.attempt, "what it printed does not begin like a dump"));
        }
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        let path = PathBuf::from(STREAMS).join(&self.stream.name).join(format!("{:06}", self.pieces));
        self.pieces += 1;
        Ok(Some((path, piece.to_vec())))
    }

    fn judge(&self) -> Result<()> {
        self.running.end()?;
        if self.pieces == 0 {
            return Err(DumpError::failed(&self.attempt, "it printed nothing"));
        }
        let ends = self.stream.ends;
        if !ends.is_empty() && !self.tail.windows(ends.len()).any(|window| window == ends) {
            return Err(DumpError::failed(&self.attempt, "what it printed does not end like a dump: it was cut"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_databases_stay_one_component() {
        assert_eq!(component("shop"), "shop");
        assert_eq!(component("../a%b"), "..%2fa%25b");
    }
}
