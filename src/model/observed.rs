//! One look at the world: what an engine has of a project.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::container::PortBinding;
use super::labels;

/// Everything the planner looks at. Taken once, before it decides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Observed {
    /// Containers of the project, one-off ones included.
    pub containers: Vec<Container>,
    /// Networks of the project, and external ones that it names.
    pub networks: Vec<Network>,
    /// Volumes of the project, and external ones that it names.
    pub volumes: Vec<Volume>,
    /// Images that the environment's services need, by the reference in the spec. Absent: not there.
    pub images: IndexMap<String, Image>,
}

/// A container's state, in the engine's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never started.
    Created,
    /// Running.
    Running,
    /// Running, frozen.
    Paused,
    /// Between two runs.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Broken: can only be removed.
    Dead,
}

/// Result of the health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No verdict yet.
    Starting,
    /// Good.
    Healthy,
    /// Bad.
    Unhealthy,
}

/// A container as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// The reference it was made from.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// The command, as the engine lists it.
    pub command: String,
    /// Seconds since 1970.
    pub created: i64,
    /// State.
    pub state: State,
    /// `None`: it has no health check.
    pub health: Option<Health>,
    /// Of the last run; `None` where it never ended or the listing does not say.
    pub exit_code: Option<i64>,
    /// The engine's own phrase, such as `Up 3 minutes (healthy)`.
    pub status: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Published ports (only while running).
    pub ports: Vec<PortBinding>,
    /// Ports open inside without being published, as `80/tcp`.
    pub exposed: Vec<String>,
    /// Names of the networks it is on.
    pub networks: Vec<String>,
    /// The engine's ids of these networks by name, where the listing says them (a container that was never started may
    /// have none yet): tells a network that was made anew from the one the container was joined to.
    #[serde(default)]
    pub network_ids: IndexMap<String, String>,
    /// Mounts: (volume name or host path, path inside).
    pub mounts: Vec<MountPoint>,
}

/// A mount of an existing container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPoint {
    /// `bind`, `volume`, `tmpfs`.
    pub kind: String,
    /// Volume name or host path.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// Writable.
    pub writable: bool,
}

impl Container {
    /// Value of a label; empty where absent.
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }
    /// Service it belongs to; empty where it has none.
    pub fn service(&self) -> &str {
        self.label(labels::SERVICE)
    }
    /// Number within its service; 0 where it has none.
    pub fn number(&self) -> u32 {
        self.label(labels::NUMBER).parse().unwrap_or(0)
    }
    /// Made by `run`.
    pub fn oneoff(&self) -> bool {
        self.label(labels::ONEOFF).eq_ignore_ascii_case("true")
    }
    /// Running, frozen ones included.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Running | State::Paused | State::Restarting)
    }
}

/// A network as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The engine's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
}

/// A volume as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Where the engine keeps it, if it says.
    pub mountpoint: Option<String>,
}

/// An image as inspected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The engine's id (`sha256:…`).
    pub id: String,
    /// References.
    pub tags: Vec<String>,
    /// Digests of the registries it came from.
    pub digests: Vec<String>,
    /// Seconds since 1970.
    pub created: i64,
    /// When it last got a tag here, by a pull or otherwise: seconds since 1970, where the engine notes it.
    pub tagged: Option<i64>,
    /// Bytes.
    pub size: i64,
    /// `os/arch[/variant]`.
    pub platform: String,
    /// Labels.
    pub labels: IndexMap<String, String>,
    /// Paths for which the image asks an anonymous volume.
    pub volumes: Vec<String>,
    /// User it runs as.
    pub user: String,
    /// Folder it starts in.
    pub working_dir: String,
    /// Variables, `NAME=value`.
    pub environment: Vec<String>,
    /// What every command goes through.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// What runs where nobody says anything.
    #[serde(default)]
    pub command: Vec<String>,
    /// It has a health check of its own.
    pub has_healthcheck: bool,
}
