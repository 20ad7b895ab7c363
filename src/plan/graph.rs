//! Steps while a plan is put together: added in any order, numbered in the end so that each comes after those it waits for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::error::PlanError;
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

    /// Numbers the steps: each after those it waits for, otherwise in the order in which they were added. Steps that wait
    /// for each other in a circle are an error: the plan could only be performed in part.
    pub(super) fn finish(self) -> Result<Plan, PlanError> {
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
        if order.len() < count {
            return Err(PlanError::Circular { steps: circle(&self.steps, &waits) });
        }
        let mut steps: Vec<Option<Step>> = self.steps.into_iter().map(Some).collect();
        let steps = order
            .iter()
            .filter_map(|&index| steps[index].take())
            .map(|mut step| {
                renumber(&mut step, &number);
                step
            })
            .collect();
        Ok(Plan { steps, warnings: self.warnings, look_again: false })
    }
}

/// One circle among the steps that never became free, the first repeated at its end. Every such step waits for another
/// one, so that going from one to the next must come back.
fn circle(steps: &[Step], waits: &[usize]) -> Vec<String> {
    let stuck = |id: &&StepId| waits[id.0 as usize - 1] > 0;
    let mut way: Vec<usize> = waits.iter().position(|waits| *waits > 0).into_iter().collect();
    while let Some(next) = way.last().and_then(|last| {
        let step = &steps[*last];
        step.after.iter().chain(&step.follows).find(stuck)
    }) {
        let next = next.0 as usize - 1;
        if let Some(begin) = way.iter().position(|seen| *seen == next) {
            way.drain(..begin);
            way.push(next);
            break;
        }
        way.push(next);
    }
    let words = |index: &usize| {
        let operation = &steps[*index].operation;
        format!("`{} {}`", operation.verb().plain, operation.subject())
    };
    way.iter().map(words).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(graph: &mut Graph, name: &str) -> StepId {
        let container = ContainerTarget::Existing { id: name.to_owned(), name: name.to_owned() };
        graph.add(Operation::StopContainer { container, grace: None }, Cause::Asked, Some(name))
    }

    #[test]
    fn a_circle_is_an_error_that_names_its_steps_and_no_others() {
        let mut graph = Graph::default();
        let [free, below, a, b, c] = ["free", "below", "a", "b", "c"].map(|name| stop(&mut graph, name));
        graph.after(below, [a]);
        graph.after(a, [b, free]);
        graph.follows(b, [c]);
        graph.after(c, [a]);
        let error = graph.finish().unwrap_err();
        let PlanError::Circular { steps } = &error else { panic!("{error}") };
        assert_eq!(
            steps,
            &["`stop Container a`", "`stop Container b`", "`stop Container c`", "`stop Container a`"],
            "{error}"
        );
        assert!(error.to_string().contains("network_mode"), "{error}");
    }
}
