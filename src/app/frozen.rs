//! Containers that are frozen for a while. They go on whatever happens to devup: a second devup in a process group of its
//! own waits for the first one's end, and thaws what it left.

use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::error::{AppError, Result};
use super::live::Live;
use crate::model::observed::{Container, State};

/// The command that waits.
pub const COMMAND: &str = "thaw-guard";
/// What it is told when there is nothing to do.
const DONE: &str = "done";
/// A container that is being frozen as the first devup ends is so a moment later: what is left is thawed so often.
const ROUNDS: u32 = 10;
/// Between two rounds.
const ROUND: Duration = Duration::from_millis(100);

/// Containers that are frozen until this goes.
pub struct Frozen<'a> {
    live: &'a Live,
    containers: Vec<String>,
    guard: Option<Child>,
}

impl<'a> Frozen<'a> {
    /// Freezes those of these that run.
    pub fn freeze(live: &'a Live, containers: &[&Container]) -> Result<Self> {
        let running = || containers.iter().filter(|container| container.state == State::Running);
        let mut frozen = Self { live, containers: Vec::new(), guard: None };
        if running().next().is_none() {
            return Ok(frozen);
        }
        let ids: String = running().map(|container| format!("{}\n", container.id)).collect();
        frozen.guard = Some(guard(&ids).map_err(|source| AppError::io("starting what thaws containers", source))?);
        for container in running() {
            live.wait(live.engine.containers.pause(&container.id))?;
            frozen.containers.push(container.id.clone());
        }
        Ok(frozen)
    }

    /// Whether anybody is.
    pub fn any(&self) -> bool {
        !self.containers.is_empty()
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let mut thawed = true;
        for id in &self.containers {
            thawed &= self.live.wait(self.live.engine.containers.unpause(id)).is_ok();
        }
        let Some(guard) = &mut self.guard else { return };
        if let Some(mut input) = guard.stdin.take() {
            // one that is gone meanwhile is not frozen either; whatever else went wrong, the guard tries again
            let _ = if thawed { writeln!(input, "{DONE}") } else { Ok(()) };
        }
        let _ = guard.wait();
    }
}

/// Starts it, and tells it of these containers before they are frozen.
fn guard(ids: &str) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // an interrupt at the terminal reaches the group of the first one
    command.process_group(0);
    let mut child = command.spawn()?;
    if let Some(input) = &mut child.stdin {
        input.write_all(ids.as_bytes())?;
    }
    Ok(child)
}

/// The second devup: waits for the end of `input`, and thaws the containers that it names unless all was done.
pub fn wait(input: impl BufRead) -> Result<()> {
    let lines: Vec<String> = input.lines().map_while(io::Result::ok).collect();
    if lines.last().is_some_and(|line| line == DONE) {
        return Ok(());
    }
    let live = Live::connect()?;
    for _ in 0..ROUNDS {
        for id in &lines {
            // it is not frozen, or not yet, or gone
            let _ = live.wait(live.engine.containers.unpause(id));
        }
        std::thread::sleep(ROUND);
    }
    Ok(())
}
