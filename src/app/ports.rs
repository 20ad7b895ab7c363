//! `ports`: chooses the ports of the host before planning, and shows what was chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::model::container::PortBinding;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Container;
use crate::plan;
use crate::state::port::book::ProjectPorts;
use crate::state::port::choose::{Chosen, Policy, Refused, choose};
use crate::state::port::{Key, Owner, Wanted, collide, owner_of, probe, wanted};
use crate::state::store::State;

use super::error::{AppError, Result};

/// Where the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// On this machine: ports can be tried.
    Here,
    /// Elsewhere: only its containers tell what is taken.
    Elsewhere,
}

/// Whether the choice is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// From now on.
    Yes,
    /// Only looked at (`plan`, `--dry-run`).
    No,
}

/// Chooses a port for everything that the environment publishes and writes it into [`Environment::bindings`].
/// `everyone` holds the containers of all projects on the engine.
pub fn settle(
    state: &State,
    environment: &mut Environment,
    everyone: &[Container],
    engine: Engine,
    policy: Policy,
    keep: Keep,
) -> Result<Vec<Chosen>> {
    // the numbers that the plan will give: after somebody removed the first container, those of the others
    let numbers = |service: &str, replicas| plan::numbers_of(environment, everyone, service, replicas);
    let wanted = wanted(environment, &numbers).map_err(|error| AppError::failed(error.to_string()))?;
    let project = environment.project_name().to_owned();
    let world = World::of(&project, everyone, engine);
    let policy = if state.preferences()?.strict_ports { Policy::Strict } else { policy };
    let book = state.port_book()?;
    let reserved = state.reserved_ports(&book, &project, Path::is_dir)?;
    let chosen = {
        let decide = |kept: &ProjectPorts| {
            let mut taken = |binding: &PortBinding| world.owner(binding, &reserved, policy);
            choose(&wanted, kept, &world.running, policy, &mut taken)
        };
        let page = |book: &crate::state::port::book::Book| book.get(&project).cloned().unwrap_or_default();
        match keep {
            Keep::No => decide(&page(&book)),
            Keep::Yes => {
                // of an enabled service only what is wanted now, and containers that this run leaves alone
                let stays = |service: &str, number: u32| {
                    let beyond = !wanted.iter().any(|wish| (&*wish.key.service, wish.key.number) == (service, number));
                    environment.disabled.contains_key(service)
                        || (environment.services.contains_key(service) && beyond && world.has(service, number))
                };
                state.choose_ports(&project, stays, |book| decide(&page(book)))?
            }
        }
    };
    let chosen = chosen.map_err(|refused| refusal(&refused))?;
    bind(environment, &chosen);
    Ok(chosen)
}

fn refusal(refused: &Refused) -> AppError {
    let help = match refused {
        Refused::Taken { .. } => "`devup ports` shows every port; without --strict-ports a free one is chosen",
        Refused::NoneFree { .. } => "stop something that listens, or publish less",
    };
    AppError::failed(refused.to_string()).help(help)
}

/// What to tell the user: ports that differ from the spec. Ones that were told before (kept) are told again, shorter.
pub fn remarks(chosen: &[Chosen]) -> Vec<String> {
    let moved = chosen.iter().filter(|chosen| chosen.moved());
    moved
        .map(|chosen| {
            let Key { service, number, target, .. } = &chosen.wanted.key;
            let service = if *number > 1 { format!("{service}.{number}") } else { service.clone() };
            let (wanted, port) = (chosen.wanted.published, chosen.binding.published);
            match &chosen.instead_of {
                Some(owner) => {
                    format!("{service}: port {wanted} is taken by {owner}; {port} -> {target} instead, from now on")
                }
                None => format!(
                    "{service}: {port} -> {target} (port {wanted} was taken once; `devup ports --reset` forgets that)"
                ),
            }
        })
        .collect()
}

fn bind(environment: &mut Environment, chosen: &[Chosen]) {
    environment.bindings.clear();
    for Chosen { wanted: Wanted { key, .. }, binding, .. } in chosen {
        let numbers = environment.bindings.entry(key.service.clone()).or_default();
        let index = key.number.saturating_sub(1) as usize;
        numbers.resize_with(numbers.len().max(index + 1), Vec::new);
        numbers[index].push(binding.clone());
    }
}

/// Who has which port on the engine.
struct World<'a> {
    others: Vec<(&'a PortBinding, &'a Container)>,
    own: Vec<&'a PortBinding>,
    running: BTreeMap<Key, u16>,
    /// Service and number of the project's own containers.
    there: BTreeSet<(&'a str, u32)>,
    engine: Engine,
}

