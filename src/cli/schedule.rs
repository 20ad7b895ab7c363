//! `devup backup schedule`, and the hidden `devup backup due` that the machine's timer calls.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::backup::Run;
use super::context::Context;
use super::drill;
use super::exit::Exit;
use crate::app::automatic::{self, Means};
use crate::app::backup::Wanted;
use crate::app::error::{AppError, Result};
use crate::app::restore::rehearsal;
use crate::app::vaults::{self, Keys, Nobody, Opened};
use crate::backup::passphrase::Origin;
use crate::backup::settings::{Every, Settings};
use crate::host::timer::{self, Scheduler, Timer, TimerError};
use crate::state::store::State;

/// Variables that say where things are; a timer would not have them.
const VARIABLES: &[&str] =
    &["PATH", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_HOST", "RCLONE_CONFIG"];

/// Arguments of `backup schedule`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Once an hour
    #[arg(long, group = "every")]
    hourly: bool,
    /// Once a day
    #[arg(long, group = "every")]
    daily: bool,
    /// Once a week
    #[arg(long, group = "every")]
    weekly: bool,
    /// No more
    #[arg(long, group = "every")]
    off: bool,
    /// Prove the latest backups by drills, too: hourly, daily or weekly
    #[arg(long, value_name = "EVERY", requires = "every", conflicts_with = "off")]
    drill: Option<Every>,
}

fn failed(error: &TimerError) -> AppError {
    AppError::failed(error.to_string())
        .help("`devup backup due` once an hour, by whatever runs programs here, does the same")
}

/// Sets, removes or shows the schedule.
pub fn run(arguments: &Args, run: &Run) -> Result<Exit> {
    let every = match arguments {
        Args { hourly: true, .. } => Some(Every::Hourly),
        Args { daily: true, .. } => Some(Every::Daily),
        Args { weekly: true, .. } => Some(Every::Weekly),
        Args { off: true, .. } => None,
        _ => return show(run),
    };
    if run.context.global.dry_run {
        let what = every.map_or_else(|| "remove the timer".to_owned(), |every| format!("set a timer: {every}"));
        run.context.screen.say(&format!("would {what}"));
        return Ok(Exit::PENDING);
    }
    let request = run.context.request()?;
    let config = request.layout.config.parent().unwrap_or(&request.home).to_owned();
    let Some(every) = every else {
        timer::remove_all(&request.home, &config, None).map_err(|error| failed(&error))?;
        automatic::set(&run.state, None, None, Timestamp::now())?;
        run.context.screen.say("no more automatic backups; those that there are stay");
        return Ok(Exit::DONE);
    };
    let scheduler = Scheduler::find(&request.home, &config).ok_or_else(|| {
        AppError::failed("nothing runs programs by the clock here: neither systemd's user manager nor cron answers")
            .help("install cron, or let something run `devup backup due` once an hour")
    })?;
    let command = command(run)?;
    let variables: BTreeMap<String, String> = VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.spec.environment.get(*name)?.clone())))
        .collect();
    scheduler.set(&Timer { command, variables }).map_err(|error| failed(&error))?;
    // one that another scheduler has would run beside this one
    timer::remove_all(&request.home, &config, Some(&scheduler)).map_err(|error| failed(&error))?;
    automatic::set(&run.state, Some(every), arguments.drill, Timestamp::now())?;
    let proven = arguments.drill.map(|drill| format!(", and proven by a drill {drill}")).unwrap_or_default();
    run.context.screen.say(&format!("{every}, by {scheduler}: every project that devup knows is backed up{proven}"));
    Ok(Exit::DONE)
}

/// Removes the timer, where one was set.
pub fn end(state: &State, context: &Context) -> Result<()> {
    if vaults::settings(state)?.automatic.is_none() {
        return Ok(());
    }
    let request = context.request()?;
    let config = request.layout.config.parent().unwrap_or(&request.home).to_owned();
    timer::remove_all(&request.home, &config, None).map_err(|error| failed(&error))
}

