//! The book of chosen ports, one page per project.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::container::PortBinding;
use crate::state::store::{State, StateError};

use super::Key;
use super::choose::Chosen;

/// A choice as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What the spec wanted when it was chosen: a port, a range, or `any`. Another wish makes a new choice.
    pub wanted: String,
    /// On which address.
    pub host_ip: String,
    /// The port.
    pub port: u16,
    /// The project was taken down since: it gets the port again where it is free, and does not keep others from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

/// A project's ports, by [`super::Key`] as text.
pub type ProjectPorts = BTreeMap<String, Kept>;
/// All projects' ports.
pub type Book = BTreeMap<String, ProjectPorts>;

/// Enters a choice.
pub fn keep(ports: &mut ProjectPorts, chosen: &[Chosen]) {
    for Chosen { wanted, binding, .. } in chosen {
        let (wanted_port, host_ip) = (wanted.published.to_string(), wanted.host_ip.clone());
        let kept = Kept { wanted: wanted_port, host_ip, port: binding.published, released: false };
        ports.insert(wanted.key.to_string(), kept);
    }
}

impl State {
    /// Every chosen port.
    pub fn port_book(&self) -> Result<Book, StateError> {
        self.read(&self.layout().ports())
    }

    /// Lets `choose` work on a project's page while no other devup can, and keeps what it chose. Other lines stay where
    /// `stays` says so of their service and number.
    pub fn choose_ports<E>(
        &self,
        project: &str,
        stays: impl Fn(&str, u32) -> bool,
        choose: impl FnOnce(&Book) -> Result<Vec<Chosen>, E>,
    ) -> Result<Result<Vec<Chosen>, E>, StateError> {
        self.update(&self.layout().ports(), |book: &mut Book| {
            let chosen = choose(book)?;
            let page = book.entry(project.to_owned()).or_default();
            page.retain(|key, _| Key::container(key).is_some_and(|(service, number)| stays(service, number)));
            keep(page, &chosen);
            if page.is_empty() {
                book.remove(project);
            }
            Ok(chosen)
        })
    }

    /// Takes over ports that were chosen elsewhere, where none are known; they are tried first at the next `up`. Says
    /// whether it did.
    pub fn adopt_ports(&self, project: &str, ports: ProjectPorts) -> Result<bool, StateError> {
        self.update(&self.layout().ports(), |book: &mut Book| {
            let is_new = !ports.is_empty() && !book.contains_key(project);
            if is_new {
                book.insert(project.to_owned(), ports);
            }
            is_new
        })
    }

    /// Forgets a project's ports: after `destroy`, or `devup ports --reset`.
    pub fn forget_ports(&self, project: &str) -> Result<(), StateError> {
        if self.port_book()?.contains_key(project) {
            self.update(&self.layout().ports(), |book: &mut Book| book.remove(project))?;
        }
        Ok(())
    }

    /// Lets others have a project's ports: after `down`. What was chosen stays known, for the project's next `up`.
    pub fn release_ports(&self, project: &str) -> Result<(), StateError> {
        if self.port_book()?.get(project).is_some_and(|page| page.values().any(|kept| !kept.released)) {
            self.update(&self.layout().ports(), |book: &mut Book| {
                book.get_mut(project).into_iter().flat_map(BTreeMap::values_mut).for_each(|kept| kept.released = true);
            })?;
        }
        Ok(())
    }

    /// Ports that other projects chose, with the project. Those of projects that were taken down, or whose folder is
    /// gone, do not count.
    pub fn reserved_ports(
        &self,
        book: &Book,
        project: &str,
        alive: impl Fn(&Path) -> bool,
    ) -> Result<Vec<(PortBinding, String)>, StateError> {
        let registry = self.registry()?;
        let others = book
            .iter()
            .filter(|(other, _)| *other != project && registry.get(other).is_some_and(|entry| alive(&entry.path)));
        Ok(others
            .flat_map(|(other, page)| {
                page.iter().filter(|(_, kept)| !kept.released).filter_map(|(key, kept)| line(other, key, kept))
            })
            .collect())
    }
}

