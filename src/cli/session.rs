//! Between the user's terminal and a program inside: keys and bytes in, output out, the window's size along the way.

use std::io::Write;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::error::{AppError, Result};
use crate::app::wiring::Engine;
use crate::driver::session::Session;
use crate::driver::stream::Chunk;
use crate::ui::terminal::{self, RawMode};

/// What kind of thing the session belongs to: it decides whom the window's size is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// A program started by exec.
    Exec,
    /// A container's main program.
    Container,
}

/// How it is connected.
#[derive(Debug, Clone, Copy)]
pub struct Wires {
    /// The program has a terminal: keys go to it one by one.
    pub tty: bool,
    /// Our standard input goes to it.
    pub stdin: bool,
    /// Signals that we get go on to a container's main program.
    pub signals: bool,
}

/// Passes everything on until the program's output ends. The terminal is as it was before in the end, whatever happens.
pub async fn join(engine: &Engine, session: Session, inside: Inside, wires: Wires) -> Result<()> {
    let raw = (wires.tty && wires.stdin && terminal::stdin_is_one()).then(RawMode::enter).transpose();
    let _raw = raw.map_err(|source| AppError::io("switching the terminal to raw mode", source))?;
    let Session { id, mut output, input, .. } = session;
    let mut windows = window_changes()?;
    let mut ends = Ends::listen()?;
    if wires.tty {
        tell_size(engine, inside, &id).await;
    }
    let mut typing = std::pin::pin!(pump_in(wires.stdin, input));
    let mut typing_over = false;
    let mut signals = 0;
    loop {
        tokio::select! {
            biased;
            chunk = output.next() => match chunk {
                Some(chunk) => print(&chunk?)?,
                None => return Ok(()),
            },
            () = windows.next(), if wires.tty => tell_size(engine, inside, &id).await,
            signal = ends.next() => {
                signals += 1;
                if !wires.signals || inside == Inside::Exec || signals > PATIENCE || !forward(engine, &id, signal).await {
                    return Err(AppError::Interrupted { message: format!("ended by {signal}") });
                }
            }
            () = &mut typing, if !typing_over => typing_over = true,
        }
    }
}

/// So many signals are passed on to a container's program; then it is ended.
const PATIENCE: u32 = 2;

/// Passes a signal on to a container's main program, which decides what it means; `false`: that can't be done.
async fn forward(engine: &Engine, id: &str, signal: &str) -> bool {
    engine.containers.kill(id, signal).await.is_ok()
}

fn print(chunk: &Chunk) -> Result<()> {
    let written = match chunk {
        Chunk::Out(bytes) => {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        Chunk::Err(bytes) => std::io::stderr().lock().write_all(bytes),
    };
    written.map_err(|source| AppError::io("writing the program's output", source))
}

/// Our standard input to the program's, until either ends.
async fn pump_in(wanted: bool, mut input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>) {
    if wanted {
        let mut stdin = tokio::io::stdin();
        let mut buffer = vec![0; 16 * 1024];
        // a program that reads no more has closed its end: not our failure
        while let Ok(count @ 1..) = stdin.read(&mut buffer).await {
            if input.write_all(&buffer[..count]).await.is_err() || input.flush().await.is_err() {
                break;
            }
        }
    }
    let _ = input.shutdown().await;
}

async fn tell_size(engine: &Engine, inside: Inside, id: &str) {
    let Some(size) = terminal::size() else { return };
    // a program that just ended has no window any more
    let _ = match inside {
        Inside::Exec => engine.sessions.resize_exec(id, size).await,
        Inside::Container => engine.sessions.resize(id, size).await,
    };
}

/// Changes of the window's size.
struct Windows {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

#[cfg(unix)]
fn window_changes() -> Result<Windows> {
    let kind = tokio::signal::unix::SignalKind::window_change();
    let signal = tokio::signal::unix::signal(kind).map_err(|source| AppError::io("listening for signals", source))?;
    Ok(Windows { signal })
}

#[cfg(not(unix))]
fn window_changes() -> Result<Windows> {
    Ok(Windows {})
}

impl Windows {
    async fn next(&mut self) {
        #[cfg(unix)]
        {
            self.signal.recv().await;
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }
}

/// Signals that end us: caught, so that the terminal is put back first.
struct Ends {
    #[cfg(unix)]
    signals: [(tokio::signal::unix::Signal, &'static str); 3],
}

impl Ends {
    #[cfg(unix)]
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let open = |kind, name| {
            signal(kind).map(|s| (s, name)).map_err(|source| AppError::io("listening for signals", source))
        };
        Ok(Self {
            signals: [
                open(SignalKind::interrupt(), "SIGINT")?,
                open(SignalKind::terminate(), "SIGTERM")?,
                open(SignalKind::hangup(), "SIGHUP")?,
            ],
        })
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        {
            let [a, b, c] = &mut self.signals;
            tokio::select! {
                _ = a.0.recv() => a.1,
                _ = b.0.recv() => b.1,
                _ = c.0.recv() => c.1,
            }
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }
}

/// A program inside gets a terminal where both our ends are one and `-T` does not forbid it.
pub fn wants_tty(forbidden: bool) -> bool {
    !forbidden && terminal::stdin_is_one() && terminal::stdout_is_one()
}
