//! What people do every day, on Docker and on Podman.

use std::time::Duration;

use crate::engine::{Engine, Kind, engine, name_of, within};
use crate::project::Project;

/// Each scenario once per engine.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        mod docker {
            $($(#[$meta])* #[test] fn $name() {
                if let Some(engine) = super::engine(super::Kind::Docker) { super::$name(&engine); }
            })*
        }
        mod podman {
            $($(#[$meta])* #[test] fn $name() {
                if let Some(engine) = super::engine(super::Kind::Podman) { super::$name(&engine); }
            })*
        }
    };
}

on_both_engines! {
    comes_up_and_changes_nothing_twice;
    recreates_only_what_changed_and_keeps_volumes;
    keeps_anonymous_volumes_on_recreation;
    scales_up_and_down;
    tells_and_removes_orphans;
    is_ready_long_before_the_interval_of_its_check;
    fails_at_once_when_unhealthy;
    fails_at_once_when_one_exits;
    waits_for_completion_of_a_dependency;
    moves_a_taken_port_and_keeps_it;
    strict_ports_refuse;
    brings_up_thirty_services;
    goes_down_with_and_without_volumes;
    starts_what_was_stopped;
    puts_secrets_and_configs_inside;
}

const SHOP: &str = r#"
services:
  db:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: [data:/data]
    healthcheck: { test: [CMD, "true"], interval: 200ms, retries: 50 }
  web:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    environment: { COLOUR: green }
    depends_on: { db: { condition: service_healthy } }
volumes: { data: {} }
"#;

fn comes_up_and_changes_nothing_twice(engine: &Engine) {
    let shop = Project::new(engine, "up", SHOP);
    shop.devup(&["up", "-d"]).expect(0);
    assert_eq!(engine.running(&shop.name), [shop.container("db", 1), shop.container("web", 1)]);
    assert_eq!(engine.networks(&shop.name), [format!("{}_default", shop.name)]);
    assert_eq!(engine.volumes(&shop.name), [format!("{}_data", shop.name)]);
    let web = engine.containers(&shop.name).into_iter().find(|c| name_of(c) == shop.container("web", 1)).unwrap();
    let labels = web.labels.unwrap();
    assert_eq!(labels["com.docker.compose.service"], "web");
    assert_eq!(labels["com.docker.compose.container-number"], "1");
    assert_eq!(labels["com.docker.compose.oneoff"], "False");
    assert_eq!(labels["com.docker.compose.project.working_dir"], shop.folder().to_string_lossy());
    assert!(labels["com.docker.compose.project.config_files"].ends_with("compose.yaml"));
    assert!(!labels["com.docker.compose.config-hash"].is_empty());
    // services reach each other by name
    assert!(engine.exec(&shop.container("web", 1), &["env"]).contains("COLOUR=green"));

    let before = engine.ids(&shop.name);
    let started = engine.inspect(&shop.container("web", 1)).state.unwrap().started_at;
    shop.devup(&["plan"]).expect(0);
    shop.devup(&["up", "-d"]).expect(0);
    shop.devup(&[]).expect(0);
    assert_eq!(engine.ids(&shop.name), before);
    assert_eq!(engine.inspect(&shop.container("web", 1)).state.unwrap().started_at, started);
}

fn recreates_only_what_changed_and_keeps_volumes(engine: &Engine) {
    let shop = Project::new(engine, "change", SHOP);
    shop.devup(&["up"]).expect(0);
    engine.exec(&shop.container("db", 1), &["sh", "-c", "echo precious > /data/rows"]);
    let before = engine.ids(&shop.name);
    shop.write("compose.yaml", &SHOP.replace("green", "blue"));
    shop.devup(&["plan"]).expect(20).says("web");
    shop.devup(&["up"]).expect(0);
    let after = engine.ids(&shop.name);
    let (db, web) = (shop.container("db", 1), shop.container("web", 1));
    assert_eq!(after[&db], before[&db], "db did not change");
    assert_ne!(after[&web], before[&web], "web did");
    assert_eq!(after.len(), 2, "nothing is left over: {after:?}");
    assert!(engine.exec(&web, &["env"]).contains("COLOUR=blue"));

    shop.write("compose.yaml", &SHOP.replace("retries: 50", "retries: 60"));
    shop.devup(&["up"]).expect(0);
    assert_ne!(engine.ids(&shop.name)[&db], before[&db]);
    assert_eq!(engine.exec(&db, &["cat", "/data/rows"]).trim(), "precious");
}

fn keeps_anonymous_volumes_on_recreation(engine: &Engine) {
    let spec = "services:\n  a:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    volumes: [/data]\n    labels: {v: one}\n";
    let project = Project::new(engine, "anon", spec);
    project.devup(&["up"]).expect(0);
    let name = project.container("a", 1);
    engine.exec(&name, &["sh", "-c", "echo precious > /data/rows"]);
    project.write("compose.yaml", &spec.replace("one", "two"));
    let before = engine.ids(&project.name);
    project.devup(&["up"]).expect(0);
    assert_ne!(engine.ids(&project.name), before);
    assert_eq!(engine.exec(&name, &["cat", "/data/rows"]).trim(), "precious");
    project.devup(&["up", "--force-recreate", "--renew-anon-volumes"]).expect(0);
    assert!(!engine.exec(&name, &["cat", "/data/rows"]).contains("precious"));
}

