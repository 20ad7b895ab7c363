//! Images of a run: pulled, built, provisioned; once each, however many services share one.

use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use super::draft::own_image;
use super::error::PlanError;
use super::graph::Graph;
use super::operation::Operation;
use super::options::{ImageMaker, Inputs, Options, Pull};
use super::resources::project_labels;
use super::selection::{self, Wanted};
use super::step::{Cause, StepId};
use crate::model::build::Build;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Observed;
use crate::model::quantity::Span;
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
    for one in wanted.values().filter(|one| one.replicas > 0) {
        for reference in one.service.pre_start.iter().filter_map(|step| step.image.as_ref()) {
            if !images.made.contains_key(reference)
                && let Some(step) = sources.pull(graph, one, reference)?
            {
                images.made.insert(reference.clone(), step);
            }
        }
    }
    sources.order_builds(graph, wanted, &mut images)?;
    Ok(images)
}

impl Sources<'_> {
    /// `additional_contexts: {base: service:other}` builds the other first. An image that the run is about no further than
    /// that is built where it is missing, or where all images are built anew.
    fn order_builds(
        &self,
        graph: &mut Graph,
        wanted: &IndexMap<String, Wanted>,
        images: &mut Images,
    ) -> Result<(), PlanError> {
        let mut open: Vec<String> = wanted.keys().cloned().collect();
        while let Some(name) = open.pop() {
            let Some(service) = selection::service(self.environment, &name) else { continue };
            let Some(build) = &service.build else { continue };
            let Some(step) = images.made.get(&own_image(self.environment, &name, service)?).copied() else { continue };
            for (_, other) in build.services() {
                let Some(one) = only_its_image(self.environment, other) else { continue };
                let reference = own_image(self.environment, other, one.service)?;
                if !images.made.contains_key(&reference)
                    && let Some(made) = self.make(graph, &one, &ImageMaker::Service { reference: reference.clone() })?
                {
                    images.made.insert(reference.clone(), made);
                    open.push(other.to_owned());
                }
                graph.after(step, images.made.get(&reference).copied());
            }
        }
        Ok(())
    }

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

    /// Whether the policy's time has passed since the last pull. Where nobody knows when that was, it has, as in Compose.
    fn is_due(&self, reference: &str, policy: &str) -> bool {
        let (Some(interval), Some(image)) = (interval(policy), self.observed.images.get(reference)) else {
            return false;
        };
        image.tagged.is_none_or(|at| {
            let age = self.inputs.now.saturating_sub(at);
            u64::try_from(age).is_ok_and(|age| age >= interval.as_secs())
        })
    }

    fn service_image(
        &self,
        graph: &mut Graph,
        one: &Wanted,
        reference: &str,
        missing: bool,
    ) -> Result<Option<StepId>, PlanError> {
        if one.service.build.is_some() {
            let settled = self.options.images_settled;
            let policy = one.service.pull_policy.as_deref().unwrap_or("missing");
            let cause = match (missing, settled) {
                (true, _) => Cause::Missing,
                (false, true) => return Ok(None),
                (false, false) if self.options.build => Cause::Asked,
                (false, false) if policy == "build" => Cause::Policy,
                (false, false) => return Ok(None),
            };
            return Ok(self.build(graph, one, reference, cause));
        }
        self.pull(graph, one, reference)
    }

    /// The pull of an image of a service, where its policy says so.
    fn pull(&self, graph: &mut Graph, one: &Wanted, reference: &str) -> Result<Option<StepId>, PlanError> {
        let settled = self.options.images_settled;
        let policy = one.service.pull_policy.as_deref().unwrap_or("missing");
        let cause = match (!self.is_there(reference), self.options.pull) {
            (true, Some(Pull::Never)) => return Err(absent(one, reference)),
            (true, None) if policy == "never" => return Err(absent(one, reference)),
            (true, _) => Cause::Missing,
            (false, _) if settled => return Ok(None),
            (false, Some(Pull::Always)) => Cause::Asked,
            (false, None) if policy == "always" => Cause::Policy,
            (false, None) if self.is_due(reference, policy) => Cause::Policy,
            (false, _) => return Ok(None),
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
        let images = build.services().filter_map(|(context, other)| {
            let service = selection::service(self.environment, other)?;
            Some((context.to_owned(), own_image(self.environment, other, service).ok()?))
        });
        let images = images.collect();
        let mut image_labels = project_labels(self.environment, self.inputs);
        image_labels.insert(labels::SERVICE.to_owned(), one.name.clone());
        let platform = one.service.platform.clone().or_else(|| match build.platforms.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        });
        let operation = Operation::BuildImage {
            reference: reference.to_owned(),
            build: Box::new(build),
            images,
            platform,
            secrets,
            labels: image_labels,
        };
        Some(graph.add(operation, cause, Some(&one.name)))
    }
}

/// A service of which nothing is wanted but its image.
fn only_its_image<'a>(environment: &'a Environment, name: &str) -> Option<Wanted<'a>> {
    let service = selection::service(environment, name)?;
    let (name, dependencies) = (name.to_owned(), IndexMap::new());
    Some(Wanted { name, service, replicas: 0, dependencies, selected: false })
}

/// How often `daily`, `weekly` and `every_<duration>` pull.
fn interval(policy: &str) -> Option<Duration> {
    match policy {
        "daily" => Some(Duration::from_hours(24)),
        "weekly" => Some(Duration::from_hours(7 * 24)),
        other => other.strip_prefix("every_")?.parse::<Span>().ok().map(|span| span.0),
    }
}

fn absent(one: &Wanted, reference: &str) -> PlanError {
    PlanError::ImageAbsent { service: one.name.clone(), reference: reference.to_owned() }
}

