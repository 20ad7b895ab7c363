//! What the engine has, and the rules that do not fit into one call.

use indexmap::IndexMap;

use crate::base::digest::Digest;
use crate::driver::error::{DriverError, Result};
use crate::model::container::{ContainerSpec, InjectedFile};
use crate::model::mount::MountKind;
use crate::model::observed::{Health, Image, MountPoint, State};

/// A container of the fake.
#[derive(Debug, Clone)]
pub struct FakeContainer {
    /// Id.
    pub id: String,
    /// Present name.
    pub name: String,
    /// As it was asked for.
    pub spec: ContainerSpec,
    /// Id of its image.
    pub image_id: String,
    /// Creation, in seconds of the world's own time.
    pub created: i64,
    /// State.
    pub state: State,
    /// Health.
    pub health: Option<Health>,
    /// Of the last run.
    pub exit_code: Option<i64>,
    /// How often it was started.
    pub starts: u32,
    /// When it was started last, by the world's own count; 0: never.
    pub started: u64,
    /// When it turned healthy or ended well after that; 0: not yet.
    pub settled: u64,
    /// Networks: name and id at the time of joining.
    pub networks: IndexMap<String, String>,
    /// Mounts.
    pub mounts: Vec<MountPoint>,
    /// Names of the anonymous volumes that were made for it.
    pub own_volumes: Vec<String>,
    /// Looks in a row that found nothing new.
    pub idle_looks: u32,
    /// Files put in.
    pub files: Vec<InjectedFile>,
    /// Containers joined, with the number of starts each had when this one was started.
    pub joined: IndexMap<String, u32>,
    /// Programs run in it.
    pub execs: Vec<Vec<String>>,
}

/// A network of the fake.
#[derive(Debug, Clone)]
pub struct FakeNetwork {
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Handed to the driver.
    pub options: IndexMap<String, String>,
}

/// A volume of the fake.
#[derive(Debug, Clone)]
pub struct FakeVolume {
    /// Driver.
    pub driver: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Handed to the driver.
    pub options: IndexMap<String, String>,
    /// Its data: no two volumes ever have the same.
    pub token: String,
}

/// Everything the engine has.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Containers by id.
    pub containers: IndexMap<String, FakeContainer>,
    /// Networks by id.
    pub networks: IndexMap<String, FakeNetwork>,
    /// Volumes by name.
    pub volumes: IndexMap<String, FakeVolume>,
    /// Images by reference.
    pub images: IndexMap<String, Image>,
    /// Images that can be pulled.
    pub registry: IndexMap<String, Image>,
    /// Calls so far that changed something.
    pub changes: u64,
    serial: u64,
}

/// An image with the content named.
pub(super) fn image(reference: &str, content: &str, volumes: &[&str]) -> Image {
    Image {
        id: format!("{:#}", Digest::of(content)),
        tags: vec![reference.to_owned()],
        digests: Vec::new(),
        created: 0,
        tagged: None,
        size: 1,
        platform: "linux/amd64".to_owned(),
        labels: IndexMap::new(),
        volumes: volumes.iter().map(|path| (*path).to_owned()).collect(),
        user: String::new(),
        working_dir: String::new(),
        environment: Vec::new(),
        entrypoint: Vec::new(),
        command: Vec::new(),
        has_healthcheck: false,
    }
}

impl World {
    /// A name or id nobody has had yet, 64 hex digits long.
    pub(super) fn fresh(&mut self) -> String {
        self.serial += 1;
        Digest::of(self.serial.to_le_bytes()).to_string()
    }

