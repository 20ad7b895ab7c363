//! Taking a project down: users of a service before it, containers before the networks and volumes they use.

use std::collections::BTreeMap;
use std::time::Duration;

use super::emit::{stop_step, target};
use super::error::PlanError;
use super::graph::Graph;
use super::operation::{HookMoment, Operation};
use super::selection::{effective_dependencies, service};
use super::slots::is_anonymous;
use super::step::{Cause, Plan, Risk, StepId};
use crate::driver::container::AnonymousVolumes;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::{Container, Observed, State};
use crate::model::repository;

/// `--rmi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveImages {
    /// Those that services made without naming them, and provisioned layers that the containers run.
    Local,
    /// Every image of a service, its env's too.
    All,
}

/// What goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownOptions {
    /// These services only; none: everything.
    pub services: Vec<String>,
    /// Volumes too, named and anonymous.
    pub volumes: bool,
    /// Images too.
    pub images: Option<RemoveImages>,
    /// Containers of services that are not in the spec too.
    pub remove_orphans: bool,
    /// One-off containers too, and everything else that carries the project's label (`destroy`).
    pub everything: bool,
    /// Before the kill; the container's own where `None`.
    pub grace: Option<Duration>,
}

/// The steps that take a project down. Without an environment (a name alone) the labels say what depends on what.
pub fn down(environment: Option<&Environment>, observed: &Observed, options: &DownOptions) -> Result<Plan, PlanError> {
    let mut graph = Graph::default();
    let down = Down { environment, observed, options };
    let removed = down.containers(&mut graph);
    let gone: Vec<StepId> = removed.values().copied().collect();
    if options.services.is_empty() {
        down.networks(&mut graph, &gone);
    }
    if options.volumes {
        down.volumes(&mut graph, &removed);
    }
    down.images(&mut graph, &gone);
    graph.finish()
}

struct Down<'a> {
    environment: Option<&'a Environment>,
    observed: &'a Observed,
    options: &'a DownOptions,
}

