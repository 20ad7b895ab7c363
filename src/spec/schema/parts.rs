//! The short and long forms of a service's keys.

use super::forms::{self, DURATION, SIZE};
use super::shape::{
    BOOL, BOOL_TEXT, COMMAND, COUNT, DRIVER_OPTS, Form, Kinds, MAP_OR_TEXTS, MODE, NULL, NUMBER, Object, PLAIN_MAP,
    Scalar, Shape, TEXT, TEXT_NULL, TEXT_OR_TEXTS, TEXTS, any_names, checked, key, list, names, object, scalar, words,
};

/// `build:`.
pub static BUILD: Shape = Shape::Either(&[&TEXT, &Shape::Object(&BUILD_OBJECT)]);
static BUILD_OBJECT: Object = object(
    "build",
    &[],
    &[
        key("additional_contexts", &CONTEXTS, "Further contexts by name"),
        key("args", &MAP_OR_TEXTS, "Build arguments"),
        key("cache_from", &TEXTS, "Where the build looks for layers"),
        key("cache_to", &TEXTS, "Where the build leaves its layers"),
        key("context", &TEXT, "Folder or URL that is built"),
        key("dockerfile", &TEXT, "Path of the Dockerfile in the context"),
        key("dockerfile_inline", &TEXT, "The Dockerfile itself"),
        key("entitlements", &TEXTS, "Further rights of the build"),
        key("extra_hosts", &EXTRA_HOSTS, "Further lines for /etc/hosts"),
        key("isolation", &TEXT, "Isolation technology"),
        key("labels", &MAP_OR_TEXTS, "Labels of the image"),
        key("network", &TEXT, "Network of RUN steps"),
        key("no_cache", &BOOL_TEXT, "Whether every step is run anew"),
        key("no_cache_filter", &TEXT_OR_TEXTS, "Stages that are run anew"),
        key("platforms", &TEXTS, "Platforms to build for"),
        key("privileged", &BOOL_TEXT, "Whether the build has all rights of the host"),
        key("provenance", &BOOL_OR_TEXT, "Whether provenance is attested"),
        key("pull", &BOOL_TEXT, "Whether base images are pulled anew"),
        key("sbom", &BOOL_OR_TEXT, "Whether a bill of materials is attested"),
        key("secrets", &FILES, "Secrets of the build"),
        key("shm_size", &BUILD_SHM, "Size of /dev/shm"),
        key("ssh", &SSH, "SSH agents and keys of the build"),
        key("tags", &TEXTS, "Further tags of the image"),
        key("target", &TEXT, "Stage of the Dockerfile"),
        key("ulimits", &ULIMITS, "Limits of the build's processes"),
    ],
);

static CONTEXTS: Shape = Shape::Either(&[&PLAIN_MAP, &CONTEXT_LINES]);
static CONTEXT_LINES: Shape = list(&CONTEXT_LINE);
static CONTEXT_LINE: Shape = checked(Kinds::STRING, forms::assignment, "assets=../assets");
static SSH: Shape = Shape::Either(&[&PLAIN_MAP, &SSH_LINES]);
static SSH_LINES: Shape = list(&SSH_LINE);
static SSH_LINE: Shape = checked(Kinds::STRING, forms::ssh, "default");
static BOOL_OR_TEXT: Shape = scalar(Kinds::BOOL.or(Kinds::STRING));
static BUILD_SHM: Shape = checked(Kinds::INT.or(Kinds::STRING), forms::bytes, "64m");

/// `ulimits:`.
pub static ULIMITS: Shape = any_names("limit", &ULIMIT);
static ULIMIT: Shape = Shape::Either(&[&LIMIT, &Shape::Object(&ULIMIT_OBJECT)]);
static LIMIT: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(-1, i64::MAX), example: "1024" });
static ULIMIT_OBJECT: Object =
    object("ulimit", &["soft", "hard"], &[key("hard", &LIMIT, "The ceiling"), key("soft", &LIMIT, "What is enforced")]);

/// `configs:` and `secrets:` of a service or a build.
pub static FILES: Shape = list(&FILE);
static FILE: Shape = Shape::Either(&[&TEXT, &Shape::Object(&FILE_OBJECT)]);
static FILE_OBJECT: Object = object(
    "file_reference",
    &[],
    &[
        key("gid", &TEXT, "Group inside"),
        key("mode", &MODE, "Permissions inside, in octal"),
        key("source", &TEXT, "Key under the top-level configs or secrets"),
        key("target", &TEXT, "Path inside"),
        key("uid", &TEXT, "Owner inside"),
    ],
);

