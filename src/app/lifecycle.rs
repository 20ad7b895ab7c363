//! `stop start restart pause unpause kill rm`: plans over the containers that are there. Nothing is made or changed, so
//! no planner is asked; the steps go through the same engine as those of `up`.

use std::collections::HashMap;
use std::time::Duration;

use crate::app::error::{AppError, Result};
use crate::app::order::Dependencies;
use crate::app::project::Project;
use crate::app::select::{OneOff, Wanted};
use crate::driver::container::AnonymousVolumes;
use crate::model::development::When;
use crate::model::observed::{Container, State};
use crate::model::provider::Provider;
use crate::model::service::{Condition, Hook};
use crate::plan::{self, Cause, ContainerTarget, HookMoment, Operation, Plan, Risk, Step, StepId, Until};

/// What is done to the containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Those that run end, users of a service before it.
    Stop {
        /// Before the kill; `None`: the container's own.
        grace: Option<Duration>,
    },
    /// Those that do not run start, what a service needs before it.
    Start,
    /// All are stopped and started.
    Restart {
        /// As for `Stop`.
        grace: Option<Duration>,
        /// Services that want to be restarted along (`depends_on.restart`) stay as they are.
        alone: bool,
    },
    /// Frozen.
    Pause,
    /// Unfrozen.
    Unpause,
    /// A signal is sent.
    Kill {
        /// `SIGKILL`, …
        signal: String,
        /// Containers of services that the spec does not have go.
        remove_orphans: bool,
    },
    /// Stopped ones are removed.
    Remove {
        /// Running ones as well.
        running: bool,
        /// What becomes of anonymous volumes.
        volumes: AnonymousVolumes,
    },
}

/// The steps for these services (none named: all).
pub fn plan(verb: &Verb, project: &Project, services: &[String], containers: Vec<Container>) -> Result<Plan> {
    project.check_services(services, &containers)?;
    let dependencies = Dependencies::of(project, &containers);
    let wide = match verb {
        // what a service needs is started with it
        Verb::Start if !services.is_empty() => dependencies.with_needed(services),
        Verb::Restart { alone: false, .. } if !services.is_empty() => with_followers(&dependencies, services),
        _ => services.to_vec(),
    };
    let mut meant = Wanted { services: &wide, one_off: OneOff::Exclude, stopped: true }.of(containers);
    // as in Compose, what the spec does not have, or no profile enables, is left alone unless it is named
    let orphans_too = matches!(verb, Verb::Kill { remove_orphans: true, .. });
    meant.retain(|container| {
        let service = container.service();
        !services.is_empty() || project.enables(service) || orphans_too && !project.declares(service)
    });
    if *verb == Verb::Start {
        check_something_to_start(project, services, &meant)?;
    }
    let mut names: Vec<String> = meant.iter().map(|container| container.service().to_owned()).collect();
    names.dedup();
    if matches!(verb, Verb::Stop { .. }) {
        names.extend(provided(project, services));
    }
    let sorted = dependencies.sort(&names);
    let mut builder = Builder { project, dependencies: &dependencies, containers: &meant, plan: Plan::default() };
    match verb {
        Verb::Stop { grace } => builder.stop(sorted, *grace),
        Verb::Start => builder.start(&sorted),
        Verb::Restart { grace, .. } => builder.restart(&sorted, *grace),
        Verb::Pause => {
            builder.each(Container::is_up, |container| Operation::PauseContainer { container }, &Risk::Interrupts);
        }
        Verb::Unpause => {
            builder.each(Container::is_up, |container| Operation::UnpauseContainer { container }, &Risk::None);
        }
        Verb::Kill { signal, remove_orphans } => {
            let kill = |container| Operation::KillContainer { container, signal: signal.clone() };
            builder.each(Container::is_up, kill, &Risk::Interrupts);
            if *remove_orphans {
                let remove = |container| Operation::RemoveContainer { container, volumes: AnonymousVolumes::Keep };
                builder.each(|container| !project.declares(container.service()), remove, &Risk::None);
            }
        }
        Verb::Remove { running, volumes } => builder.remove(&sorted, *running, *volumes),
    }
    builder.check_prepared()?;
    Ok(builder.plan)
}

/// The start of one container that `up` or `run` made, and its hooks.
pub fn start_of(project: &Project, container: &Container) -> Plan {
    let containers = std::slice::from_ref(container);
    let dependencies = Dependencies::of(project, containers);
    let mut builder = Builder { project, dependencies: &dependencies, containers, plan: Plan::default() };
    builder.start_one(container, vec![], vec![]);
    builder.plan
}

fn with_followers(dependencies: &Dependencies, services: &[String]) -> Vec<String> {
    let mut all = services.to_vec();
    let mut at = 0;
    while at < all.len() {
        let followers: Vec<String> = dependencies
            .on(&all[at])
            .filter(|(name, dependency)| dependency.restart && !all.iter().any(|known| known == name))
            .map(|(name, _)| name.to_owned())
            .collect();
        all.extend(followers);
        at += 1;
    }
    all
}