impl Down<'_> {
    fn is_meant(&self, container: &Container) -> bool {
        if self.options.everything {
            return true;
        }
        if !self.options.services.is_empty() {
            return self.options.services.iter().any(|name| name == container.service());
        }
        let declared = self.environment.is_none_or(|environment| service(environment, container.service()).is_some());
        // as in Compose, containers of `run` go with the project
        declared || self.options.remove_orphans
    }

    /// Stops and removes; returns the removals by container id.
    fn containers(&self, graph: &mut Graph) -> BTreeMap<String, StepId> {
        let meant: Vec<&Container> = self.observed.containers.iter().filter(|one| self.is_meant(one)).collect();
        let mut stops: Vec<(&Container, StepId)> = Vec::new();
        let mut removed = BTreeMap::new();
        for container in &meant {
            let name = Some(container.service()).filter(|name| !name.is_empty());
            let cause = if self.is_orphan(container) { Cause::Orphan } else { Cause::Asked };
            let last = container.is_up().then(|| self.stop(graph, container, &cause));
            if let Some((first, last)) = last {
                stops.push((container, first));
                removed.insert(container.id.clone(), last);
            }
            let volumes = if self.options.volumes { AnonymousVolumes::Remove } else { AnonymousVolumes::Keep };
            let remove = Operation::RemoveContainer { container: target(container), volumes };
            let remove = graph.add(remove, cause, name);
            if self.options.volumes && container.mounts.iter().any(|mount| is_anonymous(&mount.source)) {
                let what = format!("anonymous volumes of container {}", container.name);
                graph.risk(remove, Risk::LosesData { what });
            }
            graph.after(remove, last.map(|(_, last)| last));
            removed.insert(container.id.clone(), remove);
        }
        self.release(graph, &meant, &removed, &stops);
        // users go down before what they use; a stop that failed does not keep the others up
        for (container, first) in &stops {
            let users = meant.iter().filter(|user| self.uses(user, container.service()));
            for user in users.filter_map(|user| removed.get(&user.id).copied()) {
                // labels of several versions of a spec may contradict each other: everything has to go all the same
                if !graph.comes_after(user, *first) {
                    graph.follows(*first, [user]);
                }
            }
        }
        removed
    }

    /// Providers release their services once nobody uses them, and before what they themselves depend on goes.
    fn release(
        &self,
        graph: &mut Graph,
        meant: &[&Container],
        removed: &BTreeMap<String, StepId>,
        stops: &[(&Container, StepId)],
    ) {
        let Some(environment) = self.environment else { return };
        let mut released: Vec<(&str, StepId)> = Vec::new();
        for (name, service) in &environment.services {
            let named = self.options.services.is_empty() || self.options.services.contains(name);
            let Some(provider) = service.provider.clone().filter(|_| named) else { continue };
            let step = graph.add(Operation::ReleaseProvider { name: name.clone(), provider }, Cause::Asked, Some(name));
            let users = meant.iter().filter(|user| self.uses(user, name));
            graph.follows(step, users.filter_map(|user| removed.get(&user.id).copied()));
            released.push((name, step));
        }
        for (name, step) in &released {
            let Some(service) = environment.services.get(*name) else { continue };
            let needed = effective_dependencies(service);
            let containers = stops.iter().map(|(container, first)| (container.service(), *first));
            for (other, first) in containers.chain(released.iter().copied()) {
                if needed.contains_key(other) && !graph.comes_after(*step, first) {
                    graph.follows(first, [*step]);
                }
            }
        }
    }

    fn is_orphan(&self, container: &Container) -> bool {
        self.environment.is_some_and(|environment| service(environment, container.service()).is_none())
    }

    /// `pre_stop` hooks, then the stop. Returns the first and the last step.
    fn stop(&self, graph: &mut Graph, container: &Container, cause: &Cause) -> (StepId, StepId) {
        let known = self.environment.and_then(|environment| service(environment, container.service()));
        let hooks = known.filter(|_| !container.oneoff()).map(|service| service.pre_stop.clone()).unwrap_or_default();
        let name = Some(container.service()).filter(|name| !name.is_empty());
        let mut steps = Vec::new();
        if container.state == State::Paused {
            let unpause = Operation::UnpauseContainer { container: target(container) };
            steps.push(graph.add(unpause, cause.clone(), name));
        }
        for hook in hooks {
            let container = target(container);
            let run = Operation::RunHook { container, moment: HookMoment::PreStop, hook, mark: None };
            steps.push(graph.add(run, cause.clone(), name));
        }
        steps.push(stop_step(graph, container, self.options.grace, cause.clone(), name));
        for pair in steps.windows(2) {
            graph.follows(pair[1], [pair[0]]);
        }
        (steps[0], steps[steps.len() - 1])
    }

    /// Whether a container's service depends on another service: by the spec, or by the label it was made with.
    fn uses(&self, user: &Container, other: &str) -> bool {
        if user.service() == other || other.is_empty() {
            return false;
        }
        match self.environment.and_then(|environment| service(environment, user.service())) {
            Some(service) => effective_dependencies(service).contains_key(other),
            None => {
                let entries = user.label(labels::DEPENDS_ON).split(',');
                entries.filter_map(|entry| entry.split(':').next()).any(|name| name == other)
            }
        }
    }

    fn networks(&self, graph: &mut Graph, gone: &[StepId]) {
        let external =
            |name: &str| self.environment.is_some_and(|e| e.networks.values().any(|n| n.external && n.name == name));
        for network in self.observed.networks.iter().filter(|network| !external(&network.name)) {
            if !network.labels.contains_key(labels::PROJECT) || self.is_held(|c| c.networks.contains(&network.name)) {
                continue;
            }
            let remove = Operation::RemoveNetwork { id: network.id.clone(), name: network.name.clone() };
            let remove = graph.add(remove, Cause::Asked, None);
            graph.after(remove, gone.iter().copied());
        }
    }

    /// Something that stays uses it: its removal could only fail.
    fn is_held(&self, uses: impl Fn(&Container) -> bool) -> bool {
        self.observed
            .containers
            .iter()
            .any(|container| !self.is_meant(container) && container.is_up() && uses(container))
    }

    fn volumes(&self, graph: &mut Graph, removed: &BTreeMap<String, StepId>) {
        let external =
            |name: &str| self.environment.is_some_and(|e| e.volumes.values().any(|v| v.external && v.name == name));
        let users = |name: &str| {
            let users = self.observed.containers.iter().filter(|c| c.mounts.iter().any(|mount| mount.source == name));
            users.map(|container| container.id.clone()).collect::<Vec<_>>()
        };
        let own = self.observed.volumes.iter().filter(|volume| volume.labels.contains_key(labels::PROJECT));
        let mut names: Vec<String> = own.map(|volume| volume.name.clone()).filter(|name| !external(name)).collect();
        // an engine takes an anonymous volume along only with the container for which it was made: one that was handed
        // over to a successor has to be removed by its name
        let mounted = self.observed.containers.iter().flat_map(|container| &container.mounts);
        for mount in mounted.filter(|mount| mount.kind == "volume" && is_anonymous(&mount.source)) {
            if !names.contains(&mount.source) {
                names.push(mount.source.clone());
            }
        }
        for name in names {
            let users = users(&name);
            if users.iter().any(|user| !removed.contains_key(user)) {
                continue;
            }
            if !self.options.services.is_empty() && users.is_empty() {
                continue;
            }
            let remove = graph.add(Operation::RemoveVolume { name: name.clone() }, Cause::Asked, None);
            graph.risk(remove, Risk::LosesData { what: format!("volume {name}") });
            graph.after(remove, users.iter().filter_map(|user| removed.get(user).copied()));
        }
    }

    fn images(&self, graph: &mut Graph, gone: &[StepId]) {
        let (Some(kind), Some(environment)) = (self.options.images, self.environment) else { return };
        let mut references: Vec<String> = Vec::new();
        for (name, service) in &environment.services {
            let chosen = self.options.services.is_empty() || self.options.services.contains(name);
            let unnamed = service.image.is_none() && service.build.is_some();
            let reference = match kind {
                RemoveImages::Local if !unnamed => continue,
                RemoveImages::Local | RemoveImages::All => super::own_image(environment, name, service),
            };
            if let Ok(reference) = reference
                && chosen
                && !references.contains(&reference)
            {
                references.push(reference);
            }
            let before = service.pre_start.iter().filter_map(|step| step.image.clone());
            for reference in before.filter(|_| chosen && kind == RemoveImages::All) {
                if !references.contains(&reference) {
                    references.push(reference);
                }
            }
        }
        for reference in references {
            let remove = graph.add(Operation::RemoveImage { reference }, Cause::Asked, None);
            graph.after(remove, gone.iter().copied());
        }
        for reference in self.made_by_devup(kind) {
            let remove = graph.add(Operation::RemoveImage { reference }, Cause::Asked, None);
            graph.after(remove, gone.iter().copied());
            // images by content are shared: where another project runs one, the engine keeps it
            graph.tolerate(remove);
        }
    }

    /// Layers, and envs where every image goes, that the containers run. Envs stay with `local`, as other base images do:
    /// other projects stand on them, and they take minutes to make.
    fn made_by_devup(&self, kind: RemoveImages) -> Vec<String> {
        let meant = self.observed.containers.iter().filter(|container| self.is_meant(container));
        let mut references: Vec<String> = Vec::new();
        for Container { image, .. } in meant {
            let goes = repository::holds(repository::LAYERS, image)
                || (kind == RemoveImages::All && repository::holds(repository::ENVS, image));
            if goes && !references.contains(image) {
                references.push(image.clone());
            }
        }
        references
    }
}

#[cfg(test)]
mod tests;
