//! The choice itself. Pure: who has which port is asked of the caller.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::digest::Digest;
use crate::model::container::PortBinding;

use super::book::{Kept, ProjectPorts};
use super::{Key, Owner, Published, Wanted, collide};

/// Where a port that the spec leaves open is looked for: above what programs listen on by habit, below the range that
/// Linux hands out for outgoing connections (32768 to 60999), so that nothing borrows it in between.
const OPEN: std::ops::Range<u16> = 20_000..32_000;
/// Added to ports below 1024 when one is taken: 80 becomes 8080 and 443 becomes 8443.
const ABOVE_RESERVED: u16 = 8_000;

/// What happens when a port that the spec names is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Another one is chosen, and kept.
    Move,
    /// It is refused (`--strict-ports`).
    Strict,
}

/// A port as it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What was wanted.
    pub wanted: Wanted,
    /// What it became.
    pub binding: PortBinding,
    /// Who has the port that was wanted, if that is why it is another one now. `None` also where the other one was kept
    /// from before.
    pub instead_of: Option<Owner>,
}

impl Chosen {
    /// The spec names a port, and this is another one.
    pub fn moved(&self) -> bool {
        !self.wanted.published.allows(self.binding.published)
    }
}

/// A port that can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
pub enum Refused {
    /// Taken, and another one is not allowed.
    #[error(
        "port {port} of the host, which service {service} publishes, is taken by {owner}; stop that, change `ports` in the \
         spec, or leave out --strict-ports to have a free one chosen"
    )]
    Taken {
        /// Who wants it.
        service: String,
        /// The port, or range of ports.
        port: String,
        /// Who has it.
        owner: Owner,
    },
    /// No port at all is free.
    #[error("no port of the host is free for service {service}")]
    NoneFree {
        /// Who wants it.
        service: String,
    },
}

/// Chooses a port for each wish. `taken` says who outside the project has a port. `running` holds the ports that the
/// project's own containers publish at this moment. The result is in the order of `wanted`, no two of it collide, and
/// the same call with what it kept gives the same result.
pub fn choose(
    wanted: &[Wanted],
    kept: &ProjectPorts,
    running: &BTreeMap<Key, u16>,
    policy: Policy,
    taken: &mut dyn FnMut(&PortBinding) -> Option<Owner>,
) -> Result<Vec<Chosen>, Refused> {
    let mut choice = Choice { done: vec![None; wanted.len()], wanted, policy, taken };
    // what was promised before goes first, then what the spec names, then what may be anything
    for (index, wish) in wanted.iter().enumerate() {
        if let Some(port) = kept_port(kept, wish, policy) {
            choice.try_port(index, port, None);
        }
    }
    let mut in_the_way = vec![None; wanted.len()];
    for (index, wish) in wanted.iter().enumerate() {
        if let Published::Exact(port) = wish.published
            && choice.done[index].is_none()
        {
            in_the_way[index] = choice.try_port(index, port, None);
        }
    }
    for (index, owner) in in_the_way.into_iter().enumerate() {
        if choice.done[index].is_none() {
            choice.search(index, running.get(&wanted[index].key).copied(), owner)?;
        }
    }
    Ok(choice.done.into_iter().flatten().collect())
}

/// What was kept for a wish, if the wish is still the same.
fn kept_port(kept: &ProjectPorts, wish: &Wanted, policy: Policy) -> Option<u16> {
    let Kept { wanted, host_ip, port, .. } = kept.get(&wish.key.to_string())?;
    let same = *wanted == wish.published.to_string() && *host_ip == wish.host_ip;
    let allowed = policy == Policy::Move || wish.published.allows(*port);
    (same && allowed).then_some(*port)
}

struct Choice<'a> {
    wanted: &'a [Wanted],
    done: Vec<Option<Chosen>>,
    policy: Policy,
    taken: &'a mut dyn FnMut(&PortBinding) -> Option<Owner>,
}

