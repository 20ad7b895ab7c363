//! What goes wrong in the middle: kills, interrupts, restarts of the engine, full disks, missing rights.

use std::io::Read as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::engine::{Engine, Kind, PrivateDocker, engine, within};
use crate::project::{Project, Ran};

const CHAIN: &str = r#"
services:
  a:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: [data:/data, /tmp/anon]
    networks: [front, back]
    labels: { version: one }
    healthcheck: { test: [CMD, "true"], interval: 100ms, retries: 50 }
  b: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, networks: [back], depends_on: { a: { condition: service_healthy } } }
  c: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, networks: [front], depends_on: [b] }
networks: { front: {}, back: {} }
volumes: { data: {} }
"#;

fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// Kills devup at moments spread over the whole of an `up`, of a first one and of a changed one in turn; then one more `up`
/// must end in exactly the wanted state with the data whole.
fn converges_after_kills(engine: &Engine, moments: u64) {
    let project = Project::new(engine, "kill", CHAIN);
    let began = Instant::now();
    project.devup(&["up"]).expect(0);
    let whole = began.elapsed();
    let a = project.container("a", 1);
    engine.exec(&a, &["sh", "-c", "echo precious > /data/rows; echo precious > /tmp/anon/rows"]);
    for moment in 0..moments {
        let changed = CHAIN.replace("one", &format!("v{moment}"));
        project.write("compose.yaml", &changed);
        let mut child = project.spawn(&["up"]);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred moments")]
        let delay = whole.mul_f64((moment as f64 + 0.5) / moments as f64);
        let _ = within(delay, || child.try_wait().unwrap());
        let _ = child.kill();
        child.wait().unwrap();
        project.devup(&["up"]).expect(0);
        let names: Vec<String> = engine.containers(&project.name).iter().map(crate::engine::name_of).collect();
        assert_eq!(names, [a.clone(), project.container("b", 1), project.container("c", 1)], "after kill {moment}");
        assert_eq!(engine.running(&project.name).len(), 3, "after kill {moment}");
        assert_eq!(
            engine.exec(&a, &["cat", "/data/rows", "/tmp/anon/rows"]),
            "precious\nprecious\n",
            "after kill {moment}"
        );
        let labels = engine.inspect(&a).config.unwrap().labels.unwrap();
        assert_eq!(labels["version"], format!("v{moment}"));
        project.devup(&["plan"]).expect(0);
    }
}

/// `make soak` asks for more.
fn moments(usual: u64) -> u64 {
    std::env::var("DEVUP_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn docker_converges_after_kill_9() {
    if let Some(engine) = engine(Kind::Docker) {
        converges_after_kills(&engine, moments(12));
    }
}

#[test]
fn podman_converges_after_kill_9() {
    if let Some(engine) = engine(Kind::Podman) {
        converges_after_kills(&engine, moments(5));
    }
}

#[test]
fn first_interrupt_finishes_running_steps_and_says_what_is_left() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(
        &engine,
        "interrupt",
        "services:\n  a:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1000}\n  b: {image: IMAGE, command: [sleep, infinity], depends_on: {a: {condition: service_healthy}}}\n",
    );
    let child = project.spawn(&["up"]);
    within(Duration::from_secs(30), || (!engine.running(&project.name).is_empty()).then_some(())).expect("a runs");
    signal(&child, rustix::process::Signal::INT);
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.expect(130).says("b");
    assert_eq!(engine.running(&project.name), [project.container("a", 1)]);
}

#[test]
fn a_second_up_waits_for_the_first_and_names_it() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(
        &engine,
        "two",
        "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, 'sleep 3; touch /tmp/ok; sleep infinity']\n    stop_signal: SIGKILL\n    healthcheck: {test: [CMD, ls, /tmp/ok], interval: 100ms, retries: 200}\n",
    );
    let first = project.spawn(&["up"]);
    within(Duration::from_secs(30), || (!engine.running(&project.name).is_empty()).then_some(())).expect("a runs");
    let second = project.devup(&["up"]).expect(0);
    assert!(second.err.contains(&first.id().to_string()), "the second names the first's pid:\n{}", second.err);
    Ran::from(first.wait_with_output().unwrap()).expect(0);
    assert_eq!(engine.containers(&project.name).len(), 1);
}

#[test]
fn the_engine_crashes_in_the_middle() {
    let folder = tempfile::Builder::new().prefix("devup-docker").tempdir().unwrap();
    let Some(mut own) = PrivateDocker::start(folder.path()) else { return };
    let project = Project::new(&own.engine, "restart", CHAIN);
    let child = project.spawn(&["up"]);
    within(Duration::from_secs(30), || (!own.engine.containers(&project.name).is_empty()).then_some(()))
        .expect("it began");
    own.crash_and_restart();
    let ran = Ran::from(child.wait_with_output().unwrap());
    // it may have waited the crash out; what it must not do is claim success without a result
    if ran.code == Some(0) {
        assert_eq!(own.engine.running(&project.name).len(), 3);
    }
    project.devup(&["up"]).expect(0);
    assert_eq!(own.engine.running(&project.name).len(), 3);
    project.devup(&["plan"]).expect(0);
}

/// A file system of its own that ends with the test.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("devup-disk").tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|s| s.success());
        mounted.then_some(Self { folder })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[test]
fn the_engines_disk_is_full() {
    let Some(disk) = SmallDisk::new(96) else {
        eprintln!("SKIPPED: no right to mount a small file system");
        return;
    };
    let Some(own) = PrivateDocker::start(disk.folder.path()) else { return };
    let project = Project::new(
        &own.engine,
        "full",
        "services:\n  a: {build: {context: ., dockerfile_inline: \"FROM IMAGE\\nCOPY big /big\\n\"}, command: [sleep, infinity], stop_signal: SIGKILL}\n",
    );
    let mut noise = vec![0u8; 120 << 20];
    std::fs::File::open("/dev/urandom").unwrap().take(1 << 20).read_exact(&mut noise[..1 << 20]).unwrap();
    std::fs::write(project.folder().join("big"), &noise).unwrap();
    project.devup(&["up"]).expect(1).says("disk is full");
    // room again: the next `up` converges
    let room = Command::new("mount").args(["-o", "remount,size=512m"]).arg(disk.folder.path()).status();
    assert!(room.unwrap().success());
    std::fs::write(project.folder().join("big"), b"small").unwrap();
    project.devup(&["up"]).expect(0);
    assert_eq!(own.engine.running(&project.name).len(), 1);
    drop(project);
    drop(own);
}

#[test]
fn the_socket_is_not_for_this_user() {
    let Some(engine) = engine(Kind::Docker) else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: becoming another user needs root");
        return;
    }
    let project = Project::new(&engine, "rights", CHAIN);
    // the target folder may not be readable for others: the program is run from a copy
    let copy = project.home().join("devup");
    std::fs::copy(env!("CARGO_BIN_EXE_devup"), &copy).unwrap();
    Command::new("chown").args(["-R", "nobody"]).arg(project.home().parent().unwrap()).status().unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .arg("up")
        .current_dir(project.folder());
    crate::project::hermetic(&mut command, &project.home());
    command.env("DOCKER_HOST", engine.host());
    Ran::of(command).expect(3).says("docker.sock");
    assert!(engine.containers(&project.name).is_empty());
}
