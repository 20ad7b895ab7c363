//! Plans of `down`, over small worlds written by hand.

use indexmap::IndexMap;

use super::*;
use crate::model::name::ProjectName;
use crate::model::observed::{MountPoint, Network, Volume};
use crate::model::resource;
use crate::model::service::{Dependency, Service};

fn label(list: &[(&str, &str)]) -> IndexMap<String, String> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn container(service: &str, state: State, more: &[(&str, &str)]) -> Container {
    let mut labels = label(&[(labels::PROJECT, "shop"), (labels::SERVICE, service), (labels::NUMBER, "1")]);
    labels.extend(label(more));
    Container {
        id: format!("id-{service}"),
        name: format!("shop-{service}-1"),
        image: "plain:1".to_owned(),
        image_id: String::new(),
        command: String::new(),
        created: 0,
        state,
        health: None,
        exit_code: None,
        status: String::new(),
        labels,
        ports: Vec::new(),
        exposed: Vec::new(),
        networks: vec!["shop_default".to_owned()],
        network_ids: IndexMap::new(),
        mounts: Vec::new(),
    }
}

fn network(name: &str, labels: &[(&str, &str)]) -> Network {
    Network { id: format!("id-{name}"), name: name.to_owned(), driver: "bridge".to_owned(), labels: label(labels) }
}

fn volume(name: &str, labels: &[(&str, &str)]) -> Volume {
    Volume { name: name.to_owned(), driver: "local".to_owned(), labels: label(labels), mountpoint: None }
}

const OURS: &[(&str, &str)] = &[(labels::PROJECT, "shop")];

/// `web` needs `db`.
fn world() -> Observed {
    Observed {
        containers: vec![
            container("db", State::Running, &[]),
            container("web", State::Running, &[(labels::DEPENDS_ON, "db:service_started:false")]),
        ],
        networks: vec![network("shop_default", OURS)],
        volumes: vec![volume("shop_data", OURS)],
        ..Observed::default()
    }
}

fn spec(services: &[&str]) -> Environment {
    let mut environment = Environment {
        project: ProjectName::parse("shop").ok(),
        base_name: "shop".to_owned(),
        ..Environment::default()
    };
    for name in services {
        let service = Service { image: Some("plain:1".to_owned()), ..Service::default() };
        environment.services.insert((*name).to_owned(), service);
    }
    environment
}