fn scales_up_and_down(engine: &Engine) {
    let project = Project::new(
        engine,
        "scale",
        "services:\n  a: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL}\n",
    );
    project.devup(&["up", "--scale", "a=3"]).expect(0);
    let three = engine.ids(&project.name);
    assert_eq!(
        engine.running(&project.name),
        [project.container("a", 1), project.container("a", 2), project.container("a", 3)]
    );
    project.devup(&["scale", "a=2"]).expect(0);
    assert_eq!(engine.running(&project.name), [project.container("a", 1), project.container("a", 2)]);
    assert_eq!(engine.ids(&project.name)[&project.container("a", 1)], three[&project.container("a", 1)]);
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&project.name), [project.container("a", 1)]);
}

fn tells_and_removes_orphans(engine: &Engine) {
    let project = Project::new(engine, "orphan", SHOP);
    project.devup(&["up"]).expect(0);
    project
        .write("compose.yaml", "services:\n  db: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL}\n");
    project.devup(&["up"]).expect(0).says(&project.container("web", 1));
    assert_eq!(engine.running(&project.name).len(), 2, "an orphan is told, not removed");
    project.devup(&["up", "--remove-orphans"]).expect(0);
    assert_eq!(engine.running(&project.name), [project.container("db", 1)]);
}

/// The first probe of the engine's own would come after an hour.
fn is_ready_long_before_the_interval_of_its_check(engine: &Engine) {
    let project = Project::new(
        engine,
        "eager",
        "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, 'echo > /ready; exec sleep infinity']\n    stop_signal: SIGKILL\n    healthcheck: {test: [CMD-SHELL, 'test -e /ready'], interval: 1h}\n  b: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, depends_on: {a: {condition: service_healthy}}}\n",
    );
    project.devup(&["up", "--wait-timeout", "300"]).expect(0);
    assert_eq!(engine.running(&project.name).len(), 2);
}

fn fails_at_once_when_unhealthy(engine: &Engine) {
    let project = Project::new(
        engine,
        "unhealthy",
        "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, 'echo the cause is here; sleep infinity']\n    stop_signal: SIGKILL\n    healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 2}\n  b: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, depends_on: {a: {condition: service_healthy}}}\n",
    );
    project.devup(&["up"]).expect(1).says("unhealthy").says("the cause is here");
    assert_eq!(engine.running(&project.name), [project.container("a", 1)], "what depends on it is not started");
}

fn fails_at_once_when_one_exits(engine: &Engine) {
    let project = Project::new(
        engine,
        "exit",
        "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, 'echo no such table; exit 3']\n    healthcheck: {test: [CMD, 'true'], interval: 60s}\n",
    );
    project.devup(&["up"]).expect(1).says("no such table").says("3");
}

fn waits_for_completion_of_a_dependency(engine: &Engine) {
    let project = Project::new(
        engine,
        "once",
        "services:\n  prepare: {image: IMAGE, command: [sh, -c, 'echo ready > /data/f'], volumes: [files:/data]}\n  web:\n    image: IMAGE\n    command: [sh, -c, 'cat /data/f && sleep infinity']\n    stop_signal: SIGKILL\n    volumes: [files:/data]\n    depends_on: {prepare: {condition: service_completed_successfully}}\nvolumes: {files: {}}\n",
    );
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&project.name), [project.container("web", 1)]);
    project.devup(&["logs", "web"]).expect(0).says("ready");
    let bad = Project::new(
        engine,
        "oncebad",
        "services:\n  prepare: {image: IMAGE, command: [sh, -c, 'echo broken; exit 5']}\n  web: {image: IMAGE, command: [sleep, infinity], depends_on: {prepare: {condition: service_completed_successfully}}}\n",
    );
    bad.devup(&["up"]).expect(1).says("broken").says("5");
    assert!(engine.running(&bad.name).is_empty());
}

/// The host port that the engine publishes for a container's port 80.
fn published(engine: &Engine, container: &str) -> (String, u16) {
    let inspected = engine.inspect(container);
    let ports = inspected.network_settings.unwrap().ports.unwrap();
    let binding = ports["80/tcp"].as_ref().unwrap()[0].clone();
    (binding.host_ip.unwrap_or_default(), binding.host_port.unwrap().parse().unwrap())
}

fn web_on(port: u16) -> String {
    format!(
        "services:\n  web:\n    image: IMAGE\n    command: [httpd, -f, -p, '80', -h, /data]\n    stop_signal: SIGKILL\n    ports: ['{port}:80']\n"
    )
}

