//! Containers, networks and volumes of a real engine.

use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, VolumeCreateRequest};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;

use super::create::{create_body, some_list, some_map, some_true, whole_seconds};
use super::http::segment;
use super::inspected::Inspected;
use super::listed::{ListedContainer, ListedNetwork, ListedVolume, ListedVolumes};
use super::{Moby, endpoints, inject, mounts, removal, waiting};
use crate::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use crate::driver::error::{DriverError, Result};
use crate::driver::features::Features;
use crate::model::container::{ContainerSpec, InjectedFile, NetworkAttachment};
use crate::model::labels::PROJECT;
use crate::model::observed;
use crate::model::resource;

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Ended {
    #[serde(rename = "StatusCode")]
    code: i64,
}

/// The filter of a listing.
pub(super) fn filters(scope: &Scope) -> serde_json::Value {
    let label = match scope {
        Scope::Project(name) => format!("{PROJECT}={name}"),
        Scope::AllProjects => PROJECT.to_owned(),
        Scope::Label(key, None) => key.clone(),
        Scope::Label(key, Some(value)) => format!("{key}={value}"),
    };
    json!({ "label": [label] })
}

/// Success where the thing was gone already.
pub(super) fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

impl Moby {
    /// `POST /containers/{id}/{verb}`.
    fn act(&self, doing: &str, id: &str, verb: &str) -> super::http::Ask<'_> {
        self.http.post(format!("{doing} container {id}"), format!("/containers/{}/{verb}", segment(id)))
    }

    /// A listed container with its health, which this engine tells only one by one.
    async fn with_health(&self, listed: &observed::Container) -> Result<observed::Container> {
        let mut container = listed.clone();
        if listed.is_up() {
            container.health = self.container(&listed.id).await?.and_then(|seen| seen.health);
        }
        Ok(container)
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>> {
        let path = format!("/containers/{}/json", segment(id));
        self.http.get(format!("looking at container {id}"), path).found().await
    }
}

#[async_trait]
impl ContainerDriver for Moby {
    fn features(&self) -> &Features {
        &self.features
    }

    async fn containers(&self, scope: &Scope) -> Result<Vec<observed::Container>> {
        let ask = self.http.get("listing containers", "/containers/json").query("all", "1");
        let listed: Vec<ListedContainer> = ask.query("filters", filters(scope).to_string()).value().await?;
        let mut containers: Vec<_> = listed.into_iter().map(observed::Container::from).collect();
        if !self.features.lists_health {
            let looks = containers.iter().map(|listed| self.with_health(listed));
            containers = futures_util::future::try_join_all(looks).await?;
        }
        Ok(containers)
    }

    async fn networks(&self, scope: &Scope) -> Result<Vec<observed::Network>> {
        let ask = self.http.get("listing networks", "/networks").query("filters", filters(scope).to_string());
        let listed: Vec<ListedNetwork> = ask.value().await?;
        Ok(listed.into_iter().map(observed::Network::from).collect())
    }

    async fn volumes(&self, scope: &Scope) -> Result<Vec<observed::Volume>> {
        let ask = self.http.get("listing volumes", "/volumes").query("filters", filters(scope).to_string());
        let listed: ListedVolumes = ask.value().await?;
        Ok(listed.volumes.into_iter().map(observed::Volume::from).collect())
    }

    async fn container(&self, id: &str) -> Result<Option<observed::Container>> {
        Ok(self.inspect(id).await?.map(observed::Container::from))
    }

    async fn network(&self, name: &str) -> Result<Option<observed::Network>> {
        let path = format!("/networks/{}", segment(name));
        let found: Option<ListedNetwork> = self.http.get(format!("looking at network {name}"), path).found().await?;
        Ok(found.map(observed::Network::from))
    }

    async fn volume(&self, name: &str) -> Result<Option<observed::Volume>> {
        let path = format!("/volumes/{}", segment(name));
        let found: Option<ListedVolume> = self.http.get(format!("looking at volume {name}"), path).found().await?;
        Ok(found.map(observed::Volume::from))
    }

    async fn create_network(&self, network: &resource::Network, labels: &IndexMap<String, String>) -> Result<String> {
        let attempted = format!("creating network {}", network.name);
        let body = network_body(network, labels);
        let made: Made = self.http.post(attempted, "/networks/create").json(&body).value().await?;
        Ok(made.id)
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        removal::network(&self.http, id).await
    }

