//! `down` and `destroy`.

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::wiring::Engine;
use crate::observe::{Request, observe};
use crate::plan::{DownOptions, Plan, down};

/// What `down` would do: containers with their users first, then networks, and what else was asked for. Perform it as
/// any plan, under the project's lock ([`crate::app::up::lock`]).
pub async fn plan(engine: &Engine, project: &Project, options: &DownOptions) -> Result<Plan> {
    let observed = observe(&*engine.containers, &*engine.images, &Request::for_project(&project.name)).await?;
    down(project.environment.as_ref(), &observed, options).map_err(|error| AppError::failed(error.to_string()))
}
