//! Every distribution and situation, as tables of the exact commands.

use super::*;
use crate::driver::locate::{Candidate, Origin};
use crate::host::command::Privilege;
use crate::host::facts::Distribution;
use std::path::PathBuf;

pub(in crate::host) fn machine(id: &str, like: &str, programs: &[&str]) -> Facts {
    Facts {
        system: if id == "macos" { System::MacOs } else { System::Linux },
        distribution: Distribution::parse(&format!("ID={id}\nID_LIKE=\"{like}\"\nPRETTY_NAME=\"{id} 1\"")),
        programs: programs.iter().map(|name| ((*name).to_owned(), PathBuf::from("/usr/bin").join(name))).collect(),
        user: "root".to_owned(),
        uid: 0,
        privilege: Privilege::Root,
        init: Init::Systemd,
        docker_member: false,
        package_lists: true,
        apparmor: false,
        docker_source: false,
        proxies: Vec::new(),
        desktop: false,
    }
}

pub(in crate::host) fn user(mut facts: Facts, privilege: Privilege) -> Facts {
    facts.user = "ada".to_owned();
    facts.uid = 1000;
    facts.privilege = privilege;
    facts
}

fn planned(facts: &Facts, situation: &Situation) -> Vec<String> {
    match engine_plan(facts, situation) {
        Ok(Some(plan)) => std::iter::once(plan.what.clone()).chain(plan.lines(facts)).collect(),
        Ok(None) => vec!["nothing".to_owned()],
        Err(none) => vec![format!("no: {none}")],
    }
}

const APT: &str = "apt-get -y -o 'DPkg::Lock::Timeout=300' -o 'Dpkg::Options::=--force-confold'";
const SYSTEMD: &str = "systemctl enable --now docker.service";
const INSTALL: &str = "install Docker and start it";

#[test]
fn installing_on_every_distribution() {
    let install = format!("{APT} install --no-install-recommends docker.io ca-certificates");
    let cases: Vec<(Facts, Vec<&str>)> = vec![
        (machine("debian", "", &["apt-get"]), vec![INSTALL, &install, SYSTEMD]),
        (machine("linuxmint", "ubuntu debian", &["apt-get"]), vec![INSTALL, &install, SYSTEMD]),
        (machine("fedora", "", &["dnf"]), vec![INSTALL, "dnf -y install moby-engine", SYSTEMD]),
        (machine("amzn", "fedora", &["dnf"]), vec![INSTALL, "dnf -y install docker", SYSTEMD]),
        (
            machine("rocky", "rhel centos fedora", &["dnf"]),
            vec!["install Podman and start it", "dnf -y install podman", "systemctl enable --now podman.socket"],
        ),
        (machine("arch", "", &["pacman"]), vec![INSTALL, "pacman -S --needed --noconfirm docker", SYSTEMD]),
        (
            machine("opensuse-leap", "suse opensuse", &["zypper"]),
            vec![INSTALL, "zypper --non-interactive install --no-recommends docker", SYSTEMD],
        ),
        (
            user(machine("macos", "", &["brew"]), Privilege::SudoAsks),
            vec!["install Colima and start it", "brew install colima docker", "colima start"],
        ),
        // Homebrew on Linux is not what an engine comes from, and an unknown system may still have a known manager
        (machine("debian", "", &["brew", "apt-get"]), vec![INSTALL, &install, SYSTEMD]),
        (machine("homemade", "", &["pacman"]), vec![INSTALL, "pacman -S --needed --noconfirm docker", SYSTEMD]),
    ];
    for (facts, lines) in cases {
        assert_eq!(planned(&facts, &Situation::Absent), lines, "{}", facts.distribution.id);
    }
}

#[test]
fn what_a_debian_needs_besides() {
    let mut facts = machine("debian", "", &["apt-get"]);
    facts.package_lists = false;
    facts.apparmor = true;
    facts.init = Init::Other;
    assert_eq!(
        planned(&facts, &Situation::Absent),
        [
            INSTALL.to_owned(),
            format!("{APT} update"),
            format!("{APT} install --no-install-recommends docker.io ca-certificates apparmor"),
            "service docker start".to_owned(),
        ]
    );
    facts.docker_source = true;
    let lines = planned(&facts, &Situation::Absent);
    assert!(lines[2].ends_with("docker-ce docker-ce-cli containerd.io ca-certificates apparmor"), "{lines:?}");
}

