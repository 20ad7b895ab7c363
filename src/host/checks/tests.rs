//! What is seen, and how it is judged.

use super::*;
use crate::driver::address::EngineAddress;
use crate::driver::features::EngineKind;
use crate::driver::locate::Origin;
use crate::driver::probe::Proxies;
use crate::host::check::{Verdict, is_fit};
use crate::host::facts::{Distribution, Facts};
use crate::host::situation::{Leftover, Program};
use crate::host::snapshot::Trust;
use std::collections::BTreeMap;

/// A check, what befalls the machine, and words of the judgement.
type Case = (&'static str, Box<dyn Fn(&mut Snapshot)>, &'static str);

fn candidate() -> Candidate {
    Candidate { address: EngineAddress::Unix("/var/run/docker.sock".into()), origin: Origin::Default("Docker") }
}

fn fit(api: &str) -> Situation {
    let answer = Answer {
        kind: EngineKind::Docker,
        version: "20.10.24".into(),
        api: api.into(),
        data: None,
        memory: None,
        proxies: Proxies::default(),
        mirrors: Vec::new(),
    };
    Situation::Fit(candidate(), Box::new(answer))
}

fn healthy() -> Snapshot {
    let facts = Facts {
        system: System::Linux,
        distribution: Distribution::parse("ID=debian"),
        programs: BTreeMap::from([("apt-get".to_owned(), "/usr/bin/apt-get".into())]),
        user: "ada".into(),
        uid: 1000,
        privilege: Privilege::Sudo,
        init: Init::Other,
        docker_member: true,
        package_lists: true,
        apparmor: false,
        docker_source: false,
        proxies: Vec::new(),
        desktop: false,
    };
    Snapshot {
        facts,
        engine: Ok(fit("1.41")),
        logs: Vec::new(),
        git: Some("2.39.5".into()),
        memory: Some(Memory { total: 8 * GIB, available: 4 * GIB }),
        disk: Some(Disk { path: "/var/lib/docker".into(), total: 100 * GIB, free: 50 * GIB }),
        loopback: Ok(()),
        taken: Vec::new(),
        network: Network { names: Ok(()), registry: Ok(()) },
        trust: Trust::default(),
        dockerd: true,
        daemon_proxy_files: Vec::new(),
        kvm: Kvm::Present,
    }
}

fn find(seen: &Snapshot, name: &str) -> Check {
    checks(seen).into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

/// A check's verdict, and its words.
fn judged(change: impl FnOnce(&mut Snapshot), name: &str) -> (Verdict, String) {
    let mut seen = healthy();
    change(&mut seen);
    let check = find(&seen, name);
    (check.verdict, format!("{} -> {}", check.why, check.remedy.unwrap_or_default()))
}

#[test]
fn a_healthy_machine_is_fit_and_its_report_can_be_read_by_programs() {
    let found = checks(&healthy());
    assert!(found.iter().all(|check| check.verdict == Verdict::Ok), "{found:#?}");
    let names: Vec<_> = found.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "engine",
            "rights",
            "git",
            "memory",
            "disk",
            "ports",
            "names",
            "registry",
            "authorities",
            "proxy",
            "virtualisation"
        ]
    );
    let json = serde_json::to_value(&found[0]).unwrap();
    let why = "Docker 20.10.24, API 1.41, at unix:///var/run/docker.sock (default socket of Docker)";
    assert_eq!(json, serde_json::json!({"name": "engine", "verdict": "ok", "why": why, "fixable": false}));
}

#[test]
fn what_keeps_devup_from_working_fails() {
    let cases: Vec<Case> = vec![
        (
            "engine",
            Box::new(|seen| seen.engine = Ok(Situation::Absent)),
            "no container engine is installed -> devup doctor --fix, or type:\nsudo apt-get",
        ),
        ("engine", Box::new(|seen| seen.engine = Ok(fit("1.40"))), "20.10"),
        ("engine", Box::new(|seen| seen.engine = Ok(Situation::Silent { pid: 7, reason: "x".into() })), "process 7"),
        ("engine", Box::new(|seen| seen.engine = Ok(Situation::ChosenSilent(candidate(), "gone".into()))), "gone"),
        (
            "engine",
            Box::new(|seen| {
                seen.logs = vec!["/state/dockerd.log".into()];
                seen.engine =
                    Ok(Situation::Stopped(Program::Docker, vec![Leftover::PidFile("/var/run/docker.pid".into())]));
            }),
            "in the way; its log: /state/dockerd.log -> devup doctor --fix, or type:\nsudo rm -f /var/run/docker.pid\nsudo service docker start",
        ),
        (
            "rights",
            Box::new(|seen| seen.engine = Ok(Situation::NoRight(candidate()))),
            "sudo chown ada /var/run/docker.sock",
        ),
        (
            "rights",
            Box::new(|seen| {
                seen.engine = Ok(Situation::NoRight(candidate()));
                seen.facts.privilege = Privilege::None;
            }),
            "newgrp docker",
        ),
        ("git", Box::new(|seen| seen.git = None), "not installed"),
        ("memory", Box::new(|seen| seen.memory = Some(Memory { total: GIB / 4, available: 1 })), "256.0 MiB"),
        (
            "disk",
            Box::new(|seen| seen.disk = Some(Disk { path: "/".into(), total: GIB, free: 5 << 20 })),
            "5.0 MiB free",
        ),
        ("ports", Box::new(|seen| seen.loopback = Err("no device".into())), "no device"),
    ];
    for (name, change, words) in cases {
        let mut seen = healthy();
        change(&mut seen);
        let (verdict, text) = judged(|seen| change(seen), name);
        assert_eq!(verdict, Verdict::Fail, "{name}: {text}");
        assert!(text.contains(words), "{name}: {text}");
        assert!(!is_fit(&checks(&seen)));
    }
}