/// Those of the services (none named: all) that programs of this machine provide.
fn provided<'a>(project: &'a Project, services: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let all = project.environment.iter().flat_map(|environment| &environment.services);
    let meant = all.filter(|(name, _)| services.is_empty() || services.contains(name));
    meant.filter(|(_, service)| service.provider.is_some()).map(|(name, _)| name.clone())
}

fn check_something_to_start(project: &Project, services: &[String], containers: &[Container]) -> Result<()> {
    let all = project.environment.iter().flat_map(|environment| environment.services.iter());
    let wanted: Vec<&str> = if services.is_empty() {
        all.filter(|(_, service)| service.replicas() > 0).map(|(name, _)| name.as_str()).collect()
    } else {
        services.iter().map(String::as_str).collect()
    };
    for service in wanted {
        if !containers.iter().any(|container| container.service() == service) {
            return Err(AppError::failed(format!("service \"{service}\" has no container to start"))
                .help(format!("`devup up {service}` makes it and starts it")));
        }
    }
    Ok(())
}

struct Builder<'a> {
    project: &'a Project,
    dependencies: &'a Dependencies,
    containers: &'a [Container],
    plan: Plan,
}

impl Builder<'_> {
    fn add(&mut self, service: &str, operation: Operation, risk: Risk) -> &mut Step {
        let id = StepId(u32::try_from(self.plan.steps.len() + 1).unwrap_or(u32::MAX));
        let service = Some(service.to_owned());
        self.plan.steps.push(Step {
            id,
            operation,
            cause: Cause::Asked,
            risk,
            after: vec![],
            follows: vec![],
            service,
            tolerated: false,
        });
        let last = self.plan.steps.len() - 1;
        &mut self.plan.steps[last]
    }

    /// What never started may lack what comes before a start, which needs containers to be made: the business of `up`.
    fn check_prepared(&self) -> Result<()> {
        let begun = self.plan.steps.iter().filter_map(|step| match &step.operation {
            Operation::StartContainer { container: ContainerTarget::Existing { id, .. } } => Some(id),
            _ => None,
        });
        for id in begun {
            let Some(container) = self.containers.iter().find(|container| container.id == *id) else { continue };
            let name = container.service();
            let service = self.project.environment.as_ref().and_then(|environment| environment.services.get(name));
            if container.state == State::Created && service.is_some_and(|service| !service.pre_start.is_empty()) {
                let message = format!("service \"{name}\" has steps of `pre_start`, and its container never started");
                return Err(AppError::failed(message).help(format!("`devup up {name}` runs them, then starts it")));
            }
        }
        Ok(())
    }

    fn of(&self, service: &str) -> Vec<Container> {
        self.containers.iter().filter(|container| container.service() == service).cloned().collect()
    }

    /// One operation on each container that it is meant for, in no order.
    fn each(
        &mut self,
        meant: impl Fn(&Container) -> bool,
        operation: impl Fn(ContainerTarget) -> Operation,
        risk: &Risk,
    ) {
        for container in self.containers.iter().filter(|container| meant(container)) {
            self.add(container.service(), operation(target(container)), risk.clone());
        }
    }

    fn stop(&mut self, mut sorted: Vec<String>, grace: Option<Duration>) {
        sorted.reverse();
        let mut ends: HashMap<String, Vec<StepId>> = HashMap::new();
        for service in sorted {
            let users = self.dependencies.on(&service).filter_map(|(name, _)| ends.get(name)).flatten();
            let users: Vec<StepId> = users.copied().collect();
            let mut own = Vec::new();
            for container in self.of(&service).into_iter().filter(Container::is_up) {
                own.push(self.stop_one(&container, grace, &users));
            }
            if let Some(provider) = self.provider(&service) {
                let step = self.add(&service, Operation::StopProvider { name: service.clone(), provider }, Risk::None);
                step.follows = users;
                own.push(step.id);
            }
            ends.insert(service, own);
        }
    }

    fn provider(&self, service: &str) -> Option<Provider> {
        self.project.environment.as_ref()?.services.get(service)?.provider.clone()
    }

    /// Hooks, then the stop itself, whatever became of the hooks; returns the stop.
    fn stop_one(&mut self, container: &Container, grace: Option<Duration>, follows: &[StepId]) -> StepId {
        let mut before = follows.to_vec();
        for hook in self.hooks(container.service(), HookMoment::PreStop) {
            let container_target = target(container);
            let operation =
                Operation::RunHook { container: container_target, moment: HookMoment::PreStop, hook, mark: None };
            let step = self.add(container.service(), operation, Risk::None);
            step.follows = before;
            before = vec![step.id];
        }
        let operation = Operation::StopContainer { container: target(container), grace };
        let step = self.add(container.service(), operation, Risk::Interrupts);
        step.follows = before;
        step.id
    }

    fn start(&mut self, sorted: &[String]) {
        let mut ready = Ready::default();
        for service in sorted {
            for container in self.of(service) {
                if container.is_up() {
                    ready.note(service, &container, None);
                    continue;
                }
                let after = self.needed(service, &mut ready);
                let started = self.start_one(&container, after, vec![]);
                ready.note(service, &container, Some(started));
            }
        }
    }

    fn restart(&mut self, sorted: &[String], grace: Option<Duration>) {
        let mut ready = Ready::default();
        for service in sorted {
            for container in self.of(service) {
                let needed = self.needed(service, &mut ready);
                let stopped = container.is_up().then(|| self.stop_one(&container, grace, &needed));
                let after = if stopped.is_some() { vec![] } else { needed };
                let mut after: Vec<StepId> = after;
                after.extend(stopped);
                let started = self.start_one(&container, after, vec![]);
                ready.note(service, &container, Some(started));
            }
        }
    }

    /// The start and its hooks; returns the last of them.
    fn start_one(&mut self, container: &Container, after: Vec<StepId>, follows: Vec<StepId>) -> StepId {
        let step =
            self.add(container.service(), Operation::StartContainer { container: target(container) }, Risk::None);
        step.after = after;
        step.follows = follows;
        let mut last = step.id;
        for (index, hook) in self.hooks(container.service(), HookMoment::PostStart).into_iter().enumerate() {
            // kept as `up` keeps it: what a start did not get to, the next `up` does
            let mark = Some(plan::hook_mark(index, &hook));
            let operation =
                Operation::RunHook { container: target(container), moment: HookMoment::PostStart, hook, mark };
            let step = self.add(container.service(), operation, Risk::None);
            step.after = vec![last];
            last = step.id;
        }
        self.stages(container, last)
    }

    /// What a dev container runs after each start.
    fn stages(&mut self, container: &Container, mut last: StepId) -> StepId {
        let environment = self.project.environment.as_ref();
        let Some(development) = environment.and_then(|environment| environment.development.clone()) else {
            return last;
        };
        for (index, stage) in development.stages.iter().enumerate() {
            if stage.when != When::Started || development.service != container.service() {
                continue;
            }
            let operation = Operation::RunStage {
                container: target(container),
                stage: stage.clone(),
                session: development.session.clone(),
                secrets: plan::stage_secrets(&development),
                mark: plan::stage_mark(&development.stages, index),
            };
            let step = self.add(container.service(), operation, Risk::None);
            step.after = vec![last];
            last = step.id;
        }
        last
    }

    /// Steps after which everything is there that a service waits for.
    fn needed(&mut self, service: &str, ready: &mut Ready) -> Vec<StepId> {
        let needs: Vec<(String, Condition)> =
            self.dependencies.of_service(service).map(|(name, d)| (name.to_owned(), d.condition)).collect();
        let mut steps = Vec::new();
        for (name, condition) in needs {
            for (container, started) in ready.0.get(&name).cloned().unwrap_or_default() {
                let until = match condition {
                    Condition::ServiceStarted => {
                        steps.extend(started);
                        continue;
                    }
                    Condition::ServiceHealthy => Until::Healthy,
                    Condition::ServiceCompletedSuccessfully => Until::Completed,
                };
                let step = self.add(&name, Operation::WaitFor { container: target(&container), until }, Risk::None);
                step.after = started.into_iter().collect();
                steps.push(step.id);
            }
        }
        steps
    }

    fn remove(&mut self, sorted: &[String], running: bool, volumes: AnonymousVolumes) {
        let mut users_first = sorted.to_vec();
        users_first.reverse();
        for service in users_first {
            for container in self.of(&service) {
                let up = container.is_up();
                if up && !running {
                    continue;
                }
                let stopped = (up && container.state != State::Dead).then(|| self.stop_one(&container, None, &[]));
                let operation = Operation::RemoveContainer { container: target(&container), volumes };
                let risk = Risk::LosesData { what: format!("what container {} wrote outside volumes", container.name) };
                let step = self.add(&service, operation, risk);
                step.after = stopped.into_iter().collect();
            }
        }
    }

    fn hooks(&self, service: &str, moment: HookMoment) -> Vec<Hook> {
        let Some(environment) = &self.project.environment else { return vec![] };
        let service = environment.services.get(service).or_else(|| environment.disabled.get(service));
        service
            .map(|service| match moment {
                HookMoment::PostStart => service.post_start.clone(),
                HookMoment::PreStop => service.pre_stop.clone(),
            })
            .unwrap_or_default()
    }
}

/// Containers of a service, each with the step that starts it (`None`: it runs already).
#[derive(Default)]
struct Ready(HashMap<String, Vec<(Container, Option<StepId>)>>);

impl Ready {
    fn note(&mut self, service: &str, container: &Container, started: Option<StepId>) {
        self.0.entry(service.to_owned()).or_default().push((container.clone(), started));
    }
}

fn target(container: &Container) -> ContainerTarget {
    ContainerTarget::Existing { id: container.id.clone(), name: container.name.clone() }
}

#[cfg(test)]
mod tests;
