//! Lifecycle of the fake's containers, networks and volumes.

use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;

use super::Fake;
use super::listed::{listed, listed_network, listed_volume, within};
use super::programs::{end, first_word, run, settle, tick};
use super::world::{FakeContainer, FakeNetwork, FakeVolume, World, conflict, failed, not_found};
use crate::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use crate::driver::error::{DriverError, Result};
use crate::driver::features::Features;
use crate::model::container::{ContainerSpec, InjectedFile, NetworkAttachment};
use crate::model::observed::{self, State};
use crate::model::resource;

/// Nobody will ever change a container while the only caller waits for it: an answer is better than a hang.
const FOR_EVER: &str = "it stays as it is for ever";
/// So many looks without news are taken for eternity.
const MOST_IDLE_LOOKS: u32 = 50;

#[async_trait]
impl ContainerDriver for Fake {
    fn features(&self) -> &Features {
        &self.features
    }

    async fn containers(&self, scope: &Scope) -> Result<Vec<observed::Container>> {
        let world = self.world();
        Ok(world.containers.values().map(listed).filter(|container| within(&container.labels, scope)).collect())
    }

    async fn networks(&self, scope: &Scope) -> Result<Vec<observed::Network>> {
        let world = self.world();
        Ok(world.networks.iter().map(listed_network).filter(|network| within(&network.labels, scope)).collect())
    }

    async fn volumes(&self, scope: &Scope) -> Result<Vec<observed::Volume>> {
        let world = self.world();
        Ok(world.volumes.iter().map(listed_volume).filter(|volume| within(&volume.labels, scope)).collect())
    }

    async fn container(&self, id: &str) -> Result<Option<observed::Container>> {
        Ok(self.world().container(id).map(listed))
    }

    async fn network(&self, name: &str) -> Result<Option<observed::Network>> {
        Ok(self.world().network(name).map(listed_network))
    }

    async fn volume(&self, name: &str) -> Result<Option<observed::Volume>> {
        Ok(self.world().volumes.get_key_value(name).map(listed_volume))
    }

    async fn create_network(&self, network: &resource::Network, labels: &IndexMap<String, String>) -> Result<String> {
        let mut world = self.changing();
        if world.network(&network.name).is_some() {
            let reason = format!("network with name {} already exists", network.name);
            return Err(conflict(&format!("creating network {}", network.name), reason));
        }
        let id = world.fresh();
        let made = FakeNetwork {
            name: network.name.clone(),
            driver: network.driver.clone().unwrap_or_else(|| "bridge".to_owned()),
            labels: merged(&network.labels, labels),
            options: network.driver_opts.clone(),
        };
        world.networks.insert(id.clone(), made);
        Ok(id)
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        let mut world = self.changing();
        let Some((id, _)) = world.network(id).map(|(id, network)| (id.clone(), network.name.clone())) else {
            return Ok(());
        };
        let up = |c: &&FakeContainer| matches!(c.state, State::Running | State::Paused | State::Restarting);
        if let Some(user) = world.containers.values().filter(up).find(|c| c.networks.values().any(|own| *own == id)) {
            let reason = format!("network {id} has active endpoints: {}", user.name);
            return Err(conflict(&format!("removing network {id}"), reason));
        }
        world.networks.shift_remove(&id);
        Ok(())
    }