fn moves_a_taken_port_and_keeps_it(engine: &Engine) {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let project = Project::new(engine, "port", &web_on(port));
    // the owner is this very test program
    project.devup(&["up"]).expect(0).says(&port.to_string()).says(&std::process::id().to_string());
    let (address, moved) = published(engine, &project.container("web", 1));
    assert_eq!(address, "127.0.0.1");
    assert_ne!(moved, port);
    assert!(std::net::TcpStream::connect(("127.0.0.1", moved)).is_ok());
    project.devup(&["ports"]).expect(0).says(&moved.to_string());
    project.devup(&["down"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(published(engine, &project.container("web", 1)).1, moved, "the chosen port is kept");
}

fn strict_ports_refuse(engine: &Engine) {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let project = Project::new(engine, "strict", &web_on(port));
    let ran = project.devup(&["up", "--strict-ports"]);
    assert_ne!(ran.code, Some(0));
    ran.says(&port.to_string());
    assert!(engine.running(&project.name).is_empty());
}

fn brings_up_thirty_services(engine: &Engine) {
    let mut spec = String::from("services:\n");
    for number in 0..30 {
        spec.push_str(&format!(
            "  s{number}:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n"
        ));
        if number > 0 {
            spec.push_str(&format!("    depends_on: [s{}]\n", number / 2));
        }
    }
    let project = Project::new(engine, "thirty", &spec);
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&project.name).len(), 30);
    project.devup(&["plan"]).expect(0);
    project.devup(&["down"]).expect(0);
    assert!(engine.containers(&project.name).is_empty());
    assert!(engine.networks(&project.name).is_empty());
}

fn goes_down_with_and_without_volumes(engine: &Engine) {
    let project = Project::new(engine, "down", SHOP);
    project.devup(&["up"]).expect(0);
    project.devup(&["down"]).expect(0);
    assert!(engine.containers(&project.name).is_empty());
    assert!(engine.networks(&project.name).is_empty());
    assert_eq!(engine.volumes(&project.name).len(), 1, "down keeps data");
    project.devup(&["up"]).expect(0);
    project.devup(&["down", "-v"]).expect(0);
    assert!(engine.volumes(&project.name).is_empty());
    project.devup(&["up"]).expect(0);
    let refused = project.devup(&["destroy"]);
    assert_ne!(refused.code, Some(0), "without a terminal and without --yes nothing is destroyed");
    assert_eq!(engine.volumes(&project.name).len(), 1);
    project.devup(&["destroy", "--yes"]).expect(0);
    assert!(engine.containers(&project.name).is_empty() && engine.volumes(&project.name).is_empty());
}

fn starts_what_was_stopped(engine: &Engine) {
    let project = Project::new(engine, "stopped", SHOP);
    project.devup(&["up"]).expect(0);
    let ids = engine.ids(&project.name);
    project.devup(&["stop", "web"]).expect(0);
    assert_eq!(engine.running(&project.name), [project.container("db", 1)]);
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.ids(&project.name), ids);
    assert_eq!(engine.running(&project.name).len(), 2);
    project.devup(&["pause", "db"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&project.name).len(), 2, "what was frozen runs again");
    // somebody removes a container behind our back
    let web = project.container("web", 1);
    let gone = engine.ask(async |docker| {
        let options = bollard::query_parameters::RemoveContainerOptions { force: true, ..Default::default() };
        docker.remove_container(&web, Some(options)).await
    });
    gone.unwrap();
    project.devup(&["plan"]).expect(20);
    project.devup(&["up"]).expect(0);
    assert!(within(Duration::from_secs(5), || (engine.running(&project.name).len() == 2).then_some(())).is_some());
}

const KEPT: &str = r"
devup: 1
services:
  a:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    secrets: [made, given, filed]
    configs: [{ source: words, target: /tmp/words }]
secrets:
  made: { keyring: made, generate: 24 }
  given: { environment: GIVEN }
  filed: { file: ./filed.txt }
configs: { words: { content: hello there } }
";

fn puts_secrets_and_configs_inside(engine: &Engine) {
    let project = Project::new(engine, "secret", "services: {}\n");
    project.write("devup.yaml", KEPT);
    project.write("filed.txt", "from a file");
    let mut up = project.command(&["up"]);
    up.env("GIVEN", "s3cr3t-value");
    crate::project::Ran::of(up).expect(0);
    let name = project.container("a", 1);
    assert_eq!(engine.exec(&name, &["cat", "/run/secrets/given"]), "s3cr3t-value");
    assert_eq!(engine.exec(&name, &["cat", "/run/secrets/filed"]), "from a file");
    assert_eq!(engine.exec(&name, &["cat", "/tmp/words"]), "hello there");
    let made = engine.exec(&name, &["cat", "/run/secrets/made"]);
    assert!(made.len() >= 24, "{made:?}");
    let inspected = format!("{:?}", engine.inspect(&name));
    assert!(!inspected.contains("s3cr3t-value") && !inspected.contains(&made), "no value shows in an inspection");
    // a second run, without the variable's change, keeps the container and the made-up value
    let ids = engine.ids(&project.name);
    let mut again = project.command(&["up"]);
    again.env("GIVEN", "s3cr3t-value");
    crate::project::Ran::of(again).expect(0);
    assert_eq!(engine.ids(&project.name), ids);
}
