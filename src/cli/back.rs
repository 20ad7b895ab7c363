//! `devup restore` without `--into`: projects go back to where they were, and their environments come up.

use std::path::{Path, PathBuf};

use super::ask::{self, Host};
use super::context::Context;
use super::exit::Exit;
use super::raise;
use crate::app::backup::{self, Wanted};
use crate::app::data::{self, Whose};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::refill::refill;
use crate::app::request::Request;
use crate::app::restore::{self, Coming, Returned, Wish};
use crate::app::up::UpRequest;
use crate::app::vaults::{self, Keys, Opened};
use crate::app::volumes::holdings;
use crate::app::workstation;
use crate::backup::part::Kind;
use crate::backup::snapshot::Wanted as Which;
use crate::state::returned;
use crate::state::store::State;
use crate::ui::restore as view;
use crate::ui::text::clean;

/// What was asked for on the command line.
pub struct Asked<'a> {
    /// What is wanted back.
    pub wish: Wish,
    /// From where.
    pub repository: Option<&'a str>,
    /// What opens it.
    pub keys: Keys<'a>,
    /// Environments stay down.
    pub no_up: bool,
    /// What is replaced is not backed up first.
    pub no_backup: bool,
}

/// Everything that a run needs.
struct Run<'a> {
    context: &'a Context,
    state: State,
    opened: Opened,
    asked: &'a Asked<'a>,
}

/// Shows what would be done, and does it.
pub fn run(context: &Context, asked: &Asked<'_>) -> Result<Exit> {
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    let opened = vaults::open(&state, &request, asked.repository, &asked.keys)?;
    let mut returned = Vec::new();
    if asked.wish.projects.is_empty() && !context.global.dry_run {
        // first: git and ssh want their configuration
        returned.extend(workstation::put_back(&state, &opened, &request.home)?);
    }
    let prepared = restore::prepare(&state, &opened, &request.home, &asked.wish)?;
    let plans: Vec<_> = prepared.coming.iter().map(|coming| &coming.plan).collect();
    if context.global.dry_run {
        if context.global.json {
            context.screen.json_pretty(&plans)?;
        } else {
            context.screen.answer(&view::plans(&plans))?;
        }
        return Ok(Exit::PENDING);
    }
    context.screen.say(view::plans(&plans).trim_end());
    let run = Run { context, state, opened, asked };
    for (project, error) in &prepared.failed {
        returned.push(failed(project, error));
    }
    for coming in &prepared.coming {
        context.screen.say(&format!("Restoring {}…", clean(&coming.plan.project)));
        returned.push(run.one(coming, &request.home).unwrap_or_else(|error| failed(&coming.plan.project, &error)));
    }
    run.report(&returned)
}

/// What stands in the report of a project that did not come back.
fn failed(project: &str, error: &AppError) -> Returned {
    let help = error.remedy().map(|help| format!(" ({help})")).unwrap_or_default();
    Returned { project: project.to_owned(), missing: vec![format!("{error}{help}")], ..Returned::default() }
}

