//! The properties of a `devcontainer.json`, with what devup makes of each: `docs/devcontainer.md` shows the same.

use super::shape::{
    BOOL, Form, Kinds, Object, Scalar, Shape, TEXT, TEXT_NULL, TEXT_OR_TEXTS, TEXTS, any_names, key, list, object,
    scalar, words,
};

/// The whole file.
pub static DEVCONTAINER: Object = object(
    "devcontainer",
    &[],
    &[
        key("$schema", &TEXT, "for editors"),
        key("appPort", &APP_PORT, "published, on loopback unless an address is given"),
        key("build", &BUILD, "the image is built; see below"),
        key("capAdd", &TEXTS, "applied"),
        key("containerEnv", &TEXT_MAP, "applied"),
        key("containerUser", &TEXT, "applied"),
        key("context", &TEXT, "older form of `build.context`"),
        key("customizations", &Shape::Any, "for other tools: kept, without effect"),
        key("dockerComposeFile", &TEXT_OR_TEXTS, "these files are the spec"),
        key("dockerFile", &TEXT, "older form of `build.dockerfile`"),
        key("features", &FEATURES, "installed as image layers"),
        key("forwardPorts", &FORWARD_PORTS, "published on loopback"),
        key(
            "hostRequirements",
            &HOST_REQUIREMENTS,
            "compared with this machine: a warning where it has less; a GPU is given by `--gpus` in `runArgs`",
        ),
        key("image", &TEXT, "applied"),
        key("init", &BOOL, "applied"),
        key("initializeCommand", &COMMAND, "runs on this machine at each `up`, after consent"),
        key("mounts", &MOUNTS, "applied; what lies outside the project needs consent"),
        key("name", &TEXT, "shown; the project is named after its folder"),
        key("onCreateCommand", &COMMAND, "runs once for each container"),
        key("otherPortsAttributes", &PORT_ATTRIBUTES, "as `portsAttributes`, for all other ports"),
        key("overrideCommand", &BOOL, "applied; `false` where Compose files are used, else `true`"),
        key("overrideFeatureInstallOrder", &TEXTS, "applied"),
        key(
            "portsAttributes",
            &PORTS_ATTRIBUTES,
            "`label`, `protocol` and `requireLocalPort` are applied, the rest is for editors",
        ),
        key("postAttachCommand", &COMMAND, "runs after each start, after everything else"),
        key("postCreateCommand", &COMMAND, "runs once for each container"),
        key("postStartCommand", &COMMAND, "runs after each start"),
        key("privileged", &BOOL, "applied, after consent"),
        key("remoteEnv", &REMOTE_ENV, "applied to commands, `exec` and `shell`"),
        key("remoteUser", &TEXT, "applied to commands, `exec` and `shell`"),
        key("runArgs", &TEXTS, "the flags that have a counterpart; see below"),
        key("runServices", &TEXTS, "only these services and what they need are started"),
        key("secrets", &SECRETS, "looked for first; the commands inside get them as variables"),
        key("securityOpt", &TEXTS, "applied"),
        key("service", &TEXT, "the service that is the dev container"),
        key("shutdownAction", &SHUTDOWN, "for editors: `devup stop` and `devup down` always do what they say"),
        key("updateContentCommand", &COMMAND, "runs once for each container"),
        key("updateRemoteUserUID", &BOOL, "applied, on Linux"),
        key("userEnvProbe", &PROBE, "applied"),
        key("waitFor", &WAIT_FOR, "`up` runs all commands; with `--skip-non-blocking-commands` those up to this one"),
        key("workspaceFolder", &TEXT, "applied"),
        key("workspaceMount", &TEXT, "applied"),
    ],
);

static TEXT_MAP: Shape = any_names("variable", &TEXT);
static REMOTE_ENV: Shape = any_names("variable", &TEXT_NULL);
static PORT_TEXT: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Free, example: "3000" });
static APP_PORT: Shape = Shape::Either(&[&PORT_TEXT, &FORWARD_PORTS]);
static FORWARD_PORTS: Shape = list(&PORT_TEXT);
static SECRETS: Shape = any_names("variable", &Shape::Object(&SECRET));
static SECRET: Object = object(
    "devcontainer_secret",
    &[],
    &[key("description", &TEXT, "What it is for"), key("documentationUrl", &TEXT, "Where it is explained")],
);

