//! The commands of a dev container's life, one stage after another once its container is ready.

use indexmap::IndexMap;

use super::decide::Scene;
use super::emit::Places;
use super::graph::Graph;
use super::operation::{ContainerTarget, Operation};
use super::step::{Cause, StepId};
use super::waiting::Waits;
use crate::model::development::{Development, Stage, When};
use crate::model::resource::SecretSource;

/// Puts the stages into the plan that were not run yet; returns the last.
pub(super) fn emit(graph: &mut Graph, scene: &Scene<'_>, places: &Places, waits: &Waits) -> Option<StepId> {
    let development = scene.environment.development.as_ref()?;
    let service = &development.service;
    let placed = places.get(service)?.first()?;
    let mut last: Option<StepId> = None;
    for (index, stage) in development.stages.iter().enumerate() {
        if scene.options.awaited_stages_only && !development.awaits(&stage.name) {
            continue;
        }
        let mark = mark(&development.stages, index);
        // what runs after each start is forgotten by the start itself
        let runs_anew = stage.when == When::Started && !placed.started.is_empty();
        if let ContainerTarget::Existing { id, .. } = &placed.target
            && !runs_anew
            && scene.inputs.is_marked(id, &mark)
        {
            continue;
        }
        let operation = Operation::RunStage {
            container: placed.target.clone(),
            stage: stage.clone(),
            session: development.session.clone(),
            secrets: secrets(development),
            mark,
        };
        let step = graph.add(operation, Cause::ComingUp, Some(service));
        graph.after(step, placed.ready.clone());
        graph.after(step, placed.started.clone());
        graph.after(step, waits.iter().filter(|((waited, ..), _)| waited == service).map(|(_, step)| *step));
        graph.after(step, last);
        last = Some(step);
    }
    last
}

/// Secrets that have a value somewhere.
pub fn secrets(development: &Development) -> IndexMap<String, SecretSource> {
    let wishes = development.secrets.iter();
    wishes.filter_map(|(name, wish)| Some((name.clone(), wish.source.clone()?))).collect()
}

/// How it is kept that a stage ran, whatever its commands are by now: once for a container is once. The marks of what runs
/// after each start begin as those of hooks, which a start forgets.
pub fn mark(stages: &[Stage], index: usize) -> String {
    let Some(stage) = stages.get(index) else { return String::new() };
    let before = stages[..index].iter().filter(|other| other.name == stage.name).count();
    let kind = match stage.when {
        When::Created => "stage",
        When::Started => "hook:stage",
    };
    format!("{kind}:{}:{before}", stage.name)
}
