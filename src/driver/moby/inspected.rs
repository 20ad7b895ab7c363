//! What an engine shows of one container, in our own words: the same noun as in a listing.

use indexmap::IndexMap;
use serde::Deserialize;

use super::listed::{Joined, Mounted, has_ended, health_word, names_and_ids, nullable, state};
use crate::model::container::PortBinding;
use crate::model::observed::{Container, Health, MountPoint, State};

/// `GET /containers/{id}/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    name: String,
    #[serde(default)]
    created: Option<jiff::Timestamp>,
    #[serde(default)]
    image: String,
    #[serde(default)]
    path: String,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<String>,
    pub(super) state: InspectedState,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: InspectedConfig,
    #[serde(default, deserialize_with = "nullable")]
    network_settings: InspectedNetworks,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<Mounted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedState {
    #[serde(default)]
    status: String,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    pub(super) started_at: Option<jiff::Timestamp>,
    // Podman 4 spells it so
    #[serde(default, alias = "Healthcheck", deserialize_with = "nullable")]
    pub(super) health: InspectedHealth,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedHealth {
    #[serde(default)]
    status: String,
    #[serde(default)]
    failing_streak: Option<u64>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) log: Vec<Probed>,
}

impl InspectedHealth {
    /// Docker calls a container unhealthy from when it was frozen until its next probe passes. Where no probe has failed,
    /// nobody knows yet.
    fn word(&self) -> Option<Health> {
        match health_word(&self.status) {
            Some(Health::Unhealthy) if self.failing_streak == Some(0) => Some(Health::Starting),
            word => word,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Probed {
    #[serde(default)]
    pub(super) end: Option<jiff::Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedConfig {
    #[serde(default)]
    image: String,
    #[serde(default, deserialize_with = "nullable")]
    labels: IndexMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    exposed_ports: IndexMap<String, serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) tty: bool,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) healthcheck: InspectedCheck,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedCheck {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) test: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) interval: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct InspectedNetworks {
    #[serde(default, deserialize_with = "nullable")]
    networks: IndexMap<String, Option<Joined>>,
    #[serde(default, deserialize_with = "nullable")]
    ports: IndexMap<String, Option<Vec<HostPort>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostPort {
    #[serde(default)]
    host_ip: String,
    #[serde(default)]
    host_port: String,
}

impl From<Inspected> for Container {
    fn from(seen: Inspected) -> Self {
        let state = if seen.state.paused { State::Paused } else { state(&seen.state.status, "") };
        let health = seen.state.health.word().filter(|_| matches!(state, State::Running | State::Paused));
        let exit_code = has_ended(state).then_some(seen.state.exit_code);
        let mut exposed = Vec::new();
        let mut ports = Vec::new();
        for (inside, bound) in seen.network_settings.ports {
            let (target, protocol) = inside.split_once('/').unwrap_or((&inside, "tcp"));
            for host in bound.into_iter().flatten() {
                ports.push(PortBinding {
                    host_ip: host.host_ip,
                    published: host.host_port.parse().unwrap_or(0),
                    target: target.parse().unwrap_or(0),
                    protocol: protocol.to_owned(),
                });
            }
        }
        for inside in seen.config.exposed_ports.into_keys() {
            if !ports.iter().any(|port| format!("{}/{}", port.target, port.protocol) == inside) {
                exposed.push(inside);
            }
        }
        let (networks, network_ids) = names_and_ids(seen.network_settings.networks);
        Self {
            id: seen.id,
            name: seen.name.trim_start_matches('/').to_owned(),
            image: seen.config.image,
            image_id: seen.image,
            command: std::iter::once(seen.path).chain(seen.args).collect::<Vec<_>>().join(" "),
            created: seen.created.map_or(0, jiff::Timestamp::as_second),
            state,
            health,
            exit_code,
            status: phrase(state, health, exit_code),
            labels: seen.config.labels,
            ports,
            exposed,
            networks,
            network_ids,
            mounts: seen.mounts.into_iter().map(MountPoint::from).collect(),
        }
    }
}

/// As the listing says it, without the ages.
fn phrase(state: State, health: Option<Health>, exit_code: Option<i64>) -> String {
    let word = match (state, exit_code) {
        (State::Running, _) => "Up".to_owned(),
        (State::Paused, _) => "Up (Paused)".to_owned(),
        (State::Exited, Some(code)) => format!("Exited ({code})"),
        (State::Restarting, Some(code)) => format!("Restarting ({code})"),
        (other, _) => format!("{other:?}"),
    };
    match health {
        Some(Health::Starting) => format!("{word} (health: starting)"),
        Some(Health::Healthy) => format!("{word} (healthy)"),
        Some(Health::Unhealthy) => format!("{word} (unhealthy)"),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unhealthy_without_a_failed_probe_is_not_known_yet() {
        let word = |health: serde_json::Value| serde_json::from_value::<InspectedHealth>(health).unwrap().word();
        let said = |streak: u64| serde_json::json!({ "Status": "unhealthy", "FailingStreak": streak });
        assert_eq!(word(said(0)), Some(Health::Starting));
        assert_eq!(word(said(4)), Some(Health::Unhealthy));
        // an engine that does not count is believed
        assert_eq!(word(serde_json::json!({ "Status": "unhealthy" })), Some(Health::Unhealthy));
    }
}
