//! `devup restore`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;

use super::back::{self, Asked};
use super::back_data;
use super::context::Context;
use super::exit::Exit;
use super::keys::KeyArgs;
use super::moment;
use crate::app::error::{AppError, Result};
use crate::app::restore::{Moment, Wish};
use crate::app::vaults;
use crate::backup::part::Kind;
use crate::backup::restore::{self, Request};
use crate::backup::snapshot::Wanted;
use crate::state::store::State;
use crate::ui::backup as view;

const EXAMPLES: &str = "\
Projects go back to where they were: work into its repository (cloned from its remote, or out of the
backup), secrets into the keyring, what devup knew into devup's own state; then their environments
come up. A plan is shown first. Work that is newer is never written over: the project is left alone,
or, with --replace, what is there is backed up and moved aside.

With --into the snapshot's own files are written to a folder, and nothing else is done.

Examples:
  devup restore shop                                        the newest complete snapshot
  devup restore --all --from /mnt/disk/backups              everything, on a new machine
  devup restore shop --at 24h --only work                   its work as it was a day ago
  devup restore shop --service db --replace                 only its databases and volumes; what is there is saved first
  devup restore shop --instance try-15                      its data into the volumes of a copy
  devup --dry-run restore shop                              only the plan
  devup restore shop --into /tmp/shop                       the snapshot's files, into a folder
  devup restore --snapshot 1a2b3c4d --into /tmp/old         any snapshot, restic's too
  devup restore shop --from /mnt/disk/backups --passphrase-file words";

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The projects; none: the one of this folder
    #[arg(value_name = "PROJECT")]
    projects: Vec<String>,
    /// Every project that the repository has
    #[arg(long, conflicts_with_all = ["projects", "into", "snapshot"])]
    all: bool,
    /// Write the snapshot's files to this folder, and do nothing else
    #[arg(long, value_name = "DIR", conflicts_with_all = ["replace", "no_up"])]
    into: Option<PathBuf>,
    /// This snapshot, by the beginning of its identity
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    snapshot: Option<String>,
    /// The newest complete snapshot that is not younger than this
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only this part: work, data, databases, volumes, settings, secrets, folders; may be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<Only>,
    /// Only the databases and volumes of this service, into the project that is here; may be given several times.
    /// With --instance NAME, into the volumes of that copy
    #[arg(long = "service", value_name = "SERVICE", conflicts_with_all = ["all", "into", "only"])]
    services: Vec<String>,
    /// Back up what is in the way, move it aside, and set secrets that have another value
    #[arg(long)]
    replace: bool,
    /// With --replace: what is in the way is moved aside or replaced without a backup of it
    #[arg(long, requires = "replace")]
    no_backup: bool,
    /// Leave the environments down
    #[arg(long)]
    no_up: bool,
    /// The repository, by its name or place, instead of the first one
    #[arg(long = "from", value_name = "REPOSITORY")]
    repository: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
}

/// A word of `--only`.
#[derive(Debug, Clone)]
struct Only(Vec<Kind>);

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "data" => Ok(Self(vec![Kind::Database, Kind::Volume])),
            one => one.parse().map(|kind| Self(vec![kind])),
        }
    }
}

/// Gets projects back, or a snapshot's files.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    if let Some(into) = &arguments.into {
        if context.global.instance.is_some() {
            return Err(
                AppError::usage("a folder is no copy of the project").help("leave `--into` or `--instance` out")
            );
        }
        return files(arguments, into, context);
    }
    let moment = match (&arguments.snapshot, &arguments.at) {
        (Some(id), _) => Moment::Snapshot(id.clone()),
        (None, Some(text)) => Moment::At(moment::parse(text, Timestamp::now())?),
        (None, None) => Moment::Latest,
    };
    if arguments.snapshot.is_some() && arguments.projects.len() > 1 {
        return Err(AppError::usage("a snapshot is of one project").help("name one project, or leave `--snapshot` out"));
    }
    let projects = match (arguments.all, arguments.projects.as_slice()) {
        (true, _) => Vec::new(),
        (false, []) if arguments.snapshot.is_some() => vec![String::new()],
        // of a copy it is the project itself that is meant, and not the copy
        (false, []) if context.global.instance.is_some() => Vec::new(),
        (false, []) => vec![context.project()?.name],
        (false, names) => names.to_vec(),
    };
    let wish = Wish { projects, moment, only: only(arguments), replace: arguments.replace };
    let keys = arguments.keys.keys(context);
    let asked = Asked {
        wish,
        repository: arguments.repository.as_deref(),
        keys,
        no_up: arguments.no_up,
        no_backup: arguments.no_backup,
    };
    if arguments.services.is_empty() && context.global.instance.is_none() {
        return back::run(context, &asked);
    }
    if arguments.all || !arguments.only.is_empty() {
        return Err(AppError::usage("a copy gets the data of one project").help("leave `--all` and `--only` out"));
    }
    back_data::run(context, &asked, &arguments.services)
}

fn only(arguments: &Args) -> Vec<Kind> {
    arguments.only.iter().flat_map(|only| only.0.clone()).collect()
}

/// Writes a snapshot's files to a folder.
fn files(arguments: &Args, into: &Path, context: &Context) -> Result<Exit> {
    let shared = context.request()?;
    let state = State::open(shared.layout.clone())?;
    let request = Request {
        wanted: wanted(arguments, context)?,
        only: only(arguments),
        into: shared.spec.current_dir.join(into),
    };
    let opened = vaults::open(&state, &shared, arguments.repository.as_deref(), &arguments.keys.keys(context))?;
    if context.global.dry_run {
        let (snapshot, manifest) = opened.vault.show(&request.wanted)?;
        context.screen.say(&format!("would restore into {}", request.into.display()));
        context.screen.answer(&view::shown(&snapshot, manifest.as_ref()))?;
        return Ok(Exit::PENDING);
    }
    let restored = restore::restore(&opened.vault, &request)?;
    if context.global.json {
        context.screen.json_pretty(&restored)?;
    } else {
        context.screen.answer(&view::restored(&restored))?;
    }
    match restored.written.failures + restored.damaged.len() as u64 {
        0 => Ok(Exit::DONE),
        count => Err(AppError::failed(format!(
            "{count} things could not be restored whole; the others are in {}",
            restored.into.display()
        ))
        .help("`devup backup check --read-data` says what is damaged; another snapshot or repository may have it")),
    }
}

fn wanted(arguments: &Args, context: &Context) -> Result<Wanted> {
    if let Some(id) = &arguments.snapshot {
        return Ok(Wanted::Id(id.clone()));
    }
    let project = match arguments.projects.as_slice() {
        [project] => project.clone(),
        [] => context.project()?.name,
        _ => return Err(AppError::usage("a folder takes one project").help("name one, or leave `--into` out")),
    };
    Ok(match &arguments.at {
        Some(text) => Wanted::At { project, time: moment::parse(text, Timestamp::now())? },
        None => Wanted::Latest { project },
    })
}