#[test]
fn what_may_surprise_is_a_warning_and_the_machine_stays_fit() {
    let own = |missing, daemon_is_older| Trust {
        files: vec!["/usr/local/share/ca-certificates/corp.crt".into()],
        missing,
        daemon_is_older,
        registries: vec!["hub.corp".into()],
    };
    let cases: Vec<Case> = vec![
        ("names", Box::new(|seen| seen.network.names = Err("no such name".into())), "no such name"),
        ("registry", Box::new(|seen| seen.network.registry = Err("refused".into())), "distribution's packages"),
        ("authorities", Box::new(move |seen| seen.trust = own(1, false)), "update-ca-certificates"),
        ("authorities", Box::new(move |seen| seen.trust = own(0, true)), "restart the engine"),
        ("proxy", Box::new(|seen| seen.facts.proxies = vec!["HTTPS_PROXY".into()]), "without a proxy -> add a line"),
        ("virtualisation", Box::new(|seen| seen.kvm = Kvm::Absent), "containers do not need it"),
        ("memory", Box::new(|seen| seen.memory = Some(Memory { total: GIB, available: GIB })), "1.0 GiB in all"),
        ("disk", Box::new(|seen| seen.disk = Some(Disk { path: "/".into(), total: 9 * GIB, free: 2 * GIB })), "prune"),
    ];
    for (name, change, words) in cases {
        let mut seen = healthy();
        change(&mut seen);
        let (verdict, text) = judged(|seen| change(seen), name);
        assert_eq!(verdict, Verdict::Warn, "{name}: {text}");
        assert!(text.contains(words), "{name}: {text}");
        assert!(is_fit(&checks(&seen)));
    }
}

#[test]
fn the_daemons_settings_are_mended_where_the_daemon_is_the_systems() {
    let fix = |change: &dyn Fn(&mut Snapshot), name| {
        let mut seen = healthy();
        change(&mut seen);
        find(&seen, name).fixable
    };
    let proxy = |seen: &mut Snapshot| seen.facts.proxies = vec!["HTTPS_PROXY".into()];
    let trust = |seen: &mut Snapshot| {
        let files = vec!["/usr/local/share/ca-certificates/corp.crt".into()];
        seen.trust = Trust { files, daemon_is_older: true, ..Trust::default() };
    };
    assert_eq!(fix(&proxy, "proxy"), Some(Fix::DaemonProxy));
    assert_eq!(fix(&trust, "authorities"), Some(Fix::DaemonAuthorities));
    // somebody else's engine, or none that could be restarted from here
    let elsewhere = |seen: &mut Snapshot| {
        proxy(seen);
        if let Ok(Situation::Fit(candidate, _)) = &mut seen.engine {
            candidate.address = EngineAddress::Unix("/run/user/1000/docker.sock".into());
        }
    };
    assert_eq!(fix(&elsewhere, "proxy"), None);
    let no_daemon = |seen: &mut Snapshot| {
        trust(seen);
        seen.dockerd = false;
    };
    assert_eq!(fix(&no_daemon, "authorities"), None);
}

#[test]
fn taken_ports_are_told_and_no_trouble() {
    let (verdict, text) = judged(|seen| seen.taken = vec![(8080, "nginx (process 7)".into())], "ports");
    assert_eq!((verdict, text.as_str()), (Verdict::Ok, "taken: 8080 by nginx (process 7) -> "));
}

#[test]
fn the_daemons_own_proxy_satisfies_and_is_named_by_its_file() {
    let change = |seen: &mut Snapshot| {
        seen.facts.proxies = vec!["https_proxy".into(), "no_proxy".into()];
        seen.daemon_proxy_files = vec!["/etc/default/docker".into()];
        if let Ok(Situation::Fit(_, answer)) = &mut seen.engine {
            answer.proxies.https = Some("http://ada:hush@proxy".into());
        }
    };
    let (verdict, text) = judged(change, "proxy");
    assert_eq!(verdict, Verdict::Ok);
    assert!(text.contains("/etc/default/docker") && !text.contains("hush"), "{text}");
}
