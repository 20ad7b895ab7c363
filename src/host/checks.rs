//! Judges a [`Snapshot`]: what is fit, what may surprise, what keeps devup from working, and what to do about it. Pure.

use super::check::{Check, Fix};
use super::command::Privilege;
use super::facts::{Init, System};
use super::plan::engine_plan;
use super::situation::Situation;
use super::snapshot::{Disk, Kvm, Memory, Network, Snapshot};
use crate::driver::address::EngineAddress;
use crate::driver::locate::{Candidate, DOCKER_SOCKET};
use crate::driver::probe::Answer;

/// The oldest API that devup speaks: Docker 20.10's.
const OLDEST_API: (u32, u32) = (1, 41);
const GIB: u64 = 1 << 30;

/// All checks, in the order in which they are shown.
pub fn checks(seen: &Snapshot) -> Vec<Check> {
    let mut found = vec![engine(seen), rights(seen), git(seen)];
    found.extend(seen.memory.map(memory));
    found.extend(seen.disk.as_ref().map(disk));
    found.extend([ports(seen), names(&seen.network), registry(&seen.network)]);
    found.push(authorities(seen));
    found.push(proxy(seen));
    found.push(virtualisation(seen.kvm, seen.facts.system));
    found
}

fn engine(seen: &Snapshot) -> Check {
    const NAME: &str = "engine";
    let situation = match &seen.engine {
        Ok(situation) => situation,
        Err(error) => {
            return Check::fail(NAME, error.to_string(), "correct it, or choose another: docker context use default");
        }
    };
    let logs: Vec<String> = seen.logs.iter().map(|path| path.display().to_string()).collect();
    let log = if logs.is_empty() { String::new() } else { format!("; its log: {}", logs.join(", ")) };
    match situation {
        Situation::Fit(candidate, answer) => answering(candidate, answer, &log),
        Situation::NoRight(candidate) => Check::ok(NAME, format!("listens at {}{log}", candidate.address)),
        _ => {
            let why = match situation {
                Situation::Stopped(program, left) if left.is_empty() => {
                    format!("{program:?} is installed, but does not run{log}")
                }
                Situation::Stopped(program, _) => {
                    format!("{program:?} is installed, but does not run, and left files that are in the way{log}")
                }
                Situation::Absent => "no container engine is installed".to_owned(),
                _ => String::new(),
            };
            match engine_plan(&seen.facts, situation) {
                Ok(Some(plan)) => Check::fail(NAME, why, typed(&plan.lines(&seen.facts))).fixed_by(Fix::Engine),
                Ok(None) => Check::ok(NAME, why),
                Err(none) if why.is_empty() => {
                    Check::fail(NAME, none.reason, format!("start that engine, or choose another{log}"))
                }
                Err(none) => Check::fail(NAME, why, none.reason),
            }
        }
    }
}

/// `devup doctor --fix`, and what it would type.
fn typed(lines: &[String]) -> String {
    format!("devup doctor --fix, or type:\n{}", lines.join("\n"))
}

fn answering(candidate: &Candidate, answer: &Answer, log: &str) -> Check {
    const NAME: &str = "engine";
    let why = format!(
        "{:?} {}, API {}, at {} ({}){log}",
        answer.kind, answer.version, answer.api, candidate.address, candidate.origin
    );
    match api_of(&answer.api) {
        Some(api) if api >= OLDEST_API => Check::ok(NAME, why),
        _ => Check::fail(NAME, why, "devup needs Docker 20.10 (API 1.41) or newer: upgrade the engine"),
    }
}

