//! Running another program: arguments as a list (never through a shell), output captured and bounded, a deadline, and the
//! whole process group ended when the time is up or the caller loses interest.

mod follow;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

use follow::{Captured, Guard, follow};

/// Output kept per stream when the call does not say otherwise; the rest is read and dropped.
const KEPT: usize = 16 * 1024 * 1024;
/// Lines of standard error that an error text shows.
const SHOWN_LINES: usize = 12;

/// A call of another program, described before it is made.
///
/// Arguments are shown in errors and seen by everyone on the machine (`ps`): secrets go through [`Call::stdin`] or
/// [`Call::env`], which no message shows.
#[derive(Clone)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    limit: Option<Duration>,
    kept: usize,
    terminal: bool,
}

/// Which stream a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a program ended, and what it wrote.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output, up to the agreed size.
    pub stdout: Vec<u8>,
    /// Standard error, up to the agreed size.
    pub stderr: Vec<u8>,
    shown: String,
}

/// A program that could not be run, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("cannot run `{program}`: it is not installed, or not on PATH")]
    NotFound {
        /// The program's name.
        program: String,
    },
    /// The system refused to start it.
    #[error("cannot run `{command}`: {source}")]
    Start {
        /// The whole command.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It ran, but its pipes or its end could not be followed.
    #[error("lost track of `{command}`: {source}")]
    Io {
        /// The whole command.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It was stopped because it took too long.
    #[error("`{command}` was stopped after {} s without an end{}", limit.as_secs(), tail(stderr))]
    Deadline {
        /// The whole command.
        command: String,
        /// The time it had.
        limit: Duration,
        /// What it had written to standard error.
        stderr: String,
    },
    /// It ended with a failure.
    #[error("`{command}` failed ({status}){}", tail(stderr))]
    Failed {
        /// The whole command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        stderr: String,
    },
}

impl Call {
    /// A call of `program` (a name looked up on PATH, or a path) without arguments and without a deadline.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            stdin: None,
            limit: None,
            kept: KEPT,
            terminal: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable out of the program's environment.
    #[must_use]
    pub fn without_env(mut self, key: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), None));
        self
    }

    /// Runs in this folder.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Gives the program these bytes as its standard input; without this it gets none.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Stops the program, and what it started, after this time.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Keeps at most this many bytes of each stream.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        self.kept = bytes;
        self
    }

    /// Leaves the program in the terminal's foreground, so that it may ask there (`sudo`, `ssh`, `git`). Ctrl-C then
    /// reaches it directly.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Runs the program and gathers its output. A failure of the program is not an error here: see [`Finished::checked`].
    /// Dropping the future stops the program.
    pub async fn run(&self) -> Result<Finished, ProcessError> {
        self.watch(|_, _| {}).await
    }

    /// As [`Call::run`], and shows each piece of output to `seen` as it comes.
    pub async fn watch(&self, seen: impl FnMut(Stream, &[u8])) -> Result<Finished, ProcessError> {
        let mut child = self.spawn()?;
        let guard = Guard::of(&child, self.terminal);
        let mut output = Captured { kept: self.kept, out: Vec::new(), err: Vec::new(), seen };
        let work = follow(&mut child, self.stdin.as_deref(), &mut output);
        let ended = match self.limit {
            None => Some(work.await),
            Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        };
        match ended {
            Some(Ok(status)) => {
                guard.disarm();
                Ok(Finished { status, stdout: output.out, stderr: output.err, shown: self.to_string() })
            }
            Some(Err(source)) => Err(ProcessError::Io { command: self.to_string(), source }),
            None => {
                drop(guard);
                let _ = child.kill().await;
                Err(ProcessError::Deadline {
                    command: self.to_string(),
                    limit: self.limit.unwrap_or_default(),
                    stderr: String::from_utf8_lossy(&output.err).into_owned(),
                })
            }
        }
    }

    /// As [`Call::run`], for callers that are not asynchronous. Must not be called on a runtime's own thread.
    pub fn run_blocking(&self) -> Result<Finished, ProcessError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| ProcessError::Start { command: self.to_string(), source })?;
        runtime.block_on(self.run())
    }

    /// Runs the program on the caller's own terminal: all three streams are inherited and nothing is captured.
    /// Standard input that was given is ignored. For shells, editors, and programs that draw their own progress.
    pub async fn run_attached(&self) -> Result<ExitStatus, ProcessError> {
        let mut command = self.command();
        command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(|source| self.start_error(source))?;
        child.wait().await.map_err(|source| ProcessError::Io { command: self.to_string(), source })
    }

    /// Runs the program with both outputs in `log` and no input. What it leaves behind (a daemon) may keep the file.
    pub async fn run_into(&self, log: &std::fs::File) -> Result<ExitStatus, ProcessError> {
        let lost = |source| ProcessError::Io { command: self.to_string(), source };
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(lost)?).stderr(log.try_clone().map_err(lost)?);
        let mut child = command.spawn().map_err(|source| self.start_error(source))?;
        let limit = self.limit.unwrap_or(Duration::MAX);
        match tokio::time::timeout(limit, child.wait()).await {
            Ok(status) => status.map_err(lost),
            Err(_) => Err(ProcessError::Deadline { command: self.to_string(), limit, stderr: String::new() }),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).kill_on_drop(true);
        for (key, value) in &self.env {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn spawn(&self) -> Result<Child, ProcessError> {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(match (&self.stdin, self.terminal) {
            (Some(_), _) => Stdio::piped(),
            (None, true) => Stdio::inherit(),
            (None, false) => Stdio::null(),
        });
        #[cfg(unix)]
        if !self.terminal {
            // its own group: Ctrl-C does not reach it, and the deadline reaches all it started
            command.process_group(0);
        }
        command.spawn().map_err(|source| self.start_error(source))
    }

    fn start_error(&self, source: io::Error) -> ProcessError {
        // a missing working folder gives the same system error as a missing program
        let program_missing = self.dir.as_ref().is_none_or(|dir| dir.is_dir());
        if source.kind() == io::ErrorKind::NotFound && program_missing {
            ProcessError::NotFound { program: self.program.to_string_lossy().into_owned() }
        } else {
            ProcessError::Start { command: self.to_string(), source }
        }
    }
}

/// The command as one would type it, quoted for a POSIX shell.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// Without environment and input: they may hold secrets.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({self})")
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    // only a NUL byte cannot be quoted, and no argument can hold one
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), std::borrow::Cow::into_owned)
}

impl Finished {
    /// Whether the program ended with 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Turns a failure of the program into an error that shows the end of its standard error.
    pub fn checked(self) -> Result<Self, ProcessError> {
        if self.success() {
            return Ok(self);
        }
        Err(ProcessError::Failed {
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
            command: self.shown,
            status: self.status,
        })
    }

    /// Standard output as text without the white space around it; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    /// Standard error as text without the white space around it; bytes that are not UTF-8 are replaced.
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

/// The last lines of an error output, put after a message.
fn tail(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    if shown.is_empty() { String::new() } else { format!(":\n{}", shown.join("\n")) }
}

#[cfg(test)]
mod tests;
