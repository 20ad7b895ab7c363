//! Requests to an engine and their answers. One pool of connections per engine.
//!
//! The bodies are bollard's models. The requests are our own, because devup needs what bollard's calls keep to themselves:
//! the header with the API version (one cheap `_ping` instead of a dear `/version`), that version in every path (so that an
//! engine of tomorrow answers as the one of today does), terminal output before its line is complete, and waits without end.

use std::fmt::Write as _;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::refusal;
use super::transport::Dial;
use crate::driver::address::EngineAddress;
use crate::driver::error::{DriverError, Result};

/// A body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What is said about an engine in errors.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    /// Its address.
    pub(super) address: String,
    /// Name and version.
    pub(super) engine: String,
}

/// The way to one engine.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<Dial, Body>,
    prefix: String,
    identity: Identity,
}

impl Http {
    /// Prepares; the first request connects.
    pub(super) fn new(address: &EngineAddress) -> Result<Self> {
        let identity = Identity { address: address.to_string(), engine: String::new() };
        let dial =
            Dial::new(address).map_err(|error| refusal::unreachable(&identity, "connecting to the engine", &error))?;
        // each connection stays open for further requests: over ssh and TLS they are dear
        let client = Client::builder(TokioExecutor::new()).build(dial);
        Ok(Self { client, prefix: String::new(), identity })
    }

    /// From now on with this API version, and this name in errors.
    pub(super) fn agree(&mut self, api: (u32, u32), engine: String) {
        self.prefix = format!("/v{}.{}", api.0, api.1);
        self.identity.engine = engine;
    }

    /// How errors name this engine.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn get(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        self.ask(Method::GET, attempted, path)
    }

    /// A path as it is, without the agreed version: Podman's own API counts its versions apart.
    pub(super) fn get_exactly(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        let mut ask = self.ask(Method::GET, attempted, "");
        ask.target = format!("http://engine{}", path.as_ref());
        ask
    }

    pub(super) fn post(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        self.ask(Method::POST, attempted, path)
    }

    pub(super) fn put(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        self.ask(Method::PUT, attempted, path)
    }

    pub(super) fn head(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        self.ask(Method::HEAD, attempted, path)
    }

    pub(super) fn delete(&self, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        self.ask(Method::DELETE, attempted, path)
    }

    fn ask(&self, method: Method, attempted: impl Into<String>, path: impl AsRef<str>) -> Ask<'_> {
        Ask {
            http: self,
            attempted: attempted.into(),
            target: format!("http://engine{}{}", self.prefix, path.as_ref()),
            queried: false,
            request: Request::builder().method(method),
            body: None,
        }
    }
}

/// One request under way of being made.
pub(super) struct Ask<'a> {
    http: &'a Http,
    attempted: String,
    target: String,
    queried: bool,
    request: hyper::http::request::Builder,
    body: Option<Body>,
}

