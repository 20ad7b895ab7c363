//! Turns decisions about containers into steps.
//!
//! Replacing a container, so that a crash between any two steps loses nothing:
//! ```text
//! create NAME_devup_new ─▶ fill, connect ─▶ stop NAME ─▶ rename NAME to NAME_devup_old
//!   ─▶ rename NAME_devup_new to NAME ─▶ remove NAME_devup_old (its anonymous volumes are NAME's by now) ─▶ start NAME
//! ```
//! Where a network or volume is made anew, old containers have to go first: every container is then stopped early, and
//! one with anonymous volumes hands them to a keeper, which is never started, until its successor is there.

use indexmap::IndexMap;

use super::decide::{Group, Groups, Scene};
use super::graph::Graph;
use super::images::Images;
use super::make::Maker;
use super::operation::{ContainerTarget, HookMoment, Operation};
use super::resources::{Resources, Standing};
use super::slots::Fate;
use super::step::{Cause, Risk, StepId};
use crate::driver::container::AnonymousVolumes;
use crate::model::observed::{Container, State};
use crate::model::resource::{Network, Volume};

/// Where the steps for one slot stand.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The container, under its proper name.
    pub(super) target: ContainerTarget,
    /// After these it is complete and carries its name; empty: it does so already.
    pub(super) ready: Vec<StepId>,
    /// First and last step of stopping the container that was there.
    pub(super) stop: Option<(StepId, StepId)>,
    /// After this the successor of a container that is replaced lacks nothing but the name.
    pub(super) complete: Option<StepId>,
    /// The step that makes it.
    pub(super) made: Option<StepId>,
    /// After these it runs (hooks included); empty: it does so already, or is not started.
    pub(super) started: Vec<StepId>,
}

/// Slots by service.
pub(super) type Places = IndexMap<String, Vec<Placed>>;

/// What emitting looks at.
pub(super) struct Emitting<'s, 'a> {
    pub(super) scene: &'s Scene<'a>,
    pub(super) groups: &'s Groups<'a>,
    pub(super) networks: &'s Resources<'a, Network>,
    pub(super) volumes: &'s Resources<'a, Volume>,
    pub(super) images: &'s Images,
}

/// Steps that stop and remove containers, before anything is made.
#[derive(Debug, Default)]
pub(super) struct Cleared {
    /// Removals of left-over containers, by name.
    pub(super) removed: IndexMap<String, StepId>,
    /// `(container id, its last step)` of everything that gives up its ports and volumes.
    pub(super) freed: Vec<(String, StepId)>,
    /// Containers that have to go before their successors can be made, by id.
    pub(super) evicted: IndexMap<String, Evicted>,
}

/// A container that went before its successor was made.
#[derive(Debug)]
pub(super) struct Evicted {
    /// Its removal.
    pub(super) removed: StepId,
    /// Creation and name of the container that holds its anonymous volumes meanwhile.
    pub(super) keeper: Option<(StepId, String)>,
}

impl Emitting<'_, '_> {
    /// A network or volume is made anew: containers are stopped before their successors are made.
    pub(super) fn early(&self) -> bool {
        let replaced = |standing: &Standing| matches!(standing, Standing::Replaced(_));
        self.networks.values().any(|network| replaced(&network.standing))
            || self.volumes.values().any(|volume| replaced(&volume.standing))
    }

    /// The old container has to be gone before its successor can be made: it holds a volume that is made anew.
    fn holds_replaced_volume(&self, current: &Container) -> bool {
        current.mounts.iter().any(|mount| {
            self.volumes.get(&mount.source).is_some_and(|volume| matches!(volume.standing, Standing::Replaced(_)))
        })
    }

    /// Removes what interrupted runs left, what is more than wanted, and what has no service.
    pub(super) fn clear(&self, graph: &mut Graph, orphans: &[&Container]) -> Cleared {
        let mut cleared = Cleared::default();
        for (name, group) in self.groups {
            for leftover in group.slots.iter().flat_map(|slot| &slot.leftovers) {
                let remove = remove(graph, leftover, &leftover.name, Cause::Leftover, Some(name));
                cleared.removed.insert(leftover.name.clone(), remove);
                cleared.freed.push((leftover.id.clone(), remove));
            }
            for surplus in &group.surplus {
                let stop = self.stop(graph, group, surplus, &Cause::Surplus);
                let remove = remove(graph, surplus, &surplus.name, Cause::Surplus, Some(name));
                graph.after(remove, stop.map(|(_, last)| last));
                cleared.removed.insert(surplus.name.clone(), remove);
                cleared.freed.push((surplus.id.clone(), remove));
            }
        }
        for orphan in orphans {
            let grace = self.scene.options.grace;
            let stop = orphan.is_up().then(|| stop_step(graph, orphan, grace, Cause::Orphan, None));
            let remove = remove(graph, orphan, &orphan.name, Cause::Orphan, None);
            graph.after(remove, stop);
            cleared.removed.insert(orphan.name.clone(), remove);
            cleared.freed.push((orphan.id.clone(), remove));
        }
        cleared
    }

    /// Stops a running container, after its `pre_stop` hooks. Returns the first and the last step.
    fn stop(&self, graph: &mut Graph, group: &Group, current: &Container, cause: &Cause) -> Option<(StepId, StepId)> {
        if !current.is_up() {
            return None;
        }
        let name = group.wanted.name.as_str();
        let mut steps = Vec::new();
        if current.state == State::Paused {
            let unpause = Operation::UnpauseContainer { container: target(current) };
            steps.push(graph.add(unpause, cause.clone(), Some(name)));
        }
        for hook in &group.wanted.service.pre_stop {
            let run = Operation::RunHook {
                container: target(current),
                moment: HookMoment::PreStop,
                hook: hook.clone(),
                mark: None,
            };
            steps.push(graph.add(run, cause.clone(), Some(name)));
        }
        steps.push(stop_step(graph, current, self.scene.options.grace, cause.clone(), Some(name)));
        for pair in steps.windows(2) {
            // a hook that fails does not keep a container alive
            graph.follows(pair[1], [pair[0]]);
        }
        Some((steps[0], steps[steps.len() - 1]))
    }

