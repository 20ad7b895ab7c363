//! Random environments that are valid, and random changes to them.

use devup::model::environment::Environment;
use devup::model::mount::{Mount, MountKind};
use devup::model::name::ProjectName;
use devup::model::resource::{Network, SecretSource, Volume};
use devup::model::service::{Condition, Dependency, FileReference, Healthcheck, Hook, Port, PreStart, Service};
use devup::model::task::{Provision, Task};

/// A small generator (`SplitMix64`), so that a seed names a case for ever.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is below a bound that is a usize")]
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// Two environments of one project, the second made out of the first more often than not.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub first: Environment,
    pub second: Environment,
}

const NAMES: [&str; 6] = ["db", "cache", "web", "worker", "proxy", "job"];

impl Scenario {
    pub fn random(random: &mut Random) -> Self {
        let first = environment(random);
        let mut second = if random.percent(15) { environment(random) } else { changed(random, &first) };
        leave_held_ports(&first, &mut second);
        Self { first, second }
    }

    /// An environment as it would stand in a bug report.
    #[expect(clippy::unused_self, reason = "its environments are its to show")]
    pub fn text(&self, environment: &Environment) -> String {
        let value = serde_json::json!({
            "services": environment.services, "disabled": environment.disabled, "networks": environment.networks,
            "volumes": environment.volumes, "tasks": environment.tasks, "up": environment.up,
        });
        serde_json::to_string(&value).unwrap()
    }
}

fn environment(random: &mut Random) -> Environment {
    let mut environment = Environment {
        project: ProjectName::parse("p").ok(),
        base_name: "p".to_owned(),
        working_dir: "/work/p".into(),
        config_files: vec!["/work/p/devup.yaml".into()],
        ..Environment::default()
    };
    for key in ["default", "back"] {
        let mut network = Network { name: format!("p_{key}"), ..Network::default() };
        if random.percent(20) {
            network.driver_opts.insert("mtu".to_owned(), "1400".to_owned());
        }
        environment.networks.insert(key.to_owned(), network);
    }
    for key in ["data", "shared"] {
        let mut volume = Volume { name: format!("p_{key}"), ..Volume::default() };
        if random.percent(10) {
            volume.driver_opts.insert("size".to_owned(), "1".to_owned());
        }
        environment.volumes.insert(key.to_owned(), volume);
    }
    let secret = SecretSource { name: "token".to_owned(), environment: Some("TOKEN".to_owned()), ..Default::default() };
    environment.secrets.insert("token".to_owned(), secret);
    for name in NAMES {
        if random.percent(60) {
            let service = service(random, &environment, name);
            let place = if random.percent(8) { &mut environment.disabled } else { &mut environment.services };
            place.insert(name.to_owned(), service);
        }
    }
    tasks(random, &mut environment);
    environment
}

