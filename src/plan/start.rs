//! Starting in the order of dependencies, waiting, and what else belongs to coming up.

use std::sync::Arc;

use indexmap::IndexMap;

use super::decide::{Group, Groups, Scene};
use super::emit::{Cleared, Emitting, Placed, Places};
use super::error::PlanError;
use super::graph::Graph;
use super::hash;
use super::inside::{Holder, Judging, ProvisionMark};
use super::operation::{ContainerTarget, HookMoment, ImageUse, Operation};
use super::options::InsideStep;
use super::provide::{self, Asked};
use super::slots::{Fate, PROVISION, Slot};
use super::step::{Cause, StepId};
use super::waiting::{Conditions, Waits};
use crate::model::container::ContainerSpec;
use crate::model::labels;
use crate::model::observed::{Container, State};
use crate::model::service::Healthcheck;

/// Provisioning steps whose results several containers see.
type Shared = IndexMap<ProvisionMark, StepId>;

/// Puts starting and waiting into the plan.
pub(super) struct Starting<'e, 's, 'a> {
    pub(super) emitting: &'e Emitting<'s, 'a>,
    pub(super) cleared: &'e Cleared,
    /// Steps that serve models.
    pub(super) models: &'e Asked,
    /// Nothing is left for a further round.
    pub(super) is_last: bool,
}

