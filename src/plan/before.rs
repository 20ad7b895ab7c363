//! `pre_start`: containers that run to their end before those of a service start, one after another.
//!
//! A step is done where a container was ever started, since none starts before it: so it runs for what is made anew, and
//! for what was made and did not get as far as its start.

use std::sync::Arc;

use super::decide::Group;
use super::emit::{Placed, Places};
use super::graph::Graph;
use super::hash;
use super::make;
use super::operation::{ImageUse, Namespace, Operation};
use super::resources::project_labels;
use super::slots::{BEFORE, Fate, Slot};
use super::start::Starting;
use super::step::{Cause, StepId};
use super::waiting::Conditions;
use crate::model::container::ContainerSpec;
use crate::model::labels;
use crate::model::observed::State;
use crate::model::service::{Healthcheck, PreStart, Service, ServiceNetwork};

impl Starting<'_, '_, '_> {
    /// The steps of a service that are due. `before`: by slot, what comes before them; afterwards, what comes before its
    /// start.
    pub(super) fn before(
        &self,
        graph: &mut Graph,
        group: &Group,
        places: &Places,
        conditions: &Conditions,
        before: &mut [Vec<StepId>],
    ) {
        for (index, hook) in group.wanted.service.pre_start.iter().enumerate() {
            let mark = format!("before:{index}:{}", hash::of(hook));
            let done = |slot: &Slot| {
                let current = slot.current.filter(|_| slot.fate == Fate::Keep);
                let started = |id: &str, state| state != State::Created || self.scene().inputs.is_marked(id, &mark);
                current.is_some_and(|current| started(&current.id, current.state))
            };
            if !hook.per_replica && group.slots.iter().any(done) {
                continue;
            }
            let due: Vec<usize> =
                (0..group.slots.len()).filter(|at| group.slots[*at].start && !done(&group.slots[*at])).collect();
            let runs: Vec<&[usize]> = if hook.per_replica { due.chunks(1).collect() } else { vec![&due] };
            for slots in runs.into_iter().filter(|slots| !slots.is_empty()) {
                let step = self.step(graph, (group, hook), (slots, places), &mark);
                graph.after(step, conditions.after.iter().copied());
                graph.follows(step, conditions.follows.iter().copied());
                for at in slots {
                    graph.after(step, std::mem::replace(&mut before[*at], vec![step]));
                }
            }
        }
    }

    /// One run of a step, for these slots, with the volumes of the first.
    fn step(
        &self,
        graph: &mut Graph,
        (group, hook): (&Group, &PreStart),
        (slots, places): (&[usize], &Places),
        mark: &str,
    ) -> StepId {
        let placed: Vec<&Placed> = slots.iter().map(|at| &places[&group.wanted.name][*at]).collect();
        let slot = &group.slots[slots[0]];
        let mut spec = self.spec(group, slot, hook);
        let at_once = if self.scene().inputs.multi_network_create { spec.networks.len() } else { 1 };
        let networks = spec.networks.split_off(at_once.min(spec.networks.len()));
        let (mut joins, _) = make::joins(self.scene(), &slot.draft, places);
        joins.retain(|join| join.namespace == Namespace::Network);
        let reference = spec.image.clone();
        let image = ImageUse {
            id: self.scene().observed.images.get(&reference).map(|image| image.id.clone()),
            made_by: self.emitting.images.made.get(&reference).copied(),
            reference,
        };
        let made_by = image.made_by;
        let operation = Operation::RunBefore {
            container: placed[0].target.clone(),
            spec: Box::new(spec),
            image,
            joins,
            networks,
            files: slot.draft.injections.clone(),
            prepared: placed.iter().map(|placed| placed.target.clone()).collect(),
            mark: mark.to_owned(),
        };
        let step = graph.add(operation, Cause::ComingUp, Some(&group.wanted.name));
        graph.after(step, made_by);
        for placed in placed {
            graph.after(step, placed.ready.clone());
            graph.after(step, placed.stop.map(|(_, last)| last));
        }
        step
    }

    /// As the service's own container as far as networks, variables and volumes go; limits, rights and the entry point are
    /// not taken over, as in Compose.
    fn spec(&self, group: &Group, slot: &Slot, hook: &PreStart) -> ContainerSpec {
        let draft = &slot.draft.spec;
        let mut spec = draft.clone();
        spec.name = format!("{}{BEFORE}", draft.name);
        if let Some(image) = &hook.image {
            spec.image.clone_from(image);
        }
        spec.environment.extend(slot.draft.provided.clone().unwrap_or_default());
        let given = hook.environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        spec.environment.extend(given);
        // they come from the container that it prepares
        spec.mounts = Vec::new();
        spec.volumes_from = Vec::new();
        spec.ports = Vec::new();
        (spec.pid_mode, spec.ipc_mode) = (None, None);
        for network in &mut spec.networks {
            // it must not be found in the service's stead, nor take its address
            network.aliases = Vec::new();
            network.options = ServiceNetwork::default();
        }
        spec.labels = project_labels(self.scene().environment, self.scene().inputs);
        spec.labels.insert(labels::SERVICE.to_owned(), group.wanted.name.clone());
        spec.labels.insert(labels::NUMBER.to_owned(), slot.number.to_string());
        spec.labels.insert(labels::ONEOFF.to_owned(), "False".to_owned());
        spec.labels.insert(labels::HOOK.to_owned(), "pre_start".to_owned());
        spec.service = Arc::new(service(&draft.service, hook));
        spec
    }
}

fn service(of: &Service, hook: &PreStart) -> Service {
    let own_user = || of.user.clone().filter(|_| hook.image.is_none());
    Service {
        command: Some(hook.command.clone()).filter(|command| !command.is_empty()),
        user: hook.user.clone().or_else(own_user),
        working_dir: hook.working_dir.clone().or_else(|| of.working_dir.clone()),
        privileged: hook.privileged,
        healthcheck: Some(Healthcheck { disable: true, ..Healthcheck::default() }),
        platform: of.platform.clone(),
        dns: of.dns.clone(),
        dns_opt: of.dns_opt.clone(),
        dns_search: of.dns_search.clone(),
        extra_hosts: of.extra_hosts.clone(),
        security_opt: of.security_opt.clone(),
        userns_mode: of.userns_mode.clone(),
        runtime: of.runtime.clone(),
        ..Service::default()
    }
}
