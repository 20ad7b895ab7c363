//! devup and the reference program of dev containers (`@devcontainers/cli`) side by side: same `devcontainer.json`, one
//! run, alternating, medians.
//!
//! Each timed run's exit code, the commands that ran inside and the container that runs are checked. Wants a running Docker
//! engine, the docker command line (the reference program calls it), and the reference program in `DEVCONTAINER`; without
//! it, says so and measures nothing. See docs/benchmarks.md.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters as query;

mod image;

const IMAGE: &str = "devup-bench/workplace:1";

const CONFIGURATION: &str = r#"{
  "image": "IMAGE",
  "onCreateCommand": "echo create >>ran",
  "updateContentCommand": ["sh", "-c", "echo update >>ran"],
  "postCreateCommand": { "a": "echo post >>ran", "b": "echo post >>ran" },
  "postStartCommand": "echo start >>ran",
  "postAttachCommand": "echo attach >>ran"
}"#;

/// What has run inside once the container is up.
const RAN: [&str; 6] = ["create", "update", "post", "post", "start", "attach"];

/// Label by which both programs find a folder's container again.
const LABEL: &str = "devcontainer.local_folder";

#[derive(Clone, Copy)]
enum Tool {
    Devup,
    Reference,
}

struct Bench {
    docker: Docker,
    runtime: tokio::runtime::Runtime,
    reference: PathBuf,
    folder: tempfile::TempDir,
    rounds: usize,
}

