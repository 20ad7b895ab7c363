//! Why no plan can be made.

/// A wish that cannot be planned. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A service was named that the spec has not.
    #[error("no such service: {service}{}", nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownService {
        /// As named.
        service: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A service depends on one that is not there.
    #[error(
        "service {service} depends on {dependency}, which is not defined or not enabled by the active profiles: enable it, or set `required: false`"
    )]
    MissingDependency {
        /// Which depends.
        service: String,
        /// On what.
        dependency: String,
    },
    /// Services depend on each other in a circle.
    #[error("services depend on each other in a circle: {}", .services.join(" -> "))]
    Cycle {
        /// The circle; the first is repeated at its end.
        services: Vec<String>,
    },
    /// Steps wait for each other in a circle: what services need of each other leaves no order.
    #[error(
        "no order can be found: {}; look for services that need each other through depends_on, links, network_mode, ipc, pid or volumes_from, and remove one of these",
        .steps.join(" waits for ")
    )]
    Circular {
        /// The circle, in words; the first is repeated at its end.
        steps: Vec<String>,
    },
    /// A fixed name can be given to one container only.
    #[error(
        "service {service} has `container_name: {name}` and cannot have {replicas} containers: remove the name, or scale it to 1"
    )]
    FixedNameScaled {
        /// Which.
        service: String,
        /// Its `container_name`.
        name: String,
        /// Wanted number.
        replicas: u32,
    },
    /// Nothing says what to run.
    #[error("service {service} has neither an image nor a build section: give it `image`, `build` or `env`")]
    NoImage {
        /// Which.
        service: String,
    },
    /// An image must not be pulled, and is not there.
    #[error(
        "image {reference} of service {service} is not there, and its pull policy is `never`: pull or build it first"
    )]
    ImageAbsent {
        /// Which service.
        service: String,
        /// Which image.
        reference: String,
    },
    /// A key is used that the spec does not define.
    #[error("service {service} uses {kind} {key}, which is not defined at top level")]
    Undefined {
        /// Which service.
        service: String,
        /// `network`, `volume`, `secret`, `config`.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// An external resource is not there.
    #[error("{kind} {name} is declared as external, but is not there: `docker {kind} create {name}` makes it")]
    ExternalAbsent {
        /// `network` or `volume`.
        kind: &'static str,
        /// The engine's name.
        name: String,
    },
    /// An engine without swarm has no secrets or configs of its own.
    #[error(
        "service {service} uses the external {kind} {key}: this engine keeps none; give it `file`, `environment` or `keyring`"
    )]
    ExternalContent {
        /// Which service.
        service: String,
        /// `secret` or `config`.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// A network of the wanted name belongs to somebody else.
    #[error(
        "network {name} exists, but belongs to {owner}: declare it as `external: true`, or give yours another `name`"
    )]
    ForeignNetwork {
        /// The engine's name.
        name: String,
        /// `project x`, or `no project`.
        owner: String,
    },
    /// Something of a service without containers is wanted.
    #[error("service {service} uses `{field}: service:{other}`, and {other} has no container")]
    NothingToJoin {
        /// Which.
        service: String,
        /// `network_mode`, …
        field: &'static str,
        /// The other service.
        other: String,
    },
    /// A task of `up:` is unknown.
    #[error("`up` names the task {task}, which is not defined under `tasks`")]
    UnknownTask {
        /// Its name.
        task: String,
    },
}
