//! Archives that the engine fetches through a build's session: contexts, packed at the moment they are asked for.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::moby::upload::v1::BytesMessage;
use bollard_buildkit_proto::moby::upload::v1::upload_server::Upload;
use futures_util::{Stream, StreamExt as _};
use tokio_util::io::{ReaderStream, SyncIoBridge};
use tonic::{Request, Response, Status, Streaming};

use super::IN_FLIGHT;
use super::context::{self, Context};

/// How the engine says which archive it means.
const WHICH: &str = "urlpath";
/// One message; gRPC's own limit is 4 MiB.
const PIECE: usize = 256 * 1024;

/// The archives of one build. Copies share them.
#[derive(Clone, Default)]
pub(super) struct Archives {
    contexts: Vec<Arc<Context>>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Archives {
    /// Adds one; returns the address under which the engine gets it.
    pub(super) fn add(&mut self, context: Context) -> String {
        self.contexts.push(Arc::new(context));
        format!("http://buildkit-session/{}", self.contexts.len() - 1)
    }

    /// Why one could not be packed: the reason for everything that followed.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find(&self, path: &str) -> Option<Arc<Context>> {
        self.contexts.get(path.trim_start_matches('/').parse::<usize>().ok()?).cloned()
    }
}

type Pieces = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

#[tonic::async_trait]
impl Upload for Archives {
    type PullStream = Pieces;

    async fn pull(&self, request: Request<Streaming<BytesMessage>>) -> Result<Response<Pieces>, Status> {
        let path = request.metadata().get(WHICH).and_then(|path| path.to_str().ok()).unwrap_or_default();
        let context = self.find(path).ok_or_else(|| Status::not_found(format!("the build has no archive {path}")))?;
        let (read, write) = tokio::io::duplex(IN_FLIGHT);
        let packing = tokio::task::spawn_blocking(move || context::pack(&context, SyncIoBridge::new(write)));
        let pieces = ReaderStream::with_capacity(read, PIECE).map(|piece| match piece {
            Ok(piece) => Ok(BytesMessage { data: piece.into() }),
            Err(error) => Err(Status::internal(error.to_string())),
        });
        let failure = Arc::clone(&self.failure);
        // a context that could not be read to its end must not pass for a whole one
        let end = futures_util::stream::once(async move {
            let reason = match packing.await {
                Ok(Ok(())) => return None,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.clone());
            Some(Err(Status::aborted(reason)))
        });
        Ok(Response::new(Box::pin(pieces.chain(end.filter_map(std::future::ready)))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::base::ignore::Ignore;

    fn context() -> Context {
        Context { folder: None, ignore: Ignore::default(), kept: Vec::new(), extra: Vec::new() }
    }

    #[test]
    fn each_archive_has_an_address_of_its_own() {
        let mut archives = Archives::default();
        let (first, second) = (archives.add(context()), archives.add(context()));
        assert_eq!((first.as_str(), second.as_str()), ("http://buildkit-session/0", "http://buildkit-session/1"));
        let found = |path: &str| archives.find(path).is_some();
        assert!(found("/0") && found("/1") && !found("/2") && !found("/") && !found("/../0"));
    }
}