/// What the timer calls; made sure that it can open the repository with nobody there.
fn command(run: &Run) -> Result<Vec<String>> {
    let request = run.context.request()?;
    // the first backup of this machine may be an automatic one: its repository is made while somebody sees the sheet
    vaults::open_or_make(&run.state, &request, None, &run.keys())?;
    let mut origin = run.keys().origin;
    let options = match &mut origin {
        None => Vec::new(),
        Some(Origin::File(path)) => {
            *path = request.spec.current_dir.join(&*path);
            vec!["--passphrase-file".to_owned(), path.to_string_lossy().into_owned()]
        }
        Some(Origin::Command(command)) => vec!["--passphrase-command".to_owned(), command.clone()],
        Some(Origin::Descriptor(_)) => {
            return Err(AppError::usage("a timer has no file descriptor of yours")
                .help("give the passphrase with `--passphrase-file FILE` or `--passphrase-command COMMAND`"));
        }
    };
    vaults::open(&run.state, &request, None, &Keys { origin, person: &Nobody })?;
    let program = std::env::current_exe().map_err(|source| AppError::io("finding devup's own program", source))?;
    let words = [program.to_string_lossy().into_owned(), "backup".to_owned(), "due".to_owned()];
    Ok(words.into_iter().chain(options).collect())
}

fn show(run: &Run) -> Result<Exit> {
    let Settings { automatic: every, drill, .. } = vaults::settings(&run.state)?;
    let record = run.state.automatic()?;
    let value = serde_json::json!({ "every": every, "drill": drill, "succeeded": record.succeeded,
        "failed": record.failed, "behind": record.behind });
    let trouble = automatic::trouble(&run.state, Timestamp::now())?;
    run.answer(&value, || match every {
        None => "no automatic backups; `devup backup schedule --daily` takes them\n".to_owned(),
        Some(every) => {
            let last = record.succeeded.map_or_else(|| "none yet".to_owned(), |last| last.to_string());
            let trouble = trouble.map(|trouble| format!("{trouble}\n")).unwrap_or_default();
            let drill = drill.map(|drill| format!("drills: {drill}\n")).unwrap_or_default();
            format!("{every}; the last one: {last}\n{drill}{trouble}")
        }
    })?;
    Ok(Exit::DONE)
}

/// Takes the automatic backup if one is due.
pub fn due(run: &Run) -> Result<Exit> {
    let every = vaults::settings(&run.state)?.automatic.ok_or_else(|| {
        AppError::failed("automatic backups are off").help("`devup backup schedule --daily` takes them")
    })?;
    let now = Timestamp::now();
    let record = run.state.automatic()?;
    let due = automatic::due(every, &record, now);
    if !due && record.behind.is_none() {
        return prove(run, now);
    }
    let keys = Keys { origin: run.keys().origin, person: &Nobody };
    let lock = |opened: &Opened| run.lock(opened);
    let take = |opened: &Opened, wanted: &Wanted| run.back_up(opened, wanted, None);
    let request = run.context.request()?;
    let means = Means { state: &run.state, request: &request, keys: &keys, lock: &lock, take: &take };
    let ran = if due {
        let ended = automatic::run(&means);
        automatic::note(&run.state, now, &ended)?;
        ended?
    } else {
        let ended = automatic::catch_up(&means);
        automatic::note_copy(&run.state, now, &ended)?;
        ended?
    };
    if due {
        run.context.screen.say(&format!("{} projects are backed up", ran.reports.len()));
    }
    let missing: Vec<String> = ran.failures.into_iter().chain(ran.behind).collect();
    if missing.is_empty() { prove(run, now) } else { Err(AppError::failed(missing.join("; "))) }
}

/// Proves the latest backups, where that is wanted and due. What fails is remembered, and told by `devup status`.
fn prove(run: &Run, now: Timestamp) -> Result<Exit> {
    let wanted = vaults::settings(&run.state)?.drill;
    if !wanted.is_some_and(|every| automatic::drill_due(every, &run.state.drills().unwrap_or_default(), now)) {
        return Ok(Exit::DONE);
    }
    let keys = Keys { origin: run.keys().origin, person: &Nobody };
    let opened = vaults::open(&run.state, &run.context.request()?, None, &keys)?;
    let failures = drill::all(run, &opened, &rehearsal::all(&opened)?, &mut |_| Ok(()))?;
    if failures.is_empty() {
        Ok(Exit::DONE)
    } else {
        Err(AppError::failed(format!("not proven: {}", failures.join("; "))))
    }
}