    async fn create_volume(&self, volume: &resource::Volume, labels: &IndexMap<String, String>) -> Result<()> {
        let mut world = self.changing();
        // as on a real engine, a volume that is there stays as it is
        if !world.volumes.contains_key(&volume.name) {
            let token = world.fresh();
            let made = FakeVolume {
                driver: volume.driver.clone().unwrap_or_else(|| "local".to_owned()),
                labels: merged(&volume.labels, labels),
                options: volume.driver_opts.clone(),
                token,
            };
            world.volumes.insert(volume.name.clone(), made);
        }
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let mut world = self.changing();
        let users = world.users_of_volume(name);
        if !users.is_empty() {
            let reason = format!("volume is in use - [{}]", users.join(", "));
            return Err(conflict(&format!("removing volume {name}"), reason));
        }
        world.volumes.shift_remove(name);
        Ok(())
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        let mut world = self.changing();
        let attempted = format!("creating container {}", spec.name);
        world.name_is_free(&attempted, &spec.name)?;
        let image = world.find_image(&spec.image).cloned();
        let image = image.ok_or_else(|| not_found(&attempted, format!("No such image: {}", spec.image)))?;
        let mut networks = IndexMap::new();
        for attachment in spec.networks.iter().take(if self.features.multi_network_create { usize::MAX } else { 1 }) {
            let Some((id, network)) = world.network(&attachment.network) else {
                return Err(not_found(&attempted, format!("network {} not found", attachment.network)));
            };
            networks.insert(network.name.clone(), id.clone());
        }
        let partners = [&spec.network_mode, &spec.pid_mode, &spec.ipc_mode];
        let mut joined = IndexMap::new();
        for partner in partners.into_iter().filter_map(|mode| mode.as_deref()?.strip_prefix("container:")) {
            let Some(other) = world.container(partner) else {
                return Err(not_found(&attempted, format!("No such container: {partner}")));
            };
            joined.insert(other.id.clone(), 0);
        }
        let (mounts, own_volumes) = world.mounts(spec, &image)?;
        let id = world.fresh();
        let made = FakeContainer {
            id: id.clone(),
            name: spec.name.clone(),
            spec: spec.clone(),
            image_id: image.id,
            created: world.now(),
            state: State::Created,
            health: None,
            exit_code: None,
            starts: 0,
            started: 0,
            settled: 0,
            networks,
            mounts,
            own_volumes,
            idle_looks: 0,
            files: Vec::new(),
            joined,
            execs: Vec::new(),
        };
        world.containers.insert(id.clone(), made);
        Ok(id)
    }

    async fn inject(&self, id: &str, files: &[InjectedFile]) -> Result<()> {
        let mut world = self.changing();
        let container = world.container_mut("putting files into a container", id)?;
        container.files.extend(files.iter().cloned());
        Ok(())
    }

    async fn connect(&self, id: &str, network: &NetworkAttachment) -> Result<()> {
        let mut world = self.changing();
        let attempted = format!("connecting with network {}", network.network);
        let Some((network_id, name)) = world.network(&network.network).map(|(id, n)| (id.clone(), n.name.clone()))
        else {
            return Err(not_found(&attempted, format!("network {} not found", network.network)));
        };
        world.container_mut(&attempted, id)?.networks.insert(name, network_id);
        Ok(())
    }

    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        let mut world = self.changing();
        let attempted = format!("renaming a container to {name}");
        world.container_mut(&attempted, id)?;
        world.name_is_free(&attempted, name)?;
        name.clone_into(&mut world.container_mut(&attempted, id)?.name);
        Ok(())
    }

    async fn start(&self, id: &str) -> Result<()> {
        let mut world = self.changing();
        let attempted = format!("starting container {id}");
        let container = world.container_mut(&attempted, id)?.clone();
        match container.state {
            State::Running | State::Restarting => return Ok(()),
            State::Paused => return Err(conflict(&attempted, "cannot start a paused container".to_owned())),
            State::Dead | State::Removing => return Err(conflict(&attempted, "marked for removal".to_owned())),
            State::Created | State::Exited => {}
        }
        check_start(&world, &attempted, &container)?;
        let joined: IndexMap<String, u32> = container
            .joined
            .keys()
            .map(|partner| (partner.clone(), world.containers.get(partner).map_or(0, |other| other.starts)))
            .collect();
        let moment = world.moment();
        let container = world.container_mut(&attempted, id)?;
        container.joined = joined;
        container.starts += 1;
        container.started = moment;
        container.settled = 0;
        run(container);
        settle(&mut world, id);
        Ok(())
    }

    async fn stop(&self, id: &str, _grace: Option<Duration>) -> Result<()> {
        let mut world = self.changing();
        // what is gone is stopped
        if let Ok(container) = world.container_mut("stopping a container", id) {
            let killed = container.spec.service.stop_signal.as_deref() == Some("SIGKILL");
            end(container, if killed { 137 } else { 143 });
        }
        Ok(())
    }

    async fn restart(&self, id: &str, grace: Option<Duration>) -> Result<()> {
        self.stop(id, grace).await?;
        self.start(id).await
    }

    async fn kill(&self, id: &str, signal: &str) -> Result<()> {
        let mut world = self.changing();
        let attempted = format!("killing container {id}");
        let container = world.container_mut(&attempted, id)?;
        if !matches!(container.state, State::Running | State::Paused) {
            return Err(conflict(&attempted, "container is not running".to_owned()));
        }
        if ["SIGKILL", "KILL", "9", "SIGTERM", "TERM", "15"].contains(&signal) {
            end(container, 137);
        }
        Ok(())
    }

    async fn pause(&self, id: &str) -> Result<()> {
        self.turn(id, "pausing", State::Running, State::Paused)
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        self.turn(id, "unpausing", State::Paused, State::Running)
    }

    async fn remove(&self, id: &str, volumes: AnonymousVolumes) -> Result<()> {
        let mut world = self.changing();
        let Some(id) = world.container(id).map(|container| container.id.clone()) else { return Ok(()) };
        let gone = world.containers.shift_remove(&id);
        if volumes == AnonymousVolumes::Remove {
            for name in gone.into_iter().flat_map(|container| container.own_volumes) {
                if world.users_of_volume(&name).is_empty() {
                    world.volumes.shift_remove(&name);
                }
            }
        }
        Ok(())
    }

    async fn wait(&self, id: &str) -> Result<i64> {
        let mut world = self.changing();
        let attempted = format!("waiting for container {id}");
        tick(world.container_mut(&attempted, id)?);
        settle(&mut world, id);
        let container = world.container_mut(&attempted, id)?;
        match (container.state, container.exit_code) {
            (State::Exited, Some(code)) => Ok(code),
            _ => Err(failed(&attempted, FOR_EVER.to_owned())),
        }
    }

    async fn changed(
        &self,
        id: &str,
        known: &observed::Container,
        _patience: Duration,
    ) -> Result<Option<observed::Container>> {
        tokio::task::yield_now().await;
        let mut world = self.world();
        let Some(id) = world.container(id).map(|container| container.id.clone()) else { return Ok(None) };
        let container = world.container_mut("looking at a container", &id)?;
        if container.state == known.state && container.health == known.health {
            tick(container);
            let idle = container.state == known.state && container.health == known.health;
            container.idle_looks = if idle { container.idle_looks + 1 } else { 0 };
            if container.idle_looks > MOST_IDLE_LOOKS {
                return Err(failed(&format!("waiting for container {}", container.name), FOR_EVER.to_owned()));
            }
            settle(&mut world, &id);
        }
        Ok(world.container(&id).map(listed))
    }
}