fn text(environment: Option<&Environment>, observed: &Observed, options: &DownOptions) -> Vec<String> {
    down(environment, observed, options).unwrap().steps.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_spec_the_labels_tell_who_goes_first() {
    assert_eq!(
        text(None, &world(), &DownOptions::default()),
        [
            "1 stop container shop-web-1: asked for, interrupts",
            "2 remove container shop-web-1: asked for, after 1",
            "3 stop container shop-db-1: asked for, interrupts, follows 2",
            "4 remove container shop-db-1: asked for, after 3",
            "5 remove network shop_default: asked for, after 2 4",
        ]
    );
}

#[test]
fn a_part_goes_and_leaves_the_network_to_the_others() {
    let options = DownOptions { services: vec!["web".to_owned()], volumes: true, ..DownOptions::default() };
    assert_eq!(
        text(Some(&spec(&["db", "web"])), &world(), &options),
        [
            "1 stop container shop-web-1: asked for, interrupts",
            "2 remove container shop-web-1 and its anonymous volumes: asked for, after 1",
        ]
    );
}

#[test]
fn an_orphan_stays_and_holds_its_network_unless_its_removal_is_asked_for() {
    let spec = spec(&["web"]);
    let kept = text(Some(&spec), &world(), &DownOptions::default());
    assert!(kept.iter().all(|line| !line.contains("shop-db-1") && !line.contains("network")), "{kept:?}");
    let all = text(Some(&spec), &world(), &DownOptions { remove_orphans: true, ..DownOptions::default() });
    assert!(all.iter().any(|line| line.contains("remove container shop-db-1: not in the spec")), "{all:?}");
    assert!(all.iter().any(|line| line.contains("remove network shop_default")), "{all:?}");
}

#[test]
fn what_the_project_did_not_make_stays() {
    let mut observed = world();
    observed.networks.push(network("shared", &[]));
    observed.networks.push(network("given", OURS));
    observed.volumes.push(volume("archive", &[]));
    observed.volumes.push(volume("lent", OURS));
    let mut spec = spec(&["db", "web"]);
    let given = resource::Network { name: "given".to_owned(), external: true, ..resource::Network::default() };
    spec.networks.insert("given".to_owned(), given);
    let lent = resource::Volume { name: "lent".to_owned(), external: true, ..resource::Volume::default() };
    spec.volumes.insert("lent".to_owned(), lent);
    let lines = text(Some(&spec), &observed, &DownOptions { volumes: true, ..DownOptions::default() });
    for name in ["shared", "given", "archive", "lent"] {
        assert!(lines.iter().all(|line| !line.contains(name)), "{name}: {lines:?}");
    }
}

#[test]
fn every_volume_that_goes_is_a_loss() {
    let anonymous = "0123456789abcdef".repeat(4);
    let mut observed = world();
    let point =
        MountPoint { kind: "volume".to_owned(), source: anonymous.clone(), target: "/own".to_owned(), writable: true };
    observed.containers[0].mounts.push(point);
    let options = DownOptions { volumes: true, ..DownOptions::default() };
    let plan = down(Some(&spec(&["db", "web"])), &observed, &options).unwrap();
    let lost: Vec<String> = plan.loses_data().map(|(_, what)| what.to_owned()).collect();
    assert_eq!(
        lost,
        [
            "anonymous volumes of container shop-db-1".to_owned(),
            "volume shop_data".to_owned(),
            format!("volume {anonymous}"),
        ]
    );
    assert_eq!(plan.needs_yes().count(), 0, "whoever says --volumes has said yes");
    assert_eq!(down(None, &observed, &DownOptions::default()).unwrap().loses_data().count(), 0);
}

#[test]
fn a_frozen_container_is_thawed_and_its_hooks_run_before_the_stop() {
    let mut observed = world();
    observed.containers = vec![container("db", State::Paused, &[])];
    let mut spec = spec(&["db"]);
    let command = ["dump", "all"].map(str::to_owned).to_vec();
    spec.services["db"].pre_stop.push(crate::model::service::Hook { command, ..Default::default() });
    assert_eq!(
        text(Some(&spec), &observed, &DownOptions::default())[..4],
        [
            "1 unpause container shop-db-1: asked for",
            "2 run hook pre_stop in shop-db-1: asked for, follows 1",
            "3 stop container shop-db-1: asked for, interrupts, follows 2",
            "4 remove container shop-db-1: asked for, after 3",
        ]
    );
}

#[test]
fn images_go_as_far_as_was_said() {
    let mut spec = spec(&["db", "web"]);
    spec.services["web"].image = None;
    spec.services["web"].build = Some(crate::model::build::Build::default());
    let observed = Observed::default();
    let images = |kind| text(Some(&spec), &observed, &DownOptions { images: Some(kind), ..DownOptions::default() });
    assert_eq!(images(RemoveImages::Local), ["1 remove image shop-web: asked for"]);
    assert_eq!(images(RemoveImages::All), ["1 remove image plain:1: asked for", "2 remove image shop-web: asked for"]);
}

#[test]
fn images_that_devup_made_go_with_the_containers_that_run_them() {
    let spec = spec(&["db", "web", "app"]);
    let mut observed = world();
    let running =
        |service: &str, image: &str| Container { image: image.to_owned(), ..container(service, State::Exited, &[]) };
    observed.networks.clear();
    observed.containers = vec![
        running("db", "localhost/devup-env/postgres-15:1-abc"),
        running("web", "localhost/devup-layer:abc"),
        running("app", "localhost/devup-layer:abc"),
    ];
    let images = |kind| {
        let plan = down(Some(&spec), &observed, &DownOptions { images: Some(kind), ..DownOptions::default() }).unwrap();
        let removed = plan.steps.iter().filter_map(|step| match &step.operation {
            Operation::RemoveImage { reference } if reference.starts_with("localhost/") => {
                assert!(step.tolerated && step.after.len() == 3, "{step:?}");
                Some(reference.clone())
            }
            _ => None,
        });
        removed.collect::<Vec<_>>()
    };
    assert_eq!(images(RemoveImages::Local), ["localhost/devup-layer:abc"]);
    assert_eq!(images(RemoveImages::All), ["localhost/devup-env/postgres-15:1-abc", "localhost/devup-layer:abc"]);
}

#[test]
fn labels_that_contradict_each_other_do_not_keep_anything_up() {
    let mut observed = world();
    observed.containers[0].labels.insert(labels::DEPENDS_ON.to_owned(), "web:service_started:false".to_owned());
    let steps = text(None, &observed, &DownOptions::default());
    for service in ["db", "web"] {
        let removed = format!("remove container shop-{service}-1");
        assert!(steps.iter().any(|step| step.contains(&removed)), "{steps:?}");
    }
}

#[test]
fn a_provider_releases_its_service_between_its_users_and_what_it_needs() {
    let mut spec = spec(&["vault", "web"]);
    let provider = crate::model::provider::Provider { kind: "cloud".to_owned(), ..Default::default() };
    let depends_on = |name: &str| [(name.to_owned(), Dependency::default())].into_iter().collect();
    let db = Service { provider: Some(provider), depends_on: depends_on("vault"), ..Service::default() };
    spec.services.insert("db".to_owned(), db);
    spec.services["web"].depends_on = depends_on("db");
    let observed = Observed {
        containers: vec![container("vault", State::Running, &[]), container("web", State::Running, &[])],
        ..Observed::default()
    };
    assert_eq!(
        text(Some(&spec), &observed, &DownOptions::default()),
        [
            "1 stop container shop-web-1: asked for, interrupts",
            "2 remove container shop-web-1: asked for, after 1",
            "3 release service db by cloud: asked for, follows 2",
            "4 stop container shop-vault-1: asked for, interrupts, follows 3",
            "5 remove container shop-vault-1: asked for, after 4",
        ]
    );
    let only_web = DownOptions { services: vec!["web".to_owned()], ..DownOptions::default() };
    assert!(text(Some(&spec), &observed, &only_web).iter().all(|line| !line.contains("release")));
}