    async fn create_volume(&self, volume: &resource::Volume, labels: &IndexMap<String, String>) -> Result<()> {
        let body = volume_body(volume, labels);
        self.http.post(format!("creating volume {}", volume.name), "/volumes/create").json(&body).done().await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let path = format!("/volumes/{}", segment(name));
        gone_is_fine(self.http.delete(format!("removing volume {name}"), path).done().await)
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        let attempted = format!("creating container {}", spec.name);
        // a file may be bound as well as a folder: only what is not there at all is made
        for folder in mounts::folders_to_make(spec, &self.features).into_iter().filter(|path| !path.exists()) {
            std::fs::create_dir_all(&folder).map_err(|error| DriverError::Failed {
                attempted: attempted.clone(),
                reason: format!("the folder {} to be bound cannot be made: {error}", folder.display()),
            })?;
        }
        let ask = self.http.post(attempted, "/containers/create").query("name", &spec.name);
        let ask = ask.query_some("platform", spec.service.platform.as_ref());
        let made: Made = ask.json(&create_body(spec, &self.features)).value().await?;
        Ok(made.id)
    }

    async fn inject(&self, id: &str, files: &[InjectedFile]) -> Result<()> {
        let archive = inject::archive(files).map_err(|error| DriverError::Failed {
            attempted: format!("putting files into container {id}"),
            reason: error.to_string(),
        })?;
        let path = format!("/containers/{}/archive", segment(id));
        let ask = self.http.put(format!("putting files into container {id}"), path).query("path", "/");
        // without `copyUIDGID`, which would give the files to the container's user: the archive's owners count
        ask.header("content-type", "application/x-tar").bytes(archive).done().await
    }

    async fn connect(&self, id: &str, network: &NetworkAttachment) -> Result<()> {
        let attempted = format!("joining container {id} to network {}", network.network);
        let body = NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(endpoints::endpoint(network, &self.features)),
        };
        let path = format!("/networks/{}/connect", segment(&network.network));
        self.http.post(attempted, path).json(&body).done().await
    }

    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        self.act("renaming", id, "rename").query("name", name).done().await
    }

    async fn start(&self, id: &str) -> Result<()> {
        self.act("starting", id, "start").done().await
    }

    async fn stop(&self, id: &str, grace: Option<Duration>) -> Result<()> {
        let seconds = grace.map(|grace| whole_seconds(grace).to_string());
        gone_is_fine(self.act("stopping", id, "stop").query_some("t", seconds).done().await)
    }

    async fn restart(&self, id: &str, grace: Option<Duration>) -> Result<()> {
        let seconds = grace.map(|grace| whole_seconds(grace).to_string());
        self.act("restarting", id, "restart").query_some("t", seconds).done().await
    }

    async fn kill(&self, id: &str, signal: &str) -> Result<()> {
        self.act("killing", id, "kill").query("signal", signal).done().await
    }

    async fn pause(&self, id: &str) -> Result<()> {
        self.act("pausing", id, "pause").done().await
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        self.act("unpausing", id, "unpause").done().await
    }

    async fn remove(&self, id: &str, volumes: AnonymousVolumes) -> Result<()> {
        removal::container(&self.http, id, volumes == AnonymousVolumes::Remove).await
    }

    async fn wait(&self, id: &str) -> Result<i64> {
        let ended: Ended = self.act("waiting for", id, "wait").value().await?;
        Ok(ended.code)
    }

    async fn changed(
        &self,
        id: &str,
        known: &observed::Container,
        patience: Duration,
    ) -> Result<Option<observed::Container>> {
        waiting::changed(self, id, known, patience).await
    }
}

/// devup's labels win over the user's of the same name.
fn merged(user: &IndexMap<String, String>, ours: &IndexMap<String, String>) -> IndexMap<String, String> {
    let mut all = user.clone();
    all.extend(ours.iter().map(|(key, value)| (key.clone(), value.clone())));
    all
}

/// The body of the call that makes a volume.
pub(super) fn volume_body(volume: &resource::Volume, labels: &IndexMap<String, String>) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: Some(volume.name.clone()),
        driver: volume.driver.clone(),
        driver_opts: some_map(&volume.driver_opts),
        labels: some_map(&merged(&volume.labels, labels)),
        ..VolumeCreateRequest::default()
    }
}

/// The body of the call that makes a network.
pub(super) fn network_body(network: &resource::Network, labels: &IndexMap<String, String>) -> serde_json::Value {
    let pools = network.ipam.config.iter().map(|pool| IpamConfig {
        subnet: pool.subnet.clone(),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: some_map(&pool.aux_addresses),
    });
    let ipam = network.ipam != resource::Ipam::default();
    let body = NetworkCreateRequest {
        name: network.name.clone(),
        driver: network.driver.clone(),
        internal: some_true(network.internal),
        attachable: some_true(network.attachable),
        ipam: ipam.then(|| Ipam {
            driver: network.ipam.driver.clone(),
            config: some_list(pools.collect()),
            options: some_map(&network.ipam.options),
        }),
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6,
        options: some_map(&network.driver_opts),
        labels: some_map(&merged(&network.labels, labels)),
        ..NetworkCreateRequest::default()
    };
    // plain data with text keys: this cannot fail
    let mut body = serde_json::to_value(body).unwrap_or_default();
    // engines before API 1.44 make a second network of the same name unless told to look first
    body["CheckDuplicate"] = json!(true);
    body
}
