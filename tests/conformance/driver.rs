//! The contract of the container and session drivers, on each engine that is here: one case per promise of the traits' docs.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use devup::driver::address::EngineAddress;
use devup::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use devup::driver::error::DriverError;
use devup::driver::image::{BuildRequest, ImageDriver};
use devup::driver::moby::{self, Moby};
use devup::driver::session::{ExecRequest, LogOptions, SessionDriver};
use devup::driver::stream::Chunk;
use devup::model::build::Build;
use devup::model::container::{ContainerSpec, InjectedFile, NetworkAttachment, PortBinding};
use devup::model::labels::PROJECT;
use devup::model::observed::{Container, Health, State};
use devup::model::resource;
use devup::model::service::Service;
use futures_util::StreamExt;
use indexmap::IndexMap;

use crate::engine::{Engine, Kind, engine};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine, a project's name on it, and an image with busybox in it.
struct Bench {
    driver: Moby,
    project: String,
    image: String,
}

impl Bench {
    async fn open(engine: Engine, case: &str) -> Self {
        let driver = moby::connect(&EngineAddress::Unix(engine.socket.clone())).await.unwrap();
        let project = format!("devup-driver-{}-{}", case.replace('_', "-"), std::process::id());
        let image = format!("{project}:1");
        let bench = Self { driver, project, image };
        bench.sweep().await;
        bench.driver.import(&bench.image, Box::new(std::io::Cursor::new(root())), &[]).await.unwrap();
        bench
    }

    fn labels(&self) -> IndexMap<String, String> {
        [(PROJECT.to_owned(), self.project.clone())].into()
    }

    fn scope(&self) -> Scope {
        Scope::Project(self.project.clone())
    }

    fn spec(&self, name: &str, service: serde_json::Value) -> ContainerSpec {
        let service: Service = serde_json::from_value(service).unwrap();
        ContainerSpec {
            name: format!("{}-{name}", self.project),
            image: self.image.clone(),
            labels: self.labels(),
            environment: IndexMap::new(),
            mounts: service.volumes.clone(),
            ports: Vec::new(),
            networks: Vec::new(),
            network_mode: Some("none".to_owned()),
            pid_mode: None,
            ipc_mode: None,
            volumes_from: Vec::new(),
            links: Vec::new(),
            service: Arc::new(service),
        }
    }

    async fn run(&self, name: &str, service: serde_json::Value) -> String {
        let id = self.driver.create_container(&self.spec(name, service)).await.unwrap();
        self.driver.start(&id).await.unwrap();
        id
    }

    async fn seen(&self, id: &str) -> Container {
        self.driver.container(id).await.unwrap().expect("it is there")
    }

    /// Waits by the driver's own means.
    async fn until(&self, id: &str, wanted: impl Fn(&Container) -> bool) -> Container {
        let deadline = Instant::now() + PATIENCE;
        let mut now = self.seen(id).await;
        while !wanted(&now) {
            assert!(Instant::now() < deadline, "still {now:?}");
            now = self.driver.changed(id, &now, Duration::from_secs(5)).await.unwrap().expect("it is there");
        }
        now
    }

    async fn output(&self, id: &str, command: &[&str]) -> (String, Option<i64>) {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let mut session = self.driver.exec(id, &ExecRequest { command, ..ExecRequest::default() }).await.unwrap();
        let mut text = Vec::new();
        while let Some(chunk) = session.output.next().await {
            let (Chunk::Out(bytes) | Chunk::Err(bytes)) = chunk.unwrap();
            text.extend(bytes);
        }
        (String::from_utf8(text).unwrap(), self.driver.exec_exit_code(&session.id).await.unwrap())
    }

    async fn sweep(&self) {
        for container in self.driver.containers(&self.scope()).await.unwrap() {
            self.driver.remove(&container.id, AnonymousVolumes::Remove).await.unwrap();
        }
        for network in self.driver.networks(&self.scope()).await.unwrap() {
            self.driver.remove_network(&network.id).await.unwrap();
        }
        for volume in self.driver.volumes(&self.scope()).await.unwrap() {
            self.driver.remove_volume(&volume.name).await.unwrap();
        }
    }

    async fn close(self) {
        self.sweep().await;
        self.driver.remove_image(&self.image, true).await.unwrap();
    }
}

/// A root file system with busybox.
fn root() -> Vec<u8> {
    let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(busybox.len() as u64);
    archive.append_data(&mut header, "bin/busybox", busybox.as_slice()).unwrap();
    for name in ["sh", "sleep", "cat", "echo", "test", "true", "stat", "touch"] {
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        archive.append_link(&mut link, format!("bin/{name}"), "busybox").unwrap();
    }
    archive.into_inner().unwrap()
}

