//! A rest-server: restic's protocol over HTTP, on the TLS stack that devup has anyway.

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
    _server: Option<Arc<Server>>,
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
    again: bool,
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
        Ok(Self { agent: agent(&base), base, login, shown, _server: None })
    }

    /// rclone, started by devup.
    pub(super) fn through(server: Server, base: Url, user: &str, password: &str, shown: String) -> Self {
        let login = Some(basic(user, password));
        Self { agent: agent(&base), base, login, shown, _server: Some(Arc::new(server)) }
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
    ) -> std::result::Result<Option<http::Response<Body>>, String> {
        let mut pause = Duration::from_millis(200);
        for turn in 1.. {
            match self.once(method, url, headers, body) {
                Ok(answer) if answer.status().is_success() => return Ok(Some(answer)),
                Ok(answer) if answer.status() == http::StatusCode::NOT_FOUND && empty_is_fine => return Ok(None),
                Ok(answer) => {
                    let failed = refused(answer.status());
                    if !failed.again || turn >= TRIES {
                        return Err(failed.reason);
                    }
                }
                Err(reason) if turn >= TRIES => return Err(reason),
                Err(_) => {}
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err("the server did not answer".to_owned())
    }

    fn once(
        &self,
        method: &http::Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::result::Result<http::Response<Body>, String> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(login) = &self.login {
            request = request.header("authorization", login);
        }
        let answer = if body.is_empty() && method != http::Method::POST {
            request.body(()).map_err(|error| error.to_string()).map(|request| self.agent.run(request))?
        } else {
            request.body(body).map_err(|error| error.to_string()).map(|request| self.agent.run(request))?
        };
        answer.map_err(|error| error.to_string())
    }

    fn bytes(&self, doing: &str, url: &str, range: Option<(u32, u32)>) -> RusticResult<Bytes> {
        let range = range.map(|(offset, length)| {
            format!("bytes={offset}-{}", u64::from(offset) + u64::from(length).saturating_sub(1))
        });
        let headers: Vec<(&str, &str)> = range.iter().map(|range| ("range", range.as_str())).collect();
        let failed = |reason: String| self.failed(doing, &reason);
        let answer = self.send(&http::Method::GET, url, &headers, &[], false).map_err(failed)?;
        let Some(mut answer) = answer else { return Err(failed("it is not there".to_owned())) };
        let read = answer.body_mut().with_config().limit(MOST).read_to_vec();
        read.map(Bytes::from).map_err(|error| failed(error.to_string()))
    }

    fn failed(&self, doing: &str, reason: &str) -> Box<RusticError> {
        RusticError::new(ErrorKind::Backend, "{doing} {place}: {reason}")
            .attach_context("doing", doing)
            .attach_context("place", self.shown.clone())
            .attach_context("reason", reason)
    }
}

/// A server's refusal, in words.
fn refused(status: http::StatusCode) -> Failed {
    let reason = match status.as_u16() {
        401 | 403 => format!("the server denies access ({status}); a user and password stand in the address"),
        404 => "it is not there".to_owned(),
        507 => "the server is full".to_owned(),
        _ => format!("the server answered {status}"),
    };
    Failed { reason, again: (status.is_server_error() && status.as_u16() != 507) || status.as_u16() == 429 }
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
        let failed = |reason: String| self.failed("listing", &reason);
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
            answer.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| failed(error.to_string()))?;
        // `null` is an empty list in Go
        let listed: Option<Vec<Listed>> = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
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
        Err(self.failed("reading", &format!("{} bytes came where {length} were asked for", bytes.len())))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        self.url(tpe, Some(id))
    }
}

impl WriteBackend for Rest {
    fn create(&self) -> RusticResult<()> {
        let url = format!("{}?create=true", self.base);
        let made = self.send(&http::Method::POST, &url, &[], &[], false);
        made.map(|_| ()).map_err(|reason| self.failed("making a repository in", &reason))
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _: bool, content: BytesList) -> RusticResult<()> {
        let content = content.into_vec().concat();
        let kind = [("content-type", "application/octet-stream")];
        let written = self.send(&http::Method::POST, &self.url(tpe, Some(id)), &kind, &content, false);
        written.map(|_| ()).map_err(|reason| self.failed("writing to", &reason))
    }

    fn remove(&self, tpe: FileType, id: &Id, _: bool) -> RusticResult<()> {
        let removed = self.send(&http::Method::DELETE, &self.url(tpe, Some(id)), &[], &[], true);
        removed.map(|_| ()).map_err(|reason| self.failed("removing from", &reason))
    }
}
