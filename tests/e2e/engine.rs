//! Real engines for the tests, each started once. State is judged by talking to them directly, never through devup.

use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters as query;
use futures_util::StreamExt;

/// One file in an image without layers to unpack: busybox with the links the tests use.
pub const IMAGE: &str = "devup-test/busybox:1";

/// Which engine a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Docker,
    Podman,
}

/// A running engine, by its socket.
#[derive(Debug, Clone)]
pub struct Engine {
    pub socket: PathBuf,
}

/// Engines are wanted: their absence is a failure, not a reason to skip.
fn required() -> bool {
    std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some()
}

/// The engine, started if need be; `None` (said aloud) where it is not installed and not required.
pub fn engine(kind: Kind) -> Option<Engine> {
    static DOCKER: OnceLock<Option<Engine>> = OnceLock::new();
    static PODMAN: OnceLock<Option<Engine>> = OnceLock::new();
    let found = match kind {
        Kind::Docker => DOCKER.get_or_init(docker),
        Kind::Podman => PODMAN.get_or_init(podman),
    };
    if found.is_none() {
        assert!(
            !required(),
            "{kind:?} is required (DEVUP_REQUIRE_ENGINES) but does not answer: run scripts/test-machine"
        );
        eprintln!("SKIPPED: no {kind:?} here (scripts/test-machine installs and starts it)");
    }
    found.clone()
}

fn docker() -> Option<Engine> {
    let socket = std::env::var("DOCKER_HOST")
        .ok()
        .and_then(|host| host.strip_prefix("unix://").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("/var/run/docker.sock"));
    let engine = Engine { socket };
    answers(&engine, Duration::from_secs(5)).then(|| {
        engine.import_image();
        engine
    })
}

