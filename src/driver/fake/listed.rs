//! What the fake has, as an engine lists it.

use indexmap::IndexMap;

use super::world::{FakeContainer, FakeNetwork, FakeVolume};
use crate::driver::container::Scope;
use crate::model::labels;
use crate::model::observed::{self, State};

pub(super) fn within(found: &IndexMap<String, String>, scope: &Scope) -> bool {
    match scope {
        Scope::Project(project) => found.get(labels::PROJECT) == Some(project),
        Scope::AllProjects => found.contains_key(labels::PROJECT),
        Scope::Label(key, None) => found.contains_key(key),
        Scope::Label(key, Some(value)) => found.get(key) == Some(value),
    }
}

pub(super) fn listed(container: &FakeContainer) -> observed::Container {
    let up = matches!(container.state, State::Running | State::Paused);
    observed::Container {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.spec.image.clone(),
        image_id: container.image_id.clone(),
        command: container.spec.service.command.clone().unwrap_or_default().join(" "),
        created: container.created,
        state: container.state,
        health: container.health.filter(|_| up),
        exit_code: container.exit_code,
        status: match container.exit_code {
            Some(code) => format!("Exited ({code}) 1 second ago"),
            None => format!("{:?}", container.state),
        },
        labels: container.spec.labels.clone(),
        ports: if up { container.spec.ports.clone() } else { Vec::new() },
        exposed: Vec::new(),
        networks: container.networks.keys().cloned().collect(),
        network_ids: container.networks.clone(),
        mounts: container.mounts.clone(),
    }
}

pub(super) fn listed_network((id, network): (&String, &FakeNetwork)) -> observed::Network {
    observed::Network {
        id: id.clone(),
        name: network.name.clone(),
        driver: network.driver.clone(),
        labels: network.labels.clone(),
    }
}

pub(super) fn listed_volume((name, volume): (&String, &FakeVolume)) -> observed::Volume {
    observed::Volume {
        name: name.clone(),
        driver: volume.driver.clone(),
        labels: volume.labels.clone(),
        mountpoint: None,
    }
}
