//! `watch`: what goes into containers when files of the project change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

use futures_util::StreamExt;

use crate::app::error::{AppError, Result};
use crate::app::inspect;
use crate::app::project::Project;
use crate::app::select::OneOff;
use crate::app::wiring::Engine;
use crate::driver::session::ExecRequest;
use crate::driver::stream::Chunk;
use crate::model::observed::Container;
use crate::model::service::Hook;
use crate::watch::pack::Pack;
use crate::watch::rule::{self, Rule};

/// What is watched.
#[derive(Debug)]
pub struct Watched {
    /// Rules that can be followed.
    pub rules: Vec<Rule>,
    /// Why others are not.
    pub remarks: Vec<String>,
}

/// The rules of these services (none: of all).
pub fn rules(project: &Project, services: &[String]) -> Result<Watched> {
    project.check_services(services, &[])?;
    let mut watched = Watched { rules: Vec::new(), remarks: Vec::new() };
    let meant = |name: &&String| services.is_empty() || services.contains(name);
    for (name, service) in project.environment()?.services.iter().filter(|(name, _)| meant(name)) {
        for rule in rule::rules(name, service).map_err(|error| AppError::failed(error.to_string()))? {
            let shown = rule.path.display();
            if rule.is_mounted(service) {
                watched.remarks.push(format!("{name}: {shown} is mounted in its containers: there is nothing to copy"));
            } else if !rule.path.exists() {
                watched.remarks.push(format!("{name}: {shown} is not there: it is not watched"));
            } else {
                watched.rules.push(rule);
            }
        }
    }
    if watched.rules.is_empty() {
        let which =
            if services.is_empty() { "no service has".to_owned() } else { format!("not in {}:", services.join(", ")) };
        let message = [format!("{which} anything to watch")].into_iter().chain(watched.remarks).collect::<Vec<_>>();
        return Err(AppError::failed(message.join("\n")).help(
            "name paths under `develop.watch` of a service, each with an action such as `sync` and its `target`",
        ));
    }
    Ok(watched)
}

/// How a copy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Containers that got it.
    pub containers: usize,
    /// Files and links that went in.
    pub files: usize,
    /// Paths that were removed inside.
    pub gone: usize,
}

/// Makes the service's running containers hold what the host has at these paths.
pub async fn copy(
    engine: &Engine,
    project: &Project,
    rules: &[Rule],
    service: &str,
    copies: &BTreeMap<String, PathBuf>,
) -> Result<Copied> {
    let pack = Pack::of(rules, service, copies).map_err(|source| AppError::io("packing what changed", source))?;
    let containers = running(engine, project, service).await?;
    for container in &containers {
        // the root of the container may own what a program as another user could not remove
        remove(engine, container, &pack.gone).await?;
        let Some(archive) = &pack.archive else { continue };
        if let Err(first) = unpack(engine, container, archive).await {
            // a folder inside that is a file here now stands in its way
            let removed = remove(engine, container, &pack.files).await;
            removed.map_err(|_| AppError::from(first))?;
            unpack(engine, container, archive).await?;
        }
    }
    Ok(Copied { containers: containers.len(), files: pack.files.len(), gone: pack.gone.len() })
}

async fn running(engine: &Engine, project: &Project, service: &str) -> Result<Vec<Container>> {
    inspect::containers(engine, project, &[service.to_owned()], OneOff::Exclude, false).await
}

async fn unpack(engine: &Engine, container: &Container, archive: &File) -> crate::driver::error::Result<()> {
    let failed = |error: std::io::Error| crate::driver::error::DriverError::Failed {
        attempted: format!("copying to {}", container.name),
        reason: error.to_string(),
    };
    let mut file = archive.try_clone().map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    engine.sessions.copy_in(&container.id, "/", Box::new(tokio::fs::File::from_std(file))).await
}

/// Paths per call: a command line has its limits.
const AT_ONCE: usize = 200;

async fn remove(engine: &Engine, container: &Container, paths: &[String]) -> Result<()> {
    for some in paths.chunks(AT_ONCE) {
        let command =
            ["rm", "-rf", "--"].into_iter().chain(some.iter().map(String::as_str)).map(str::to_owned).collect();
        let request = ExecRequest { command, user: Some("0".to_owned()), ..ExecRequest::default() };
        let (code, said) = program(engine, container, &request).await?;
        if code != 0 {
            let message =
                format!("removing what has gone in {}: rm ended with code {code}: {}", container.name, said.trim());
            return Err(AppError::failed(message));
        }
    }
    Ok(())
}

/// Runs the program of a `sync+exec` in each of the service's containers; what they said, where one failed.
pub async fn exec(engine: &Engine, project: &Project, rule: &Rule) -> Result<()> {
    let Some(hook) = &rule.exec else { return Ok(()) };
    for container in running(engine, project, &rule.service).await? {
        let (code, said) = program(engine, &container, &request(hook)).await?;
        if code != 0 {
            let shown = hook.command.join(" ");
            let message = format!("`{shown}` in {} ended with code {code}\n{}", container.name, said.trim_end());
            return Err(AppError::failed(message.trim_end()));
        }
    }
    Ok(())
}

fn request(hook: &Hook) -> ExecRequest {
    let variables = hook.environment.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
    ExecRequest {
        command: hook.command.clone(),
        user: hook.user.clone(),
        working_dir: hook.working_dir.clone(),
        environment: variables.collect(),
        privileged: hook.privileged,
        ..ExecRequest::default()
    }
}

/// Its exit code, and what it printed.
async fn program(engine: &Engine, container: &Container, request: &ExecRequest) -> Result<(i64, String)> {
    let mut session = engine.sessions.exec(&container.id, request).await?;
    let mut said = Vec::new();
    while let Some(chunk) = session.output.next().await {
        let (Chunk::Out(bytes) | Chunk::Err(bytes)) = chunk?;
        said.extend_from_slice(&bytes);
    }
    let code = crate::app::exec::exit_code(engine, &session.id).await?;
    Ok((code, String::from_utf8_lossy(&said).into_owned()))
}

/// Ids of the images that the containers of these services run.
pub async fn images(engine: &Engine, project: &Project, services: &[String]) -> Result<BTreeSet<String>> {
    let containers = inspect::containers(engine, project, services, OneOff::Exclude, true).await?;
    Ok(containers.into_iter().map(|container| container.image_id).collect())
}

/// Removes those of the images that have lost their names; one that is still needed stays.
pub async fn prune(engine: &Engine, images: &BTreeSet<String>) -> Result<()> {
    for id in images {
        if engine.images.image(id).await?.is_some_and(|image| image.tags.is_empty()) {
            // an image in use, or the base of another one, is refused: that is no failure
            let _ = engine.images.remove_image(id, false).await;
        }
    }
    Ok(())
}
