//! `exec` and `shell`: a program in a container that runs.

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::select::{self, OneOff, Wanted};
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::driver::session::{ExecRequest, Session};
use crate::model::observed::{Container, State};

/// Which container.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its service.
    pub service: String,
    /// Its number; the first one where nothing is said.
    pub index: Option<u32>,
}

/// Finds the container; it runs.
pub async fn find(engine: &Engine, project: &Project, target: &Target) -> Result<Container> {
    let all = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    project.check_services(std::slice::from_ref(&target.service), &all)?;
    let up = Wanted { services: &[], one_off: OneOff::Exclude, stopped: false }.of(all);
    let container = select::one(&up, &target.service, target.index)?.clone();
    if container.state == State::Paused {
        return Err(AppError::failed(format!("container {} is paused", container.name))
            .help(format!("`devup unpause {}`, then the same command again", target.service)));
    }
    Ok(container)
}

/// Starts a program in it.
pub async fn exec(engine: &Engine, container: &Container, request: &ExecRequest) -> Result<Session> {
    Ok(engine.sessions.exec(&container.id, request).await?)
}

/// Exit code of a program that ended.
pub async fn exit_code(engine: &Engine, exec: &str) -> Result<i64> {
    engine
        .sessions
        .exec_exit_code(exec)
        .await?
        .ok_or_else(|| AppError::failed("the engine does not know how the program ended"))
}

/// Shells to try, best first. `exec` of a missing program fails, so one `sh` looks for the better ones.
pub fn shell_command() -> Vec<String> {
    let script = "for s in bash zsh ash; do command -v $s >/dev/null 2>&1 && exec $s; done; exec sh";
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// The first service that runs, in the order of the spec.
pub async fn first_running(engine: &Engine, project: &Project) -> Result<Target> {
    let all = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    let up = Wanted { services: &[], one_off: OneOff::Exclude, stopped: false }.of(all);
    let runs = |service: &str| up.iter().any(|container| container.service() == service);
    let of_spec = project.environment.iter().flat_map(|environment| environment.services.keys());
    let workplace = project.environment.iter().filter_map(|environment| environment.development.as_ref());
    let of_spec = workplace.map(|development| &development.service).chain(of_spec);
    let service = of_spec.map(String::as_str).find(|service| runs(service)).or_else(|| Some(up.first()?.service()));
    service.map(|service| Target { service: service.to_owned(), index: None }).ok_or_else(|| {
        AppError::failed(format!("no service of project {} runs", project.name)).help("start them with `devup`")
    })
}
