//! The table of trust: every key of the model and what it may do. `docs/trust.md` tells users the same.

use serde_json::Value;

use super::capability::Kind;
use super::check::{self, Site};

/// Looks at one value and reports what it asks of the host.
pub(super) type Check = fn(&mut Site<'_, '_>, &Value);

/// What a key may do.
#[derive(Clone, Copy)]
pub enum Rule {
    /// Stays inside, whatever its value; the reason.
    Free(&'static str),
    /// A capability, whatever its value (`false`, null and empty values aside); as the end of a sentence.
    Host(Kind, &'static str),
    /// Depends on the value; the rule in words.
    Checked(&'static str, Check),
    /// A mapping with a table of its own.
    Inner(&'static [Row]),
    /// A list of mappings with a table of its own.
    Each(&'static [Row]),
}

/// One key.
#[derive(Clone, Copy)]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// What it may do.
    pub rule: Rule,
}

const fn free(key: &'static str, why: &'static str) -> Row {
    Row { key, rule: Rule::Free(why) }
}
const fn host(key: &'static str, kind: Kind, action: &'static str) -> Row {
    Row { key, rule: Rule::Host(kind, action) }
}
const fn checked(key: &'static str, words: &'static str, check: Check) -> Row {
    Row { key, rule: Rule::Checked(words, check) }
}
const fn inner(key: &'static str, table: &'static [Row]) -> Row {
    Row { key, rule: Rule::Inner(table) }
}
const fn each(key: &'static str, table: &'static [Row]) -> Row {
    Row { key, rule: Rule::Each(table) }
}

const RUNS_INSIDE: &str = "runs inside the container";
const SEEN_INSIDE: &str = "is seen inside the container only";
const LIMIT: &str = "limits the container's share";
const DEVUP_ONLY: &str = "tells devup what to do with the project's own containers";
const CHECKED_AT_TOP: &str = "refers to a top-level entry, which has a row of its own";
const NO_MEANING: &str = "has no effect on one machine";
const NAMES_INSIDE: &str = "is a name on the project's own networks";

/// Keys of a service.
pub const SERVICE: &[Row] = &[
    host("annotations", Kind::Security, "hands annotations to the container runtime"),
    free("attach", DEVUP_ONLY),
    inner("backup", BACKUP),
    inner("build", BUILD),
    free("blkio_config", LIMIT),
    checked("cap_add", "free: those that every engine gives by default", check::cap_add),
    free("cap_drop", "takes rights away"),
    checked("cgroup", "free: private", check::cgroup),
    host("cgroup_parent", Kind::KernelSetting, "chooses the parent cgroup"),
    free("command", RUNS_INSIDE),
    free("configs", CHECKED_AT_TOP),
    free("container_name", "the engine refuses a name that is taken"),
    free("cpu_count", LIMIT),
    free("cpu_percent", LIMIT),
    free("cpu_period", LIMIT),
    free("cpu_quota", LIMIT),
    host("cpu_rt_period", Kind::KernelSetting, "asks for real-time scheduling"),
    host("cpu_rt_runtime", Kind::KernelSetting, "asks for real-time scheduling"),
    free("cpu_shares", LIMIT),
    free("cpus", LIMIT),
    free("cpuset", LIMIT),
    host("credential_spec", Kind::Security, "uses a managed service account"),
    free("depends_on", DEVUP_ONLY),
    inner("deploy", DEPLOY),
    checked("develop", "free: watched paths inside the project", check::develop),
    host("device_cgroup_rules", Kind::Device, "opens devices of the host by cgroup rule"),
    checked("devices", "never free; names the device", check::devices),
    free("dns", SEEN_INSIDE),
    free("dns_opt", SEEN_INSIDE),
    free("dns_search", SEEN_INSIDE),
    free("domainname", SEEN_INSIDE),
    free("entrypoint", RUNS_INSIDE),
    checked("env", "free: names of devup's own building blocks", check::building_block),
    free("environment", SEEN_INSIDE),
    checked("env_file", "free: files inside the project", check::env_file),
    free("expose", NAMES_INSIDE),
    host("external_links", Kind::ForeignContainer, "links to containers outside the project"),
    free("extra_hosts", "names addresses inside; the host is reachable through the gateway anyway"),
    host("gpus", Kind::Device, "uses the host's GPUs"),
    free("group_add", SEEN_INSIDE),
    free("healthcheck", RUNS_INSIDE),
    free("hostname", SEEN_INSIDE),
    checked("image", "free: to run; to build under a name that nobody else uses", check::image),
    free("init", RUNS_INSIDE),
    checked("ipc", "free: none, private, shareable, service:NAME", check::ipc),
    checked("isolation", "free: default, hyperv", check::isolation),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
    free("links", NAMES_INSIDE),
    inner("logging", LOGGING),
    free("mac_address", NAMES_INSIDE),
    free("mem_limit", LIMIT),
    free("mem_reservation", LIMIT),
    free("memswap_limit", LIMIT),
    free("mem_swappiness", LIMIT),
    host("models", Kind::HostService, "uses AI models served by the host"),
    checked("network_mode", "free: none, service:NAME", check::network_mode),
    checked("networks", "free: the project's own, without driver options", check::service_networks),
    host("oom_kill_disable", Kind::KernelSetting, "is exempt from the kernel's out-of-memory killer"),
    checked("oom_score_adj", "free: 0 and above", check::oom_score),
    checked("pid", "free: private, service:NAME", check::namespace),
    free("pids_limit", LIMIT),
    free("platform", RUNS_INSIDE),
    each("ports", PORT),
    each("post_start", HOOK),
    each("pre_start", PRE_START),
    each("pre_stop", HOOK),
    host("privileged", Kind::Privileged, "runs privileged: all rights over the host"),
    free("profiles", DEVUP_ONLY),
    checked("provider", "never free; names the program, its options, and the script where it is one", check::provider),
    each("provision", PROVISION),
    free("pull_policy", DEVUP_ONLY),
    free("read_only", "takes rights away"),
    free("restart", "restarts the project's own container"),
    host("runtime", Kind::Security, "chooses the container runtime"),
    free("scale", DEVUP_ONLY),
    free("secrets", CHECKED_AT_TOP),
    checked("security_opt", "free: no-new-privileges", check::security_opt),
    free("shm_size", LIMIT),
    free("stdin_open", SEEN_INSIDE),
    free("stop_grace_period", DEVUP_ONLY),
    free("stop_signal", RUNS_INSIDE),
    checked("storage_opt", "free: size", check::storage_opt),
    checked("sysctls", "free: well-known parameters of the container's own namespaces", check::sysctls),
    free("tmpfs", SEEN_INSIDE),
    free("tty", SEEN_INSIDE),
    free("ulimits", LIMIT),
    host("use_api_socket", Kind::EngineSocket, "uses the engine's socket: with it, everything on this machine"),
    free("user", "root inside is the engine's default"),
    checked("userns_mode", "free: private", check::userns),
    checked("uts", "free: private", check::namespace),
    checked("volumes", "free: the project's own volumes, memory, images, paths inside the project", check::mounts),
    checked("volumes_from", "free: services of the project", check::volumes_from),
    free("working_dir", SEEN_INSIDE),
];

/// Keys of `backup` of a service.
pub const BACKUP: &[Row] = &[
    free("kind", DEVUP_ONLY),
    inner("command", BACKUP_COMMAND),
    free("path", SEEN_INSIDE),
    free("pause", "freezes the project's own containers"),
    free("exclude", DEVUP_ONLY),
];

/// Keys of `backup.command`.
pub const BACKUP_COMMAND: &[Row] = &[free("dump", RUNS_INSIDE), free("load", RUNS_INSIDE), free("check", RUNS_INSIDE)];

/// Keys of `build`.
pub const BUILD: &[Row] = &[
    checked("context", "free: folders inside the project, https and git without keys", check::context),
    checked("dockerfile", "free: inside the project or the context", check::dockerfile),
    free("dockerfile_inline", "runs inside the build"),
    free("args", "is seen inside the build only"),
    host("ssh", Kind::Keys, "uses your SSH agent or keys during the build"),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
    checked("cache_from", "free: registries, folders inside the project", check::cache_from),
    checked("cache_to", "free: inline, folders inside the project", check::cache_to),
    free("no_cache", "tells the builder how to work"),
    free("provenance", "says what goes beside the image"),
    free("sbom", "says what goes beside the image"),
    checked("additional_contexts", "as `context`; images and services are free", check::additional_contexts),
    free("pull", "tells the builder how to work"),
    free("extra_hosts", "names addresses inside the build"),
    checked("isolation", "free: default, hyperv", check::isolation),
    host("entitlements", Kind::BuildRights, "builds with extended rights"),
    checked("network", "free: none, default", check::build_network),
    free("target", "tells the builder what to build"),
    free("secrets", CHECKED_AT_TOP),
    free("shm_size", LIMIT),
    checked("tags", "free: names that nobody else uses", check::tags),
    free("ulimits", LIMIT),
    free("platforms", "tells the builder what to build"),
    host("privileged", Kind::BuildRights, "builds privileged: all rights over the host"),
];

/// Keys of `deploy`.
pub const DEPLOY: &[Row] = &[
    free("mode", NO_MEANING),
    free("replicas", DEVUP_ONLY),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
    inner("resources", RESOURCES),
    free("restart_policy", "restarts the project's own container"),
    free("placement", NO_MEANING),
    free("update_config", NO_MEANING),
    free("rollback_config", NO_MEANING),
    free("endpoint_mode", NO_MEANING),
];

/// Keys of `deploy.resources`.
pub const RESOURCES: &[Row] = &[inner("limits", RESOURCE), inner("reservations", RESOURCE)];

/// Keys of one side of `deploy.resources`.
pub const RESOURCE: &[Row] = &[
    free("cpus", LIMIT),
    free("memory", LIMIT),
    free("pids", LIMIT),
    host("devices", Kind::Device, "reserves devices of the host"),
    free("generic_resources", NO_MEANING),
];

/// Keys of `logging`.
pub const LOGGING: &[Row] = &[
    checked("driver", "free: json-file, local, none", check::log_driver),
    checked("options", "free: sizes, counts, labels and tags", check::log_options),
];

/// Keys of a port.
pub const PORT: &[Row] = &[
    free("name", "is a name for people"),
    free("mode", NO_MEANING),
    checked("host_ip", "free: loopback, which is also devup's default", check::host_ip),
    free("target", SEEN_INSIDE),
    free("published", "on loopback unless `host_ip` says otherwise"),
    free("protocol", "on loopback unless `host_ip` says otherwise"),
    free("app_protocol", "is a name for people"),
];

/// Keys of `post_start` and `pre_stop`.
pub const HOOK: &[Row] = &[
    free("command", RUNS_INSIDE),
    free("user", RUNS_INSIDE),
    host("privileged", Kind::Privileged, "runs a hook privileged: all rights over the host"),
    free("working_dir", RUNS_INSIDE),
    free("environment", RUNS_INSIDE),
];

/// Keys of `pre_start`.
pub const PRE_START: &[Row] = &[
    free("command", RUNS_INSIDE),
    free("image", RUNS_INSIDE),
    free("user", RUNS_INSIDE),
    host("privileged", Kind::Privileged, "runs a step before the start privileged: all rights over the host"),
    free("working_dir", RUNS_INSIDE),
    free("environment", RUNS_INSIDE),
    free("per_replica", DEVUP_ONLY),
];

/// Keys of a provisioning step.
pub const PROVISION: &[Row] = &[
    free("run", RUNS_INSIDE),
    checked("inputs", "free: files inside the project", check::inputs),
    free("outputs", SEEN_INSIDE),
    free("user", RUNS_INSIDE),
    free("working_dir", RUNS_INSIDE),
    // filled in by devup itself when it has decided where a step runs; the spec has no such keys
    free("copies", "decided by devup, from the inputs"),
    free("hidden_by", "decided by devup, from the mounts"),
    free("image_environment", "is seen inside the image only"),
    free("image_labels", "decided by devup, from features"),
];

/// Keys of a mount in long form.
pub const MOUNT: &[Row] = &[
    checked("type", "free: bind, volume, tmpfs, image", check::mount_kind),
    checked("source", "free: inside the project, the project's own volumes, images", check::mount_source),
    free("target", SEEN_INSIDE),
    free("read_only", "takes rights away"),
    free("consistency", NO_MEANING),
    inner("bind", BIND),
    inner("volume", MOUNTED_VOLUME),
    free("tmpfs", LIMIT),
    free("image", SEEN_INSIDE),
];

/// Keys of a mount's `bind`.
pub const BIND: &[Row] = &[
    free("selinux", "labels files of the project"),
    checked("propagation", "free: private, rprivate", check::propagation),
    free("create_host_path", "makes a folder where the source has its row"),
    free("recursive", "takes rights away"),
];

/// Keys of a mount's `volume`.
pub const MOUNTED_VOLUME: &[Row] = &[
    free("nocopy", SEEN_INSIDE),
    free("subpath", "is beneath the volume"),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
];

/// Keys of a service's entry under `networks`.
pub const JOIN: &[Row] = &[
    free("aliases", NAMES_INSIDE),
    host("driver_opts", Kind::KernelSetting, "sets driver options of a network's endpoint"),
    free("gw_priority", NAMES_INSIDE),
    free("interface_name", SEEN_INSIDE),
    free("ipv4_address", NAMES_INSIDE),
    free("ipv6_address", NAMES_INSIDE),
    free("link_local_ips", NAMES_INSIDE),
    free("mac_address", NAMES_INSIDE),
    free("priority", SEEN_INSIDE),
];

/// Keys of a top-level network.
pub const NETWORK: &[Row] = &[
    checked("name", "free: derived from the project, or used by nobody else", check::network_name),
    checked("driver", "free: bridge", check::network_driver),
    checked("driver_opts", "free: MTU, and whether containers of the network reach each other", check::network_options),
    checked("ipam", "free: the default driver, private address pools", check::ipam),
    host("external", Kind::SharedNetwork, "joins a network that is not the project's own"),
    free("internal", "takes rights away"),
    free("attachable", NO_MEANING),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
    free("enable_ipv6", "is the project's own network"),
    free("enable_ipv4", "is the project's own network"),
];

/// Keys of a top-level volume.
pub const VOLUME: &[Row] = &[
    checked("name", "free: derived from the project, or used by nobody else", check::volume_name),
    checked("driver", "free: local", check::volume_driver),
    checked("driver_opts", "free: memory, folders inside the project", check::volume_options),
    host("external", Kind::SharedVolume, "uses a volume that is not the project's own"),
    checked("labels", "free: all but Compose's and devup's own", check::labels),
];

/// Keys of a top-level secret or config.
pub const SOURCE: &[Row] = &[
    free("name", "is derived from the project"),
    checked("file", "free: files inside the project", check::source_file),
    free("environment", "is a variable that you set for the project, as in Compose"),
    free("content", "stands in the spec"),
    checked("keyring", "free: the project's own entries", check::keyring),
    checked("command", "never free; names the command and the scripts in it", check::command),
    free("prompt", "is asked of you, in the project's name"),
    free("generate", "is made up for the project"),
    host("external", Kind::ForeignSecret, "uses a secret of the engine"),
];

/// Keys of a language model: docker's model runner, a service of the host, fetches and serves it.
pub const MODEL: &[Row] = &[
    free("name", "is a name for people"),
    host("model", Kind::HostService, "is fetched and served by the host's model runner"),
    free("context_size", "is a number of tokens"),
    host("runtime_flags", Kind::HostService, "hands flags to the host's inference engine"),
];

/// Keys of a task.
pub const TASK: &[Row] = &[
    free("service", DEVUP_ONLY),
    free("run", RUNS_INSIDE),
    free("description", "is text for people"),
    free("stage", "is a name for people"),
    free("user", RUNS_INSIDE),
    free("working_dir", RUNS_INSIDE),
    free("environment", RUNS_INSIDE),
];
