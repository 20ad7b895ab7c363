//! `devup backup`

use std::path::PathBuf;

use jiff::Timestamp;

use super::context::Context;
use super::drill;
use super::exit::Exit;
use super::keys::PlaceArgs;
use super::{schedule, sheet};
use crate::app::backup;
use crate::app::error::{AppError, Result};
use crate::app::standing;
use crate::app::vaults::{self, Keys, Opened};
use crate::backup::retention::{Among, Fate, Rules};
use crate::backup::snapshot::Wanted as Which;
use crate::backup::{check, copy, diff, retention};
use crate::base::lock::Lock;
use crate::state::store::State;
use crate::ui::backup as view;

mod take;

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
