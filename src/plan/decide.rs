//! Decides container by container what happens to it: made, replaced, started, or left alone.

use std::sync::Arc;

use indexmap::IndexMap;

use super::draft::{Draft, Drafting};
use super::error::PlanError;
use super::hash;
use super::inside::Judging;
use super::options::{Inputs, Options};
use super::provide;
use super::resources::{Resources, Standing as ResourceStanding};
use super::selection::{Wanted, joined_services};
use super::slots::{self, Fate, Slot, Standing};
use super::step::Cause;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::mount::MountKind;
use crate::model::observed::{Container, Observed, State};
use crate::model::resource::{Network, Volume};
use crate::model::service::Condition;

/// Everything of one service: its wanted containers, and those that are too many.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) slots: Vec<Slot<'a>>,
    /// Highest number first.
    pub(super) surplus: Vec<&'a Container>,
}

impl Group<'_> {
    /// Dependants that were joined to it, or asked to be restarted with it, have to be.
    fn interrupts_dependants(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_made() || slot.restart.is_some())
    }

    /// It comes up anew, so that a namespace shared with it is another one.
    fn begins_anew(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_made() || slot.start)
    }
}

/// Groups by service, dependencies first.
pub(super) type Groups<'a> = IndexMap<String, Group<'a>>;

/// What the decision looks at.
pub(super) struct Scene<'a> {
    pub(super) environment: &'a Environment,
    pub(super) observed: &'a Observed,
    pub(super) options: &'a Options,
    pub(super) inputs: &'a Inputs,
}

/// Drafts of every wanted container, with what there is of it.
pub(super) fn groups<'a>(scene: &Scene<'a>, wanted: IndexMap<String, Wanted<'a>>) -> Result<Groups<'a>, PlanError> {
    let replicas: IndexMap<String, u32> = wanted.iter().map(|(name, one)| (name.clone(), one.replicas)).collect();
    let drafting = Drafting {
        environment: scene.environment,
        inputs: scene.inputs,
        replicas: &|name| replicas.get(name).copied().unwrap_or(1),
    };
    let mut groups = Groups::new();
    for (name, one) in wanted {
        let shared = Arc::new(one.service.clone());
        let mut standing = slots::standing(scene.environment, scene.observed, &name);
        let existing = standing.iter().filter(|(_, standing)| standing.current.is_some()).map(|(number, _)| *number);
        let numbers = slots::numbers(existing.collect::<Vec<_>>().into_iter(), one.replicas);
        let mut group = Group { wanted: one, slots: Vec::new(), surplus: Vec::new() };
        for number in numbers {
            let there = standing.remove(&number).unwrap_or(Standing { current: None, leftovers: Vec::new() });
            group.slots.push(Slot {
                number,
                draft: Arc::new(drafting.container(&group.wanted, &shared, number)?),
                hash: String::new(),
                current: there.current,
                leftovers: there.leftovers,
                fate: Fate::Keep,
                start: false,
                restart: None,
            });
        }
        for there in standing.into_values().rev() {
            group.surplus.extend(there.current.into_iter().chain(there.leftovers));
        }
        groups.insert(name, group);
    }
    Ok(groups)
}

/// Gives every slot its hash and fate.
pub(super) fn decide<'a>(
    scene: &Scene<'a>,
    groups: Groups<'a>,
    networks: &Resources<'a, Network>,
    volumes: &Resources<'a, Volume>,
) -> Result<Groups<'a>, PlanError> {
    let mut decided = Groups::new();
    for (name, mut group) in groups {
        let judge = Judge { scene, before: &decided, networks, volumes, wanted: &group.wanted };
        for slot in &mut group.slots {
            slot.hash = judge.hash(&slot.draft);
            slot.fate = judge.fate(slot)?;
            judge.start(slot);
        }
        decided.insert(name, group);
    }
    spare_completed_jobs(&mut decided);
    if scene.options.no_start {
        for slot in decided.values_mut().flat_map(|group| &mut group.slots) {
            slot.start = false;
            slot.restart = None;
        }
    }
    Ok(decided)
}

