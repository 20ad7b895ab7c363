//! A build through the builder's own API, where `POST /build` has no parameter for what it asks: named contexts, further
//! rights, attestations.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{
    CacheOptions, CacheOptionsEntry, ListWorkersRequest, SolveRequest, StatusRequest,
};
use indexmap::IndexSet;
use serde::Deserialize;
use tonic::Status;

use super::super::Moby;
use super::control::{self, Connection, Control};
use super::named::{self, Named};
use super::progress::Progress;
use super::request::{Place, cache_image};
use super::upload::Archives;
use super::{attributes, beside, session};
use crate::driver::error::{DriverError, Result};
use crate::driver::image::{BuildRequest, ProgressSink};
use crate::model::build::Build;

/// How long progress may go on after the end of the build that it tells of.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Where a worker says what `host-gateway` is.
const GATEWAY_LABEL: &str = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";

/// Whether a build asks for something that only this way has.
pub(super) fn is_needed(build: &Build) -> bool {
    !build.additional_contexts.is_empty()
        || build.privileged
        || !build.entitlements.is_empty()
        || wants_attestations(build)
}

/// Whether statements about the image shall go with it.
fn wants_attestations(build: &Build) -> bool {
    let wanted = |kind, value: &Option<String>| attributes::attestation(kind, value.as_deref()).is_some();
    wanted("provenance", &build.provenance) || wanted("sbom", &build.sbom)
}

/// Builds. A failure of the build itself is in what was seen.
pub(super) async fn build(
    moby: &Moby,
    attempted: &str,
    request: &BuildRequest,
    place: &mut Place,
    progress: ProgressSink<'_>,
) -> Result<Progress> {
    if wants_attestations(&request.build) {
        refuse_without_containerd_store(moby, attempted).await?;
    }
    let mut archives = Archives::default();
    let mut named = named::named(moby, attempted, request, &mut archives).await?;
    named.attributes.insert("context".to_owned(), main_context(place, &mut archives));
    let session = session::open(moby, attempted, request, archives.clone()).await?;
    let id = session.id.clone();
    let Control { client, serving, .. } = control::open(moby, attempted).await?;
    let solving = async {
        let mut client = client;
        let gateway = gateway(&mut client, attempted, request).await?;
        let attributes = attributes::of(request, place, &moby.features, gateway.as_deref());
        let solve = solve_request(request, &id, attributes, named);
        Ok::<_, DriverError>(follow(client, solve, progress).await)
    };
    let seen = Box::pin(beside(session.serving, beside(serving, solving))).await?;
    match archives.failure() {
        Some(reason) => Err(DriverError::Failed { attempted: attempted.to_owned(), reason }),
        None => Ok(seen),
    }
}

/// The folder as an archive, or the address that the engine fetches.
pub(super) fn main_context(place: &mut Place, archives: &mut Archives) -> String {
    match (&place.remote, place.context.take()) {
        (Some(remote), _) => remote.clone(),
        (None, Some(context)) => archives.add(context),
        (None, None) => String::new(),
    }
}

fn solve_request(
    request: &BuildRequest,
    session: &str,
    mut frontend_attrs: HashMap<String, String>,
    named: Named,
) -> SolveRequest {
    frontend_attrs.extend(named.attributes);
    let names: IndexSet<&str> = request.tags.iter().chain(&request.build.tags).map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let import = |cache: &String| CacheOptionsEntry {
        r#type: "registry".to_owned(),
        attrs: HashMap::from([("ref".to_owned(), cache_image(cache).to_owned())]),
    };
    SolveRequest {
        r#ref: session.to_owned(),
        session: session.to_owned(),
        // Docker's own: it puts the result into the engine's store, whichever that is
        exporter_deprecated: "moby".to_owned(),
        exporter_attrs_deprecated: HashMap::from([("name".to_owned(), names.join(","))]),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs,
        frontend_inputs: named.inputs,
        entitlements: attributes::entitlements(request),
        cache: Some(CacheOptions {
            imports: request.build.cache_from.iter().map(import).collect(),
            ..CacheOptions::default()
        }),
        ..SolveRequest::default()
    }
}

type Client = ControlClient<Connection>;

/// Performs a build and shows how it goes.
async fn follow(client: Client, solve: SolveRequest, progress: ProgressSink<'_>) -> Progress {
    let mut seen = Progress::default();
    let (mut solver, mut watcher) = (client.clone(), client);
    let reference = solve.r#ref.clone();
    let mut solving = std::pin::pin!(async move { solver.solve(solve).await });
    let watching = async {
        // what is not shown does not keep the build from going on
        let Ok(stream) = watcher.status(StatusRequest { r#ref: reference }).await else { return };
        let mut stream = stream.into_inner();
        while let Ok(Some(status)) = stream.message().await {
            seen.trace(&status, progress);
        }
    };
    let ended = {
        let mut watching = std::pin::pin!(watching);
        let early = tokio::select! {
            ended = &mut solving => Some(ended),
            () = &mut watching => None,
        };
        match early {
            Some(ended) => {
                let _ = tokio::time::timeout(LAST_WORDS, watching).await;
                ended
            }
            None => solving.await,
        }
    };
    if let Err(status) = ended {
        seen.fail(words(&status));
    }
    seen
}

/// What a refusal says; a connection that broke has no words of its own.
pub(super) fn words(status: &Status) -> String {
    if status.message().is_empty() {
        format!("the builder's answer is {}", status.code())
    } else {
        status.message().to_owned()
    }
}

/// What `host-gateway` means to this engine, where the build asks for it.
async fn gateway(client: &mut Client, attempted: &str, request: &BuildRequest) -> Result<Option<String>> {
    if !attributes::names_the_gateway(request) {
        return Ok(None);
    }
    let failed = |reason: String| DriverError::Failed { attempted: attempted.to_owned(), reason };
    let workers = client.list_workers(ListWorkersRequest::default()).await.map_err(|status| failed(words(&status)))?;
    let mut records = workers.into_inner().record.into_iter();
    let found = records.find_map(|mut worker| worker.labels.remove(GATEWAY_LABEL));
    let unknown = "build.extra_hosts: the engine does not say what `host-gateway` is; write the address";
    found.map(Some).ok_or_else(|| failed(unknown.to_owned()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Store {
    #[serde(default)]
    driver_status: Vec<(String, String)>,
}

/// Attestations lie beside an image in an index, which Docker's older image store does not know.
async fn refuse_without_containerd_store(moby: &Moby, attempted: &str) -> Result<()> {
    let store: Store = moby.http.get(attempted, "/info").value().await?;
    if store.driver_status.iter().any(|(key, value)| key == "driver-type" && value.starts_with("io.containerd.")) {
        return Ok(());
    }
    Err(DriverError::NotSupported {
        attempted: attempted.to_owned(),
        engine: moby.http.identity().engine.clone(),
        reason: "attestations (provenance, sbom) need its containerd image store: turn it on \
                 (`\"features\": {\"containerd-snapshotter\": true}` in its daemon.json), or leave them out"
            .to_owned(),
    })
}
