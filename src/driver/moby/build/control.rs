//! The builder's own API, which Docker passes through at `/grpc`: for what its `POST /build` has no parameter for. It is
//! gRPC over the taken-over connection, with us as the client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::http::Uri;
use hyper::{Request, Response};
use hyper_util::rt::TokioExecutor;
use tonic::body::Body;

use super::super::Moby;
use super::Serving;
use crate::driver::error::{DriverError, Result};

/// Log lines of a step come in one message, however many they are.
const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

/// A way to the builder.
pub(super) struct Control {
    pub(super) client: ControlClient<Connection>,
    pub(super) connection: Connection,
    /// Has to be polled beside every call.
    pub(super) serving: Serving,
}

/// Opens it.
pub(super) async fn open(moby: &Moby, attempted: &str) -> Result<Control> {
    let stream = moby.http.post(attempted, "/grpc").upgrade_to("h2c").await?;
    let shaken = handshake(TokioExecutor::new(), stream.into_inner()).await;
    let (sender, connection) = shaken.map_err(|error| DriverError::Failed {
        attempted: attempted.to_owned(),
        reason: format!("the engine's builder does not answer: {error}"),
    })?;
    let serving = async move {
        // the calls say why it ended
        let _ = connection.await;
    };
    let connection = Connection(sender);
    let client = ControlClient::with_origin(connection.clone(), origin()).max_decoding_message_size(LARGEST_MESSAGE);
    Ok(Control { client, connection, serving: Box::pin(serving) })
}

/// What stands in front of the methods' paths; the connection leads to one place only.
pub(super) fn origin() -> Uri {
    Uri::from_static("http://engine")
}

/// The connection as tonic wants it.
#[derive(Clone)]
pub(super) struct Connection(SendRequest<Body>);

impl tower_service::Service<Request<Body>> for Connection {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
