//! Performs the plans of verbs on what is there already: `stop`, `start`, `rm` and the like.

use async_trait::async_trait;

use crate::app::confidential::Confidential;
use crate::app::error::{AppError, Result};
use crate::app::marks::ProjectMarks;
use crate::app::project::Project;
use crate::app::provider::ProjectProviders;
use crate::app::request::Request;
use crate::app::wiring::Engine;
use crate::driver::image::{BuildRequest, ProgressSink};
use crate::engine::{Cancel, Pace, Providers, Report, SecretResolver, Told, Tools, Workshop, apply};
use crate::model::event::Listener;
use crate::model::provider::{Model, Provider};
use crate::model::resource::SecretSource;
use crate::model::task::Provision;
use crate::plan::Plan;
use crate::secret::resolve::Commands;
use crate::state::store::State;

/// Plans over containers that are there hold no step that makes an image or delivers a secret.
struct Unneeded;

/// Where there is no spec, no secret of it is known.
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
    async fn surround(&self, _request: BuildRequest) -> Result<BuildRequest, String> {
        Err("no image is built by this verb".to_owned())
    }
}

/// Where there is no spec, nobody knows who provides what.
#[async_trait]
impl Providers for Unneeded {
    async fn up(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("service {service} is not brought up by this verb"))
    }
    async fn down(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("service {service} is not released by this verb"))
    }
    async fn stop(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("service {service} is not stopped by this verb"))
    }
    async fn serve(&self, key: &str, _model: &Model, _told: Told<'_>) -> Result<(), String> {
        Err(format!("model {key} is not served by this verb"))
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
    let state = State::open(request.layout.clone())?;
    // hooks speak here too
    let known = project.environment().is_ok().then(|| Confidential::of(request, project, &state, Commands::Refused));
    let known = known.transpose()?;
    let providers = project.environment().ok().map(|environment| ProjectProviders::of(request, environment));
    let tools = Tools {
        project: &project.name,
        containers: &*engine.containers,
        images: &*engine.images,
        sessions: &*engine.sessions,
        secrets: known.as_ref().map_or(&Unneeded as &dyn SecretResolver, |known| known),
        workshop: &Unneeded,
        providers: providers.as_ref().map_or(&Unneeded as &dyn Providers, |known| known),
        marks: &ProjectMarks { state: &state, project: &project.name },
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
    if failures.is_empty() {
        return Ok(());
    }
    let (message, remedies) = said_once(failures);
    if report.lost_engine() {
        let help = "`devup doctor` says what is wrong with the engine; then the same command again".to_owned();
        return Err(AppError::EngineUnavailable { message, help: Some(help) });
    }
    let left = match report.left().count() {
        0 => None,
        1 => Some(
            "1 step that needs it was not begun; once this is mended, the same command goes on from here".to_owned(),
        ),
        many => Some(format!(
            "{many} steps that need it were not begun; once this is mended, the same command goes on from here"
        )),
    };
    let help: Vec<String> = remedies.into_iter().chain(left).collect();
    let help = (!help.is_empty()).then(|| help.join("\n"));
    Err(AppError::Failed { message, help })
}

/// One failure per line. What several of them end with, after a semicolon, is what to do about them: said once, apart.
fn said_once(failures: Vec<String>) -> (String, Vec<String>) {
    let remedy = |failure: &str| failure.rsplit_once("; ").map(|(_, remedy)| remedy.to_owned());
    let all: Vec<String> = failures.iter().filter_map(|failure| remedy(failure)).collect();
    let mut shared: Vec<String> = Vec::new();
    for one in &all {
        let often = all.iter().filter(|other| *other == one).count() > 1;
        if often && !one.contains('\n') && !shared.contains(one) {
            shared.push(one.clone());
        }
    }
    let short = |failure: String| match failure.rsplit_once("; ") {
        Some((what, remedy)) if shared.iter().any(|known| known == remedy) => what.to_owned(),
        _ => failure,
    };
    let lines: Vec<String> = failures.into_iter().map(short).collect();
    (lines.join("\n"), shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::error::DriverError;
    use crate::engine::{Ended, StepError};
    use crate::model::event::Outcome;
    use crate::plan::StepId;

    fn ended(step: u32, outcome: Outcome, error: Option<StepError>) -> Ended {
        Ended { step: StepId(step), subject: format!("Container c{step}"), outcome, error, tolerated: false }
    }

    #[test]
    fn what_helps_against_several_failures_is_said_once() {
        let pull = |image: &str, remedy: &str| {
            let reason = format!("no such host{remedy}");
            StepError::Driver(DriverError::Failed { attempted: format!("pulling image {image}"), reason })
        };
        let doctor = "; check the network";
        let errors = [pull("a", doctor), pull("b", doctor), pull("c", "; log in"), pull("d", "")];
        let failed = |(step, error): (u32, &StepError)| {
            ended(step, Outcome::Failed { error: error.to_string() }, Some(error.clone()))
        };
        let steps = (1..).zip(&errors).map(failed).collect();
        let error = judge(&Report { steps, interrupted: false }).unwrap_err();
        let AppError::Failed { message, help } = error else { panic!("{error}") };
        let lines: Vec<&str> = message.lines().map(|line| line.split_once(": ").unwrap().1).collect();
        assert_eq!(
            lines,
            [
                "pulling image a: no such host",
                "pulling image b: no such host",
                "pulling image c: no such host; log in",
                "pulling image d: no such host",
            ]
        );
        assert_eq!(help.as_deref(), Some("check the network"));
    }

    #[test]
    fn a_failure_tells_how_much_is_left() {
        let gone = StepError::Gone { name: "c1".to_owned() };
        let skipped = || Outcome::Skipped { because: "1".to_owned() };
        let steps = vec![
            ended(1, Outcome::Failed { error: gone.to_string() }, Some(gone.clone())),
            ended(2, skipped(), None),
            ended(3, skipped(), None),
        ];
        let error = judge(&Report { steps, interrupted: false }).unwrap_err();
        let AppError::Failed { message, help } = error else { panic!("{error}") };
        assert_eq!(message, "Container c1: container c1 was removed meanwhile: run devup again");
        assert!(help.unwrap().starts_with("2 steps that need it were not begun"));
    }
}
