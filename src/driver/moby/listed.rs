//! What an engine lists of containers, networks and volumes, in our own words. Only what devup reads is read:
//! these answers are large, and they are on the path of every command.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use crate::model::container::PortBinding;
use crate::model::observed::{Container, Health, MountPoint, Network, State, Volume};

/// `null` as the default: engines write it for empty lists and maps.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// One entry of `GET /containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedContainer {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    names: Vec<String>,
    #[serde(default)]
    image: String,
    #[serde(default, rename = "ImageID")]
    image_id: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    created: i64,
    #[serde(default, deserialize_with = "nullable")]
    ports: Vec<ListedPort>,
    #[serde(default, deserialize_with = "nullable")]
    labels: IndexMap<String, String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    health: Option<ListedHealth>,
    #[serde(default)]
    network_settings: Option<Networks>,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<Mounted>,
}

/// API 1.52 says the health apart from the phrase.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedHealth {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    #[serde(default, deserialize_with = "nullable")]
    networks: IndexMap<String, Option<Joined>>,
}

#[derive(Deserialize)]
pub(super) struct Joined {
    #[serde(default, rename = "NetworkID")]
    id: String,
}

/// Names of networks, and the ids that are known: an endpoint that was never up has none, and Podman's listing repeats the
/// name, which says nothing.
pub(super) fn names_and_ids(networks: IndexMap<String, Option<Joined>>) -> (Vec<String>, IndexMap<String, String>) {
    let names = networks.keys().cloned().collect();
    let ids = networks.into_iter().filter_map(|(name, joined)| Some((name, joined?.id)));
    (names, ids.filter(|(name, id)| !id.is_empty() && id != name).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPort {
    #[serde(default, rename = "IP")]
    ip: String,
    private_port: u16,
    #[serde(default)]
    public_port: u16,
    #[serde(default, rename = "Type")]
    protocol: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Mounted {
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
    #[serde(default, rename = "RW")]
    writable: bool,
}

impl From<Mounted> for MountPoint {
    fn from(mounted: Mounted) -> Self {
        let source = if mounted.name.is_empty() { mounted.source } else { mounted.name };
        Self { kind: mounted.kind, source, target: mounted.destination, writable: mounted.writable }
    }
}

impl From<ListedContainer> for Container {
    fn from(listed: ListedContainer) -> Self {
        let state = state(&listed.state, &listed.status);
        let (published, exposed): (Vec<ListedPort>, Vec<ListedPort>) =
            listed.ports.into_iter().partition(|port| port.public_port != 0);
        let (networks, network_ids) = names_and_ids(listed.network_settings.unwrap_or_default().networks);
        Self {
            id: listed.id,
            // a linked container is listed under its links' names too; its own has one slash
            name: listed
                .names
                .iter()
                .map(|name| name.trim_start_matches('/'))
                .find(|name| !name.contains('/'))
                .unwrap_or_default()
                .to_owned(),
            image: listed.image,
            image_id: listed.image_id,
            command: listed.command,
            created: listed.created,
            state,
            health: listed
                .health
                .and_then(|health| health_word(&health.status))
                .or_else(|| health_in_phrase(&listed.status))
                .filter(|_| matches!(state, State::Running | State::Paused)),
            exit_code: exit_code_in_phrase(&listed.status).filter(|_| has_ended(state)),
            status: listed.status,
            labels: listed.labels,
            ports: published
                .into_iter()
                .map(|port| PortBinding {
                    host_ip: port.ip,
                    published: port.public_port,
                    target: port.private_port,
                    protocol: port.protocol,
                })
                .collect(),
            exposed: exposed.iter().map(|port| format!("{}/{}", port.private_port, port.protocol)).collect(),
            networks,
            network_ids,
            mounts: listed.mounts.into_iter().map(MountPoint::from).collect(),
        }
    }
}

pub(super) fn has_ended(state: State) -> bool {
    matches!(state, State::Exited | State::Dead | State::Restarting)
}

/// The engine's word for a state; Podman has some of its own.
pub(super) fn state(word: &str, phrase: &str) -> State {
    match word {
        "running" if phrase.contains("(Paused)") => State::Paused,
        "running" | "stopping" => State::Running,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "removing" => State::Removing,
        "exited" | "stopped" => State::Exited,
        "dead" => State::Dead,
        // `configured`, `initialized`: made, never started
        _ => State::Created,
    }
}

/// `starting`, `healthy`, `unhealthy`.
pub(super) fn health_word(word: &str) -> Option<Health> {
    match word {
        "starting" => Some(Health::Starting),
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        _ => None,
    }
}

/// `Up 3 minutes (healthy)`, `Up 1 second (health: starting)`.
fn health_in_phrase(phrase: &str) -> Option<Health> {
    let (_, rest) = phrase.rsplit_once('(')?;
    health_word(rest.trim_end_matches(')').trim_start_matches("health: "))
}

/// `Exited (137) 3 minutes ago`, `Restarting (1) 2 seconds ago`.
fn exit_code_in_phrase(phrase: &str) -> Option<i64> {
    let (word, rest) = phrase.split_once(" (")?;
    if !matches!(word, "Exited" | "Restarting") {
        return None;
    }
    rest.split(')').next()?.parse().ok()
}

/// One entry of `GET /networks`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedNetwork {
    id: String,
    name: String,
    #[serde(default)]
    driver: String,
    #[serde(default, deserialize_with = "nullable")]
    labels: IndexMap<String, String>,
}

impl From<ListedNetwork> for Network {
    fn from(listed: ListedNetwork) -> Self {
        Self { id: listed.id, name: listed.name, driver: listed.driver, labels: listed.labels }
    }
}

/// `GET /volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedVolumes {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) volumes: Vec<ListedVolume>,
}

/// One volume.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedVolume {
    name: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    mountpoint: String,
    #[serde(default, deserialize_with = "nullable")]
    labels: IndexMap<String, String>,
}

impl From<ListedVolume> for Volume {
    fn from(listed: ListedVolume) -> Self {
        let mountpoint = (!listed.mountpoint.is_empty()).then_some(listed.mountpoint);
        Self { name: listed.name, driver: listed.driver, labels: listed.labels, mountpoint }
    }
}
