//! Which containers stand for which number of a service, and what to do with each.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::Draft;
use super::step::Cause;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::{Container, Observed, State};

/// Ends the name of a container that is not complete yet: never started, nothing in it to lose.
pub(super) const NEW: &str = "_devup_new";
/// Ends the name of a container whose successor is complete.
pub(super) const OLD: &str = "_devup_old";
/// Ends the name of a container in which a provisioning step runs.
pub(super) const PROVISION: &str = "_devup_provision";
/// Ends the name of a container in which a step before the start runs.
pub(super) const BEFORE: &str = "_devup_before";

/// What happens to a slot's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// There is none.
    Create,
    /// There is one, and another takes its place.
    Recreate(Cause),
    /// It stays.
    Keep,
}

/// One wanted container of a service.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    /// Number within the service.
    pub(super) number: u32,
    /// As wanted.
    pub(super) draft: Arc<Draft>,
    /// Hash of what is wanted.
    pub(super) hash: String,
    /// What there is.
    pub(super) current: Option<&'a Container>,
    /// Other containers of the same number, left behind by interrupted runs.
    pub(super) leftovers: Vec<&'a Container>,
    /// What happens to it.
    pub(super) fate: Fate,
    /// It is to be started (or unfrozen).
    pub(super) start: bool,
    /// It runs, stays, and is stopped and started for this reason.
    pub(super) restart: Option<Cause>,
}

impl Slot<'_> {
    /// Another container takes the place of one that was, or of none.
    pub(super) fn is_made(&self) -> bool {
        self.fate != Fate::Keep
    }

    /// It is frozen, and nothing more than that is to be changed.
    pub(super) fn thaws(&self) -> bool {
        let frozen = self.current.is_some_and(|current| current.state == State::Paused);
        self.start && self.restart.is_none() && self.fate == Fate::Keep && frozen
    }

    /// Why it is made, or started.
    pub(super) fn cause(&self) -> Cause {
        match (&self.fate, &self.restart, self.current.map(|current| current.state)) {
            (Fate::Create, ..) => Cause::Missing,
            (Fate::Recreate(cause), ..) | (Fate::Keep, Some(cause), _) => cause.clone(),
            (Fate::Keep, None, Some(State::Paused)) => Cause::Paused,
            (Fate::Keep, None, _) => Cause::NotRunning,
        }
    }
}

/// Containers of a service by number: the current one, and what interrupted runs left.
pub(super) struct Standing<'a> {
    pub(super) current: Option<&'a Container>,
    pub(super) leftovers: Vec<&'a Container>,
}

/// Sorts out the containers of one service.
///
/// Re-creation goes: make the new one as `…_devup_new`, stop the old one, rename it to `…_devup_old`, give the new one
/// the proper name, remove the old one. So what carries the proper name is current; where nothing does, the oldest of
/// those that are complete is. Everything else is left over.
pub(super) fn standing<'a>(
    environment: &Environment,
    observed: &'a Observed,
    service: &str,
) -> BTreeMap<u32, Standing<'a>> {
    let mut groups: BTreeMap<u32, Vec<&Container>> = BTreeMap::new();
    for container in &observed.containers {
        if container.service() == service && !container.oneoff() && container.number() > 0 {
            groups.entry(container.number()).or_default().push(container);
        }
    }
    groups
        .into_iter()
        .map(|(number, group)| {
            let proper = environment.container_name(service, number);
            let current = group.iter().find(|container| container.name == proper).copied().or_else(|| {
                let complete = group.iter().filter(|container| !is_incomplete(container));
                complete.min_by_key(|container| (container.created, container.id.as_str())).copied()
            });
            let leftovers = group
                .into_iter()
                .filter(|container| current.is_none_or(|current| current.id != container.id))
                .collect();
            (number, Standing { current, leftovers })
        })
        .collect()
}

fn is_incomplete(container: &Container) -> bool {
    [NEW, PROVISION, BEFORE].iter().any(|end| container.name.ends_with(end))
}

/// Numbers that a service of `replicas` containers should have: those that exist first, lowest first, then the free ones.
pub(super) fn numbers(existing: impl Iterator<Item = u32>, replicas: u32) -> Vec<u32> {
    let mut existing: Vec<u32> = existing.collect();
    existing.sort_unstable();
    let mut numbers: Vec<u32> = existing.iter().copied().take(replicas as usize).collect();
    let mut free = (1..).filter(|number| !existing.contains(number));
    while numbers.len() < replicas as usize {
        // there are more numbers than containers
        numbers.extend(free.next());
    }
    numbers.sort_unstable();
    numbers
}

/// Numbers that the containers of a service have after an `up` with these containers there.
pub fn numbers_of(environment: &Environment, containers: &[Container], service: &str, replicas: u32) -> Vec<u32> {
    let project = environment.project_name();
    let own = containers.iter().filter(|one| one.service() == service && one.label(labels::PROJECT) == project);
    let observed = Observed { containers: own.cloned().collect(), ..Observed::default() };
    let standing = standing(environment, &observed, service);
    numbers(standing.iter().filter(|(_, one)| one.current.is_some()).map(|(number, _)| *number), replicas)
}

/// Docker and Podman name anonymous volumes by 64 hex digits.
pub fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Ended with 0, as far as the listing says.
pub(super) fn completed(container: &Container) -> bool {
    container.state == State::Exited && container.exit_code == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_containers_keep_their_numbers() {
        assert_eq!(numbers([2, 3].into_iter(), 2), [2, 3]);
        assert_eq!(numbers([2, 3].into_iter(), 3), [1, 2, 3]);
        assert_eq!(numbers([1, 2, 3].into_iter(), 1), [1]);
        assert_eq!(numbers(std::iter::empty(), 2), [1, 2]);
        assert!(numbers([1].into_iter(), 0).is_empty());
    }
}
