//! A program under way: feeding it, reading what it prints until its end, and ending it with its caller.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;

use super::Stream;

/// How long output is still read after the program ended while a grandchild keeps the pipe open.
const AFTER_END: Duration = Duration::from_millis(200);
/// Output as far as it is kept, and who sees each piece.
pub(super) struct Captured<F> {
    /// Bytes per stream at most.
    pub(super) kept: usize,
    /// Standard output.
    pub(super) out: Vec<u8>,
    /// Standard error.
    pub(super) err: Vec<u8>,
    /// Sees each piece as it comes.
    pub(super) seen: F,
}

impl<F: FnMut(Stream, &[u8])> Captured<F> {
    fn take(&mut self, stream: Stream, piece: &[u8]) {
        (self.seen)(stream, piece);
        let kept = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        let room = self.kept.saturating_sub(kept.len()).min(piece.len());
        kept.extend_from_slice(&piece[..room]);
    }
}

/// Feeds the input and reads both outputs until the program has ended and they are drained.
pub(super) async fn follow<F: FnMut(Stream, &[u8])>(
    child: &mut Child,
    input: Option<&[u8]>,
    output: &mut Captured<F>,
) -> io::Result<ExitStatus> {
    let (mut stdin, mut out, mut err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feeding = async {
        if let (Some(mut pipe), Some(bytes)) = (stdin.take(), input) {
            // a program that does not read all of its input is free to do so
            let _ = pipe.write_all(bytes).await;
            let _ = pipe.shutdown().await;
        }
    };
    tokio::pin!(feeding);
    let (mut out_piece, mut err_piece) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut fed, mut status) = (false, None);
    while out.is_some() || err.is_some() || status.is_none() {
        tokio::select! {
            () = &mut feeding, if !fed => fed = true,
            length = read(out.as_mut(), &mut out_piece), if out.is_some() => match length? {
                0 => out = None,
                length => output.take(Stream::Out, &out_piece[..length]),
            },
            length = read(err.as_mut(), &mut err_piece), if err.is_some() => match length? {
                0 => err = None,
                length => output.take(Stream::Err, &err_piece[..length]),
            },
            ended = child.wait(), if status.is_none() => status = Some(ended?),
            () = tokio::time::sleep(AFTER_END), if status.is_some() => break,
        }
    }
    match status {
        Some(status) => Ok(status),
        None => child.wait().await,
    }
}

async fn read(pipe: Option<&mut (impl AsyncRead + Unpin)>, piece: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(piece).await,
        None => Ok(0),
    }
}

/// Ends the program's group when the caller goes away before the program does.
pub(super) struct Guard {
    group: Option<u32>,
}

impl Guard {
    pub(super) fn of(child: &Child, terminal: bool) -> Self {
        Self { group: if terminal { None } else { child.id() } }
    }

    pub(super) fn disarm(mut self) {
        self.group = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.group.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
            // a group that has already ended is what we want
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}