    /// Stops of everything that is replaced or restarted; dependants first where they go down with their dependency.
    pub(super) fn stops(&self, graph: &mut Graph) -> Places {
        let mut places = Places::new();
        for (name, group) in self.groups {
            let placed = group.slots.iter().map(|slot| {
                let current = slot.current;
                let stops = slot.restart.is_some() || (slot.is_made() && current.is_some());
                let stop = match current {
                    Some(current) if stops && current.state != State::Removing => {
                        self.stop(graph, group, current, &slot.cause())
                    }
                    _ => None,
                };
                let proper = slot.draft.spec.name.clone();
                let id = current.map_or_else(String::new, |current| current.id.clone());
                Placed {
                    target: ContainerTarget::Existing { id, name: proper },
                    ready: Vec::new(),
                    stop,
                    complete: None,
                    made: None,
                    started: Vec::new(),
                }
            });
            places.insert(name.clone(), placed.collect());
        }
        for (name, group) in self.groups {
            for (other, dependency) in &group.wanted.dependencies {
                let Some(others) = places.get(other) else { continue };
                if !dependency.restart {
                    continue;
                }
                for own in places[name].iter().filter_map(|placed| placed.stop) {
                    for theirs in others.iter().filter_map(|placed| placed.stop) {
                        graph.after(theirs.0, [own.1]);
                    }
                }
            }
        }
        places
    }

    /// Removes the containers that hold a volume which is made anew.
    pub(super) fn evict(&self, graph: &mut Graph, places: &Places, cleared: &mut Cleared) {
        let made = IndexMap::new();
        for (name, group) in self.groups {
            for (slot, placed) in group.slots.iter().zip(&places[name]) {
                let (Fate::Recreate(cause), Some(current)) = (&slot.fate, slot.current) else { continue };
                if !self.holds_replaced_volume(current) {
                    continue;
                }
                let maker = Maker { emitting: self, group, slot, made: &made, cleared };
                let evicted = maker.evict(graph, current, placed.stop.map(|(_, last)| last), cause);
                cleared.freed.push((current.id.clone(), evicted.removed));
                cleared.evicted.insert(current.id.clone(), evicted);
            }
        }
    }

    /// Makes what is missing or replaced.
    pub(super) fn create(
        &self,
        graph: &mut Graph,
        places: &mut Places,
        cleared: &Cleared,
        made: &IndexMap<String, StepId>,
    ) {
        for (name, group) in self.groups {
            for (index, slot) in group.slots.iter().enumerate() {
                let maker = Maker { emitting: self, group, slot, made, cleared };
                let mut placed = places[name][index].clone();
                match (&slot.fate, slot.current) {
                    (Fate::Keep, Some(current)) => maker.keep(graph, &mut placed, current),
                    (Fate::Recreate(cause), Some(current)) => {
                        maker.replace(graph, places, &mut placed, current, cause);
                    }
                    _ => maker.fresh(graph, places, &mut placed),
                }
                places[name][index] = placed;
            }
        }
        self.restart_before_made(graph, places);
        if !self.early() {
            stop_late(graph, places);
        }
    }

    /// A dependant that is restarted with its dependency is stopped before another takes the dependency's place: should
    /// the run be interrupted in between, the next one finds it stopped.
    fn restart_before_made(&self, graph: &mut Graph, places: &Places) {
        for (name, group) in self.groups {
            for (slot, placed) in group.slots.iter().zip(&places[name]) {
                let (Some(Cause::DependencyReplaced { service }), Some((_, stop))) = (&slot.restart, placed.stop)
                else {
                    continue;
                };
                for other in places.get(service).into_iter().flatten() {
                    graph_after_if(graph, other.made, stop);
                }
            }
        }
    }
}

/// A container that is replaced runs until its successor is complete, so that it is away for as short as possible. Not
/// where the successor waits for this very stop: it may join a container whose dependants (this one, or one that goes
/// down after this one) are to be stopped before that is made.
fn stop_late(graph: &mut Graph, places: &Places) {
    for placed in places.values().flatten() {
        if let (Some((first, _)), Some(complete)) = (placed.stop, placed.complete)
            && !graph.comes_after(complete, first)
        {
            graph.after(first, [complete]);
        }
    }
}

fn graph_after_if(graph: &mut Graph, step: Option<StepId>, needed: StepId) {
    if let Some(step) = step {
        graph.after(step, [needed]);
    }
}

/// A container that is there, by its present name.
pub(super) fn target(container: &Container) -> ContainerTarget {
    ContainerTarget::Existing { id: container.id.clone(), name: container.name.clone() }
}

/// Stops a container.
pub(super) fn stop_step(
    graph: &mut Graph,
    container: &Container,
    grace: Option<std::time::Duration>,
    cause: Cause,
    service: Option<&str>,
) -> StepId {
    let stop = graph.add(Operation::StopContainer { container: target(container), grace }, cause, service);
    graph.risk(stop, Risk::Interrupts);
    stop
}

/// Removes a container; its anonymous volumes stay.
pub(super) fn remove(
    graph: &mut Graph,
    container: &Container,
    name: &str,
    cause: Cause,
    service: Option<&str>,
) -> StepId {
    let container = target(container).named(name);
    graph.add(Operation::RemoveContainer { container, volumes: AnonymousVolumes::Keep }, cause, service)
}
