//! `deploy:` of a service.

use super::forms::{self, DURATION, MEMORY};
use super::shape::{
    COUNT, DECIMAL, Form, Key, Kinds, MAP_OR_TEXTS, NULL, NUMBER_TEXT, Object, Scalar, Shape, TEXT, TEXTS, checked,
    key, list, object, words,
};

/// `deploy:`.
pub static DEPLOY: Shape = Shape::Either(&[&NULL, &Shape::Object(&DEPLOY_OBJECT)]);
static DEPLOY_OBJECT: Object = object(
    "deploy",
    &[],
    &[
        key("endpoint_mode", &TEXT, "How clients find the service"),
        key("labels", &MAP_OR_TEXTS, "Labels of the service, not of its containers"),
        key("mode", &TEXT, "replicated or global"),
        key("placement", &Shape::Object(&PLACEMENT), "Where containers may run"),
        key("replicas", &REPLICAS, "How many containers"),
        key("resources", &Shape::Object(&RESOURCES), "Limits and reservations"),
        key("restart_policy", &Shape::Object(&RESTART_POLICY), "When and how often containers are restarted"),
        key("rollback_config", &Shape::Object(&UPDATE), "How a failed update is undone"),
        key("update_config", &Shape::Object(&UPDATE), "How updates are rolled out"),
    ],
);
static REPLICAS: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(0, i64::MAX), example: "2" });

static UPDATE: Object = object(
    "update_config",
    &[],
    &[
        key("delay", &DURATION, "Time between groups"),
        key("failure_action", &TEXT, "What happens on failure"),
        key("max_failure_ratio", &NUMBER_TEXT, "Share of failures that is borne"),
        key("monitor", &DURATION, "How long each container is watched"),
        key("order", &ORDER, "Which comes first, stopping or starting"),
        key("parallelism", &COUNT, "Containers at a time"),
    ],
);
static ORDER: Shape = words(&["start-first", "stop-first"]);

static RESOURCES: Object = object(
    "resources",
    &[],
    &[
        key("limits", &Shape::Object(&LIMITS), "What it may use at most"),
        key("reservations", &Shape::Object(&RESERVATIONS), "What is kept free for it"),
    ],
);
static LIMITS: Object = object(
    "limits",
    &[],
    &[
        key("cpus", &DECIMAL, "CPUs, as a fraction"),
        key("memory", &MEMORY, "Memory, as 512M"),
        key("pids", &INT_LIMIT, "Processes"),
    ],
);
static INT_LIMIT: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(-1, i64::MAX), example: "100" });
static RESERVATIONS: Object = object(
    "reservations",
    &[],
    &[
        key("cpus", &DECIMAL, "CPUs, as a fraction"),
        key("devices", &RESERVED_DEVICES, "Devices by capability"),
        key("generic_resources", &GENERIC, "Resources by the user's own names"),
        key("memory", &MEMORY, "Memory, as 256M"),
    ],
);
static GENERIC: Shape = list(&Shape::Object(&GENERIC_OBJECT));
static GENERIC_OBJECT: Object =
    object("generic_resource", &[], &[key("discrete_resource_spec", &Shape::Object(&DISCRETE), "Kind and number")]);
static DISCRETE: Object =
    object("discrete_resource_spec", &[], &[key("kind", &TEXT, "The kind"), key("value", &DECIMAL, "How many")]);

static RESERVED_DEVICES: Shape = list(&Shape::Object(&RESERVED_DEVICE));
static RESERVED_DEVICE: Object = object("reserved_device", &["capabilities"], DEVICE_KEYS);

/// `gpus:`, the long form.
pub static GPU_REQUESTS: Shape = list(&Shape::Object(&GPU_REQUEST));
static GPU_REQUEST: Object = object("gpu_request", &[], DEVICE_KEYS);
static DEVICE_KEYS: &[Key] = &[
    key("capabilities", &TEXTS, "What the device can do, as gpu"),
    key("count", &DEVICE_COUNT, "How many, or all"),
    key("device_ids", &TEXTS, "Which ones"),
    key("driver", &TEXT, "The driver"),
    key("options", &MAP_OR_TEXTS, "Its options"),
];
static DEVICE_COUNT: Shape = checked(Kinds::INT.or(Kinds::STRING), forms::device_count, "1");

static RESTART_POLICY: Object = object(
    "restart_policy",
    &[],
    &[
        key("condition", &TEXT, "none, on-failure or any"),
        key("delay", &DURATION, "Time between attempts"),
        key("max_attempts", &COUNT, "Attempts until it is given up"),
        key("window", &DURATION, "Time after which a start counts as a success"),
    ],
);

static PLACEMENT: Object = object(
    "placement",
    &[],
    &[
        key("constraints", &TEXTS, "What a node must have"),
        key("max_replicas_per_node", &COUNT, "Most containers on a node"),
        key("preferences", &PREFERENCES, "How containers are spread"),
    ],
);
static PREFERENCES: Shape = list(&Shape::Object(&PREFERENCE));
static PREFERENCE: Object = object("placement_preference", &[], &[key("spread", &TEXT, "The label to spread over")]);