fn main() {
    // `cargo test --benches` and `cargo nextest` call every bench: there is nothing to test here
    if std::env::args().any(|a| a == "--test" || a == "--list") || !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let Some(reference) = std::env::var_os("DEVCONTAINER").map(PathBuf::from).filter(|path| path.exists()) else {
        println!("dev containers: not measured; DEVCONTAINER names the `devcontainer` program to compare with");
        return;
    };
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(11);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let docker = {
        let _inside = runtime.enter();
        Docker::connect_with_local_defaults().expect("a Docker socket")
    };
    let docker = runtime.block_on(docker.negotiate_version()).expect("a running Docker engine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bench = Bench { docker, runtime, reference, folder, rounds };
    bench.make_image();
    bench.measure();
}

impl Bench {
    /// A small system: all of busybox and what says who is who.
    fn make_image(&self) {
        let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
        let list = Command::new("/bin/busybox").arg("--list").output().expect("busybox runs").stdout;
        let mut archive = tar::Builder::new(Vec::new());
        let header = |kind, mode, size: usize| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(size as u64);
            header
        };
        for (name, mode) in [("tmp", 0o1777), ("root", 0o700), ("etc", 0o755), ("bin", 0o755)] {
            let mut header = header(tar::EntryType::Directory, mode, 0);
            archive.append_data(&mut header, name, std::io::empty()).expect("a folder in the archive");
        }
        let passwd: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n";
        for (name, bytes) in [
            ("bin/busybox", busybox.as_slice()),
            ("etc/passwd", passwd),
            ("etc/group", b"root:x:0:\n".as_slice()),
            ("etc/os-release", b"ID=busybox\nVERSION_ID=1\n".as_slice()),
        ] {
            let mut header = header(tar::EntryType::Regular, 0o755, bytes.len());
            archive.append_data(&mut header, name, bytes).expect("a file in the archive");
        }
        for name in String::from_utf8_lossy(&list).lines().filter(|name| *name != "busybox") {
            let mut header = header(tar::EntryType::Symlink, 0o777, 0);
            archive.append_link(&mut header, format!("bin/{name}"), "busybox").expect("a link in the archive");
        }
        let body = archive.into_inner().expect("an archive");
        self.runtime.block_on(image::import(&self.docker, IMAGE, body));
    }

    /// A folder for each program: neither meets the other's container.
    fn shop(&self, tool: Tool) -> PathBuf {
        let name = match tool {
            Tool::Devup => "bench-devup",
            Tool::Reference => "bench-reference",
        };
        let folder = self.folder.path().join(format!("{name}{}", std::process::id()));
        std::fs::create_dir_all(folder.join(".devcontainer")).expect("a folder");
        let text = CONFIGURATION.replace("IMAGE", IMAGE);
        std::fs::write(folder.join(".devcontainer/devcontainer.json"), text).expect("a configuration");
        folder.canonicalize().expect("a folder")
    }

    fn measure(&self) {
        let tools = [Tool::Devup, Tool::Reference].map(|tool| (tool, self.shop(tool)));
        let mut cold = [Vec::new(), Vec::new()];
        let mut again = [Vec::new(), Vec::new()];
        for round in 0..=self.rounds {
            let mut order = [0, 1];
            order.rotate_left(round % 2);
            for index in order {
                let (tool, folder) = &tools[index];
                let _ = std::fs::remove_file(folder.join("ran"));
                let first = self.up(*tool, folder);
                let id = self.container(folder).expect("a container that runs");
                assert_eq!(ran(folder)[..], RAN, "in {}", folder.display());
                let second = self.up(*tool, folder);
                assert_eq!(self.container(folder).as_ref(), Some(&id), "the same container");
                self.remove(*tool, folder, &id);
                // the first one warms the caches of the machine
                if round > 0 {
                    cold[index].push(first);
                    again[index].push(second);
                }
            }
        }
        report(self.rounds, &[("up", &cold, 1.0), ("re-up", &again, 0.3)]);
    }

    fn up(&self, tool: Tool, folder: &Path) -> Duration {
        let mut command = match tool {
            Tool::Devup => Command::new(env!("CARGO_BIN_EXE_devup")),
            Tool::Reference => Command::new(&self.reference),
        };
        command.arg("up").current_dir(folder).env("XDG_STATE_HOME", self.folder.path().join("state"));
        if matches!(tool, Tool::Reference) {
            command.arg("--workspace-folder").arg(folder);
        }
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("the program runs");
        let took = began.elapsed();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?} failed: {out}{err}");
        took
    }

    /// The one container of the folder, where it runs.
    fn container(&self, folder: &Path) -> Option<String> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}={}", folder.display())])]);
        let options = query::ListContainersOptions { filters: Some(filters), ..Default::default() };
        let found = self.runtime.block_on(self.docker.list_containers(Some(options))).expect("a listing");
        assert!(found.len() <= 1, "{} containers of {}", found.len(), folder.display());
        found.into_iter().next().and_then(|container| container.id)
    }

    /// The reference program has no way of doing that.
    fn remove(&self, tool: Tool, folder: &Path, id: &str) {
        if matches!(tool, Tool::Devup) {
            let mut down = Command::new(env!("CARGO_BIN_EXE_devup"));
            down.arg("down").current_dir(folder).env("XDG_STATE_HOME", self.folder.path().join("state"));
            assert!(down.stdin(Stdio::null()).output().expect("devup runs").status.success());
        } else {
            let options = query::RemoveContainerOptions { force: true, ..Default::default() };
            self.runtime.block_on(self.docker.remove_container(id, Some(options))).expect("a removal");
        }
        assert_eq!(self.container(folder), None);
    }
}

fn ran(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("ran")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn report(rounds: usize, rows: &[(&str, &[Vec<Duration>; 2], f64)]) {
    println!("dev containers: medians of {rounds} rounds, milliseconds; ratio = devup / reference");
    println!("{:<10} {:>9} {:>10}  verdict", "what", "devup", "reference");
    for (what, times, limit) in rows {
        let [devup, reference] = [&times[0], &times[1]].map(|times| median(times).as_secs_f64() * 1000.0);
        let ratio = devup / reference;
        let verdict = if ratio <= *limit { "met" } else { "MISSED" };
        println!("{what:<10} {devup:>9.1} {reference:>10.1}  {ratio:.2} (limit {limit:.2}: {verdict})");
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}
