//! A rest-server: restic's protocol over HTTP, on the TLS stack that devup has anyway.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use serde::Deserialize;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http};
use url::Url;

use super::error::{BackupError, Kind, Result};
use super::rclone::Server;

/// The second version of the protocol lists files with their sizes.
const LISTS: &str = "application/vnd.x.restic.rest.v2";
/// For one answer: a pack is some 100 MiB at most.
const PATIENCE: Duration = Duration::from_mins(10);
/// The largest answer.
const MOST: u64 = 4 << 30;
/// What fails on its way is asked for again, so many times.
const TRIES: u32 = 4;

/// A repository on a server.
pub(super) struct Rest {
    agent: Agent,
    base: Url,
    login: Option<String>,
    shown: String,
    /// rclone, where devup started it: it ends with this.
    server: Option<Arc<Server>>,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rest({})", self.shown)
    }
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u32,
}

/// Why an answer is none.
struct Failed {
    reason: String,
    /// As if the place were a folder, so that the remedies are the same.
    kind: io::ErrorKind,
    /// It may go better the next time.
    again: bool,
}

impl Failed {
    fn other(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: io::ErrorKind::Other, again: false }
    }

    fn of(error: &ureq::Error) -> Self {
        let kind = match error {
            // an answer that ends early says nothing about the repository
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => io::ErrorKind::ConnectionReset,
            ureq::Error::Io(error) => error.kind(),
            ureq::Error::Timeout(_) => io::ErrorKind::TimedOut,
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => io::ErrorKind::HostUnreachable,
            _ => io::ErrorKind::Other,
        };
        Self { reason: error.to_string(), kind, again: true }
    }
}