impl Choice<'_> {
    /// Takes the port for a wish if it is free, and says who has it if not.
    fn try_port(&mut self, index: usize, port: u16, instead_of: Option<&Owner>) -> Option<Owner> {
        let wish = &self.wanted[index];
        let binding = PortBinding {
            host_ip: wish.host_ip.clone(),
            published: port,
            target: wish.key.target,
            protocol: wish.key.protocol.clone(),
        };
        let sibling = self.done.iter().flatten().find(|done| collide(&done.binding, &binding));
        if let Some(sibling) = sibling {
            let Key { service, number, .. } = &sibling.wanted.key;
            return Some(Owner::Sibling { service: service.clone(), number: *number });
        }
        if let Some(owner) = (self.taken)(&binding) {
            return Some(owner);
        }
        self.done[index] = Some(Chosen { wanted: wish.clone(), binding, instead_of: instead_of.cloned() });
        None
    }

    /// Looks on: in what the spec allows, then at what the project publishes right now, then anywhere.
    fn search(&mut self, index: usize, running: Option<u16>, in_the_way: Option<Owner>) -> Result<(), Refused> {
        let wish = &self.wanted[index];
        let service = wish.key.service.clone();
        let published = wish.published;
        let mut owner = in_the_way;
        let within = running.filter(|port| published.allows(*port)).into_iter().chain(allowed(wish));
        for port in within {
            match self.try_port(index, port, None) {
                None => return Ok(()),
                Some(other) => owner = owner.or(Some(other)),
            }
        }
        if self.policy == Policy::Strict
            && let Some(owner) = owner
        {
            return Err(Refused::Taken { service, port: published.to_string(), owner });
        }
        for port in running.into_iter().chain(elsewhere(published)) {
            if self.try_port(index, port, owner.as_ref()).is_none() {
                return Ok(());
            }
        }
        Err(Refused::NoneFree { service })
    }
}

/// Ports that the spec's word allows, beyond the exact one, which was tried already. Those that the spec leaves open
/// begin at a place that depends on the wish alone, so that it is the same one every time.
fn allowed(wish: &Wanted) -> Box<dyn Iterator<Item = u16>> {
    match wish.published {
        Published::Exact(_) => Box::new(std::iter::empty()),
        Published::Range(from, to) => Box::new(from..=to),
        Published::Any => {
            let digest = Digest::of(wish.key.to_string());
            let place = u16::from_le_bytes([digest.bytes()[0], digest.bytes()[1]]) % (OPEN.end - OPEN.start);
            let start = OPEN.start + place;
            Box::new((start..OPEN.end).chain(OPEN.start..start))
        }
    }
}