/// `extra_hosts:`.
pub static EXTRA_HOSTS: Shape = Shape::Either(&[&HOSTS, &HOST_LINES]);
static HOSTS: Shape = any_names("host", &ADDRESSES);
static ADDRESSES: Shape = Shape::Either(&[&TEXT, &TEXTS]);
static HOST_LINES: Shape = list(&HOST_LINE);
static HOST_LINE: Shape = checked(Kinds::STRING, forms::host_line, "\"db.example=10.0.0.5\"");

/// `blkio_config:`.
pub static BLKIO: Shape = Shape::Object(&BLKIO_OBJECT);
static BLKIO_OBJECT: Object = object(
    "blkio_config",
    &[],
    &[
        key("device_read_bps", &BLKIO_LIMITS, "Bytes read per second"),
        key("device_read_iops", &BLKIO_LIMITS, "Reads per second"),
        key("device_write_bps", &BLKIO_LIMITS, "Bytes written per second"),
        key("device_write_iops", &BLKIO_LIMITS, "Writes per second"),
        key("weight", &WEIGHT, "Weight from 10 to 1000"),
        key("weight_device", &BLKIO_WEIGHTS, "Weight for each device"),
    ],
);
static BLKIO_LIMITS: Shape = list(&Shape::Object(&BLKIO_LIMIT));
static BLKIO_LIMIT: Object =
    object("blkio_limit", &[], &[key("path", &TEXT, "The device"), key("rate", &BUILD_SHM, "Its limit")]);
static BLKIO_WEIGHTS: Shape = list(&Shape::Object(&BLKIO_WEIGHT));
static BLKIO_WEIGHT: Object =
    object("blkio_weight", &[], &[key("path", &TEXT, "The device"), key("weight", &WEIGHT, "Its weight")]);

static WEIGHT: Shape = Shape::Scalar(Scalar { kinds: Kinds::INT, form: Form::Range(0, 1000), example: "300" });

/// `credential_spec:`.
pub static CREDENTIAL_SPEC: Shape = Shape::Object(&CREDENTIAL_SPEC_OBJECT);
static CREDENTIAL_SPEC_OBJECT: Object = object(
    "credential_spec",
    &[],
    &[
        key("config", &TEXT, "A config with the spec"),
        key("file", &TEXT, "A file with the spec"),
        key("registry", &TEXT, "A key of the Windows registry"),
    ],
);

/// `depends_on:`.
pub static DEPENDS_ON: Shape = Shape::Either(&[&TEXTS, &DEPENDENCIES]);
static DEPENDENCIES: Shape = names("service", &Shape::Object(&DEPENDENCY));
static DEPENDENCY: Object = object(
    "dependency",
    &["condition"],
    &[
        key("condition", &CONDITION, "The state to wait for"),
        key("required", &BOOL, "Whether it is an error when the other service is missing"),
        key("restart", &BOOL_TEXT, "Whether a restart of the other service restarts this one"),
    ],
);
static CONDITION: Shape = words(&["service_started", "service_healthy", "service_completed_successfully"]);

/// `develop:`.
pub static DEVELOP: Shape = Shape::Either(&[&NULL, &Shape::Object(&DEVELOP_OBJECT)]);
static DEVELOP_OBJECT: Object =
    object("develop", &[], &[key("watch", &WATCHES, "Paths that are watched, and what happens when they change")]);
static WATCHES: Shape = list(&Shape::Object(&WATCH));
static WATCH: Object = object(
    "watch",
    &["path", "action"],
    &[
        key("action", &WATCH_ACTION, "What happens on a change"),
        key("exec", &Shape::Object(&HOOK), "A command run inside after a synchronisation"),
        key("ignore", &TEXT_OR_TEXTS, "Patterns that are left out"),
        key("include", &TEXT_OR_TEXTS, "Patterns that are watched"),
        key("initial_sync", &BOOL, "Whether everything is synchronised at first"),
        key("path", &TEXT, "What is watched"),
        key("target", &TEXT, "Where it goes inside"),
    ],
);
static WATCH_ACTION: Shape = words(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]);

/// `devices:`.
pub static DEVICES: Shape = list(&DEVICE);
static DEVICE: Shape = Shape::Either(&[&TEXT, &Shape::Object(&DEVICE_OBJECT)]);
static DEVICE_OBJECT: Object = object(
    "device",
    &["source"],
    &[
        key("permissions", &TEXT, "Out of r, w and m"),
        key("source", &TEXT, "Path on the host"),
        key("target", &TEXT, "Path inside"),
    ],
);

