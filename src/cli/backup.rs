//! `devup backup`

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::context::Context;
use super::drill;
use super::exit::Exit;
use super::keys::PlaceArgs;
use super::root::GlobalArgs;
use super::{schedule, sheet};
use crate::app::backup::rules::Unread;
use crate::app::backup::{self, Keeper, Report, Wanted};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::standing;
use crate::app::vaults::{self, Keys, Opened};
use crate::app::volumes::{Unreached, Volumes};
use crate::app::workstation;
use crate::backup::retention::{Among, Fate, Rules};
use crate::backup::snapshot::Wanted as Which;
use crate::backup::{check, copy, diff, retention};
use crate::base::lock::Lock;
use crate::model::environment::Environment;
use crate::state::registry::Entry;
use crate::state::store::State;
use crate::ui::backup as view;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Repositories are restic's: encrypted, deduplicated, and readable by restic where there is no devup.

Examples:
  devup backup                              this project, to the first repository
  devup backup --all                        every project that devup knows
  devup backup --folder ~/notes             with a folder besides
  devup backup init /mnt/disk/backups       another repository
  devup backup list
  devup backup check --read-data
  devup restore shop --into /tmp/shop       gets it back";

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Every project that devup knows, not only this one
    #[arg(long)]
    all: bool,
    /// A folder to keep besides; may be given several times
    #[arg(long = "folder", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Leave the project's secrets out
    #[arg(long)]
    no_secrets: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a repository, or get to know one that is there
    #[command(after_help = "Examples:\n  devup backup init /mnt/disk/backups\n  devup backup init \
        rest:https://backup.example/ada\n  devup backup init rclone:drive:backups --name off-site")]
    Init {
        /// A folder, rest:https://HOST/PATH or rclone:REMOTE:PATH
        repository: String,
        /// What to call it
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Write the recovery sheet to this file, and its code beside it as a picture (.png)
        #[arg(long, value_name = "FILE")]
        sheet: Option<PathBuf>,
    },
    /// Show the recovery sheet of a repository once more: what opens it on another machine
    #[command(after_help = "Examples:\n  devup backup sheet\n  devup backup sheet --sheet ~/sheet.txt --repo off-site")]
    Sheet {
        /// Write it to this file, and its code beside it as a picture (.png)
        #[arg(long, value_name = "FILE")]
        sheet: Option<PathBuf>,
    },
    /// List the repositories
    #[command(after_help = "Examples:\n  devup backup repos\n  devup backup repos --json")]
    Repos,
    /// List the snapshots
    #[command(visible_alias = "ls", after_help = "Examples:\n  devup backup list\n  devup -p shop backup list --json")]
    List,
    /// Show what a snapshot holds, and what it does not
    #[command(after_help = "Examples:\n  devup backup show latest\n  devup backup show 1a2b3c4d")]
    Show {
        /// The beginning of its identity, or `latest`: the newest of this project
        snapshot: String,
    },
    /// Show what differs between two snapshots
    #[command(after_help = "Examples:\n  devup backup diff 1a2b3c4d latest")]
    Diff {
        /// The older one
        first: String,
        /// The newer one
        second: String,
    },
    /// Make sure that a repository is whole
    #[command(after_help = "Examples:\n  devup backup check\n  devup backup check --read-data")]
    Check {
        /// Read every byte of it
        #[arg(long)]
        read_data: bool,
    },
    /// Prove that the latest backup can be restored: into a throw-away copy, which is brought up, compared and removed
    #[command(
        after_help = "Examples:\n  devup backup drill              this project's\n  devup backup drill --all        every project's\n\n\
        Tasks with `stage: smoke` are run in the copy. `devup status` tells the last proof."
    )]
    Drill(drill::Args),
    /// Show the last backup and the last drill of every project
    #[command(after_help = "Examples:\n  devup backup status\n  devup backup status --json")]
    Status,
    /// Remove snapshots by restic's rules, after showing which
    #[command(
        after_help = "Examples:\n  devup backup forget --keep-daily 7 --keep-weekly 8\n  devup --dry-run backup \
        forget --keep-last 3"
    )]
    Forget(ForgetArgs),
    /// Free the space of what no snapshot wants any more
    #[command(
        after_help = "Examples:\n  devup backup prune\n\nData is marked first, and removed by a prune a day later."
    )]
    Prune,
    /// Copy the snapshots that another repository does not have yet
    #[command(after_help = "Examples:\n  devup backup copy --to off-site")]
    Copy {
        /// The other repository
        #[arg(long, value_name = "REPOSITORY")]
        to: String,
        /// The other one's passphrase is the first line of this file
        #[arg(long, value_name = "FILE")]
        to_passphrase_file: Option<PathBuf>,
    },
    /// Back up by the clock, by systemd, launchd or cron
    #[command(
        after_help = "Examples:\n  devup backup schedule --daily\n  devup backup schedule --daily --drill weekly\n  devup backup schedule        how it goes\n  \
        devup backup schedule --off\n\nA run that was missed is made up within the hour; `devup status` tells of failures."
    )]
    Schedule(schedule::Args),
    /// Take the automatic backup, if one is due
    #[command(hide = true)]
    Due,
}

