//! A service in Compose's canonical form: short syntaxes expanded, paths resolved, names filled in. The field names and
//! values are those of `docker-compose config --format json`, which is what `spec` produces and what the config hash covers.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::backup::ServiceBackup;
use super::build::Build;
use super::canonical::{Absent, canonical};
use super::deploy::Deploy;
use super::mount::Mount;
use super::provider::{ModelUse, Provider};
use super::quantity::{Bytes, Span};
use super::resource::is_false;
use super::task::Provision;

/// Text values by name.
pub type Texts = IndexMap<String, String>;
/// Variables; one without a value is taken from devup's own environment, or left out where that has none.
pub type Variables = IndexMap<String, Option<String>>;

canonical! {
/// One service.
pub struct Service {
    /// Annotations handed to the runtime.
    pub annotations: IndexMap<String, String>,
    /// `false`: its output is not shown when attached.
    pub attach: Option<bool>,
    /// devup: how its data is kept.
    pub backup: Option<ServiceBackup>,
    /// How its image is built.
    pub build: Option<Build>,
    /// Block I/O limits, as the engine's API has them.
    pub blkio_config: Option<serde_json::Value>,
    /// Capabilities of Linux added.
    pub cap_add: Vec<String>,
    /// Capabilities of Linux dropped.
    pub cap_drop: Vec<String>,
    /// `host` or `private`.
    pub cgroup: Option<String>,
    /// Parent cgroup.
    pub cgroup_parent: Option<String>,
    /// Replaces the image's command. `Some(vec![])` clears it.
    pub command: Option<Vec<String>>,
    /// Configs mounted as files.
    pub configs: Vec<FileReference>,
    /// A fixed name instead of `<project>-<service>-<number>`.
    pub container_name: Option<String>,
    /// Usable CPUs.
    pub cpu_count: Option<i64>,
    /// Windows only.
    pub cpu_percent: Option<f64>,
    /// CFS period in microseconds.
    pub cpu_period: Option<serde_json::Value>,
    /// CFS quota in microseconds.
    pub cpu_quota: Option<serde_json::Value>,
    /// Real-time period in microseconds.
    pub cpu_rt_period: Option<serde_json::Value>,
    /// Real-time runtime in microseconds.
    pub cpu_rt_runtime: Option<serde_json::Value>,
    /// Relative weight.
    pub cpu_shares: Option<serde_json::Value>,
    /// CPUs as a fraction.
    pub cpus: Option<f64>,
    /// CPUs by number.
    pub cpuset: Option<String>,
    /// Managed service accounts of Windows.
    pub credential_spec: Option<serde_json::Value>,
    /// What it waits for.
    pub depends_on: IndexMap<String, Dependency>,
    /// `deploy` section.
    pub deploy: Option<Deploy>,
    /// `develop` section, for `watch`.
    pub develop: Option<serde_json::Value>,
    /// Cgroup rules.
    pub device_cgroup_rules: Vec<String>,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Domain name.
    pub domainname: Option<String>,
    /// Replaces the image's entrypoint. `Some(vec![])` clears it.
    pub entrypoint: Option<Vec<String>>,
    /// devup: a building block instead of image and build.
    pub env: Option<String>,
    /// Variables, those of `env_file` included.
    pub environment: IndexMap<String, Option<String>>,
    /// Kept for `config` only: its content is in `environment`.
    pub env_file: Vec<serde_json::Value>,
    /// Ports open to other services.
    pub expose: Vec<String>,
    /// Containers outside the project.
    pub external_links: Vec<String>,
    /// `name=address`.
    pub extra_hosts: Vec<String>,
    /// GPUs.
    pub gpus: Vec<serde_json::Value>,
    /// Additional groups inside.
    pub group_add: Vec<String>,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Host name inside.
    pub hostname: Option<String>,
    /// The image to run.
    pub image: Option<String>,
    /// An init process as PID 1.
    pub init: Option<bool>,
    /// IPC namespace.
    pub ipc: Option<String>,
    /// Windows only.
    pub isolation: Option<String>,
    /// Container labels.
    pub labels: IndexMap<String, String>,
    /// `service` or `service:alias`.
    pub links: Vec<String>,
    /// Log driver.
    pub logging: Option<Logging>,
    /// MAC address.
    pub mac_address: Option<String>,
    /// Memory limit.
    pub mem_limit: Option<Bytes>,
    /// Memory reservation.
    pub mem_reservation: Option<Bytes>,
    /// Memory and swap.
    pub memswap_limit: Option<Bytes>,
    /// Swappiness.
    pub mem_swappiness: Option<serde_json::Value>,
    /// AI models bound to the service.
    pub models: IndexMap<String, Option<ModelUse>>,
    /// `host`, `none`, `bridge`, `service:NAME`, `container:NAME`.
    pub network_mode: Option<String>,
    /// Networks it joins, in the order of the file.
    pub networks: IndexMap<String, Option<ServiceNetwork>>,
    /// No kernel out-of-memory kills.
    pub oom_kill_disable: Option<bool>,
    /// Preference of the kernel's out-of-memory killer.
    pub oom_score_adj: Option<i64>,
    /// PID namespace.
    pub pid: Option<String>,
    /// Limit of processes.
    pub pids_limit: Option<i64>,
    /// `os/arch`.
    pub platform: Option<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Hooks after start.
    pub post_start: Vec<Hook>,
    /// Containers that run to their end before it starts.
    pub pre_start: Vec<PreStart>,
    /// Hooks before stop.
    pub pre_stop: Vec<Hook>,
    /// All rights over the host.
    pub privileged: bool,
    /// Profiles that enable it; none: always enabled.
    pub profiles: Vec<String>,
    /// A program that provides the service instead of a container.
    pub provider: Option<Provider>,
    /// devup: provisioning steps.
    pub provision: Vec<Provision>,
    /// `always never missing if_not_present build daily weekly every_<duration>`.
    pub pull_policy: Option<String>,
    /// Root file system read only.
    pub read_only: bool,
    /// `no always on-failure[:max] unless-stopped`.
    pub restart: Option<String>,
    /// OCI runtime.
    pub runtime: Option<String>,
    /// Number of containers.
    pub scale: Option<u32>,
    /// Secrets mounted as files.
    pub secrets: Vec<FileReference>,
    /// Labelling scheme overrides.
    pub security_opt: Vec<String>,
    /// Size of /dev/shm.
    pub shm_size: Option<Bytes>,
    /// Standard input stays open.
    pub stdin_open: bool,
    /// Before the kill; ten seconds where absent.
    pub stop_grace_period: Option<Span>,
    /// SIGTERM where absent.
    pub stop_signal: Option<String>,
    /// Storage driver options.
    pub storage_opt: IndexMap<String, String>,
    /// Kernel parameters.
    pub sysctls: IndexMap<String, String>,
    /// `path[:options]`.
    pub tmpfs: Vec<String>,
    /// A terminal.
    pub tty: bool,
    /// Limits.
    pub ulimits: IndexMap<String, Ulimit>,
    /// Use the engine API's socket: granted only with consent.
    pub use_api_socket: bool,
    /// `name|uid[:group|gid]`.
    pub user: Option<String>,
    /// User namespace.
    pub userns_mode: Option<String>,
    /// UTS namespace.
    pub uts: Option<String>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// `service[:ro]` or `container:name[:ro]`.
    pub volumes_from: Vec<String>,
    /// Folder inside.
    pub working_dir: Option<String>,
}
}

