//! From what the machine is and how it stands with the engine to the exact commands. Pure.

use super::command::HostCommand;
use super::daemon::{names_proxy, proxy_commands};
use super::facts::{Facts, Init, System};
use super::packages::Manager;
use super::situation::{Leftover, Program, Situation, podman_socket};
use crate::driver::address::EngineAddress;

/// How a daemon is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By systemd.
    Systemd,
    /// By the service script in `/etc/init.d`.
    Script,
    /// By devup: detached from the terminal, with its output in devup's log folder.
    Detached,
    /// By the product's own command.
    Own,
}

/// One way to start the daemon. The next one is tried where it does not come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Which way.
    pub way: Way,
    /// The command.
    pub command: HostCommand,
    /// Which file has to be there for this way (after the installation).
    pub needs: Option<&'static str>,
}

/// What makes an engine answer on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginePlan {
    /// In words, to follow "cannot" or "may I": `install Docker and start it`.
    pub what: String,
    /// The program that will answer.
    pub program: Program,
    /// Installs and cleans up; all of it has to succeed.
    pub prepare: Vec<HostCommand>,
    /// Ways to start it, best first; empty where it runs already.
    pub start: Vec<Start>,
    /// Gives this user the right to the socket, once it is there.
    pub grant: Vec<HostCommand>,
}

impl EnginePlan {
    /// All commands that may come to be run, in order; of the ways to start only the first.
    pub fn commands(&self) -> impl Iterator<Item = &HostCommand> {
        self.prepare.iter().chain(self.start.first().map(|start| &start.command)).chain(&self.grant)
    }

    /// What one would type to do the same by hand.
    pub fn lines(&self, facts: &Facts) -> Vec<String> {
        self.commands().map(|command| command.line(facts.privilege)).collect()
    }

    /// Whether any of it needs root.
    pub fn needs_root(&self) -> bool {
        self.commands().any(|command| command.root)
    }
}

/// Why there is no plan, in words that tell what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoPlan {
    /// The reason and the remedy.
    pub reason: String,
}

/// The plan for a situation; `None` where an engine answers already.
pub fn engine_plan(facts: &Facts, situation: &Situation) -> Result<Option<EnginePlan>, NoPlan> {
    let no = |reason: String| Err(NoPlan { reason });
    match situation {
        Situation::Fit(..) => Ok(None),
        Situation::ChosenSilent(candidate, reason) => no(format!(
            "the engine at {} does not answer: {reason}. It was chosen by {}; start it, or choose another (unset DOCKER_HOST, docker context use default)",
            candidate.address, candidate.origin
        )),
        Situation::Silent { pid, reason } => no(format!(
            "dockerd runs (process {pid}), but does not answer: {reason}. It may still be starting, or listen elsewhere (set DOCKER_HOST)"
        )),
        Situation::NoRight(candidate) => match &candidate.address {
            EngineAddress::Unix(path) => {
                let socket = path.to_string_lossy().into_owned();
                Ok(Some(EnginePlan {
                    what: format!("give {} the right to use the engine's socket", facts.user),
                    program: Program::Docker,
                    prepare: Vec::new(),
                    start: Vec::new(),
                    grant: grant(facts, &socket),
                }))
            }
            other => no(format!("the engine at {other} refuses this user")),
        },
        Situation::Stopped(program, left) => Ok(Some(EnginePlan {
            what: format!("start {}", name(*program)),
            program: *program,
            prepare: left.iter().map(clean).collect(),
            start: ways(facts, *program),
            grant: granted(facts, *program),
        })),
        Situation::Absent => install(facts).map(Some),
    }
}

fn install(facts: &Facts) -> Result<EnginePlan, NoPlan> {
    let manager = Manager::of(facts).ok_or_else(|| NoPlan { reason: by_hand(facts) })?;
    let (program, packages) = engine_packages(facts, manager);
    let mut prepare = manager.commands(facts, &packages);
    if program == Program::Docker && names_proxy(facts) {
        // before the package, which may start the daemon
        prepare.splice(0..0, proxy_commands(facts));
    }
    Ok(EnginePlan {
        what: format!("install {} and start it", name(program)),
        program,
        prepare,
        start: ways(facts, program),
        grant: granted(facts, program),
    })
}

fn by_hand(facts: &Facts) -> String {
    if facts.system == System::MacOs {
        return "there is no container engine, and no Homebrew to install one with: install Homebrew (https://brew.sh), \
                Docker Desktop, OrbStack or Colima"
            .to_owned();
    }
    let name = if facts.distribution.name.is_empty() { "this system" } else { &facts.distribution.name };
    format!(
        "there is no container engine, and devup knows no package manager of {name} (apt, dnf, pacman, zypper, brew): \
         install Docker or Podman by hand (https://docs.docker.com/engine/install)"
    )
}

