//! The keys of a service: the Compose Specification's and devup's own.

use super::deploy::{DEPLOY, GPU_REQUESTS};
use super::devup::{ENV, PROVISION, SERVICE_BACKUP, X_SERVICE};
use super::forms::{self, BYTES, DURATION};
use super::parts::{
    BLKIO, BUILD, CREDENTIAL_SPEC, DEPENDS_ON, DEVELOP, DEVICES, ENV_FILE, EXTENDS, EXTRA_HOSTS, FILES, HEALTHCHECK,
    HOOKS, LOGGING, MODELS, NETWORKS, PORTS, PRE_START, PROVIDER, ULIMITS, VOLUMES,
};
use super::shape::{
    BOOL, BOOL_TEXT, COMMAND, Form, Kinds, MAP_OR_TEXTS, NUMBER_TEXT, Object, Scalar, Shape, TEXT, TEXT_NULL,
    TEXT_OR_TEXTS, TEXTS, any_names, checked, key, list, object, words,
};

static CGROUP: Shape = words(&["host", "private"]);
static CPU_COUNT: Shape = number_from(0, i64::MAX);
static CPU_PERCENT: Shape = number_from(0, 100);
static OOM_SCORE: Shape = number_from(-1000, 1000);
static NUMBERS_OR_TEXTS: Shape = list(&NUMBER_TEXT);
static EXPOSE: Shape = list(&EXPOSED);
static EXPOSED: Shape = checked(Kinds::STRING.or(Kinds::NUMBER), forms::exposed, "8000 or 8000-8010/udp");
static GPUS: Shape = Shape::Either(&[&ALL, &GPU_REQUESTS]);
static ALL: Shape = words(&["all"]);
static LABEL_FILE: Shape = Shape::Either(&[&TEXT, &TEXTS]);
static STORAGE: Shape = any_names("option", &Shape::Any);
static PULL_POLICY: Shape = checked(Kinds::STRING, forms::pull_policy, "missing");
static RESTART: Shape = checked(Kinds::STRING, forms::restart, "unless-stopped");
static CONTAINER_NAME: Shape = checked(Kinds::STRING, forms::container_name, "shop-db");
static SCALE: Shape = number_from(0, i64::MAX);
static SWAPPINESS: Shape = checked(Kinds::INT.or(Kinds::STRING), forms::bytes, "60");
static RESERVATION: Shape = checked(Kinds::INT.or(Kinds::STRING), forms::bytes, "256m");
static IMAGE: Shape = checked(Kinds::STRING, forms::image, "debian:12");

/// A whole number or its text, in a range.
const fn number_from(least: i64, most: i64) -> Shape {
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(least, most), example: "" })
}

