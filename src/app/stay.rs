//! Staying with services after they came up: which of their ends matters, and with which code to go.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, FuturesUnordered};

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::select::{OneOff, Wanted};
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::model::observed::Container;
use crate::model::service::Condition;

/// What ends it, besides an interrupt and the end of the last container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// Nothing.
    #[default]
    Interrupt,
    /// The first container that ends.
    FirstEnd,
    /// The first container that ends with another code than 0.
    FirstFailure,
}

/// Whose output is shown.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Of these; none: of those chosen, but for services with `attach: false`.
    pub only: Vec<String>,
    /// What the chosen ones depend on as well.
    pub dependencies: bool,
    /// Not of these.
    pub without: Vec<String>,
}

impl Shown {
    /// The services shown where these were chosen (none: all).
    pub fn of(&self, project: &Project, chosen: &[String]) -> Result<Vec<String>> {
        project.check_services(&self.only, &[])?;
        project.check_services(&self.without, &[])?;
        let services = &project.environment()?.services;
        let mut shown: Vec<String> = match (self.only.as_slice(), chosen) {
            ([], []) => services.keys().cloned().collect(),
            ([], chosen) => chosen.to_vec(),
            (only, _) => only.to_vec(),
        };
        let mut at = 0;
        while self.dependencies && at < shown.len() {
            let needed = services.get(&shown[at]).into_iter().flat_map(|service| service.depends_on.keys());
            for name in needed.cloned().collect::<Vec<_>>() {
                if !shown.contains(&name) {
                    shown.push(name);
                }
            }
            at += 1;
        }
        let silent = |name: &String| services.get(name).is_some_and(|service| service.attach == Some(false));
        shown.retain(|name| !self.without.contains(name) && (self.only.contains(name) || !silent(name)));
        Ok(shown)
    }
}

/// A container that ended for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its exit code.
    pub code: i64,
}

impl Until {
    /// Whether this end is the one.
    pub fn is_met(self, ended: &Ended) -> bool {
        match self {
            Self::Interrupt => false,
            Self::FirstEnd => true,
            Self::FirstFailure => ended.code != 0,
        }
    }
}

/// Containers of these services (none: all) whose end counts. Jobs that others wait for are meant to end, and count only
/// where they fail.
pub async fn watched(engine: &Engine, project: &Project, services: &[String]) -> Result<Vec<Container>> {
    let all = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    project.check_services(services, &all)?;
    let kept = Wanted { services, one_off: OneOff::Exclude, stopped: true }.of(all);
    Ok(kept.into_iter().filter(|container| project.declares(container.service())).collect())
}

/// Services that are meant to end: others wait until they have.
pub fn jobs(project: &Project) -> HashSet<String> {
    let services = project.environment.iter().flat_map(|environment| environment.services.values());
    let awaited = services.flat_map(|service| &service.depends_on);
    awaited
        .filter(|(_, dependency)| dependency.condition == Condition::ServiceCompletedSuccessfully)
        .map(|(name, _)| name.clone())
        .collect()
}

/// Tells each container that ends for good, as it does; ends with the last one.
pub fn ends(engine: &Engine, containers: &[Container]) -> BoxStream<'static, Result<Ended>> {
    let waits: FuturesUnordered<_> =
        containers.iter().map(|container| end(engine.clone(), container.clone())).collect();
    waits.filter_map(async |ended| ended.transpose()).boxed()
}

/// `None`: it was removed meanwhile.
async fn end(engine: Engine, container: Container) -> Result<Option<Ended>> {
    loop {
        let code = match engine.containers.wait(&container.id).await {
            Ok(code) => code,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match engine.containers.container(&container.id).await? {
            None => return Ok(None),
            // its restart policy starts it again
            Some(now) if now.is_up() => {}
            Some(_) => {
                let service = container.service().to_owned();
                return Ok(Some(Ended { service, name: container.name, code }));
            }
        }
    }
}

/// Exit code of a service's first container that ended with one.
pub async fn code_of(engine: &Engine, project: &Project, service: &str) -> Result<i64> {
    let found = watched(engine, project, &[service.to_owned()]).await?;
    let container = found.first().ok_or_else(|| AppError::failed(format!("service {service} has no container")))?;
    let now = engine.containers.container(&container.id).await?;
    now.and_then(|now| now.exit_code)
        .ok_or_else(|| AppError::failed(format!("the engine does not know how {} ended", container.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::environment::Environment;
    use crate::model::service::{Dependency, Service};

    #[test]
    fn whose_output_is_shown() {
        let mut environment = Environment::default();
        let needs = |name: &str| [(name.to_owned(), Dependency::default())].into_iter().collect();
        let web = Service { depends_on: needs("db"), ..Service::default() };
        environment.services.insert("web".into(), web);
        environment.services.insert("db".into(), Service { depends_on: needs("disk"), ..Service::default() });
        environment.services.insert("disk".into(), Service::default());
        environment.services.insert("chatty".into(), Service { attach: Some(false), ..Service::default() });
        let (spec, decision) = (None, None);
        let (name, environment, remarks) = ("shop".into(), Some(environment), Vec::new());
        let project = Project { name, environment, spec, decision, remarks, named_by_folder: false };
        let shown = |only: &[&str], dependencies, without: &[&str], chosen: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let wish = Shown { only: owned(only), dependencies, without: owned(without) };
            wish.of(&project, &owned(chosen)).map(|names| names.join(" ")).map_err(|error| error.to_string())
        };
        assert_eq!(shown(&[], false, &[], &[]).unwrap(), "web db disk");
        assert_eq!(shown(&[], false, &[], &["web"]).unwrap(), "web");
        assert_eq!(shown(&[], true, &[], &["web"]).unwrap(), "web db disk");
        assert_eq!(shown(&[], true, &["db"], &["web"]).unwrap(), "web disk");
        assert_eq!(shown(&["chatty"], false, &[], &["web"]).unwrap(), "chatty");
        assert_eq!(shown(&[], false, &["web"], &["web"]).unwrap(), "");
        assert_eq!(shown(&[], false, &["wbe"], &[]).unwrap_err(), "no such service: wbe");
    }

    #[test]
    fn which_end_matters() {
        let ended = |code| Ended { service: "web".into(), name: "shop-web-1".into(), code };
        assert!(!Until::Interrupt.is_met(&ended(1)));
        assert!(Until::FirstEnd.is_met(&ended(0)));
        assert!(!Until::FirstFailure.is_met(&ended(0)) && Until::FirstFailure.is_met(&ended(3)));
    }
}