fn api_of(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn rights(seen: &Snapshot) -> Check {
    const NAME: &str = "rights";
    match &seen.engine {
        Ok(Situation::Fit(..)) => Check::ok(NAME, format!("{} may use the engine's socket", seen.facts.user)),
        Ok(situation @ Situation::NoRight(candidate)) => {
            let why = format!("{} may not use the engine's socket {}", seen.facts.user, candidate.address);
            if seen.facts.docker_member && !seen.facts.privilege.suffices() {
                return Check::fail(
                    NAME,
                    format!("{why}, though a member of the group docker"),
                    "log in again, or for now: newgrp docker",
                );
            }
            match engine_plan(&seen.facts, situation) {
                Ok(Some(plan)) => Check::fail(NAME, why, typed(&plan.lines(&seen.facts))).fixed_by(Fix::Engine),
                _ => Check::fail(NAME, why, "ask its administrator"),
            }
        }
        _ => {
            let facts = &seen.facts;
            match facts.privilege {
                Privilege::Root => Check::ok(NAME, "root"),
                Privilege::Sudo => Check::ok(NAME, format!("{} may act as root through sudo", facts.user)),
                Privilege::SudoAsks => Check::ok(NAME, format!("sudo will ask {} for a password", facts.user)),
                Privilege::SudoMute => {
                    Check::warn(NAME, "sudo wants a password, and there is no terminal", "run it on a terminal")
                }
                Privilege::None => Check::warn(
                    NAME,
                    format!("{} cannot act as root", facts.user),
                    "somebody who is root has to install an engine",
                ),
            }
        }
    }
}

fn git(seen: &Snapshot) -> Check {
    match &seen.git {
        Some(version) => Check::ok("git", version.clone()),
        None => Check::fail("git", "git is not installed", "devup doctor --fix").fixed_by(Fix::Git),
    }
}

fn memory(memory: Memory) -> Check {
    let why = format!("{} in all, {} available", size(memory.total), size(memory.available));
    if memory.total < GIB / 2 {
        Check::fail("memory", why, "an engine with a project needs 1 GiB at least")
    } else if memory.total < 2 * GIB || memory.available < GIB / 2 {
        Check::warn("memory", why, "databases may be ended by the kernel: close programs, or give the machine more")
    } else {
        Check::ok("memory", why)
    }
}

fn disk(disk: &Disk) -> Check {
    let why = format!("{} free of {} at {}", size(disk.free), size(disk.total), disk.path.display());
    if disk.free < GIB {
        Check::fail("disk", why, "free space: docker system prune removes what no container uses")
    } else if disk.free < 5 * GIB {
        Check::warn("disk", why, "images and builds may fill it: docker system prune removes what no container uses")
    } else {
        Check::ok("disk", why)
    }
}

/// Bytes in GiB or MiB with one decimal.
fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= GIB { (GIB, "GiB") } else { (1 << 20, "MiB") };
    let tenths = bytes * 10 / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn ports(seen: &Snapshot) -> Check {
    if let Err(reason) = &seen.loopback {
        return Check::fail(
            "ports",
            format!("no program can listen on 127.0.0.1: {reason}"),
            "bring the loopback interface up: ip link set lo up",
        );
    }
    if seen.taken.is_empty() {
        return Check::ok("ports", "the common ports are free");
    }
    let list: Vec<String> = seen.taken.iter().map(|(port, owner)| format!("{port} by {owner}")).collect();
    // no warning: a project that wants one of them gets another, which it keeps
    Check::ok("ports", format!("taken: {}", list.join(", ")))
}

fn names(network: &Network) -> Check {
    match &network.names {
        Ok(()) => Check::ok("names", "names are resolved"),
        Err(reason) => Check::warn(
            "names",
            format!("the registry's name is not resolved: {reason}"),
            "check the network and /etc/resolv.conf",
        ),
    }
}

fn registry(network: &Network) -> Check {
    match &network.registry {
        Ok(()) => Check::ok("registry", "Docker Hub answers"),
        Err(reason) => Check::warn(
            "registry",
            format!("Docker Hub does not answer: {reason}"),
            "images that are not here yet cannot be pulled; envs are built from the distribution's packages instead",
        ),
    }
}

fn authorities(seen: &Snapshot) -> Check {
    const NAME: &str = "authorities";
    let Snapshot { trust, facts, .. } = seen;
    let registries = match trust.registries.as_slice() {
        [] => String::new(),
        names => format!("; the engine has certificates for {}", names.join(", ")),
    };
    if trust.files.is_empty() {
        return Check::ok(NAME, format!("none of this machine's own{registries}"));
    }
    let files: Vec<String> = trust.files.iter().map(|path| path.display().to_string()).collect();
    let why = format!("this machine's own: {}{registries}", files.join(", "));
    if trust.missing > 0 {
        let what = format!("{why}; {} of them the system does not trust yet", trust.missing);
        let check =
            Check::warn(NAME, what, "sudo update-ca-certificates (Debian) or sudo update-ca-trust (Fedora, Arch)");
        return if facts.system == System::Linux { check.fixed_by(Fix::Authorities) } else { check };
    }
    if trust.daemon_is_older {
        let remedy = match facts.init {
            Init::Systemd => "restart the engine: sudo systemctl restart docker",
            Init::Other => "restart the engine: sudo service docker restart",
        };
        let check = Check::warn(
            NAME,
            format!("{why}; the engine may not trust them: it started before they were added"),
            remedy,
        );
        return if has_daemon(seen) { check.fixed_by(Fix::DaemonAuthorities) } else { check };
    }
    Check::ok(NAME, format!("{why}; trusted by the system and inside what devup builds"))
}

fn proxy(seen: &Snapshot) -> Check {
    const NAME: &str = "proxy";
    let shell = &seen.facts.proxies;
    let files: Vec<String> = seen.daemon_proxy_files.iter().map(|path| path.display().to_string()).collect();
    let from = if files.is_empty() { String::new() } else { format!(" (from {})", files.join(", ")) };
    let asked = |name: &&String| !name.eq_ignore_ascii_case("no_proxy");
    let wanted: Vec<&str> = shell.iter().filter(asked).map(String::as_str).collect();
    let Ok(Situation::Fit(candidate, answer)) = &seen.engine else {
        return Check::ok(
            NAME,
            if wanted.is_empty() { "none is set".to_owned() } else { format!("{} set here", wanted.join(", ")) },
        );
    };
    let daemon = answer.proxies.http.is_some() || answer.proxies.https.is_some();
    match (wanted.is_empty(), daemon) {
        (true, false) => Check::ok(NAME, "none is set"),
        (true, true) => Check::ok(NAME, format!("the engine pulls through a proxy of its own{from}")),
        (false, true) => Check::ok(NAME, format!("{} set here, and the engine has its own{from}", wanted.join(", "))),
        (false, false) if !candidate.address.is_local() => {
            Check::ok(NAME, format!("{} set here; the engine is elsewhere and uses none", wanted.join(", ")))
        }
        (false, false) => {
            let why = format!("{} set here, but the engine pulls without a proxy", wanted.join(", "));
            let check = Check::warn(NAME, why, proxy_remedy(seen.facts.init));
            if has_daemon(seen) { check.fixed_by(Fix::DaemonProxy) } else { check }
        }
    }
}

/// Whether the engine is this system's own Docker: not a user's, nor one in a virtual machine.
fn has_daemon(seen: &Snapshot) -> bool {
    let system = EngineAddress::Unix(DOCKER_SOCKET.into());
    seen.dockerd && matches!(&seen.engine, Ok(Situation::Fit(candidate, _)) if candidate.address == system)
}

fn proxy_remedy(init: Init) -> String {
    match init {
        Init::Systemd => "sudo systemctl edit docker, add [Service] with a line Environment=\"HTTPS_PROXY=…\", then sudo systemctl restart docker".to_owned(),
        Init::Other => "add a line export HTTPS_PROXY=… to /etc/default/docker, then sudo service docker restart".to_owned(),
    }
}

fn virtualisation(kvm: Kvm, system: System) -> Check {
    const NAME: &str = "virtualisation";
    match (kvm, system) {
        (Kvm::Present, _) => Check::ok(NAME, "/dev/kvm is present, not probed"),
        (Kvm::Forbidden, _) => Check::warn(
            NAME,
            "/dev/kvm is there, but not for this user; containers do not need it",
            "sudo usermod -aG kvm \"$USER\", then log in again",
        ),
        (Kvm::Absent, System::Linux) => Check::warn(
            NAME,
            "/dev/kvm is not there; containers do not need it, machines would be slow",
            "switch virtualisation on in the firmware",
        ),
        (Kvm::Absent, _) => Check::ok(NAME, "not looked at on this system"),
    }
}

#[cfg(test)]
mod tests;