impl Rest {
    /// A server that the user names; a user and password in the address are sent as HTTP wants them.
    pub(super) fn connect(url: &Url) -> Result<Self> {
        let mut base = url.clone();
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(basic(&decoded(user), &decoded(password.unwrap_or_default()))),
        };
        if base.set_username("").and_then(|()| base.set_password(None)).is_err() {
            return Err(BackupError::new(Kind::Other, format!("opening rest:{}", url.path()), "it has no host"));
        }
        let shown = format!("rest:{base}");
        Ok(Self { agent: agent(&base), base, login, shown, server: None })
    }

    /// rclone, started by devup.
    pub(super) fn through(server: Server, base: Url, user: &str, password: &str, shown: String) -> Self {
        let login = Some(basic(user, password));
        Self { agent: agent(&base), base, login, shown, server: Some(Arc::new(server)) }
    }

    fn url(&self, tpe: FileType, id: Option<&Id>) -> String {
        match (tpe, id) {
            (FileType::Config, _) => format!("{}config", self.base),
            (tpe, None) => format!("{}{}/", self.base, tpe.dirname()),
            (tpe, Some(id)) => format!("{}{}/{}", self.base, tpe.dirname(), id.to_hex().as_str()),
        }
    }

    /// Sends until an answer is there; what can't get better by asking again is not asked again.
    fn send(
        &self,
        method: &http::Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        empty_is_fine: bool,
    ) -> std::result::Result<Option<http::Response<Body>>, Failed> {
        let mut pause = Duration::from_millis(200);
        for turn in 1.. {
            match self.once(method, url, headers, body) {
                Ok(answer) if answer.status().is_success() => return Ok(Some(answer)),
                Ok(answer) if answer.status() == http::StatusCode::NOT_FOUND && empty_is_fine => return Ok(None),
                Ok(answer) => {
                    let failed = refused(answer.status());
                    if !failed.again || turn >= TRIES {
                        return Err(self.explained(failed));
                    }
                }
                Err(failed) if !failed.again || turn >= TRIES => return Err(failed),
                Err(_) => {}
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err(Failed::other("the server did not answer"))
    }

    /// A refusal, with what rclone said about it where devup runs it.
    fn explained(&self, failed: Failed) -> Failed {
        let Some(said) = self.server.as_ref().and_then(|server| server.complaint()) else { return failed };
        let full = ["no space left", "No space left", "quota", "Quota", "storage is full"];
        let kind = if full.iter().any(|words| said.contains(words)) { io::ErrorKind::StorageFull } else { failed.kind };
        Failed { reason: format!("{}: {said}", failed.reason), kind, ..failed }
    }

    fn once(
        &self,
        method: &http::Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::result::Result<http::Response<Body>, Failed> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(login) = &self.login {
            request = request.header("authorization", login);
        }
        let answer = if body.is_empty() && method != http::Method::POST {
            self.agent.run(request.body(()).map_err(|error| Failed::other(error.to_string()))?)
        } else {
            self.agent.run(request.body(body).map_err(|error| Failed::other(error.to_string()))?)
        };
        answer.map_err(|error| Failed::of(&error))
    }

    fn bytes(&self, doing: &str, url: &str, range: Option<(u32, u32)>) -> RusticResult<Bytes> {
        let range = range.map(|(offset, length)| {
            format!("bytes={offset}-{}", u64::from(offset) + u64::from(length).saturating_sub(1))
        });
        let headers: Vec<(&str, &str)> = range.iter().map(|range| ("range", range.as_str())).collect();
        let failed = |failed: Failed| self.failed(doing, failed);
        let answer = self.send(&http::Method::GET, url, &headers, &[], false).map_err(failed)?;
        let Some(mut answer) = answer else { return Err(failed(Failed::other("it is not there"))) };
        let read = answer.body_mut().with_config().limit(MOST).read_to_vec();
        read.map(Bytes::from).map_err(|error| failed(Failed::of(&error)))
    }

    fn failed(&self, doing: &str, failed: Failed) -> Box<RusticError> {
        let source = io::Error::new(failed.kind, failed.reason.clone());
        RusticError::with_source(ErrorKind::Backend, "{doing} {place}: {reason}", source)
            .attach_context("doing", doing)
            .attach_context("place", self.shown.clone())
            .attach_context("reason", failed.reason)
    }
}

/// A server's refusal, in words.
fn refused(status: http::StatusCode) -> Failed {
    let (reason, kind) = match status.as_u16() {
        401 | 403 => {
            let reason = format!("the server denies access ({status}); a user and password stand in the address");
            (reason, io::ErrorKind::Other)
        }
        404 => ("it is not there".to_owned(), io::ErrorKind::Other),
        // what servers with a quota say
        507 | 413 => (format!("the server is full ({status})"), io::ErrorKind::StorageFull),
        502..=504 => (format!("the server answered {status}"), io::ErrorKind::HostUnreachable),
        _ => (format!("the server answered {status}"), io::ErrorKind::Other),
    };
    let again = kind != io::ErrorKind::StorageFull && (status.is_server_error() || status.as_u16() == 429);
    Failed { reason, kind, again }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// `%40` is `@` in a user's name.
fn decoded(text: &str) -> String {
    // in a form `+` and `&` mean something, in a user's name they don't
    let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

fn agent(base: &Url) -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    if base.scheme() == "http" {
        return config.proxy(None).build().into();
    }
    let system = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<Certificate<'static>> =
        system.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect();
    config.tls_config(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build()).build().into()
}

impl ReadBackend for Rest {
    fn location(&self) -> String {
        self.shown.clone()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let failed = |failed: Failed| self.failed("listing", failed);
        let url = self.url(tpe, None);
        if tpe == FileType::Config {
            let found = self.send(&http::Method::HEAD, &url, &[], &[], true).map_err(failed)?;
            let length = |answer: &http::Response<Body>| {
                answer.headers().get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok())
            };
            return Ok(found.map(|answer| (Id::default(), length(&answer).unwrap_or_default())).into_iter().collect());
        }
        let Some(mut answer) = self.send(&http::Method::GET, &url, &[("accept", LISTS)], &[], true).map_err(failed)?
        else {
            return Ok(Vec::new());
        };
        let text =
            answer.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| failed(Failed::of(&error)))?;
        // `null` is an empty list in Go
        let listed: Option<Vec<Listed>> =
            serde_json::from_slice(&text).map_err(|error| failed(Failed::other(error.to_string())))?;
        let listed = listed.unwrap_or_default();
        Ok(listed.into_iter().filter_map(|file| Some((file.name.parse().ok()?, file.size))).collect())
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        self.bytes("reading", &self.url(tpe, Some(id)), None)
    }

    fn read_partial(&self, tpe: FileType, id: &Id, _: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        let bytes = self.bytes("reading", &self.url(tpe, Some(id)), Some((offset, length)))?;
        if bytes.len() == length as usize {
            return Ok(bytes);
        }
        let reason = format!("{} bytes came where {length} were asked for", bytes.len());
        Err(self.failed("reading", Failed::other(reason)))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        self.url(tpe, Some(id))
    }
}

impl WriteBackend for Rest {
    fn create(&self) -> RusticResult<()> {
        let url = format!("{}?create=true", self.base);
        let made = self.send(&http::Method::POST, &url, &[], &[], false);
        made.map(|_| ()).map_err(|failed| self.failed("making a repository in", failed))
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _: bool, content: BytesList) -> RusticResult<()> {
        let content = content.into_vec().concat();
        let kind = [("content-type", "application/octet-stream")];
        let written = self.send(&http::Method::POST, &self.url(tpe, Some(id)), &kind, &content, false);
        written.map(|_| ()).map_err(|failed| self.failed("writing to", failed))
    }

    fn remove(&self, tpe: FileType, id: &Id, _: bool) -> RusticResult<()> {
        let removed = self.send(&http::Method::DELETE, &self.url(tpe, Some(id)), &[], &[], true);
        removed.map(|_| ()).map_err(|failed| self.failed("removing from", failed))
    }
}
