//! The session beside a `BuildKit` build: the engine asks through it for secrets, the ssh agent, credentials and archives. It is gRPC
//! over the taken-over connection of `POST /session`, with us as the server.

use std::pin::Pin;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::v1 as filesync;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use bollard_buildkit_proto::moby::upload::v1::upload_server::UploadServer;
use futures_util::Stream;
use hyper_util::rt::TokioExecutor;
use hyper_util::service::TowerToHyperService;
use indexmap::IndexMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::super::Moby;
use super::Serving;
use super::agent::Agents;
use super::upload::Archives;
use crate::base::digest::Digest;
use crate::driver::credentials;
use crate::driver::error::Result;
use crate::driver::image::BuildRequest;

/// What the engine may call.
const METHODS: [&str; 5] = [
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
    "/moby.upload.v1.Upload/Pull",
];

/// An open session.
pub(super) struct Session {
    /// Its name in the build call.
    pub(super) id: String,
    /// Has to be polled beside the call. A session that ends early leaves the build to say so.
    pub(super) serving: Serving,
}

/// Opens one for this build.
pub(super) async fn open(moby: &Moby, attempted: &str, request: &BuildRequest, archives: Archives) -> Result<Session> {
    let agents = Agents::of(attempted, &request.build.ssh)?;
    let id = unique();
    let mut ask = moby.http.post(attempted, "/session");
    ask = ask.header("x-docker-expose-session-uuid", &id).header("x-docker-expose-session-name", "devup");
    for method in METHODS {
        ask = ask.header("x-docker-expose-session-grpc-method", method);
    }
    let connection = ask.upgrade_to("h2c").await?;
    let routes = Routes::new(HealthServer::new(Alive))
        .add_service(SecretsServer::new(Values(request.secrets.clone())))
        .add_service(AuthServer::new(Registries))
        .add_service(SshServer::new(agents))
        .add_service(UploadServer::new(archives));
    let serving = async move {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        // the engine closes it when the build is over
        let _ = server.serve_connection(connection.into_inner(), TowerToHyperService::new(routes)).await;
    };
    Ok(Session { id, serving: Box::pin(serving) })
}

/// A name that no other session has: process, time and a counter.
fn unique() -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let seed = format!("{}-{}-{count}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    let digest = Digest::of(seed.as_bytes()).to_string();
    digest.chars().filter(char::is_ascii_alphanumeric).rev().take(25).collect()
}

struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving as i32 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("engines do not ask for it"))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("engines do not ask for it"))
    }
}

/// Secret values by id. They leave this process over this connection only.
struct Values(IndexMap<String, Vec<u8>>);

#[tonic::async_trait]
impl Secrets for Values {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        match self.0.get(id) {
            Some(value) => Ok(Response::new(GetSecretResponse { data: value.clone() })),
            None => Err(Status::not_found(format!("the build has no secret `{id}`: name it under build.secrets"))),
        }
    }
}

/// The user's credentials, asked for when a registry wants them.
struct Registries;

#[tonic::async_trait]
impl Auth for Registries {
    async fn credentials(
        &self,
        request: Request<filesync::CredentialsRequest>,
    ) -> Result<Response<filesync::CredentialsResponse>, Status> {
        let host = match request.get_ref().host.as_str() {
            "registry-1.docker.io" | "docker.io" => "https://index.docker.io/v1/",
            other => other,
        };
        let known = credentials::credential(host).await.map_err(|error| Status::internal(error.to_string()))?;
        let (username, secret) = known.map_or_else(Default::default, |known| {
            if known.token.is_empty() { (known.user, known.password) } else { (String::new(), known.token) }
        });
        Ok(Response::new(filesync::CredentialsResponse { username, secret }))
    }

    async fn fetch_token(
        &self,
        _: Request<filesync::FetchTokenRequest>,
    ) -> Result<Response<filesync::FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn get_token_authority(
        &self,
        _: Request<filesync::GetTokenAuthorityRequest>,
    ) -> Result<Response<filesync::GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<filesync::VerifyTokenAuthorityRequest>,
    ) -> Result<Response<filesync::VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }
}
