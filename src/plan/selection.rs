//! Which services a run is about, with what they depend on, dependencies first.

use indexmap::{IndexMap, IndexSet};

use super::error::PlanError;
use super::options::Options;
use crate::model::environment::Environment;
use crate::model::service::{Condition, Dependency, Service};

/// A service that the run is about.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// Its name.
    pub(super) name: String,
    /// As the spec has it.
    pub(super) service: &'a Service,
    /// Number of containers.
    pub(super) replicas: u32,
    /// Dependencies within the run, implied ones included.
    pub(super) dependencies: IndexMap<String, Dependency>,
    /// Named by the user, or everything is.
    pub(super) selected: bool,
}

/// A service by name, of inactive profiles too.
pub(super) fn service<'a>(environment: &'a Environment, name: &str) -> Option<&'a Service> {
    environment.services.get(name).or_else(|| environment.disabled.get(name))
}

/// Services of the run, dependencies before dependants, otherwise in the order of the file.
pub(super) fn select<'a>(
    environment: &'a Environment,
    options: &Options,
) -> Result<IndexMap<String, Wanted<'a>>, PlanError> {
    let named: IndexSet<String> = if options.services.is_empty() {
        environment.services.keys().cloned().collect()
    } else {
        options.services.iter().cloned().collect()
    };
    for name in named.iter().chain(options.scale.keys()) {
        if service(environment, name).is_none() {
            return Err(PlanError::UnknownService { service: name.clone(), nearest: nearest(environment, name) });
        }
    }
    let mut walk = Walk { environment, options, named: &named, path: Vec::new(), done: IndexMap::new() };
    for name in &named {
        walk.visit(name)?;
    }
    let included: IndexSet<String> = walk.done.keys().cloned().collect();
    let mut done = walk.done;
    for wanted in done.values_mut() {
        wanted.dependencies.retain(|name, _| included.contains(name));
    }
    Ok(done)
}

struct Walk<'a, 'o> {
    environment: &'a Environment,
    options: &'o Options,
    named: &'o IndexSet<String>,
    path: Vec<String>,
    done: IndexMap<String, Wanted<'a>>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, name: &str) -> Result<(), PlanError> {
        if self.done.contains_key(name) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|on_path| on_path == name) {
            let mut services = self.path[start..].to_vec();
            services.push(name.to_owned());
            return Err(PlanError::Cycle { services });
        }
        let Some(service) = service(self.environment, name) else {
            return Err(PlanError::UnknownService { service: name.to_owned(), nearest: None });
        };
        self.path.push(name.to_owned());
        let dependencies = effective_dependencies(service);
        for (other, dependency) in &dependencies {
            let active = self.environment.services.contains_key(other) || self.named.contains(other);
            // a provider is asked all the same: what it answers is part of what a container is made of
            let provided = self::service(self.environment, other).is_some_and(|other| other.provider.is_some());
            if self.options.no_deps && !self.named.contains(other) && !provided {
                continue;
            }
            if active {
                self.visit(other)?;
            } else if dependency.required {
                return Err(PlanError::MissingDependency { service: name.to_owned(), dependency: other.clone() });
            }
        }
        self.path.pop();
        let given = self.options.scale.get(name).copied().filter(|_| service.provider.is_none());
        let replicas = given.unwrap_or_else(|| service.replicas());
        if let Some(fixed) = &service.container_name
            && replicas > 1
        {
            return Err(PlanError::FixedNameScaled { service: name.to_owned(), name: fixed.clone(), replicas });
        }
        let selected = self.named.contains(name);
        self.done.insert(name.to_owned(), Wanted { name: name.to_owned(), service, replicas, dependencies, selected });
        Ok(())
    }
}

/// What a service depends on: as it says, and through the namespaces and volumes it takes from others.
pub(super) fn effective_dependencies(service: &Service) -> IndexMap<String, Dependency> {
    let mut dependencies = service.depends_on.clone();
    let mut imply = |name: &str, restart: bool| {
        let entry = dependencies.entry(name.to_owned()).or_insert(Dependency {
            condition: Condition::ServiceStarted,
            restart: false,
            required: true,
        });
        entry.restart |= restart;
    };
    for (_, other) in joined_services(service) {
        imply(other, true);
    }
    for (other, _) in volumes_from_services(service) {
        imply(other, false);
    }
    for link in &service.links {
        imply(link.split(':').next().unwrap_or(link), false);
    }
    dependencies
}

/// `(field, service)` of `network_mode`, `pid` and `ipc` of the form `service:NAME`.
pub(super) fn joined_services(service: &Service) -> Vec<(&'static str, &str)> {
    [("network_mode", &service.network_mode), ("pid", &service.pid), ("ipc", &service.ipc)]
        .into_iter()
        .filter_map(|(field, value)| Some((field, value.as_deref()?.strip_prefix("service:")?)))
        .collect()
}

/// `(service, read only)` of `volumes_from`, foreign containers aside.
pub(super) fn volumes_from_services(service: &Service) -> Vec<(&str, bool)> {
    service
        .volumes_from
        .iter()
        .filter(|entry| !entry.starts_with("container:"))
        .map(|entry| match entry.split_once(':') {
            Some((name, mode)) => (name, mode == "ro"),
            None => (entry.as_str(), false),
        })
        .collect()
}

/// The nearest service name, where it is near enough to be a slip.
pub(super) fn nearest(environment: &Environment, name: &str) -> Option<String> {
    environment
        .services
        .keys()
        .chain(environment.disabled.keys())
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, candidate)| candidate.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `a` does to need `b`.
    fn needing(kind: &str, other: &str) -> Service {
        let mut service = Service { image: Some("x".into()), ..Service::default() };
        let of = format!("service:{other}");
        match kind {
            "depends_on" => drop(service.depends_on.insert(other.into(), Dependency::default())),
            "links" => service.links.push(format!("{other}:alias")),
            "network_mode" => service.network_mode = Some(of),
            "ipc" => service.ipc = Some(of),
            "pid" => service.pid = Some(of),
            _ => service.volumes_from.push(format!("{other}:ro")),
        }
        service
    }

    #[test]
    fn circles_of_every_kind_are_named() {
        const KINDS: [&str; 6] = ["depends_on", "links", "network_mode", "ipc", "pid", "volumes_from"];
        for one in KINDS {
            for other in KINDS {
                let mut environment = Environment::default();
                environment.services.insert("before".into(), needing("links", "a"));
                environment.services.insert("a".into(), needing(one, "b"));
                environment.services.insert("b".into(), needing("depends_on", "c"));
                environment.services.insert("c".into(), needing(other, "a"));
                let error = select(&environment, &Options::default()).unwrap_err();
                let services = ["a", "b", "c", "a"].map(str::to_owned).to_vec();
                assert_eq!(error, PlanError::Cycle { services }, "{one} and {other}");
            }
            let mut alone = Environment::default();
            alone.services.insert("a".into(), needing(one, "a"));
            assert!(matches!(select(&alone, &Options::default()), Err(PlanError::Cycle { .. })), "{one}");
        }
    }
}
