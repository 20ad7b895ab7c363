//! Whether a world is what an environment asks for, judged by what is in it. Written without the planner's code:
//! a planner that judges itself passes every test.

use std::collections::{BTreeMap, BTreeSet};

use devup::driver::fake::{FakeContainer, World};
use devup::model::environment::Environment;
use devup::model::mount::MountKind;
use devup::model::observed::{Health, State};
use devup::model::service::{Condition, Service};

use crate::world::SECRET;

/// What there was before a change: data that has to survive it.
#[derive(Debug, Clone)]
pub struct Before {
    environment: Environment,
    /// When each container was started last, by id.
    started: BTreeMap<String, u64>,
    /// Data of named volumes.
    named: BTreeMap<String, String>,
    /// Data of anonymous volumes by service, number and path inside.
    anonymous: BTreeMap<(String, u32, String), String>,
}

impl Before {
    pub fn of(environment: &Environment, world: &World) -> Self {
        let started = world.containers.values().map(|container| (container.id.clone(), container.started));
        let mut before = Self {
            environment: environment.clone(),
            started: started.collect(),
            named: BTreeMap::new(),
            anonymous: BTreeMap::new(),
        };
        for (name, volume) in &world.volumes {
            if name.len() < 64 {
                before.named.insert(name.clone(), volume.token.clone());
            }
        }
        for (service, number, container) in all(world) {
            for mount in container.mounts.iter().filter(|mount| mount.kind == "volume" && mount.source.len() == 64) {
                let token = world.volumes[&mount.source].token.clone();
                before.anonymous.insert((service.clone(), number, mount.target.clone()), token);
            }
        }
        before
    }
}

fn all(world: &World) -> Vec<(String, u32, &FakeContainer)> {
    let label = |container: &FakeContainer, key: &str| {
        container.spec.labels.get(&format!("com.docker.compose.{key}")).cloned().unwrap_or_default()
    };
    world
        .containers
        .values()
        .filter(|container| label(container, "project") == "p")
        .map(|container| {
            (label(container, "service"), label(container, "container-number").parse().unwrap_or(0), container)
        })
        .collect()
}

macro_rules! must {
    ($condition:expr, $($words:tt)*) => {
        if !$condition {
            return Err(format!($($words)*));
        }
    };
}

/// `Err` says what is wrong.
pub fn satisfies(environment: &Environment, world: &World, before: Option<&Before>) -> Result<(), String> {
    let containers = all(world);
    for (service, number, container) in &containers {
        let known = environment.services.contains_key(service) || environment.disabled.contains_key(service);
        must!(known, "{} belongs to no service", container.name);
        let fixed = environment.services.get(service).or_else(|| environment.disabled.get(service));
        let expected = fixed.and_then(|s| s.container_name.clone()).unwrap_or_else(|| format!("p-{service}-{number}"));
        if environment.services.contains_key(service) {
            must!(container.name == expected, "{} should be named {expected}", container.name);
        }
    }
    let mut by_service: BTreeMap<&str, Vec<&FakeContainer>> = BTreeMap::new();
    for (service, _, container) in &containers {
        by_service.entry(service).or_default().push(container);
    }
    for (name, service) in &environment.services {
        let own = by_service.get(name.as_str()).cloned().unwrap_or_default();
        must!(
            own.len() == service.replicas() as usize,
            "{name} has {} containers, not {}",
            own.len(),
            service.replicas()
        );
        for container in own {
            made_as_wanted(environment, world, service, container)?;
            runs_as_wanted(environment, name, service, container)?;
            networked(environment, world, service, container, &by_service)?;
        }
    }
    resources(environment, world)?;
    restarted_together(environment, &by_service, before)?;
    tasks_done(environment, &by_service)?;
    match before {
        Some(before) => data_survived(environment, world, before),
        None => Ok(()),
    }
}

fn made_as_wanted(
    environment: &Environment,
    world: &World,
    service: &Service,
    container: &FakeContainer,
) -> Result<(), String> {
    let name = &container.name;
    let image = &world.images[service.image.as_deref().unwrap_or_default()];
    must!(container.image_id == image.id, "{name} was made from another image");
    must!(container.spec.service.command == service.command, "{name} runs another command");
    let wanted: BTreeMap<_, _> = service.environment.iter().filter_map(|(k, v)| Some((k, v.as_ref()?))).collect();
    let has: BTreeMap<_, _> = container.spec.environment.iter().collect();
    must!(wanted == has, "{name} has the environment {has:?}");
    must!(container.spec.service.healthcheck == service.healthcheck, "{name} has another health check");
    for mount in &service.volumes {
        let found = container.mounts.iter().find(|found| found.target == mount.target);
        let Some(found) = found else { return Err(format!("{name} has nothing at {}", mount.target)) };
        match (&mount.source, mount.kind) {
            (Some(key), MountKind::Volume) => {
                let volume = &environment.volumes[key].name;
                must!(found.source == *volume, "{name} has {} at {}", found.source, mount.target);
            }
            _ => must!(found.source.len() == 64, "{name} has {} at {}", found.source, mount.target),
        }
    }
    for path in &image.volumes {
        must!(container.mounts.iter().any(|mount| mount.target == *path), "{name} has nothing at {path}");
    }
    let ports: BTreeSet<String> = service.ports.iter().filter_map(|port| port.published.clone()).collect();
    let has: BTreeSet<String> = container.spec.ports.iter().map(|port| port.published.to_string()).collect();
    must!(ports == has, "{name} publishes {has:?}, not {ports:?}");
    must!(container.spec.ports.iter().all(|port| port.host_ip == "127.0.0.1"), "{name} publishes beyond loopback");
    for secret in &service.secrets {
        let target = format!("/run/secrets/{}", secret.source);
        let file = container.files.iter().find(|file| file.target == target);
        must!(file.is_some_and(|file| file.content == SECRET), "{name} lacks {target}");
    }
    must!(container.files.len() == service.secrets.len(), "{name} holds files it should not");
    Ok(())
}

