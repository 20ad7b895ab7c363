//! Verbs on what is there: `exec`, `task`, `run`, `build`, `logs`, `cp`, `port`, `top`, `wait` and the lifecycle.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, name_of, within};
use crate::project::{Project, Ran};

const PATIENCE: Duration = Duration::from_mins(1);

const SPEC: &str = r#"
devup: 1
services:
  db:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
  web:
    image: IMAGE
    command: [sh, -c, "echo hello from web; echo oops >&2; exec sleep 1000"]
    stop_signal: SIGKILL
    environment: { COLOUR: green }
    depends_on: [db]
    volumes: ["data:/data", "/anonymous"]
volumes: { data: {} }
tasks:
  words: { service: web, run: "printf '<%s>'", environment: { A: b }, description: Prints words, stage: unit }
  fails: { service: web, run: "exit 7" }
"#;

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

fn up(engine: &Engine, what: &str) -> Project {
    let shop = Project::new(engine, what, "");
    std::fs::remove_file(shop.folder().join("compose.yaml")).unwrap();
    shop.write("devup.yaml", SPEC);
    shop.devup(&["up", "-d"]).expect(0);
    shop
}

fn names(shop: &Project) -> Vec<String> {
    shop.engine.containers(&shop.name).iter().map(name_of).collect()
}

fn state(shop: &Project, service: &str) -> String {
    let found = shop.engine.inspect(&shop.container(service, 1));
    found.state.unwrap().status.map(|status| status.to_string()).unwrap_or_default()
}

/// With a terminal of its own, as `script` gives one.
fn on_a_terminal(shop: &Project, arguments: &str) -> Ran {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_devup"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(shop.folder());
    crate::project::hermetic(&mut command, &shop.home());
    command.env("DOCKER_HOST", shop.engine.host()).env("TERM", "dumb");
    Ran::of(command)
}

#[test]
fn exec_passes_on_output_input_and_the_exit_code() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "exec");
    let ran = shop.devup(&["exec", "-T", "web", "sh", "-c", "echo $COLOUR; echo bad >&2; exit 42"]).expect(42);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("green\n", "bad\n"));
    let mut child = shop
        .command(&["exec", "-T", "-e", "B=c", "-w", "/tmp", "web", "sh", "-c", "busybox pwd; echo $B; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed").unwrap();
    assert_eq!(String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout), "/tmp\nc\ntyped");
    shop.devup(&["exec", "wbe", "true"]).expect(1).says("did you mean `web`?");
}

#[test]
fn a_program_gets_a_terminal_where_there_is_one() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "tty");
    on_a_terminal(&shop, "exec web busybox tty").expect(0).says("/dev/pts/");
    on_a_terminal(&shop, "exec -T web busybox tty").expect(1).says("not a tty");
    on_a_terminal(&shop, "run -q --rm web busybox tty").expect(0).says("/dev/pts/");
    on_a_terminal(&shop, "exec web sh -c 'exit 3'").expect(3);
}

#[test]
fn tasks_run_with_quoted_arguments_and_their_own_code() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "task");
    let ran = shop.devup(&["task", "words", "--", "a b", "$HOME", "-x", "'"]).expect(0);
    assert_eq!(ran.out, "<a b><$HOME><-x><'>");
    shop.devup(&["task", "fails"]).expect(7);
    shop.devup(&["task", "word"]).expect(1).says("did you mean `words`?");
    let listed: serde_json::Value =
        serde_json::from_str(&shop.devup(&["task", "--list", "--json"]).expect(0).out).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["stage"]), (&"words".into(), &"unit".into()));
    shop.devup(&["task", "--list"]).expect(0).says("Prints words");
    shop.devup(&["stop", "web"]).expect(0);
    shop.devup(&["task", "words"]).expect(1).says("devup up web");
}

#[test]
fn run_starts_what_is_needed_passes_the_code_and_leaves_nothing() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "run", "");
    std::fs::remove_file(shop.folder().join("compose.yaml")).unwrap();
    shop.write("devup.yaml", SPEC);
    let inside = "echo $COLOUR $EXTRA; echo bad >&2; touch /data/kept /anonymous/gone; exit 9";
    let ran = shop.devup(&["run", "-q", "--rm", "-e", "EXTRA=more", "web", "sh", "-c", inside]).expect(9);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("green more\n", "bad\n"));
    assert_eq!(names(&shop), [shop.container("db", 1)], "what it depends on is up, and nothing else is there");
    shop.devup(&["run", "-q", "--rm", "web", "ls", "/data"]).expect(0).says("kept");
    let mut child = shop
        .command(&["run", "-q", "--rm", "--no-deps", "web", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"typed"[..]));
    assert_eq!(names(&shop), [shop.container("db", 1)]);
}

