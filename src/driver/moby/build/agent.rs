//! The user's ssh agent for a build (`build.ssh`): requests go through to its socket, keys never leave it.

use std::path::PathBuf;
use std::pin::Pin;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use futures_util::Stream;
use indexmap::IndexMap;
use tonic::{Request, Response, Status, Streaming};

use crate::driver::error::{DriverError, Result};

/// How the engine says which agent it means.
const WHICH: &str = "buildkit.ssh.id";

/// Sockets of agents by id.
pub(super) struct Agents(IndexMap<String, PathBuf>);

impl Agents {
    /// `default`, or `id=socket`.
    pub(super) fn of(attempted: &str, entries: &[String]) -> Result<Self> {
        let failed = |reason: String| DriverError::Failed { attempted: attempted.to_owned(), reason };
        let mut sockets = IndexMap::new();
        for entry in entries {
            let (id, path) = entry.split_once('=').map_or((entry.as_str(), None), |(id, path)| (id, Some(path)));
            let socket = match path {
                Some(path) => PathBuf::from(path),
                None => std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from).ok_or_else(|| {
                    failed("build.ssh needs an ssh agent: start one (`eval $(ssh-agent)`, `ssh-add`)".into())
                })?,
            };
            if socket.is_file() {
                return Err(failed(format!(
                    "build.ssh: {} is a file; give the key to an agent (`ssh-add {}`) and write `default`",
                    socket.display(),
                    socket.display()
                )));
            }
            sockets.insert(id.to_owned(), socket);
        }
        Ok(Self(sockets))
    }

    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { "default" } else { id };
        self.0.get(id).ok_or_else(|| Status::not_found(format!("the build has no ssh agent `{id}`: see build.ssh")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    async fn check_agent(&self, request: Request<CheckAgentRequest>) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.get_ref().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get(WHICH).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let socket = self.socket(id)?.clone();
        relay(socket, request.into_inner()).await.map(Response::new)
    }
}

#[cfg(unix)]
async fn relay(
    socket: PathBuf,
    requests: Streaming<BytesMessage>,
) -> Result<<Agents as Ssh>::ForwardAgentStream, Status> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let agent = tokio::net::UnixStream::connect(&socket).await;
    let agent = agent.map_err(|error| Status::unavailable(format!("ssh agent {}: {error}", socket.display())))?;
    let both = (agent.into_split(), requests);
    Ok(Box::pin(futures_util::stream::unfold(both, |((mut answers, mut asks), mut requests)| async move {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(message)) => asks.write_all(&message.data).await.ok()?,
                    _ => return None,
                },
                got = answers.read(&mut buffer) => {
                    let length = got.ok().filter(|length| *length > 0)?;
                    buffer.truncate(length);
                    return Some((Ok(BytesMessage { data: buffer }), ((answers, asks), requests)));
                }
            }
        }
    })))
}

#[cfg(not(unix))]
async fn relay(_: PathBuf, _: Streaming<BytesMessage>) -> Result<<Agents as Ssh>::ForwardAgentStream, Status> {
    Err(Status::unimplemented("ssh agents are reached on Unix only"))
}
