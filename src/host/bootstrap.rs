//! Performs an [`EnginePlan`]: installs, cleans up, starts, waits for the socket, and gives the user the right to it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::command::{HostCommand, Privilege};
use super::consent::{Asker, Consent, Offer};
use super::error::HostError;
use super::facts::{Facts, Init, find_program};
use super::plan::{EnginePlan, Start, Way, engine_plan};
use super::situation::{Program, Situation, process_named, sees_all_processes, survey};
use crate::base::files::{last_lines, open_log};
use crate::base::lock::Lock;
use crate::base::process::{Call, Stream};
use crate::base::retry;
use crate::driver::locate::{Candidate, Surroundings};
use crate::driver::probe::Answer;
use crate::model::event::{Event, Listener};

/// How long a package manager may take.
const INSTALL_LIMIT: Duration = Duration::from_mins(30);
/// How long a daemon may take until it answers; the first start makes its data folder.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long one question to the engine may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A daemon that is not even to be seen after this time has ended already.
const SEEN_WITHIN: Duration = Duration::from_secs(4);
/// Log lines shown when a daemon does not come up.
const SHOWN: usize = 12;

/// What is needed to work on the machine: whom to ask, whom to tell, and where output goes.
pub struct Workshop<'a> {
    /// Asks for consent.
    pub asker: &'a dyn Asker,
    /// Hears of progress.
    pub listener: &'a dyn Listener,
    /// Folder of logs (`Layout::logs`).
    pub logs: &'a Path,
}

impl Workshop<'_> {
    /// Everything that installing and starting wrote.
    pub fn log(&self) -> PathBuf {
        self.logs.join("host.log")
    }

    /// The output of a daemon that devup started itself.
    pub fn daemon_log(&self, program: Program) -> PathBuf {
        daemon_log(self.logs, program)
    }

    /// Rights first, then the question: nobody is asked for a yes that would be of no use.
    pub(super) fn agree(&self, facts: &Facts, offer: &Offer, needs_root: bool) -> Result<(), HostError> {
        let lines = offer.lines.clone();
        if needs_root && !facts.privilege.suffices() {
            let reason = match facts.privilege {
                Privilege::SudoMute => {
                    format!("to {}, sudo wants a password, and there is no terminal to ask on", offer.what)
                }
                _ => format!(
                    "to {} takes root, and {} has no sudo; somebody who is root can do it",
                    offer.what, facts.user
                ),
            };
            return Err(HostError::Unable { reason, lines });
        }
        match self.asker.ask(offer) {
            Consent::Given => Ok(()),
            Consent::Refused => Err(HostError::Declined { what: offer.what.clone(), lines }),
            Consent::Unasked => Err(HostError::Undecided { what: offer.what.clone(), lines }),
        }
    }

    fn tell(&self, message: impl Into<String>) {
        let message = message.into();
        self.listener.on(Event::Progress {
            step: "host".to_owned(),
            part: String::new(),
            message,
            current: None,
            total: None,
        });
    }
}

/// The log of a daemon that devup started itself, in this folder of logs.
pub fn daemon_log(logs: &Path, program: Program) -> PathBuf {
    logs.join(if program == Program::Docker { "dockerd.log" } else { "engine.log" })
}

/// An engine that answers, and what was done for it.
#[derive(Debug, Clone)]
pub struct Running {
    /// Where.
    pub candidate: Candidate,
    /// What it says of itself.
    pub answer: Answer,
    /// What devup did, in words; empty where it answered at once.
    pub did: Vec<String>,
}

/// Returns an engine that answers: the one that does already, or else one that is installed or started after consent.
pub async fn engine(around: &dyn Surroundings, shop: &Workshop<'_>) -> Result<Running, HostError> {
    let facts = Facts::gather().await;
    let mut situation = survey(around, &facts, PATIENCE).await?;
    if let Situation::Fit(..) = situation {
        return running(situation, Vec::new(), &[], None);
    }
    // two at once would install twice
    let _lock = Lock::take(&shop.logs.join("host.lock"), |owner| {
        shop.tell(format!("waiting for process {}, which sees to the engine", owner.pid.unwrap_or_default()));
    })
    .await?;
    situation = survey(around, &facts, PATIENCE).await?;
    if let Situation::Silent { .. } = situation {
        shop.tell("waiting for a Docker that is starting");
        situation = settled(around, &facts, None).await?.unwrap_or(situation);
    }
    let plan = match engine_plan(&facts, &situation) {
        Ok(None) => return running(situation, Vec::new(), &[], None),
        Ok(Some(plan)) => plan,
        Err(none) => return Err(HostError::Unable { reason: none.reason, lines: Vec::new() }),
    };
    let offer = Offer { what: plan.what.clone(), lines: plan.lines(&facts) };
    shop.agree(&facts, &offer, plan.needs_root())?;
    bring_up(around, &facts, &plan, shop).await
}

