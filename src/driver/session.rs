//! What a person does with a running container: look, listen, type, copy.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::container::Scope;
use super::error::Result;
use super::stream::Chunk;

/// Which log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Goes on as new lines come.
    pub follow: bool,
    /// The last n lines; `None`: all.
    pub tail: Option<u64>,
    /// What was printed before is left out.
    pub since: Option<Timestamp>,
    /// What was printed after is left out.
    pub until: Option<Timestamp>,
    /// With the engine's time stamp in front of each line.
    pub timestamps: bool,
}

/// A program to run in a running container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecRequest {
    /// Arguments.
    pub command: Vec<String>,
    /// User inside.
    pub user: Option<String>,
    /// Folder inside.
    pub working_dir: Option<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// A terminal.
    pub tty: bool,
    /// Standard input is wanted.
    pub stdin: bool,
    /// All rights.
    pub privileged: bool,
    /// Started and left.
    pub detach: bool,
}

/// How a container's main program is joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttachRequest {
    /// Standard input is wanted.
    pub stdin: bool,
    /// Keys that end the session and leave the program, such as `ctrl-p,ctrl-q`; `None`: the engine's own.
    pub detach_keys: Option<String>,
}

/// Both directions of a running program. With a terminal everything comes as `Chunk::Out`.
pub struct Session {
    /// The exec's or container's id, for `resize` and `exec_exit_code`.
    pub id: String,
    /// The program has a terminal.
    pub tty: bool,
    /// What it prints; ends when it ends.
    pub output: BoxStream<'static, Result<Chunk>>,
    /// What it reads; dropping (after shutdown) closes its standard input.
    pub input: std::pin::Pin<Box<dyn AsyncWrite + Send>>,
}

/// What `top` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Processes {
    /// Column titles.
    pub titles: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// What `stats` shows of one container at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Usage {
    /// CPUs in percent of one.
    pub cpu_percent: f64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub memory_limit: u64,
    /// Bytes received.
    pub network_in: u64,
    /// Bytes sent.
    pub network_out: u64,
    /// Bytes read.
    pub block_in: u64,
    /// Bytes written.
    pub block_out: u64,
    /// Processes.
    pub pids: u64,
}

/// Something that happened on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineEvent {
    /// Nanoseconds since 1970.
    pub time_nano: i64,
    /// `container`, `network`, …
    pub kind: String,
    /// `start`, `die`, `health_status: healthy`, …
    pub action: String,
    /// Id of the thing.
    pub id: String,
    /// Labels and the like.
    pub attributes: indexmap::IndexMap<String, String>,
}

/// Sessions with containers.
#[async_trait]
pub trait SessionDriver: Send + Sync {
    /// Output of a container.
    async fn logs(&self, id: &str, options: &LogOptions) -> Result<BoxStream<'static, Result<Chunk>>>;
    /// Runs a program in it.
    async fn exec(&self, id: &str, request: &ExecRequest) -> Result<Session>;
    /// The exit code of an exec that ended.
    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>>;
    /// Tells an exec the terminal's size (columns, rows).
    async fn resize_exec(&self, exec: &str, size: (u16, u16)) -> Result<()>;
    /// Joins the main program of a container (before it starts, to miss nothing).
    async fn attach(&self, id: &str, request: &AttachRequest) -> Result<Session>;
    /// Tells a container's terminal its size (columns, rows).
    async fn resize(&self, id: &str, size: (u16, u16)) -> Result<()>;
    /// Its processes.
    async fn top(&self, id: &str, ps_arguments: Option<&str>) -> Result<Processes>;
    /// Its usage, once or again and again.
    async fn stats(&self, id: &str, follow: bool) -> Result<BoxStream<'static, Result<Usage>>>;
    /// What happens from now on (or since then).
    async fn events(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<BoxStream<'static, Result<EngineEvent>>>;
    /// A tar archive of a path inside.
    async fn copy_out(&self, id: &str, path: &str) -> Result<BoxStream<'static, Result<bytes::Bytes>>>;
    /// A tar archive of everything inside, without volumes.
    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<bytes::Bytes>>>;
    /// Unpacks a tar archive at a folder inside.
    async fn copy_in(&self, id: &str, path: &str, archive: Box<dyn AsyncRead + Send + Unpin>) -> Result<()>;
    /// What kind of thing is at a path inside: `None` where nothing is.
    async fn stat(&self, id: &str, path: &str) -> Result<Option<PathKind>>;
    /// Round trip to the engine.
    async fn ping(&self) -> Result<Duration>;
}

/// Kind of a path inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A folder.
    Folder,
    /// Anything else.
    File,
}
