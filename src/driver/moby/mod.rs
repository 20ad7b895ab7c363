//! Docker, and Podman through its Docker API, with the same code: what differs is in [`Features`].

mod build;
mod containers;
mod create;
mod endpoints;
mod exec;
mod host_config;
mod http;
mod images;
mod inject;
mod inspected;
mod listed;
mod mounts;
mod negotiate;
mod output;
mod reference;
mod refusal;
mod removal;
mod sessions;
mod tls;
mod transport;
mod tunnel;
mod usage;
mod waiting;

use std::time::Duration;

use bollard::models::{SystemInfo, SystemVersion};
use indexmap::IndexMap;
use serde_json::Value;

use super::address::EngineAddress;
use super::error::{DriverError, Result};
use super::features::{EngineKind, Features};
use super::image::BuildRequest;
use crate::model::build::Build;
use crate::model::container::ContainerSpec;
use crate::model::resource::{Network, Volume};

/// How long an engine may take to say who it is; ssh may have to ask for a passphrase first.
const PATIENCE: Duration = Duration::from_secs(30);

/// An engine that answers.
#[derive(Clone)]
pub struct Moby {
    http: http::Http,
    features: Features,
}

/// Asks an engine for all that it says about itself, in no version: before there is a driver.
pub(super) async fn introduce(address: &EngineAddress, attempted: &str) -> Result<(SystemVersion, SystemInfo)> {
    let http = http::Http::new(address)?;
    let version = http.get(attempted, "/version").value().await?;
    let info = http.get(attempted, "/info").value().await?;
    Ok((version, info))
}

/// Connects and agrees on an API version: one round trip to an engine on this machine.
pub async fn connect(address: &EngineAddress) -> Result<Moby> {
    let mut http = http::Http::new(address)?;
    match tokio::time::timeout(PATIENCE, negotiate::negotiate(&mut http, address)).await {
        Ok(features) => Ok(Moby { features: features?, http }),
        Err(_) => Err(DriverError::Unreachable {
            attempted: "connecting to the engine".to_owned(),
            address: address.to_string(),
            reason: format!("no answer within {} s: is it still starting, or stuck?", PATIENCE.as_secs()),
        }),
    }
}

/// What the engine would be told for a container, without an engine: the body of `POST /containers/create`, and the
/// bodies of the networks that it is connected with, and the folders that are made before.
pub fn container_calls(spec: &ContainerSpec, features: &Features) -> Vec<Value> {
    let endpoint = |network| serde_json::to_value(endpoints::endpoint(network, features)).unwrap_or_default();
    let mut calls = vec![create::create_body(spec, features)];
    calls.extend(spec.networks.iter().map(endpoint));
    calls.push(serde_json::json!({ "FoldersToMake": mounts::folders_to_make(spec, features) }));
    calls
}

/// What of a build this engine's API has no way to say.
pub fn check_build(build: &Build, features: &Features) -> Result<()> {
    build::check(&BuildRequest::of(build.clone()), features)
}

/// The same for a network: `POST /networks/create`.
pub fn network_call(network: &Network, labels: &IndexMap<String, String>) -> Value {
    containers::network_body(network, labels)
}

/// The same for a volume: `POST /volumes/create`.
pub fn volume_call(volume: &Volume, labels: &IndexMap<String, String>) -> Value {
    serde_json::to_value(containers::volume_body(volume, labels)).unwrap_or_default()
}

/// What an engine of this kind can do that speaks this version of the API, on this machine.
pub fn abilities(kind: EngineKind, version: &str, api: (u32, u32)) -> Features {
    negotiate::abilities(kind, version, api)
}

#[cfg(test)]
mod tests;