/// A job that ended well with the same configuration runs again only if somebody who waits for it comes up.
/// (Compose runs it at every `up`; then no second `up` could be without effect.)
fn spare_completed_jobs(groups: &mut Groups) {
    for index in (0..groups.len()).rev() {
        let Some((name, group)) = groups.get_index(index) else { continue };
        let mut waiting = groups
            .values()
            .filter(|other| {
                other
                    .wanted
                    .dependencies
                    .get(name)
                    .is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
            })
            .peekable();
        let awaited = waiting.peek().is_some();
        let needed = waiting.any(|other| other.slots.iter().any(|slot| slot.start));
        let done = group.slots.iter().all(|slot| !slot.is_made() && slot.current.is_some_and(slots::completed));
        if awaited && !needed && done {
            for slot in &mut groups[index].slots {
                slot.start = false;
            }
        }
    }
}

struct Judge<'s, 'a> {
    scene: &'s Scene<'a>,
    /// Groups of services before this one, decided already.
    before: &'s Groups<'a>,
    networks: &'s Resources<'a, Network>,
    volumes: &'s Resources<'a, Volume>,
    wanted: &'s Wanted<'a>,
}

impl Judge<'_, '_> {
    fn hash(&self, draft: &Draft) -> String {
        let mut below: Vec<String> = draft
            .spec
            .networks
            .iter()
            .filter_map(|network| self.networks.get(&network.network).map(|network| network.hash.clone()))
            .collect();
        for (_, _, other) in &draft.joins {
            let partner = match self.before.get(other) {
                Some(group) => group.slots.first().map(|slot| slot.hash.clone()),
                // this run leaves it as it is
                None => existing(self.scene, other).map(|current| current.label(labels::HASH).to_owned()),
            };
            below.push(partner.unwrap_or_default());
        }
        let digests = self.scene.inputs.file_digests.iter();
        let used = |key: &str| {
            let service = self.wanted.service;
            service.secrets.iter().chain(&service.configs).any(|reference| reference.source == key)
        };
        let digests: Vec<String> =
            digests.filter(|(key, _)| used(key)).map(|(key, digest)| format!("{key} {digest}")).collect();
        hash::container(draft, &below, &digests)
    }

    fn fate(&self, slot: &Slot) -> Result<Fate, PlanError> {
        let joined = self.joined_ids(slot)?;
        let Some(current) = slot.current else { return Ok(Fate::Create) };
        Ok(self.reason(slot, current, joined.as_deref()).map_or(Fate::Keep, Fate::Recreate))
    }

    /// Why a container is replaced, if it is.
    fn reason(&self, slot: &Slot, current: &Container, joined: Option<&str>) -> Option<Cause> {
        if matches!(current.state, State::Dead | State::Removing) {
            return Some(Cause::Dead);
        }
        let options = self.scene.options;
        if !options.no_recreate {
            let forced = if self.wanted.selected { options.force_recreate } else { options.always_recreate_deps };
            if forced {
                return Some(Cause::Asked);
            }
            match current.labels.get(labels::HASH) {
                None => return Some(Cause::MadeByCompose),
                Some(hash) if *hash != slot.hash => return Some(Cause::Changed),
                Some(_) => {}
            }
            if provide::differs(slot.draft.provided.as_ref(), current) {
                return Some(Cause::ProvidedOtherwise);
            }
        }
        if let Some(resource) = self.replaced_resource(slot, current) {
            return Some(Cause::UsesReplaced { resource });
        }
        if let Some(service) = self.left_partner(slot, current, joined) {
            return Some(Cause::DependencyReplaced { service });
        }
        if options.no_recreate {
            return None;
        }
        let image = self.scene.observed.images.get(&slot.draft.spec.image)?;
        let made_from = Some(current.label(labels::IMAGE)).filter(|id| !id.is_empty()).unwrap_or(&current.image_id);
        (image.id != made_from).then_some(Cause::ImageChanged)
    }

