//! Which attribute has which shape, in the order in which Compose prints them. The source is the Compose specification.

#[allow(clippy::enum_glob_use, reason = "the tables are nothing but these words")]
use super::Shape::{self, *};

type Fields = &'static [(&'static str, Shape)];

/// The whole spec.
pub const SPEC: Shape = Record(&[
    ("devup", Any),
    ("name", Text),
    ("requires", Text),
    ("services", Dict(&Record(SERVICE))),
    ("machines", Any),
    ("networks", Dict(&Record(NETWORK))),
    ("volumes", Dict(&Record(VOLUME))),
    ("secrets", Dict(&Record(FILE_OBJECT))),
    ("configs", Dict(&Record(FILE_OBJECT))),
    ("models", Dict(&Record(MODEL))),
    ("tasks", Dict(&Record(TASK))),
    ("up", Texts),
    ("backup", Record(&[("include", Texts), ("pause", OptFlag)])),
]);

const SERVICE: Fields = &[
    ("profiles", Texts),
    ("annotations", Labels),
    ("attach", OptFlag),
    ("build", Record(BUILD)),
    ("develop", Record(&[("watch", List(&Record(WATCH)))])),
    ("blkio_config", Record(BLKIO)),
    ("cap_add", Texts),
    ("cap_drop", Texts),
    ("cgroup_parent", Text),
    ("cgroup", Text),
    ("cpu_count", Whole),
    ("cpu_percent", Number),
    ("cpu_period", Micros),
    ("cpu_quota", Micros),
    ("cpu_rt_period", Micros),
    ("cpu_rt_runtime", Micros),
    ("cpus", Number),
    ("cpuset", Text),
    ("cpu_shares", Whole),
    ("command", Command),
    ("configs", List(&Record(FILE_REFERENCE))),
    ("container_name", Text),
    ("credential_spec", Record(&[("config", Text), ("file", Text), ("registry", Text)])),
    ("depends_on", Dict(&Record(&[("condition", Text), ("restart", Flag), ("required", OptFlag)]))),
    ("deploy", Record(DEPLOY)),
    ("device_cgroup_rules", Texts),
    ("devices", List(&Record(&[("source", Text), ("target", Text), ("permissions", Text)]))),
    ("dns", Texts),
    ("dns_opt", Texts),
    ("dns_search", Texts),
    ("domainname", Text),
    ("entrypoint", Command),
    ("env", Text),
    ("provider", Record(&[("type", Text), ("options", MultiTexts)])),
    ("environment", Variables),
    ("env_file", List(&Record(&[("path", Text), ("required", OptFlag), ("format", Text)]))),
    ("expose", Texts),
    ("external_links", Texts),
    ("extra_hosts", Hosts),
    ("group_add", Texts),
    ("gpus", List(&Record(DEVICE_REQUEST))),
    ("hostname", Text),
    ("healthcheck", Record(HEALTHCHECK)),
    ("image", Text),
    ("init", OptFlag),
    ("ipc", Text),
    ("isolation", Text),
    ("labels", Labels),
    ("label_file", Texts),
    ("links", Texts),
    ("logging", Record(&[("driver", Text), ("options", Labels)])),
    ("mem_limit", Bytes),
    ("mem_reservation", Bytes),
    ("memswap_limit", Bytes),
    ("mem_swappiness", Bytes),
    ("mac_address", Text),
    ("models", Dict(&Record(&[("endpoint_var", Text), ("model_var", Text)]))),
    ("network_mode", Text),
    ("networks", Dict(&Record(SERVICE_NETWORK))),
    ("oom_kill_disable", Flag),
    ("oom_score_adj", Whole),
    ("pid", Text),
    ("pids_limit", Whole),
    ("platform", Text),
    ("ports", List(&Record(PORT))),
    ("privileged", Flag),
    ("provision", Any),
    ("pull_policy", Text),
    ("read_only", Flag),
    ("restart", Text),
    ("runtime", Text),
    ("scale", OptWhole),
    ("secrets", List(&Record(FILE_REFERENCE))),
    ("security_opt", Texts),
    ("shm_size", Bytes),
    ("stdin_open", Flag),
    ("stop_grace_period", OptSpan),
    ("stop_signal", Text),
    ("storage_opt", Labels),
    ("sysctls", Labels),
    ("tmpfs", Texts),
    ("tty", Flag),
    ("ulimits", Dict(&Ulimit)),
    ("use_api_socket", Flag),
    ("user", Text),
    ("userns_mode", Text),
    ("uts", Text),
    ("volumes", List(&Record(MOUNT))),
    ("volumes_from", Texts),
    ("working_dir", Text),
    ("post_start", List(&Record(HOOK))),
    ("pre_stop", List(&Record(HOOK))),
    ("pre_start", List(&Record(PRE_START))),
    ("backup", Record(SERVICE_BACKUP)),
];

const SERVICE_BACKUP: Fields = &[
    ("kind", Text),
    ("command", Record(&[("dump", Command), ("load", Command), ("check", Command)])),
    ("path", Texts),
    ("pause", OptFlag),
    ("exclude", Texts),
];

const BUILD: Fields = &[
    ("context", Text),
    ("dockerfile", Text),
    ("dockerfile_inline", Text),
    ("entitlements", Texts),
    ("args", Variables),
    ("provenance", Text),
    ("sbom", Text),
    ("ssh", Ssh),
    ("labels", Labels),
    ("cache_from", Texts),
    ("cache_to", Texts),
    ("no_cache", Flag),
    ("additional_contexts", Labels),
    ("pull", Flag),
    ("extra_hosts", Hosts),
    ("isolation", Text),
    ("network", Text),
    ("target", Text),
    ("secrets", List(&Record(FILE_REFERENCE))),
    ("shm_size", Bytes),
    ("tags", Texts),
    ("ulimits", Dict(&Ulimit)),
    ("platforms", Texts),
    ("privileged", Flag),
];