fn line(project: &str, key: &str, kept: &Kept) -> Option<(PortBinding, String)> {
    let (_, inside) = key.rsplit_once(':')?;
    let (target, rest) = inside.split_once('/')?;
    let protocol = rest.split('#').next()?.to_owned();
    let binding =
        PortBinding { host_ip: kept.host_ip.clone(), published: kept.port, target: target.parse().ok()?, protocol };
    Some((binding, project.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Published, Wanted};
    use super::*;
    use crate::model::name::ProjectName;
    use crate::state::registry::Entry;
    use crate::state::store::temporary;

    fn chosen(service: &str, port: u16) -> Chosen {
        let key = Key { service: service.to_owned(), number: 1, target: 80, protocol: "tcp".to_owned(), ordinal: 0 };
        let binding =
            PortBinding { host_ip: "127.0.0.1".to_owned(), published: port, target: 80, protocol: "tcp".to_owned() };
        let wanted = Wanted { key, host_ip: "127.0.0.1".to_owned(), published: Published::Exact(port) };
        Chosen { wanted, binding, instead_of: None }
    }

    fn take(state: &State, project: &str, service: &str, port: u16) {
        let made =
            state.choose_ports(project, |known, _| known == service, |_| Ok::<_, ()>(vec![chosen(service, port)]));
        made.unwrap().unwrap();
    }

    #[test]
    fn a_page_follows_the_services() {
        let (_folder, state) = temporary();
        take(&state, "shop", "web.app", 8080);
        take(&state, "shop", "web", 8081);
        let book = state.port_book().unwrap();
        assert_eq!(book["shop"].keys().collect::<Vec<_>>(), ["web.1:80/tcp#0"]);
        state.choose_ports("shop", |_, _| false, |_| Ok::<_, ()>(vec![])).unwrap().unwrap();
        assert!(state.port_book().unwrap().is_empty());
    }

    #[test]
    fn a_refusal_keeps_nothing() {
        let (_folder, state) = temporary();
        assert_eq!(state.choose_ports("shop", |_, _| false, |_| Err("no")).unwrap(), Err("no"));
        assert!(state.port_book().unwrap().is_empty());
    }

    #[test]
    fn ports_of_living_projects_are_reserved() {
        let (_folder, state) = temporary();
        take(&state, "shop", "web", 8080);
        take(&state, "bank", "web", 9090);
        state
            .enter_project(&Entry {
                name: ProjectName::parse("bank").unwrap(),
                base_name: "bank".to_owned(),
                instance: None,
                asked: false,
                path: "/bank".into(),
                remote: None,
                repository: None,
                within: std::path::PathBuf::new(),
                named_by_folder: false,
                config_files: vec![],
                last_used: jiff::Timestamp::UNIX_EPOCH,
            })
            .unwrap();
        let book = state.port_book().unwrap();
        let reserved = state.reserved_ports(&book, "shop", |_| true).unwrap();
        assert_eq!(reserved.len(), 1);
        assert_eq!((reserved[0].0.published, reserved[0].1.as_str()), (9090, "bank"));
        assert!(state.reserved_ports(&book, "shop", |_| false).unwrap().is_empty());
        assert!(state.reserved_ports(&book, "bank", |_| true).unwrap().is_empty(), "shop is in no registry");
        state.release_ports("bank").unwrap();
        let book = state.port_book().unwrap();
        assert!(state.reserved_ports(&book, "shop", |_| true).unwrap().is_empty(), "bank was taken down");
        assert_eq!(book["bank"]["web.1:80/tcp#0"].port, 9090, "its next `up` asks for it again");
        take(&state, "bank", "web", 9090);
        assert_eq!(state.reserved_ports(&state.port_book().unwrap(), "shop", |_| true).unwrap().len(), 1);
    }
}