/// `image`, `dockerfile` and the like stand in the file; these below `build`.
static BUILD: Shape = Shape::Object(&BUILD_OBJECT);
static BUILD_OBJECT: Object = object(
    "devcontainer_build",
    &[],
    &[
        key("args", &TEXT_MAP, "Build arguments"),
        key("cacheFrom", &TEXT_OR_TEXTS, "Images to take layers from"),
        key("context", &TEXT, "The folder that the build reads"),
        key("dockerfile", &TEXT, "The Dockerfile"),
        key("options", &TEXTS, "Further flags of the build"),
        key("target", &TEXT, "Stage"),
    ],
);

static FEATURES: Shape = any_names("feature", &FEATURE);
static FEATURE: Shape = Shape::Either(&[&FEATURE_VERSION, &FEATURE_OPTIONS]);
static FEATURE_VERSION: Shape = scalar(Kinds::STRING.or(Kinds::BOOL));
static FEATURE_OPTIONS: Shape = any_names("option", &FEATURE_VERSION);

static COMMAND: Shape = Shape::Either(&[&TEXT, &TEXTS, &COMMANDS]);
static COMMANDS: Shape = any_names("command", &TEXT_OR_TEXTS);

static MOUNTS: Shape = list(&MOUNT);
static MOUNT: Shape = Shape::Either(&[&TEXT, &MOUNT_LONG]);
static MOUNT_LONG: Shape = Shape::Object(&MOUNT_OBJECT);
static MOUNT_OBJECT: Object = object(
    "devcontainer_mount",
    &["type", "target"],
    &[
        key("source", &TEXT, "On the host, or the volume's name"),
        key("target", &TEXT, "Inside"),
        key("type", &MOUNT_TYPE, "Kind"),
    ],
);
static MOUNT_TYPE: Shape = words(&["bind", "volume"]);

static PORTS_ATTRIBUTES: Shape = any_names("port", &PORT_ATTRIBUTES);
static PORT_ATTRIBUTES: Shape = Shape::Object(&PORT_ATTRIBUTES_OBJECT);
static PORT_ATTRIBUTES_OBJECT: Object = object(
    "devcontainer_port",
    &[],
    &[
        key("elevateIfNeeded", &BOOL, "For editors"),
        key("label", &TEXT, "A name for people"),
        key("onAutoForward", &AUTO_FORWARD, "For editors"),
        key("protocol", &PROTOCOL, "What is spoken on the port"),
        key("requireLocalPort", &BOOL, "The same port on this machine, or an error"),
    ],
);
static AUTO_FORWARD: Shape = words(&["notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"]);
static PROTOCOL: Shape = words(&["http", "https"]);

static HOST_REQUIREMENTS: Shape = Shape::Object(&HOST_OBJECT);
static HOST_OBJECT: Object = object(
    "devcontainer_host",
    &[],
    &[
        key("cpus", &CORES, "CPUs"),
        key("gpu", &GPU, "A GPU"),
        key("memory", &SIZE, "Memory"),
        key("storage", &SIZE, "Room on the disk"),
    ],
);
static CORES: Shape = Shape::Scalar(Scalar { kinds: Kinds::INT, form: Form::Range(1, 100_000), example: "4" });
static SIZE: Shape = Shape::Scalar(Scalar {
    kinds: Kinds::STRING.or(Kinds::INT),
    form: Form::Checked(requirement_size),
    example: "\"8gb\"",
});
static GPU: Shape = Shape::Either(&[&GPU_PLAIN, &GPU_LONG]);
static GPU_PLAIN: Shape = scalar(Kinds::BOOL.or(Kinds::STRING));
static GPU_LONG: Shape = Shape::Object(&GPU_OBJECT);
static GPU_OBJECT: Object =
    object("devcontainer_gpu", &[], &[key("cores", &CORES, "Cores"), key("memory", &SIZE, "Memory")]);

static SHUTDOWN: Shape = words(&["none", "stopContainer", "stopCompose"]);
static PROBE: Shape = words(&["none", "loginShell", "loginInteractiveShell", "interactiveShell"]);
static WAIT_FOR: Shape =
    words(&["initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand"]);

/// `8gb` and its like, as the specification writes them.
fn requirement_size(text: &str) -> Result<(), String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let known = ["", "tb", "gb", "mb", "kb"].contains(&unit);
    let good = known && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    good.then_some(()).ok_or_else(|| "it is no whole number with tb, gb, mb or kb".to_owned())
}