impl<'a> World<'a> {
    fn of(project: &str, everyone: &'a [Container], engine: Engine) -> Self {
        let (others, own, running) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut world = Self { others, own, running, there: BTreeSet::new(), engine };
        let ours = everyone.iter().filter(|one| one.label(labels::PROJECT) == project && !one.oneoff());
        world.there.extend(ours.map(|container| (container.service(), container.number())));
        for container in everyone.iter().filter(|container| container.is_up()) {
            let own = container.label(labels::PROJECT) == project;
            let mut counted: BTreeMap<(u16, &str), usize> = BTreeMap::new();
            for port in container.ports.iter().filter(|port| port.published != 0) {
                if !own {
                    world.others.push((port, container));
                    continue;
                }
                world.own.push(port);
                let ordinal = counted.entry((port.target, port.protocol.as_str())).or_default();
                let key = Key {
                    service: container.service().to_owned(),
                    number: container.number(),
                    target: port.target,
                    protocol: port.protocol.clone(),
                    ordinal: *ordinal,
                };
                *ordinal += 1;
                if !container.oneoff() {
                    world.running.insert(key, port.published);
                }
            }
        }
        world
    }

    fn has(&self, service: &str, number: u32) -> bool {
        self.there.contains(&(service, number))
    }

    fn owner(&self, binding: &PortBinding, reserved: &[(PortBinding, String)], policy: Policy) -> Option<Owner> {
        if let Some((_, container)) = self.others.iter().find(|(port, _)| collide(port, binding)) {
            let project = container.label(labels::PROJECT).to_owned();
            return Some(Owner::Container { project, name: container.name.clone() });
        }
        // whoever insists on a port gets it while the other project does not run
        if policy == Policy::Move
            && let Some((_, project)) = reserved.iter().find(|(port, _)| collide(port, binding))
        {
            return Some(Owner::Reserved { project: project.clone() });
        }
        if self.own.iter().any(|port| collide(port, binding)) || self.engine == Engine::Elsewhere {
            return None;
        }
        probe::is_taken(binding).then(|| owner_of(binding))
    }
}

/// One line of `devup ports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The project.
    pub project: String,
    /// The service, with the container's number where there are several.
    pub service: String,
    /// Address of the host.
    pub host_ip: String,
    /// Port of the host.
    pub port: u16,
    /// Port inside, with its protocol: `80/tcp`.
    pub target: String,
    /// What the spec says: a port, a range, or `any`.
    pub wanted: String,
}