    /// A network or volume of the container that is made anew by this plan, or was since the container was made.
    fn replaced_resource(&self, slot: &Slot, current: &Container) -> Option<String> {
        let spec = &slot.draft.spec;
        for attachment in &spec.networks {
            let name = &attachment.network;
            let gone = self.networks.get(name).is_some_and(|network| network.standing != ResourceStanding::Stays);
            let present = self.scene.observed.networks.iter().find(|network| network.name == *name);
            let stale = match (current.network_ids.get(name), present) {
                (Some(id), Some(present)) => !id.is_empty() && *id != present.id,
                _ => false,
            };
            if gone || stale {
                return Some(format!("network {name}"));
            }
        }
        let replaced = |name: &str| {
            self.volumes.get(name).is_some_and(|volume| matches!(volume.standing, ResourceStanding::Replaced(_)))
        };
        let mounts = spec.mounts.iter().filter(|mount| mount.kind == MountKind::Volume);
        let wanted = mounts.filter_map(|mount| mount.source.as_deref());
        let present = current.mounts.iter().map(|mount| mount.source.as_str());
        wanted.chain(present).find(|name| replaced(name)).map(|name| format!("volume {name}"))
    }

    /// A service whose namespace or volumes it shares, and which is another container now.
    fn left_partner(&self, slot: &Slot, current: &Container, joined: Option<&str>) -> Option<String> {
        let remade = slot.draft.joins.iter().find(|(_, _, other)| {
            self.before.get(other).and_then(|group| group.slots.first()).is_some_and(Slot::is_made)
        });
        if let Some((_, _, other)) = remade {
            return Some(other.clone());
        }
        // a container of Docker Compose has no such label, and is replaced for that reason anyway
        let expected = joined?;
        let known = current.labels.get(labels::JOINED)?;
        let (_, _, other) = slot.draft.joins.first()?;
        (known != expected).then(|| other.clone())
    }

    /// Ids of the containers it joins, as on its label; `None` where one of them is yet to be made.
    fn joined_ids(&self, slot: &Slot) -> Result<Option<String>, PlanError> {
        let mut ids: Vec<&str> = Vec::new();
        let mut known = true;
        for (_, field, other) in &slot.draft.joins {
            let partner = match self.before.get(other) {
                Some(group) => group.slots.first().map(|slot| slot.current),
                None => Some(existing(self.scene, other)),
            };
            match partner {
                Some(Some(current)) => ids.push(&current.id),
                // its group makes it
                Some(None) if self.before.contains_key(other) => known = false,
                _ => {
                    return Err(PlanError::NothingToJoin {
                        service: self.wanted.name.clone(),
                        field,
                        other: other.clone(),
                    });
                }
            }
        }
        Ok(known.then(|| ids.join(",")))
    }

    /// Whether it is started, and why a running one is restarted.
    fn start(&self, slot: &mut Slot) {
        let Some(current) = slot.current.filter(|_| !slot.is_made()) else {
            slot.start = true;
            return;
        };
        slot.start = matches!(current.state, State::Created | State::Exited | State::Paused);
        if !current.is_up() {
            return;
        }
        let joined = joined_services(self.wanted.service);
        let shares = |name: &str| joined.iter().any(|(_, other)| *other == name);
        let because = self.wanted.dependencies.iter().find(|(name, dependency)| {
            self.before.get(*name).is_some_and(|group| {
                (dependency.restart && group.interrupts_dependants()) || (shares(name) && group.begins_anew())
            })
        });
        let judging = Judging { scene: self.scene, volumes: self.volumes };
        if let Some((service, _)) = because {
            slot.restart = Some(Cause::DependencyReplaced { service: service.clone() });
            slot.start = true;
        } else if !self.scene.options.no_recreate && !judging.due(&self.wanted.name, slot).is_empty() {
            // its result must not change under the feet of what runs
            slot.restart = Some(Cause::ProvisionDue);
            slot.start = true;
        }
    }
}

/// The container of a service outside the run that others may join.
pub(super) fn existing<'a>(scene: &Scene<'a>, service: &str) -> Option<&'a Container> {
    slots::standing(scene.environment, scene.observed, service).into_values().find_map(|standing| standing.current)
}
