//! Consent to what a spec asks of this machine: asked once, kept, asked again when it changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::model::environment::Environment;
use crate::model::observed::Image;
use crate::spec::load::Loaded;
use crate::spec::node::At;
use crate::state::consent::Consent;
use crate::state::store::State;
use crate::trust::boundary::Boundary;
use crate::trust::capability::{Place, Survey};
use crate::trust::survey::{Neighbours, World, survey};
use crate::trust::verdict::{Change, Given, Question, Verdict, command_to_type, judge};

use super::error::{AppError, Result};
use super::remote;
use super::wiring::Engine;

/// What there is to judge. The same look can be taken again right before apply.
pub struct Subject<'a> {
    /// What is wanted, under its final names.
    pub environment: &'a Environment,
    /// The spec it came from: for places, and for every file that was read.
    pub loaded: &'a Loaded,
    /// Other names on the engine; `None` where nobody looked.
    pub neighbours: Option<&'a Neighbours>,
    /// Files that the user named on the command line (`-f`, `--env-file`), absolute.
    pub given_files: &'a [PathBuf],
    /// The user's home.
    pub home: &'a Path,
}

/// The user's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Exactly this is allowed.
    Yes,
    /// It is not.
    No,
    /// Nobody is there to ask.
    NobodyThere,
}

/// How consent is come by.
pub enum Means<'a> {
    /// `--trust` or `DEVUP_TRUST=1`: given beforehand, for this run only.
    GivenBeforehand,
    /// Somebody is asked.
    Ask(&'a mut dyn FnMut(&Question) -> Answer),
}

/// Asks the engine whose the names are that the spec writes out. Names derived from the project's own are not looked
/// up, so that most projects cost no call.
pub async fn neighbours(engine: &Engine, environment: &Environment) -> Result<Neighbours> {
    let project = environment.project_name();
    let (mut volumes, mut networks, mut images) = (Vec::new(), Vec::new(), Vec::new());
    for (key, volume) in &environment.volumes {
        if !volume.external && volume.name != format!("{project}_{key}") {
            volumes.extend(engine.containers.volume(&volume.name).await?);
        }
    }
    for (key, network) in &environment.networks {
        if !network.external && network.name != format!("{project}_{key}") {
            networks.extend(engine.containers.network(&network.name).await?);
        }
    }
    for service in environment.services.values().chain(environment.disabled.values()) {
        let Some(build) = &service.build else { continue };
        for name in service.image.iter().chain(&build.tags) {
            images.extend(engine.images.image(name).await?.map(|image| Image { tags: vec![name.clone()], ..image }));
        }
    }
    Ok(Neighbours::of(project, &volumes, &networks, &images))
}

/// Everything that the spec asks of this machine.
pub fn look(subject: &Subject<'_>) -> Survey {
    let origins = subject.loaded.origins();
    let places = |path: &str| place(&origins, path);
    let mut survey = survey(&World {
        environment: subject.environment,
        boundary: Boundary::new(&subject.environment.working_dir, Some(subject.home)),
        neighbours: subject.neighbours,
        read_files: &subject.loaded.read_files,
        given_files: subject.given_files,
        places: &places,
    });
    for other in &subject.loaded.remotes {
        let place = other.at.source.as_ref().map(|source| Place { file: source.path.clone(), line: other.at.line });
        let capability = remote::capability(&other.shown, place);
        if !survey.capabilities.contains(&capability) {
            survey.capabilities.push(capability);
        }
    }
    survey
}

fn place(origins: &HashMap<String, At>, path: &str) -> Option<Place> {
    let at = origins.get(path)?;
    Some(Place { file: at.source.as_ref()?.path.clone(), line: at.line })
}

/// Makes sure that the user agrees to all of it: from before, beforehand, or now.
pub fn ensure(state: &State, project: &Path, survey: &Survey, means: Means<'_>, now: Timestamp) -> Result<()> {
    let question = match verdict(state, project, survey)? {
        Verdict::Nothing | Verdict::Granted => return Ok(()),
        Verdict::Ask(question) => question,
    };
    let ask = match means {
        Means::GivenBeforehand => return Ok(()),
        Means::Ask(ask) => ask,
    };
    match ask(&question) {
        Answer::Yes => keep(state, project, survey, now),
        Answer::No => Err(AppError::needs_decision(
            "not done: the spec asks for more than you allow on this machine",
            format!("look at it with `{} --show`", command_to_type(project)),
        )),
        Answer::NobodyThere => Err(AppError::needs_decision(unasked(&question), command_to_type(project))),
    }
}

/// Makes sure right before apply that nothing was turned since: a link, a script, a spec.
pub fn still_holds(agreed: &Survey, now: &Survey) -> Result<()> {
    let (digest, lines, scripts) = (agreed.digest().to_string(), agreed.lines(), agreed.scripts());
    let given = Given { digest: &digest, lines: &lines, scripts: &scripts };
    match judge(now, (!agreed.is_empty()).then_some(given)) {
        Verdict::Nothing | Verdict::Granted => Ok(()),
        Verdict::Ask(question) => Err(AppError::needs_decision(
            format!(
                "what the spec asks of this machine has changed while devup was at work:\n{}",
                change_lines(&question)
            ),
            "run devup again to look at it".to_owned(),
        )),
    }
}

