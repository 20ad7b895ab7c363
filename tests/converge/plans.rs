//! Plans of typical changes, as text: what a reader of `devup plan` sees, and what a change of the planner shows in its
//! review. Further down, what holds for every plan.

use devup::driver::container::AnonymousVolumes;
use devup::driver::fake::Fake;
use devup::model::environment::Environment;
use devup::model::mount::{Mount, MountKind};
use devup::model::name::ProjectName;
use devup::model::resource::{Network, Volume};
use devup::model::service::{Condition, Dependency, Healthcheck, Port, PreStart, Service};
use devup::plan::{Cause, ContainerTarget, DownOptions, Operation, Plan, Risk};

use crate::generate::{Random, Scenario};
use crate::world::{self, Marks, Run, engine, plan_down, up};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// `web` waits for the health of `db`, which has a named volume and, through its image, an anonymous one.
fn shop() -> Environment {
    let mut shop = Environment {
        project: ProjectName::parse("shop").ok(),
        base_name: "shop".to_owned(),
        working_dir: "/work/shop".into(),
        config_files: vec!["/work/shop/devup.yaml".into()],
        ..Environment::default()
    };
    shop.networks.insert("default".to_owned(), Network { name: "shop_default".to_owned(), ..Network::default() });
    shop.volumes.insert("data".to_owned(), Volume { name: "shop_data".to_owned(), ..Volume::default() });
    let mut db = service("store:1");
    db.healthcheck = Some(Healthcheck { test: Some(words(&["CMD", "good"])), ..Healthcheck::default() });
    db.volumes.push(Mount {
        kind: MountKind::Volume,
        source: Some("data".to_owned()),
        target: "/data".to_owned(),
        ..Mount::default()
    });
    let mut web = service("plain:1");
    web.ports.push(Port { target: 80, published: Some("8080".to_owned()), ..Port::default() });
    let dependency = Dependency { condition: Condition::ServiceHealthy, restart: false, required: true };
    web.depends_on.insert("db".to_owned(), dependency);
    shop.services.insert("db".to_owned(), db);
    shop.services.insert("web".to_owned(), web);
    shop
}

fn service(image: &str) -> Service {
    let mut service = Service { image: Some(image.to_owned()), command: Some(words(&["serve"])), ..Service::default() };
    service.networks.insert("default".to_owned(), None);
    service
}

fn running(environment: &Environment) -> (Fake, Marks) {
    let (fake, marks) = (engine(), Marks::default());
    let report = up(&Run::new(&fake, environment, &marks)).unwrap();
    assert!(report.is_success(), "{report:?}");
    (fake, marks)
}

/// The plan of a change to a shop that is up.
fn changed(change: impl Fn(&mut Environment)) -> Plan {
    let mut shop = shop();
    let (fake, marks) = running(&shop);
    change(&mut shop);
    world::plan(&Run::new(&fake, &shop, &marks)).unwrap()
}

#[test]
fn the_first_up() {
    let (fake, marks, shop) = (engine(), Marks::default(), shop());
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 create network shop_default: missing
    2 create volume shop_data: missing
    3 create container shop-db-1: missing, after 1 2
    4 create container shop-web-1: missing, after 1
    5 start container shop-db-1: missing, after 3
    6 wait for container shop-db-1 to be healthy: part of coming up, after 3 5
    7 start container shop-web-1: missing, after 4 6
    8 wait for container shop-web-1: part of coming up, after 4 7
    ");
}

#[test]
fn nothing_changed() {
    let plan = changed(|_| {});
    assert!(plan.is_noop());
    insta::assert_snapshot!(plan, @"");
}

