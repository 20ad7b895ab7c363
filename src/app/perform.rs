//! Performs the plans of verbs on what is there already: `stop`, `start`, `rm` and the like.

use async_trait::async_trait;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::wiring::Engine;
use crate::driver::image::ProgressSink;
use crate::engine::{Cancel, NoMarks, Pace, Report, SecretResolver, Tools, Workshop, apply};
use crate::model::event::Listener;
use crate::model::resource::SecretSource;
use crate::model::task::Provision;
use crate::plan::Plan;

/// Plans over containers that are there hold no step that makes an image or reads a secret.
struct Unneeded;

#[async_trait]
impl SecretResolver for Unneeded {
    async fn resolve(&self, source: &SecretSource) -> Result<Vec<u8>, String> {
        Err(format!("secret {} is not read by this verb", source.name))
    }
}

#[async_trait]
impl Workshop for Unneeded {
    async fn build_env(&self, env: &str, _reference: &str, _progress: ProgressSink<'_>) -> Result<(), String> {
        Err(format!("env {env} is not built by this verb"))
    }
    async fn provision(
        &self,
        base: &str,
        _reference: &str,
        _steps: &[Provision],
        _progress: ProgressSink<'_>,
    ) -> Result<(), String> {
        Err(format!("{base} is not provisioned by this verb"))
    }
}

/// Performs a plan over containers that are there.
pub async fn perform(
    request: &Request,
    engine: &Engine,
    project: &Project,
    plan: &Plan,
    listener: &dyn Listener,
    cancel: &Cancel,
) -> Result<Report> {
    let tools = Tools {
        project: &project.name,
        containers: &*engine.containers,
        images: &*engine.images,
        sessions: &*engine.sessions,
        secrets: &Unneeded,
        workshop: &Unneeded,
        marks: &NoMarks,
        listener,
    };
    let pace = Pace { width: request.parallel.unwrap_or(Pace::default().width), ..Pace::default() };
    Ok(apply(plan, &tools, pace, cancel).await)
}

/// A report as a result: the first failure in its own words, with how much is left.
pub fn judge(report: &Report) -> Result<()> {
    if report.interrupted {
        let left: Vec<&str> = report.left().map(|step| step.subject.as_str()).collect();
        let left = if left.is_empty() { String::new() } else { format!("; left: {}", left.join(", ")) };
        return Err(AppError::Interrupted { message: format!("interrupted{left}") });
    }
    let failures: Vec<String> = report.failures().map(|(step, error)| format!("{}: {error}", step.subject)).collect();
    match failures.as_slice() {
        [] => Ok(()),
        _ if report.lost_engine() => Err(AppError::EngineUnavailable {
            message: failures.join("\n"),
            help: Some("`devup doctor` says what is wrong with the engine; then the same command again".to_owned()),
        }),
        _ => Err(AppError::failed(failures.join("\n"))),
    }
}