/// References whose images the planner has to know about, for one look at them.
pub fn references(environment: &Environment, options: &Options, inputs: &Inputs) -> Result<Vec<String>, PlanError> {
    let mut all: Vec<String> = Vec::new();
    let wanted = selection::select(environment, options)?;
    let mut open: Vec<String> = wanted.into_keys().collect();
    open.reverse();
    let mut seen = IndexSet::new();
    while let Some(name) = open.pop() {
        let found = selection::service(environment, &name).filter(|service| service.provider.is_none());
        let Some(service) = found.filter(|_| seen.insert(name.clone())) else { continue };
        // what a build takes files from has to be known too
        open.extend(service.build.iter().flat_map(Build::services).map(|(_, other)| other.to_owned()));
        let chain = match inputs.images.get(&name) {
            Some(chain) => chain.makers.iter().map(|maker| maker.reference().to_owned()).collect(),
            None => vec![own_image(environment, &name, service)?],
        };
        let before = service.pre_start.iter().filter_map(|step| step.image.clone());
        for reference in chain.into_iter().chain(before) {
            if !all.contains(&reference) {
                all.push(reference);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::fake::Fake;
    use crate::driver::image::ImageDriver as _;
    use crate::model::service::Service;
    use crate::plan::{Options, Pull, bring};

    const DAY: i64 = 86_400;
    const NOW: i64 = 100 * DAY;

    /// Whether a service of this policy is pulled, when its image was tagged that long ago.
    async fn pulls(policy: &str, age: Option<i64>, flag: Option<Pull>) -> Option<Cause> {
        let mut environment = Environment::default();
        let (image, pull_policy) = (Some("db:1".to_owned()), Some(policy.to_owned()));
        environment.services.insert("db".into(), Service { image, pull_policy, ..Service::default() });
        let engine = Fake::default();
        engine.import("db:1", Box::new(tokio::io::empty()), &[]).await.unwrap();
        let mut image = engine.image("db:1").await.unwrap().unwrap();
        image.tagged = age.map(|age| NOW - age);
        let observed = Observed { images: [("db:1".to_owned(), image)].into_iter().collect(), ..Observed::default() };
        let (options, inputs) =
            (Options { pull: flag, ..Options::default() }, Inputs { now: NOW, ..Inputs::default() });
        let plan = bring(&environment, &observed, &options, &inputs).unwrap();
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
        plan.steps.first().map(|step| step.cause.clone())
    }

    /// `web` is built on `base`, which belongs to a profile that is not active.
    async fn on_a_base(base_is_there: bool, options: Options) -> Vec<String> {
        let built = |contexts: &[(&str, &str)]| Service {
            build: Some(Build {
                additional_contexts: contexts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
                ..Build::default()
            }),
            ..Service::default()
        };
        let mut environment = Environment { base_name: "shop".into(), ..Environment::default() };
        environment.services.insert("web".into(), built(&[("a", "service:base"), ("b", "target:base")]));
        environment.disabled.insert("base".into(), built(&[("c", "service:root")]));
        environment.disabled.insert("root".into(), built(&[]));
        let inputs = Inputs::default();
        let references = references(&environment, &options, &inputs).unwrap();
        assert_eq!(references.len(), 3, "{references:?}");
        let mut observed = Observed::default();
        if base_is_there {
            let engine = Fake::default();
            engine.import(&references[1], Box::new(tokio::io::empty()), &[]).await.unwrap();
            let image = engine.image(&references[1]).await.unwrap().unwrap();
            observed.images.insert(references[1].clone(), image);
        }
        let plan = bring(&environment, &observed, &options, &inputs).unwrap();
        for step in &plan.steps {
            if let Operation::BuildImage { images, reference, .. } = &step.operation
                && reference.ends_with("-web")
            {
                let own: Vec<_> = images.iter().map(|(name, image)| (name.as_str(), image.as_str())).collect();
                assert_eq!(own, [("a", references[1].as_str()), ("b", references[1].as_str())]);
            }
        }
        plan.steps.iter().map(|step| step.operation.subject()).collect()
    }

    #[tokio::test]
    async fn what_a_build_takes_files_from_is_built_before() {
        let missing = on_a_base(false, Options::default()).await;
        let ends: Vec<_> = missing.iter().filter_map(|subject| subject.rsplit('-').next()).collect();
        assert_eq!(ends, ["root", "base", "web"]);
        let there = on_a_base(true, Options::default()).await;
        assert_eq!(there.len(), 1, "what is there is not built again: {there:?}");
        assert_eq!(on_a_base(true, Options { build: true, ..Options::default() }).await.len(), 3);
    }

    #[tokio::test]
    async fn a_pull_is_due_when_the_policys_time_has_passed() {
        for (policy, interval) in [("daily", DAY), ("weekly", 7 * DAY), ("every_1d12h", DAY + DAY / 2)] {
            assert_eq!(pulls(policy, Some(interval - 1), None).await, None, "{policy}");
            assert_eq!(pulls(policy, Some(interval), None).await, Some(Cause::Policy), "{policy}");
            assert_eq!(pulls(policy, None, None).await, Some(Cause::Policy), "{policy}");
            assert_eq!(pulls(policy, Some(-DAY), None).await, None, "a clock that was set back");
        }
        assert_eq!(pulls("missing", Some(99 * DAY), None).await, None);
    }

    #[tokio::test]
    async fn a_flag_stands_above_the_policy() {
        assert_eq!(pulls("daily", Some(2 * DAY), Some(Pull::Missing)).await, None);
        assert_eq!(pulls("daily", Some(2 * DAY), Some(Pull::Never)).await, None);
        assert_eq!(pulls("daily", Some(1), Some(Pull::Always)).await, Some(Cause::Asked));
    }
}
