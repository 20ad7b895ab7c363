//! `devup backup drill`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::ask::Host;
use super::backup::Run;
use super::context::Context;
use super::exit::Exit;
use super::{perform, raise};
use crate::app::down;
use crate::app::drill::{self, Drill, Means, Raise};
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::restore::rehearsal;
use crate::app::up::UpRequest;
use crate::app::vaults::Opened;
use crate::base::lock::{Attempt, Lock};
use crate::plan::{DownOptions, RemoveImages};
use crate::ui::drill as view;

/// Held by whoever drills; no project's name begins with a dot.
const LOCK: &str = ".drill";

/// Arguments of `backup drill`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The projects; none: the one of this folder
    #[arg(value_name = "PROJECT")]
    projects: Vec<String>,
    /// Every project that the repository has
    #[arg(long, conflicts_with = "projects")]
    all: bool,
}

/// Proves that the latest backups can be restored.
pub fn run(arguments: &Args, run: &Run<'_>) -> Result<Exit> {
    let projects = if arguments.all || !arguments.projects.is_empty() {
        arguments.projects.clone()
    } else {
        vec![run.context.project()?.name]
    };
    let opened = run.open()?;
    let projects = if arguments.all { rehearsal::all(&opened)? } else { projects };
    if run.context.global.dry_run {
        run.context.screen.say(&format!(
            "would restore the latest backup of {} into a copy, bring it up, compare it and remove it",
            projects.join(", ")
        ));
        return Ok(Exit::PENDING);
    }
    let mut drills = Vec::new();
    let failures = all(run, &opened, &projects, &mut |drill| {
        if !run.context.global.json {
            run.context.screen.answer(&view::drill(&drill))?;
        }
        drills.push(drill);
        Ok(())
    })?;
    if run.context.global.json {
        run.context.screen.json_pretty(&drills)?;
    }
    if failures.is_empty() {
        return Ok(Exit::DONE);
    }
    Err(AppError::failed(format!("not proven: {}", failures.join("; "))).help(
        "`devup backup` takes a new one; `devup backup check --read-data` says whether the repository is damaged",
    ))
}

/// Drills these, one after the other. Returns what failed.
pub(super) fn all(
    run: &Run<'_>,
    opened: &Opened,
    projects: &[String],
    told: &mut dyn FnMut(Drill) -> Result<()>,
) -> Result<Vec<String>> {
    let lock = Lock::try_take(&run.state.layout().lock(LOCK)).map_err(|error| AppError::failed(error.to_string()))?;
    let Attempt::Taken(_lock) = lock else {
        return Err(AppError::failed("another drill is under way on this machine").help("wait for its end"));
    };
    let (context, request) = (run.context, run.context.request()?);
    let host = Host::of(context)?;
    let interrupted = on_interrupt(context)?;
    let raise = |request: &Request, project: &Project, how: Raise| match how {
        Raise::Created => raise::create(context, (request, project, &host)),
        Raise::Up => raise::raise(context, (request, project, &host), &UpRequest::default()),
    };
    let remove = |project: &Project| remove(context, project);
    let means = Means {
        state: &run.state,
        opened,
        request: &request,
        raise: &raise,
        remove: &remove,
        interrupted: &|| interrupted.load(Ordering::Relaxed),
    };
    for copy in drill::clear(&means)? {
        context.screen.say(&format!("removed {copy}, which a drill that was killed had left"));
    }
    let mut failures = Vec::new();
    for project in projects {
        context.screen.say(&format!("Drilling the backup of {project}…"));
        match drill::drill(&means, project) {
            Ok(drill) => {
                failures.extend((!drill.proven).then(|| format!("{project}: {}", drill.failed.join("; "))));
                told(drill)?;
            }
            Err(interrupted @ AppError::Interrupted { .. }) => return Err(interrupted),
            Err(error) => failures.push(format!("{project}: {error}")),
        }
    }
    Ok(failures)
}

/// Set by the first Ctrl-C: the drill ends after what is under way, and the copy is removed. The second ends the program.
fn on_interrupt(context: &Context) -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let (heard, screen) = (flag.clone(), context.screen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| AppError::io("starting the runtime", source))?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(async {
            // without ears the program ends as any other
            let Ok(mut signals) = signal(SignalKind::interrupt()) else { return };
            let _ = ready.send(());
            while signals.recv().await.is_some() {
                if heard.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                screen.say("interrupted: the copy is removed first (once more: stop now; the next drill removes it)");
            }
        });
    });
    // where nothing comes, nobody listens, and the drill goes on all the same
    let _ = is_ready.recv();
    Ok(flag)
}

/// Everything of a copy goes from the engine.
fn remove(context: &Context, project: &Project) -> Result<()> {
    let options = DownOptions {
        volumes: true,
        images: Some(RemoveImages::Local),
        remove_orphans: true,
        everything: true,
        grace: Some(std::time::Duration::from_secs(1)),
        ..DownOptions::default()
    };
    context.block_on(async {
        let engine = context.engine().await?;
        let _lock = perform::lock(context, project).await?;
        let plan = down::plan(&engine, project, &options).await?;
        perform::plan(context, &engine, project, plan).await.map(drop)
    })
}
