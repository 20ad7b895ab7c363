//! Byte streams to an engine: a socket, a TCP port, TLS, or another machine's engine through ssh.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{tls, tunnel};
use crate::driver::address::EngineAddress;

/// Both directions of one connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens connections to one engine.
#[derive(Clone)]
pub(super) struct Dial {
    address: Arc<EngineAddress>,
    tls: Option<TlsConnector>,
}

impl Dial {
    /// Reads the certificates, where there are any; connects nowhere yet.
    pub(super) fn new(address: &EngineAddress) -> io::Result<Self> {
        let tls = match address {
            EngineAddress::Tcp { tls: Some(files), .. } => Some(tls::connector(files)?),
            _ => None,
        };
        Ok(Self { address: Arc::new(address.clone()), tls })
    }

    /// Opens one connection.
    pub(super) async fn open(&self) -> io::Result<Box<dyn Duplex>> {
        match &*self.address {
            EngineAddress::Unix(path) => unix(path).await,
            EngineAddress::Tcp { host, port, .. } => {
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
                let name = tls::server_name(host)?;
                Ok(Box::new(tls.connect(name, stream).await?))
            }
            EngineAddress::Ssh { destination, port } => Ok(Box::new(tunnel::open(destination, *port)?)),
        }
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Box<dyn Duplex>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> io::Result<Box<dyn Duplex>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets; run devup inside WSL"))
}

/// A connection as the HTTP client wants it.
pub(super) struct Wire(TokioIo<Box<dyn Duplex>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Service<Uri> for Dial {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move { dial.open().await.map(|stream| Wire(TokioIo::new(stream))) })
    }
}
