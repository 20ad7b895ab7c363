//! `devup trust`

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::trust::{self, Means, Subject};
use crate::base::clock::{Clock, SystemClock};
use crate::state::store::State;
use crate::trust::verdict::{Question, Verdict};
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  devup trust              show what the spec asks of this machine, and allow exactly that
  devup trust --show       only show it, and whether it is allowed
  devup trust --revoke     take the answer back
  DEVUP_TRUST=1 devup      for automation: allow it for this run

Exit codes: 0 allowed or nothing asked for, 4 not allowed.";

/// Arguments of `trust`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only show the list
    #[arg(long, conflicts_with = "revoke")]
    show: bool,
    /// Take consent back
    #[arg(long)]
    revoke: bool,
}

/// Shows, asks, keeps or takes back.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    let project = context.project()?;
    let environment = project.environment()?;
    if arguments.revoke {
        let was = trust::revoke(&state, &environment.working_dir)?;
        context.screen.say(if was { "Consent is taken back." } else { "There was no consent." });
        return Ok(Exit::DONE);
    }
    let Some(loaded) = project.spec.as_deref() else { return Ok(Exit::DONE) };
    // without an engine, every name that the spec writes out may be another's: the list is longer then, never shorter
    let neighbours = context.block_on(async { trust::neighbours(&context.engine().await?, environment).await }).ok();
    let given_files = request.given_files(&loaded.config_files, &loaded.env_files);
    let subject = Subject {
        environment,
        loaded,
        neighbours: neighbours.as_ref(),
        given_files: &given_files,
        home: &request.home,
    };
    let survey = trust::look(&subject);
    let verdict = trust::verdict(&state, &environment.working_dir, &survey)?;
    if arguments.show {
        return show(context, &survey.capabilities, &verdict);
    }
    if survey.is_empty() {
        context.screen.say("The spec asks for nothing beyond its own folder and resources.");
        return Ok(Exit::DONE);
    }
    if request.trust {
        // here the option is the answer to the question that the command is
        trust::keep(&state, &environment.working_dir, &survey, SystemClock.now())?;
    } else {
        let mut ask = |question: &Question| ui::consent::ask(&context.screen, &project.name, question);
        trust::ensure(&state, &environment.working_dir, &survey, Means::Ask(&mut ask), SystemClock.now())?;
    }
    context.screen.say("Allowed. `devup trust --revoke` takes it back.");
    Ok(Exit::DONE)
}

fn show(context: &Context, capabilities: &[crate::trust::capability::Capability], verdict: &Verdict) -> Result<Exit> {
    let (allowed, exit) = match verdict {
        Verdict::Nothing => ("nothing_asked", Exit::DONE),
        Verdict::Granted => ("yes", Exit::DONE),
        Verdict::Ask(_) => ("no", Exit::NEEDS_DECISION),
    };
    if context.global.json {
        context.screen.json_pretty(&json!({ "allowed": allowed, "capabilities": capabilities }))?;
        return Ok(exit);
    }
    for capability in capabilities {
        let place = capability.place.as_ref().map(|place| format!("   ({place})")).unwrap_or_default();
        context.screen.answer(&format!("{}\n", ui::text::clean(&format!("{capability}{place}"))))?;
    }
    context.screen.say(match verdict {
        Verdict::Nothing => "The spec asks for nothing beyond its own folder and resources.",
        Verdict::Granted => "All of it is allowed.",
        Verdict::Ask(_) => "Not allowed yet: `devup trust` asks.",
    });
    Ok(exit)
}
