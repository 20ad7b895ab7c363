//! What a person does with a running container.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::containers::filters;
use super::http::segment;
use super::listed::nullable;
use super::usage::Sample;
use super::{Moby, exec, output};
use crate::driver::container::Scope;
use crate::driver::error::{DriverError, Result};
use crate::driver::session::{
    AttachRequest, EngineEvent, ExecRequest, LogOptions, PathKind, Processes, Session, SessionDriver, Usage,
};
use crate::driver::stream::Chunk;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Top {
    #[serde(default, deserialize_with = "nullable")]
    titles: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    processes: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default, rename = "timeNano")]
    time_nano: i64,
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default, rename = "Action")]
    action: String,
    #[serde(default, rename = "Actor")]
    actor: Actor,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    attributes: indexmap::IndexMap<String, String>,
}

impl From<Told> for EngineEvent {
    fn from(told: Told) -> Self {
        Self {
            time_nano: told.time_nano,
            kind: told.kind,
            action: told.action,
            id: told.actor.id,
            attributes: told.actor.attributes,
        }
    }
}

/// Columns of `top` where the engine has none of its own, in the words of AIX's `ps`, as Podman takes them.
const COLUMNS: &str = "user,pid,ppid,pcpu,etime,tty,time,args";

/// A moment as engines take it: `seconds.nanoseconds` since 1970.
pub(super) fn moment(at: Timestamp) -> String {
    let nanos = at.as_nanosecond();
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    format!("{seconds}.{rest:09}")
}

#[async_trait]
impl SessionDriver for Moby {
    async fn logs(&self, id: &str, options: &LogOptions) -> Result<BoxStream<'static, Result<Chunk>>> {
        let attempted = format!("reading the log of container {id}");
        let missing =
            || DriverError::NotFound { attempted: attempted.clone(), reason: format!("no such container: {id}") };
        // only the container knows whether its log is framed
        let tty = self.inspect(id).await?.ok_or_else(missing)?.config.tty;
        let flag = |on: bool| if on { "1" } else { "0" };
        let ask = self
            .http
            .get(attempted.clone(), format!("/containers/{}/logs", segment(id)))
            .query("stdout", "1")
            .query("stderr", "1")
            .query("follow", flag(options.follow))
            .query("timestamps", flag(options.timestamps))
            .query("tail", options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()))
            .query_some("since", options.since.map(moment))
            .query_some("until", options.until.map(moment));
        let pieces = Box::pin(ask.pieces().await?);
        Ok(output::chunks(StreamReader::new(pieces.map(|piece| piece.map_err(std::io::Error::other))), tty))
    }

    async fn exec(&self, id: &str, request: &ExecRequest) -> Result<Session> {
        exec::exec(self, id, request).await
    }

    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>> {
        exec::exit_code(self, exec).await
    }

    async fn resize_exec(&self, exec: &str, size: (u16, u16)) -> Result<()> {
        exec::resize(self, format!("/exec/{}/resize", segment(exec)), size).await
    }

    async fn attach(&self, id: &str, request: &AttachRequest) -> Result<Session> {
        exec::attach(self, id, request).await
    }

    async fn resize(&self, id: &str, size: (u16, u16)) -> Result<()> {
        exec::resize(self, format!("/containers/{}/resize", segment(id)), size).await
    }

    async fn top(&self, id: &str, ps_arguments: Option<&str>) -> Result<Processes> {
        let path = format!("/containers/{}/top", segment(id));
        let ask = self.http.get(format!("listing the processes of container {id}"), path);
        // Podman's answer to the question without columns is an empty one
        let ps_arguments = ps_arguments.or((!self.features.top_by_default).then_some(COLUMNS));
        let top: Top = ask.query_some("ps_args", ps_arguments).value().await?;
        Ok(Processes { titles: top.titles, rows: top.processes })
    }

    async fn stats(&self, id: &str, follow: bool) -> Result<BoxStream<'static, Result<Usage>>> {
        let path = format!("/containers/{}/stats", segment(id));
        let ask = self.http.get(format!("measuring container {id}"), path);
        // without following, the engine still takes two samples, so that CPU time has a difference
        let samples = ask.query("stream", if follow { "1" } else { "0" }).values::<Sample>().await?;
        Ok(samples.map(|sample| sample.map(|sample| sample.usage())).boxed())
    }

    async fn events(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<BoxStream<'static, Result<EngineEvent>>> {
        let ask = self.http.get("listening to the engine", "/events").query("filters", filters(scope).to_string());
        let ask = ask.query_some("since", since.map(moment));
        let told = ask.query_some("until", until.map(moment)).values::<Told>().await?;
        Ok(told.map(|event| event.map(EngineEvent::from)).boxed())
    }

    async fn copy_out(&self, id: &str, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let target = format!("/containers/{}/archive", segment(id));
        let ask = self.http.get(format!("copying {path} out of container {id}"), target).query("path", path);
        Ok(ask.pieces().await?.boxed())
    }

    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = format!("/containers/{}/export", segment(id));
        Ok(self.http.get(format!("exporting container {id}"), path).pieces().await?.boxed())
    }

    async fn copy_in(&self, id: &str, path: &str, archive: Box<dyn AsyncRead + Send + Unpin>) -> Result<()> {
        let target = format!("/containers/{}/archive", segment(id));
        let ask = self.http.put(format!("copying to {path} in container {id}"), target).query("path", path);
        let ask = ask.query("noOverwriteDirNonDir", "true").header("content-type", "application/x-tar");
        ask.reader(archive).done().await
    }

    async fn stat(&self, id: &str, path: &str) -> Result<Option<PathKind>> {
        let target = format!("/containers/{}/archive", segment(id));
        let ask = self.http.head(format!("looking at {path} in container {id}"), target).query("path", path);
        match ask.send().await {
            Ok(answer) => Ok(Some(kind_of(answer.headers().get("x-docker-container-path-stat")))),
            Err(error) if error.is_not_found() => {
                // the answer has no body that told a missing container from a missing path
                match self.inspect(id).await? {
                    Some(_) => Ok(None),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn ping(&self) -> Result<Duration> {
        let begun = Instant::now();
        self.http.get("asking whether the engine is there", "/_ping").done().await?;
        Ok(begun.elapsed())
    }
}

/// The header is base64 of JSON with Go's `os.FileMode`, whose highest bit says folder.
fn kind_of(header: Option<&hyper::header::HeaderValue>) -> PathKind {
    use base64::Engine as _;
    let decoded = header.and_then(|value| base64::engine::general_purpose::STANDARD.decode(value.as_bytes()).ok());
    let stat: serde_json::Value = decoded.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or(json!({}));
    let mode = stat.get("mode").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if mode & (1 << 31) == 0 { PathKind::File } else { PathKind::Folder }
}