/// Where to look when what the spec names is taken: upwards from there, then from 1024.
fn elsewhere(published: Published) -> Box<dyn Iterator<Item = u16>> {
    let from = match published {
        Published::Any => OPEN.end,
        Published::Exact(port) | Published::Range(_, port) if port < 1024 => port + ABOVE_RESERVED,
        Published::Exact(port) | Published::Range(_, port) => port.saturating_add(1),
    };
    Box::new((from..=u16::MAX).chain(1024..from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn wish(service: &str, published: Published) -> Wanted {
        let key = Key { service: service.to_owned(), number: 1, target: 80, protocol: "tcp".to_owned(), ordinal: 0 };
        Wanted { key, host_ip: "127.0.0.1".to_owned(), published }
    }

    fn program() -> Owner {
        Owner::Program { pid: Some(7), name: Some("nginx".to_owned()) }
    }

    fn run(wanted: &[Wanted], kept: &ProjectPorts, policy: Policy, busy: &[u16]) -> Result<Vec<Chosen>, Refused> {
        let mut taken = |binding: &PortBinding| busy.contains(&binding.published).then(program);
        choose(wanted, kept, &BTreeMap::new(), policy, &mut taken)
    }

    fn ports(chosen: &[Chosen]) -> Vec<u16> {
        chosen.iter().map(|chosen| chosen.binding.published).collect()
    }

    #[test]
    fn a_taken_port_moves_up_and_names_its_owner() {
        let chosen = run(&[wish("web", Published::Exact(8080))], &ProjectPorts::new(), Policy::Move, &[8080, 8081]);
        let chosen = chosen.unwrap();
        assert_eq!(ports(&chosen), [8082]);
        assert_eq!(chosen[0].instead_of, Some(program()));
        let low = run(&[wish("web", Published::Exact(443))], &ProjectPorts::new(), Policy::Move, &[443]).unwrap();
        assert_eq!(ports(&low), [8443]);
    }

    #[test]
    fn what_moved_once_stays_when_the_original_is_free_again() {
        let wanted = [wish("web", Published::Exact(8080))];
        let mut kept = ProjectPorts::new();
        let moved = run(&wanted, &kept, Policy::Move, &[8080]).unwrap();
        super::super::book::keep(&mut kept, &moved);
        let later = run(&wanted, &kept, Policy::Move, &[]).unwrap();
        assert_eq!(ports(&later), [8081]);
        assert!(later[0].moved() && later[0].instead_of.is_none());
        let edited = run(&[wish("web", Published::Exact(9000))], &kept, Policy::Move, &[]).unwrap();
        assert_eq!(ports(&edited), [9000], "the spec wants another one now");
    }

    #[test]
    fn strict_refuses_and_says_who() {
        let wanted = [wish("web", Published::Exact(8080))];
        let error = run(&wanted, &ProjectPorts::new(), Policy::Strict, &[8080]).unwrap_err().to_string();
        assert!(error.contains("8080") && error.contains("nginx (process 7)") && error.contains("web"), "{error}");
        let mut kept = ProjectPorts::new();
        let moved = run(&wanted, &kept, Policy::Move, &[8080]).unwrap();
        super::super::book::keep(&mut kept, &moved);
        assert_eq!(ports(&run(&wanted, &kept, Policy::Strict, &[]).unwrap()), [8080]);
        let range = [wish("web", Published::Range(8000, 8001))];
        assert!(run(&range, &ProjectPorts::new(), Policy::Strict, &[8000, 8001]).is_err());
        assert_eq!(ports(&run(&range, &ProjectPorts::new(), Policy::Strict, &[8000]).unwrap()), [8001]);
        assert_eq!(ports(&run(&range, &ProjectPorts::new(), Policy::Move, &[8000, 8001]).unwrap()), [8002]);
    }

    #[test]
    fn two_services_that_want_the_same_both_get_one() {
        let wanted = [wish("a", Published::Exact(80)), wish("b", Published::Exact(80))];
        let chosen = run(&wanted, &ProjectPorts::new(), Policy::Move, &[]).unwrap();
        assert_eq!(ports(&chosen), [80, 8080]);
        assert_eq!(chosen[1].instead_of, Some(Owner::Sibling { service: "a".to_owned(), number: 1 }));
    }

    #[test]
    fn what_runs_now_is_preferred_where_the_spec_leaves_it_open() {
        let wanted = [wish("a", Published::Any)];
        let running = BTreeMap::from([(wanted[0].key.clone(), 40_000)]);
        let chosen = choose(&wanted, &ProjectPorts::new(), &running, Policy::Move, &mut |_| None).unwrap();
        assert_eq!(ports(&chosen), [40_000]);
    }

    #[test]
    fn when_nothing_is_free_it_says_so() {
        let wanted = [wish("a", Published::Any)];
        let mut all = |_: &PortBinding| Some(program());
        let error = choose(&wanted, &ProjectPorts::new(), &BTreeMap::new(), Policy::Move, &mut all).unwrap_err();
        assert_eq!(error, Refused::NoneFree { service: "a".to_owned() });
    }

    fn published() -> impl Strategy<Value = Published> {
        prop_oneof![
            Just(Published::Any),
            (8000u16..8010).prop_map(Published::Exact),
            (8000u16..8010, 0u16..5).prop_map(|(from, more)| Published::Range(from, from + more)),
        ]
    }

    proptest! {
        #[test]
        fn never_two_equal_never_a_taken_one_and_stable(
            wishes in prop::collection::vec((published(), 0..3usize, prop::bool::ANY), 0..20),
            busy in prop::collection::btree_set(8000u16..8020, 0..15),
            busy_later in prop::collection::btree_set(9000u16..9100, 0..15),
        ) {
            let addresses = ["127.0.0.1", "0.0.0.0", "127.0.0.2"];
            let wanted: Vec<Wanted> = wishes.iter().enumerate().map(|(index, (published, address, udp))| {
                let mut wish = wish(&format!("s{index}"), *published);
                wish.host_ip = addresses[*address].to_owned();
                wish.key.protocol = if *udp { "udp" } else { "tcp" }.to_owned();
                wish
            }).collect();
            let call = |kept: &ProjectPorts, busy: &BTreeSet<u16>| {
                let mut taken = |binding: &PortBinding| busy.contains(&binding.published).then(program);
                choose(&wanted, kept, &BTreeMap::new(), Policy::Move, &mut taken).unwrap()
            };
            let mut kept = ProjectPorts::new();
            let first = call(&kept, &busy);
            prop_assert_eq!(first.len(), wanted.len());
            for (index, one) in first.iter().enumerate() {
                prop_assert_eq!(&one.wanted, &wanted[index]);
                prop_assert!(!busy.contains(&one.binding.published));
                prop_assert!(first[..index].iter().all(|other| !collide(&one.binding, &other.binding)));
            }
            super::super::book::keep(&mut kept, &first);
            let bindings = |chosen: &[Chosen]| chosen.iter().map(|c| c.binding.clone()).collect::<Vec<_>>();
            prop_assert_eq!(bindings(&call(&kept, &busy)), bindings(&first));
            // other ports coming and going change nothing
            prop_assert_eq!(bindings(&call(&kept, &busy_later)), bindings(&first));
        }
    }
}