/// Performs the plan. Consent has been given.
pub(super) async fn bring_up(
    around: &dyn Surroundings,
    facts: &Facts,
    plan: &EnginePlan,
    shop: &Workshop<'_>,
) -> Result<Running, HostError> {
    if plan.needs_root() {
        unlock_sudo(facts.privilege).await?;
    }
    let mut did = Vec::new();
    for command in &plan.prepare {
        perform(command, facts.privilege, shop).await?;
        did.push(command.what.clone());
    }
    let mut situation = survey(around, facts, PATIENCE).await?;
    // installing may have started it already
    let mut tried = Vec::new();
    let mut log = None;
    for start in &plan.start {
        if matches!(situation, Situation::Fit(..) | Situation::NoRight(_)) {
            break;
        }
        if start.needs.is_some_and(|file| !Path::new(file).exists()) {
            continue;
        }
        tried.push(start.command.line(facts.privilege));
        log = begin(start, plan.program, facts, shop).await?.or(log);
        if let Some(better) = settled(around, facts, Some(plan.program)).await? {
            situation = better;
            did.push(start.command.what.clone());
        }
    }
    if matches!(situation, Situation::NoRight(_)) {
        for command in &plan.grant {
            perform(command, facts.privilege, shop).await?;
            did.push(command.what.clone());
        }
        situation = survey(around, facts, PATIENCE).await?;
    }
    let up = matches!(situation, Situation::Fit(..) | Situation::NoRight(_));
    if !up && facts.init == Init::Systemd && log.is_none() {
        log = journal(plan.program, facts.privilege, shop).await;
    }
    running(situation, did, &tried, log.as_deref())
}

/// Copies what systemd's journal has of the daemon into devup's log of it.
async fn journal(program: Program, privilege: Privilege, shop: &Workshop<'_>) -> Option<PathBuf> {
    let unit = if program == Program::Docker { "docker.service" } else { "podman.service" };
    let words = ["journalctl", "--unit", unit, "--lines", "50", "--no-pager", "--output", "cat"];
    let call = HostCommand::root("read the journal", &words).call(privilege).deadline(PATIENCE);
    let path = shop.daemon_log(program);
    let log = open_log(&path).ok()?;
    call.run_into(&log).await.ok()?;
    Some(path)
}

fn running(situation: Situation, did: Vec<String>, tried: &[String], log: Option<&Path>) -> Result<Running, HostError> {
    match situation {
        Situation::Fit(candidate, answer) => Ok(Running { candidate, answer: *answer, did }),
        Situation::NoRight(candidate) => Err(HostError::Unable {
            reason: format!("the engine at {} runs, but still is not for this user", candidate.address),
            lines: vec!["newgrp docker".to_owned()],
        }),
        _ => Err(HostError::NotUp { tried: tried.to_vec(), last: last_words(log), log: log.map(Path::to_owned) }),
    }
}

/// The daemon's last lines: from devup's own log of it, else from where the service script puts them.
fn last_words(log: Option<&Path>) -> Vec<String> {
    [log, Some(Path::new("/var/log/docker.log"))]
        .into_iter()
        .flatten()
        .find_map(|path| last_lines(path, SHOWN).ok().filter(|lines| !lines.is_empty()))
        .unwrap_or_default()
}

