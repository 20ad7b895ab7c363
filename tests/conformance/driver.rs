//! The contract of the drivers, on each engine that is here and on the engine in memory that other tests use: one case
//! per promise of the traits' docs. What needs a real program inside stands in `sessions.rs`, for real engines only.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use devup::driver::address::EngineAddress;
use devup::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use devup::driver::error::DriverError;
use devup::driver::fake::Fake;
use devup::driver::features::EngineKind;
use devup::driver::image::CommitRequest;
use devup::driver::image::ImageDriver;
use devup::driver::moby;
use devup::driver::session::{ExecRequest, LogOptions, SessionDriver};
use devup::driver::stream::Chunk;
use devup::model::container::{ContainerSpec, InjectedFile, NetworkAttachment, PortBinding};
use devup::model::labels::PROJECT;
use devup::model::observed::{Container, Health, State};
use devup::model::resource;
use devup::model::service::Service;
use futures_util::StreamExt;
use indexmap::IndexMap;

use crate::engine::{Engine, Kind, engine};

/// The longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// All that an adapter promises.
pub trait Driver: ContainerDriver + ImageDriver + SessionDriver {}
impl<T: ContainerDriver + ImageDriver + SessionDriver> Driver for T {}

/// An engine, a project's name on it, and an image with busybox in it.
pub struct Bench {
    pub driver: Box<dyn Driver>,
    pub project: String,
    pub image: String,
}

impl Bench {
    async fn of(engine: Engine, case: &str) -> Self {
        let driver = moby::connect(&EngineAddress::Unix(engine.socket.clone())).await.unwrap();
        Self::open(Box::new(driver), case).await
    }

    async fn open(driver: Box<dyn Driver>, case: &str) -> Self {
        let project = format!("devup-driver-{}-{}", case.replace('_', "-"), std::process::id());
        let image = format!("{project}:1");
        let bench = Self { driver, project, image };
        bench.sweep().await;
        bench.driver.import(&bench.image, Box::new(std::io::Cursor::new(root())), &[]).await.unwrap();
        bench
    }

    pub fn labels(&self) -> IndexMap<String, String> {
        [(PROJECT.to_owned(), self.project.clone())].into()
    }

    pub fn scope(&self) -> Scope {
        Scope::Project(self.project.clone())
    }

    pub fn is_podman(&self) -> bool {
        self.driver.features().kind == EngineKind::Podman
    }

