//! Programs in running containers, and the main program itself: both directions over one taken-over connection.

use bollard::models::ExecConfig;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::Moby;
use super::create::{some_list, some_true};
use super::http::segment;
use super::output;
use crate::driver::error::{DriverError, Result};
use crate::driver::session::{AttachRequest, ExecRequest, Session};

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Looked {
    #[serde(default)]
    running: bool,
    #[serde(default)]
    exit_code: Option<i64>,
}

/// Makes an exec and starts it.
pub(super) async fn exec(moby: &Moby, id: &str, request: &ExecRequest) -> Result<Session> {
    let attempted = format!("running {} in container {id}", request.command.first().map_or("nothing", String::as_str));
    let config = ExecConfig {
        attach_stdin: some_true(request.stdin && !request.detach),
        attach_stdout: some_true(!request.detach),
        attach_stderr: some_true(!request.detach),
        tty: some_true(request.tty),
        env: some_list(request.environment.clone()),
        cmd: Some(request.command.clone()),
        privileged: some_true(request.privileged),
        user: request.user.clone(),
        working_dir: request.working_dir.clone(),
        ..ExecConfig::default()
    };
    let path = format!("/containers/{}/exec", segment(id));
    let made: Made = moby.http.post(attempted.clone(), path).json(&config).value().await?;
    let path = format!("/exec/{}/start", made.id);
    let start = moby.http.post(attempted, path).json(&json!({ "Detach": request.detach, "Tty": request.tty }));
    if request.detach {
        start.done().await?;
        let output = Box::pin(futures_util::stream::empty());
        return Ok(Session { id: made.id, tty: request.tty, output, input: Box::pin(tokio::io::sink()) });
    }
    let (reads, mut writes) = tokio::io::split(start.upgrade().await?);
    if !request.stdin {
        // the program sees the end of its input at once; that it is gone already is no matter
        let _ = writes.shutdown().await;
    }
    let output = output::chunks(reads, request.tty);
    Ok(Session { id: made.id, tty: request.tty, output, input: Box::pin(writes) })
}

/// The code that an exec ended with; `None` while it runs.
pub(super) async fn exit_code(moby: &Moby, exec: &str) -> Result<Option<i64>> {
    let path = format!("/exec/{}/json", segment(exec));
    let looked: Looked = moby.http.get("asking how a program ended", path).value().await?;
    Ok(looked.exit_code.filter(|_| !looked.running))
}

/// Joins the main program.
pub(super) async fn attach(moby: &Moby, id: &str, request: &AttachRequest) -> Result<Session> {
    let attempted = format!("attaching to container {id}");
    let seen = moby.inspect(id).await?.ok_or_else(|| DriverError::NotFound {
        attempted: attempted.clone(),
        reason: format!("no such container: {id}"),
    })?;
    let path = format!("/containers/{}/attach", segment(id));
    let ask = moby.http.post(attempted, path).query("stream", "1").query("stdout", "1").query("stderr", "1");
    let ask = ask.query_some("stdin", request.stdin.then_some("1"));
    let ask = ask.query_some("detachKeys", request.detach_keys.as_deref());
    let (reads, writes) = tokio::io::split(ask.upgrade().await?);
    let (tty, output) = (seen.config.tty, output::chunks(reads, seen.config.tty));
    Ok(Session { id: id.to_owned(), tty, output, input: Box::pin(writes) })
}

/// Tells a terminal its size.
pub(super) async fn resize(moby: &Moby, path: String, (columns, rows): (u16, u16)) -> Result<()> {
    let ask = moby.http.post("resizing a terminal", path);
    ask.query("h", rows.to_string()).query("w", columns.to_string()).done().await
}