/// A service.
pub static SERVICE: Object = object(
    "service",
    &[],
    &[
        key("annotations", &MAP_OR_TEXTS, "Notes for the container runtime"),
        key("attach", &BOOL_TEXT, "Whether its output is shown when attached"),
        key("backup", &SERVICE_BACKUP, "devup: how its data is backed up"),
        key("blkio_config", &BLKIO, "Limits of block devices"),
        key("build", &BUILD, "How its image is built: a context, or a mapping"),
        key("cap_add", &TEXTS, "Linux capabilities to add"),
        key("cap_drop", &TEXTS, "Linux capabilities to drop"),
        key("cgroup", &CGROUP, "Cgroup namespace"),
        key("cgroup_parent", &TEXT, "Parent cgroup"),
        key("command", &COMMAND, "Instead of the image's command"),
        key("configs", &FILES, "Configs that appear as files inside"),
        key("container_name", &CONTAINER_NAME, "A fixed name for the container"),
        key("cpu_count", &CPU_COUNT, "Usable CPUs"),
        key("cpu_percent", &CPU_PERCENT, "Usable share of the CPUs"),
        key("cpu_period", &NUMBER_TEXT, "Period of the CPU quota"),
        key("cpu_quota", &NUMBER_TEXT, "CPU time in each period"),
        key("cpu_rt_period", &NUMBER_TEXT, "Period for real-time tasks"),
        key("cpu_rt_runtime", &NUMBER_TEXT, "Time for real-time tasks in each period"),
        key("cpu_shares", &NUMBER_TEXT, "Weight against other containers"),
        key("cpus", &NUMBER_TEXT, "How many CPUs, as a fraction"),
        key("cpuset", &TEXT, "Which CPUs, as 0-3 or 0,1"),
        key("credential_spec", &CREDENTIAL_SPEC, "Managed service account"),
        key("depends_on", &DEPENDS_ON, "Services that come first, and in which condition"),
        key("deploy", &DEPLOY, "Replicas and resources"),
        key("develop", &DEVELOP, "What is watched and synchronised"),
        key("device_cgroup_rules", &TEXTS, "Rules for devices"),
        key("devices", &DEVICES, "Devices of the host"),
        key("dns", &TEXT_OR_TEXTS, "DNS servers"),
        key("dns_opt", &TEXTS, "Options of the resolver"),
        key("dns_search", &TEXT_OR_TEXTS, "Search domains"),
        key("domainname", &TEXT, "Domain name inside"),
        key("entrypoint", &COMMAND, "Instead of the image's entrypoint"),
        key("env", &ENV, "devup: a building block instead of image or build, as postgres-15"),
        key("env_file", &ENV_FILE, "Files with environment variables"),
        key("environment", &MAP_OR_TEXTS, "Environment variables"),
        key("expose", &EXPOSE, "Ports open to other services"),
        key("extends", &EXTENDS, "Another service that this one begins as"),
        key("external_links", &TEXTS, "Containers outside the project"),
        key("extra_hosts", &EXTRA_HOSTS, "Further lines for /etc/hosts"),
        key("gpus", &GPUS, "GPUs to use"),
        key("group_add", &NUMBERS_OR_TEXTS, "Further groups of the user inside"),
        key("healthcheck", &HEALTHCHECK, "How health is tested"),
        key("hostname", &TEXT, "Host name inside"),
        key("image", &IMAGE, "The image to run"),
        key("init", &BOOL_TEXT, "Whether an init process runs as PID 1"),
        key("ipc", &TEXT, "IPC namespace"),
        key("isolation", &TEXT, "Isolation technology"),
        key("label_file", &LABEL_FILE, "Files with labels"),
        key("labels", &MAP_OR_TEXTS, "Labels of the container"),
        key("links", &TEXTS, "Other services under further names"),
        key("logging", &LOGGING, "Log driver"),
        key("mac_address", &TEXT, "MAC address"),
        key("mem_limit", &BYTES, "Most memory, as 512m"),
        key("mem_reservation", &RESERVATION, "Memory kept free for it"),
        key("mem_swappiness", &SWAPPINESS, "Readiness to swap, from 0 to 100"),
        key("memswap_limit", &BYTES, "Most memory and swap together"),
        key("models", &MODELS, "Language models to use"),
        key("network_mode", &TEXT, "host, none, bridge, service:NAME or container:NAME"),
        key("networks", &NETWORKS, "Networks to join"),
        key("oom_kill_disable", &BOOL_TEXT, "Whether the kernel spares it when memory runs out"),
        key("oom_score_adj", &OOM_SCORE, "How soon the kernel kills it when memory runs out"),
        key("pid", &TEXT_NULL, "PID namespace"),
        key("pids_limit", &NUMBER_TEXT, "Most processes"),
        key("platform", &TEXT, "Platform of the image, as linux/amd64"),
        key("ports", &PORTS, "Ports published on the host"),
        key("post_start", &HOOKS, "Commands run inside after it started"),
        key("pre_start", &PRE_START, "Containers that run to their end before it starts"),
        key("pre_stop", &HOOKS, "Commands run inside before it stops"),
        key("privileged", &BOOL_TEXT, "Whether it has all rights of the host"),
        key("profiles", &TEXTS, "Profiles that it belongs to; without any it is always on"),
        key("provider", &PROVIDER, "A program that provides the service"),
        key("provision", &PROVISION, "devup: steps run inside once for each content of step and inputs"),
        key("pull_policy", &PULL_POLICY, "When the image is pulled"),
        key("pull_refresh_after", &TEXT, "Age after which the image is pulled again"),
        key("read_only", &BOOL_TEXT, "Whether its root file system is read-only"),
        key("restart", &RESTART, "When the engine restarts it"),
        key("runtime", &TEXT, "Container runtime"),
        key("scale", &SCALE, "How many containers"),
        key("secrets", &FILES, "Secrets that appear as files inside"),
        key("security_opt", &TEXTS, "Labels and profiles of security modules"),
        key("shm_size", &BYTES, "Size of /dev/shm"),
        key("stdin_open", &BOOL_TEXT, "Whether its input stays open"),
        key("stop_grace_period", &DURATION, "Time to stop in before it is killed"),
        key("stop_signal", &TEXT, "Signal that stops it"),
        key("storage_opt", &STORAGE, "Options of the storage driver"),
        key("sysctls", &MAP_OR_TEXTS, "Kernel parameters"),
        key("tmpfs", &TEXT_OR_TEXTS, "Folders in memory"),
        key("tty", &BOOL_TEXT, "Whether it has a terminal"),
        key("ulimits", &ULIMITS, "Limits of the process"),
        key("use_api_socket", &BOOL, "Whether it may use the engine's API"),
        key("user", &TEXT, "User inside, as name or uid:gid"),
        key("userns_mode", &TEXT, "User namespace"),
        key("uts", &TEXT, "UTS namespace"),
        key("volumes", &VOLUMES, "Folders and volumes inside"),
        key("volumes_from", &TEXTS, "Services and containers whose volumes it shares"),
        key("working_dir", &TEXT, "Working directory inside"),
        key("x-devup", &X_SERVICE, "devup's keys, for files that Compose reads as well"),
    ],
);
