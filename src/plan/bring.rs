//! Plans for a part of what `up` does: only the images, or one container of `run`.

use super::error::PlanError;
use super::graph::Graph;
use super::images::{self, Sources};
use super::operation::Operation;
use super::options::{Inputs, Options};
use super::selection;
use super::step::Plan;
use super::up::reconcile;
use crate::model::container::NetworkAttachment;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Observed;

/// Steps that bring the images of the services, and nothing else. A service without containers counts too.
pub fn bring(
    environment: &Environment,
    observed: &Observed,
    options: &Options,
    inputs: &Inputs,
) -> Result<Plan, PlanError> {
    let mut wanted = selection::select(environment, options)?;
    for one in wanted.values_mut().filter(|one| one.service.provider.is_none()) {
        one.replicas = one.replicas.max(1);
    }
    let mut graph = Graph::default();
    let made = images::emit(&mut graph, &Sources { environment, observed, options, inputs }, &wanted)?;
    let mut plan = graph.finish()?;
    plan.look_again = made.guessed;
    Ok(plan)
}

/// The container of one `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff {
    /// Its service, with whatever this run overrides already in the environment.
    pub service: String,
    /// The container's name.
    pub name: String,
    /// Hex digits that tell this run's container from others.
    pub slug: String,
    /// Others find it by the service's name too.
    pub use_aliases: bool,
}

/// Steps that make the container of one `run`, with the images, networks and volumes that it needs, and provision what it
/// mounts. It is not started, and what exists stays as it is.
pub fn one_off(
    environment: &Environment,
    observed: &Observed,
    options: &Options,
    inputs: &Inputs,
    wish: &OneOff,
) -> Result<Plan, PlanError> {
    let mut environment = environment.clone();
    let found = environment.services.get_mut(&wish.service).or_else(|| environment.disabled.get_mut(&wish.service));
    if let Some(service) = found {
        service.container_name = Some(wish.name.clone());
        service.scale = Some(1);
        // whoever runs it decides when it ends
        service.restart = None;
        if let Some(deploy) = &mut service.deploy {
            deploy.restart_policy = None;
        }
    }
    // the service's own containers are neither replaced nor counted
    let mut observed = observed.clone();
    for container in observed.containers.iter_mut().filter(|container| container.service() == wish.service) {
        container.labels.insert(labels::ONEOFF.to_owned(), "True".to_owned());
    }
    let options = Options {
        services: vec![wish.service.clone()],
        no_deps: true,
        no_start: true,
        prepare: true,
        keep_changed_volumes: true,
        ignore_orphans: true,
        remove_orphans: false,
        scale: indexmap::IndexMap::new(),
        ..options.clone()
    };
    let mut plan = reconcile(&environment, &observed, &options, inputs)?;
    for step in &mut plan.steps {
        match &mut step.operation {
            Operation::CreateContainer { spec, .. } if step.service.as_deref() == Some(&wish.service) => {
                spec.labels.insert(labels::ONEOFF.to_owned(), "True".to_owned());
                spec.labels.insert(labels::SLUG.to_owned(), wish.slug.clone());
                spec.networks.iter_mut().for_each(|network| wish.hide(network));
            }
            Operation::ConnectNetwork { network, .. } => wish.hide(network),
            _ => {}
        }
    }
    Ok(plan)
}

impl OneOff {
    /// Under the service's names others find its proper containers, unless asked for otherwise.
    fn hide(&self, network: &mut NetworkAttachment) {
        if !self.use_aliases {
            network.aliases.retain(|alias| *alias == self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::Build;
    use crate::model::name::ProjectName;
    use crate::model::resource::Network;
    use crate::model::service::Service;
    use crate::plan::Pull;

    fn environment() -> Environment {
        let mut environment = Environment {
            project: ProjectName::parse("shop").ok(),
            base_name: "shop".into(),
            working_dir: "/shop".into(),
            ..Environment::default()
        };
        let web = Service { build: Some(Build { context: "/shop".into(), ..Build::default() }), ..Service::default() };
        let db = Service { image: Some("db:1".into()), scale: Some(0), ..Service::default() };
        environment.services.insert("web".into(), web);
        environment.services.insert("db".into(), db);
        environment.networks.insert("default".into(), Network { name: "shop_default".into(), ..Network::default() });
        environment
    }

    #[test]
    fn only_images_are_brought_also_of_services_without_containers() {
        let options = Options { build: true, pull: Some(Pull::Always), ..Options::default() };
        let plan = bring(&environment(), &Observed::default(), &options, &Inputs::default()).unwrap();
        let subjects: Vec<String> = plan.steps.iter().map(|step| step.operation.subject()).collect();
        assert_eq!(subjects, ["Image shop-web", "Image db:1"]);
    }

    #[test]
    fn a_one_off_container_is_made_and_not_started_and_not_found_by_the_services_name() {
        let wish =
            OneOff { service: "web".into(), name: "shop-web-run-0a1b".into(), slug: "0a1b".into(), use_aliases: false };
        let plan =
            one_off(&environment(), &Observed::default(), &Options::default(), &Inputs::default(), &wish).unwrap();
        let made: Vec<_> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.operation {
                Operation::CreateContainer { spec, .. } => Some(spec),
                _ => None,
            })
            .collect();
        let [spec] = made.as_slice() else { panic!("{plan}") };
        assert_eq!(spec.name, "shop-web-run-0a1b");
        assert_eq!(spec.labels[labels::ONEOFF], "True");
        assert_eq!(spec.networks[0].aliases, ["shop-web-run-0a1b"]);
        assert!(!plan.steps.iter().any(|step| matches!(step.operation, Operation::StartContainer { .. })));
    }
}
