//! The top level of a spec, and what stands under it besides services.

use super::devup::{
    BACKUP, GENERATE, KEYRING, MACHINES, REQUIRES, SECRET_COMMAND, TASKS, UP, VERSION, X_SECRET, X_SPEC,
};
use super::service::SERVICE;
use super::shape::{
    BOOL_TEXT, DRIVER_OPTS, INT, MAP_OR_TEXTS, NULL, Object, Shape, TEXT, TEXT_NULL, TEXTS, any_names, key, list,
    names, object,
};

/// A whole spec.
pub static SPEC: Object = object(
    "spec",
    &[],
    &[
        key("backup", &BACKUP, "devup: how data is backed up"),
        key("configs", &CONFIGS, "Configs by name"),
        key("devup", &VERSION, "The version of devup's own schema"),
        key("include", &INCLUDE, "Further specs that belong to this one"),
        key("machines", &MACHINES, "devup: virtual machines by name (not available yet)"),
        key("models", &MODELS, "Language models by name"),
        key("name", &TEXT, "The project's name"),
        key("networks", &NETWORKS, "Networks by name"),
        key("requires", &REQUIRES, "Versions of devup that may read this"),
        key("secrets", &SECRETS, "Secrets by name"),
        key("services", &SERVICES, "Services by name"),
        key("tasks", &TASKS, "devup: named commands that run in services"),
        key("up", &UP, "devup: tasks that belong to coming up, in order"),
        key("version", &TEXT, "Compose's former version; without effect"),
        key("volumes", &VOLUMES, "Volumes by name"),
        key("x-devup", &X_SPEC, "devup's keys, for files that Compose reads as well"),
    ],
);

static SERVICES: Shape = names("service", &Shape::Object(&SERVICE));

static INCLUDE: Shape = Shape::Either(&[&NULL, &INCLUDES]);
static INCLUDES: Shape = list(&INCLUDE_ITEM);
static INCLUDE_ITEM: Shape = Shape::Either(&[&TEXT_NULL, &Shape::Object(&INCLUDE_OBJECT)]);
static INCLUDE_OBJECT: Object = object(
    "include",
    &[],
    &[
        key("env_file", &TEXT_OR_NOTHING, "Files with variables for it"),
        key("path", &TEXT_OR_NOTHING, "The file, or several that are merged"),
        key("project_directory", &TEXT_NULL, "Where its relative paths begin"),
    ],
);
static TEXT_OR_NOTHING: Shape = Shape::Either(&[&TEXT_NULL, &TEXTS]);

static NETWORKS: Shape = names("network", &NETWORK);
static NETWORK: Shape = Shape::Either(&[&NULL, &Shape::Object(&NETWORK_OBJECT)]);
static NETWORK_OBJECT: Object = object(
    "network",
    &[],
    &[
        key("attachable", &BOOL_TEXT, "Whether other containers may join"),
        key("driver", &TEXT, "The driver"),
        key("driver_opts", &DRIVER_OPTS, "Its options"),
        key("enable_ipv4", &BOOL_TEXT, "Whether it has IPv4"),
        key("enable_ipv6", &BOOL_TEXT, "Whether it has IPv6"),
        key("external", &EXTERNAL, "Whether it exists outside this project"),
        key("internal", &BOOL_TEXT, "Whether it has no way out"),
        key("ipam", &Shape::Object(&IPAM), "Addresses"),
        key("labels", &MAP_OR_TEXTS, "Labels"),
        key("name", &TEXT, "Its name in the engine"),
    ],
);
static IPAM: Object = object(
    "ipam",
    &[],
    &[
        key("config", &POOLS, "Pools of addresses"),
        key("driver", &TEXT, "The driver of addresses"),
        key("options", &TEXT_MAP, "Its options"),
    ],
);
static POOLS: Shape = list(&Shape::Object(&POOL));
static POOL: Object = object(
    "ipam_pool",
    &[],
    &[
        key("aux_addresses", &TEXT_MAP, "Addresses in use already, by name"),
        key("gateway", &TEXT, "The gateway"),
        key("ip_range", &TEXT, "The part that containers get"),
        key("subnet", &TEXT, "The subnet, as 172.28.0.0/16"),
    ],
);
static TEXT_MAP: Shape = any_names("name", &TEXT);

static EXTERNAL: Shape = Shape::Either(&[&BOOL_TEXT, &Shape::Object(&EXTERNAL_OBJECT)]);
static EXTERNAL_OBJECT: Object = object("external", &[], &[key("name", &TEXT, "Its name in the engine")]);

static VOLUMES: Shape = names("volume", &VOLUME);
static VOLUME: Shape = Shape::Either(&[&NULL, &Shape::Object(&VOLUME_OBJECT)]);
static VOLUME_OBJECT: Object = object(
    "volume",
    &[],
    &[
        key("driver", &TEXT, "The driver"),
        key("driver_opts", &DRIVER_OPTS, "Its options"),
        key("external", &EXTERNAL, "Whether it exists outside this project"),
        key("labels", &MAP_OR_TEXTS, "Labels"),
        key("name", &TEXT, "Its name in the engine"),
    ],
);

static SECRETS: Shape = names("secret", &Shape::Object(&SECRET));
static SECRET: Object = object(
    "secret",
    &[],
    &[
        key("command", &SECRET_COMMAND, "devup: a command on the host that prints the value; asks for consent"),
        key("driver", &TEXT, "The driver"),
        key("driver_opts", &DRIVER_OPTS, "Its options"),
        key("environment", &TEXT, "A variable of the host with the value"),
        key("external", &EXTERNAL, "Whether it exists outside this project"),
        key("file", &TEXT, "A file with the value"),
        key("generate", &GENERATE, "devup: length of the value that is made up on first use"),
        key("keyring", &KEYRING, "devup: the entry in the system's keyring"),
        key("labels", &MAP_OR_TEXTS, "Labels"),
        key("name", &TEXT, "Its name in the engine"),
        key("prompt", &TEXT, "devup: a question to the user at the terminal, where nothing else has a value"),
        key("template_driver", &TEXT, "The driver that fills in the value"),
        key("x-devup", &X_SECRET, "devup's keys, for files that Compose reads as well"),
    ],
);

static CONFIGS: Shape = names("config", &Shape::Object(&CONFIG));
static CONFIG: Object = object(
    "config",
    &[],
    &[
        key("content", &TEXT, "The value itself"),
        key("environment", &TEXT, "A variable of the host with the value"),
        key("external", &EXTERNAL, "Whether it exists outside this project"),
        key("file", &TEXT, "A file with the value"),
        key("labels", &MAP_OR_TEXTS, "Labels"),
        key("name", &TEXT, "Its name in the engine"),
        key("template_driver", &TEXT, "The driver that fills in the value"),
    ],
);

static MODELS: Shape = names("model", &Shape::Object(&MODEL));
static MODEL: Object = object(
    "model",
    &["model"],
    &[
        key("context_size", &INT, "Tokens of context"),
        key("model", &TEXT, "The model"),
        key("name", &TEXT, "Its name"),
        key("runtime_flags", &TEXTS, "Options of the inference engine"),
    ],
);