    /// The next moment of the world's own count.
    pub(super) fn moment(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Seconds pass slowly: several things happen within one, as on a real engine.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.serial / 8).unwrap_or(i64::MAX)
    }

    /// Gives an image a reference.
    pub fn put_image(&mut self, reference: &str, mut image: Image) {
        image.tags = vec![reference.to_owned()];
        self.images.insert(reference.to_owned(), image);
    }

    /// An image by reference or id.
    pub(super) fn find_image(&self, name: &str) -> Option<&Image> {
        self.images.get(name).or_else(|| self.images.values().find(|image| image.id == name))
    }

    /// An image with all references that it has now.
    pub(super) fn with_tags(&self, image: &Image) -> Image {
        // what nothing else refers to is kept under its id, which is no reference
        let same = self.images.iter().filter(|(name, other)| other.id == image.id && **name != image.id);
        Image { tags: same.map(|(reference, _)| reference.clone()).collect(), ..image.clone() }
    }

    /// A container by id or name.
    pub fn container(&self, name: &str) -> Option<&FakeContainer> {
        self.containers.get(name).or_else(|| self.containers.values().find(|container| container.name == name))
    }

    pub(super) fn container_mut(&mut self, attempted: &str, name: &str) -> Result<&mut FakeContainer> {
        let id = self.container(name).map(|container| container.id.clone());
        match id.and_then(|id| self.containers.get_mut(&id)) {
            Some(container) => Ok(container),
            None => Err(not_found(attempted, format!("No such container: {name}"))),
        }
    }

    /// A network by name or id.
    pub fn network(&self, name: &str) -> Option<(&String, &FakeNetwork)> {
        self.networks.get_key_value(name).or_else(|| self.networks.iter().find(|(_, network)| network.name == name))
    }

    pub(super) fn name_is_free(&self, attempted: &str, name: &str) -> Result<()> {
        match self.containers.values().find(|container| container.name == name) {
            Some(other) => Err(conflict(attempted, format!("The name {name} is in use by container {}", other.id))),
            None => Ok(()),
        }
    }

    /// Mounts of a new container: volumes are made where they are not there, anonymous ones always.
    pub(super) fn mounts(&mut self, spec: &ContainerSpec, image: &Image) -> Result<(Vec<MountPoint>, Vec<String>)> {
        let mut mounts: Vec<MountPoint> = Vec::new();
        let mut own = Vec::new();
        for mount in &spec.mounts {
            let (kind, source) = match (mount.kind, &mount.source) {
                (MountKind::Volume, Some(name)) => ("volume", self.volume(name)),
                (MountKind::Volume, None) => ("volume", self.anonymous(&mut own)),
                (MountKind::Tmpfs, _) => ("tmpfs", String::new()),
                (_, source) => ("bind", source.clone().unwrap_or_default()),
            };
            if mounts.iter().any(|other| other.target == mount.target) {
                let reason = format!("Duplicate mount point: {}", mount.target);
                return Err(failed(&format!("creating container {}", spec.name), reason));
            }
            mounts.push(point(kind, source, &mount.target));
        }
        for from in &spec.volumes_from {
            let id = from.split(':').next().unwrap_or(from);
            let Some(other) = self.container(id) else {
                return Err(not_found(
                    &format!("creating container {}", spec.name),
                    format!("No such container: {id}"),
                ));
            };
            let theirs: Vec<MountPoint> = other.mounts.clone();
            for mount in theirs {
                if !mounts.iter().any(|own| own.target == mount.target) {
                    mounts.push(mount);
                }
            }
        }
        for path in &image.volumes {
            if !mounts.iter().any(|mount| mount.target == *path) {
                let name = self.anonymous(&mut own);
                mounts.push(point("volume", name, path));
            }
        }
        Ok((mounts, own))
    }

    fn volume(&mut self, name: &str) -> String {
        if !self.volumes.contains_key(name) {
            let token = self.fresh();
            self.volumes.insert(name.to_owned(), blank_volume(token));
        }
        name.to_owned()
    }

    fn anonymous(&mut self, own: &mut Vec<String>) -> String {
        let name = self.fresh();
        let token = self.fresh();
        self.volumes.insert(name.clone(), blank_volume(token));
        own.push(name.clone());
        name
    }

    /// Ids of containers that have this volume mounted.
    pub(super) fn users_of_volume(&self, name: &str) -> Vec<&str> {
        let uses = |c: &&FakeContainer| c.mounts.iter().any(|mount| mount.kind == "volume" && mount.source == name);
        self.containers.values().filter(uses).map(|container| container.id.as_str()).collect()
    }
}

fn blank_volume(token: String) -> FakeVolume {
    FakeVolume { driver: "local".to_owned(), labels: IndexMap::new(), options: IndexMap::new(), token }
}

fn point(kind: &str, source: String, target: &str) -> MountPoint {
    MountPoint { kind: kind.to_owned(), source, target: target.to_owned(), writable: true }
}

pub(super) fn not_found(attempted: &str, reason: String) -> DriverError {
    DriverError::NotFound { attempted: attempted.to_owned(), reason }
}

pub(super) fn conflict(attempted: &str, reason: String) -> DriverError {
    DriverError::Conflict { attempted: attempted.to_owned(), reason }
}

pub(super) fn failed(attempted: &str, reason: String) -> DriverError {
    DriverError::Failed { attempted: attempted.to_owned(), reason }
}