#[test]
fn behind_a_proxy_docker_knows_it_before_its_first_start() {
    let mut facts = user(machine("debian", "", &["apt-get"]), Privilege::Sudo);
    facts.proxies = vec!["https_proxy".to_owned()];
    let lines = planned(&facts, &Situation::Absent);
    assert!(lines[1].contains("/etc/docker/devup-proxy.env") && lines[2].contains("docker.service.d"), "{lines:?}");
    assert!(lines[3].starts_with("sudo --preserve-env=https_proxy apt-get "), "{lines:?}");
}

#[test]
fn an_arch_is_never_half_upgraded() {
    let mut facts = machine("arch", "", &["pacman"]);
    facts.package_lists = false;
    assert_eq!(
        planned(&facts, &Situation::Absent),
        [INSTALL, "pacman -Syu --needed --noconfirm docker", SYSTEMD],
        "lists that were never fetched come with the upgrade that belongs to them"
    );
}

#[test]
fn without_a_known_package_manager_it_is_said_what_to_do() {
    let lines = planned(&machine("nixos", "", &[]), &Situation::Absent);
    assert!(lines[0].starts_with("no: ") && lines[0].contains("nixos 1") && lines[0].contains("by hand"), "{lines:?}");
    let lines = planned(&machine("macos", "", &[]), &Situation::Absent);
    assert!(lines[0].contains("Homebrew"), "{lines:?}");
}

#[test]
fn starting_what_is_installed_and_clearing_what_is_in_the_way() {
    let mut facts = machine("debian", "", &["apt-get", "dockerd"]);
    facts.init = Init::Other;
    let left = vec![
        Leftover::PidFile("/var/run/docker.pid".into()),
        Leftover::Socket("/var/run/docker.sock".into()),
        Leftover::Folder("/var/run/d".into()),
    ];
    let situation = Situation::Stopped(Program::Docker, left);
    assert_eq!(
        planned(&facts, &situation),
        [
            "start Docker",
            "rm -f /var/run/docker.pid",
            "rm -f /var/run/docker.sock",
            "rmdir /var/run/d",
            "service docker start"
        ]
    );
    let plan = engine_plan(&facts, &situation).unwrap().unwrap();
    let ways: Vec<_> = plan.start.iter().map(|start| (start.way, start.needs)).collect();
    assert_eq!(ways, [(Way::Script, Some("/etc/init.d/docker")), (Way::Detached, None)]);
    assert_eq!(plan.start[1].command.line(Privilege::Root), "setsid --fork dockerd");
}

#[test]
fn a_user_gets_the_right_to_the_socket_now_and_later() {
    let facts = user(machine("debian", "", &["apt-get", "sudo", "dockerd"]), Privilege::Sudo);
    assert_eq!(
        planned(&facts, &Situation::Stopped(Program::Docker, Vec::new())),
        [
            "start Docker",
            "sudo systemctl enable --now docker.service",
            "sudo usermod -aG docker ada",
            "sudo chown ada /var/run/docker.sock"
        ]
    );
    let mut member = user(machine("debian", "", &["setfacl", "sudo"]), Privilege::Sudo);
    member.docker_member = true;
    let address = EngineAddress::Unix("/var/run/docker.sock".into());
    let candidate = Candidate { address, origin: Origin::Default("Docker") };
    assert_eq!(
        planned(&member, &Situation::NoRight(candidate)),
        ["give ada the right to use the engine's socket", "sudo setfacl -m u:ada:rw /var/run/docker.sock"]
    );
}

#[test]
fn podman_of_a_user_needs_no_root() {
    let mut facts = user(machine("debian", "", &["podman"]), Privilege::None);
    let situation = Situation::Stopped(Program::Podman, Vec::new());
    assert_eq!(planned(&facts, &situation), ["start Podman", "systemctl --user enable --now podman.socket"]);
    facts.init = Init::Other;
    let plan = engine_plan(&facts, &situation).unwrap().unwrap();
    assert!(!plan.needs_root());
    assert!(plan.lines(&facts)[0].starts_with("setsid --fork podman system service '--time=0' unix://"));
}

#[test]
fn an_engine_that_the_user_chose_is_never_replaced() {
    let address = EngineAddress::parse("tcp://box:1", None).unwrap();
    let candidate = Candidate { address, origin: Origin::Variable };
    let lines = planned(&machine("debian", "", &["apt-get"]), &Situation::ChosenSilent(candidate, "refused".into()));
    assert!(
        lines[0].starts_with("no: the engine at tcp://box:1 does not answer: refused. It was chosen by DOCKER_HOST")
    );
    let silent = Situation::Silent { pid: 7, reason: "no socket".into() };
    assert!(planned(&machine("debian", "", &["apt-get"]), &silent)[0].contains("process 7"));
}