/// `env_file:`.
pub static ENV_FILE: Shape = Shape::Either(&[&TEXT, &ENV_FILES]);
static ENV_FILES: Shape = list(&ENV_FILE_ITEM);
static ENV_FILE_ITEM: Shape = Shape::Either(&[&TEXT, &Shape::Object(&ENV_FILE_OBJECT)]);
static ENV_FILE_OBJECT: Object = object(
    "env_file",
    &["path"],
    &[
        key("format", &ENV_FORMAT, "Dialect of the file"),
        key("path", &TEXT, "The file"),
        key("required", &BOOL_TEXT, "Whether it is an error when the file is missing"),
    ],
);
static ENV_FORMAT: Shape = words(&["raw", ".env"]);

/// `extends:`.
pub static EXTENDS: Shape = Shape::Either(&[&TEXT, &Shape::Object(&EXTENDS_OBJECT)]);
static EXTENDS_OBJECT: Object = object(
    "extends",
    &["service"],
    &[key("file", &TEXT_NULL, "The file with that service; this one if absent"), key("service", &TEXT, "The service")],
);

/// `healthcheck:`.
pub static HEALTHCHECK: Shape = Shape::Object(&HEALTHCHECK_OBJECT);
static HEALTHCHECK_OBJECT: Object = object(
    "healthcheck",
    &[],
    &[
        key("disable", &BOOL_TEXT, "Whether the image's check is switched off"),
        key("interval", &DURATION, "Time between checks"),
        key("retries", &COUNT, "Failures until it counts as unhealthy"),
        key("start_interval", &DURATION, "Time between checks while it starts"),
        key("start_period", &DURATION, "Time in which failures do not count"),
        key("test", &TEST, "The command, as a string or as [CMD, …] or [CMD-SHELL, …]"),
        key("timeout", &DURATION, "Time for one check"),
    ],
);
static TEST: Shape = Shape::Either(&[&TEXT, &TEXTS]);

/// `post_start:` and `pre_stop:`.
pub static HOOKS: Shape = list(&Shape::Object(&HOOK));
static HOOK: Object = object(
    "hook",
    &["command"],
    &[
        key("command", &COMMAND, "The command"),
        key("environment", &MAP_OR_TEXTS, "Further environment variables"),
        key("privileged", &BOOL_TEXT, "Whether it has all rights"),
        key("user", &TEXT, "User inside"),
        key("working_dir", &TEXT, "Working directory inside"),
    ],
);

/// `pre_start:`.
pub static PRE_START: Shape = list(&Shape::Object(&PRE_START_OBJECT));
static PRE_START_OBJECT: Object = object(
    "pre_start",
    &[],
    &[
        key("command", &COMMAND, "The command"),
        key("environment", &MAP_OR_TEXTS, "Further environment variables"),
        key("image", &TEXT, "Another image than the service's"),
        key("per_replica", &BOOL_TEXT, "Whether it runs once for each container"),
        key("privileged", &BOOL_TEXT, "Whether it has all rights"),
        key("user", &TEXT, "User inside"),
        key("working_dir", &TEXT, "Working directory inside"),
    ],
);

/// `logging:`.
pub static LOGGING: Shape = Shape::Object(&LOGGING_OBJECT);
static LOGGING_OBJECT: Object =
    object("logging", &[], &[key("driver", &TEXT, "The log driver"), key("options", &LOG_OPTIONS, "Its options")]);
static LOG_OPTIONS: Shape = any_names("option", &LOG_OPTION);
static LOG_OPTION: Shape = scalar(Kinds::STRING.or(Kinds::NUMBER).or(Kinds::NULL));

/// `models:` of a service.
pub static MODELS: Shape = Shape::Either(&[&TEXTS, &MODEL_BINDINGS]);
static MODEL_BINDINGS: Shape = names("model", &MODEL_BINDING);
static MODEL_BINDING: Shape = Shape::Either(&[&NULL, &Shape::Object(&MODEL_BINDING_OBJECT)]);
static MODEL_BINDING_OBJECT: Object = object(
    "model_binding",
    &[],
    &[
        key("endpoint_var", &TEXT, "Variable that gets the model's address"),
        key("model_var", &TEXT, "Variable that gets the model's name"),
    ],
);

/// `networks:` of a service.
pub static NETWORKS: Shape = Shape::Either(&[&TEXTS, &ATTACHMENTS]);
static ATTACHMENTS: Shape = names("network", &ATTACHMENT);
static ATTACHMENT: Shape = Shape::Either(&[&NULL, &Shape::Object(&ATTACHMENT_OBJECT)]);
static ATTACHMENT_OBJECT: Object = object(
    "network_attachment",
    &[],
    &[
        key("aliases", &TEXTS, "Further names on this network"),
        key("driver_opts", &DRIVER_OPTS, "Options of the network's driver"),
        key("gw_priority", &NUMBER, "The network with the highest gives the gateway"),
        key("interface_name", &TEXT, "Name of the interface inside"),
        key("ipv4_address", &TEXT, "A fixed IPv4 address"),
        key("ipv6_address", &TEXT, "A fixed IPv6 address"),
        key("link_local_ips", &TEXTS, "Link-local addresses"),
        key("mac_address", &TEXT, "MAC address"),
        key("priority", &NUMBER, "The network with the highest is joined first"),
    ],
);

