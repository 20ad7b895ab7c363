//! Steps while a plan is put together: added in any order, numbered in the end so that each comes after those it waits for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::operation::{ContainerTarget, Operation};
use super::step::{Cause, Plan, Risk, Step, StepId};

/// A plan under construction.
#[derive(Debug, Default)]
pub(super) struct Graph {
    steps: Vec<Step>,
    warnings: Vec<String>,
}

impl Graph {
    /// Adds a step without risk that waits for nothing yet.
    pub(super) fn add(&mut self, operation: Operation, cause: Cause, service: Option<&str>) -> StepId {
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX) + 1);
        self.steps.push(Step {
            id,
            operation,
            cause,
            risk: Risk::None,
            after: Vec::new(),
            follows: Vec::new(),
            service: service.map(str::to_owned),
            tolerated: false,
        });
        id
    }

    fn step_mut(&mut self, id: StepId) -> &mut Step {
        &mut self.steps[id.0 as usize - 1]
    }

    /// `step` begins when `needed` succeeded.
    pub(super) fn after(&mut self, step: StepId, needed: impl IntoIterator<Item = StepId>) {
        for needed in needed {
            let list = &mut self.step_mut(step).after;
            if needed != step && !list.contains(&needed) {
                list.push(needed);
            }
        }
    }

    /// `step` begins when `earlier` ended, well or not.
    pub(super) fn follows(&mut self, step: StepId, earlier: impl IntoIterator<Item = StepId>) {
        for earlier in earlier {
            let list = &mut self.step_mut(step).follows;
            if earlier != step && !list.contains(&earlier) {
                list.push(earlier);
            }
        }
    }

    /// Whether a step comes after another, by any number of others in between.
    pub(super) fn comes_after(&self, step: StepId, earlier: StepId) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![step];
        while let Some(id) = open.pop() {
            if id == earlier {
                return true;
            }
            let index = id.0 as usize - 1;
            if !std::mem::replace(&mut seen[index], true) {
                open.extend(self.steps[index].after.iter().chain(&self.steps[index].follows));
            }
        }
        false
    }

    /// States what a step may cost.
    pub(super) fn risk(&mut self, step: StepId, risk: Risk) {
        self.step_mut(step).risk = risk;
    }

    /// Its failure is a warning.
    pub(super) fn tolerate(&mut self, step: StepId) {
        self.step_mut(step).tolerated = true;
    }

    /// What the user should know.
    pub(super) fn warn(&mut self, message: String) {
        if !self.warnings.contains(&message) {
            self.warnings.push(message);
        }
    }

    /// Numbers the steps: each after those it waits for, otherwise in the order in which they were added.
    pub(super) fn finish(self) -> Plan {
        let count = self.steps.len();
        let mut waits: Vec<usize> = Vec::with_capacity(count);
        let mut dependants = vec![Vec::new(); count];
        for step in &self.steps {
            waits.push(step.after.len() + step.follows.len());
            for needed in step.after.iter().chain(&step.follows) {
                dependants[needed.0 as usize - 1].push(step.id.0 as usize - 1);
            }
        }
        let mut free: BinaryHeap<Reverse<usize>> = (0..count).filter(|&i| waits[i] == 0).map(Reverse).collect();
        let mut number = vec![StepId(0); count];
        let mut order = Vec::with_capacity(count);
        while let Some(Reverse(index)) = free.pop() {
            order.push(index);
            number[index] = StepId(u32::try_from(order.len()).unwrap_or(u32::MAX));
            for &dependant in &dependants[index] {
                waits[dependant] -= 1;
                if waits[dependant] == 0 {
                    free.push(Reverse(dependant));
                }
            }
        }
        // a circle would leave steps out; the property tests hold the planner to never making one
        debug_assert_eq!(order.len(), count, "the plan has a circle:\n{}", stuck(&self.steps, &waits));
        let mut steps: Vec<Option<Step>> = self.steps.into_iter().map(Some).collect();
        let steps = order
            .iter()
            .filter_map(|&index| steps[index].take())
            .map(|mut step| {
                renumber(&mut step, &number);
                step
            })
            .collect();
        Plan { steps, warnings: self.warnings, look_again: false }
    }
}

/// Steps that wait for one another, for the message of an assertion.
fn stuck(steps: &[Step], waits: &[usize]) -> String {
    let stuck = steps.iter().zip(waits).filter(|(_, waits)| **waits > 0);
    stuck.map(|(step, _)| step.to_string()).collect::<Vec<_>>().join("\n")
}

fn renumber(step: &mut Step, number: &[StepId]) {
    let new = |old: StepId| number[old.0 as usize - 1];
    step.id = new(step.id);
    for list in [&mut step.after, &mut step.follows] {
        for id in list.iter_mut() {
            *id = new(*id);
        }
        list.sort_unstable();
    }
    for target in step.operation.targets_mut() {
        if let ContainerTarget::MadeBy { step, .. } = target {
            *step = new(*step);
        }
    }
    if let Some(image) = step.operation.image_mut()
        && let Some(maker) = &mut image.made_by
    {
        *maker = new(*maker);
    }
}
