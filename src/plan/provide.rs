//! What programs of this machine provide: who is asked in a run, and what the answers give to containers.
//!
//! What a container is made of depends on the answers, so a run goes in rounds: first come the providers, with the
//! containers that these wait for; once they have answered, it is looked again, and what depends on them is planned.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::decide::Scene;
use super::error::PlanError;
use super::graph::Graph;
use super::hash;
use super::operation::Operation;
use super::options::{Inputs, Variables};
use super::selection::{Wanted, service};
use super::step::{Cause, StepId};
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Container;
use crate::model::provider::{endpoint_variable, model_variable};

/// Steps by the service that is provided, or by the model that is served.
pub(super) type Asked = IndexMap<String, StepId>;

/// Which of several models each used one is: known before anybody is asked.
pub(super) fn model_names(environment: &Environment, one: &Wanted) -> Result<Variables, PlanError> {
    let mut names = Variables::new();
    for (key, using) in &one.service.models {
        let undefined = || PlanError::Undefined { service: one.name.clone(), kind: "model", key: key.clone() };
        let model = environment.models.get(key).ok_or_else(undefined)?;
        names.insert(model_variable(key, using.as_ref()), model.model.clone());
    }
    Ok(names)
}

/// The variables that a service gets from those that were asked; `None` where not all that give it some have answered.
pub(super) fn given(environment: &Environment, inputs: &Inputs, one: &Wanted) -> Option<Variables> {
    let mut variables = Variables::new();
    let mut providers = one.dependencies.keys().filter(|name| is_provided(environment, name)).peekable();
    if providers.peek().is_none() && one.service.models.is_empty() {
        return Some(variables);
    }
    let answers = inputs.answers.as_ref()?;
    for name in providers {
        variables.extend(answers.services.get(name)?.clone());
    }
    for (key, using) in &one.service.models {
        variables.insert(endpoint_variable(key, using.as_ref()), answers.models.get(key)?.clone());
    }
    Some(variables)
}

fn is_provided(environment: &Environment, name: &str) -> bool {
    service(environment, name).is_some_and(|service| service.provider.is_some())
}

/// What the label of a container says of such variables; empty for none. Their values may be secret.
pub(super) fn digest(variables: &Variables) -> String {
    if variables.is_empty() { String::new() } else { hash::of(variables) }
}

/// The container was made with other variables than it is given now. Where that is unknown, it was not.
pub(super) fn differs(given: Option<&Variables>, current: &Container) -> bool {
    given.is_some_and(|given| digest(given) != current.label(labels::PROVIDED))
}

/// Puts the models into the plan that services of the run use and nobody has asked for yet.
pub(super) fn serve(graph: &mut Graph, scene: &Scene<'_>, wanted: &IndexMap<String, Wanted>) -> Asked {
    let mut asked = Asked::new();
    for one in wanted.values().filter(|one| one.service.provider.is_none()) {
        for key in one.service.models.keys() {
            let known = scene.inputs.answers.as_ref().is_some_and(|answers| answers.models.contains_key(key));
            let Some(model) = scene.environment.models.get(key).filter(|_| !known && !asked.contains_key(key)) else {
                continue;
            };
            let operation = Operation::ServeModel { key: key.clone(), model: model.clone() };
            asked.insert(key.clone(), graph.add(operation, Cause::ComingUp, None));
        }
    }
    asked
}

/// Puts the question to a service's provider into the plan, unless it was answered.
pub(super) fn ask(graph: &mut Graph, inputs: &Inputs, one: &Wanted) -> Option<StepId> {
    let provider = one.service.provider.clone()?;
    let answered = inputs.answers.as_ref().is_some_and(|answers| answers.services.contains_key(&one.name));
    let operation = Operation::AskProvider { name: one.name.clone(), provider };
    (!answered).then(|| graph.add(operation, Cause::ComingUp, Some(&one.name)))
}

/// Services of this round, and whether it is the last one. A preview, in which nobody is asked, has one round only.
pub(super) fn round<'a>(
    inputs: &Inputs,
    mut wanted: IndexMap<String, Wanted<'a>>,
) -> (IndexMap<String, Wanted<'a>>, bool) {
    let Some(answers) = &inputs.answers else { return (wanted, true) };
    let is_open = |one: &Wanted| match &one.service.provider {
        Some(_) => !answers.services.contains_key(&one.name),
        None => one.service.models.keys().any(|key| !answers.models.contains_key(key)),
    };
    if !wanted.values().any(is_open) {
        return (wanted, true);
    }
    let mut kept = BTreeSet::new();
    for one in wanted.values().filter(|one| one.service.provider.is_some() && is_open(one)) {
        let needed = needed(&wanted, &one.name);
        if !needed.iter().filter_map(|name| wanted.get(name)).any(is_open) {
            kept.insert(one.name.clone());
            kept.extend(needed);
        }
    }
    wanted.retain(|name, _| kept.contains(name));
    (wanted, false)
}

/// All that a service depends on, by any number of others in between.
fn needed(wanted: &IndexMap<String, Wanted>, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name];
    while let Some(one) = open.pop().and_then(|name| wanted.get(name)) {
        for other in one.dependencies.keys() {
            if found.insert(other.clone()) {
                open.push(other);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
