//! systemd as process 1: Docker is its unit, and devup goes through it.

use std::time::Duration;

use super::super::engine::within;
use super::base::Base;
use super::machine::{ADA, Machine, ROOT};
use super::network::Network;
use super::{fixed, verdict};

const PATIENCE: Duration = Duration::from_mins(1);

fn systemctl(machine: &Machine, words: &[&str]) -> String {
    let words: Vec<&str> = std::iter::once("systemctl").chain(words.iter().copied()).collect();
    machine.run(ROOT, "/", &words).stdout.trim().to_owned()
}

#[test]
fn where_systemd_is_process_1_docker_is_its_unit() {
    let Some(mut machine) = Machine::new("systemd", Base::Systemd, Network::Open) else { return };
    let booted = within(PATIENCE, || {
        (systemctl(&machine, &["is-system-running"]) == "running" && machine.has("/run/systemd/system")).then_some(())
    });
    assert!(booted.is_some(), "{}", systemctl(&machine, &["--failed", "--no-pager"]));

    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]).expect(0);
    assert_eq!(verdict(&ran.json(), "engine"), "ok", "{ran:?}");
    assert_eq!(systemctl(&machine, &["is-enabled", "docker.service"]), "enabled", "it comes back with the next boot");
    assert!(machine.may_connect(ADA));

    // stopped by hand: systemd starts it, and no daemon runs beside it
    systemctl(&machine, &["disable", "--now", "docker.service", "docker.socket"]);
    assert!(machine.engine_version().is_none());
    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]).expect(0);
    assert!(fixed(&ran.json()).contains(&"start Docker by systemd"), "{ran:?}");
    assert_eq!(systemctl(&machine, &["is-active", "docker.service"]), "active");
    assert_eq!(systemctl(&machine, &["is-enabled", "docker.service"]), "enabled");

    a_proxy_becomes_a_drop_in(&mut machine);
    a_unit_that_fails_is_quoted(&machine);
}

/// The unit gets the proxy by a file that is root's alone, and is restarted.
fn a_proxy_becomes_a_drop_in(machine: &mut Machine) {
    machine.set("https_proxy", "http://me:hush%40hush@proxy.invalid:3128");
    let seen = machine.devup(ADA, &["doctor", "--json"]).expect(0).json();
    assert_eq!(verdict(&seen, "proxy"), "warn", "{seen:#}");
    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]).expect(0);
    assert_eq!((verdict(&ran.json(), "proxy"), verdict(&ran.json(), "rights")), ("ok", "ok"), "{ran:?}");
    assert!(!ran.stdout.contains("hush") && !ran.stderr.contains("hush"), "{ran:?}");
    let info = machine.ask_engine("/info").unwrap();
    assert!(info["HttpsProxy"].as_str().unwrap().ends_with("@proxy.invalid:3128"), "{}", info["HttpsProxy"]);
    assert_eq!(systemctl(machine, &["is-active", "docker.service"]), "active");
    let mode = machine.run(ROOT, "/", &["stat", "-c", "%a %U", "/etc/docker/devup-proxy.env"]).stdout;
    assert_eq!(mode.trim(), "600 root");
}

/// The journal says why, and devup shows it.
fn a_unit_that_fails_is_quoted(machine: &Machine) {
    systemctl(machine, &["stop", "docker.service", "docker.socket"]);
    machine.write("/etc/docker/daemon.json", "{ \"no-such-key\": 1 }");
    let ran = machine.devup(ROOT, &["doctor", "--fix", "--yes"]).expect(3);
    assert!(ran.stderr.contains("no-such-key"), "{ran:?}");
}