/// What the kept consent says about a survey.
pub fn verdict(state: &State, project: &Path, survey: &Survey) -> Result<Verdict> {
    if survey.is_empty() {
        return Ok(Verdict::Nothing);
    }
    let kept = state.consent(&canonical(project))?;
    let given =
        kept.as_ref().map(|kept| Given { digest: &kept.digest, lines: &kept.capabilities, scripts: &kept.scripts });
    Ok(judge(survey, given))
}

/// Keeps the user's consent to exactly this.
pub fn keep(state: &State, project: &Path, survey: &Survey, now: Timestamp) -> Result<()> {
    let consent = Consent {
        digest: survey.digest().to_string(),
        capabilities: survey.lines(),
        scripts: survey.scripts(),
        given: now,
    };
    Ok(state.keep_consent(&canonical(project), consent)?)
}

/// Takes consent back; says whether there was any.
pub fn revoke(state: &State, project: &Path) -> Result<bool> {
    Ok(state.revoke_consent(&canonical(project))?)
}

fn canonical(project: &Path) -> PathBuf {
    std::fs::canonicalize(project).unwrap_or_else(|_| project.to_owned())
}

fn unasked(question: &Question) -> String {
    format!(
        "the spec asks for this on your machine, and nobody is at the terminal to allow it:\n{}",
        change_lines(question)
    )
}

/// The question in lines: everything the first time, else what is different.
pub fn change_lines(question: &Question) -> String {
    let mut lines = Vec::new();
    if question.difference.is_empty() {
        for capability in &question.capabilities {
            let place = capability.place.as_ref().map(|place| format!("   ({place})")).unwrap_or_default();
            lines.push(format!("  {capability}{place}"));
        }
    }
    for change in &question.difference {
        lines.push(match change {
            Change::Added { line } => {
                let found = question.capabilities.iter().find(|capability| capability.to_string() == *line);
                let place = found.and_then(|found| found.place.as_ref()).map(|place| format!("   ({place})"));
                format!("  + {line}{}", place.unwrap_or_default())
            }
            Change::Gone { line } => format!("  - {line}"),
            Change::Script { path } => format!("  ~ {} has other content now", path.display()),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;
    use crate::trust::capability::{Capability, Kind};
    use std::collections::BTreeMap;

    fn asks(actions: &[&str]) -> Survey {
        let capability = |action: &&str| Capability {
            kind: Kind::Privileged,
            subject: "service web".to_owned(),
            action: (*action).to_owned(),
            place: Some(Place { file: "compose.yaml".into(), line: 3 }),
            scripts: BTreeMap::new(),
        };
        Survey { capabilities: actions.iter().map(capability).collect() }
    }

    fn ensure_with(state: &State, survey: &Survey, answer: Answer) -> (Result<()>, Vec<Question>) {
        let mut asked = Vec::new();
        let mut ask = |question: &Question| {
            asked.push(question.clone());
            answer
        };
        let result = ensure(state, Path::new("/shop"), survey, Means::Ask(&mut ask), Timestamp::UNIX_EPOCH);
        (result, asked)
    }

    #[test]
    fn a_spec_that_asks_for_nothing_is_never_interrupted() {
        let (_folder, state) = temporary();
        let (result, asked) = ensure_with(&state, &Survey::default(), Answer::NobodyThere);
        assert!(result.is_ok() && asked.is_empty());
        assert!(!state.layout().state.exists());
    }

    #[test]
    fn it_is_asked_once_and_again_with_the_difference() {
        let (_folder, state) = temporary();
        let (result, asked) = ensure_with(&state, &asks(&["a"]), Answer::Yes);
        assert!(result.is_ok() && asked.len() == 1);
        assert!(ensure_with(&state, &asks(&["a"]), Answer::No).1.is_empty());
        let (result, asked) = ensure_with(&state, &asks(&["a", "b"]), Answer::No);
        assert!(matches!(result, Err(AppError::NeedsDecision { .. })));
        assert_eq!(change_lines(&asked[0]), "  + service web b   (compose.yaml:3)");
        assert_eq!(ensure_with(&state, &asks(&["a", "b"]), Answer::No).1.len(), 1, "a no is not kept");
        assert!(revoke(&state, Path::new("/shop")).unwrap());
        assert_eq!(ensure_with(&state, &asks(&["a"]), Answer::No).1.len(), 1);
    }

    #[test]
    fn without_a_terminal_the_command_to_type_is_named() {
        let (_folder, state) = temporary();
        let error = ensure_with(&state, &asks(&["a"]), Answer::NobodyThere).0.unwrap_err();
        assert!(error.to_string().contains("service web a   (compose.yaml:3)"), "{error}");
        assert_eq!(error.remedy().as_deref(), Some("devup --project-directory /shop trust"));
        let beforehand =
            ensure(&state, Path::new("/shop"), &asks(&["a"]), Means::GivenBeforehand, Timestamp::UNIX_EPOCH);
        assert!(beforehand.is_ok());
        assert!(state.consents().unwrap().is_empty(), "automation's answer is for its own run");
    }

    #[test]
    fn a_change_between_consent_and_apply_stops() {
        assert!(still_holds(&asks(&["a"]), &asks(&["a"])).is_ok());
        assert!(still_holds(&asks(&[]), &asks(&[])).is_ok());
        assert!(still_holds(&asks(&[]), &asks(&["a"])).is_err());
        assert!(still_holds(&asks(&["a"]), &asks(&["a", "b"])).is_err());
    }
}
