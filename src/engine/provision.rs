//! A step in a container of its own, with the mounts of the one it prepares: provisioning, or what comes before a start.

use super::error::StepError;
use super::ports::Tools;
use super::program::read;
use crate::driver::container::AnonymousVolumes;
use crate::driver::error::DriverError;
use crate::driver::session::LogOptions;
use crate::model::container::{ContainerSpec, InjectedFile, NetworkAttachment};
use crate::plan::{Holder, ProvisionMark, anonymous_subject, bind_subject, volume_subject};

/// A container to be run to its end.
pub(super) struct Job<'a> {
    /// What it is, for an error: followed by its name.
    pub(super) what: &'a str,
    /// The container.
    pub(super) spec: &'a ContainerSpec,
    /// Networks joined once it is made.
    pub(super) networks: &'a [NetworkAttachment],
    /// Files put in.
    pub(super) files: &'a [InjectedFile],
}

/// Makes the container, runs it to its end, and removes it, whatever its end was.
pub(super) async fn run(
    tools: &Tools<'_>,
    job: &Job<'_>,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    // an interrupted run may have left one
    tools.containers.remove(&job.spec.name, AnonymousVolumes::Keep).await?;
    let id = tools.containers.create_container(job.spec).await?;
    let result = to_the_end(tools, &id, job, line).await;
    // its volumes are those of the container it prepared
    let removed = tools.containers.remove(&id, AnonymousVolumes::Keep).await;
    result?;
    removed?;
    Ok(())
}

async fn to_the_end(
    tools: &Tools<'_>,
    id: &str,
    job: &Job<'_>,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    if !job.files.is_empty() {
        tools.containers.inject(id, job.files).await?;
    }
    for network in job.networks {
        tools.containers.connect(id, network).await?;
    }
    tools.containers.start(id).await?;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let output = tools.sessions.logs(id, &options).await?;
    let (output, code) = futures_util::future::join(read(tools, output, line), tools.containers.wait(id)).await;
    let code = code?;
    if code == 0 {
        return Ok(());
    }
    Err(StepError::Program {
        what: format!("the {} {}", job.what, job.spec.name),
        code,
        output: output.unwrap_or_default(),
    })
}

/// Keeps that a step was done, with each thing that holds a part of its result.
pub(super) async fn note(tools: &Tools<'_>, container: &str, mark: &ProvisionMark) -> Result<(), StepError> {
    let failed = |reason| StepError::Note { what: "provisioning".to_owned(), reason };
    for holder in &mark.holders {
        let subject = subject(tools, container, holder).await?;
        tools.marks.forget(&subject, &mark.beginning()).map_err(failed)?;
        let text = match holder {
            Holder::Bind { result, .. } if !result.exists() => mark.text_without_result(),
            _ => mark.text(),
        };
        tools.marks.done(&subject, &text).map_err(failed)?;
    }
    Ok(())
}

/// Who holds it, as the engine has it now; what has no name that lasts is the container's business.
async fn subject(tools: &Tools<'_>, container: &str, holder: &Holder) -> Result<String, DriverError> {
    let found = match holder {
        Holder::Bind { source, .. } => Some(bind_subject(source)),
        Holder::Container => None,
        Holder::Volume { name } => tools.containers.volume(name).await?.as_ref().and_then(volume_subject),
        Holder::Anonymous { target } => {
            let seen = tools.containers.container(container).await?;
            let mounted = seen.as_ref().and_then(|seen| seen.mounts.iter().find(|mount| mount.target == *target));
            mounted.and_then(|mount| anonymous_subject(&mount.source))
        }
    };
    Ok(found.unwrap_or_else(|| container.to_owned()))
}

/// A number that no other volume has.
pub(super) fn fresh_id() -> Result<String, StepError> {
    let mut bytes = [0; 8];
    let failed = |error| StepError::Note { what: "a volume".to_owned(), reason: format!("no random numbers: {error}") };
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(hex::encode(bytes))
}
