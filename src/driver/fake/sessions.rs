//! Sessions of the fake: logs and programs. What needs a real process inside is refused.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::Fake;
use super::programs::{said, script};
use super::world::{FakeContainer, conflict, failed, not_found};
use crate::driver::container::Scope;
use crate::driver::error::{DriverError, Result};
use crate::driver::session::{
    AttachRequest, EngineEvent, ExecRequest, LogOptions, PathKind, Processes, Session, SessionDriver, Usage,
};
use crate::driver::stream::Chunk;
use crate::model::observed::State;

#[async_trait]
impl SessionDriver for Fake {
    async fn logs(&self, id: &str, options: &LogOptions) -> Result<BoxStream<'static, Result<Chunk>>> {
        let world = self.world();
        let Some(container) = world.container(id) else {
            return Err(not_found("reading logs", format!("No such container: {id}")));
        };
        let lines = printed(container);
        let keep = options.tail.and_then(|tail| usize::try_from(tail).ok()).unwrap_or(usize::MAX);
        let skip = lines.len().saturating_sub(keep);
        Ok(stream::iter(lines.into_iter().skip(skip).map(Ok).collect::<Vec<_>>()).boxed())
    }

    async fn exec(&self, id: &str, request: &ExecRequest) -> Result<Session> {
        let mut world = self.world();
        let attempted = format!("running a program in {id}");
        let container = world.container_mut(&attempted, id)?;
        if container.state != State::Running {
            return Err(conflict(&attempted, format!("container {id} is not running")));
        }
        container.execs.push(request.command.clone());
        let exec = format!("{}/{}", container.id, container.execs.len() - 1);
        world.changes += 1;
        let container = world.container_mut(&attempted, id)?;
        if request.command == ["cat"] && request.stdin {
            // what goes in comes out
            let (input, typed) = tokio::io::duplex(1 << 16);
            let lost = |error: std::io::Error| failed("reading what a program printed", error.to_string());
            let output = ReaderStream::new(typed).map(move |bytes| bytes.map(Chunk::Out).map_err(lost)).boxed();
            return Ok(Session { id: exec, tty: request.tty, output, input: Box::pin(input) });
        }
        let chunks: Vec<_> = said(container, &request.command).chunks.into_iter().map(Ok).collect();
        let output = stream::iter(chunks).boxed();
        Ok(Session { id: exec, tty: request.tty, output, input: Box::pin(tokio::io::sink()) })
    }

    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>> {
        let world = self.world();
        let found = exec.rsplit_once('/').and_then(|(id, index)| {
            let container = world.container(id)?;
            Some((container, container.execs.get(index.parse::<usize>().ok()?)?))
        });
        let (container, command) =
            found.ok_or_else(|| not_found("asking for an exit code", format!("No such exec: {exec}")))?;
        Ok(Some(said(container, command).code))
    }

    async fn resize_exec(&self, _exec: &str, _size: (u16, u16)) -> Result<()> {
        refuse("resizing a terminal")
    }

    async fn attach(&self, _id: &str, _request: &AttachRequest) -> Result<Session> {
        refuse("attaching")
    }

    async fn resize(&self, _id: &str, _size: (u16, u16)) -> Result<()> {
        refuse("resizing a terminal")
    }

    async fn top(&self, _id: &str, _ps_arguments: Option<&str>) -> Result<Processes> {
        refuse("listing processes")
    }

    async fn stats(&self, _id: &str, _follow: bool) -> Result<BoxStream<'static, Result<Usage>>> {
        refuse("measuring a container")
    }

    async fn events(
        &self,
        _scope: &Scope,
        _since: Option<jiff::Timestamp>,
        _until: Option<jiff::Timestamp>,
    ) -> Result<BoxStream<'static, Result<EngineEvent>>> {
        Ok(stream::empty().boxed())
    }

    async fn copy_out(&self, _id: &str, _path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        refuse("copying out of a container")
    }

    async fn export(&self, _id: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        refuse("exporting a container")
    }

    async fn copy_in(&self, _id: &str, _path: &str, _archive: Box<dyn AsyncRead + Send + Unpin>) -> Result<()> {
        refuse("copying into a container")
    }

    async fn stat(&self, _id: &str, _path: &str) -> Result<Option<PathKind>> {
        refuse("looking at a path inside")
    }

    async fn ping(&self) -> Result<Duration> {
        Ok(Duration::ZERO)
    }
}

/// What a container's own program has printed so far.
fn printed(container: &FakeContainer) -> Vec<Chunk> {
    let command = container.spec.service.command.clone().unwrap_or_default();
    if let [shell, flag, line] = command.as_slice()
        && shell.ends_with("sh")
        && flag == "-c"
    {
        return script(line).chunks;
    }
    let mut lines = vec![format!("{} runs {}\n", container.spec.name, command.join(" "))];
    lines.extend(container.exit_code.map(|code| format!("it ended with {code}\n")));
    lines.into_iter().map(|line| Chunk::Out(Bytes::from(line))).collect()
}

fn refuse<T>(attempted: &str) -> Result<T> {
    Err(DriverError::NotSupported {
        attempted: attempted.to_owned(),
        engine: "the engine in memory".to_owned(),
        reason: "nothing really runs in it; use a real engine".to_owned(),
    })
}