impl Service {
    /// How many containers it should have: `scale`, else `deploy.replicas`, else 1; none where a program provides it.
    pub fn replicas(&self) -> u32 {
        if self.provider.is_some() {
            return 0;
        }
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }
}

/// When a dependency counts as met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its containers run.
    #[default]
    ServiceStarted,
    /// Its containers are healthy.
    ServiceHealthy,
    /// Its containers ended with 0.
    ServiceCompletedSuccessfully,
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// When it is met.
    pub condition: Condition,
    /// Restarted when the other is re-created or restarted.
    #[serde(skip_serializing_if = "is_false")]
    pub restart: bool,
    /// `false`: its absence or failure is a warning.
    pub required: bool,
}

canonical! {
/// A device of the host.
pub struct Device {
    /// On the host.
    pub source: String,
    /// Inside.
    pub target: String,
    /// `rwm`.
    pub permissions: String,
}
}

canonical! {
/// A secret or config as a file inside.
pub struct FileReference {
    /// Key under top-level `secrets` or `configs`.
    pub source: String,
    /// Path inside.
    pub target: Option<String>,
    /// Owner.
    pub uid: Option<String>,
    /// Group.
    pub gid: Option<String>,
    /// Octal text, such as `0440`.
    pub mode: Option<String>,
}
}

impl FileReference {
    /// Whether the file inside is to be another's than the file outside is.
    pub fn has_owner_or_mode(&self) -> bool {
        self.uid.is_some() || self.gid.is_some() || self.mode.is_some()
    }
}

