//! Programs run inside containers: hooks and tasks, their output told line by line.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::error::StepError;
use super::ports::Tools;
use crate::driver::error::Result as DriverResult;
use crate::driver::session::{ExecRequest, LogOptions};
use crate::driver::stream::Chunk;
use crate::model::service::Variables;

/// How many lines an error shows.
const SHOWN: usize = 20;

/// The last log lines of a container; empty where they cannot be had (the error they would adorn counts more).
pub(super) async fn last_lines(tools: &Tools<'_>, id: &str) -> String {
    let options = LogOptions { tail: Some(SHOWN as u64), ..LogOptions::default() };
    match tools.sessions.logs(id, &options).await {
        Ok(output) => read(tools, output, &|_| {}).await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Reads output to its end, hands on each line, and returns the last ones; all without the values of secrets.
pub(super) async fn read(
    tools: &Tools<'_>,
    mut output: BoxStream<'static, DriverResult<Chunk>>,
    line: &(dyn Fn(&str) + Send + Sync),
) -> DriverResult<String> {
    tools.secrets.know_all().await;
    let mut kept: VecDeque<String> = VecDeque::new();
    let mut open = String::new();
    let mut take = |text: &str| {
        let text = tools.secrets.hide(text.trim_end_matches('\r'));
        line(&text);
        if kept.len() == SHOWN {
            kept.pop_front();
        }
        kept.push_back(text);
    };
    while let Some(chunk) = output.next().await {
        let (Chunk::Out(bytes) | Chunk::Err(bytes)) = chunk?;
        open.push_str(&String::from_utf8_lossy(&bytes));
        while let Some(end) = open.find('\n') {
            take(&open[..end]);
            open.drain(..=end);
        }
    }
    if !open.is_empty() {
        take(&open);
    }
    Ok(Vec::from(kept).join("\n"))
}

/// Runs a program to its end. A code other than 0 is an error with the last lines.
pub(super) async fn run(
    tools: &Tools<'_>,
    id: &str,
    request: &ExecRequest,
    what: &str,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), StepError> {
    let session = tools.sessions.exec(id, request).await?;
    let output = read(tools, session.output, line).await?;
    let code = tools.sessions.exec_exit_code(&session.id).await?.unwrap_or(0);
    if code == 0 { Ok(()) } else { Err(StepError::Program { what: what.to_owned(), code, output }) }
}

/// `NAME=value` of variables that have one.
pub(super) fn variables(environment: &Variables) -> Vec<String> {
    environment.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect()
}