#[test]
fn a_changed_variable() {
    let plan = changed(|shop| {
        shop.services["web"].environment.insert("DEBUG".to_owned(), Some("1".to_owned()));
    });
    insta::assert_snapshot!(plan, @"
    1 create container shop-web-1_devup_new: its definition changed
    2 stop container shop-web-1: its definition changed, interrupts, after 1
    3 rename container shop-web-1 to shop-web-1_devup_old: its definition changed, after 1 2
    4 rename container shop-web-1_devup_new to shop-web-1: its definition changed, after 2 3
    5 remove container shop-web-1_devup_old: its definition changed, after 4
    6 start container shop-web-1: its definition changed, after 2 4 5
    7 wait for container shop-web-1: part of coming up, after 4 5 6
    ");
}

#[test]
fn another_image_that_has_to_be_pulled() {
    let plan = changed(|shop| shop.services["web"].image = Some("plain:2".to_owned()));
    assert!(plan.look_again, "what is in the image decides what follows");
    insta::assert_snapshot!(plan, @"
    1 pull image plain:2: missing
    then look again
    ");
}

#[test]
fn another_image_that_is_there() {
    let plan = changed(|shop| shop.services["web"].image = Some("store:1".to_owned()));
    insta::assert_snapshot!(plan, @"
    1 create container shop-web-1_devup_new: its definition changed
    2 stop container shop-web-1: its definition changed, interrupts, after 1
    3 rename container shop-web-1 to shop-web-1_devup_old: its definition changed, after 1 2
    4 rename container shop-web-1_devup_new to shop-web-1: its definition changed, after 2 3
    5 remove container shop-web-1_devup_old: its definition changed, after 4
    6 start container shop-web-1: its definition changed, after 2 4 5
    7 wait for container shop-web-1: part of coming up, after 4 5 6
    ");
}

#[test]
fn more_and_fewer_containers() {
    let mut shop = shop();
    shop.services["web"].ports.clear();
    let (fake, marks) = running(&shop);
    shop.services["web"].scale = Some(3);
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 create container shop-web-2: missing
    2 create container shop-web-3: missing
    3 start container shop-web-2: missing, after 1
    4 start container shop-web-3: missing, after 2
    5 wait for container shop-web-2: part of coming up, after 1 3
    6 wait for container shop-web-3: part of coming up, after 2 4
    ");
    up(&Run::new(&fake, &shop, &marks)).unwrap();
    shop.services["web"].scale = Some(1);
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 stop container shop-web-3: more than wanted, interrupts
    2 remove container shop-web-3: more than wanted, after 1
    3 stop container shop-web-2: more than wanted, interrupts
    4 remove container shop-web-2: more than wanted, after 3
    ");
}

#[test]
fn steps_before_the_start_run_once_for_the_service_or_for_each_of_its_containers() {
    let step = |command: &str, image: Option<&str>, per_replica| PreStart {
        command: words(&[command, "0"]),
        image: image.map(str::to_owned),
        per_replica,
        ..PreStart::default()
    };
    let with_steps = |shop: &mut Environment| {
        shop.services["web"].scale = Some(2);
        shop.services["web"].ports.clear();
        let steps = vec![step("exit", Some("store:1"), false), step("job", None, true), step("exit", None, false)];
        shop.services["web"].pre_start = steps;
    };
    let mut shop = shop();
    with_steps(&mut shop);
    let (fake, marks) = (engine(), Marks::default());
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 create network shop_default: missing
    2 create volume shop_data: missing
    3 create container shop-db-1: missing, after 1 2
    4 create container shop-web-1: missing, after 1
    5 create container shop-web-2: missing, after 1
    6 start container shop-db-1: missing, after 3
    7 wait for container shop-db-1 to be healthy: part of coming up, after 3 6
    8 run hook pre_start of shop-web-1: part of coming up, after 4 5 7
    9 run hook pre_start of shop-web-1: part of coming up, after 4 7 8
    10 run hook pre_start of shop-web-2: part of coming up, after 5 7 8
    11 run hook pre_start of shop-web-1: part of coming up, after 4 5 7 9 10
    12 start container shop-web-1: missing, after 4 7 11
    13 start container shop-web-2: missing, after 5 7 11
    14 wait for container shop-web-1: part of coming up, after 4 12
    15 wait for container shop-web-2: part of coming up, after 5 13
    ");
    let (fake, marks) = running(&shop);
    shop.services["web"].scale = Some(3);
    // what is once for the service was done; the new container has its own step
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 create container shop-web-3: missing
    2 run hook pre_start of shop-web-3: part of coming up, after 1
    3 start container shop-web-3: missing, after 1 2
    4 wait for container shop-web-3: part of coming up, after 1 3
    ");
}

#[test]
fn an_orphan() {
    let mut shop = shop();
    let (fake, marks) = running(&shop);
    shop.services.shift_remove("web");
    let mut run = Run::new(&fake, &shop, &marks);
    insta::assert_snapshot!(world::plan(&run).unwrap(), @"
    1 stop container shop-web-1: not in the spec, interrupts
    2 remove container shop-web-1: not in the spec, after 1
    ");
    run.options.remove_orphans = false;
    let plan = world::plan(&run).unwrap();
    assert!(plan.is_noop(), "an orphan stays where nobody asked for its removal");
    insta::assert_snapshot!(plan, @"! containers of services that are not in the spec: shop-web-1; `--remove-orphans` removes them");
}

#[test]
fn a_container_that_somebody_removed() {
    let shop = shop();
    let (fake, marks) = running(&shop);
    fake.world().containers.retain(|_, container| container.name != "shop-db-1");
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 create container shop-db-1: missing
    2 start container shop-db-1: missing, after 1
    3 wait for container shop-db-1: part of coming up, after 1 2
    ");
}

#[test]
fn a_changed_network() {
    let plan = changed(|shop| {
        shop.networks["default"].driver_opts.insert("mtu".to_owned(), "1400".to_owned());
    });
    insta::assert_snapshot!(plan, @"
    1 stop container shop-db-1: its definition changed, interrupts
    2 stop container shop-web-1: its definition changed, interrupts
    3 remove network shop_default: its definition changed, after 1 2
    4 create network shop_default: its definition changed, after 3
    5 create container shop-db-1_devup_new: its definition changed, after 4
    6 rename container shop-db-1 to shop-db-1_devup_old: its definition changed, after 1 5
    7 rename container shop-db-1_devup_new to shop-db-1: its definition changed, after 1 6
    8 remove container shop-db-1_devup_old: its definition changed, after 7
    9 create container shop-web-1_devup_new: its definition changed, after 4
    10 rename container shop-web-1 to shop-web-1_devup_old: its definition changed, after 2 9
    11 rename container shop-web-1_devup_new to shop-web-1: its definition changed, after 2 10
    12 remove container shop-web-1_devup_old: its definition changed, after 11
    13 start container shop-db-1: its definition changed, after 1 7 8
    14 wait for container shop-db-1 to be healthy: part of coming up, after 7 8 13
    15 start container shop-web-1: its definition changed, after 2 11 12 14
    16 wait for container shop-web-1: part of coming up, after 11 12 15
    ");
}

#[test]
fn a_changed_volume_is_a_risk() {
    let plan = changed(|shop| {
        shop.volumes["data"].driver_opts.insert("size".to_owned(), "2".to_owned());
    });
    assert_eq!(plan.needs_yes().count(), 1);
    insta::assert_snapshot!(plan, @"
    1 stop container shop-db-1: volume shop_data is made anew, interrupts
    2 create container shop-db-1_devup_old: volume shop_data is made anew
    3 remove container shop-db-1: volume shop_data is made anew, after 1 2
    4 remove volume shop_data: its definition changed, LOSES volume shop_data, after 1 3
    5 create volume shop_data: its definition changed, after 4
    6 create container shop-db-1: volume shop_data is made anew, after 3 5
    7 remove container shop-db-1_devup_old: volume shop_data is made anew, after 6
    8 start container shop-db-1: volume shop_data is made anew, after 1 6 7
    9 wait for container shop-db-1: part of coming up, after 6 7 8
    ");
}

#[test]
fn a_refused_risk_leaves_the_volume_as_it_is() {
    let mut shop = shop();
    let (fake, marks) = running(&shop);
    shop.volumes["data"].driver_opts.insert("size".to_owned(), "2".to_owned());
    let mut run = Run::new(&fake, &shop, &marks);
    run.options.keep_changed_volumes = true;
    let plan = world::plan(&run).unwrap();
    assert!(plan.is_noop());
    insta::assert_snapshot!(plan, @"! volume shop_data is not as the spec defines it, and stays as it is");
}

#[test]
fn anonymous_volumes_are_handed_over() {
    let plan = changed(|shop| {
        shop.services["db"].environment.insert("DEBUG".to_owned(), Some("1".to_owned()));
    });
    let handed = plan.steps.iter().any(|step| match &step.operation {
        Operation::CreateContainer { spec, .. } => spec
            .mounts
            .iter()
            .any(|mount| mount.target == "/anon" && mount.source.as_deref().is_some_and(devup::plan::is_anonymous)),
        _ => false,
    });
    assert!(handed, "{plan}");
    insta::assert_snapshot!(plan, @"
    1 create container shop-db-1_devup_new: its definition changed
    2 stop container shop-db-1: its definition changed, interrupts, after 1
    3 rename container shop-db-1 to shop-db-1_devup_old: its definition changed, after 1 2
    4 rename container shop-db-1_devup_new to shop-db-1: its definition changed, after 2 3
    5 remove container shop-db-1_devup_old: its definition changed, after 4
    6 start container shop-db-1: its definition changed, after 2 4 5
    7 wait for container shop-db-1: part of coming up, after 4 5 6
    ");
}

#[test]
fn whoever_joins_two_that_come_up_anew_is_stopped_early() {
    let mut shop = shop();
    let mut cache = service("plain:1");
    let together = Dependency { condition: Condition::ServiceStarted, restart: true, required: true };
    cache.depends_on.insert("db".to_owned(), together);
    let mut web = service("plain:1");
    web.networks.clear();
    web.network_mode = Some("service:cache".to_owned());
    web.pid = Some("service:db".to_owned());
    shop.services.insert("cache".to_owned(), cache);
    shop.services.insert("web".to_owned(), web);
    let (fake, marks) = running(&shop);
    shop.services["db"].environment.insert("DEBUG".to_owned(), Some("1".to_owned()));
    // web's successor waits for db's, which waits for the stop of cache, which waits for the stop of web
    insta::assert_snapshot!(world::plan(&Run::new(&fake, &shop, &marks)).unwrap(), @"
    1 stop container shop-web-1: its definition changed, interrupts
    2 stop container shop-cache-1: depends on db, interrupts, after 1
    3 create container shop-db-1_devup_new: its definition changed, after 2
    4 stop container shop-db-1: its definition changed, interrupts, after 1 2 3
    5 rename container shop-db-1 to shop-db-1_devup_old: its definition changed, after 3 4
    6 rename container shop-db-1_devup_new to shop-db-1: its definition changed, after 4 5
    7 remove container shop-db-1_devup_old: its definition changed, after 6
    8 create container shop-web-1_devup_new: its definition changed, after 3
    9 rename container shop-web-1 to shop-web-1_devup_old: its definition changed, after 1 8
    10 rename container shop-web-1_devup_new to shop-web-1: its definition changed, after 1 9
    11 remove container shop-web-1_devup_old: its definition changed, after 10
    12 start container shop-db-1: its definition changed, after 4 6 7
    13 start container shop-cache-1: depends on db, after 2 12
    14 start container shop-web-1: its definition changed, after 1 10 11 12 13
    15 wait for container shop-db-1: part of coming up, after 6 7 12
    16 wait for container shop-cache-1: part of coming up, after 13
    17 wait for container shop-web-1: part of coming up, after 10 11 14
    ");
    assert!(up(&Run::new(&fake, &shop, &marks)).unwrap().is_success());
}

#[test]
fn taking_everything_down() {
    let shop = shop();
    let (fake, marks) = running(&shop);
    let run = Run::new(&fake, &shop, &marks);
    insta::assert_snapshot!(plan_down(&run, true, &DownOptions::default()).unwrap(), @"
    1 stop container shop-web-1: asked for, interrupts
    2 remove container shop-web-1: asked for, after 1
    3 stop container shop-db-1: asked for, interrupts, follows 2
    4 remove container shop-db-1: asked for, after 3
    5 remove network shop_default: asked for, after 2 4
    ");
}

#[test]
fn taking_everything_down_with_its_volumes() {
    let shop = shop();
    let (fake, marks) = running(&shop);
    let run = Run::new(&fake, &shop, &marks);
    let options = DownOptions { volumes: true, ..DownOptions::default() };
    let text = plan_down(&run, true, &options).unwrap().to_string();
    // names of anonymous volumes are digests of the world's count
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "(64 hex digits)")]}, {
        insta::assert_snapshot!(text, @"
        1 stop container shop-web-1: asked for, interrupts
        2 remove container shop-web-1 and its anonymous volumes: asked for, after 1
        3 stop container shop-db-1: asked for, interrupts, follows 2
        4 remove container shop-db-1 and its anonymous volumes: asked for, LOSES anonymous volumes of container shop-db-1, after 3
        5 remove network shop_default: asked for, after 2 4
        6 remove volume shop_data: asked for, LOSES volume shop_data, after 4
        7 remove volume (64 hex digits): asked for, LOSES volume (64 hex digits), after 4
        ");
    });
}

/// Plans of random changes, some of them in a world that an interrupted run left behind.
fn random_plans(mut look: impl FnMut(&Scenario, &Run<'_>, &Plan)) {
    use devup::driver::faulty::{Fault, Faulty};
    let mut random = Random::new(23);
    for _ in 0..120 {
        let scenario = Scenario::random(&mut random);
        let (fake, marks) = (engine(), Marks::default());
        look(&scenario, &Run::new(&fake, &scenario.first, &marks), &planned(&fake, &scenario.first, &marks));
        up(&Run::new(&fake, &scenario.first, &marks)).unwrap();
        let faulty = Faulty::new(fake.clone(), random.below(20) as u64, Fault::ALL[random.below(4)]);
        let _ = up(&Run::new(&faulty, &scenario.second, &marks).shuffled(random.next()));
        // and back again, so that there is something to do in either case
        look(&scenario, &Run::new(&fake, &scenario.first, &marks), &planned(&fake, &scenario.first, &marks));
        look(&scenario, &Run::new(&fake, &scenario.second, &marks), &planned(&fake, &scenario.second, &marks));
    }
}

fn planned(fake: &Fake, environment: &Environment, marks: &Marks) -> Plan {
    world::plan(&Run::new(fake, environment, marks)).unwrap()
}

fn existing(container: &ContainerTarget) -> Option<&str> {
    match container {
        ContainerTarget::Existing { id, .. } => Some(id),
        ContainerTarget::MadeBy { .. } => None,
    }
}

/// Steps that a step comes after, by any number of others in between.
fn before(plan: &Plan, index: usize) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    let mut open = vec![index];
    while let Some(own) = open.pop() {
        for id in plan.steps[own].after.iter().chain(&plan.steps[own].follows) {
            let other = id.0 as usize - 1;
            if !all.contains(&other) {
                all.push(other);
                open.push(other);
            }
        }
    }
    all
}

#[test]
fn a_plan_is_the_same_every_time_and_survives_being_written() {
    random_plans(|_, run, plan| {
        assert_eq!(plan, &world::plan(run).unwrap());
        let written = serde_json::to_string(plan).unwrap();
        assert_eq!(plan, &serde_json::from_str::<Plan>(&written).unwrap());
    });
}

#[test]
fn every_loss_is_said_and_nothing_is_lost_besides() {
    random_plans(|scenario, _, plan| {
        for step in &plan.steps {
            let loses = matches!(step.risk, Risk::LosesData { .. });
            match &step.operation {
                Operation::RemoveVolume { name } => {
                    assert!(loses, "{plan}");
                    let declared = scenario.first.volumes.values().chain(scenario.second.volumes.values());
                    assert!(declared.into_iter().any(|volume| volume.name == *name), "{plan}");
                }
                Operation::RemoveContainer { volumes, .. } => {
                    assert_eq!(*volumes, AnonymousVolumes::Keep, "{plan}");
                    assert!(!loses, "{plan}");
                }
                Operation::StopContainer { .. } => assert_eq!(step.risk, Risk::Interrupts, "{plan}"),
                _ => assert!(!loses, "{plan}"),
            }
        }
    });
}

#[test]
fn what_is_used_is_made_before() {
    random_plans(|_, _, plan| {
        for (index, step) in plan.steps.iter().enumerate() {
            let Operation::CreateContainer { spec, .. } = &step.operation else { continue };
            let earlier = before(plan, index);
            for (other, maker) in plan.steps.iter().enumerate() {
                let used = match &maker.operation {
                    Operation::CreateNetwork { network, .. } => {
                        spec.networks.iter().any(|attachment| attachment.network == network.name)
                    }
                    Operation::CreateVolume { volume, .. } => {
                        spec.mounts.iter().any(|mount| mount.source.as_ref() == Some(&volume.name))
                    }
                    _ => false,
                };
                assert!(!used || earlier.contains(&other), "{} does not come after {}:\n{plan}", step.id, maker.id);
            }
        }
    });
}

#[test]
fn a_running_container_is_removed_only_after_it_was_stopped() {
    random_plans(|_, run, plan| {
        let stops = plan_down(run, true, &DownOptions { everything: true, ..DownOptions::default() }).unwrap();
        let up: Vec<&str> = stops
            .steps
            .iter()
            .filter_map(|step| match &step.operation {
                Operation::StopContainer { container, .. } => existing(container),
                _ => None,
            })
            .collect();
        for (index, step) in plan.steps.iter().enumerate() {
            let Operation::RemoveContainer { container, .. } = &step.operation else { continue };
            let Some(id) = existing(container).filter(|id| up.contains(id)) else { continue };
            // what is left over is removed by force, whatever it does
            if step.cause == Cause::Leftover {
                continue;
            }
            let stopped = before(plan, index).into_iter().any(|other| {
                matches!(&plan.steps[other].operation,
                    Operation::StopContainer { container, .. } if existing(container) == Some(id))
            });
            assert!(stopped, "step {} of\n{plan}", step.id);
        }
    });
}
