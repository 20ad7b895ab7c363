//! From a bare Debian to an engine that answers. Each machine is a root file system of its own (made once by mmdebstrap,
//! then overlaid), with processes and a network of its own, so that neither the engine of this machine nor another test
//! notices it.

mod base;
mod demo;
mod fresh_user;
mod interceptor;
mod machine;
mod network;
mod proxied;
mod systemd;

use base::Base;
use machine::{ADA, BOB, Machine, ROOT};
use network::Network;
use serde_json::Value;

/// A check's verdict in doctor's report.
fn verdict<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()["verdict"].as_str().unwrap()
}

fn fixed(report: &Value) -> Vec<&str> {
    report["fixed"].as_array().unwrap().iter().map(|done| done.as_str().unwrap()).collect()
}

#[test]
fn a_bare_machine_gets_an_engine_and_git_and_keeps_them_going() {
    let Some(machine) = Machine::new("root", Base::Bare, Network::Open) else { return };

    let ran = machine.devup(ROOT, &["doctor", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!((verdict(&ran.json(), "engine"), verdict(&ran.json(), "git")), ("fail", "fail"));

    // nobody to ask: nothing is done, and the commands are told
    let ran = machine.devup(ROOT, &["doctor", "--fix"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.stderr.contains("--yes") && ran.stderr.contains("install --no-install-recommends docker.io"),
        "{ran:?}"
    );
    assert!(!machine.has("/usr/sbin/dockerd") && !machine.has("/usr/bin/git"));

    let ran = machine.devup(ROOT, &["doctor", "--fix", "--yes", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json()["fit"], true);
    assert!(machine.has("/usr/bin/git"));
    assert!(machine.engine_version().is_some(), "the socket answers");

    stopped_with_stale_files(&machine);
    broken_configuration(&machine);
    users(&machine);
}

/// The daemon was killed; its pid file now names a process that lives, and its socket is still there.
fn stopped_with_stale_files(machine: &Machine) {
    machine.kill_engine();
    machine.write("/run/docker.pid", "1");
    machine.write("/run/docker/containerd/containerd.pid", "1");
    assert!(machine.has("/run/docker.sock") && machine.engine_version().is_none());
    let ran = machine.devup(ROOT, &["doctor", "--json"]);
    assert_eq!((ran.code, verdict(&ran.json(), "engine")), (Some(1), "fail"));

    let ran = machine.devup(ROOT, &["doctor", "--fix", "--yes", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    let done = fixed(&report);
    assert!(done.contains(&"remove the stale /var/run/docker.pid"), "{done:?}");
    assert!(done.iter().all(|what| !what.contains("install")), "{done:?}");
    assert!(machine.engine_version().is_some());

    // what is well is left alone
    let ran = machine.devup(ROOT, &["doctor", "--fix", "--yes", "--json"]);
    assert_eq!((ran.code, fixed(&ran.json()).len()), (Some(0), 0), "{ran:?}");
}

/// A daemon that cannot start: the reason is shown in its own words, and where the rest of them is.
fn broken_configuration(machine: &Machine) {
    machine.kill_engine();
    machine.write("/etc/docker/daemon.json", "{ \"no-such-key\": 1 }");
    let ran = machine.devup(ROOT, &["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stderr.contains("no-such-key") && ran.stderr.contains("/root/.local/state/devup/logs/dockerd.log"),
        "{ran:?}"
    );
    std::fs::remove_file(machine.path("/etc/docker/daemon.json")).unwrap();
}

/// Without root: through sudo, where it lets; else the commands to type.
fn users(machine: &Machine) {
    let ran = machine.devup(BOB, &["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("sudo service docker start") && ran.stderr.contains("docker bob"), "{ran:?}");
    assert!(machine.engine_version().is_none());

    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(machine.engine_version().is_some());
    assert!(machine.may_connect(ADA), "in this login, without a new one");
    assert!(machine.read("/etc/group").lines().any(|line| line.starts_with("docker:") && line.ends_with(":ada")));

    let ran = machine.devup(BOB, &["doctor", "--json"]);
    assert_eq!((ran.code, verdict(&ran.json(), "rights")), (Some(1), "fail"), "{ran:?}");
    assert!(!machine.may_connect(BOB));
}

#[test]
fn a_user_without_sudo_on_a_bare_machine_learns_what_to_type() {
    let Some(machine) = Machine::new("bob", Base::Bare, Network::Open) else { return };
    let ran = machine.devup(BOB, &["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let command = "apt-get -y -o 'DPkg::Lock::Timeout=300' -o 'Dpkg::Options::=--force-confold' update";
    assert!(ran.stderr.contains(command), "{ran:?}");
    assert!(!machine.has("/usr/sbin/dockerd"));
}
