//! `devup backup` itself: which projects are meant, and what is kept of each.

use std::path::{Path, PathBuf};

use super::{Args, Run};
use crate::app::backup::rules::Unread;
use crate::app::backup::{self, Keeper, Report, Wanted};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::vaults::{self, Opened};
use crate::app::volumes::{Unreached, Volumes};
use crate::app::workstation;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::root::GlobalArgs;
use crate::model::environment::Environment;
use crate::state::registry::Entry;
use crate::ui::backup as view;
use crate::ui::text::clean;

impl Run<'_> {
    /// The projects that are meant, each with its spec where it is the current one.
    fn wanted(&self, arguments: &Args) -> Result<Vec<(Wanted, Option<Environment>)>> {
        let registry = self.state.registry()?;
        let wanted = |project: &str, folders: &[PathBuf]| Wanted {
            project: project.to_owned(),
            entry: registry.get(project).cloned(),
            folder: None,
            secrets: !arguments.no_secrets,
            include: Vec::new(),
            folders: folders.to_vec(),
            reason: "manual".to_owned(),
        };
        if !arguments.all {
            let project = self.context.project()?;
            let folder = project.environment.as_ref().map(|environment| environment.working_dir.clone());
            let wanted = Wanted { folder, ..wanted(&project.name, &arguments.folders) };
            return Ok(vec![(wanted, project.environment)]);
        }
        if !arguments.folders.is_empty() {
            return Err(AppError::usage("`--folder` belongs to one project").help("leave `--all` out"));
        }
        let all: Vec<_> = registry.entries().map(|entry| (wanted(entry.name.as_str(), &[]), None)).collect();
        if all.is_empty() {
            return Err(AppError::failed("devup knows no project on this machine").help("`devup up` in a project"));
        }
        Ok(all)
    }

    /// One backup, with all that is kept of a project: further keepers are handed over here.
    pub(in crate::cli) fn back_up(
        &self,
        opened: &Opened,
        wanted: &Wanted,
        environment: Option<&Environment>,
    ) -> Result<Report> {
        let project = &*wanted.project;
        let (own, unread) = match (environment, &wanted.entry) {
            (None, Some(entry)) => self.spec_of(entry),
            _ => (None, None),
        };
        let environment = environment.or(own.as_ref());
        let include = environment.map(|environment| environment.backup.include.clone()).unwrap_or_default();
        let wanted = &Wanted { include, ..wanted.clone() };
        let mut keepers: Vec<&dyn Keeper> = unread.iter().map(|unread| unread as &dyn Keeper).collect();
        match &Live::connect() {
            Ok(live) => {
                let volumes = Volumes { live, project, environment, pause: false, dumps: true };
                keepers.push(&volumes);
                backup::take(&self.state, opened, wanted, &keepers)
            }
            Err(error) => {
                let unreached = Unreached { environment, why: error.to_string() };
                keepers.push(&unreached);
                backup::take(&self.state, opened, wanted, &keepers)
            }
        }
    }

    /// The spec of a project that devup knows and does not stand in. What can't be read is told in the backup.
    fn spec_of(&self, entry: &Entry) -> (Option<Environment>, Option<Unread>) {
        if !entry.path.is_dir() {
            return (None, None);
        }
        let unread = |why: String| (None, Some(Unread { why }));
        let asked = (entry.asked && entry.instance.is_none()).then(|| entry.name.to_string());
        let global = GlobalArgs {
            files: Vec::new(),
            project_name: asked,
            project_directory: None,
            instance: entry.instance.as_ref().map(|instance| instance.0.clone()),
            ..self.context.global.clone()
        };
        let loaded = Context { global, screen: self.context.screen }.request().and_then(|mut request| {
            request.spec.current_dir.clone_from(&entry.path);
            Project::load(&request)
        });
        match loaded {
            Ok(project) if project.name == entry.name.as_str() => (project.environment, None),
            Ok(project) => unread(format!("the one in {} is of {}", entry.path.display(), project.name)),
            Err(error) => unread(error.to_string()),
        }
    }

    /// Takes the backups that are asked for.
    pub(super) fn take(&self, arguments: &Args) -> Result<Exit> {
        let wanted = self.wanted(arguments)?;
        if self.context.global.dry_run {
            let names: Vec<&str> = wanted.iter().map(|(one, _)| one.project.as_str()).collect();
            self.context.screen.say(&format!("would back up {}", names.join(", ")));
            return Ok(Exit::PENDING);
        }
        let request = self.context.request()?;
        let opened = vaults::open_or_make(&self.state, &request, self.place.repo.as_deref(), &self.keys())?;
        let _lock = self.lock(&opened)?;
        let mut reports: Vec<Report> = Vec::new();
        for (one, environment) in &wanted {
            let report = self.back_up(&opened, one, environment.as_ref())?;
            if !self.context.global.json {
                self.context.screen.answer(&view::taken(&report))?;
            }
            reports.push(report);
        }
        if arguments.all {
            reports.push(self.workstation(&opened, &request.home)?);
        }
        if self.context.global.json {
            self.context.screen.json_pretty(&reports)?;
        }
        Ok(Exit::DONE)
    }

    /// Files of the user's own, which belong to no project. Which these are is said once, before they are kept.
    fn workstation(&self, opened: &Opened, home: &Path) -> Result<Report> {
        let chosen = workstation::choose(&self.state, home)?;
        if chosen.is_new {
            let files: String =
                chosen.files.iter().map(|file| format!("\n  {}", clean(&file.display().to_string()))).collect();
            let place = self.state.layout().workstation();
            self.context.screen.say(&format!(
                "Kept with `--all` from now on, besides projects ({} says which):{files}\n  the list of installed packages",
                place.display()
            ));
        }
        let report = workstation::keep(&self.state, opened, home, &chosen)?;
        if !self.context.global.json {
            self.context.screen.answer(&view::taken(&report))?;
        }
        Ok(report)
    }
}