fn is_job(service: &Service) -> bool {
    service.command.as_ref().is_some_and(|command| ["exit", "job"].contains(&command[0].as_str()))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn service(random: &mut Random, environment: &Environment, name: &str) -> Service {
    let mut service =
        Service { image: Some(random.of(&["plain:1", "store:1", "plain:2"]).to_owned()), ..Service::default() };
    service.command =
        Some(if random.percent(20) { words(&[random.of(&["exit", "job"]), "0"]) } else { words(&["serve"]) });
    service.environment.insert("VERSION".to_owned(), Some(random.below(2).to_string()));
    let earlier: Vec<(String, Service)> =
        environment.services.iter().map(|(name, service)| (name.clone(), service.clone())).collect();
    if !is_job(&service) && random.percent(40) {
        service.healthcheck = Some(Healthcheck { test: Some(words(&["CMD", "good"])), ..Healthcheck::default() });
    }
    mounts(random, &mut service);
    dependencies(random, &mut service, &earlier);
    if !random.percent(85) {
        service.scale = u32::try_from(random.below(4)).ok();
    }
    namespaces(random, &mut service, &earlier);
    if service.network_mode.is_none() {
        for key in ["default", "back"] {
            if random.percent(if key == "default" { 80 } else { 30 }) {
                service.networks.insert(key.to_owned(), None);
            }
        }
        if service.networks.is_empty() {
            service.networks.insert("default".to_owned(), None);
        }
        if service.replicas() <= 1 && random.percent(25) {
            let used: Vec<Option<String>> =
                earlier.iter().flat_map(|(_, s)| s.ports.iter().map(|port| port.published.clone())).collect();
            let wanted = Some((8000 + random.below(4)).to_string());
            let taken = environment.disabled.values().flat_map(|s| &s.ports).any(|port| port.published == wanted);
            if !used.contains(&wanted) && !taken {
                service.ports.push(Port { target: 80, published: wanted, ..Port::default() });
            }
        }
    }
    if random.percent(20) {
        service.secrets.push(FileReference { source: "token".to_owned(), ..FileReference::default() });
    }
    if !is_job(&service) {
        if random.percent(15) {
            service.post_start.push(Hook { command: words(&["greet", name]), ..Hook::default() });
        }
        if random.percent(15) {
            service.pre_stop.push(Hook { command: words(&["farewell", name]), ..Hook::default() });
        }
    }
    if random.percent(12) {
        let per_replica = random.percent(40);
        let command = words(&[random.of(&["exit", "job"]), "0"]);
        service.pre_start.push(PreStart { command, per_replica, ..PreStart::default() });
    }
    if random.percent(8) {
        service.provision.push(Provision { run: "job 0".to_owned(), ..Provision::default() });
    }
    if service.replicas() <= 1 && random.percent(8) {
        service.container_name = Some(format!("fixed-{name}"));
    }
    service
}

fn mounts(random: &mut Random, service: &mut Service) {
    for key in ["data", "shared"] {
        if random.percent(30) {
            service.volumes.push(Mount {
                kind: MountKind::Volume,
                source: Some(key.to_owned()),
                target: format!("/{key}"),
                ..Mount::default()
            });
        }
    }
    if random.percent(30) {
        service.volumes.push(Mount { kind: MountKind::Volume, target: "/own".to_owned(), ..Mount::default() });
    }
}

fn dependencies(random: &mut Random, service: &mut Service, earlier: &[(String, Service)]) {
    for (name, other) in earlier {
        if !random.percent(35) {
            continue;
        }
        let condition = if is_job(other) {
            Condition::ServiceCompletedSuccessfully
        } else if other.healthcheck.is_some() && random.percent(70) {
            Condition::ServiceHealthy
        } else {
            Condition::ServiceStarted
        };
        let dependency = Dependency { condition, restart: random.percent(30), required: !random.percent(15) };
        service.depends_on.insert(name.clone(), dependency);
    }
}

fn namespaces(random: &mut Random, service: &mut Service, earlier: &[(String, Service)]) {
    let lasting: Vec<&String> =
        earlier.iter().filter(|(_, other)| !is_job(other) && other.replicas() > 0).map(|(name, _)| name).collect();
    if lasting.is_empty() {
        return;
    }
    if random.percent(12) {
        service.network_mode = Some(format!("service:{}", lasting[random.below(lasting.len())]));
    }
    if random.percent(5) {
        service.pid = Some(format!("service:{}", lasting[random.below(lasting.len())]));
    }
    if random.percent(8) {
        service.volumes_from.push(lasting[random.below(lasting.len())].clone());
    }
}

fn tasks(random: &mut Random, environment: &mut Environment) {
    environment.tasks.clear();
    environment.up.clear();
    let lasting =
        environment.services.iter().find(|(_, s)| !is_job(s) && s.replicas() > 0).map(|(name, _)| name.clone());
    if let Some(service) = lasting
        && random.percent(25)
    {
        let task = Task { service, run: "migrate".to_owned(), ..Task::default() };
        environment.tasks.insert("migrate".to_owned(), task);
        environment.up.push("migrate".to_owned());
    }
}

/// Every service again with some of its traits as in another environment. What refers to a service that is not there
/// any more goes.
fn changed(random: &mut Random, first: &Environment) -> Environment {
    let other = environment(random);
    let mut second = first.clone();
    for network in second.networks.values_mut() {
        if random.percent(8) {
            network.driver_opts.insert("mtu".to_owned(), "1300".to_owned());
        }
    }
    for volume in second.volumes.values_mut() {
        if random.percent(6) {
            volume.driver_opts.insert("size".to_owned(), "2".to_owned());
        }
    }
    second.services.clear();
    second.disabled.clear();
    for name in NAMES {
        let kept = first.services.get(name).filter(|_| !random.percent(12));
        let fresh = random.percent(20);
        let service = match (kept, other.services.get(name)) {
            (Some(kept), Some(fresh_one)) if fresh => mixed(random, kept, fresh_one),
            (Some(kept), _) => touched(random, kept),
            (None, Some(new)) if random.percent(40) => new.clone(),
            (None, _) => continue,
        };
        second.services.insert(name.to_owned(), service);
    }
    mend(&mut second);
    if random.percent(50) {
        tasks(random, &mut second);
    } else {
        second
            .tasks
            .retain(|_, task| second.services.get(&task.service).is_some_and(|s| !is_job(s) && s.replicas() > 0));
        let tasks = second.tasks.clone();
        second.up.retain(|name| tasks.contains_key(name));
    }
    second
}

/// What no profile enables any more goes on running (as in Compose), so its ports are not to be had. (A whole `up` chooses
/// others before it plans.)
fn leave_held_ports(first: &Environment, second: &mut Environment) {
    let running = second.disabled.keys().filter_map(|name| first.services.get(name));
    let held: Vec<Option<String>> =
        running.flat_map(|service| service.ports.iter().map(|port| port.published.clone())).collect();
    for service in second.services.values_mut() {
        service.ports.retain(|port| !held.contains(&port.published));
    }
}

fn mixed(random: &mut Random, kept: &Service, fresh: &Service) -> Service {
    let mut service = kept.clone();
    if random.percent(50) {
        service.volumes.clone_from(&fresh.volumes);
    }
    if random.percent(50) {
        service.image.clone_from(&fresh.image);
    }
    if random.percent(50) {
        service.secrets.clone_from(&fresh.secrets);
    }
    if random.percent(50) {
        service.depends_on.clone_from(&fresh.depends_on);
    }
    if random.percent(30) {
        service.networks.clone_from(&fresh.networks);
        service.network_mode.clone_from(&fresh.network_mode);
        service.ports.clone_from(&fresh.ports);
    }
    service
}

fn touched(random: &mut Random, kept: &Service) -> Service {
    let mut service = kept.clone();
    match random.below(8) {
        0 => drop(service.environment.insert("VERSION".to_owned(), Some("2".to_owned()))),
        1 if service.container_name.is_none() && service.ports.is_empty() => {
            service.scale = u32::try_from(random.below(4)).ok();
        }
        2 => service.image = Some("store:1".to_owned()),
        _ => {}
    }
    service
}

/// Takes out what refers to a service that is not there, or to one that came to be after it.
fn mend(environment: &mut Environment) {
    let names: Vec<String> = environment.services.keys().cloned().collect();
    let all = environment.services.clone();
    let mut ports: Vec<Option<String>> = Vec::new();
    for (index, service) in environment.services.values_mut().enumerate() {
        let usable = |name: &str| {
            names[..index].iter().any(|other| other == name) && !is_job(&all[name]) && all[name].replicas() > 0
        };
        service.depends_on.retain(|name, _| names[..index].contains(name));
        for (name, dependency) in &mut service.depends_on {
            let other = &all[name];
            dependency.condition = match dependency.condition {
                _ if is_job(other) => Condition::ServiceCompletedSuccessfully,
                Condition::ServiceHealthy if other.healthcheck.is_some() => Condition::ServiceHealthy,
                _ => Condition::ServiceStarted,
            };
        }
        for mode in [&mut service.network_mode, &mut service.pid] {
            if mode.as_deref().and_then(|mode| mode.strip_prefix("service:")).is_some_and(|name| !usable(name)) {
                *mode = None;
            }
        }
        service.volumes_from.retain(|name| usable(name));
        if service.network_mode.is_some() {
            service.networks.clear();
            service.ports.clear();
        } else if service.networks.is_empty() {
            service.networks.insert("default".to_owned(), None);
        }
        service.ports.retain(|port| !ports.contains(&port.published));
        ports.extend(service.ports.iter().map(|port| port.published.clone()));
        if service.replicas() > 1 {
            service.ports.clear();
            service.container_name = None;
        }
    }
}
