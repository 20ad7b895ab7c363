//! A provisioning step in a container of its own, with the mounts of the one it prepares.

use super::error::StepError;
use super::ports::Tools;
use super::program::read;
use crate::driver::container::AnonymousVolumes;
use crate::driver::session::LogOptions;
use crate::model::container::ContainerSpec;

/// Makes the container, runs it to its end, and removes it, whatever its end was.
pub(super) async fn run(
    tools: &Tools<'_>,
    spec: &ContainerSpec,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    // an interrupted run may have left one
    tools.containers.remove(&spec.name, AnonymousVolumes::Keep).await?;
    let id = tools.containers.create_container(spec).await?;
    let result = to_the_end(tools, &id, &spec.name, line).await;
    // its volumes are those of the container it prepared
    let removed = tools.containers.remove(&id, AnonymousVolumes::Keep).await;
    result?;
    removed?;
    Ok(())
}

async fn to_the_end(
    tools: &Tools<'_>,
    id: &str,
    name: &str,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    tools.containers.start(id).await?;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let output = tools.sessions.logs(id, &options).await?;
    let (output, code) = futures_util::future::join(read(tools, output, line), tools.containers.wait(id)).await;
    let code = code?;
    if code == 0 {
        return Ok(());
    }
    Err(StepError::Program {
        what: format!("the provisioning step in {name}"),
        code,
        output: output.unwrap_or_default(),
    })
}
