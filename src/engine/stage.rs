//! Commands of a dev container's life, inside: those of one stage side by side, all to their ends.

use futures_util::future;
use indexmap::IndexMap;

use super::error::StepError;
use super::ports::Tools;
use super::{program, session};
use crate::driver::session::ExecRequest;
use crate::model::development::{Command, Session, Stage};
use crate::model::resource::SecretSource;

/// Runs a stage. Where several fail, the first in the order of the file is told.
pub(super) async fn run(
    tools: &Tools<'_>,
    container: &str,
    stage: &Stage,
    (user, secrets): (&Session, &IndexMap<String, SecretSource>),
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    let mut prepared = session::request(tools.sessions, container, user, ExecRequest::default()).await?;
    for (name, source) in secrets {
        let value = tools.secrets.resolve(source).await.map_err(|reason| StepError::Content {
            kind: "secret",
            name: name.clone(),
            target: stage.name.clone(),
            reason,
        })?;
        prepared.environment.push(format!("{name}={}", String::from_utf8_lossy(&value)));
    }
    let one = |(name, command): (&String, &Command)| {
        let what = if name.is_empty() { stage.name.clone() } else { format!("{} {name}", stage.name) };
        // taking variables away is part of the prepared command
        let words = prepared.command.iter().cloned().chain(command.words()).collect();
        let request = ExecRequest { command: words, ..prepared.clone() };
        async move { program::run(tools, container, &request, &what, line).await }
    };
    let ended = future::join_all(stage.commands.iter().map(one)).await;
    ended.into_iter().collect()
}
