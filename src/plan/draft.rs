//! One container as the spec wants it, before anything is known of the world: what is hashed, and what is made.

use std::sync::Arc;

use indexmap::IndexMap;

use super::error::PlanError;
use super::operation::{Injection, InjectionSource, Namespace};
use super::options::{Inputs, Variables};
use super::provide;
use super::selection::{Wanted, joined_services, volumes_from_services};
use crate::model::container::{ContainerSpec, NetworkAttachment};
use crate::model::environment::Environment;
use crate::model::mount::{Mount, MountKind};
use crate::model::resource::SecretSource;
use crate::model::service::{FileReference, Service, ServiceNetwork};

/// A container as the spec wants it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// With the user's labels only; namespaces of other services are in `joins`.
    pub(super) spec: ContainerSpec,
    /// Files to put in.
    pub(super) injections: Vec<Injection>,
    /// Variables that providers give it beside that; `None`: not known.
    pub(super) provided: Option<Variables>,
    /// What it takes from other services.
    pub(super) joins: Vec<(Namespace, &'static str, String)>,
}

/// Where programs look for the engine's socket.
const API_SOCKET: &str = "/var/run/docker.sock";

/// What drafting needs besides the service.
pub(super) struct Drafting<'a> {
    pub(super) environment: &'a Environment,
    pub(super) inputs: &'a Inputs,
    /// Number of containers of each service of the run, for links.
    pub(super) replicas: &'a dyn Fn(&str) -> u32,
}

/// The image a service runs.
pub(super) fn image_reference(
    environment: &Environment,
    inputs: &Inputs,
    wanted: &Wanted,
) -> Result<String, PlanError> {
    if let Some(last) = inputs.images.get(&wanted.name).and_then(|chain| chain.makers.last()) {
        return Ok(last.reference().to_owned());
    }
    own_image(environment, &wanted.name, wanted.service)
}

/// The image a service names, or the one its `build` section makes.
pub fn own_image(environment: &Environment, name: &str, service: &Service) -> Result<String, PlanError> {
    match (&service.image, &service.build) {
        (Some(image), _) => Ok(image.clone()),
        (None, Some(_)) => Ok(environment.built_image(name)),
        (None, None) => Err(PlanError::NoImage { service: name.to_owned() }),
    }
}