impl Run<'_> {
    /// One project: what is in the way is backed up, everything is written, the environment comes up.
    fn one(&self, coming: &Coming, home: &Path) -> Result<Returned> {
        let replace = self.asked.wish.replace;
        if let Some(folder) = coming.in_the_way().filter(|_| replace && !self.asked.no_backup) {
            self.back_up(coming, folder)?;
        }
        let mut returned = coming.put_back(&self.state, home, replace)?;
        let wants_environment = self.asked.wish.only.is_empty()
            || self.asked.wish.only.iter().any(|kind| matches!(kind, Kind::Database | Kind::Volume));
        if self.asked.no_up || !wants_environment {
            if !coming.plan.data.is_empty() {
                returned.notes.push("its environment was not brought up".to_owned());
            }
            return Ok(returned);
        }
        match self.bring_up(coming, &mut returned) {
            Ok(()) => returned.restored.push("its environment, which is up".to_owned()),
            Err(error) => returned.missing.push(format!("its environment did not come up: {error}")),
        }
        Ok(returned)
    }

    /// Backs up what is in the way, to the repository that backups go to.
    fn back_up(&self, coming: &Coming, folder: &Path) -> Result<()> {
        let request = self.context.request()?;
        let keys = Keys { origin: self.asked.keys.origin.clone(), person: self.context };
        let opened = vaults::open_or_make(&self.state, &request, None, &keys)?;
        let _lock = self.context.block_on(vaults::lock(&self.state, &opened, self.context))?;
        let project = &coming.plan.project;
        let entry = self.state.registry()?.get(project).cloned();
        // where devup does not know the project, its folder is kept as it is
        let folders = if entry.is_some() { Vec::new() } else { vec![folder.to_owned()] };
        let wanted = Wanted {
            project: project.clone(),
            entry,
            folder: None,
            include: Vec::new(),
            folders,
            secrets: true,
            reason: "before-restore".to_owned(),
        };
        let report = backup::take(&self.state, &opened, &wanted, &[])?;
        self.context.screen.say(&format!(
            "What is in {} is backed up as {}: `devup restore --snapshot {} {project} --replace` brings it back",
            folder.display(),
            report.summary.snapshot,
            report.summary.snapshot,
        ));
        Ok(())
    }

    /// Loads the data, and brings the environment up.
    fn bring_up(&self, coming: &Coming, returned: &mut Returned) -> Result<()> {
        let (request, project) = self.load(coming)?;
        let host = Host::of(self.context)?;
        // installed or started first, where there is none
        self.context.block_on(async { ask::engine(self.context, &host).await.map(drop) })?;
        if !coming.plan.data.is_empty() {
            self.data(coming, (&request, &project, &host), returned)?;
        }
        raise::raise(self.context, (&request, &project, &host), &UpRequest::default())
    }

    /// The project where its folder is now.
    fn load(&self, coming: &Coming) -> Result<(Request, Project)> {
        let folder = coming.plan.folder.as_deref().filter(|folder| folder.is_dir());
        let folder = folder.ok_or_else(|| AppError::failed("its folder is not there"))?;
        let mut request = self.context.request()?;
        folder.clone_into(&mut request.spec.current_dir);
        let entry = self.state.registry()?.get(&coming.plan.project).cloned();
        if entry.is_some_and(|entry| entry.asked) {
            request.spec.project_name = Some(coming.plan.project.clone());
        }
        let project = self.context.load(|_| Project::load(&request))?;
        Ok((request, project))
    }

    /// Loads the data into volumes that are not there yet; those that are there stay, or are saved first.
    fn data(&self, coming: &Coming, on: (&Request, &Project, &Host), returned: &mut Returned) -> Result<()> {
        let (request, project, host) = on;
        let (key, live) = (PathBuf::from("data").join(&project.name), Live::connect()?);
        let whose = Whose { project: &project.name, environment: project.environment.as_ref() };
        let there = holdings(&live, whose.project, whose.environment)?.volumes;
        let known = self.state.returned(&key)?.filter(|known| known.snapshot == coming.plan.snapshot);
        if known.as_ref().is_some_and(|known| known.done) && !there.is_empty() {
            returned.notes.push("its data was put back by an earlier restore".to_owned());
            return Ok(());
        }
        if !there.is_empty() && known.is_none() {
            let names: Vec<&str> = there.iter().map(|owned| owned.volume.as_str()).collect();
            if !self.asked.wish.replace {
                let names = names.join(", ");
                returned.missing.push(format!("data: {names}: here already, and not written over (--replace)"));
                return Ok(());
            }
            if !self.asked.no_backup {
                self.save(&live, whose)?;
            }
        }
        let note = |done| returned::Returned { snapshot: coming.plan.snapshot.clone(), done };
        self.state.note_return(&key, note(false))?;
        if coming.plan.data.iter().any(|place| place.contains(':') || place.starts_with("databases")) {
            // volumes without a name of their own come with their containers, and databases are loaded by theirs
            raise::create(self.context, (request, project, host))?;
        }
        let kept = self.opened.vault.kept(&Which::Id(coming.plan.snapshot.clone()))?;
        let refill = refill(&live, &kept, whose.project, whose.environment)?;
        let names: Vec<&str> = refill.volumes.iter().map(|one| one.part.as_str()).collect();
        if !names.is_empty() {
            returned.restored.push(format!("volumes {}", names.join(", ")));
            returned.verified.push(format!("every file of {} volumes, by the digests of the backup", names.len()));
        }
        let databases =
            refill.databases.iter().map(|one| format!("databases of {}: {}", one.service, one.databases.join(", ")));
        returned.restored.extend(databases);
        returned.missing.extend(refill.skipped);
        Ok(self.state.note_return(&key, note(true))?)
    }

    /// Saves data that is about to be replaced, in the repository that backups go to.
    fn save(&self, live: &Live, whose: Whose<'_>) -> Result<()> {
        let keys = Keys { origin: self.asked.keys.origin.clone(), person: self.context };
        let opened = vaults::open_or_make(&self.state, &self.context.request()?, None, &keys)?;
        let _lock = self.context.block_on(vaults::lock(&self.state, &opened, self.context))?;
        if let Some(saved) = data::save_before(live, &opened, whose, "restore")? {
            self.context.screen.say(&crate::ui::data::before(&saved));
        }
        Ok(())
    }

    fn report(&self, returned: &[Returned]) -> Result<Exit> {
        if self.context.global.json {
            self.context.screen.json_pretty(&returned)?;
        } else {
            self.context.screen.answer(&view::returned(returned))?;
        }
        let unwell: Vec<&str> =
            returned.iter().filter(|one| !one.missing.is_empty()).map(|one| one.project.as_str()).collect();
        if unwell.is_empty() {
            return Ok(Exit::DONE);
        }
        Err(AppError::failed(format!("not everything of {} came back; the report says what", unwell.join(", ")))
            .help("mend what it names, and run the same command again: what came back already is not done twice"))
    }
}
