//! Images of a run: pulled, built, provisioned; once each, however many services share one.

use indexmap::IndexMap;

use super::draft::own_image;
use super::error::PlanError;
use super::graph::Graph;
use super::operation::Operation;
use super::options::{ImageMaker, Inputs, Options, Pull};
use super::resources::project_labels;
use super::selection::Wanted;
use super::step::{Cause, StepId};
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Observed;
use crate::model::resource::SecretSource;

/// Steps that bring images, by the reference they bring.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// The step that brings a reference.
    pub(super) made: IndexMap<String, StepId>,
    /// A provisioned layer stands on an image that this run brings: its content hash is known only after that.
    pub(super) guessed: bool,
}

/// Where images come from.
pub(super) struct Sources<'a> {
    pub(super) environment: &'a Environment,
    pub(super) observed: &'a Observed,
    pub(super) options: &'a Options,
    pub(super) inputs: &'a Inputs,
}

/// Steps for the images of all services of the run.
pub(super) fn emit(
    graph: &mut Graph,
    sources: &Sources,
    wanted: &IndexMap<String, Wanted>,
) -> Result<Images, PlanError> {
    let mut images = Images::default();
    for one in wanted.values().filter(|one| one.replicas > 0) {
        let chain = match sources.inputs.images.get(&one.name) {
            Some(chain) => chain.makers.clone(),
            None => vec![ImageMaker::Service { reference: own_image(sources.environment, &one.name, one.service)? }],
        };
        let mut below: Option<StepId> = None;
        for maker in &chain {
            let step = match images.made.get(maker.reference()) {
                Some(step) => Some(*step),
                None => sources.make(graph, one, maker)?,
            };
            if let Some(step) = step {
                graph.after(step, below);
                images.guessed |= below.is_some() && matches!(chain.first(), Some(ImageMaker::Service { .. }));
                images.made.insert(maker.reference().to_owned(), step);
            }
            below = step.or(below);
        }
    }
    order_builds(graph, sources, wanted, &images);
    Ok(images)
}

/// `additional_contexts: {base: service:other}` builds the other first.
fn order_builds(graph: &mut Graph, sources: &Sources, wanted: &IndexMap<String, Wanted>, images: &Images) {
    let step_of = |name: &str| {
        let service = &wanted.get(name)?.service;
        images.made.get(&own_image(sources.environment, name, service).ok()?).copied()
    };
    for one in wanted.values() {
        let Some(build) = &one.service.build else { continue };
        for other in build.additional_contexts.values().filter_map(|context| context.strip_prefix("service:")) {
            if let (Some(step), Some(needed)) = (step_of(&one.name), step_of(other)) {
                graph.after(step, [needed]);
            }
        }
    }
}

impl Sources<'_> {
    fn is_there(&self, reference: &str) -> bool {
        self.observed.images.contains_key(reference)
    }

    fn make(&self, graph: &mut Graph, one: &Wanted, maker: &ImageMaker) -> Result<Option<StepId>, PlanError> {
        let missing = !self.is_there(maker.reference());
        let operation = match maker {
            ImageMaker::Service { reference } => return self.service_image(graph, one, reference, missing),
            ImageMaker::Env { env, reference } => {
                Operation::BuildEnv { env: env.clone(), reference: reference.clone() }
            }
            ImageMaker::Layer { base, reference, steps } => {
                Operation::ProvisionImage { base: base.clone(), reference: reference.clone(), steps: steps.clone() }
            }
        };
        Ok(missing.then(|| graph.add(operation, Cause::Missing, Some(&one.name))))
    }

    fn service_image(
        &self,
        graph: &mut Graph,
        one: &Wanted,
        reference: &str,
        missing: bool,
    ) -> Result<Option<StepId>, PlanError> {
        let settled = self.options.images_settled;
        let policy = one.service.pull_policy.as_deref().unwrap_or("missing");
        if one.service.build.is_some() {
            let cause = match (missing, settled) {
                (true, _) => Cause::Missing,
                (false, true) => return Ok(None),
                (false, false) if self.options.build => Cause::Asked,
                (false, false) if policy == "build" => Cause::Policy,
                (false, false) => return Ok(None),
            };
            return Ok(self.build(graph, one, reference, cause));
        }
        let cause = match (missing, self.options.pull) {
            (true, Some(Pull::Never)) => return Err(absent(one, reference)),
            (true, None) if policy == "never" => return Err(absent(one, reference)),
            (true, _) => Cause::Missing,
            (false, _) if settled => return Ok(None),
            (false, Some(Pull::Always)) => Cause::Asked,
            (false, None) if policy == "always" => Cause::Policy,
            (false, _) => {
                if ["daily", "weekly"].contains(&policy) || policy.starts_with("every_") {
                    graph.warn(format!(
                        "service {}: `pull_policy: {policy}` pulls only what is missing: `devup up --pull always` refreshes {reference}",
                        one.name
                    ));
                }
                return Ok(None);
            }
        };
        let pull = Operation::PullImage { reference: reference.to_owned(), platform: one.service.platform.clone() };
        Ok(Some(graph.add(pull, cause, Some(&one.name))))
    }

    fn build(&self, graph: &mut Graph, one: &Wanted, reference: &str, cause: Cause) -> Option<StepId> {
        let build = one.service.build.clone()?;
        let secrets: IndexMap<String, SecretSource> = build
            .secrets
            .iter()
            .filter_map(|wanted| {
                let id = wanted.target.clone().unwrap_or_else(|| wanted.source.clone());
                Some((id, self.environment.secrets.get(&wanted.source)?.clone()))
            })
            .collect();
        let mut image_labels = project_labels(self.environment, self.inputs);
        image_labels.insert(labels::SERVICE.to_owned(), one.name.clone());
        let platform = one.service.platform.clone().or_else(|| match build.platforms.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        });
        let operation = Operation::BuildImage {
            reference: reference.to_owned(),
            build: Box::new(build),
            platform,
            secrets,
            labels: image_labels,
        };
        Some(graph.add(operation, cause, Some(&one.name)))
    }
}

fn absent(one: &Wanted, reference: &str) -> PlanError {
    PlanError::ImageAbsent { service: one.name.clone(), reference: reference.to_owned() }
}

/// References whose images the planner has to know about, for one look at them.
pub fn references(environment: &Environment, options: &Options, inputs: &Inputs) -> Result<Vec<String>, PlanError> {
    let mut all: Vec<String> = Vec::new();
    for one in super::selection::select(environment, options)?.values() {
        let chain = match inputs.images.get(&one.name) {
            Some(chain) => chain.makers.iter().map(|maker| maker.reference().to_owned()).collect(),
            None => vec![own_image(environment, &one.name, one.service)?],
        };
        for reference in chain {
            if !all.contains(&reference) {
                all.push(reference);
            }
        }
    }
    Ok(all)
}
