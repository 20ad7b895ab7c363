//! `devup restore`

use std::path::PathBuf;

use jiff::Timestamp;

use super::context::Context;
use super::exit::Exit;
use super::keys::KeyArgs;
use super::moment;
use crate::app::error::{AppError, Result};
use crate::app::vaults;
use crate::backup::part::Kind;
use crate::backup::restore::{self, Request};
use crate::backup::snapshot::Wanted;
use crate::state::store::State;
use crate::ui::backup as view;

const EXAMPLES: &str = "\
A restore writes to a folder that is not there yet, or is empty; nothing is written over.

Examples:
  devup restore shop --into /tmp/shop                       the newest complete snapshot
  devup restore shop --into /tmp/shop --at 24h              as it was a day ago; dates will do, too
  devup restore --snapshot 1a2b3c4d --into /tmp/old         any snapshot, restic's too
  devup restore shop --into /tmp/shop --only settings
  devup restore shop --into /tmp/shop --from /mnt/disk/backups --passphrase-file words";

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The project; none: the one of this folder
    project: Option<String>,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// This snapshot, by the beginning of its identity
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    snapshot: Option<String>,
    /// The newest complete snapshot that is not younger than this
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only this part: work, databases, volumes, settings, secrets, folders; may be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<Kind>,
    /// The repository, by its name or place, instead of the first one
    #[arg(long = "from", value_name = "REPOSITORY")]
    repository: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
}

/// Gets a snapshot back.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let shared = context.request()?;
    let state = State::open(shared.layout.clone())?;
    let request = Request {
        wanted: wanted(arguments, context)?,
        only: arguments.only.clone(),
        into: shared.spec.current_dir.join(&arguments.into),
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
    let project = match &arguments.project {
        Some(project) => project.clone(),
        None => context.project()?.name,
    };
    Ok(match &arguments.at {
        Some(text) => Wanted::At { project, time: moment::parse(text, Timestamp::now())? },
        None => Wanted::Latest { project },
    })
}