fn runs_as_wanted(
    environment: &Environment,
    name: &str,
    service: &Service,
    container: &FakeContainer,
) -> Result<(), String> {
    let program = service.command.as_ref().map_or("", |command| command[0].as_str());
    let awaited = environment.services.values().any(|other| {
        other.replicas() > 0
            && other.depends_on.get(name).is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
    });
    match (program, container.state) {
        ("exit" | "job", State::Exited) => {
            must!(container.exit_code == Some(0), "{} ended with {:?}", container.name, container.exit_code);
        }
        ("job", State::Running) => must!(!awaited, "{} should have ended", container.name),
        ("serve", State::Running) => {}
        (_, state) => return Err(format!("{} is {state:?}", container.name)),
    }
    if service.healthcheck.is_some() {
        must!(container.health == Some(Health::Healthy), "{} is {:?}", container.name, container.health);
    }
    for hook in &service.post_start {
        must!(container.execs.contains(&hook.command), "{} never ran its post_start hook", container.name);
    }
    Ok(())
}

fn networked(
    environment: &Environment,
    world: &World,
    service: &Service,
    container: &FakeContainer,
    by_service: &BTreeMap<&str, Vec<&FakeContainer>>,
) -> Result<(), String> {
    let name = &container.name;
    let wanted: BTreeSet<&String> = service.networks.keys().map(|key| &environment.networks[key].name).collect();
    let has: BTreeSet<&String> = container.networks.keys().collect();
    must!(wanted == has, "{name} is on {has:?}, not on {wanted:?}");
    for (network, id) in &container.networks {
        must!(world.networks.contains_key(id), "{name} is on {network}, which was made anew since");
    }
    for mode in [&service.network_mode, &service.pid] {
        let Some(other) = mode.as_deref().and_then(|mode| mode.strip_prefix("service:")) else { continue };
        let partner = by_service[other]
            .iter()
            .min_by_key(|other| other.spec.labels["com.docker.compose.container-number"].clone());
        let partner = partner.ok_or(format!("{other} has no container"))?;
        must!(
            container.joined.contains_key(&partner.id),
            "{name} shares a namespace with another than {}",
            partner.name
        );
        if container.state == State::Running {
            let then = container.joined[&partner.id];
            must!(then == partner.starts, "{} was started again, and {name} was not", partner.name);
        }
    }
    for from in &service.volumes_from {
        let partner = by_service[from.as_str()].iter().min_by_key(|other| other.name.clone());
        let partner = partner.ok_or(format!("{from} has no container"))?;
        for mount in &partner.mounts {
            let own = container.mounts.iter().find(|own| own.target == mount.target);
            let overridden = service.volumes.iter().any(|own| own.target == mount.target)
                || world.images[service.image.as_deref().unwrap_or_default()].volumes.contains(&mount.target);
            must!(
                overridden || own.is_some_and(|own| own.source == mount.source),
                "{name} has not {}'s {}",
                partner.name,
                mount.target
            );
        }
    }
    Ok(())
}

fn resources(environment: &Environment, world: &World) -> Result<(), String> {
    let active = || environment.services.values().filter(|service| service.replicas() > 0);
    for (key, network) in &environment.networks {
        if !active().any(|service| service.networks.contains_key(key)) {
            continue;
        }
        let found = world.networks.values().find(|found| found.name == network.name);
        let Some(found) = found else { return Err(format!("network {} is not there", network.name)) };
        // what runs and is not this run's business keeps its network
        let held = strangers(environment, world)
            .any(|container| container.state == State::Running && container.networks.contains_key(&network.name));
        must!(held || found.options == network.driver_opts, "network {} has {:?}", network.name, found.options);
        must!(found.labels.get("com.docker.compose.network") == Some(key), "network {} has no label", network.name);
    }
    for (key, volume) in &environment.volumes {
        let uses = |service: &&Service| service.volumes.iter().any(|mount| mount.source.as_ref() == Some(key));
        if !active().any(|service| uses(&service)) {
            continue;
        }
        let Some(found) = world.volumes.get(&volume.name) else {
            return Err(format!("volume {} is not there", volume.name));
        };
        let held = strangers(environment, world)
            .any(|container| container.mounts.iter().any(|mount| mount.source == volume.name));
        must!(held || found.options == volume.driver_opts, "volume {} has {:?}", volume.name, found.options);
        must!(found.labels.get("com.docker.compose.volume") == Some(key), "volume {} has no label", volume.name);
    }
    Ok(())
}

