//! `top`, `port`, `images`, `volumes`, `ls`: single looks at what is there.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::select::{self, OneOff, Wanted};
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::driver::session::Processes;
use crate::model::container::PortBinding;
use crate::model::labels;
use crate::model::observed::{Container, Image, Volume};

/// Containers of these services (none named: all).
pub async fn containers(
    engine: &Engine,
    project: &Project,
    services: &[String],
    one_off: OneOff,
    stopped: bool,
) -> Result<Vec<Container>> {
    let all = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    project.check_services(services, &all)?;
    Ok(Wanted { services, one_off, stopped }.of(all))
}

/// Processes of each container that runs.
pub async fn top(engine: &Engine, project: &Project, services: &[String]) -> Result<Vec<(Container, Processes)>> {
    let up = containers(engine, project, services, OneOff::Include, false).await?;
    let asked = up.iter().map(|container| engine.sessions.top(&container.id, None));
    let found = futures_util::future::try_join_all(asked).await?;
    Ok(up.into_iter().zip(found).collect())
}

/// Where a port inside is published.
pub async fn port(
    engine: &Engine,
    project: &Project,
    service: &str,
    index: Option<u32>,
    (target, protocol): (u16, &str),
) -> Result<PortBinding> {
    let up = containers(engine, project, &[service.to_owned()], OneOff::Exclude, true).await?;
    let container = select::one(&up, service, index)?;
    let found = container.ports.iter().find(|port| port.target == target && port.protocol == protocol);
    found.cloned().ok_or_else(|| {
        let others: Vec<String> =
            container.ports.iter().map(|port| format!("{}/{}", port.target, port.protocol)).collect();
        let error = AppError::failed(format!("no port {target}/{protocol} for container {}", container.name));
        if others.is_empty() {
            error.help("it publishes none")
        } else {
            error.help(format!("it publishes {}", others.join(", ")))
        }
    })
}

/// The image of each container, by the container's name.
pub async fn images(
    engine: &Engine,
    project: &Project,
    services: &[String],
) -> Result<Vec<(Container, Option<Image>)>> {
    let mut all = containers(engine, project, services, OneOff::Exclude, true).await?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let mut known: BTreeMap<String, Option<Image>> = BTreeMap::new();
    for container in &all {
        if !known.contains_key(&container.image_id) {
            let image = engine.images.image(&container.image_id).await?;
            known.insert(container.image_id.clone(), image);
        }
    }
    Ok(all
        .into_iter()
        .map(|container| (container.clone(), known.get(&container.image_id).cloned().flatten()))
        .collect())
}

/// Volumes of the project that these services use (none named: all).
pub async fn volumes(engine: &Engine, project: &Project, services: &[String]) -> Result<Vec<Volume>> {
    let mut volumes = engine.containers.volumes(&Scope::Project(project.name.clone())).await?;
    volumes.retain(|volume| volume.labels.get(labels::PROJECT).is_some_and(|name| *name == project.name));
    if !services.is_empty() {
        let users = containers(engine, project, services, OneOff::Exclude, true).await?;
        volumes.retain(|volume| users.iter().any(|c| c.mounts.iter().any(|mount| mount.source == volume.name)));
    }
    volumes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(volumes)
}

/// A project as the engine's labels tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// `running(3), exited(1)`
    pub status: String,
    /// The files, joined by commas.
    pub config_files: String,
}

/// Every Compose project on the engine; only those that run unless `all`.
pub async fn projects(engine: &Engine, all: bool) -> Result<Vec<Listed>> {
    let containers = engine.containers.containers(&Scope::AllProjects).await?;
    let mut by_name: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in containers.into_iter().filter(|container| all || container.is_up()) {
        by_name.entry(container.label(labels::PROJECT).to_owned()).or_default().push(container);
    }
    by_name.remove("");
    Ok(by_name
        .into_iter()
        .map(|(name, containers)| Listed { name, status: status(&containers), config_files: files(&containers) })
        .collect())
}

fn status(containers: &[Container]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for container in containers {
        *counts.entry(format!("{:?}", container.state).to_lowercase()).or_default() += 1;
    }
    counts.iter().map(|(state, count)| format!("{state}({count})")).collect::<Vec<_>>().join(", ")
}

fn files(containers: &[Container]) -> String {
    let mut files: IndexMap<&str, ()> = IndexMap::new();
    for container in containers {
        files.extend(container.label(labels::CONFIG_FILES).split(',').filter(|f| !f.is_empty()).map(|file| (file, ())));
    }
    if files.is_empty() { "N/A".to_owned() } else { files.keys().copied().collect::<Vec<_>>().join(",") }
}
