//! An engine in memory, with an engine's rules: names are taken, networks and volumes in use stay, ports collide at
//! start, anonymous volumes go or stay with their container, what joined a namespace loses it when its owner ends.
//!
//! Programs are known by their first word: `exit N` ends at once with N, `job N` runs and ends with N when looked at
//! again, `broken` cannot be started; everything else runs until it is stopped. A health check `[CMD, good]` turns
//! healthy and `[CMD, bad]` unhealthy when looked at again. In `exec`, `fail` ends with 1; `echo` and `exit` in a shell's
//! line do what they do, `cat` shows files that were put in.
//!
//! What it promises is judged by the same cases as real engines: `tests/conformance/driver.rs`.

mod containers;
mod images;
mod listed;
mod programs;
mod sessions;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use world::{FakeContainer, FakeNetwork, FakeVolume, World};

use super::features::{EngineKind, Features};
use crate::model::observed::Image;

/// The engine. Clones share one world.
#[derive(Debug, Clone)]
pub struct Fake {
    world: Arc<Mutex<World>>,
    features: Arc<Features>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// An engine that has nothing.
    pub fn new() -> Self {
        Self {
            world: Arc::new(Mutex::new(World::default())),
            features: Arc::new(Features {
                kind: EngineKind::Fake,
                version: "1.0".to_owned(),
                api: (1, 41),
                platform: "linux/amd64".to_owned(),
                multi_network_create: false,
                buildkit: true,
                builder_is_buildkit: true,
                named_contexts: true,
                annotations: true,
                endpoint_mac: true,
                gateway_priority: true,
                interface_name: true,
                whole_create: true,
                no_ipv4: true,
                recursive_binds: true,
                api_socket: "/var/run/docker.sock".to_owned(),
                links: true,
                lists_health: true,
                import_takes_tag: true,
                top_by_default: true,
                start_interval: true,
                volume_subpath: true,
                image_mount: true,
                runs_healthchecks: true,
                local: true,
                rootless: false,
            }),
        }
    }

    /// An engine that has an equal world of its own.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { world: Arc::new(Mutex::new(self.world().clone())), features: Arc::clone(&self.features) }
    }

    /// The same world behind an engine that joins all networks at creation.
    #[must_use]
    pub fn with_multi_network_create(mut self) -> Self {
        Arc::make_mut(&mut self.features).multi_network_create = true;
        self
    }

    /// The same world behind an engine that can do other things.
    #[must_use]
    pub fn with_features(mut self, change: impl FnOnce(&mut Features)) -> Self {
        change(Arc::make_mut(&mut self.features));
        self
    }

    /// Everything it has, to look at or to change behind devup's back.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an image there, with paths for which it wants anonymous volumes.
    #[must_use]
    pub fn with_image(self, reference: &str, volumes: &[&str]) -> Self {
        let image = world::image(reference, reference, volumes);
        self.world().put_image(reference, image);
        self
    }

    /// Lets an image be pulled.
    #[must_use]
    pub fn with_registry_image(self, reference: &str, content: &str, volumes: &[&str]) -> Self {
        let image: Image = world::image(reference, content, volumes);
        self.world().registry.insert(reference.to_owned(), image);
        self
    }
}
