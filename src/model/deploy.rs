//! A service's `deploy` section in canonical form.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::canonical::{Absent, canonical};
use super::quantity::{Bytes, Span};

canonical! {
/// `deploy`: what a single machine can honour of it.
pub struct Deploy {
    /// `replicated`, `global`, …
    pub mode: Option<String>,
    /// Number of containers.
    pub replicas: Option<u32>,
    /// Labels of the service, not of its containers.
    pub labels: IndexMap<String, String>,
    /// Limits and reservations.
    pub resources: Option<Resources>,
    /// Restart policy.
    pub restart_policy: Option<RestartPolicy>,
    /// Kept for `config`: of no meaning on one machine.
    pub placement: Option<serde_json::Value>,
    /// Kept for `config`: of no meaning on one machine.
    pub update_config: Option<serde_json::Value>,
    /// Kept for `config`: of no meaning on one machine.
    pub rollback_config: Option<serde_json::Value>,
    /// Kept for `config`: of no meaning on one machine.
    pub endpoint_mode: Option<String>,
}
}

canonical! {
/// `deploy.resources`.
pub struct Resources {
    /// At most.
    pub limits: Option<Resource>,
    /// At least.
    pub reservations: Option<Resource>,
}
}

canonical! {
/// One side of `deploy.resources`.
pub struct Resource {
    /// CPUs as a fraction.
    pub cpus: Option<f64>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Processes.
    pub pids: Option<i64>,
    /// Device requests (GPUs).
    pub devices: Vec<serde_json::Value>,
    /// Kept for `config`.
    pub generic_resources: Vec<serde_json::Value>,
}
}

canonical! {
/// `deploy.restart_policy`.
pub struct RestartPolicy {
    /// `none on-failure any`.
    pub condition: Option<String>,
    /// Between attempts.
    pub delay: Option<Span>,
    /// How often.
    pub max_attempts: Option<i64>,
    /// Over which time.
    pub window: Option<Span>,
}
}
