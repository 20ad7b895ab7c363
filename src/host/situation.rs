//! How it stands with the engine: answers, forbids, is silent, is stopped, is not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::facts::Facts;
use crate::driver::address::EngineAddress;
use crate::driver::error::DriverError;
use crate::driver::locate::{Candidate, DOCKER_SOCKET, LocateError, Surroundings, locate};
use crate::driver::probe::{Answer, probe};

/// An engine's program on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `dockerd`.
    Docker,
    /// `podman`.
    Podman,
    /// `colima` (macOS).
    Colima,
    /// Docker Desktop (macOS).
    Desktop,
}

/// What a dead daemon left behind, and what would keep the next from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A pid file whose process is gone, or is another program by now.
    PidFile(PathBuf),
    /// A socket that nobody listens on.
    Socket(PathBuf),
    /// An empty folder where the socket belongs (a bind mount of a missing file makes one).
    Folder(PathBuf),
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Situation {
    /// It answers.
    Fit(Candidate, Box<Answer>),
    /// It is there, but its socket is not for this user.
    NoRight(Candidate),
    /// The one that the user chose does not answer; no other is used in its place.
    ChosenSilent(Candidate, String),
    /// The daemon runs, and does not answer.
    Silent {
        /// Its process.
        pid: u32,
        /// What happened at its socket.
        reason: String,
    },
    /// Installed, but not running.
    Stopped(Program, Vec<Leftover>),
    /// Nothing is installed.
    Absent,
}

/// Tries each address that the surroundings name; the first engine that answers is taken.
pub async fn survey(around: &dyn Surroundings, facts: &Facts, patience: Duration) -> Result<Situation, LocateError> {
    let mut forbidden = None;
    let mut silence = None;
    for candidate in locate(around)? {
        match probe(&candidate.address, patience).await {
            Ok(answer) => return Ok(Situation::Fit(candidate, Box::new(answer))),
            Err(DriverError::NoRight { .. }) => forbidden = forbidden.or(Some(candidate)),
            Err(error) if candidate.origin.is_chosen() => {
                let reason = reason_of(&error);
                let local = local(&candidate.address, facts.uid).filter(|program| installed(facts).contains(program));
                return Ok(local.map_or_else(
                    || Situation::ChosenSilent(candidate, reason.clone()),
                    |program| at_rest(program, process_named("dockerd"), &reason),
                ));
            }
            Err(error) => silence = silence.or_else(|| Some(reason_of(&error))),
        }
    }
    if let Some(candidate) = forbidden {
        return Ok(Situation::NoRight(candidate));
    }
    let running = process_named("dockerd");
    Ok(match running.map(|_| Program::Docker).or(installed(facts).first().copied()) {
        Some(program) => at_rest(program, running, &silence.unwrap_or_default()),
        None => Situation::Absent,
    })
}

/// Whose standard socket of this machine an address is: choosing that one chooses a program that devup can start.
fn local(address: &EngineAddress, uid: u32) -> Option<Program> {
    let EngineAddress::Unix(path) = address else { return None };
    if path == Path::new(DOCKER_SOCKET) || path == Path::new("/run/docker.sock") {
        return Some(Program::Docker);
    }
    (*path == podman_socket(uid)).then_some(Program::Podman)
}

/// An installed program that does not answer, given the process of dockerd where one runs.
fn at_rest(program: Program, dockerd: Option<u32>, reason: &str) -> Situation {
    match (program, dockerd) {
        (Program::Docker, Some(pid)) => Situation::Silent { pid, reason: reason.to_owned() },
        (Program::Docker, None) => Situation::Stopped(program, leftovers(Path::new("/var/run"))),
        _ => Situation::Stopped(program, Vec::new()),
    }
}