impl Drafting<'_> {
    /// One container of a service.
    pub(super) fn container(&self, wanted: &Wanted, shared: &Arc<Service>, number: u32) -> Result<Draft, PlanError> {
        let service = wanted.service;
        let additions = self.inputs.additions.get(&wanted.name);
        let mut injections = Vec::new();
        let mut mounts = self.mounts(wanted)?;
        self.files(wanted, &mut mounts, &mut injections)?;
        let mut environment: IndexMap<String, String> =
            service.environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
        environment.extend(provide::model_names(self.environment, wanted)?);
        if let Some(additions) = additions {
            for (name, value) in &additions.environment {
                environment.entry(name.clone()).or_insert_with(|| value.clone());
            }
            let taken: Vec<String> = mounts.iter().map(|mount| mount.target.clone()).collect();
            mounts.extend(additions.mounts.iter().filter(|mount| !taken.contains(&mount.target)).cloned());
            injections.extend(additions.injections.iter().cloned());
        }
        if service.use_api_socket && !mounts.iter().any(|mount| mount.target == API_SOCKET) {
            mounts.push(self.api_socket());
        }
        let name = self.environment.container_name(&wanted.name, number);
        let mut joins: Vec<_> = joined_services(service)
            .into_iter()
            .map(|(field, other)| (namespace(field), field, other.to_owned()))
            .collect();
        joins.extend(
            volumes_from_services(service)
                .into_iter()
                .map(|(other, read_only)| (Namespace::Volumes { read_only }, "volumes_from", other.to_owned())),
        );
        let spec = ContainerSpec {
            networks: self.networks(wanted, &name)?,
            image: image_reference(self.environment, self.inputs, wanted)?,
            labels: service.labels.clone(),
            environment,
            mounts,
            ports: self.environment.port_bindings(&wanted.name, number),
            network_mode: own_mode(service.network_mode.as_ref()),
            pid_mode: own_mode(service.pid.as_ref()),
            ipc_mode: own_mode(service.ipc.as_ref()),
            volumes_from: foreign_volumes(service),
            links: self.links(service),
            service: Arc::clone(shared),
            name,
        };
        let provided = provide::given(self.environment, self.inputs, wanted);
        Ok(Draft { spec, injections, provided, joins })
    }

    /// `use_api_socket`: the engine's socket, where programs look for Docker's.
    fn api_socket(&self) -> Mount {
        let socket = self.inputs.features.as_ref().map_or(API_SOCKET, |features| &features.api_socket);
        Mount {
            kind: MountKind::Bind,
            source: Some(socket.to_owned()),
            target: API_SOCKET.to_owned(),
            ..Mount::default()
        }
    }

    fn mounts(&self, wanted: &Wanted) -> Result<Vec<Mount>, PlanError> {
        wanted
            .service
            .volumes
            .iter()
            .map(|mount| {
                let mut mount = mount.clone();
                if mount.kind == MountKind::Volume
                    && let Some(key) = &mount.source
                {
                    let volume = self.environment.volumes.get(key).ok_or_else(|| PlanError::Undefined {
                        service: wanted.name.clone(),
                        kind: "volume",
                        key: key.clone(),
                    })?;
                    mount.source = Some(volume.name.clone());
                }
                Ok(mount)
            })
            .collect()
    }

    /// Secrets and configs: a file of this machine is mounted where the engine sees it, everything else is put in; so is
    /// a file that gets an owner or a mode of its own, which a mount can't give it.
    fn files(
        &self,
        wanted: &Wanted,
        mounts: &mut Vec<Mount>,
        injections: &mut Vec<Injection>,
    ) -> Result<(), PlanError> {
        let secrets = wanted.service.secrets.iter().map(|reference| ("secret", reference, &self.environment.secrets));
        let configs = wanted.service.configs.iter().map(|reference| ("config", reference, &self.environment.configs));
        for (kind, reference, sources) in secrets.chain(configs) {
            let source = sources.get(&reference.source).ok_or_else(|| PlanError::Undefined {
                service: wanted.name.clone(),
                kind,
                key: reference.source.clone(),
            })?;
            if source.external {
                return Err(PlanError::ExternalContent {
                    service: wanted.name.clone(),
                    kind,
                    key: reference.source.clone(),
                });
            }
            let target = file_target(kind, reference);
            match &source.file {
                Some(file) if self.inputs.local && !reference.has_owner_or_mode() => mounts.push(Mount {
                    kind: MountKind::Bind,
                    source: Some(file.clone()),
                    target,
                    read_only: true,
                    ..Mount::default()
                }),
                _ => injections.push(injection(kind, reference, source, target)),
            }
        }
        Ok(())
    }

    fn networks(&self, wanted: &Wanted, container: &str) -> Result<Vec<NetworkAttachment>, PlanError> {
        let service = wanted.service;
        if service.network_mode.is_some() {
            return Ok(Vec::new());
        }
        let mut keys: Vec<(&str, ServiceNetwork)> =
            service.networks.iter().map(|(key, options)| (key.as_str(), options.clone().unwrap_or_default())).collect();
        if keys.is_empty() && self.environment.networks.contains_key("default") {
            keys.push(("default", ServiceNetwork::default()));
        }
        // the first is the one the container is made on; the sort is stable, so the file's order decides among equals
        keys.sort_by_key(|(_, options)| std::cmp::Reverse(options.priority.unwrap_or(0)));
        keys.into_iter()
            .map(|(key, options)| {
                let network = self.environment.networks.get(key).ok_or_else(|| PlanError::Undefined {
                    service: wanted.name.clone(),
                    kind: "network",
                    key: key.to_owned(),
                })?;
                let mut aliases = vec![container.to_owned(), wanted.name.clone()];
                aliases.extend(options.aliases.iter().cloned());
                Ok(NetworkAttachment { network: network.name.clone(), aliases, options })
            })
            .collect()
    }

    /// `<container>:<alias>` as Compose makes them: by the alias, the service's and the container's name.
    fn links(&self, service: &Service) -> Vec<String> {
        let mut links = Vec::new();
        for link in &service.links {
            let (other, alias) = link.split_once(':').unwrap_or((link, link));
            for number in 1..=(self.replicas)(other) {
                let container = self.environment.container_name(other, number);
                links.push(format!("{container}:{alias}"));
                links.push(format!("{container}:{container}"));
            }
        }
        for link in &service.external_links {
            let (container, alias) = link.split_once(':').unwrap_or((link, link));
            links.push(format!("{container}:{alias}"));
        }
        links
    }
}

fn namespace(field: &str) -> Namespace {
    match field {
        "pid" => Namespace::Pid,
        "ipc" => Namespace::Ipc,
        _ => Namespace::Network,
    }
}

/// A mode that names no service of the project.
fn own_mode(mode: Option<&String>) -> Option<String> {
    mode.filter(|mode| !mode.starts_with("service:")).cloned()
}

fn foreign_volumes(service: &Service) -> Vec<String> {
    service.volumes_from.iter().filter_map(|entry| entry.strip_prefix("container:")).map(str::to_owned).collect()
}

fn file_target(kind: &str, reference: &FileReference) -> String {
    let folder = if kind == "secret" { "/run/secrets/" } else { "/" };
    match reference.target.as_deref() {
        Some(target) if target.starts_with('/') => target.to_owned(),
        Some(target) => format!("{folder}{target}"),
        None => format!("{folder}{}", reference.source),
    }
}

fn injection(kind: &str, reference: &FileReference, source: &SecretSource, target: String) -> Injection {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mode = reference.mode.as_deref().and_then(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok());
    let source = source.clone();
    Injection {
        source: if kind == "secret" { InjectionSource::Secret(source) } else { InjectionSource::Config(source) },
        target,
        uid: number(&reference.uid),
        gid: number(&reference.gid),
        mode: mode.unwrap_or(0o444),
    }
}
