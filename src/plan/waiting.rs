//! Who waits for whom while a project comes up, and for what.

use indexmap::IndexMap;

use super::decide::Group;
use super::emit::{Placed, Places};
use super::graph::Graph;
use super::operation::{Operation, Until};
use super::options::Wait;
use super::provide::Asked;
use super::start::Starting;
use super::step::{Cause, StepId};
use crate::model::observed::{Container, Health, State};
use crate::model::service::{Condition, Dependency};

/// Waits, each made once: by service, position of the slot, and what for.
pub(super) type Waits = IndexMap<(String, usize, &'static str), StepId>;

/// What a dependant's start waits for.
#[derive(Debug, Default, Clone)]
pub(super) struct Conditions {
    /// Has to succeed.
    pub(super) after: Vec<StepId>,
    /// Has to end.
    pub(super) follows: Vec<StepId>,
}

impl Starting<'_, '_, '_> {
    /// Questions to providers and for models whose answers a service needs.
    pub(super) fn asked_before(&self, group: &Group, asked: &Asked) -> Vec<StepId> {
        let providers = group.wanted.dependencies.keys().filter_map(|name| asked.get(name));
        let models = group.wanted.service.models.keys().filter_map(|key| self.models.get(key));
        providers.chain(models).copied().collect()
    }

    pub(super) fn conditions(
        &self,
        graph: &mut Graph,
        places: &Places,
        (waits, asked): (&mut Waits, &Asked),
        group: &Group,
    ) -> Conditions {
        let mut conditions = Conditions::default();
        // nothing waits for the sake of a service that is not started
        if group.wanted.service.provider.is_none() && !group.slots.iter().any(|slot| slot.start) {
            return conditions;
        }
        conditions.after = self.asked_before(group, asked);
        for (other, dependency) in &group.wanted.dependencies {
            let Some(theirs) = self.groups().get(other) else { continue };
            for index in 0..theirs.slots.len() {
                let steps = self.condition(graph, places, waits, theirs, index, dependency);
                if dependency.required {
                    conditions.after.extend(steps);
                } else {
                    conditions.follows.extend(steps);
                }
            }
        }
        conditions
    }

    fn condition(
        &self,
        graph: &mut Graph,
        places: &Places,
        waits: &mut Waits,
        group: &Group,
        index: usize,
        dependency: &Dependency,
    ) -> Vec<StepId> {
        let placed = &places[&group.wanted.name][index];
        let until = match dependency.condition {
            Condition::ServiceStarted => return placed.started.clone(),
            Condition::ServiceHealthy => Until::Healthy,
            Condition::ServiceCompletedSuccessfully => Until::Completed,
        };
        let slot = &group.slots[index];
        let met = placed.started.is_empty()
            && slot.current.is_some_and(|current| match until {
                Until::Healthy => current.state == State::Running && current.health == Some(Health::Healthy),
                _ => super::slots::completed(current),
            });
        if met { Vec::new() } else { vec![self.wait(graph, placed, waits, group, index, until)] }
    }

    fn wait(
        &self,
        graph: &mut Graph,
        placed: &Placed,
        waits: &mut Waits,
        group: &Group,
        index: usize,
        until: Until,
    ) -> StepId {
        let name = &group.wanted.name;
        let key = (name.clone(), index, until_key(until));
        if let Some(step) = waits.get(&key) {
            return *step;
        }
        let operation = Operation::WaitFor { container: placed.target.clone(), until };
        let step = graph.add(operation, Cause::ComingUp, Some(name));
        graph.after(step, placed.started.clone());
        graph.after(step, placed.ready.clone());
        if self.is_optional(name) {
            graph.tolerate(step);
        }
        waits.insert(key, step);
        step
    }

    /// Everybody who depends on it can do without it.
    fn is_optional(&self, name: &str) -> bool {
        let mut dependants = self.groups().values().filter_map(|group| group.wanted.dependencies.get(name)).peekable();
        dependants.peek().is_some() && dependants.all(|dependency| !dependency.required)
    }

    /// Waits at the end for everything that was touched, or is not yet as it should be.
    pub(super) fn final_waits(&self, graph: &mut Graph, places: &Places, waits: &mut Waits) {
        let until = match self.scene().options.wait {
            Wait::Dependencies => return,
            Wait::Ready => Until::Ready,
            Wait::Strict => Until::Running,
        };
        for (name, group) in self.groups() {
            let awaited_end = self.groups().values().any(|other| {
                other
                    .wanted
                    .dependencies
                    .get(name)
                    .is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
            });
            for (index, slot) in group.slots.iter().enumerate() {
                let placed = &places[name][index];
                let waited = |until: Until| waits.contains_key(&(name.clone(), index, until_key(until)));
                let settled = placed.started.is_empty()
                    && !slot.start
                    && slot.current.is_some_and(|current| is_settled(current, awaited_end));
                if settled || waited(Until::Healthy) || waited(Until::Completed) {
                    continue;
                }
                let until = if awaited_end { Until::Completed } else { until };
                self.wait(graph, placed, waits, group, index, until);
            }
        }
    }
}

/// Nothing to wait for.
fn is_settled(current: &Container, awaited_end: bool) -> bool {
    match current.state {
        // an interrupted run left a job going that others wait for
        State::Running if awaited_end => false,
        State::Running => matches!(current.health, None | Some(Health::Healthy)),
        // a job that ended well and is not run again
        State::Exited => super::slots::completed(current),
        _ => false,
    }
}

fn until_key(until: Until) -> &'static str {
    match until {
        Until::Healthy => "healthy",
        Until::Completed => "completed",
        Until::Ready => "ready",
        Until::Running => "running",
        Until::Ended => "ended",
    }
}