/// What the distributions call it.
fn engine_packages(facts: &Facts, manager: Manager) -> (Program, Vec<&'static str>) {
    match manager {
        Manager::Apt => {
            let mut packages = if facts.docker_source {
                vec!["docker-ce", "docker-ce-cli", "containerd.io", "ca-certificates"]
            } else {
                vec!["docker.io", "ca-certificates"]
            };
            if facts.apparmor {
                packages.push("apparmor");
            }
            (Program::Docker, packages)
        }
        Manager::Dnf if facts.distribution.id == "fedora" => (Program::Docker, vec!["moby-engine"]),
        Manager::Dnf if facts.distribution.id == "amzn" => (Program::Docker, vec!["docker"]),
        // Red Hat's family ships Podman, and no Docker
        Manager::Dnf => (Program::Podman, vec!["podman"]),
        Manager::Pacman | Manager::Zypper => (Program::Docker, vec!["docker"]),
        Manager::Brew => (Program::Colima, vec!["colima", "docker"]),
    }
}

fn name(program: Program) -> &'static str {
    match program {
        Program::Docker => "Docker",
        Program::Podman => "Podman",
        Program::Colima => "Colima",
        Program::Desktop => "Docker Desktop",
    }
}

fn clean(leftover: &Leftover) -> HostCommand {
    let (path, words): (_, &[&str]) = match leftover {
        Leftover::PidFile(path) | Leftover::Socket(path) => (path, &["rm", "-f"]),
        Leftover::Folder(path) => (path, &["rmdir"]),
    };
    let path = path.to_string_lossy();
    HostCommand::root(format!("remove the stale {path}"), &[words, &[&path]].concat())
}

/// How this program can be started here, best first.
pub(super) fn ways(facts: &Facts, program: Program) -> Vec<Start> {
    match program {
        Program::Docker => docker_ways(facts),
        Program::Podman => podman_ways(facts),
        Program::Colima => vec![own("start Colima", &["colima", "start"])],
        Program::Desktop => vec![own("start Docker Desktop", &["open", "-g", "-a", "Docker"])],
    }
}

fn own(what: &str, words: &[&str]) -> Start {
    Start { way: Way::Own, command: HostCommand::user(what, words), needs: None }
}

fn docker_ways(facts: &Facts) -> Vec<Start> {
    // a daemon beside systemd's back would fight with the unit at the next boot
    if facts.init == Init::Systemd {
        let command = HostCommand::root("start Docker by systemd", &["systemctl", "enable", "--now", "docker.service"]);
        return vec![Start { way: Way::Systemd, command, needs: None }];
    }
    let script = HostCommand::root("start Docker by its service script", &["service", "docker", "start"]);
    let daemon = HostCommand::root("start dockerd", &["setsid", "--fork", "dockerd"]);
    vec![
        Start { way: Way::Script, command: script, needs: Some("/etc/init.d/docker") },
        Start { way: Way::Detached, command: daemon, needs: None },
    ]
}

/// Podman needs no daemon, but something that listens: for root the system's socket, for others their own.
fn podman_ways(facts: &Facts) -> Vec<Start> {
    let root = facts.uid == 0;
    let make = |what: &str, words: &[&str]| HostCommand { root, ..HostCommand::user(what, words) };
    let mut ways = Vec::new();
    if facts.init == Init::Systemd {
        let what = "start Podman's socket by systemd";
        let words: &[&str] = if root {
            &["systemctl", "enable", "--now", "podman.socket"]
        } else {
            &["systemctl", "--user", "enable", "--now", "podman.socket"]
        };
        ways.push(Start { way: Way::Systemd, command: make(what, words), needs: None });
    }
    let address = format!("unix://{}", podman_socket(facts.uid).display());
    let words = ["setsid", "--fork", "podman", "system", "service", "--time=0", &address];
    ways.push(Start { way: Way::Detached, command: make("start Podman's service", &words), needs: None });
    ways
}

fn granted(facts: &Facts, program: Program) -> Vec<HostCommand> {
    // Podman, Colima and Docker Desktop run as the user
    if program == Program::Docker { grant(facts, crate::driver::locate::DOCKER_SOCKET) } else { Vec::new() }
}

/// Membership for the logins to come, and a right to the socket itself for the present one (docs/decisions).
pub(super) fn grant(facts: &Facts, socket: &str) -> Vec<HostCommand> {
    if facts.uid == 0 {
        return Vec::new();
    }
    let mut commands = Vec::new();
    if !facts.docker_member {
        let what = format!("add {} to the group docker", facts.user);
        commands.push(HostCommand::root(what, &["usermod", "-aG", "docker", &facts.user]));
    }
    let what = format!("open {socket} to {}", facts.user);
    commands.push(if facts.has("setfacl") {
        HostCommand::root(what, &["setfacl", "-m", &format!("u:{}:rw", facts.user), socket])
    } else {
        HostCommand::root(what, &["chown", &facts.user, socket])
    });
    commands
}

#[cfg(test)]
pub(super) mod tests;