fn reason_of(error: &DriverError) -> String {
    match error {
        DriverError::Unreachable { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// What is installed, best first.
fn installed(facts: &Facts) -> Vec<Program> {
    let order = [("dockerd", Program::Docker), ("colima", Program::Colima), ("podman", Program::Podman)];
    let found = order.into_iter().filter(|(name, _)| facts.has(name)).map(|(_, program)| program);
    found.chain(facts.desktop.then_some(Program::Desktop)).collect()
}

/// What lies about in the folder of sockets and pid files (`/var/run`). Asked only when no daemon runs.
pub fn leftovers(run: &Path) -> Vec<Leftover> {
    let pid_files =
        [("docker.pid", "dockerd"), ("docker-ssd.pid", "dockerd"), ("docker/containerd/containerd.pid", "containerd")];
    let mut found: Vec<Leftover> = pid_files
        .into_iter()
        .map(|(file, program)| (run.join(file), program))
        .filter(|(path, program)| is_stale(path, program))
        .map(|(path, _)| Leftover::PidFile(path))
        .collect();
    let socket = run.join(Path::new(DOCKER_SOCKET).file_name().unwrap_or_default());
    match fs::symlink_metadata(&socket) {
        Ok(meta) if meta.is_dir() => found.push(Leftover::Folder(socket)),
        Ok(_) => found.push(Leftover::Socket(socket)),
        Err(_) => {}
    }
    found
}

fn is_stale(path: &Path, program: &str) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return path.exists() };
    text.trim().parse().map_or(true, |pid: u32| name_of_process(pid).as_deref() != Some(program))
}

/// The name of a process (Linux: `/proc/PID/comm`, 15 characters at most); `None` where there is none, and for zombies.
fn name_of_process(pid: u32) -> Option<String> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (state != 'Z').then(|| fs::read_to_string(folder.join("comm")).ok().map(|name| name.trim().to_owned()))?
}

/// A process with this name that this user may see.
pub fn process_named(name: &str) -> Option<u32> {
    fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid| name_of_process(*pid).as_deref() == Some(name))
}

/// Whether this user may see the processes of others (`hidepid` of `proc(5)`).
pub fn sees_all_processes() -> bool {
    name_of_process(1).is_some()
}

/// The address that a program's daemon listens on once devup has started it for this user.
pub fn usual_address(program: Program, uid: u32) -> Option<EngineAddress> {
    match program {
        Program::Docker => Some(EngineAddress::Unix(PathBuf::from(DOCKER_SOCKET))),
        Program::Podman => Some(EngineAddress::Unix(podman_socket(uid))),
        Program::Colima | Program::Desktop => None,
    }
}

/// Podman's socket for this user.
pub fn podman_socket(uid: u32) -> PathBuf {
    if uid == 0 {
        return PathBuf::from(crate::driver::locate::PODMAN_SOCKET);
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty());
    runtime.map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), PathBuf::from).join("podman/podman.sock")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn put(root: &Path, file: &str, text: &str) -> PathBuf {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap_or(root)).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    #[test]
    fn pid_files_of_the_dead_and_of_others_are_leftovers() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(leftovers(run.path()), []);
        let dead = put(run.path(), "docker.pid", "4194999");
        // this test is alive, and is no containerd
        let other = put(run.path(), "docker/containerd/containerd.pid", &std::process::id().to_string());
        let empty = put(run.path(), "docker-ssd.pid", "");
        let found = leftovers(run.path());
        assert_eq!(found, [Leftover::PidFile(dead), Leftover::PidFile(empty), Leftover::PidFile(other)]);
    }

    #[test]
    fn a_pid_file_of_the_living_is_none() {
        let run = tempfile::tempdir().unwrap();
        let own = name_of_process(std::process::id()).unwrap();
        let path = put(run.path(), "docker.pid", &std::process::id().to_string());
        assert!(!is_stale(&path, &own));
        assert!(process_named(&own).is_some());
    }

    #[test]
    fn a_standard_socket_that_was_chosen_names_its_program() {
        let of = |path: &str| local(&EngineAddress::Unix(path.into()), 0);
        assert_eq!(of("/var/run/docker.sock"), Some(Program::Docker));
        assert_eq!(of("/run/docker.sock"), Some(Program::Docker));
        assert_eq!(of("/run/podman/podman.sock"), Some(Program::Podman));
        assert_eq!(of("/srv/docker.sock"), None);
    }

    #[test]
    fn sockets_and_folders_in_their_place() {
        let run = tempfile::tempdir().unwrap();
        let socket = put(run.path(), "docker.sock", "");
        assert_eq!(leftovers(run.path()), [Leftover::Socket(socket.clone())]);
        fs::remove_file(&socket).unwrap();
        fs::create_dir(&socket).unwrap();
        assert_eq!(leftovers(run.path()), [Leftover::Folder(socket)]);
    }
}
