//! Rounds of a run with providers, over small worlds.

use super::*;
use crate::model::name::ProjectName;
use crate::model::observed::Observed;
use crate::model::provider::{Model, Provider};
use crate::model::service::{Dependency, Service};
use crate::plan::{Answers, Options, Plan, reconcile};

fn needing(others: &[&str]) -> Service {
    let depends_on =
        others.iter().map(|name| ((*name).to_owned(), Dependency { required: true, ..Dependency::default() }));
    Service { depends_on: depends_on.collect(), ..Service::default() }
}

fn container(others: &[&str]) -> Service {
    Service { image: Some("plain:1".into()), pull_policy: Some("missing".into()), ..needing(others) }
}

fn provided(others: &[&str]) -> Service {
    Service { provider: Some(Provider { kind: "cloud".into(), ..Provider::default() }), ..needing(others) }
}

/// `web` needs `db`, which is provided with the help of `vault`; `other` needs nobody.
fn environment() -> Environment {
    let mut environment = Environment { project: ProjectName::parse("shop").ok(), ..Environment::default() };
    environment.services.insert("web".into(), container(&["db"]));
    environment.services.insert("db".into(), provided(&["vault"]));
    environment.services.insert("vault".into(), container(&[]));
    environment.services.insert("other".into(), container(&[]));
    environment
}

fn observed() -> Observed {
    let image = serde_json::json!({
        "id": "sha256:1", "tags": ["plain:1"], "digests": [], "created": 0, "size": 0, "platform": "linux/amd64",
        "labels": {}, "volumes": [], "user": "", "working_dir": "", "environment": [], "has_healthcheck": false,
    });
    Observed {
        images: [("plain:1".to_owned(), serde_json::from_value(image).unwrap())].into_iter().collect(),
        ..Observed::default()
    }
}

fn variables(list: &[(&str, &str)]) -> Variables {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn planned(environment: &Environment, answers: Option<Answers>, options: &Options) -> Plan {
    let inputs = Inputs { answers, ..Inputs::default() };
    reconcile(environment, &observed(), options, &inputs).unwrap()
}

fn made(plan: &Plan) -> Vec<(String, Variables, String)> {
    let created = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::CreateContainer { spec, .. } => Some((
            spec.name.clone(),
            spec.environment.clone(),
            spec.labels.get(labels::PROVIDED).cloned().unwrap_or_default(),
        )),
        _ => None,
    });
    created.collect()
}

fn words(plan: &Plan) -> String {
    plan.steps.iter().map(|step| format!("{step}\n")).collect()
}

#[test]
fn a_preview_asks_nobody_and_shows_all() {
    let plan = planned(&environment(), None, &Options::default());
    assert!(!plan.look_again);
    let words = words(&plan);
    assert!(words.contains("provide service db by cloud: part of coming up, after"), "{words}");
    assert_eq!(made(&plan).len(), 3, "{words}");
    assert!(plan.changes().all(|step| !step.operation.subject().starts_with("Service")), "asking changes nothing");
}

#[test]
fn providers_come_first_with_what_they_need_and_then_the_rest_with_their_variables() {
    let environment = environment();
    let first = planned(&environment, Some(Answers::default()), &Options::default());
    assert!(first.look_again);
    let names: Vec<String> = made(&first).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["shop-vault-1"], "{}", words(&first));
    let start = first.steps.iter().find(|step| step.operation.verb().plain == "start").unwrap();
    let ask = first.steps.iter().find(|step| matches!(step.operation, Operation::AskProvider { .. })).unwrap();
    assert_eq!(ask.after, [start.id], "{}", words(&first));

    let given = variables(&[("DB_URL", "cloud://1")]);
    let services = [("db".to_owned(), given.clone())].into_iter().collect();
    let last = planned(&environment, Some(Answers { services, ..Answers::default() }), &Options::default());
    assert!(!last.look_again);
    assert!(!words(&last).contains("provide"), "{}", words(&last));
    let web = made(&last).into_iter().find(|(name, ..)| name == "shop-web-1").unwrap();
    assert_eq!((web.1, web.2), (given.clone(), digest(&given)));
    let other = made(&last).into_iter().find(|(name, ..)| name == "shop-other-1").unwrap();
    assert_eq!((other.1, other.2), (Variables::new(), String::new()));
}

#[test]
fn one_provider_waits_for_the_answer_of_another() {
    let mut environment = environment();
    environment.services.insert("queue".into(), provided(&["db"]));
    let services = |plan: &Plan| {
        let asked = plan.steps.iter().filter(|step| matches!(step.operation, Operation::AskProvider { .. }));
        asked.filter_map(|step| step.service.clone()).collect::<Vec<_>>()
    };
    let first = planned(&environment, Some(Answers::default()), &Options::default());
    assert_eq!(services(&first), ["db"]);
    let answered = [("db".to_owned(), Variables::new())].into_iter().collect();
    let answers = Answers { services: answered, ..Answers::default() };
    assert_eq!(services(&planned(&environment, Some(answers), &Options::default())), ["queue"]);
}

#[test]
fn a_container_alone_is_made_of_what_its_providers_say_all_the_same() {
    let options = Options { services: vec!["web".into()], no_deps: true, ..Options::default() };
    let plan = planned(&environment(), Some(Answers::default()), &options);
    assert_eq!(words(&plan), "1 provide service db by cloud: part of coming up\n");
    assert!(plan.look_again);
}

#[test]
fn a_container_is_made_anew_where_it_is_given_something_else_and_only_then() {
    let current = |label: &str| {
        let labels: IndexMap<_, _> = [(labels::PROVIDED.to_owned(), label.to_owned())].into_iter().collect();
        let container = serde_json::json!({
            "id": "1", "name": "shop-web-1", "image": "plain:1", "image_id": "", "command": "", "created": 0,
            "state": "running", "health": null, "exit_code": null, "status": "", "labels": labels, "ports": [],
            "exposed": [], "networks": [], "network_ids": {}, "mounts": [],
        });
        serde_json::from_value::<Container>(container).unwrap()
    };
    let given = variables(&[("DB_URL", "a")]);
    assert!(!differs(Some(&given), &current(&digest(&given))));
    assert!(differs(Some(&variables(&[("DB_URL", "b")])), &current(&digest(&given))));
    assert!(!differs(None, &current(&digest(&given))), "nobody knows");
    assert!(!differs(Some(&Variables::new()), &current("")));
    assert!(differs(Some(&Variables::new()), &current(&digest(&given))));
}

#[test]
fn models_are_served_before_those_who_use_them() {
    let mut environment = Environment { project: ProjectName::parse("shop").ok(), ..Environment::default() };
    let using = IndexMap::from([("my-llm".to_owned(), None)]);
    environment.services.insert("web".into(), Service { models: using, ..container(&[]) });
    environment.models.insert("my-llm".into(), Model { model: "ai/small".into(), ..Model::default() });
    environment.models.insert("unused".into(), Model { model: "ai/big".into(), ..Model::default() });
    let first = planned(&environment, Some(Answers::default()), &Options::default());
    assert_eq!(words(&first), "1 serve model my-llm from ai/small: part of coming up\n");
    assert!(first.look_again);
    let models = [("my-llm".to_owned(), "http://runner/".to_owned())].into_iter().collect();
    let last = planned(&environment, Some(Answers { models, ..Answers::default() }), &Options::default());
    let (_, environment, _) = made(&last).remove(0);
    assert_eq!(environment, variables(&[("MY_LLM_MODEL", "ai/small"), ("MY_LLM_URL", "http://runner/")]));
}