impl Starting<'_, '_, '_> {
    pub(super) fn scene(&self) -> &Scene<'_> {
        self.emitting.scene
    }

    pub(super) fn groups(&self) -> &Groups<'_> {
        self.emitting.groups
    }

    /// Starts, waits, tasks.
    pub(super) fn emit(&self, graph: &mut Graph, places: &mut Places) -> Result<(), PlanError> {
        let mut asked = Asked::new();
        if self.scene().options.no_start {
            for group in self.groups().values() {
                let before = self.asked_before(group, &asked);
                self.ask(graph, group, &Conditions { after: before, ..Conditions::default() }, &mut asked);
            }
            if self.scene().options.prepare {
                self.prepare(graph, places);
            }
            return Ok(());
        }
        let mut shared = Shared::new();
        let mut waits = Waits::new();
        for (name, group) in self.groups() {
            let conditions = self.conditions(graph, places, (&mut waits, &asked), group);
            self.ask(graph, group, &conditions, &mut asked);
            let before = self.prepared(graph, group, places, &conditions, &mut shared);
            for (index, slot) in group.slots.iter().enumerate() {
                let mut placed = places[name][index].clone();
                self.start(graph, (group, slot), &mut placed, &conditions, places, &before[index]);
                places[name][index] = placed;
            }
        }
        if !self.is_last {
            return Ok(());
        }
        self.final_waits(graph, places, &mut waits);
        let last = super::stages::emit(graph, self.scene(), places, &waits);
        self.tasks(graph, places, &waits, last)
    }

    /// The question to a service's provider.
    fn ask(&self, graph: &mut Graph, group: &Group, conditions: &Conditions, asked: &mut Asked) {
        if let Some(step) = provide::ask(graph, self.scene().inputs, &group.wanted) {
            graph.after(step, conditions.after.iter().copied());
            graph.follows(step, conditions.follows.iter().copied());
            asked.insert(group.wanted.name.clone(), step);
        }
    }

    fn start(
        &self,
        graph: &mut Graph,
        (group, slot): (&Group, &Slot),
        placed: &mut Placed,
        conditions: &Conditions,
        places: &Places,
        before: &[StepId],
    ) {
        let name = group.wanted.name.as_str();
        if !slot.start {
            self.missed_hooks(graph, group, slot, placed);
            return;
        }
        let mut begin = placed.ready.clone();
        begin.extend(placed.stop.map(|(_, last)| last));
        begin.extend(before);
        let frozen = slot.restart.is_none() && slot.current.is_some_and(|current| current.state == State::Paused);
        let container = placed.target.clone();
        let operation = if slot.thaws() {
            Operation::UnpauseContainer { container }
        } else {
            Operation::StartContainer { container }
        };
        let start = graph.add(operation, slot.cause(), Some(name));
        graph.after(start, begin);
        graph.after(start, conditions.after.iter().copied());
        graph.follows(start, conditions.follows.iter().copied());
        graph.after(start, self.ports_freed(slot, places));
        placed.started = vec![start];
        if !frozen {
            Self::post_start(graph, group, placed);
        }
    }

    /// What has to be done before the containers of a service start: steps by slot.
    fn prepared(
        &self,
        graph: &mut Graph,
        group: &Group,
        places: &Places,
        conditions: &Conditions,
        shared: &mut Shared,
    ) -> Vec<Vec<StepId>> {
        let placed = &places[&group.wanted.name];
        let mut before = Vec::with_capacity(placed.len());
        for (slot, placed) in group.slots.iter().zip(placed) {
            let step = (slot.start && !slot.thaws())
                .then(|| self.provision(graph, (group, slot), placed, conditions, shared))
                .flatten();
            before.push(step.into_iter().collect());
        }
        self.before(graph, group, places, conditions, &mut before);
        before
    }

    /// Hooks after the start, one after another.
    fn post_start(graph: &mut Graph, group: &Group, placed: &mut Placed) {
        for (index, hook) in group.wanted.service.post_start.iter().enumerate() {
            let run = Operation::RunHook {
                container: placed.target.clone(),
                moment: HookMoment::PostStart,
                hook: hook.clone(),
                mark: Some(hook_mark(index, hook)),
            };
            let step = graph.add(run, Cause::ComingUp, Some(&group.wanted.name));
            graph.after(step, placed.started.clone());
            graph.after(step, placed.ready.clone());
            placed.started = vec![step];
        }
    }

    /// A run that was interrupted between a start and its hooks left them to be done.
    fn missed_hooks(&self, graph: &mut Graph, group: &Group, slot: &Slot, placed: &mut Placed) {
        let Some(current) = slot.current.filter(|current| current.state == State::Running && slot.fate == Fate::Keep)
        else {
            return;
        };
        let marks = group.wanted.service.post_start.iter().enumerate().map(|(index, hook)| hook_mark(index, hook));
        let missed = marks.filter(|mark| !self.scene().inputs.is_marked(&current.id, mark)).count() > 0;
        if missed {
            Self::post_start(graph, group, placed);
        }
    }

    /// Steps after which the ports that the container publishes are free.
    fn ports_freed(&self, slot: &Slot, places: &Places) -> Vec<StepId> {
        let ports = &slot.draft.spec.ports;
        let holds = |container: &Container| {
            container.ports.iter().any(|held| {
                held.published != 0
                    && ports.iter().any(|port| port.published == held.published && port.protocol == held.protocol)
            })
        };
        let mut steps = Vec::new();
        for (id, step) in &self.cleared.freed {
            let container = self.scene().observed.containers.iter().find(|container| container.id == *id);
            steps.extend(container.filter(|container| holds(container)).map(|_| *step));
        }
        for (name, group) in self.groups() {
            for (other, placed) in group.slots.iter().zip(&places[name]) {
                if let (Some(current), Some((_, stop))) = (other.current, placed.stop)
                    && holds(current)
                {
                    steps.push(stop);
                }
            }
        }
        steps
    }

    /// What is created is provisioned, though not started.
    fn prepare(&self, graph: &mut Graph, places: &Places) {
        let mut shared = Shared::new();
        for (name, group) in self.groups() {
            for (slot, placed) in group.slots.iter().zip(&places[name]).filter(|(slot, _)| slot.is_made()) {
                self.provision(graph, (group, slot), placed, &Conditions::default(), &mut shared);
            }
        }
    }

    /// Provisioning steps in containers of their own, one after another, with the mounts of the one to be started. A step
    /// that several containers want at the same place runs once.
    fn provision(
        &self,
        graph: &mut Graph,
        (group, slot): (&Group, &Slot),
        placed: &Placed,
        conditions: &Conditions,
        shared: &mut Shared,
    ) -> Option<StepId> {
        let name = group.wanted.name.as_str();
        let mut last: Option<StepId> = None;
        let judging = Judging { scene: self.scene(), volumes: self.emitting.volumes };
        for (inside, mark) in judging.due(name, slot) {
            if let Some(step) = shared.get(&mark) {
                // services come in the order of their dependencies: that one waits for nothing that waits for this
                last = Some(*step);
                continue;
            }
            let reference = slot.draft.spec.image.clone();
            let operation = Operation::ProvisionContainer {
                container: placed.target.clone(),
                spec: Box::new(self.provisioner(group, slot, inside)),
                image: ImageUse {
                    id: self.scene().observed.images.get(&reference).map(|image| image.id.clone()),
                    made_by: self.emitting.images.made.get(&reference).copied(),
                    reference,
                },
                mark: mark.clone(),
            };
            let step = graph.add(operation, Cause::ComingUp, Some(name));
            if mark.holders.iter().all(|holder| matches!(holder, Holder::Volume { .. } | Holder::Bind { .. })) {
                shared.insert(mark, step);
            }
            graph.after(step, placed.ready.clone());
            graph.after(step, placed.stop.map(|(_, last)| last));
            graph.after(step, last);
            graph.after(step, conditions.after.iter().copied());
            graph.follows(step, conditions.follows.iter().copied());
            last = Some(step);
        }
        last
    }

    fn provisioner(&self, group: &Group, slot: &Slot, inside: &InsideStep) -> ContainerSpec {
        let draft = &slot.draft.spec;
        let mut service = (*draft.service).clone();
        service.entrypoint = Some(Vec::new());
        service.command = Some(["/bin/sh", "-c", &inside.provision.run].map(str::to_owned).to_vec());
        service.restart = None;
        service.deploy = None;
        service.healthcheck = Some(Healthcheck { disable: true, ..Healthcheck::default() });
        if let Some(user) = &inside.provision.user {
            service.user = Some(user.clone());
        }
        let mut spec = draft.clone();
        spec.environment.extend(slot.draft.provided.clone().unwrap_or_default());
        spec.name = format!("{}{PROVISION}", draft.name);
        spec.mounts = Vec::new();
        spec.ports = Vec::new();
        spec.networks.truncate(1);
        for network in &mut spec.networks {
            // it must not be found in the service's stead, nor take its address
            network.aliases = Vec::new();
            network.options = crate::model::service::ServiceNetwork::default();
        }
        spec.labels = super::resources::project_labels(self.scene().environment, self.scene().inputs);
        spec.labels.insert(labels::SERVICE.to_owned(), group.wanted.name.clone());
        spec.labels.insert(labels::NUMBER.to_owned(), slot.number.to_string());
        spec.labels.insert(labels::ONEOFF.to_owned(), "False".to_owned());
        spec.service = Arc::new(service);
        spec
    }

    /// Tasks of `up:`, one after another.
    fn tasks(
        &self,
        graph: &mut Graph,
        places: &Places,
        waits: &Waits,
        mut last: Option<StepId>,
    ) -> Result<(), PlanError> {
        let environment = self.scene().environment;
        for name in &environment.up {
            let task = environment.tasks.get(name).ok_or_else(|| PlanError::UnknownTask { task: name.clone() })?;
            let Some(placed) = places.get(&task.service).and_then(|placed| placed.first()) else { continue };
            let mark = format!("task:{name}:{}", hash::of(task));
            if let ContainerTarget::Existing { id, .. } = &placed.target
                && self.scene().inputs.is_marked(id, &mark)
            {
                continue;
            }
            let operation =
                Operation::RunTask { name: name.clone(), container: placed.target.clone(), task: task.clone(), mark };
            let step = graph.add(operation, Cause::ComingUp, Some(&task.service));
            graph.after(step, placed.ready.clone());
            graph.after(step, placed.started.clone());
            graph
                .after(step, waits.iter().filter(|((service, ..), _)| *service == task.service).map(|(_, step)| *step));
            graph.after(step, last);
            last = Some(step);
        }
        Ok(())
    }
}

/// How it is kept that a hook ran. A start forgets it.
pub fn hook_mark(index: usize, hook: &crate::model::service::Hook) -> String {
    format!("hook:{index}:{}", hash::of(hook))
}
