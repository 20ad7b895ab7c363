//! `devup restore --service` and `--instance`: data alone, into the project's own volumes or into those of a copy.

use super::ask::Host;
use super::back::Asked;
use super::before;
use super::context::Context;
use super::exit::Exit;
use super::raise;
use super::root::GlobalArgs;
use crate::app::before::SaveFirst;
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::refill::{Refill, refill};
use crate::app::request::Request;
use crate::app::restore::data::{self, DataPlan};
use crate::app::up::UpRequest;
use crate::app::vaults;
use crate::app::volumes::{Holdings, holdings};
use crate::backup::kept::Kept;
use crate::state::store::State;
use crate::ui::data as answers;
use crate::ui::restore as view;

/// Shows what would be done, and does it.
pub fn run(context: &Context, asked: &Asked<'_>, services: &[String]) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let of = whose(context, asked)?;
    let (request, project) = target(context, &state, &of)?;
    let opened = vaults::open(&state, &request, asked.repository, &asked.keys)?;
    let mut kept = opened.vault.kept(&data::snapshot(&opened, &of, &asked.wish.moment)?)?;
    if kept.manifest.project != of {
        let message = format!("snapshot {} is of project {}, not of {of}", kept.id(), kept.manifest.project);
        return Err(AppError::usage(message).help("`devup backup list` shows which is whose"));
    }
    let id = kept.id();
    data::narrow(&mut kept.manifest, &id, project.environment()?, services)?;
    let holdings = look(&project)?;
    let plan = data::plan(&kept.manifest, &id, &project.name, &holdings);
    if context.global.dry_run {
        if context.global.json {
            context.screen.json_pretty(&plan)?;
        } else {
            context.screen.answer(&view::data(&plan))?;
        }
        return Ok(Exit::PENDING);
    }
    context.screen.say(view::data(&plan).trim_end());
    refuse_newer(&plan, asked)?;
    let how = SaveFirst { declined: asked.no_backup, origin: asked.keys.origin.clone(), step: "restore" };
    if plan.data.iter().any(|way| way.there) {
        before::save(context, &project, &how)?;
    }
    let refill = load(context, (&request, &project), &kept, asked.no_up)?;
    answer(context, &plan, &refill)
}

/// Whose backup: the project that is named, else that of this folder, whatever copy is to get its data.
fn whose(context: &Context, asked: &Asked<'_>) -> Result<String> {
    match asked.wish.projects.as_slice() {
        [one] if !one.is_empty() => Ok(one.clone()),
        [_, _, ..] => Err(AppError::usage("`--service` and `--instance` are for one project").help("name one")),
        _ => {
            let global = GlobalArgs { instance: None, ..context.global.clone() };
            Ok(Context { global, screen: context.screen }.project()?.name)
        }
    }
}

/// The project whose volumes are meant, where its folder is.
fn target(context: &Context, state: &State, of: &str) -> Result<(Request, Project)> {
    let mut request = context.request()?;
    if let Some(entry) = state.registry()?.get(of) {
        entry.path.clone_into(&mut request.spec.current_dir);
        if entry.asked && request.instance.is_none() {
            request.spec.project_name = Some(of.to_owned());
        }
    }
    let project = context.load(|_| Project::load(&request))?;
    let base = project.decision.as_ref().map(|decision| decision.base.as_str());
    if project.name != of && (request.instance.is_none() || base != Some(of)) {
        let message = format!("project {of} is not on this machine, so there is nothing to put its data into");
        return Err(AppError::failed(message).help(format!("`devup restore {of}` brings all of it back")));
    }
    Ok((request, project))
}

fn look(project: &Project) -> Result<Holdings> {
    holdings(&Live::connect()?, &project.name, project.environment.as_ref())
}

/// Never over data that is there, unless it may be replaced.
fn refuse_newer(plan: &DataPlan, asked: &Asked<'_>) -> Result<()> {
    let there: Vec<&str> = plan.data.iter().filter(|way| way.there).map(|way| way.part.as_str()).collect();
    if there.is_empty() || asked.wish.replace {
        return Ok(());
    }
    let message = format!("{} has data of its own: {}", plan.into, there.join(", "));
    Err(AppError::needs_decision(
        message,
        "the same command with --replace saves it first, and puts the backup's in place",
    ))
}

fn load(context: &Context, on: (&Request, &Project), kept: &Kept, no_up: bool) -> Result<Refill> {
    let (request, project) = on;
    let host = Host::of(context)?;
    // volumes without a name come with their containers, and databases are loaded by theirs
    raise::create(context, (request, project, &host))?;
    let refill = refill(&Live::connect()?, kept, &project.name, project.environment.as_ref())?;
    if !no_up {
        raise::raise(context, (request, project, &host), &UpRequest::default())?;
    }
    Ok(refill)
}

fn answer(context: &Context, plan: &DataPlan, refill: &Refill) -> Result<Exit> {
    if context.global.json {
        context.screen.json_pretty(&serde_json::json!({ "plan": plan, "restored": refill }))?;
    } else {
        context.screen.answer(&answers::restored(&format!("snapshot {}", plan.snapshot), refill))?;
    }
    if refill.skipped.is_empty() {
        return Ok(Exit::DONE);
    }
    Err(AppError::failed(format!("not all data of {} came back: {}", plan.project, refill.skipped.join("; ")))
        .help("mend what it names, and run the same command again"))
}
