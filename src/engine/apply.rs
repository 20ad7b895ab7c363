//! Walks the graph of a plan.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::cancel::{Cancel, Level};
use super::error::StepError;
use super::look::Looks;
use super::perform::{Brought, Performer};
use super::ports::Tools;
use super::report::{Ended, Report};
use super::wait;
use crate::model::event::{Event, Outcome};
use crate::plan::{ContainerTarget, Operation, Plan, Step, StepId, Until};

/// Chooses the next of several steps that could begin: gets their number, returns an index.
pub type Pick = Box<dyn FnMut(usize) -> usize + Send>;

/// How fast, and in which order among equals.
pub struct Pace {
    /// Steps side by side.
    pub width: usize,
    /// For each wait.
    pub wait_timeout: Option<Duration>,
    /// `None`: the lowest number first.
    pub pick: Option<Pick>,
}

impl Default for Pace {
    /// Wide: an engine does tens of things at once.
    fn default() -> Self {
        Self { width: 32, wait_timeout: None, pick: None }
    }
}

/// Performs the steps of a plan.
pub async fn apply(plan: &Plan, tools: &Tools<'_>, pace: Pace, cancel: &Cancel) -> Report {
    let performer = Performer {
        tools: *tools,
        brought: Brought::default(),
        looks: Looks::new(tools.containers, tools.project),
        cancel: cancel.clone(),
        wait_timeout: pace.wait_timeout,
    };
    let mut walk = Walk::new(plan, tools);
    walk.run(&performer, pace, cancel).await;
    if walk.ends.iter().all(|end| matches!(end, Some((Outcome::Done, _)))) {
        walk.look_back(&performer).await;
    }
    walk.report(cancel.level() > Level::Go)
}

struct Walk<'a> {
    plan: &'a Plan,
    tools: &'a Tools<'a>,
    /// Number of predecessors not ended yet, by step.
    waits: Vec<usize>,
    /// Steps that wait for a step.
    dependants: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    ends: Vec<Option<(Outcome, Option<StepError>)>>,
    /// Nothing new is begun, for this reason.
    stopped: Option<&'static str>,
}

