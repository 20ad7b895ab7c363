//! Another machine's engine through the user's own ssh, with its configuration, keys and agent. The engine's own client is
//! the relay there, as it is for the docker command line.

use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

/// Seconds to reach the other machine, less than what a first answer may take.
const REACHED_WITHIN: &str = "ConnectTimeout=20";
/// A line that is cut says nothing by itself: ssh asks the other side now and then, and gives up after three silences.
const ALIVE: &str = "ServerAliveInterval=15";
/// ssh cannot ask: it is no job of the terminal, so that Ctrl-C leaves the tunnel to devup. A question would wait for ever.
const NO_QUESTIONS: &str = "BatchMode=yes";
/// Bytes of its complaints that are kept, the last ones.
const KEPT: usize = 2048;

/// Starts ssh. Whether it gets there is seen when the first answer is read.
pub(super) fn open(destination: &str, port: Option<u16>) -> io::Result<Tunnel> {
    let mut command = Command::new("ssh");
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    for option in [REACHED_WITHIN, ALIVE, NO_QUESTIONS] {
        command.args(["-o", option]);
    }
    command
        .args(["-T", "--", destination, "docker", "system", "dial-stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let (Some(reads), Some(writes), Some(complaints)) = (child.stdout.take(), child.stdin.take(), child.stderr.take())
    else {
        return Err(io::Error::other("ssh has no pipes"));
    };
    let by_hand = match port {
        Some(port) => format!("ssh -p {port} {destination} docker version"),
        None => format!("ssh {destination} docker version"),
    };
    let ending = Box::pin(async move { child.wait().await });
    Ok(Tunnel { reads, writes: Some(writes), complaints, said: Vec::new(), by_hand, ending })
}

/// A program's pipes as one stream; the program ends with it.
pub(super) struct Tunnel {
    reads: ChildStdout,
    writes: Option<ChildStdin>,
    complaints: ChildStderr,
    said: Vec<u8>,
    /// What a person types to see the same.
    by_hand: String,
    /// Holds the program.
    ending: Pin<Box<dyn Future<Output = io::Result<ExitStatus>> + Send>>,
}

impl Tunnel {
    /// Takes in what it complains about, so far as that is there.
    fn listen(&mut self, cx: &mut Context<'_>) {
        let mut room = [0; 512];
        loop {
            let mut buf = ReadBuf::new(&mut room);
            match Pin::new(&mut self.complaints).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.said.extend_from_slice(buf.filled()),
                _ => break,
            }
        }
        let over = self.said.len().saturating_sub(KEPT);
        self.said.drain(..over);
    }

    /// The end of the stream: as it should be, or with ssh's words on it. They are not waited for: a master connection that
    /// outlives this one may hold that pipe open.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let status = ready!(self.ending.as_mut().poll(cx))?;
        self.listen(cx);
        if status.success() {
            return Poll::Ready(Ok(()));
        }
        let said = String::from_utf8_lossy(&self.said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let words = if lines.is_empty() { format!("it ended with {status}") } else { lines.join("; ") };
        Poll::Ready(Err(io::Error::other(format!("ssh: {words} (by hand: `{}`)", self.by_hand))))
    }

    fn pipe(&mut self) -> io::Result<Pin<&mut ChildStdin>> {
        self.writes.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // heard all along, so that ssh never waits for room in that pipe
        self.listen(cx);
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.reads).poll_read(cx, buf))?;
        let at_end = buf.filled().len() == before && buf.remaining() > 0;
        if at_end { self.end(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pipe()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // a pipe is shut by closing it
        self.writes = None;
        Poll::Ready(Ok(()))
    }
}
