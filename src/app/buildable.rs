//! What the engine's builder has no way to do is said before anything is begun, with the place that asks for it.

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::wiring::Engine;
use crate::driver::error::DriverError;
use crate::driver::image::BuildRequest;
use crate::plan::{Operation, Plan};
use crate::spec::path::show;

/// Every build of the plan is one that the engine can do.
pub fn check(engine: &Engine, project: &Project, plan: &Plan) -> Result<()> {
    for step in &plan.steps {
        let Operation::BuildImage { reference, build, .. } = &step.operation else { continue };
        let tags = vec![reference.clone()];
        if let Err(error) = engine.images.can_build(&BuildRequest { tags, ..BuildRequest::of((**build).clone()) }) {
            let service = step.service.as_deref().unwrap_or_default();
            let place = place(project, service, &error).unwrap_or_default();
            return Err(AppError::failed(format!("service {service}: {error}{place}")));
        }
    }
    Ok(())
}

/// Where the key stands that the engine can't honour: its reason begins with the key's name.
fn place(project: &Project, service: &str, error: &DriverError) -> Option<String> {
    let DriverError::NotSupported { reason, .. } = error else { return None };
    let key = reason.split_whitespace().next()?.trim_matches('`');
    let origins = project.spec.as_ref()?.origins();
    let at = origins
        .get(&show(&["services", service, "build", key]))
        .or_else(|| origins.get(&show(&["services", service, "build"])))?;
    Some(format!(" ({}:{})", at.source.as_ref()?.path.display(), at.line))
}
