//! `ps`: the containers of a project.

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::select::{OneOff, Wanted};
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::model::observed::{Container, State};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Services; none: all.
    pub services: Vec<String>,
    /// Stopped containers and those of `run` as well.
    pub all: bool,
    /// Only in these states, stopped ones included.
    pub states: Vec<State>,
    /// Containers of services that the spec does not have are left out.
    pub without_orphans: bool,
}

/// The containers, by name.
pub async fn ps(engine: &Engine, project: &Project, options: &Options) -> Result<Vec<Container>> {
    let containers = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    project.check_services(&options.services, &containers)?;
    let wanted = Wanted {
        services: &options.services,
        one_off: if options.all { OneOff::Include } else { OneOff::Exclude },
        stopped: options.all || !options.states.is_empty(),
    };
    let mut kept = wanted.of(containers);
    if !options.states.is_empty() {
        kept.retain(|container| options.states.contains(&container.state));
    }
    if options.without_orphans {
        kept.retain(|container| project.declares(container.service()));
    }
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(kept)
}

/// A state by its name, as `--status` has it.
pub fn state(name: &str) -> Result<State> {
    Ok(match name.to_lowercase().as_str() {
        "created" => State::Created,
        "running" => State::Running,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "removing" => State::Removing,
        "exited" => State::Exited,
        "dead" => State::Dead,
        other => {
            return Err(AppError::usage(format!("unknown status {other:?}"))
                .help("one of paused, restarting, removing, running, dead, created, exited"));
        }
    })
}