    pub fn spec(&self, name: &str, service: serde_json::Value) -> ContainerSpec {
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

    pub async fn run(&self, name: &str, service: serde_json::Value) -> String {
        let id = self.driver.create_container(&self.spec(name, service)).await.unwrap();
        self.driver.start(&id).await.unwrap();
        id
    }

    pub async fn seen(&self, id: &str) -> Container {
        self.driver.container(id).await.unwrap().expect("it is there")
    }

    /// Waits by the driver's own means.
    pub async fn until(&self, id: &str, wanted: impl Fn(&Container) -> bool) -> Container {
        let deadline = Instant::now() + PATIENCE;
        let mut now = self.seen(id).await;
        while !wanted(&now) {
            assert!(Instant::now() < deadline, "still {now:?}");
            now = self.driver.changed(id, &now, Duration::from_secs(5)).await.unwrap().expect("it is there");
        }
        now
    }

    pub async fn output(&self, id: &str, command: &[&str]) -> (String, Option<i64>) {
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

    pub async fn close(self) {
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
pub fn on<F: Future<Output = ()>>(kind: Kind, case: &str, run: impl FnOnce(Bench) -> F) {
    let Some(found) = engine(kind) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { run(Bench::of(found, case).await).await });
}

fn on_fake<F: Future<Output = ()>>(features: impl FnOnce(Fake) -> Fake, case: &str, run: impl FnOnce(Bench) -> F) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let driver = Box::new(features(Fake::new()));
    runtime.block_on(async { run(Bench::open(driver, case).await).await });
}

/// One test per real engine of each case.
macro_rules! on_each_engine {
    ($($case:ident),+ $(,)?) => {
        mod docker { $( #[test] fn $case() { super::on(super::Kind::Docker, stringify!($case), super::$case); } )+ }
        mod podman { $( #[test] fn $case() { super::on(super::Kind::Podman, stringify!($case), super::$case); } )+ }
    };
}
pub(crate) use on_each_engine;

/// One test per driver of each case, the one in memory included, as an old and as a new engine.
macro_rules! on_each_driver {
    ($($case:ident),+ $(,)?) => {
        on_each_engine!($($case),+);
        mod fake { $( #[test] fn $case() { super::on_fake(|fake| fake, stringify!($case), super::$case); } )+ }
        mod newer_fake {
            $( #[test] fn $case() {
                super::on_fake(super::Fake::with_multi_network_create, stringify!($case), super::$case);
            } )+
        }
    };
}
on_each_driver!(
    a_life_from_creation_to_removal,
    what_is_gone_is_no_failure,
    health_is_waited_for,
    a_port_is_held_by_one,
    networks_give_names_and_volumes_last,
    files_are_injected_with_owner_and_mode,
    logs_and_exec_keep_streams_apart,
    frozen_and_killed,
    what_is_in_use_stays,
    an_image_goes_with_its_last_reference,
    a_commit_is_an_image,
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
    let bad = bench.run("bad", check("test -e /bad")).await;
    bench.until(&bad, |seen| seen.health == Some(Health::Unhealthy)).await;
    let short = bench.run("short", serde_json::json!({"command": ["sh", "-c", "exit 3"]})).await;
    assert_eq!(bench.until(&short, |seen| seen.state == State::Exited).await.exit_code, Some(3));
    let known = bench.seen(&short).await;
    bench.driver.remove(&short, AnonymousVolumes::Keep).await.unwrap();
    assert_eq!(bench.driver.changed(&short, &known, PATIENCE).await.unwrap(), None);
    bench.close().await;
}

/// The second gets the port when the first has gone.
async fn a_port_is_held_by_one(bench: Bench) {
    let network = resource::Network { name: format!("{}_n", bench.project), ..resource::Network::default() };
    bench.driver.create_network(&network, &bench.labels()).await.unwrap();
    // free a moment ago; one that another program takes meanwhile fails the first start
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut ids = Vec::new();
    for name in ["first", "second"] {
        let mut spec = bench.spec(name, serde_json::json!({"command": ["sleep", "1000"], "stop_signal": "SIGKILL"}));
        spec.network_mode = None;
        spec.networks =
            vec![NetworkAttachment { network: network.name.clone(), aliases: Vec::new(), options: <_>::default() }];
        spec.ports =
            vec![PortBinding { host_ip: "127.0.0.1".into(), published: port, target: 80, protocol: "tcp".into() }];
        ids.push(bench.driver.create_container(&spec).await.unwrap());
    }
    bench.driver.start(&ids[0]).await.unwrap();
    match bench.driver.start(&ids[1]).await {
        Err(DriverError::PortTaken { port: named, .. }) => assert_eq!(named, port),
        other => panic!("{other:?}"),
    }
    assert_ne!(bench.seen(&ids[1]).await.state, State::Running);
    bench.driver.remove(&ids[0], AnonymousVolumes::Keep).await.unwrap();
    bench.driver.start(&ids[1]).await.unwrap();
    assert_eq!(bench.seen(&ids[1]).await.state, State::Running);
    bench.close().await;
}

async fn frozen_and_killed(bench: Bench) {
    let id = bench.run("f", serde_json::json!({"command": ["sleep", "1000"], "stop_signal": "SIGKILL"})).await;
    assert!(bench.driver.unpause(&id).await.is_err(), "it is not frozen");
    bench.driver.pause(&id).await.unwrap();
    assert!(bench.driver.pause(&id).await.is_err(), "it is frozen already");
    let request = ExecRequest { command: vec!["true".into()], ..ExecRequest::default() };
    assert!(bench.driver.exec(&id, &request).await.is_err(), "nothing runs in it");
    bench.driver.unpause(&id).await.unwrap();
    assert_eq!(bench.seen(&id).await.state, State::Running);
    bench.driver.kill(&id, "SIGKILL").await.unwrap();
    assert_eq!(bench.driver.wait(&id).await.unwrap(), 137);
    let again = bench.driver.kill(&id, "SIGKILL").await;
    assert!(matches!(again, Err(DriverError::Conflict { .. })), "{again:?}");
    assert!(bench.driver.pause(&id).await.is_err(), "it has ended");
    bench.driver.start(&id).await.unwrap();
    let before = bench.seen(&id).await;
    assert_eq!((before.state, before.exit_code), (State::Running, None));
    bench.driver.restart(&id, Some(Duration::from_secs(1))).await.unwrap();
    assert_eq!(bench.seen(&id).await.state, State::Running);
    bench.driver.remove(&id, AnonymousVolumes::Keep).await.unwrap();
    assert_eq!(bench.driver.container(&id).await.unwrap(), None, "running is no obstacle");
    assert!(bench.driver.kill(&id, "SIGKILL").await.unwrap_err().is_not_found());
    bench.close().await;
}

async fn what_is_in_use_stays(bench: Bench) {
    let network = resource::Network { name: format!("{}_n", bench.project), ..resource::Network::default() };
    let network_id = bench.driver.create_network(&network, &bench.labels()).await.unwrap();
    let volume = resource::Volume { name: format!("{}_v", bench.project), ..resource::Volume::default() };
    bench.driver.create_volume(&volume, &bench.labels()).await.unwrap();
    // a volume that is there stays as it is
    bench.driver.create_volume(&volume, &bench.labels()).await.unwrap();
    let service = serde_json::json!({
        "command": ["sleep", "1000"], "stop_signal": "SIGKILL",
        "volumes": [{"type": "volume", "source": volume.name, "target": "/data"}]
    });
    let mut spec = bench.spec("u", service);
    spec.network_mode = None;
    spec.networks =
        vec![NetworkAttachment { network: network.name.clone(), aliases: Vec::new(), options: <_>::default() }];
    let id = bench.driver.create_container(&spec).await.unwrap();
    bench.driver.start(&id).await.unwrap();
    let refused = bench.driver.remove_volume(&volume.name).await;
    assert!(matches!(refused, Err(DriverError::Conflict { .. })), "{refused:?}");
    // asked by id, as it has to be for stopped containers to be no obstacle, Podman does it
    if !bench.is_podman() {
        let refused = bench.driver.remove_network(&network_id).await;
        assert!(matches!(refused, Err(DriverError::Conflict { .. })), "{refused:?}");
    }
    bench.driver.stop(&id, None).await.unwrap();
    let refused = bench.driver.remove_volume(&volume.name).await;
    assert!(matches!(refused, Err(DriverError::Conflict { .. })), "stopped, it still has the volume: {refused:?}");
    bench.driver.remove_network(&network_id).await.unwrap();
    assert_eq!(bench.driver.network(&network.name).await.unwrap(), None);
    assert!(bench.driver.start(&id).await.is_err(), "its network is gone");
    bench.driver.remove(&id, AnonymousVolumes::Keep).await.unwrap();
    bench.driver.remove_volume(&volume.name).await.unwrap();
    assert_eq!(bench.driver.volume(&volume.name).await.unwrap(), None);
    bench.close().await;
}

/// A reference as the engine itself writes it: Podman puts a registry before one that has none.
fn has(tags: &[String], reference: &str) -> bool {
    let written = |tag: &&str| ["", "localhost/", "docker.io/library/"].contains(tag);
    tags.iter().any(|tag| tag.strip_suffix(reference).as_ref().is_some_and(written))
}

async fn an_image_goes_with_its_last_reference(bench: Bench) {
    let (first, second) = (format!("{}:x", bench.project), format!("{}:y", bench.project));
    let changes = [format!("LABEL devup-test={}", bench.project), "ENV COLOUR=green".to_owned()];
    let id = bench.driver.import(&first, Box::new(std::io::Cursor::new(root())), &changes).await.unwrap();
    bench.driver.tag(&first, &second).await.unwrap();
    let image = bench.driver.image(&second).await.unwrap().expect("it is there");
    assert_eq!(image.id, id);
    assert!(has(&image.tags, &first) && has(&image.tags, &second) && image.tags.len() == 2, "{:?}", image.tags);
    assert!(image.environment.contains(&"COLOUR=green".to_owned()), "{:?}", image.environment);
    assert_eq!(bench.driver.image(&id).await.unwrap().expect("by id").id, id);
    let label = format!("devup-test={}", bench.project);
    let labelled = bench.driver.images(Some(&label)).await.unwrap();
    assert_eq!(labelled.iter().map(|image| &image.id).collect::<Vec<_>>(), [&id]);
    bench.driver.remove_image(&first, false).await.unwrap();
    assert_eq!(bench.driver.image(&first).await.unwrap(), None);
    assert!(bench.driver.image(&second).await.unwrap().is_some());
    bench.driver.remove_image(&second, false).await.unwrap();
    assert_eq!(bench.driver.image(&id).await.unwrap(), None);
    let nowhere = bench.driver.tag(&first, &second).await;
    assert!(nowhere.unwrap_err().is_not_found());
    bench.close().await;
}

async fn a_commit_is_an_image(bench: Bench) {
    let id = bench.run("c", serde_json::json!({"command": ["sleep", "1000"], "stop_signal": "SIGKILL"})).await;
    bench.output(&id, &["touch", "/made"]).await;
    let reference = format!("{}:made", bench.project);
    let changes = ["ENV STAGE=late".to_owned(), "LABEL made=yes".to_owned()];
    let request = CommitRequest { reference: Some(reference.clone()), changes: changes.into(), ..<_>::default() };
    let image = bench.driver.commit(&id, &request).await.unwrap();
    let found = bench.driver.image(&reference).await.unwrap().expect("it is there");
    assert_eq!(found.id, image);
    assert_eq!(found.labels.get("made").map(String::as_str), Some("yes"));
    assert!(found.environment.contains(&"STAGE=late".to_owned()), "{:?}", found.environment);
    let mut spec = bench.spec("after", serde_json::json!({"command": ["sleep", "1000"], "stop_signal": "SIGKILL"}));
    spec.image.clone_from(&reference);
    let after = bench.driver.create_container(&spec).await.unwrap();
    bench.driver.start(&after).await.unwrap();
    assert_eq!(bench.output(&after, &["test", "-e", "/made"]).await.1, Some(0));
    for container in [&id, &after] {
        bench.driver.remove(container, AnonymousVolumes::Remove).await.unwrap();
    }
    let nobody = bench.driver.commit(&id, &request).await;
    assert!(nobody.unwrap_err().is_not_found());
    bench.driver.remove_image(&reference, true).await.unwrap();
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