fn index(id: StepId) -> usize {
    id.0 as usize - 1
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan, tools: &'a Tools<'a>) -> Self {
        let mut dependants = vec![Vec::new(); plan.steps.len()];
        let mut waits = Vec::with_capacity(plan.steps.len());
        for (own, step) in plan.steps.iter().enumerate() {
            let mut before: Vec<usize> = step.after.iter().chain(&step.follows).map(|id| index(*id)).collect();
            before.sort_unstable();
            before.dedup();
            waits.push(before.len());
            for other in before {
                dependants[other].push(own);
            }
        }
        let ready = (0..plan.steps.len()).filter(|own| waits[*own] == 0).collect();
        Self { plan, tools, waits, dependants, ready, ends: vec![None; plan.steps.len()], stopped: None }
    }

    async fn run(&mut self, performer: &Performer<'_>, mut pace: Pace, cancel: &Cancel) {
        let mut running = FuturesUnordered::new();
        loop {
            if cancel.level() > Level::Go {
                self.stopped = Some("interrupted");
            }
            while self.stopped.is_none() && running.len() < pace.width.max(1) && !self.ready.is_empty() {
                let nth = pace.pick.as_mut().map_or(0, |pick| pick(self.ready.len())).min(self.ready.len() - 1);
                // `nth` is below the number of ready steps
                let Some(own) = self.ready.iter().nth(nth).copied() else { break };
                self.ready.remove(&own);
                if let Some(reason) = self.blocked(own) {
                    self.end(own, Outcome::Skipped { because: reason }, None);
                    continue;
                }
                let step = &self.plan.steps[own];
                self.tell_start(step);
                running.push(async move {
                    let began = Instant::now();
                    (own, performer.perform(step).await, began.elapsed())
                });
            }
            if running.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                ended = running.next() => {
                    if let Some((own, result, took)) = ended {
                        self.ended(own, result, took);
                    }
                }
                () = cancel.reaches(Level::Stop) => return,
                () = cancel.reaches(Level::Finish), if self.stopped.is_none() => self.stopped = Some("interrupted"),
            }
        }
    }

    /// Why a step whose predecessors ended cannot begin.
    fn blocked(&self, own: usize) -> Option<String> {
        self.plan.steps[own].after.iter().find_map(|id| {
            let subject = || self.plan.steps[index(*id)].operation.subject();
            match &self.ends[index(*id)] {
                Some((Outcome::Done, _)) => None,
                Some((Outcome::Skipped { because }, _)) => Some(because.clone()),
                Some((Outcome::Failed { .. }, _)) | None => Some(format!("{} failed", subject())),
            }
        })
    }

    fn ended(&mut self, own: usize, result: Result<(), StepError>, took: Duration) {
        let step = &self.plan.steps[own];
        let (outcome, error) = match result {
            Ok(()) => (Outcome::Done, None),
            Err(error) => (Outcome::Failed { error: error.to_string() }, Some(error)),
        };
        self.tell_end(step, outcome.clone(), took);
        if let (Some(error), true) = (&error, step.tolerated) {
            self.tools.listener.on(Event::Warning { message: error.to_string() });
        }
        if matches!(&error, Some(StepError::Driver(error)) if error.is_unreachable()) {
            self.stopped = Some("the engine is gone");
        }
        self.end(own, outcome, error);
    }

    fn end(&mut self, own: usize, outcome: Outcome, error: Option<StepError>) {
        self.ends[own] = Some((outcome, error));
        for dependant in &self.dependants[own] {
            self.waits[*dependant] -= 1;
            if self.waits[*dependant] == 0 {
                self.ready.insert(*dependant);
            }
        }
    }

    fn tell_end(&self, step: &Step, outcome: Outcome, took: Duration) {
        self.tools.listener.on(Event::Ended {
            step: step.id.to_string(),
            subject: step.operation.subject(),
            action: step.operation.verb().past.to_owned(),
            outcome,
            took,
        });
    }

    fn tell_start(&self, step: &Step) {
        self.tools.listener.on(Event::Started {
            step: step.id.to_string(),
            subject: step.operation.subject(),
            action: step.operation.verb().present.to_owned(),
        });
    }

    /// A container may have ended while others came up: one more look at all that should run.
    async fn look_back(&mut self, performer: &Performer<'_>) {
        if !self.plan.steps.iter().any(|step| matches!(step.operation, Operation::StartContainer { .. })) {
            return;
        }
        let awaited: Vec<_> = self.plan.steps.iter().filter_map(awaited).collect();
        let looks = awaited.iter().map(|(_, container, until)| async {
            let id = performer.brought.container(container)?;
            wait::still_fine(self.tools, &performer.looks, (id.as_str(), container.name()), *until).await
        });
        let results = futures_util::future::join_all(looks).await;
        for ((step, ..), result) in awaited.iter().zip(results) {
            if let Err(error) = result {
                let outcome = Outcome::Failed { error: error.to_string() };
                self.tell_end(step, outcome.clone(), Duration::ZERO);
                self.ends[index(step.id)] = Some((outcome, Some(error)));
            }
        }
    }

    fn report(self, interrupted: bool) -> Report {
        let because = self.stopped.unwrap_or("interrupted");
        let steps = self.plan.steps.iter().zip(self.ends).map(|(step, end)| {
            let (outcome, error) = end.unwrap_or_else(|| (Outcome::Skipped { because: because.to_owned() }, None));
            Ended { step: step.id, subject: step.operation.subject(), outcome, error, tolerated: step.tolerated }
        });
        let steps: Vec<Ended> = steps.collect();
        let unfinished = steps.iter().any(|step| step.outcome != Outcome::Done);
        Report { interrupted: interrupted && unfinished, steps }
    }
}

/// The container that a step waits for to run.
fn awaited(step: &Step) -> Option<(&Step, &ContainerTarget, Until)> {
    match &step.operation {
        Operation::WaitFor { container, until: until @ (Until::Ready | Until::Running) } => {
            Some((step, container, *until))
        }
        _ => None,
    }
}