/// `ports:`.
pub static PORTS: Shape = list(&PORT);
static PORT: Shape = Shape::Either(&[&SHORT_PORT, &Shape::Object(&PORT_OBJECT)]);
static SHORT_PORT: Shape = checked(Kinds::STRING.or(Kinds::NUMBER), forms::port, "\"8080:80\"");
static PORT_OBJECT: Object = object(
    "port",
    &["target"],
    &[
        key("app_protocol", &TEXT, "Protocol of the application, as http"),
        key("host_ip", &TEXT, "Address of the host; loopback if absent"),
        key("mode", &TEXT, "host or ingress"),
        key("name", &TEXT, "A name for people"),
        key("protocol", &TEXT, "tcp, udp or sctp"),
        key("published", &PUBLISHED, "Port or range of ports of the host"),
        key("target", &TARGET, "Port inside"),
    ],
);
/// What it means is checked with the consistency of services, which can be switched off.
static PUBLISHED: Shape = scalar(Kinds::INT.or(Kinds::STRING));
static TARGET: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(0, 65535), example: "80" });

/// `provider:`.
pub static PROVIDER: Shape = Shape::Object(&PROVIDER_OBJECT);
static PROVIDER_OBJECT: Object = object(
    "provider",
    &["type"],
    &[key("options", &PROVIDER_OPTIONS, "Its options"), key("type", &TEXT, "The program")],
);
static PROVIDER_OPTIONS: Shape = any_names("option", &PROVIDER_OPTION);
static PROVIDER_OPTION: Shape = Shape::Either(&[&PROVIDER_VALUE, &PROVIDER_VALUES]);
static PROVIDER_VALUE: Shape = scalar(Kinds::STRING.or(Kinds::NUMBER).or(Kinds::BOOL));
static PROVIDER_VALUES: Shape = list(&PROVIDER_VALUE);

/// `volumes:` of a service.
pub static VOLUMES: Shape = list(&VOLUME);
static VOLUME: Shape = Shape::Either(&[&SHORT_VOLUME, &Shape::Object(&VOLUME_OBJECT)]);
static SHORT_VOLUME: Shape =
    checked(Kinds::STRING, forms::short_volume, "\"./src:/workspace\" or \"data:/var/lib/data\"");
static VOLUME_OBJECT: Object = object(
    "mount",
    &["type"],
    &[
        key("bind", &Shape::Object(&BIND), "Options of a bind mount"),
        key("consistency", &TEXT, "Consistency of the mount"),
        key("image", &Shape::Object(&IMAGE_MOUNT), "Options of an image mount"),
        key("read_only", &BOOL_TEXT, "Whether it is read-only inside"),
        key("source", &TEXT, "Path of the host, or name of the volume"),
        key("target", &TEXT, "Path inside"),
        key("tmpfs", &Shape::Object(&TMPFS), "Options of a folder in memory"),
        key("type", &MOUNT_TYPE, "Kind of mount"),
        key("volume", &Shape::Object(&VOLUME_MOUNT), "Options of a named volume"),
    ],
);
static MOUNT_TYPE: Shape = words(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]);
static BIND: Object = object(
    "mount_bind",
    &[],
    &[
        key("create_host_path", &BOOL_TEXT, "Whether a missing folder is made on the host"),
        key("propagation", &TEXT, "Propagation of mounts below it"),
        key("recursive", &RECURSIVE, "What becomes of mounts below it"),
        key("selinux", &SELINUX, "SELinux label: shared (z) or private (Z)"),
    ],
);
static RECURSIVE: Shape = words(&["enabled", "disabled", "writable", "readonly"]);
static SELINUX: Shape = words(&["z", "Z"]);
static VOLUME_MOUNT: Object = object(
    "mount_volume",
    &[],
    &[
        key("labels", &MAP_OR_TEXTS, "Labels of the volume"),
        key("nocopy", &BOOL_TEXT, "Whether the image's content is not copied into a new volume"),
        key("subpath", &TEXT, "A path in the volume"),
    ],
);
static TMPFS: Object =
    object("mount_tmpfs", &[], &[key("mode", &TMPFS_MODE, "Permissions in octal"), key("size", &SIZE, "Most bytes")]);
static TMPFS_MODE: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT, form: Form::Range(0, 4_294_967_295), example: "0o700" });
static IMAGE_MOUNT: Object = object("mount_image", &[], &[key("subpath", &TEXT, "A path in the image")]);
