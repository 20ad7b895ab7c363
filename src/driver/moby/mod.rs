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

use super::address::EngineAddress;
use super::error::{DriverError, Result};
use super::features::Features;

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

#[cfg(test)]
mod tests;