canonical! {
/// Health check. `None` fields are the image's.
pub struct Healthcheck {
    /// `[CMD …]`, `[CMD-SHELL …]` or `[NONE]`.
    pub test: Option<Vec<String>>,
    /// Of one probe.
    pub timeout: Option<Span>,
    /// Between probes.
    pub interval: Option<Span>,
    /// Failures until unhealthy.
    pub retries: Option<u64>,
    /// Failures do not count before.
    pub start_period: Option<Span>,
    /// Between probes during the start period.
    pub start_interval: Option<Span>,
    /// Switches the image's off.
    pub disable: bool,
}
}

canonical! {
/// Log driver and its options.
pub struct Logging {
    /// Name.
    pub driver: Option<String>,
    /// As the driver has them.
    pub options: IndexMap<String, String>,
}
}

canonical! {
/// How a service joins a network.
pub struct ServiceNetwork {
    /// Further names inside.
    pub aliases: Vec<String>,
    /// Driver options of the endpoint.
    pub driver_opts: IndexMap<String, String>,
    /// Which network gives the default route.
    pub gw_priority: Option<i64>,
    /// Interface name inside.
    pub interface_name: Option<String>,
    /// Fixed address.
    pub ipv4_address: Option<String>,
    /// Fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// Fixed MAC address.
    pub mac_address: Option<String>,
    /// Order of connecting, highest first.
    pub priority: Option<i64>,
}
}

canonical! {
/// A published port. Ranges are expanded.
pub struct Port {
    /// A name for people.
    pub name: Option<String>,
    /// `ingress` or `host`: the same on one machine.
    pub mode: Option<String>,
    /// Address of the host; absent: devup publishes on loopback.
    pub host_ip: Option<String>,
    /// Inside.
    pub target: u16,
    /// A port, a range (`8000-8010`), or absent: any.
    pub published: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: Option<String>,
    /// `http` and the like, for people.
    pub app_protocol: Option<String>,
}
}

canonical! {
/// A hook of a service's life.
pub struct Hook {
    /// Arguments.
    pub command: Vec<String>,
    /// User inside.
    pub user: Option<String>,
    /// All rights.
    pub privileged: bool,
    /// Folder inside.
    pub working_dir: Option<String>,
    /// Added variables.
    pub environment: IndexMap<String, Option<String>>,
}
}

canonical! {
/// A step before a service's start, in a container of its own.
pub struct PreStart {
    /// Arguments; none: the image's own.
    pub command: Vec<String>,
    /// Another image than the service's.
    pub image: Option<String>,
    /// User inside.
    pub user: Option<String>,
    /// All rights.
    pub privileged: bool,
    /// Folder inside.
    pub working_dir: Option<String>,
    /// Added variables.
    pub environment: IndexMap<String, Option<String>>,
    /// Once for each container instead of once for the service.
    pub per_replica: bool,
}
}

/// A limit: one value for both, or a soft and a hard one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ulimit {
    /// The same for both.
    Single(i64),
    /// Soft and hard.
    Pair {
        /// May be raised by the process up to `hard`; 0 where only the other is given, as in Compose.
        #[serde(default)]
        soft: i64,
        /// The ceiling.
        #[serde(default)]
        hard: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_survives_a_round_trip() {
        let canonical = serde_json::json!({
            "build": {"context": "/shop", "dockerfile": "Dockerfile", "args": {"A": "1", "B": null}, "shm_size": "1073741824"},
            "command": ["echo", "hi"],
            "depends_on": {"db": {"condition": "service_healthy", "restart": true, "required": false}},
            "deploy": {"replicas": 2, "resources": {"limits": {"cpus": 0.5, "memory": "52428800", "pids": 3}}},
            "environment": {"A": "1", "B": null},
            "healthcheck": {"test": ["CMD-SHELL", "curl x"], "interval": "1m30s", "retries": 3},
            "image": "a",
            "networks": {"default": null, "n1": {"aliases": ["a"], "priority": 3}},
            "ports": [{"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}],
            "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 100},
            "volumes": [{"type": "bind", "source": "/shop", "target": "/x", "read_only": true, "bind": {"create_host_path": true}},
                        {"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1048576", "mode": 448}}]
        });
        let service: Service = serde_json::from_value(canonical.clone()).unwrap();
        assert_eq!(service.replicas(), 2);
        assert_eq!(serde_json::to_value(&service).unwrap(), canonical);
    }
}