impl Ask<'_> {
    /// Adds a parameter.
    pub(super) fn query(mut self, key: &str, value: impl AsRef<str>) -> Self {
        self.target.push(if self.queried { '&' } else { '?' });
        self.queried = true;
        self.target.push_str(key);
        self.target.push('=');
        self.target.extend(url::form_urlencoded::byte_serialize(value.as_ref().as_bytes()));
        self
    }

    /// Adds a parameter that may be absent.
    pub(super) fn query_some(self, key: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Gives it a body.
    pub(super) fn json(self, body: &impl Serialize) -> Self {
        // our bodies are maps with text keys, which is all that this could fail on
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", "application/json").bytes(bytes)
    }

    /// Gives it a body.
    pub(super) fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Some(Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync());
        self
    }

    /// Gives it a body that is read while it is sent.
    pub(super) fn reader(self, reader: impl AsyncRead + Send + 'static) -> Self {
        self.stream(ReaderStream::with_capacity(reader, 64 * 1024))
    }

    /// Gives it a body in pieces.
    pub(super) fn stream(mut self, pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        self.body = Some(StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync());
        self
    }

    /// Sends it; an answer that is no success becomes an error.
    pub(super) async fn send(self) -> Result<Response<Incoming>> {
        let Self { http, attempted, target, request, body, .. } = self;
        let body = body.unwrap_or_else(|| Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync());
        let request =
            request.uri(&target).header("host", "docker").body(body).map_err(|error| DriverError::Failed {
                attempted: attempted.clone(),
                reason: format!("the request cannot be written: {error}"),
            })?;
        let answer = http.client.request(request).await;
        let response = answer.map_err(|error| refusal::unreachable(&http.identity, &attempted, &error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let told = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(refusal::from_answer(&http.identity, &attempted, status.as_u16(), &told))
    }

    /// Sends it and drops the answer.
    pub(super) async fn done(self) -> Result<()> {
        let response = self.send().await?;
        // read to its end, so that the connection can be used again
        let _ = response.into_body().collect().await;
        Ok(())
    }

    /// Sends it and reads the answer.
    pub(super) async fn value<T: DeserializeOwned>(self) -> Result<T> {
        let identity = self.http.identity.clone();
        let attempted = self.attempted.clone();
        let body = self.send().await?.into_body();
        let bytes = body.collect().await.map_err(|error| refusal::unreachable(&identity, &attempted, &error))?;
        serde_json::from_slice(&bytes.to_bytes()).map_err(|error| DriverError::Failed {
            attempted,
            reason: format!(
                "{} at {} answered something else than expected: {error}",
                identity.engine, identity.address
            ),
        })
    }

    /// As [`Ask::value`]; `None` where the thing is not there.
    pub(super) async fn found<T: DeserializeOwned>(self) -> Result<Option<T>> {
        match self.value().await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends it and hands out the answer piece by piece.
    pub(super) async fn pieces(self) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'static> {
        let identity = self.http.identity.clone();
        let attempted = self.attempted.clone();
        let body = self.send().await?.into_body();
        Ok(body.into_data_stream().map_err(move |error| refusal::unreachable(&identity, &attempted, &error)))
    }

    /// Sends it and hands out the JSON values of the answer, one after the other.
    pub(super) async fn values<T: DeserializeOwned + Send + 'static>(
        self,
    ) -> Result<impl Stream<Item = Result<T>> + Send + 'static> {
        let attempted = self.attempted.clone();
        let pieces = self.pieces().await?;
        let reader = StreamReader::new(pieces.map_err(io::Error::other));
        let lines = tokio_util::codec::FramedRead::new(reader, tokio_util::codec::LinesCodec::new());
        Ok(lines.filter_map(move |line| {
            let attempted = attempted.clone();
            std::future::ready(match line {
                Ok(line) if line.trim().is_empty() => None,
                Ok(line) => Some(serde_json::from_str(&line).map_err(|error| DriverError::Failed {
                    attempted,
                    reason: format!("the engine's answer cannot be read: {error}"),
                })),
                Err(error) => Some(Err(DriverError::Failed { attempted, reason: error.to_string() })),
            })
        }))
    }

    /// Sends it and takes over the connection for both directions.
    pub(super) async fn upgrade(self) -> Result<TokioIo<Upgraded>> {
        self.upgrade_to("tcp").await
    }

    /// As [`Ask::upgrade`], to another protocol.
    pub(super) async fn upgrade_to(self, protocol: &str) -> Result<TokioIo<Upgraded>> {
        let identity = self.http.identity.clone();
        let attempted = self.attempted.clone();
        let response = self.header("connection", "Upgrade").header("upgrade", protocol).send().await?;
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map(TokioIo::new).map_err(|error| refusal::unreachable(&identity, &attempted, &error))
    }
}

/// A name as part of a path.
pub(super) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:@/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(segment("shop-db-1"), "shop-db-1");
        assert_eq!(segment("a?b#c d%é"), "a%3Fb%23c%20d%25%C3%A9");
        assert_eq!(segment("registry.test:5000/a/b@sha256:00"), "registry.test:5000/a/b@sha256:00");
    }
}
