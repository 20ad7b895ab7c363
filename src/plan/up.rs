//! Reconciles what is wanted with what there is.

use std::collections::HashSet;

use super::decide::{self, Groups, Scene};
use super::emit::{Emitting, Placed};
use super::error::PlanError;
use super::graph::Graph;
use super::images::{self, Sources};
use super::options::{Inputs, Options};
use super::provide;
use super::resources;
use super::selection;
use super::start::Starting;
use super::step::Plan;
use crate::driver::{Unhonoured, unhonoured, unhonoured_network};
use crate::model::environment::Environment;
use crate::model::observed::{Container, Observed, State};

/// The steps that make the world what the environment says.
///
/// Where a pull or build decides about containers that exist, the plan holds the image steps only and says so
/// ([`Plan::look_again`]).
pub fn reconcile(
    environment: &Environment,
    observed: &Observed,
    options: &Options,
    inputs: &Inputs,
) -> Result<Plan, PlanError> {
    let scene = Scene { environment, observed, options, inputs };
    let wanted = selection::select(environment, options)?;
    let mut graph = Graph::default();
    let sources = Sources { environment, observed, options, inputs };
    let images = images::emit(&mut graph, &sources, &wanted)?;
    let models = provide::serve(&mut graph, &scene, &wanted);
    let (wanted, is_last) = provide::round(inputs, wanted);
    let groups = decide::groups(&scene, wanted)?;
    warn_of_the_impossible(environment, &groups, inputs, &mut graph);
    if images.guessed || decides_about_existing(&groups, &images) || describes_workplace(&scene, &images) {
        let mut plan = graph.finish()?;
        plan.look_again = true;
        return Ok(plan);
    }
    // what the last round does, no other needs to
    let orphans = if is_last { orphans(&scene, &mut graph) } else { Vec::new() };
    let touched = touched(&groups, &orphans);
    let drafts = || groups.values().flat_map(|group| &group.slots).map(|slot| &slot.draft.spec);
    let networks = resources::networks(
        environment,
        observed,
        options,
        &|name| {
            environment.all_resources
                || drafts().any(|spec| spec.networks.iter().any(|network| network.network == name))
        },
        &|name| {
            blocking(observed, &touched, |container| container.is_up() && container.networks.iter().any(|n| n == name))
        },
        &mut graph,
    )?;
    let volumes = resources::volumes(
        environment,
        observed,
        options,
        &|name| {
            environment.all_resources
                || drafts().any(|spec| spec.mounts.iter().any(|mount| mount.source.as_deref() == Some(name)))
        },
        &|name| blocking(observed, &touched, |container| container.mounts.iter().any(|mount| mount.source == name)),
        &mut graph,
    )?;
    let groups = decide::decide(&scene, groups, &networks, &volumes)?;
    let emitting = Emitting { scene: &scene, groups: &groups, networks: &networks, volumes: &volumes, images: &images };
    let mut cleared = emitting.clear(&mut graph, &orphans);
    let mut places = emitting.stops(&mut graph);
    emitting.evict(&mut graph, &places, &mut cleared);
    let stops: Vec<_> =
        places.values().flatten().filter_map(|placed: &Placed| placed.stop.map(|(_, last)| last)).collect();
    let free: Vec<_> = stops.into_iter().chain(cleared.freed.iter().map(|(_, step)| *step)).collect();
    let made =
        resources::emit(&mut graph, environment, inputs, &networks, (&volumes, options.fresh_data), &|_| free.clone());
    emitting.create(&mut graph, &mut places, &cleared, &made);
    Starting { emitting: &emitting, cleared: &cleared, models: &models, is_last }.emit(&mut graph, &mut places)?;
    let mut plan = graph.finish()?;
    plan.look_again = !is_last;
    Ok(plan)
}

/// Says which keys this engine leaves without effect, once per service and network.
fn warn_of_the_impossible(environment: &Environment, groups: &Groups, inputs: &Inputs, graph: &mut Graph) {
    let Some(features) = &inputs.features else { return };
    let engine = format!("{:?} {}", features.kind, features.version);
    let mut say = |who: &str, found: Vec<Unhonoured>| {
        for Unhonoured { key, needs } in found {
            graph.warn(format!("{who}: `{key}` has no effect on {engine}: it needs {needs}"));
        }
    };
    for (name, group) in groups {
        let Some(slot) = group.slots.first() else { continue };
        say(&format!("service {name}"), unhonoured(&slot.draft.spec, features));
    }
    for (key, network) in environment.networks.iter().filter(|(_, network)| !network.external) {
        say(&format!("network {key}"), unhonoured_network(network, features));
    }
}