/// A service of its own with a storage of its own: the user's podman is left alone.
fn podman() -> Option<Engine> {
    which::which("podman").ok()?;
    let folder = free_folder("devup-test-podman");
    let conf = folder.join("containers.conf");
    let runtime = if which::which("runc").is_ok() { "runc" } else { "crun" };
    std::fs::write(
        &conf,
        format!(
            "[engine]\nruntime=\"{runtime}\"\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\n"
        ),
    )
    .expect("a configuration");
    let socket = folder.join("podman.sock");
    let _ = std::fs::remove_file(&socket);
    let mut command = Command::new("podman");
    command
        .arg("--root")
        .arg(folder.join("root"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", socket.display()))
        .env("CONTAINERS_CONF", &conf)
        .env("TMPDIR", &folder);
    spawn_until_we_end(command, &folder.join("podman.log"));
    let engine = Engine { socket };
    answers(&engine, Duration::from_secs(30)).then(|| {
        engine.import_image();
        engine
    })
}

/// The first folder of this name that no other run holds; it is held until this program ends. Later runs take it again: an
/// engine that is killed with its test program leaves its storage mounted, and a new one would find that taken.
fn free_folder(name: &str) -> PathBuf {
    for number in 1.. {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let folder = std::env::temp_dir().join(format!("{name}{suffix}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let held = std::fs::File::create(folder.join("held")).expect("a file to hold");
        if held.try_lock().is_ok() {
            // the kernel lets go of it with the program
            std::mem::forget(held);
            return folder;
        }
    }
    unreachable!("numbers do not end")
}

/// A dockerd of a test's own, for what would disturb others: restarts, full disks, missing rights.
pub struct PrivateDocker {
    folder: PathBuf,
    child: Option<Child>,
    /// More of its arguments, such as a port to listen on.
    arguments: Vec<String>,
    pub engine: Engine,
}

impl PrivateDocker {
    /// Starts one below `folder`; `None` (said aloud) where that can't be done.
    pub fn start(folder: &Path) -> Option<Self> {
        Self::start_with(folder, &[])
    }

    /// As [`PrivateDocker::start`], with more arguments for dockerd.
    pub fn start_with(folder: &Path, arguments: &[String]) -> Option<Self> {
        let able = which::which("dockerd").is_ok() && rustix::process::geteuid().is_root();
        if !able {
            assert!(!required(), "dockerd and root are required (DEVUP_REQUIRE_ENGINES)");
            eprintln!("SKIPPED: a dockerd of the test's own needs dockerd and root");
            return None;
        }
        let engine = Engine { socket: folder.join("docker.sock") };
        let mut own = Self { folder: folder.to_owned(), child: None, arguments: arguments.to_vec(), engine };
        own.launch();
        own.engine.import_image();
        Some(own)
    }

    fn launch(&mut self) {
        let f = &self.folder;
        let log = std::fs::File::options().create(true).append(true).open(f.join("dockerd.log")).expect("a log");
        // in a network of its own: a daemon without a bridge removes the `docker0` of every other daemon it sees
        let child = Command::new("unshare")
            .args(["--net", "--", "sh", "-c", "/bin/busybox ip link set lo up; exec dockerd \"$@\"", "dockerd"])
            .arg(format!("--host=unix://{}", self.engine.socket.display()))
            .arg(format!("--data-root={}", f.join("data").display()))
            .arg(format!("--exec-root={}", f.join("exec").display()))
            .arg(format!("--pidfile={}", f.join("pid").display()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"])
            .args(["--default-address-pool", "base=10.213.0.0/16,size=26"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("dockerd starts");
        self.child = Some(child);
        assert!(
            answers(&self.engine, Duration::from_mins(1)),
            "{}",
            std::fs::read_to_string(self.folder.join("dockerd.log")).unwrap_or_default()
        );
    }

    /// Its network, for a program that has to reach a port of it: arguments of `nsenter`.
    pub fn network(&self) -> String {
        let pid = self.child.as_ref().expect("it runs").id();
        format!("--net=/proc/{pid}/ns/net")
    }

    /// Ends the daemon as `kill -9` does, and starts it again.
    pub fn crash_and_restart(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a signal");
            child.wait().expect("an end");
        }
        // its containerd dies with it; where nobody reaps it, the new daemon would take the dead one for a living one
        let _ = std::fs::remove_file(self.folder.join("exec/containerd/containerd.pid"));
        self.launch();
    }
}

impl Drop for PrivateDocker {
    fn drop(&mut self) {
        self.engine.remove_everything();
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = within(Duration::from_secs(20), || child.try_wait().ok().flatten());
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a program as long as this test program runs, and not longer.
fn spawn_until_we_end(mut command: Command, log: &Path) {
    let log = std::fs::File::create(log).expect("a log");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log).process_group(0);
    // the signal comes when the *thread* ends that started the program: so that one never ends
    std::thread::spawn(move || {
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            if let Some(value) = value {
                wrapped.env(key, value);
            }
        }
        if let Ok(mut child) = wrapped.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            let _ = child.wait();
        }
        loop {
            std::thread::park();
        }
    });
}

pub fn answers(engine: &Engine, patience: Duration) -> bool {
    let give_up = Instant::now() + patience;
    loop {
        if engine.socket.exists() && engine.ask(async |docker| docker.ping().await.is_ok()) {
            return true;
        }
        if Instant::now() > give_up {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits for a condition, with a deadline.
pub fn within<T>(patience: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let give_up = Instant::now() + patience;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() > give_up {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Engine {
    /// What goes into `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Asks the engine directly.
    pub fn ask<T>(&self, question: impl AsyncFnOnce(Docker) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let docker = Docker::connect_with_unix(&self.socket.to_string_lossy(), 60, bollard::API_DEFAULT_VERSION)
                .expect("a client");
            let docker = match docker.clone().negotiate_version().await {
                Ok(negotiated) => negotiated,
                Err(_) => docker,
            };
            question(docker).await
        })
    }

    /// Every container with this project's label, stopped ones too, by name.
    pub fn containers(&self, project: &str) -> Vec<ContainerSummary> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("com.docker.compose.project={project}")])]);
        let options = query::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let mut found = self.ask(async |docker| docker.list_containers(Some(options)).await).expect("a listing");
        found.sort_by_key(name_of);
        found
    }

    /// Names of the running ones.
    pub fn running(&self, project: &str) -> Vec<String> {
        let up = |c: &&ContainerSummary| c.state.as_ref().is_some_and(|s| s.as_ref() == "running");
        self.containers(project).iter().filter(up).map(name_of).collect()
    }

    /// Ids by container name.
    pub fn ids(&self, project: &str) -> HashMap<String, String> {
        self.containers(project).iter().map(|c| (name_of(c), c.id.clone().unwrap_or_default())).collect()
    }

    pub fn inspect(&self, name: &str) -> ContainerInspectResponse {
        self.ask(async |docker| docker.inspect_container(name, None).await).expect("the container is there")
    }

    /// Where it keeps on its own disk what a container has mounted there.
    pub fn disk(&self, container: &str, target: &str) -> PathBuf {
        let mounts = self.inspect(container).mounts.unwrap_or_default();
        let mount = mounts.into_iter().find(|mount| mount.destination.as_deref() == Some(target)).expect("a mount");
        PathBuf::from(mount.source.expect("a place on the disk"))
    }

    /// As [`Self::inspect`], of one that may be gone.
    pub fn look(&self, id: &str) -> Option<ContainerInspectResponse> {
        self.ask(async |docker| docker.inspect_container(id, None).await).ok()
    }

    /// Removes a container, running or not.
    pub fn remove(&self, name: &str) {
        let options = query::RemoveContainerOptions { force: true, ..Default::default() };
        self.ask(async |docker| docker.remove_container(name, Some(options)).await).expect("the container is there");
    }

    pub fn volumes(&self, project: &str) -> Vec<String> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("com.docker.compose.project={project}")])]);
        let options = query::ListVolumesOptions { filters: Some(filters) };
        let found = self.ask(async |docker| docker.list_volumes(Some(options)).await).expect("a listing");
        let mut names: Vec<String> = found.volumes.unwrap_or_default().into_iter().map(|v| v.name).collect();
        names.sort();
        names
    }

    pub fn networks(&self, project: &str) -> Vec<String> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("com.docker.compose.project={project}")])]);
        let options = query::ListNetworksOptions { filters: Some(filters) };
        let found = self.ask(async |docker| docker.list_networks(Some(options)).await).expect("a listing");
        let mut names: Vec<String> = found.into_iter().filter_map(|n| n.name).collect();
        names.sort();
        names
    }

    /// Runs a command inside and returns what it printed.
    pub fn exec(&self, container: &str, command: &[&str]) -> String {
        use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|s| (*s).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        self.ask(async |docker| {
            let exec = docker.create_exec(container, options).await.expect("an exec");
            let started = docker.start_exec(&exec.id, None::<StartExecOptions>).await.expect("a started exec");
            let mut text = String::new();
            if let StartExecResults::Attached { mut output, .. } = started {
                while let Some(Ok(chunk)) = output.next().await {
                    text.push_str(&chunk.to_string());
                }
            }
            text
        })
    }

    fn import_image(&self) {
        let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(busybox.len() as u64);
        archive.append_data(&mut header, "bin/busybox", busybox.as_slice()).expect("a file in the archive");
        for name in
            ["sh", "sleep", "cat", "echo", "nc", "httpd", "wget", "id", "touch", "ls", "env", "true", "false", "mkdir"]
        {
            let mut link = tar::Header::new_gnu();
            link.set_entry_type(tar::EntryType::Symlink);
            link.set_size(0);
            archive.append_link(&mut link, format!("bin/{name}"), "busybox").expect("a link in the archive");
        }
        for folder in ["tmp/", "data/", "run/", "proc/", "sys/", "dev/", "etc/"] {
            let mut entry = tar::Header::new_gnu();
            entry.set_entry_type(tar::EntryType::Directory);
            entry.set_mode(0o1777);
            entry.set_size(0);
            archive.append_data(&mut entry, folder, std::io::empty()).expect("a folder in the archive");
        }
        self.import(IMAGE, archive);
    }

    /// An image whose only file is `/program`: this C source, compiled.
    pub fn import_program(&self, image: &str, source: &Path) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join("program");
        let compiled = Command::new("cc").args(["-static", "-Os", "-o"]).arg(&program).arg(source).status();
        assert!(compiled.expect("cc is installed").success(), "{} does not compile", source.display());
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_path_with_name(&program, "program").expect("a file in the archive");
        self.import(image, archive);
    }

    fn import(&self, image: &str, archive: tar::Builder<Vec<u8>>) {
        let body = archive.into_inner().expect("an archive");
        let (repo, tag) = image.split_once(':').expect("a tag");
        self.ask(async |docker| {
            let options = query::CreateImageOptions {
                from_src: Some("-".to_owned()),
                repo: Some(repo.to_owned()),
                tag: Some(tag.to_owned()),
                ..Default::default()
            };
            let mut import = docker.create_image(Some(options), Some(bollard::body_full(body.into())), None);
            let mut id = String::new();
            while let Some(step) = import.next().await {
                let status = step.expect("the import succeeds").status.unwrap_or_default();
                status.trim().clone_into(&mut id);
            }
            // Podman takes no name with an import
            if docker.inspect_image(image).await.is_err() {
                let name = query::TagImageOptions { repo: Some(repo.to_owned()), tag: Some(tag.to_owned()) };
                docker.tag_image(id.trim_start_matches("sha256:"), Some(name)).await.expect("a tag");
            }
        });
    }

    /// Removes what a project left, whatever state it is in.
    pub fn clean(&self, project: &str) {
        let containers: Vec<String> = self.containers(project).into_iter().filter_map(|c| c.id).collect();
        let (networks, volumes) = (self.networks(project), self.volumes(project));
        self.ask(async |docker| {
            for id in containers {
                let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
                let _ = docker.remove_container(&id, Some(options)).await;
            }
            for name in networks {
                let _ = docker.remove_network(&name).await;
            }
            for name in volumes {
                let _ = docker.remove_volume(&name, None::<query::RemoveVolumeOptions>).await;
            }
        });
    }

    /// Removes every container of a private engine.
    fn remove_everything(&self) {
        self.ask(async |docker| {
            let options = query::ListContainersOptions { all: true, ..Default::default() };
            for container in docker.list_containers(Some(options)).await.unwrap_or_default() {
                let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
                let _ = docker.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
            }
        });
    }
}

/// A listed container's name without the slash.
pub fn name_of(container: &ContainerSummary) -> String {
    let first = container.names.as_ref().and_then(|n| n.first());
    first.map(|n| n.trim_start_matches('/').to_owned()).unwrap_or_default()
}