#[derive(Debug, clap::Args)]
struct ForgetArgs {
    /// Keep the newest N
    #[arg(long, value_name = "N")]
    keep_last: Option<i32>,
    /// Keep the newest of each of the last N hours that have one
    #[arg(long, value_name = "N")]
    keep_hourly: Option<i32>,
    /// Of each of the last N days
    #[arg(long, value_name = "N")]
    keep_daily: Option<i32>,
    /// Of each of the last N weeks
    #[arg(long, value_name = "N")]
    keep_weekly: Option<i32>,
    /// Of each of the last N months
    #[arg(long, value_name = "N")]
    keep_monthly: Option<i32>,
    /// Of each of the last N years
    #[arg(long, value_name = "N")]
    keep_yearly: Option<i32>,
    /// Keep those with this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    keep_tag: Vec<String>,
}

/// One run, with what every verb needs.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    pub(super) state: State,
    pub(super) place: PlaceArgs,
}

/// Takes a backup, or does what the verb says.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let run = Run { context, state, place: arguments.place.clone() };
    if arguments.verb.is_some() && (arguments.all || !arguments.folders.is_empty()) {
        return Err(AppError::usage("`--all` and `--folder` belong to taking a backup").help("leave them out"));
    }
    match &arguments.verb {
        None => run.take(arguments),
        Some(Verb::Init { repository, name, sheet }) => sheet::init(&run, repository, name.as_deref(), sheet.as_ref()),
        Some(Verb::Sheet { sheet }) => sheet::show(&run, sheet.as_ref()),
        Some(Verb::Repos) => run.repos(),
        Some(Verb::Drill(arguments)) => drill::run(arguments, &run),
        Some(Verb::Status) => run.status(),
        Some(Verb::List) => run.list(),
        Some(Verb::Show { snapshot }) => run.show(snapshot),
        Some(Verb::Diff { first, second }) => run.diff(first, second),
        Some(Verb::Check { read_data }) => run.check(*read_data),
        Some(Verb::Forget(rules)) => run.forget(rules),
        Some(Verb::Prune) => run.prune(),
        Some(Verb::Schedule(arguments)) => schedule::run(arguments, &run),
        Some(Verb::Due) => schedule::due(&run),
        Some(Verb::Copy { to, to_passphrase_file }) => run.copy(to, to_passphrase_file.clone()),
    }
}

/// Which snapshot a word means; `latest` is that of the current project.
pub fn which(context: &Context, word: &str) -> Result<Which> {
    if word == "latest" {
        return Ok(Which::Latest { project: context.project()?.name });
    }
    Ok(Which::Id(word.to_owned()))
}