/// Containers of services that no profile enables.
fn strangers<'a>(environment: &'a Environment, world: &'a World) -> impl Iterator<Item = &'a FakeContainer> {
    all(world).into_iter().filter(|(service, ..)| environment.disabled.contains_key(service)).map(|(.., c)| c)
}

/// `restart: true`: whoever runs was started after what it depends on, if that was started since the change. (A change
/// that only adds the dependency, which is no part of a container's hash, restarts nobody: both run, and the rule is
/// about what happens to the dependant when its dependency comes up anew.)
fn restarted_together(
    environment: &Environment,
    by_service: &BTreeMap<&str, Vec<&FakeContainer>>,
    before: Option<&Before>,
) -> Result<(), String> {
    for (name, service) in &environment.services {
        for (other, dependency) in &service.depends_on {
            // who can do without the other may have come up before it
            if !dependency.restart || !dependency.required {
                continue;
            }
            for own in by_service.get(name.as_str()).into_iter().flatten() {
                for partner in by_service.get(other.as_str()).into_iter().flatten() {
                    let running = own.state == State::Running && partner.state == State::Running;
                    let untouched = before.is_some_and(|b| b.started.get(&partner.id) == Some(&partner.started));
                    must!(
                        !running || untouched || own.started > partner.started,
                        "{} was not restarted after {}",
                        own.name,
                        partner.name
                    );
                }
            }
        }
    }
    Ok(())
}

fn tasks_done(environment: &Environment, by_service: &BTreeMap<&str, Vec<&FakeContainer>>) -> Result<(), String> {
    for name in &environment.up {
        let task = &environment.tasks[name];
        let ran = by_service
            .get(task.service.as_str())
            .into_iter()
            .flatten()
            .any(|container| container.execs.iter().any(|exec| exec.last() == Some(&task.run)));
        must!(ran, "task {name} never ran in the present container of {}", task.service);
    }
    Ok(())
}

fn data_survived(environment: &Environment, world: &World, before: &Before) -> Result<(), String> {
    let definition = |environment: &Environment, name: &str| {
        environment.volumes.values().find(|volume| volume.name == name).map(|volume| volume.driver_opts.clone())
    };
    for (name, token) in &before.named {
        let (old, new) = (definition(&before.environment, name), definition(environment, name));
        let replaced = new.is_some() && old != new;
        let same = world.volumes.get(name).is_some_and(|volume| volume.token == *token);
        must!(same || replaced, "the data of volume {name} is lost");
    }
    let alive: BTreeSet<&String> = world.volumes.values().map(|volume| &volume.token).collect();
    for ((service, number, path), token) in &before.anonymous {
        must!(alive.contains(token), "the data at {path} of {service} {number} is lost");
        let Some(wanted) = environment.services.get(service) else { continue };
        let own = wanted.volumes.iter().find(|mount| mount.target == *path);
        // of a service without containers (`scale: 0`) not even the image is wanted
        let Some(image) = world.images.get(wanted.image.as_deref().unwrap_or_default()) else { continue };
        let asks = own.map_or(image.volumes.contains(path), |mount| mount.source.is_none());
        // what another container gives is its business
        if !asks || !wanted.volumes_from.is_empty() || !before.environment.services[service].volumes_from.is_empty() {
            continue;
        }
        for (_, _, container) in all(world).iter().filter(|(s, n, _)| s == service && n == number) {
            let there = container.mounts.iter().find(|mount| mount.target == *path).map(|mount| &mount.source);
            let holds = there.and_then(|name| world.volumes.get(name)).is_some_and(|volume| volume.token == *token);
            must!(holds, "{} lost the data at {path}, which lies in a volume that nobody uses", container.name);
        }
    }
    Ok(())
}

/// After a cold `up` of everything: nobody was started before what it depends on was as far as it asks.
pub fn in_order(environment: &Environment, world: &World) -> Result<(), String> {
    let containers = all(world);
    let of =
        |name: &str| containers.iter().filter(|(service, ..)| service == name).map(|(.., c)| *c).collect::<Vec<_>>();
    for (name, service) in &environment.services {
        for (other, dependency) in &service.depends_on {
            for own in of(name) {
                for partner in of(other) {
                    let due = match dependency.condition {
                        Condition::ServiceStarted => partner.started,
                        _ => partner.settled,
                    };
                    must!(
                        due > 0 && due < own.started,
                        "{} was started before {} was {:?}",
                        own.name,
                        partner.name,
                        dependency.condition
                    );
                }
            }
        }
    }
    Ok(())
}
