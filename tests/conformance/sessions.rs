//! The part of the drivers' contract that needs real programs, real ports and real builds: on each engine that is here.

use std::time::{Duration, Instant};

use devup::driver::container::AnonymousVolumes;
use devup::driver::error::DriverError;
use devup::driver::image::BuildRequest;
use devup::driver::session::{AttachRequest, EngineEvent, ExecRequest, LogOptions, Session};
use devup::driver::stream::Chunk;
use devup::model::build::Build;
use devup::model::container::{NetworkAttachment, PortBinding};
use devup::model::resource;
use futures_util::StreamExt;
use indexmap::IndexMap;

use crate::driver::{Bench, PATIENCE, on, on_each_engine};
use crate::engine::Kind;

on_each_engine!(
    a_taken_port_is_named,
    images_are_built_with_their_failure_shown,
    a_signal_reaches_the_program,
    processes_and_usage_are_those_of_the_container,
    events_are_told_from_the_moment_asked_for,
    terminals_learn_their_size,
);

async fn a_signal_reaches_the_program(bench: Bench) {
    let script = "trap 'exit 5' USR1; trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done";
    let ready = async |id: &str| {
        let mut log = bench.driver.logs(id, &LogOptions { follow: true, ..LogOptions::default() }).await.unwrap();
        tokio::time::timeout(PATIENCE, log.next()).await.expect("in time").expect("a line").unwrap();
    };
    for (signal, code) in [("SIGUSR1", 5), ("SIGTERM", 6)] {
        let id = bench.run("s", serde_json::json!({"command": ["sh", "-c", script]})).await;
        ready(&id).await;
        bench.driver.kill(&id, signal).await.unwrap();
        assert_eq!(bench.driver.wait(&id).await.unwrap(), code, "{signal}");
        bench.driver.remove(&id, AnonymousVolumes::Keep).await.unwrap();
    }
    // `stop` sends the container's own signal, and kills what does not listen
    let id = bench.run("own", serde_json::json!({"command": ["sh", "-c", script], "stop_signal": "SIGUSR1"})).await;
    ready(&id).await;
    bench.driver.stop(&id, Some(PATIENCE)).await.unwrap();
    assert_eq!(bench.seen(&id).await.exit_code, Some(5));
    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let id = bench.run("deaf", serde_json::json!({"command": ["sh", "-c", deaf]})).await;
    ready(&id).await;
    bench.driver.stop(&id, Some(Duration::from_secs(1))).await.unwrap();
    assert_eq!(bench.seen(&id).await.exit_code, Some(137));
    bench.close().await;
}

async fn processes_and_usage_are_those_of_the_container(bench: Bench) {
    let id = bench.run("u", serde_json::json!({"command": ["sleep", "1234"], "stop_signal": "SIGKILL"})).await;
    // a container counts as running before the runtime has put the program in its own place
    let started = devup::base::retry::until(PATIENCE, || async {
        let processes = bench.driver.top(&id, None).await.unwrap();
        let own = |cell: &String| cell.contains("sleep 1234");
        processes.rows.iter().flatten().any(own).then_some(processes)
    });
    let processes = started.await.expect("the program runs");
    assert!(processes.titles.iter().any(|title| title == "PID"), "{:?}", processes.titles);
    assert_eq!(processes.rows.len(), 1, "{processes:?}");
    assert_eq!(processes.rows[0].len(), processes.titles.len());
    let once: Vec<_> = bench.driver.stats(&id, false).await.unwrap().collect().await;
    assert_eq!(once.len(), 1, "{once:?}");
    let usage = once[0].clone().unwrap();
    // an engine without the kernel's accounting measures nothing, and says so with a limit of 0
    if usage.memory_limit > 0 {
        assert!(usage.memory > 0 && usage.memory_limit >= usage.memory, "{usage:?}");
        assert_eq!(usage.pids, 1);
    }
    let mut following = bench.driver.stats(&id, true).await.unwrap();
    for _ in 0..2 {
        tokio::time::timeout(PATIENCE, following.next()).await.expect("in time").expect("again and again").unwrap();
    }
    let nobody = format!("{}-nobody", bench.project);
    assert!(bench.driver.top(&nobody, None).await.unwrap_err().is_not_found());
    bench.close().await;
}

/// Actions told of a container, up to the one wanted; Podman says `died` where Docker says `die`.
async fn told(
    events: &mut (impl futures_util::Stream<Item = devup::driver::error::Result<EngineEvent>> + Unpin),
    id: &str,
    last: &str,
) -> Vec<String> {
    let mut actions = Vec::new();
    while actions.last().is_none_or(|action: &String| !action.starts_with(last)) {
        let next = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time").expect("more").unwrap();
        if next.kind == "container" && next.id == id {
            actions.push(next.action);
        }
    }
    actions
}

async fn events_are_told_from_the_moment_asked_for(bench: Bench) {
    let began = now();
    let mut live = bench.driver.events(&bench.scope(), None, None).await.unwrap();
    let id = bench.run("e", serde_json::json!({"command": ["sleep", "1000"], "stop_signal": "SIGKILL"})).await;
    let actions = told(&mut live, &id, "start").await;
    assert_eq!(actions.first().map(String::as_str), Some("create"), "{actions:?}");
    bench.driver.kill(&id, "SIGKILL").await.unwrap();
    let actions = told(&mut live, &id, "die").await;
    assert!(!actions.contains(&"create".to_owned()), "each once: {actions:?}");
    // what was can be asked for again, and ends where nothing can follow
    let mut past = bench.driver.events(&bench.scope(), Some(began - SECOND), Some(now() + SECOND)).await.unwrap();
    let again = told(&mut past, &id, "start").await;
    assert!(again.contains(&"create".to_owned()), "{again:?}");
    while let Some(event) = tokio::time::timeout(PATIENCE, past.next()).await.expect("it ends") {
        event.unwrap();
    }
    bench.close().await;
}