/// A dev container's image says how its container is to be made: it has to be there before.
fn describes_workplace(scene: &Scene, images: &images::Images) -> bool {
    let Some(development) = &scene.environment.development else { return false };
    let Some(service) = scene.environment.services.get(&development.service) else { return false };
    let own = super::draft::own_image(scene.environment, &development.service, service);
    !scene.options.images_settled && own.is_ok_and(|reference| images.made.contains_key(&reference))
}

/// An image that is pulled or built may be the one the existing container was made from, or not.
fn decides_about_existing(groups: &Groups, images: &images::Images) -> bool {
    groups.values().any(|group| {
        group.slots.iter().any(|slot| slot.current.is_some() && images.made.contains_key(&slot.draft.spec.image))
    })
}

/// Containers of services that the spec has not; removed if that was asked for, else said. What `run` left behind, once it
/// ended, goes with them.
fn orphans<'a>(scene: &Scene<'a>, graph: &mut Graph) -> Vec<&'a Container> {
    let orphans: Vec<&Container> = scene
        .observed
        .containers
        .iter()
        .filter(|container| !container.oneoff() && !container.service().is_empty())
        .filter(|container| selection::service(scene.environment, container.service()).is_none())
        .collect();
    if scene.options.remove_orphans {
        let ended = |one: &&Container| one.oneoff() && matches!(one.state, State::Exited | State::Dead);
        return orphans.into_iter().chain(scene.observed.containers.iter().filter(ended)).collect();
    }
    if !orphans.is_empty() && !scene.options.ignore_orphans {
        let names: Vec<&str> = orphans.iter().map(|container| container.name.as_str()).collect();
        graph.warn(format!(
            "containers of services that are not in the spec: {}; `--remove-orphans` removes them",
            names.join(", ")
        ));
    }
    Vec::new()
}

/// Ids of the containers that this run may stop and remove.
fn touched<'a>(groups: &Groups<'a>, orphans: &[&'a Container]) -> HashSet<&'a str> {
    let slots = groups.values().flat_map(|group| &group.slots);
    let own = slots.flat_map(|slot| slot.current.into_iter().chain(slot.leftovers.iter().copied()));
    let surplus = groups.values().flat_map(|group| group.surplus.iter().copied());
    own.chain(surplus).chain(orphans.iter().copied()).map(|container| container.id.as_str()).collect()
}

fn blocking(observed: &Observed, touched: &HashSet<&str>, uses: impl Fn(&Container) -> bool) -> Vec<String> {
    let others = observed.containers.iter().filter(|container| !touched.contains(container.id.as_str()));
    others.filter(|container| uses(container)).map(|container| container.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::container::ContainerDriver as _;
    use crate::driver::fake::Fake;
    use crate::model::service::Service;

    #[test]
    fn keys_without_effect_are_named_with_their_service() {
        let service: Service = serde_json::from_value(serde_json::json!({
            "image": "web:1", "scale": 2, "annotations": {"a": "b"},
            "volumes": [{"type": "volume", "target": "/x", "volume": {"subpath": "y"}}]
        }))
        .unwrap();
        let mut environment = Environment::default();
        environment.services.insert("web".into(), service);
        let warnings = |engine: &Fake| {
            let inputs = Inputs { features: Some(engine.features().clone()), ..Inputs::default() };
            reconcile(&environment, &Observed::default(), &Options::default(), &inputs).unwrap().warnings
        };
        assert!(warnings(&Fake::new()).is_empty());
        let old = Fake::new().with_features(|features| {
            features.annotations = false;
            features.volume_subpath = false;
        });
        assert_eq!(
            warnings(&old),
            [
                "service web: `annotations` has no effect on Fake 1.0: it needs Docker 24",
                "service web: `volumes[/x].volume.subpath` has no effect on Fake 1.0: it needs Docker 26",
            ]
        );
    }
}