const WATCH: Fields = &[
    ("path", Text),
    ("action", Text),
    ("target", Text),
    ("exec", Record(HOOK)),
    ("include", Texts),
    ("ignore", Texts),
    ("initial_sync", Flag),
];

const HOOK: Fields =
    &[("command", Command), ("user", Text), ("privileged", Flag), ("working_dir", Text), ("environment", Variables)];

const PRE_START: Fields = &[
    ("command", Command),
    ("image", Text),
    ("user", Text),
    ("privileged", Flag),
    ("working_dir", Text),
    ("environment", Variables),
    ("per_replica", Flag),
];

const THROTTLE: Shape = List(&Record(&[("path", Text), ("rate", Bytes)]));

const BLKIO: Fields = &[
    ("weight", Whole),
    ("weight_device", List(&Record(&[("path", Text), ("weight", Whole)]))),
    ("device_read_bps", THROTTLE),
    ("device_read_iops", THROTTLE),
    ("device_write_bps", THROTTLE),
    ("device_write_iops", THROTTLE),
];

const FILE_REFERENCE: Fields = &[("source", Text), ("target", Text), ("uid", Text), ("gid", Text), ("mode", FileMode)];

const DEPLOY: Fields = &[
    ("mode", Text),
    ("replicas", OptWhole),
    ("labels", Labels),
    ("update_config", Record(UPDATE)),
    ("rollback_config", Record(UPDATE)),
    ("resources", Record(&[("limits", Record(RESOURCE)), ("reservations", Record(RESOURCE))])),
    ("restart_policy", Record(RESTART)),
    ("placement", Record(PLACEMENT)),
    ("endpoint_mode", Text),
];

const UPDATE: Fields = &[
    ("parallelism", OptWhole),
    ("delay", Span),
    ("failure_action", Text),
    ("monitor", Span),
    ("max_failure_ratio", Number),
    ("order", Text),
];

const RESOURCE: Fields = &[
    ("cpus", Number),
    ("memory", Bytes),
    ("pids", Whole),
    ("devices", List(&Record(DEVICE_REQUEST))),
    ("generic_resources", List(&Record(&[("discrete_resource_spec", Record(&[("kind", Text), ("value", OptWhole)]))]))),
];

const RESTART: Fields = &[("condition", Text), ("delay", OptSpan), ("max_attempts", OptWhole), ("window", OptSpan)];

const PLACEMENT: Fields =
    &[("constraints", Texts), ("preferences", List(&Record(&[("spread", Text)]))), ("max_replicas_per_node", Whole)];

const DEVICE_REQUEST: Fields =
    &[("capabilities", Texts), ("driver", Text), ("count", Count), ("device_ids", Texts), ("options", Labels)];

const HEALTHCHECK: Fields = &[
    ("test", Test),
    ("timeout", OptSpan),
    ("interval", OptSpan),
    ("retries", OptWhole),
    ("start_period", OptSpan),
    ("start_interval", OptSpan),
    ("disable", Flag),
];

const SERVICE_NETWORK: Fields = &[
    ("aliases", Texts),
    ("driver_opts", Labels),
    ("gw_priority", Whole),
    ("interface_name", Text),
    ("ipv4_address", Text),
    ("ipv6_address", Text),
    ("link_local_ips", Texts),
    ("mac_address", Text),
    ("priority", Whole),
];

const PORT: Fields = &[
    ("name", Text),
    ("mode", Text),
    ("host_ip", Text),
    ("target", Whole),
    ("published", Text),
    ("protocol", Text),
    ("app_protocol", Text),
];

const MOUNT: Fields = &[
    ("type", Text),
    ("source", Text),
    ("target", Text),
    ("read_only", Flag),
    ("consistency", Text),
    ("bind", Record(&[("selinux", Text), ("propagation", Text), ("create_host_path", Flag), ("recursive", Text)])),
    ("volume", Record(&[("labels", Labels), ("nocopy", Flag), ("subpath", Text)])),
    ("tmpfs", Record(&[("size", Bytes), ("mode", Whole)])),
    ("image", Record(&[("subpath", Text)])),
];

const NETWORK: Fields = &[
    ("name", Text),
    ("driver", Text),
    ("driver_opts", Labels),
    (
        "ipam",
        Record(&[
            ("driver", Text),
            (
                "config",
                List(&Record(&[("subnet", Text), ("gateway", Text), ("ip_range", Text), ("aux_addresses", Labels)])),
            ),
            ("options", Labels),
        ]),
    ),
    ("external", Flag),
    ("internal", Flag),
    ("attachable", Flag),
    ("labels", Labels),
    ("enable_ipv4", OptFlag),
    ("enable_ipv6", OptFlag),
];

const VOLUME: Fields =
    &[("name", Text), ("driver", Text), ("driver_opts", Labels), ("external", Flag), ("labels", Labels)];

const FILE_OBJECT: Fields = &[
    ("name", Text),
    ("file", Text),
    ("environment", Text),
    ("content", Text),
    ("keyring", Text),
    ("command", Command),
    ("prompt", Text),
    ("generate", Whole),
    ("external", Flag),
    ("labels", Labels),
    ("driver", Text),
    ("driver_opts", Labels),
    ("template_driver", Text),
];

const MODEL: Fields = &[("name", Text), ("model", Text), ("context_size", Whole), ("runtime_flags", Texts)];

const TASK: Fields = &[
    ("description", Text),
    ("service", Text),
    ("run", Text),
    ("stage", Text),
    ("user", Text),
    ("working_dir", Text),
    ("environment", Variables),
];