#[test]
fn a_detached_run_is_marked_as_one_and_leaves_the_service_alone() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "oneoff");
    let web = engine.ids(&shop.name)[&shop.container("web", 1)].clone();
    let ran = shop.devup(&["run", "-q", "-d", "-l", "x=y", "-p", "127.0.0.1::81", "web", "sleep", "500"]).expect(0);
    let name = ran.out.trim().to_owned();
    assert!(name.starts_with(&format!("{}-web-run-", shop.name)), "{name}");
    let found = engine.inspect(&name);
    let labels = found.config.unwrap().labels.unwrap();
    assert_eq!((labels["com.docker.compose.oneoff"].as_str(), labels["x"].as_str()), ("True", "y"));
    let aliases: Vec<String> = found
        .network_settings
        .and_then(|settings| settings.networks)
        .into_iter()
        .flat_map(|networks| networks.into_values().filter_map(|network| network.aliases))
        .flatten()
        .collect();
    assert!(!aliases.iter().any(|alias| alias == "web"), "{aliases:?}");
    shop.devup(&["up", "-d"]).expect(0);
    assert_eq!(engine.ids(&shop.name)[&shop.container("web", 1)], web);
    assert!(engine.running(&shop.name).contains(&name));
    shop.devup(&["ps", "--services"]).expect(0);
    shop.devup(&["down"]).expect(0);
    assert_eq!(names(&shop), Vec::<String>::new());
}

#[test]
fn an_interrupt_reaches_the_program_of_a_run() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "int", SPEC.trim_start_matches("\ndevup: 1").split("tasks:").next().unwrap());
    let script = "trap 'echo caught; exit 5' INT; touch /data/ready; while :; do sleep 0.1; done";
    let child = shop.spawn(&["run", "-q", "--rm", "--no-deps", "-v", "./:/data", "web", "sh", "-c", script]);
    within(PATIENCE, || shop.folder().join("ready").exists().then_some(())).expect("the program runs");
    let running = engine.running(&shop.name);
    let mounts = engine.inspect(&running[0]).mounts.unwrap_or_default();
    let anonymous = mounts.into_iter().find(|mount| mount.destination.as_deref() == Some("/anonymous"));
    let anonymous = anonymous.and_then(|mount| mount.name).expect("an anonymous volume");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(5);
    assert_eq!(ran.out, "caught\n");
    assert_eq!(names(&shop), Vec::<String>::new());
    let left = engine.ask(async |docker| docker.inspect_volume(&anonymous).await);
    assert!(left.is_err(), "anonymous volumes go with it");
}

#[test]
fn images_are_built_under_composes_names_with_arguments_and_secrets() {
    let Some(engine) = docker() else { return };
    let spec = "services:\n  app:\n    build:\n      context: .\n      dockerfile_inline: |\n        FROM IMAGE\n        ARG V=1\n        RUN --mount=type=secret,id=key echo $$V $$(cat /run/secrets/key) > /v\n      secrets: [key]\n    command: [cat, /v]\nsecrets: {key: {file: ./key}}\n";
    let shop = Project::new(&engine, "build", spec);
    shop.write("key", "s3cret");
    shop.devup(&["build", "--build-arg", "V=2", "--quiet"]).expect(0);
    let ran = shop.devup(&["run", "-q", "--rm", "-T", "app"]).expect(0);
    assert_eq!(ran.out, "2 s3cret\n");
    let image = format!("{}-app", shop.name);
    let found = engine.ask(async |docker| docker.inspect_image(&image).await).expect("the image is there");
    assert!(!format!("{found:?}").contains("s3cret"));
    shop.devup(&["push", "--dry-run"]).expect(20).says(&image);
    engine
        .ask(async |docker| {
            docker.remove_image(&image, None::<bollard::query_parameters::RemoveImageOptions>, None).await
        })
        .expect("the image goes");
}

#[test]
fn a_pull_that_fails_is_an_error_or_a_warning() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "pull", "services: {a: {image: \"127.0.0.1:9/none:1\"}, b: {image: IMAGE}}\n");
    shop.devup(&["pull", "a"]).expect(1).says("127.0.0.1:9/none:1");
    shop.devup(&["pull", "--ignore-pull-failures", "a"]).expect(0).says("warning");
    shop.devup(&["pull", "--policy", "missing", "b"]).expect(0);
}

/// The fields of `docker compose ps --format json`, Compose 2.40; newer ones only add to them.
const FIELDS: [&str; 20] = [
    "Command",
    "CreatedAt",
    "ExitCode",
    "Health",
    "ID",
    "Image",
    "Labels",
    "LocalVolumes",
    "Mounts",
    "Name",
    "Names",
    "Networks",
    "Ports",
    "Project",
    "Publishers",
    "RunningFor",
    "Service",
    "Size",
    "State",
    "Status",
];

#[test]
fn ps_answers_in_json_with_composes_field_names() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "ps");
    let fields = |text: &str| {
        let line = text.lines().next().expect("a line");
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).expect("an object");
        object.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let ours = shop.devup(&["ps", "--format", "json"]).expect(0);
    assert_eq!(ours.out.lines().count(), 2);
    assert_eq!(fields(&ours.out), FIELDS);
    // the list itself, where there is a Compose to ask
    let Some(compose) = std::env::var_os("DOCKER_COMPOSE").filter(|name| !name.is_empty()) else { return };
    let mut command = Command::new(compose);
    command.args(["-p", &shop.name, "ps", "--format", "json"]).env("DOCKER_HOST", engine.host());
    assert_eq!(fields(&Ran::of(command).expect(0).out), FIELDS);
}

