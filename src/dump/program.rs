//! A program inside a container, its output read as it comes and its input written as it is taken, from a thread that
//! waits.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::error::{DumpError, Result};
use crate::base::retry;
use crate::driver::session::{ExecRequest, Session, SessionDriver};
use crate::driver::stream::Chunk;

/// Standard output that is kept where all of it is wanted.
const KEPT: usize = 4 * 1024 * 1024;
/// Standard error that is kept, its end.
const WORDS: usize = 4 * 1024;
/// An engine may know of a program's end a little later than the program's output ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container and what talks to it.
#[derive(Clone)]
pub struct Inside {
    /// Runs programs.
    pub sessions: Arc<dyn SessionDriver>,
    /// Drives the connection. A runtime with a thread of its own.
    pub handle: Handle,
    /// The container.
    pub container: String,
    /// The service, for messages.
    pub service: String,
}

/// The last words of a program.
#[derive(Debug, Clone, Default)]
struct Written {
    words: Vec<u8>,
}

impl Written {
    fn take(&mut self, chunk: Chunk) {
        if let Chunk::Err(bytes) = chunk {
            self.words.extend(&bytes);
            let excess = self.words.len().saturating_sub(WORDS);
            self.words.drain(..excess);
        }
    }

    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.words);
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!(": {text}") }
    }
}

impl Inside {
    fn start(&self, attempt: &str, command: &[String], stdin: bool) -> Result<Running> {
        let request = ExecRequest { command: command.to_vec(), stdin, ..ExecRequest::default() };
        let session = self.handle.block_on(self.sessions.exec(&self.container, &request))?;
        Ok(Running { inside: self.clone(), session, attempt: attempt.to_owned(), written: Written::default() })
    }

    /// Runs a program to its end; returns what it printed. A code other than 0 is an error with its last words.
    pub fn output(&self, attempt: &str, command: &[String]) -> Result<String> {
        let mut running = self.start(attempt, command, false)?;
        let mut out = Vec::new();
        while let Some(piece) = running.piece()? {
            if out.len() + piece.len() > KEPT {
                return Err(DumpError::failed(attempt, format!("it printed more than {KEPT} bytes")));
            }
            out.extend_from_slice(&piece);
        }
        running.end()?;
        String::from_utf8(out).map_err(|_| DumpError::failed(attempt, "it printed what is no text"))
    }

    /// Starts a program whose output is read piece by piece.
    pub fn read(&self, attempt: &str, command: &[String]) -> Result<Running> {
        self.start(attempt, command, false)
    }

    /// Runs a program on this input. A code other than 0 is an error with its last words.
    pub fn feed(
        &self,
        attempt: &str,
        command: &[String],
        input: &mut dyn Iterator<Item = std::result::Result<Bytes, String>>,
    ) -> Result<()> {
        let Running { session: Session { id, mut output, input: mut writer, .. }, .. } =
            self.start(attempt, command, true)?;
        // its words are read while it is fed: whoever is not read stops reading
        let listener = AbortOnDropHandle::new(self.handle.spawn(async move {
            let mut written = Written::default();
            while let Some(chunk) = output.next().await {
                written.take(chunk?);
            }
            Ok::<_, crate::driver::error::DriverError>(written)
        }));
        let mut broken = None;
        for piece in input {
            let piece = piece.map_err(|reason| DumpError::failed(attempt, reason))?;
            if let Err(error) = self.handle.block_on(writer.write_all(&piece)) {
                broken = Some(error);
                break;
            }
        }
        // a program that has ended takes no end of input
        let _ = self.handle.block_on(writer.shutdown());
        let written = self.handle.block_on(listener).map_err(|error| DumpError::failed(attempt, error))??;
        self.judge(attempt, &id, &written)?;
        match broken {
            Some(error) => Err(DumpError::failed(attempt, format!("it took only a part of its input: {error}"))),
            None => Ok(()),
        }
    }

    fn judge(&self, attempt: &str, exec: &str, written: &Written) -> Result<()> {
        let ended = async || self.sessions.exec_exit_code(exec).await.transpose();
        match self.handle.block_on(retry::until(PATIENCE, ended)) {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(code)) => Err(DumpError::failed(attempt, format!("it ended with code {code}{}", written.said()))),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(DumpError::failed(attempt, "the engine does not say how it ended")),
        }
    }
}

/// A program whose output is read.
pub struct Running {
    inside: Inside,
    session: Session,
    attempt: String,
    written: Written,
}

impl Running {
    /// The next piece of its output; `None` at its end.
    pub fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.inside.handle.block_on(self.session.output.next()) {
                None => return Ok(None),
                Some(chunk) => match chunk? {
                    Chunk::Out(piece) => return Ok(Some(piece)),
                    words @ Chunk::Err(_) => self.written.take(words),
                },
            }
        }
    }

    /// Its output is of no interest, its end is.
    pub fn drain(mut self) -> Result<()> {
        while self.piece()?.is_some() {}
        self.end()
    }

    /// How it ended.
    pub fn end(&self) -> Result<()> {
        self.inside.judge(&self.attempt, &self.session.id, &self.written)
    }
}

/// A script of the container's shell, with arguments that it does not read as its own.
pub(super) fn shell(script: &str, arguments: &[&str]) -> Vec<String> {
    let words = ["sh", "-c", script, "sh"].into_iter().chain(arguments.iter().copied());
    words.map(str::to_owned).collect()
}
