//! The environment that a spec describes: everything that `plan` needs to know of the user's wish.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::backup::Backup;
use super::container::PortBinding;
use super::development::Development;
use super::name::ProjectName;
use super::provider::Model;
use super::resource::{Network, SecretSource, Volume};
use super::service::{Port, Service};
use super::task::Task;

/// A copy of a project beside others: a second worktree or clone, or one asked for by `--instance`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instance(pub String);

/// What is wanted, with every name final. Services disabled by profiles stand apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Environment {
    /// The Compose project's name, an instance's suffix included: `shop`, or `shop-feature`.
    pub project: Option<ProjectName>,
    /// The name before an instance's suffix.
    pub base_name: String,
    /// Which copy of the project.
    pub instance: Option<Instance>,
    /// The project's folder, absolute.
    pub working_dir: PathBuf,
    /// The files it was read from, absolute, in order of merging.
    pub config_files: Vec<PathBuf>,
    /// The files that variables were read from, absolute.
    pub env_files: Vec<PathBuf>,
    /// What no service uses is made, too.
    pub all_resources: bool,
    /// Parts of derived names are joined by `_`, as in Compose 1, and not by `-`.
    pub old_names: bool,
    /// Services to run, in the order of the file.
    pub services: IndexMap<String, Service>,
    /// Services that no active profile enables.
    pub disabled: IndexMap<String, Service>,
    /// Networks by key.
    pub networks: IndexMap<String, Network>,
    /// Volumes by key.
    pub volumes: IndexMap<String, Volume>,
    /// Secrets by key.
    pub secrets: IndexMap<String, SecretSource>,
    /// Configs by key.
    pub configs: IndexMap<String, SecretSource>,
    /// Language models by key.
    pub models: IndexMap<String, Model>,
    /// Tasks by name.
    pub tasks: IndexMap<String, Task>,
    /// Tasks that belong to coming up, in order.
    pub up: Vec<String>,
    /// How data and work are kept.
    pub backup: Backup,
    /// The service that is a dev container.
    pub development: Option<Development>,
    /// Ports of the host as they were chosen before planning: by service, then by container number (from 1), in the
    /// order of the service's `ports`. Read them through [`Environment::port_bindings`].
    pub bindings: IndexMap<String, Vec<Vec<PortBinding>>>,
}

/// Address that a port is published on where the spec names none: other machines can't reach it (a deviation from
/// Compose, see `docs/compose.md`).
pub const LOOPBACK: &str = "127.0.0.1";

impl Environment {
    /// The Compose project's name as text; empty only in an environment that was never resolved.
    pub fn project_name(&self) -> &str {
        self.project.as_ref().map_or("", ProjectName::as_str)
    }

    /// The engine's name of a container of a service: `container_name`, else `<project>-<service>-<number>`.
    pub fn container_name(&self, service: &str, number: u32) -> String {
        self.services
            .get(service)
            .or_else(|| self.disabled.get(service))
            .and_then(|s| s.container_name.clone())
            .unwrap_or_else(|| self.derived(&[service, &number.to_string()]))
    }

    /// What a build is called that the spec does not name.
    pub fn built_image(&self, service: &str) -> String {
        self.derived(&[service])
    }

    /// A name made of the project's own and these parts.
    pub fn derived(&self, parts: &[&str]) -> String {
        let joint = if self.old_names { "_" } else { "-" };
        std::iter::once(self.project_name()).chain(parts.iter().copied()).collect::<Vec<_>>().join(joint)
    }

    /// The ports that a container of a service publishes: those chosen for it, else what the spec says with loopback as
    /// the address and 0 (the engine chooses) for what the spec leaves open.
    pub fn port_bindings(&self, service: &str, number: u32) -> Vec<PortBinding> {
        let index = number.saturating_sub(1) as usize;
        if let Some(chosen) = self.bindings.get(service).and_then(|numbers| numbers.get(index)) {
            return chosen.clone();
        }
        let ports = self.services.get(service).or_else(|| self.disabled.get(service)).map(|s| s.ports.as_slice());
        let bind = |port: &Port| PortBinding {
            host_ip: port.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or_else(|| LOOPBACK.to_owned()),
            published: port.published.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0),
            target: port.target,
            protocol: port.protocol.clone().unwrap_or_else(|| "tcp".to_owned()),
        };
        ports.unwrap_or_default().iter().map(bind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_by_hyphens_or_as_compose_1_did() {
        let mut environment = Environment { project: ProjectName::parse("shop").ok(), ..Environment::default() };
        assert_eq!(environment.container_name("web", 1), "shop-web-1");
        environment.old_names = true;
        assert_eq!(environment.container_name("web", 1), "shop_web_1");
        assert_eq!(environment.built_image("web"), "shop_web");
    }

    #[test]
    fn ports_are_the_chosen_ones_else_those_of_the_spec_on_loopback() {
        let port = Port { target: 80, published: Some("8080".to_owned()), ..Port::default() };
        let mut environment = Environment::default();
        environment.services.insert("web".to_owned(), Service { ports: vec![port], ..Service::default() });
        let expected =
            PortBinding { host_ip: LOOPBACK.to_owned(), published: 8080, target: 80, protocol: "tcp".to_owned() };
        assert_eq!(environment.port_bindings("web", 1), std::slice::from_ref(&expected));
        let moved = PortBinding { published: 8081, ..expected };
        environment.bindings.insert("web".to_owned(), vec![vec![moved.clone()]]);
        assert_eq!(environment.port_bindings("web", 1), [moved]);
        assert!(environment.port_bindings("none", 1).is_empty());
    }
}