const SECOND: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Reads what a terminal shows until it shows this.
async fn until_shown(
    output: &mut (impl futures_util::Stream<Item = devup::driver::error::Result<Chunk>> + Unpin),
    wanted: &str,
) {
    let (mut shown, deadline) = (String::new(), Instant::now() + PATIENCE);
    while !shown.contains(wanted) {
        let left = deadline.saturating_duration_since(Instant::now());
        let next = tokio::time::timeout(left, output.next()).await;
        let Ok(Some(Ok(Chunk::Out(bytes) | Chunk::Err(bytes)))) = next else { panic!("{wanted} is not in {shown}") };
        shown.push_str(&String::from_utf8_lossy(&bytes));
    }
}

async fn terminals_learn_their_size(bench: Bench) {
    let sizes = "while :; do busybox stty size; sleep 0.05; done";
    let service = serde_json::json!({"command": ["sh", "-c", sizes], "tty": true, "stop_signal": "SIGKILL"});
    let id = bench.driver.create_container(&bench.spec("t", service)).await.unwrap();
    let mut session: Session = bench.driver.attach(&id, &AttachRequest::default()).await.unwrap();
    bench.driver.start(&id).await.unwrap();
    bench.driver.resize(&id, (123, 45)).await.unwrap();
    until_shown(&mut session.output, "45 123").await;
    let command = ["sh", "-c", sizes].map(str::to_owned).to_vec();
    let mut session =
        bench.driver.exec(&id, &ExecRequest { command, tty: true, ..ExecRequest::default() }).await.unwrap();
    bench.driver.resize_exec(&session.id, (99, 33)).await.unwrap();
    until_shown(&mut session.output, "33 99").await;
    bench.close().await;
}

async fn a_taken_port_is_named(bench: Bench) {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let mut spec = bench.spec("p", serde_json::json!({"command": ["sleep", "1000"]}));
    let network = resource::Network { name: format!("{}_n", bench.project), ..resource::Network::default() };
    bench.driver.create_network(&network, &bench.labels()).await.unwrap();
    spec.network_mode = None;
    spec.networks = vec![NetworkAttachment { network: network.name, aliases: Vec::new(), options: <_>::default() }];
    spec.ports = vec![PortBinding { host_ip: "127.0.0.1".into(), published: port, target: 80, protocol: "tcp".into() }];
    let id = bench.driver.create_container(&spec).await.unwrap();
    match bench.driver.start(&id).await {
        Err(DriverError::PortTaken { port: named, .. }) => assert_eq!(named, port),
        other => panic!("{other:?}"),
    }
    drop(held);
    bench.driver.start(&id).await.unwrap();
    let seen = bench.driver.containers(&bench.scope()).await.unwrap().remove(0);
    assert_eq!(seen.ports, spec.ports);
    assert_eq!(bench.seen(&id).await.ports, spec.ports);
    bench.close().await;
}

async fn images_are_built_with_their_failure_shown(bench: Bench) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kept"), "k").unwrap();
    std::fs::write(folder.path().join("left"), "l").unwrap();
    std::fs::write(folder.path().join(".dockerignore"), "left\n").unwrap();
    let request = |dockerfile: String, tag: &str| BuildRequest {
        tags: vec![format!("{}:{tag}", bench.project)],
        build: Build {
            context: folder.path().display().to_string(),
            dockerfile_inline: Some(dockerfile),
            args: [("WHAT".to_owned(), Some("argued".to_owned()))].into(),
            ..Build::default()
        },
        secrets: IndexMap::new(),
        extra_files: Vec::new(),
        without_folder: false,
        platform: None,
        labels: [("made-by".to_owned(), bench.project.clone())].into(),
        images: IndexMap::new(),
        surroundings: None,
    };
    let good = request(
        format!(
            "FROM {}\nARG WHAT\nCOPY . /x/\nRUN test -e /x/kept && test ! -e /x/left && echo $WHAT > /w\n",
            bench.image
        ),
        "good",
    );
    let id = bench.driver.build(&good, &|_| {}).await.unwrap();
    let image = bench.driver.image(&good.tags[0]).await.unwrap().expect("it is there");
    assert_eq!(image.id, id);
    assert_eq!(image.labels.get("made-by"), Some(&bench.project));
    bench.driver.remove_image(&good.tags[0], true).await.unwrap();
    let bad = request(format!("FROM {}\nRUN echo the real cause >&2; exit 4\n", bench.image), "bad");
    let text = bench.driver.build(&bad, &|_| {}).await.unwrap_err().to_string();
    assert!(text.contains("the real cause"), "{text}");
    if bench.driver.features().buildkit {
        let mut secret = request(
            format!("FROM {}\nRUN --mount=type=secret,id=s test \"$(cat /run/secrets/s)\" = hush\n", bench.image),
            "secret",
        );
        secret.secrets = [("s".to_owned(), b"hush".to_vec())].into();
        bench.driver.build(&secret, &|_| {}).await.unwrap();
        bench.driver.remove_image(&secret.tags[0], true).await.unwrap();
    }
    bench.close().await;
}