#[test]
fn a_network_that_another_project_uses_is_left_with_its_user_named() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "netted");
    let guest = up(&engine, "guest");
    let container = guest.container("db", 1);
    let network = format!("{}_default", shop.name);
    engine.ask(async |docker| {
        let request = bollard::models::NetworkConnectRequest { container: container.clone(), ..Default::default() };
        docker.connect_network(&network, request).await.unwrap();
    });
    shop.devup(&["down"]).expect(1).says(&format!("used by containers that stay: {container}"));
    assert_eq!(engine.containers(&shop.name).len(), 0);
    guest.devup(&["down"]).expect(0);
    shop.devup(&["down"]).expect(0);
    assert_eq!(engine.networks(&shop.name), Vec::<String>::new());
}

#[test]
fn logs_ports_processes_and_files() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "look");
    shop.write(
        "devup.yaml",
        &SPEC.replace("    depends_on: [db]", "    depends_on: [db]\n    ports: [\"127.0.0.1::80\"]"),
    );
    shop.devup(&["up", "-d"]).expect(0);
    let logs = || Some(shop.devup(&["logs", "web"]).expect(0).out).filter(|out| out.lines().count() == 2);
    let mut lines: Vec<String> = within(PATIENCE, logs).expect("two lines").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["web-1  | hello from web", "web-1  | oops"]);
    assert_eq!(shop.devup(&["logs", "--no-log-prefix", "--tail", "0", "web"]).expect(0).out, "");

    let ports = engine.inspect(&shop.container("web", 1)).network_settings.unwrap().ports.unwrap();
    let bound = ports["80/tcp"].as_ref().unwrap()[0].host_port.clone().unwrap();
    assert_eq!(shop.devup(&["port", "web", "80"]).expect(0).out, format!("127.0.0.1:{bound}\n"));
    shop.devup(&["top", "web"]).expect(0).says("sleep 1000");

    shop.write("in/file", "content");
    shop.devup(&["cp", "in", "web:/tmp/in"]).expect(0);
    assert_eq!(engine.exec(&shop.container("web", 1), &["cat", "/tmp/in/file"]), "content");
    shop.devup(&["cp", "web:/tmp/in/file", "out"]).expect(0);
    assert_eq!(std::fs::read_to_string(shop.folder().join("out")).unwrap(), "content");
}

#[test]
fn containers_are_stopped_started_frozen_killed_and_removed() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "life");
    shop.devup(&["stop"]).expect(0);
    assert_eq!(engine.running(&shop.name), Vec::<String>::new());
    shop.devup(&["start"]).expect(0);
    assert_eq!(engine.running(&shop.name).len(), 2);
    shop.devup(&["pause", "web"]).expect(0);
    assert_eq!((state(&shop, "web").as_str(), state(&shop, "db").as_str()), ("paused", "running"));
    shop.devup(&["exec", "-T", "web", "true"]).expect(1).says("devup unpause web");
    shop.devup(&["unpause", "web"]).expect(0);
    assert_eq!(state(&shop, "web"), "running");
    let before = engine.inspect(&shop.container("db", 1)).state.unwrap().started_at;
    shop.devup(&["restart", "db"]).expect(0);
    assert_ne!(engine.inspect(&shop.container("db", 1)).state.unwrap().started_at, before);
    let waiting = shop.spawn(&["wait", "web"]);
    shop.devup(&["kill", "-s", "SIGKILL", "web"]).expect(0);
    assert_eq!(state(&shop, "web"), "exited");
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(137));
    shop.devup(&["rm"]).expect(4);
    shop.devup(&["rm", "--force"]).expect(0);
    assert_eq!(names(&shop), [shop.container("db", 1)]);
    shop.devup(&["rm", "--force", "--stop", "db"]).expect(0);
    assert_eq!(names(&shop), Vec::<String>::new());
    assert_eq!(engine.volumes(&shop.name).len(), 1, "named volumes stay");
}

#[test]
fn staying_with_services_passes_on_a_code_and_stops_the_others() {
    let Some(engine) = docker() else { return };
    let spec = "services:\n  db: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL}\n  tests: {image: IMAGE, command: [sh, -c, 'echo tested; exit 4'], depends_on: [db]}\n";
    let shop = Project::new(&engine, "stay", spec);
    for way in [&["--exit-code-from", "tests"][..], &["--abort-on-container-exit"], &["--abort-on-container-failure"]] {
        let ran = shop.devup(&[&["up"][..], way].concat()).expect(4);
        assert!(ran.out.contains("tests-1  | tested"), "{}", ran.out);
        assert_eq!(engine.running(&shop.name), Vec::<String>::new());
    }
}

#[test]
fn an_interrupt_stops_what_one_stays_with() {
    let Some(engine) = docker() else { return };
    let shop = up(&engine, "attach");
    let mut child = shop.spawn(&["up", "--force-recreate", "--attach", "web"]);
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let shown = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("web-1  | ")));
    shown.expect("what web prints is shown").unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert_eq!(engine.running(&shop.name), Vec::<String>::new());
}
