//! `events`, `stats`, `wait`: looking on while things happen.

use std::sync::Arc;

use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt};

use crate::app::error::{AppError, Result};
use crate::app::inspect::containers;
use crate::app::project::Project;
use crate::app::select::OneOff;
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::driver::session::{EngineEvent, Usage};
use crate::model::labels;
use crate::model::observed::Container;

/// Events of the project's containers, of these services (none named: all).
pub async fn events(
    engine: &Engine,
    project: &Project,
    services: &[String],
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
) -> Result<BoxStream<'static, Result<EngineEvent>>> {
    let scope = Scope::Project(project.name.clone());
    let stream = engine.sessions.events(&scope, since, until).await?;
    let services: Arc<[String]> = services.into();
    let meant = move |event: &EngineEvent| {
        let service = event.attributes.get(labels::SERVICE);
        let one_off = event.attributes.get(labels::ONEOFF).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        // execs of health checks come several times a second
        event.kind == "container"
            && !one_off
            && !event.action.starts_with("exec_")
            && service.is_some_and(|service| services.is_empty() || services.contains(service))
    };
    let kept = stream.filter_map(move |event| {
        let kept = event.as_ref().map_or(true, &meant);
        std::future::ready(kept.then_some(event.map_err(AppError::from)))
    });
    Ok(kept.boxed())
}

/// What a container uses at the moment.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Which.
    pub container: Container,
    /// How much; `None`: it does not run.
    pub usage: Option<Usage>,
}

/// Usage of each container, once.
pub async fn usage(engine: &Engine, containers: &[Container]) -> Result<Vec<Measured>> {
    let asked = containers.iter().map(|container| async move {
        let usage = if container.is_up() {
            let mut stream = engine.sessions.stats(&container.id, false).await?;
            stream.next().await.transpose()?
        } else {
            None
        };
        Ok::<_, AppError>(Measured { container: container.clone(), usage })
    });
    futures_util::future::try_join_all(asked).await
}

/// Usage of each container, again and again: all that is known whenever something new is.
pub async fn usage_stream(
    engine: &Engine,
    containers: &[Container],
) -> Result<BoxStream<'static, Result<(usize, Usage)>>> {
    let mut all = futures_util::stream::SelectAll::new();
    for (number, container) in containers.iter().enumerate().filter(|(_, container)| container.is_up()) {
        let stream = engine.sessions.stats(&container.id, true).await?;
        all.push(stream.map(move |usage| usage.map(|usage| (number, usage)).map_err(AppError::from)).boxed());
    }
    Ok(all.boxed())
}

/// Waits until the containers of these services have ended: `(name, exit code)` of each as it ends.
pub async fn ends(
    engine: &Engine,
    project: &Project,
    services: &[String],
) -> Result<BoxStream<'static, Result<(String, i64)>>> {
    let meant = containers(engine, project, services, OneOff::Exclude, true).await?;
    for service in services {
        if !meant.iter().any(|container| container.service() == service) {
            return Err(AppError::failed(format!(
                "no containers for service \"{service}\" of project {}",
                project.name
            ))
            .help(format!("`devup up {service}` makes and starts them")));
        }
    }
    let waits: FuturesUnordered<_> = meant
        .into_iter()
        .map(|container| {
            let driver = engine.containers.clone();
            async move { Ok((container.name.clone(), driver.wait(&container.id).await?)) }
        })
        .collect();
    Ok(waits.boxed())
}