impl Fake {
    fn changing(&self) -> std::sync::MutexGuard<'_, World> {
        let mut world = self.world();
        world.changes += 1;
        world
    }

    fn turn(&self, id: &str, doing: &str, from: State, to: State) -> Result<()> {
        let mut world = self.changing();
        let attempted = format!("{doing} container {id}");
        let container = world.container_mut(&attempted, id)?;
        if container.state != from {
            return Err(conflict(&attempted, format!("container is {:?}", container.state)));
        }
        container.state = to;
        Ok(())
    }
}

fn check_start(world: &World, attempted: &str, container: &FakeContainer) -> Result<()> {
    if first_word(container) == "broken" {
        return Err(failed(attempted, "exec: \"broken\": executable file not found in $PATH".to_owned()));
    }
    for (name, id) in &container.networks {
        if !world.networks.contains_key(id) {
            return Err(not_found(attempted, format!("network {id} ({name}) not found")));
        }
    }
    for partner in container.joined.keys() {
        match world.containers.get(partner) {
            Some(other) if other.state == State::Running => {}
            Some(other) => {
                return Err(conflict(
                    attempted,
                    format!("cannot join a container that is not running: {}", other.name),
                ));
            }
            None => return Err(not_found(attempted, format!("No such container: {partner}"))),
        }
    }
    let running = world.containers.values().filter(|other| matches!(other.state, State::Running | State::Paused));
    for other in running {
        let taken = other.spec.ports.iter().find(|held| {
            held.published != 0
                && container
                    .spec
                    .ports
                    .iter()
                    .any(|port| port.published == held.published && port.protocol == held.protocol)
        });
        if let Some(port) = taken {
            return Err(DriverError::PortTaken {
                attempted: attempted.to_owned(),
                port: port.published,
                reason: format!("port is already allocated to {}", other.name),
            });
        }
    }
    Ok(())
}

fn merged(own: &IndexMap<String, String>, more: &IndexMap<String, String>) -> IndexMap<String, String> {
    let mut all = own.clone();
    all.extend(more.clone());
    all
}