/// Finds the engine before there is a runtime: the search blocks, and what it starts ends with the thread that asked.
fn on<F: Future<Output = ()>>(kind: Kind, case: &str, run: impl FnOnce(Bench) -> F) {
    let Some(found) = engine(kind) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { run(Bench::open(found, case).await).await });
}

/// One test per engine of each case.
macro_rules! on_each_engine {
    ($($case:ident),+ $(,)?) => {
        mod docker { $( #[test] fn $case() { super::on(super::Kind::Docker, stringify!($case), super::$case); } )+ }
        mod podman { $( #[test] fn $case() { super::on(super::Kind::Podman, stringify!($case), super::$case); } )+ }
    };
}
on_each_engine!(
    a_life_from_creation_to_removal,
    what_is_gone_is_no_failure,
    health_is_waited_for,
    a_taken_port_is_named,
    networks_give_names_and_volumes_last,
    files_are_injected_with_owner_and_mode,
    logs_and_exec_keep_streams_apart,
    images_are_built_with_their_failure_shown,
);

async fn a_life_from_creation_to_removal(bench: Bench) {
    let id = bench
        .driver
        .create_container(
            &bench.spec("a", serde_json::json!({"command": ["sh", "-c", "sleep 1000"], "stop_signal": "SIGKILL"})),
        )
        .await
        .unwrap();
    assert_eq!(bench.seen(&id).await.state, State::Created);
    bench.driver.start(&id).await.unwrap();
    // starting what runs is fine
    bench.driver.start(&id).await.unwrap();
    let listed = bench.driver.containers(&bench.scope()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id.as_str(), listed[0].state, listed[0].exit_code), (id.as_str(), State::Running, None));
    assert_eq!(listed[0].name, format!("{}-a", bench.project));
    bench.driver.pause(&id).await.unwrap();
    assert_eq!(bench.driver.containers(&bench.scope()).await.unwrap()[0].state, State::Paused);
    assert_eq!(bench.seen(&id).await.state, State::Paused);
    bench.driver.unpause(&id).await.unwrap();
    bench.driver.rename(&id, &format!("{}-b", bench.project)).await.unwrap();
    bench.driver.stop(&id, Some(Duration::from_secs(1))).await.unwrap();
    // stopping what is stopped is fine
    bench.driver.stop(&id, Some(Duration::from_secs(1))).await.unwrap();
    assert_eq!(bench.driver.wait(&id).await.unwrap(), 137);
    for seen in [bench.seen(&id).await, bench.driver.containers(&bench.scope()).await.unwrap().remove(0)] {
        assert_eq!((seen.state, seen.exit_code), (State::Exited, Some(137)), "{seen:?}");
        assert_eq!(seen.name, format!("{}-b", bench.project));
    }
    let again = bench.driver.create_container(&bench.spec("b", serde_json::json!({"command": ["true"]}))).await;
    assert!(matches!(again, Err(DriverError::Conflict { .. })), "{again:?}");
    bench.close().await;
}

async fn what_is_gone_is_no_failure(bench: Bench) {
    let nobody = format!("{}-nobody", bench.project);
    assert_eq!(bench.driver.container(&nobody).await.unwrap(), None);
    assert_eq!(bench.driver.network(&nobody).await.unwrap(), None);
    assert_eq!(bench.driver.volume(&nobody).await.unwrap(), None);
    assert_eq!(bench.driver.image(&nobody).await.unwrap(), None);
    bench.driver.remove(&nobody, AnonymousVolumes::Keep).await.unwrap();
    bench.driver.stop(&nobody, None).await.unwrap();
    bench.driver.remove_network(&nobody).await.unwrap();
    bench.driver.remove_volume(&nobody).await.unwrap();
    bench.driver.remove_image(&nobody, false).await.unwrap();
    assert!(bench.driver.start(&nobody).await.unwrap_err().is_not_found());
    bench.close().await;
}

async fn health_is_waited_for(bench: Bench) {
    let check = |test: &str| {
        serde_json::json!({
            "command": ["sh", "-c", "sleep 1000"], "stop_signal": "SIGKILL",
            "healthcheck": {"test": ["CMD-SHELL", test], "interval": "500ms", "timeout": "5s", "retries": 2}
        })
    };
    let good = bench.run("good", check("test -e /ready")).await;
    assert_eq!(bench.seen(&good).await.health, Some(Health::Starting));
    bench.output(&good, &["touch", "/ready"]).await;
    bench.until(&good, |seen| seen.health == Some(Health::Healthy)).await;
    let bad = bench.run("bad", check("test -e /never")).await;
    bench.until(&bad, |seen| seen.health == Some(Health::Unhealthy)).await;
    let short = bench.run("short", serde_json::json!({"command": ["sh", "-c", "exit 3"]})).await;
    assert_eq!(bench.until(&short, |seen| seen.state == State::Exited).await.exit_code, Some(3));
    let known = bench.seen(&short).await;
    bench.driver.remove(&short, AnonymousVolumes::Keep).await.unwrap();
    assert_eq!(bench.driver.changed(&short, &known, PATIENCE).await.unwrap(), None);
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

async fn networks_give_names_and_volumes_last(bench: Bench) {
    let names = ["front", "back"].map(|name| format!("{}_{name}", bench.project));
    for name in &names {
        let network = resource::Network { name: name.clone(), ..resource::Network::default() };
        bench.driver.create_network(&network, &bench.labels()).await.unwrap();
        let again = bench.driver.create_network(&network, &bench.labels()).await;
        assert!(matches!(again, Err(DriverError::Conflict { .. })), "{again:?}");
    }
    let volume = resource::Volume { name: format!("{}_data", bench.project), ..resource::Volume::default() };
    bench.driver.create_volume(&volume, &bench.labels()).await.unwrap();
    assert_eq!(bench.driver.volumes(&bench.scope()).await.unwrap().len(), 1);
    let service = serde_json::json!({
        "command": ["sh", "-c", "echo kept > /data/file && sleep 1000"], "stop_signal": "SIGKILL",
        "volumes": [{"type": "volume", "source": volume.name, "target": "/data"}, {"type": "volume", "target": "/anonymous"}]
    });
    let mut spec = bench.spec("web", service);
    spec.network_mode = None;
    let join = |name: &String| NetworkAttachment {
        network: name.clone(),
        aliases: vec!["web".to_owned()],
        options: <_>::default(),
    };
    spec.networks = names.iter().map(join).collect();
    let id = bench.driver.create_container(&spec).await.unwrap();
    if !bench.driver.features().multi_network_create {
        bench.driver.connect(&id, &spec.networks[1]).await.unwrap();
    }
    bench.driver.start(&id).await.unwrap();
    let mut joined = bench.driver.containers(&bench.scope()).await.unwrap().remove(0).networks;
    joined.sort();
    assert_eq!(joined, [names[1].clone(), names[0].clone()]);
    bench.driver.remove(&id, AnonymousVolumes::Remove).await.unwrap();
    let left = bench.driver.volumes(&bench.scope()).await.unwrap();
    assert_eq!(left.len(), 1, "the named volume stays: {left:?}");
    bench.close().await;
}

async fn files_are_injected_with_owner_and_mode(bench: Bench) {
    let id = bench
        .driver
        .create_container(&bench.spec("i", serde_json::json!({"command": ["sleep", "1000"]})))
        .await
        .unwrap();
    let file =
        |target: &str, mode| InjectedFile { target: target.into(), content: b"hush".to_vec(), uid: 7, gid: 8, mode };
    bench.driver.inject(&id, &[file("/run/secrets/a", 0o440), file("/etc/b", 0o600)]).await.unwrap();
    bench.driver.start(&id).await.unwrap();
    let (text, code) = bench.output(&id, &["stat", "-c", "%a %u %g", "/run/secrets/a", "/etc/b"]).await;
    assert_eq!((text.as_str(), code), ("440 7 8\n600 7 8\n", Some(0)));
    assert_eq!(bench.output(&id, &["cat", "/run/secrets/a"]).await.0, "hush");
    bench.close().await;
}

async fn logs_and_exec_keep_streams_apart(bench: Bench) {
    let id = bench.run("l", serde_json::json!({"command": ["sh", "-c", "echo out; echo err >&2; sleep 1000"], "stop_signal": "SIGKILL"})).await;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut log = bench.driver.logs(&id, &options).await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while out.is_empty() || err.is_empty() {
        match tokio::time::timeout(PATIENCE, log.next()).await.expect("in time").expect("more to come").unwrap() {
            Chunk::Out(bytes) => out.extend(bytes),
            Chunk::Err(bytes) => err.extend(bytes),
        }
    }
    assert_eq!((out.as_slice(), err.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(bench.output(&id, &["sh", "-c", "echo hi; exit 9"]).await, ("hi\n".to_owned(), Some(9)));
    // standard input ends when the writer is shut
    let request = ExecRequest { command: vec!["cat".into()], stdin: true, ..ExecRequest::default() };
    let mut session = bench.driver.exec(&id, &request).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut session.input, b"typed").await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut session.input).await.unwrap();
    let first = tokio::time::timeout(PATIENCE, session.output.next()).await.expect("in time");
    assert_eq!(first, Some(Ok(Chunk::Out(bytes::Bytes::from_static(b"typed")))));
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