/// The ports that were chosen for a project, or for all.
pub fn list(state: &State, project: Option<&str>) -> Result<Vec<Line>> {
    let book = state.port_book()?;
    let pages = book.iter().filter(|(name, _)| project.is_none_or(|project| project == *name));
    let lines = pages.flat_map(|(project, page)| {
        page.iter().map(move |(key, kept)| {
            let (container, inside) = key.rsplit_once(':').unwrap_or((key, ""));
            let service = container.strip_suffix(".1").unwrap_or(container);
            Line {
                project: project.clone(),
                service: service.to_owned(),
                host_ip: kept.host_ip.clone(),
                port: kept.port,
                target: inside.split('#').next().unwrap_or_default().to_owned(),
                wanted: kept.wanted.clone(),
            }
        })
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProjectName;
    use crate::model::observed::State as Life;
    use crate::model::service::{Port, Service};
    use crate::state::store::temporary;
    use indexmap::IndexMap;
    use std::net::TcpListener;

    fn environment(project: &str, published: &str) -> Environment {
        let port = Port { target: 80, published: Some(published.to_owned()), ..Port::default() };
        let mut environment =
            Environment { project: Some(ProjectName::parse(project).unwrap()), ..Environment::default() };
        environment.services.insert("web".to_owned(), Service { ports: vec![port], ..Service::default() });
        environment
    }

    fn container(project: &str, port: u16) -> Container {
        let binding =
            PortBinding { host_ip: "127.0.0.1".to_owned(), published: port, target: 80, protocol: "tcp".to_owned() };
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Container {
            id: "1".to_owned(),
            name: format!("{project}-web-1"),
            image: String::new(),
            image_id: String::new(),
            command: String::new(),
            created: 0,
            state: Life::Running,
            health: None,
            exit_code: None,
            status: String::new(),
            labels: IndexMap::from([
                label(labels::PROJECT, project),
                label(labels::SERVICE, "web"),
                label(labels::NUMBER, "1"),
            ]),
            ports: vec![binding],
            exposed: vec![],
            networks: vec![],
            network_ids: IndexMap::new(),
            mounts: vec![],
        }
    }

    /// A port that something listens on for as long as the listener lives.
    fn busy() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn run(
        state: &State,
        environment: &mut Environment,
        everyone: &[Container],
        policy: Policy,
    ) -> Result<Vec<Chosen>> {
        settle(state, environment, everyone, Engine::Here, policy, Keep::Yes)
    }

    #[test]
    fn a_port_taken_by_a_program_moves_for_good_and_the_program_is_named() {
        let (_folder, state) = temporary();
        let (listener, port) = busy();
        let mut shop = environment("shop", &port.to_string());
        let chosen = run(&state, &mut shop, &[], Policy::Move).unwrap();
        let moved = chosen[0].binding.published;
        assert_ne!(moved, port);
        assert_eq!(shop.port_bindings("web", 1)[0].published, moved);
        #[cfg(target_os = "linux")]
        assert!(remarks(&chosen)[0].contains(&format!("process {}", std::process::id())), "{:?}", remarks(&chosen));
        drop(listener);
        let later = run(&state, &mut shop, &[], Policy::Move).unwrap();
        assert_eq!(later[0].binding.published, moved);
        assert_eq!(list(&state, Some("shop")).unwrap()[0].port, moved);
        state.forget_ports("shop").unwrap();
        assert_eq!(run(&state, &mut shop, &[], Policy::Move).unwrap()[0].binding.published, port);
    }

    #[test]
    fn our_own_running_container_is_not_in_our_way() {
        let (_folder, state) = temporary();
        let (_listener, port) = busy();
        let mut shop = environment("shop", &port.to_string());
        let chosen = run(&state, &mut shop, &[container("shop", port)], Policy::Strict).unwrap();
        assert_eq!(chosen[0].binding.published, port);
        let error = run(&state, &mut shop, &[container("bank", port)], Policy::Strict).unwrap_err().to_string();
        assert!(error.contains("bank-web-1 of project bank"), "{error}");
    }

    #[test]
    fn several_containers_have_a_port_each_which_the_book_and_the_plan_agree_on() {
        let (_folder, state) = temporary();
        let mut shop = environment("shop", "18080");
        shop.services["web"].scale = Some(2);
        let settled = |shop: &mut Environment, everyone: &[Container], policy| {
            settle(&state, shop, everyone, Engine::Elsewhere, policy, Keep::Yes)
        };
        let error = settled(&mut shop, &[], Policy::Strict).unwrap_err().to_string();
        assert!(error.contains("18080") && error.contains("service web (container 1) of this project"), "{error}");
        let chosen = settled(&mut shop, &[], Policy::Move).unwrap();
        assert_eq!(
            remarks(&chosen),
            [
                "web.2: port 18080 is taken by service web (container 1) of this project; 18081 -> 80 instead, from now on"
            ]
        );
        let book = || -> Vec<(String, u16)> {
            list(&state, Some("shop")).unwrap().into_iter().map(|line| (line.service, line.port)).collect()
        };
        assert_eq!(book(), [("web".to_owned(), 18080), ("web.2".to_owned(), 18081)]);
        assert_eq!(shop.port_bindings("web", 2)[0].published, 18081);
        // a run about other services leaves the second container, and its port, alone
        let mut second = container("shop", 18081);
        second.name = "shop-web-2".to_owned();
        second.labels.insert(labels::NUMBER.to_owned(), "2".to_owned());
        let both = [container("shop", 18080), second.clone()];
        shop.services["web"].scale = None;
        settled(&mut shop, &both, Policy::Move).unwrap();
        assert_eq!(book().len(), 2);
        // somebody removed the first: the plan keeps the second, and so does the book
        settled(&mut shop, &[second], Policy::Move).unwrap();
        assert_eq!(shop.port_bindings("web", 2)[0].published, 18081);
        assert_eq!(book(), [("web.2".to_owned(), 18081)]);
        settled(&mut shop, &[], Policy::Move).unwrap();
        assert_eq!(book(), [("web".to_owned(), 18080)], "a container that is gone and not wanted has no port");
    }

    #[test]
    fn looking_keeps_nothing() {
        let (_folder, state) = temporary();
        let mut shop = environment("shop", "18080");
        settle(&state, &mut shop, &[], Engine::Elsewhere, Policy::Move, Keep::No).unwrap();
        assert!(list(&state, None).unwrap().is_empty());
        assert!(!state.layout().state.exists());
    }
}