impl Run<'_> {
    pub(super) fn keys(&self) -> Keys<'_> {
        self.place.keys.keys(self.context)
    }

    pub(super) fn open(&self) -> Result<Opened> {
        vaults::open(&self.state, &self.context.request()?, self.place.repo.as_deref(), &self.keys())
    }

    pub(super) fn lock(&self, opened: &Opened) -> Result<Lock> {
        self.context.block_on(vaults::lock(&self.state, opened, self.context))
    }

    pub(super) fn answer(&self, value: &impl serde::Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.context.global.json {
            self.context.screen.json_pretty(value)
        } else {
            self.context.screen.answer(&text())
        }
    }

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
    pub(super) fn back_up(
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

    fn take(&self, arguments: &Args) -> Result<Exit> {
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

    fn repos(&self) -> Result<Exit> {
        let settings = vaults::settings(&self.state)?;
        self.answer(&view::repositories_json(&settings), || view::repositories(&settings))?;
        Ok(Exit::DONE)
    }

    fn status(&self) -> Result<Exit> {
        let now = Timestamp::now();
        let all = standing::all(&self.state, now)?;
        self.answer(&all, || crate::ui::drill::table(&all, now))?;
        Ok(Exit::DONE)
    }

    fn list(&self) -> Result<Exit> {
        let project = self.context.global.project_name.clone();
        let mut snapshots = self.open()?.vault.snapshots()?;
        snapshots.retain(|snapshot| project.as_ref().is_none_or(|project| snapshot.project == *project));
        self.answer(&snapshots, || view::snapshots(&snapshots))?;
        Ok(Exit::DONE)
    }

    fn show(&self, snapshot: &str) -> Result<Exit> {
        let which = which(self.context, snapshot)?;
        let (snapshot, manifest) = self.open()?.vault.show(&which)?;
        let value = serde_json::json!({ "snapshot": snapshot, "manifest": manifest });
        self.answer(&value, || view::shown(&snapshot, manifest.as_ref()))?;
        Ok(Exit::DONE)
    }

    fn diff(&self, first: &str, second: &str) -> Result<Exit> {
        let (first, second) = (which(self.context, first)?, which(self.context, second)?);
        let differences = diff::diff(&self.open()?.vault, &first, &second)?;
        self.answer(&differences, || view::differences(&differences))?;
        Ok(Exit::DONE)
    }

    fn check(&self, read_data: bool) -> Result<Exit> {
        let opened = self.open()?;
        // beside a writer, what is on its way would look lost
        let _lock = self.lock(&opened)?;
        let findings = check::check(&opened.vault, read_data)?;
        self.answer(&findings, || view::findings(&opened.name, &findings))?;
        if findings.errors.is_empty() {
            return Ok(Exit::DONE);
        }
        let count = findings.errors.len();
        Err(AppError::failed(format!("the repository {} is damaged: {count} errors", opened.name)).help(
            "what is not named can still be restored; `devup backup` again stores what is missing and still here; \
             `restic repair` mends what can be mended",
        ))
    }

    fn forget(&self, arguments: &ForgetArgs) -> Result<Exit> {
        let rules = Rules {
            last: arguments.keep_last,
            hourly: arguments.keep_hourly,
            daily: arguments.keep_daily,
            weekly: arguments.keep_weekly,
            monthly: arguments.keep_monthly,
            yearly: arguments.keep_yearly,
            tags: arguments.keep_tag.clone(),
        };
        if rules.is_empty() {
            return Err(AppError::usage("without a rule nothing would be kept")
                .help("say what stays: `devup backup forget --keep-daily 7 --keep-weekly 8`"));
        }
        let opened = self.open()?;
        let _lock = self.lock(&opened)?;
        let project = self.context.global.project_name.as_deref();
        let among = Among { project, tag: None };
        let plan: Vec<Fate> = retention::plan(&opened.vault, &rules, among, Timestamp::now())?;
        let going = plan.iter().filter(|fate| !fate.keep).count();
        self.answer(&plan, || view::plan(&plan))?;
        if going == 0 {
            return Ok(Exit::DONE);
        }
        if self.context.global.dry_run {
            return Ok(Exit::PENDING);
        }
        self.context
            .confirm(&format!("Remove {going} snapshots?"), "the same command with --yes, once you are sure")?;
        let removed = retention::forget(&opened.vault, &plan)?;
        backup::notes::removed(&self.state, &opened)?;
        self.context.screen.say(&format!("{removed} snapshots are removed; `devup backup prune` frees their space"));
        Ok(Exit::DONE)
    }

    fn prune(&self) -> Result<Exit> {
        let opened = self.open()?;
        let _lock = self.lock(&opened)?;
        let dry_run = self.context.global.dry_run;
        let pruned = retention::prune(&opened.vault, dry_run)?;
        self.answer(&pruned, || view::pruned(pruned))?;
        Ok(if dry_run { Exit::PENDING } else { Exit::DONE })
    }

    fn copy(&self, to: &str, file: Option<PathBuf>) -> Result<Exit> {
        let from = self.open()?;
        let origin = file.map(crate::backup::passphrase::Origin::File).or_else(|| self.keys().origin);
        let keys = Keys { origin, person: self.context };
        let other = vaults::open(&self.state, &self.context.request()?, Some(to), &keys)?;
        if from.vault.id() == other.vault.id() {
            return Err(AppError::usage(format!("{to} is the same repository")).help("`devup backup repos` shows them"));
        }
        let _lock = self.lock(&other)?;
        let project = self.context.global.project_name.as_deref();
        let missing = copy::missing(&from.vault, &other.vault, project)?;
        if !self.context.global.dry_run {
            copy::copy(&from.vault, &other.vault, &missing)?;
            backup::notes::copied(&self.state, &from, &other)?;
        }
        let shown = missing.snapshots();
        self.answer(&shown, || view::copied(&shown, &other.name))?;
        Ok(if self.context.global.dry_run { Exit::PENDING } else { Exit::DONE })
    }
}