/// Puts this machine's own certificate authorities into the bundle that its programs read.
pub async fn trust_own_authorities(shop: &Workshop<'_>) -> Result<Vec<String>, HostError> {
    let facts = Facts::gather().await;
    let programs = ["update-ca-certificates", "update-ca-trust"];
    let Some(program) = programs.into_iter().find(|name| find_program(name).is_some()) else {
        let reason = "neither update-ca-certificates nor update-ca-trust is installed".to_owned();
        return Err(HostError::Unable { reason, lines: Vec::new() });
    };
    let command = HostCommand::root("trust this machine's own certificate authorities", &[program]);
    let offer = Offer { what: command.what.clone(), lines: vec![command.line(facts.privilege)] };
    shop.agree(&facts, &offer, true)?;
    unlock_sudo(facts.privilege).await?;
    perform(&command, facts.privilege, shop).await?;
    Ok(vec![command.what])
}

/// Asks for sudo's password once, on the terminal, before anything is captured.
pub(super) async fn unlock_sudo(privilege: Privilege) -> Result<(), HostError> {
    if privilege != Privilege::SudoAsks {
        return Ok(());
    }
    match Call::new("sudo").arg("-v").run_attached().await {
        Ok(status) if status.success() => Ok(()),
        _ => Err(HostError::Unable { reason: "sudo did not let you act as root".to_owned(), lines: Vec::new() }),
    }
}

/// Runs one command with its output in the log, and its lines as progress.
pub(super) async fn perform(command: &HostCommand, privilege: Privilege, shop: &Workshop<'_>) -> Result<(), HostError> {
    let path = shop.log();
    let mut log = open_log(&path)?;
    shop.tell(command.what.clone());
    let call = command.call(privilege).deadline(INSTALL_LIMIT);
    // a log that cannot be written any more is no reason to stop half-way
    let _ = writeln!(log, "$ {call}");
    let seen = |_: Stream, piece: &[u8]| {
        let _ = log.write_all(piece);
        if let Some(line) = String::from_utf8_lossy(piece).lines().rev().find(|line| !line.trim().is_empty()) {
            shop.tell(line.trim());
        }
    };
    let ended = call.watch(seen).await.and_then(crate::base::process::Finished::checked);
    ended.map(|_| ()).map_err(|source| HostError::Command {
        what: command.what.clone(),
        source: Box::new(source),
        log: path,
    })
}

/// Starts the daemon in one way. A way that fails is no error: the next one is tried. Returns the daemon's log.
async fn begin(
    start: &Start,
    program: Program,
    facts: &Facts,
    shop: &Workshop<'_>,
) -> Result<Option<PathBuf>, HostError> {
    if start.way != Way::Detached {
        // its failure is in the log; whether the engine answers decides
        let _ = perform(&start.command, facts.privilege, shop).await;
        return Ok(None);
    }
    shop.tell(start.command.what.clone());
    let path = shop.daemon_log(program);
    let log = open_log(&path)?;
    make_folder_of_socket(program, facts)?;
    let call = start.command.call(facts.privilege).deadline(PATIENCE);
    if let Err(error) = call.run_into(&log).await {
        let _ = writeln!(&log, "{error}");
    }
    Ok(Some(path))
}

/// Podman does not make the folder of the socket it is told to listen on.
fn make_folder_of_socket(program: Program, facts: &Facts) -> Result<(), HostError> {
    if program == Program::Podman
        && let Some(folder) = super::situation::podman_socket(facts.uid).parent()
    {
        crate::base::files::create_folder(folder, crate::base::files::Access::Private)?;
    }
    Ok(())
}

/// Waits until an engine answers, or would if this user had the right. `None` where the time is up or the daemon ended.
async fn settled(
    around: &dyn Surroundings,
    facts: &Facts,
    program: Option<Program>,
) -> Result<Option<Situation>, HostError> {
    let begun = Instant::now();
    let mut seen = false;
    let found = retry::until(START_LIMIT, || {
        let alive = process_named("dockerd").is_some();
        seen |= alive;
        let ended = program == Some(Program::Docker)
            && cfg!(target_os = "linux")
            && !alive
            // where others' processes are hidden, not to see it says nothing
            && (seen || sees_all_processes() && begun.elapsed() > SEEN_WITHIN);
        async move {
            match survey(around, facts, PATIENCE).await {
                Ok(better @ (Situation::Fit(..) | Situation::NoRight(_))) => Some(Ok(Some(better))),
                Ok(_) if ended => Some(Ok(None)),
                Ok(_) => None,
                Err(error) => Some(Err(HostError::from(error))),
            }
        }
    });
    found.await.unwrap_or(Ok(None))
}
