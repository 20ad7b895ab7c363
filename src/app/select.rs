//! Which containers of a project a verb means.

use crate::app::error::{AppError, Result};
use crate::model::observed::Container;
use crate::spec::schema;

/// Containers of `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneOff {
    /// Not meant.
    Exclude,
    /// Meant as well.
    Include,
}

/// Which containers are meant.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of these services; none named: of all.
    pub services: &'a [String],
    /// Containers of `run`.
    pub one_off: OneOff,
    /// Those that do not run as well.
    pub stopped: bool,
}

impl Wanted<'_> {
    /// The containers meant, by service and number. What belongs to no service is left alone.
    pub fn of(&self, containers: Vec<Container>) -> Vec<Container> {
        let mut kept: Vec<Container> = containers
            .into_iter()
            .filter(|container| !container.service().is_empty())
            .filter(|container| self.one_off == OneOff::Include || !container.oneoff())
            .filter(|container| self.stopped || container.is_up())
            .filter(|container| self.services.is_empty() || self.services.iter().any(|s| s == container.service()))
            .collect();
        kept.sort_by(|a, b| (a.service(), a.number(), &a.name).cmp(&(b.service(), b.number(), &b.name)));
        kept
    }
}

/// The one container of a service that is meant: by number, else the first one.
pub fn one<'a>(containers: &'a [Container], service: &str, index: Option<u32>) -> Result<&'a Container> {
    let of_service = || containers.iter().filter(|container| container.service() == service && !container.oneoff());
    let found = match index {
        Some(index) if index > 0 => of_service().find(|container| container.number() == index),
        _ => of_service().min_by_key(|container| container.number()),
    };
    found.ok_or_else(|| {
        let number = index.filter(|index| *index > 0).map(|index| format!(" container #{index}")).unwrap_or_default();
        AppError::failed(format!("service \"{service}\" is not running{number}"))
            .help(format!("start it with `devup up {service}`; `devup ps -a` shows what is there"))
    })
}

/// Each name is a service of the project: known to the spec, or seen on the engine.
pub fn known<'a>(names: &[String], services: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let services: indexmap::IndexSet<&str> = services.into_iter().collect();
    for name in names {
        if services.contains(name.as_str()) {
            continue;
        }
        let nearest = schema::nearest(name, services.iter().copied());
        let error = AppError::failed(format!("no such service: {name}"));
        return Err(match nearest {
            Some(service) => error.help(format!("did you mean `{service}`?")),
            None if services.is_empty() => error.help("the project has no services"),
            None => {
                let all: Vec<&str> = services.into_iter().collect();
                error.help(format!("the services are {}", all.join(", ")))
            }
        });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::labels;
    use crate::model::observed::State;

    pub(crate) fn container(service: &str, number: u32, oneoff: bool, state: State) -> Container {
        let labels = [
            (labels::SERVICE, service.to_owned()),
            (labels::NUMBER, number.to_string()),
            (labels::ONEOFF, if oneoff { "True" } else { "False" }.to_owned()),
        ];
        Container {
            id: format!("{service}{number}{oneoff}"),
            name: format!("p-{service}-{number}"),
            image: String::new(),
            image_id: String::new(),
            command: String::new(),
            created: 0,
            state,
            health: None,
            exit_code: None,
            status: String::new(),
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ports: vec![],
            exposed: vec![],
            networks: vec![],
            network_ids: indexmap::IndexMap::new(),
            mounts: vec![],
        }
    }

    #[test]
    fn services_one_offs_and_stopped_ones_are_told_apart() {
        let all = vec![
            container("web", 2, false, State::Running),
            container("web", 1, false, State::Exited),
            container("web", 1, true, State::Running),
            container("db", 1, false, State::Paused),
        ];
        let names = |wanted: Wanted<'_>| wanted.of(all.clone()).into_iter().map(|c| c.id).collect::<Vec<_>>();
        let every = Wanted { services: &[], one_off: OneOff::Exclude, stopped: false };
        assert_eq!(names(every), ["db1false", "web2false"]);
        assert_eq!(names(Wanted { stopped: true, ..every }), ["db1false", "web1false", "web2false"]);
        let web = ["web".to_owned()];
        assert_eq!(
            names(Wanted { services: &web, one_off: OneOff::Include, stopped: false }),
            ["web1true", "web2false"]
        );
    }

    #[test]
    fn the_container_meant_is_the_first_or_the_numbered_one() {
        let all = vec![container("web", 2, false, State::Running), container("web", 1, false, State::Running)];
        assert_eq!(one(&all, "web", None).unwrap().number(), 1);
        assert_eq!(one(&all, "web", Some(2)).unwrap().number(), 2);
        assert!(one(&all, "web", Some(3)).unwrap_err().to_string().contains("container #3"));
        assert!(one(&all, "db", None).is_err());
    }

    #[test]
    fn unknown_services_get_a_proposal() {
        let error = known(&["wbe".into()], ["web", "db"]).unwrap_err();
        assert_eq!(error.to_string(), "no such service: wbe");
        assert_eq!(error.remedy().unwrap(), "did you mean `web`?");
        assert!(known(&["web".into()], ["web"]).is_ok());
    }
}
