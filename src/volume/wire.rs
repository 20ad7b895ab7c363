//! The host's end of the wire to a helper: questions go out numbered, answers find whoever asked. Asked from threads that
//! wait; the engine's connection itself is driven by the runtime.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::error::{Result, VolumeError};
use super::protocol::{self, Answer, Ask};
use crate::driver;
use crate::driver::stream::Chunk;

/// Words of the helper about its own end that are kept.
const LAST_WORDS: usize = 4 * 1024;

type Input = Pin<Box<dyn AsyncWrite + Send>>;
type Output = BoxStream<'static, driver::error::Result<Chunk>>;
type Reply = Result<(Answer, Bytes), String>;

/// The wire.
pub(super) struct Wire {
    handle: Handle,
    input: Mutex<Input>,
    waiting: Arc<Mutex<Waiting>>,
    numbers: AtomicU32,
    _listener: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Waiting {
    askers: HashMap<u32, Sender<Reply>>,
    /// Why there will be no more answers.
    ended: Option<String>,
}

impl Waiting {
    fn end(&mut self, reason: &str) {
        self.ended = Some(reason.to_owned());
        // their senders go, and whoever waits looks here
        self.askers.clear();
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A question whose answer is to come.
pub(super) struct Pending {
    reply: Receiver<Reply>,
    waiting: Arc<Mutex<Waiting>>,
}

impl Pending {
    /// Waits for it.
    pub(super) fn wait(self, attempt: &str) -> Result<(Answer, Bytes)> {
        let reply = self.reply.recv().unwrap_or_else(|_| {
            let reason = held(&self.waiting).ended.clone();
            Err(reason.unwrap_or_else(|| "the helper is gone".to_owned()))
        });
        match reply {
            Ok((Answer::Failed { reason }, _)) | Err(reason) => Err(VolumeError::failed(attempt, reason)),
            Ok(answer) => Ok(answer),
        }
    }
}

impl Wire {
    /// Over a program's streams.
    pub(super) fn new(handle: Handle, output: Output, input: Input) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let listener = handle.spawn(listen(output, waiting.clone()));
        Self {
            handle,
            input: Mutex::new(input),
            waiting,
            numbers: AtomicU32::new(1),
            _listener: AbortOnDropHandle::new(listener),
        }
    }

    /// Asks, and does not wait.
    pub(super) fn send(&self, attempt: &str, ask: &Ask, bytes: &[u8]) -> Result<Pending> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let failed = |error: std::io::Error| VolumeError::failed(attempt, error);
        let frame = protocol::encode(number, ask, bytes).map_err(failed)?;
        let (asker, reply) = channel();
        {
            let mut waiting = held(&self.waiting);
            if let Some(reason) = &waiting.ended {
                return Err(VolumeError::failed(attempt, reason));
            }
            waiting.askers.insert(number, asker);
        }
        let mut input = held(&self.input);
        let sent = self.handle.block_on(async {
            input.write_all(&frame).await?;
            input.flush().await
        });
        if let Err(error) = sent {
            // the helper's own words come through the other stream, and say more
            held(&self.waiting).askers.remove(&number);
            let reason = held(&self.waiting).ended.clone();
            return Err(VolumeError::failed(attempt, reason.unwrap_or_else(|| error.to_string())));
        }
        Ok(Pending { reply, waiting: self.waiting.clone() })
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, attempt: &str, ask: &Ask) -> Result<(Answer, Bytes)> {
        self.send(attempt, ask, &[])?.wait(attempt)
    }
}

/// Hands answers out until the stream ends.
async fn listen(mut output: Output, waiting: Arc<Mutex<Waiting>>) {
    let (mut buffer, mut words) = (BytesMut::new(), String::new());
    let reason = loop {
        match output.next().await {
            None => break None,
            Some(Err(error)) => break Some(error.to_string()),
            Some(Ok(Chunk::Err(said))) => {
                if words.len() < LAST_WORDS {
                    words.push_str(&String::from_utf8_lossy(&said));
                }
            }
            Some(Ok(Chunk::Out(piece))) => {
                buffer.extend_from_slice(&piece);
                if let Err(error) = hand_out(&mut buffer, &waiting) {
                    break Some(error.to_string());
                }
            }
        }
    };
    let reason = reason.or_else(|| Some(words.trim().to_owned()).filter(|words| !words.is_empty()));
    held(&waiting).end(&format!("the helper has ended: {}", reason.as_deref().unwrap_or("it did not say why")));
}

fn hand_out(buffer: &mut BytesMut, waiting: &Mutex<Waiting>) -> std::io::Result<()> {
    while let Some((number, answer, bytes)) = protocol::decode::<Answer>(buffer)? {
        if let Some(asker) = held(waiting).askers.remove(&number) {
            // whoever asked may not care any more
            let _ = asker.send(Ok((answer, bytes)));
        }
    }
    Ok(())
}
