//! Plans of the verbs on what is there, over small projects.

use super::*;
use crate::model::environment::Environment;
use crate::model::service::{Dependency, Service};

fn container(service: &str, state: State) -> Container {
    crate::app::select::tests::container(service, 1, false, state)
}

/// web needs db (healthy, restarted along).
fn project() -> Project {
    let mut environment = Environment::default();
    let dependency = Dependency { condition: Condition::ServiceHealthy, restart: true, required: true };
    let hook = Hook { command: vec!["sync".into()], ..Hook::default() };
    let web = Service {
        depends_on: [("db".to_owned(), dependency)].into_iter().collect(),
        pre_stop: vec![hook],
        ..Service::default()
    };
    environment.services.insert("web".into(), web);
    environment.services.insert("db".into(), Service::default());
    Project {
        name: "p".into(),
        environment: Some(environment),
        spec: None,
        decision: None,
        named_by_folder: false,
        remarks: vec![],
    }
}

fn text(verb: &Verb, services: &[&str], states: [State; 2]) -> String {
    let containers = vec![container("web", states[0]), container("db", states[1])];
    let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
    plan(verb, &project(), &services, containers).unwrap().to_string()
}

#[test]
fn users_stop_first_and_their_hooks_before() {
    assert_eq!(
        text(&Verb::Stop { grace: None }, &[], [State::Running, State::Running]),
        "1 run hook pre_stop in p-web-1: asked for\n\
         2 stop container p-web-1: asked for, interrupts, follows 1\n\
         3 stop container p-db-1: asked for, interrupts, follows 2\n"
    );
    assert_eq!(text(&Verb::Stop { grace: None }, &[], [State::Exited, State::Created]), "");
}

#[test]
fn what_is_needed_starts_first_and_is_waited_for() {
    assert_eq!(
        text(&Verb::Start, &["web"], [State::Exited, State::Exited]),
        "1 start container p-db-1: asked for\n\
         2 wait for container p-db-1 to be healthy: asked for, after 1\n\
         3 start container p-web-1: asked for, after 2\n"
    );
    assert_eq!(
        text(&Verb::Start, &["web"], [State::Exited, State::Running]),
        "1 wait for container p-db-1 to be healthy: asked for\n\
         2 start container p-web-1: asked for, after 1\n"
    );
}

#[test]
fn restarting_takes_those_along_that_ask_for_it() {
    let along = text(&Verb::Restart { grace: None, alone: false }, &["db"], [State::Running, State::Running]);
    assert!(along.contains("start container p-web-1"), "{along}");
    let alone = text(&Verb::Restart { grace: None, alone: true }, &["db"], [State::Running, State::Running]);
    assert!(!alone.contains("p-web-1"), "{alone}");
}

#[test]
fn only_stopped_containers_are_removed_unless_asked() {
    let keep = Verb::Remove { running: false, volumes: AnonymousVolumes::Keep };
    let removed = text(&keep, &[], [State::Running, State::Exited]);
    assert!(removed.contains("p-db-1") && !removed.contains("p-web-1"), "{removed}");
}

#[test]
fn starting_what_was_never_made_is_an_error() {
    let error = plan(&Verb::Start, &project(), &[], vec![container("db", State::Exited)]).unwrap_err();
    assert_eq!(error.to_string(), "service \"web\" has no container to start");
}

#[test]
fn what_a_program_provides_has_no_container_that_could_be_missing() {
    let mut project = project();
    let provider = crate::model::provider::Provider { kind: "cloud".into(), ..Default::default() };
    let cloud = Service { provider: Some(provider), ..Service::default() };
    project.environment.as_mut().unwrap().services.insert("cloud".into(), cloud);
    let containers = vec![container("web", State::Running), container("db", State::Running)];
    assert_eq!(plan(&Verb::Start, &project, &[], containers).unwrap().to_string(), "");
}

#[test]
fn a_provider_is_told_of_a_stop_after_those_who_use_it() {
    use crate::model::service::Dependency;
    let mut project = project();
    let services = &mut project.environment.as_mut().unwrap().services;
    services.insert("cloud".into(), Service { provider: Some(Provider::default()), ..Service::default() });
    let on_it = Dependency { condition: Condition::ServiceStarted, restart: false, required: true };
    services["db"].depends_on.insert("cloud".into(), on_it);
    let text = |services: &[&str]| {
        let named: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        let containers = vec![container("db", State::Running)];
        plan(&Verb::Stop { grace: None }, &project, &named, containers).unwrap().to_string()
    };
    let both = "1 stop container p-db-1: asked for, interrupts\n2 stop service cloud by : asked for, follows 1\n";
    assert_eq!(text(&[]), both);
    assert_eq!(text(&["cloud"]), "1 stop service cloud by : asked for\n");
    assert_eq!(text(&["db"]), "1 stop container p-db-1: asked for, interrupts\n");
}
