//! devup, Docker Compose and the bare engine calls side by side: same spec, one run, alternating, medians.
//!
//! Each timed run's exit code and the engine's state after it are checked, so that failing fast wins nothing.
//! Wants a running Docker engine, and Docker Compose in `DOCKER_COMPOSE`. See docs/benchmarks.md.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, NetworkCreateRequest};
use bollard::query_parameters as query;
use futures_util::future::join_all;

mod image;

const IMAGE: &str = "devup-bench/busybox:1";

/// One way to reach the same state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tool {
    Devup,
    Compose,
    Bare,
}

struct Bench {
    docker: Docker,
    runtime: tokio::runtime::Runtime,
    compose: PathBuf,
    folder: tempfile::TempDir,
    rounds: usize,
    peak: HashMap<&'static str, u64>,
}

/// One measured row: what, how many services, medians by tool.
struct Row {
    what: &'static str,
    services: usize,
    medians: Vec<(Tool, Duration)>,
    limit: Vec<(Tool, f64)>,
}

fn main() {
    // `cargo test --benches` and `cargo nextest` call every bench: there is nothing to test here
    if std::env::args().any(|a| a == "--test" || a == "--list") || !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let compose = std::env::var_os("DOCKER_COMPOSE").map(PathBuf::from).filter(|p| p.exists());
    let Some(compose) = compose else {
        eprintln!("set DOCKER_COMPOSE to the docker-compose program to compare with (docs/benchmarks.md)");
        std::process::exit(2);
    };
    let rounds = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(11);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let docker = {
        let _inside = runtime.enter();
        Docker::connect_with_local_defaults().expect("a Docker socket")
    };
    let docker = runtime.block_on(docker.negotiate_version()).expect("a running Docker engine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut bench = Bench { docker, runtime, compose, folder, rounds, peak: HashMap::new() };
    bench.make_image();
    let mut rows = Vec::new();
    for services in [3, 30] {
        rows.extend(bench.no_op(services));
    }
    for services in [3, 10, 30] {
        rows.extend(bench.cold(services));
    }
    bench.report(&rows);
}

impl Bench {
    /// A one-file image: nothing to pull, nothing to unpack.
    fn make_image(&self) {
        let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
        let mut archive = tar::Builder::new(Vec::new());
        for name in ["bin/busybox", "bin/sh", "bin/sleep"] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            if name == "bin/busybox" {
                header.set_size(busybox.len() as u64);
                archive.append_data(&mut header, name, busybox.as_slice()).expect("a file in the archive");
            } else {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, name, "busybox").expect("a link in the archive");
            }
        }
        let body = archive.into_inner().expect("an archive");
        self.runtime.block_on(image::import(&self.docker, IMAGE, body));
    }

    fn spec(&self, services: usize) -> PathBuf {
        let folder = self.folder.path().join(project(services));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut text = String::from("services:\n");
        for number in 0..services {
            text.push_str(&format!(
                "  s{number}:\n    image: {IMAGE}\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    pull_policy: never\n"
            ));
        }
        std::fs::write(folder.join("compose.yaml"), text).expect("a spec");
        folder
    }

    /// Runs a program under GNU time, checks its exit code, keeps its peak memory, returns its wall time.
    fn run(&mut self, tool: Tool, folder: &Path, arguments: &[&str]) -> Duration {
        let (name, program) = match tool {
            Tool::Devup => ("devup", PathBuf::from(env!("CARGO_BIN_EXE_devup"))),
            Tool::Compose => ("docker-compose", self.compose.clone()),
            Tool::Bare => unreachable!("the bare calls are no program"),
        };
        let memory = self.folder.path().join("memory");
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M", "-o"]).arg(&memory).arg(&program).args(arguments).current_dir(folder);
        command.env("XDG_STATE_HOME", self.folder.path().join("state")).stdin(Stdio::null());
        let began = Instant::now();
        let output = command.output().expect("GNU time is installed (Debian: time)");
        let took = began.elapsed();
        assert!(
            output.status.success(),
            "{name} {arguments:?} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let kib: u64 = std::fs::read_to_string(&memory).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        let peak = self.peak.entry(name).or_default();
        *peak = (*peak).max(kib);
        took
    }

    /// Checks through the engine that exactly so many containers of the project run.
    fn expect_running(&self, project: &str, count: usize) {
        let label = format!("com.docker.compose.project={project}");
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = query::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let found = self.runtime.block_on(self.docker.list_containers(Some(options))).expect("a listing");
        let running = found.iter().filter(|c| c.state.as_ref().is_some_and(|s| s.as_ref() == "running")).count();
        assert_eq!((found.len(), running), (count, count), "containers of {project}");
    }

    /// Each tool finds what it made itself: a take-over is no no-op. So each has a project of its own, and they take turns.
    fn no_op(&mut self, services: usize) -> Vec<Row> {
        let folder = self.spec(services);
        let run = std::process::id();
        let tools =
            [(Tool::Devup, format!("bench{services}d{run}")), (Tool::Compose, format!("bench{services}c{run}"))];
        for (tool, project) in &tools {
            self.run(*tool, &folder, &["-p", project, "up", "-d"]);
        }
        let mut rows = Vec::new();
        for (what, arguments) in [("no-op up", &["up", "-d"][..]), ("ps", &["ps"][..])] {
            let mut times = [Vec::new(), Vec::new()];
            for round in 0..=self.rounds {
                for (times, (tool, project)) in times.iter_mut().zip(&tools) {
                    let took = self.run(*tool, &folder, &[&["-p", project], arguments].concat());
                    self.expect_running(project, services);
                    // the first one warms the caches of the machine
                    if round > 0 {
                        times.push(took);
                    }
                }
            }
            rows.push(Row {
                what,
                services,
                medians: tools.iter().zip(&times).map(|((tool, _), times)| (*tool, median(times))).collect(),
                limit: vec![(Tool::Compose, 0.5)],
            });
        }
        for (tool, project) in &tools {
            self.run(*tool, &folder, &["-p", project, "down"]);
            self.expect_running(project, 0);
        }
        rows
    }

    fn cold(&mut self, services: usize) -> Vec<Row> {
        let folder = self.spec(services);
        let project = project(services);
        let mut up: HashMap<&str, Vec<Duration>> = HashMap::new();
        let mut down: HashMap<&str, Vec<Duration>> = HashMap::new();
        for round in 0..self.rounds {
            let mut order = [Tool::Devup, Tool::Compose, Tool::Bare];
            order.rotate_left(round % 3);
            for tool in order {
                let (key, upped, downed) = match tool {
                    Tool::Bare => {
                        let upped = self.bare_up(&project, services);
                        self.expect_running(&project, services);
                        ("bare", upped, self.bare_down(&project))
                    }
                    _ => {
                        let upped = self.run(tool, &folder, &["up", "-d"]);
                        self.expect_running(&project, services);
                        let key = if tool == Tool::Devup { "devup" } else { "compose" };
                        (key, upped, self.run(tool, &folder, &["down"]))
                    }
                };
                self.expect_running(&project, 0);
                up.entry(key).or_default().push(upped);
                down.entry(key).or_default().push(downed);
            }
        }
        let row = |what, times: &HashMap<&str, Vec<Duration>>, limit| Row {
            what,
            services,
            medians: vec![
                (Tool::Devup, median(&times["devup"])),
                (Tool::Compose, median(&times["compose"])),
                (Tool::Bare, median(&times["bare"])),
            ],
            limit,
        };
        vec![
            row("cold up", &up, vec![(Tool::Compose, 1.0), (Tool::Bare, 1.15)]),
            row("down", &down, vec![(Tool::Compose, 1.0)]),
        ]
    }

    /// The calls that the plan needs, and no others: a network, then create and start of each container, side by side.
    fn bare_up(&self, project: &str, services: usize) -> Duration {
        let labels = HashMap::from([("com.docker.compose.project".to_owned(), project.to_owned())]);
        let began = Instant::now();
        self.runtime.block_on(async {
            let network = format!("{project}_default");
            let request =
                NetworkCreateRequest { name: network.clone(), labels: Some(labels.clone()), ..Default::default() };
            self.docker.create_network(request).await.expect("a network");
            join_all((0..services).map(|number| {
                let body = ContainerCreateBody {
                    image: Some(IMAGE.to_owned()),
                    cmd: Some(vec!["sleep".to_owned(), "infinity".to_owned()]),
                    stop_signal: Some("SIGKILL".to_owned()),
                    labels: Some(labels.clone()),
                    host_config: Some(HostConfig { network_mode: Some(network.clone()), ..Default::default() }),
                    ..Default::default()
                };
                let options = query::CreateContainerOptions {
                    name: Some(format!("{project}-s{number}-1")),
                    ..Default::default()
                };
                async move {
                    let made = self.docker.create_container(Some(options), body).await.expect("a container");
                    let none = None::<query::StartContainerOptions>;
                    self.docker.start_container(&made.id, none).await.expect("a running container");
                }
            }))
            .await;
        });
        began.elapsed()
    }

    fn bare_down(&self, project: &str) -> Duration {
        let began = Instant::now();
        self.runtime.block_on(async {
            let label = format!("com.docker.compose.project={project}");
            let filters = HashMap::from([("label".to_owned(), vec![label])]);
            let options = query::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
            let found = self.docker.list_containers(Some(options)).await.expect("a listing");
            join_all(found.into_iter().filter_map(|c| c.id).map(|id| async move {
                let options = query::RemoveContainerOptions { force: true, ..Default::default() };
                self.docker.remove_container(&id, Some(options)).await.expect("a removal");
            }))
            .await;
            self.docker.remove_network(&format!("{project}_default")).await.expect("a removal");
        });
        began.elapsed()
    }

    fn report(&self, rows: &[Row]) {
        println!("medians of {} rounds, milliseconds; ratio = devup / other", self.rounds);
        println!("{:<10} {:>8} {:>9} {:>9} {:>9}  verdict", "what", "services", "devup", "compose", "bare");
        let mut missed = 0;
        for row in rows {
            let of = |tool| row.medians.iter().find(|(t, _)| *t == tool).map(|(_, d)| d.as_secs_f64() * 1000.0);
            let show = |tool| of(tool).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
            let devup = of(Tool::Devup).unwrap_or(f64::NAN);
            let verdicts: Vec<String> = row
                .limit
                .iter()
                .map(|(tool, limit)| {
                    let ratio = devup / of(*tool).unwrap_or(f64::NAN);
                    let good = ratio <= *limit;
                    missed += usize::from(!good);
                    format!("{ratio:.2} of {tool:?} (limit {limit:.2}: {})", if good { "met" } else { "MISSED" })
                })
                .collect();
            println!(
                "{:<10} {:>8} {:>9} {:>9} {:>9}  {}",
                row.what,
                row.services,
                show(Tool::Devup),
                show(Tool::Compose),
                show(Tool::Bare),
                verdicts.join(", ")
            );
        }
        for (name, kib) in &self.peak {
            #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
            let mib = *kib as f64 / 1024.0;
            println!("peak memory of {name}: {mib:.1} MiB");
        }
        println!("limits missed: {missed}");
    }
}

/// A name that no earlier run has used: what a broken one left behind counts for nothing.
fn project(services: usize) -> String {
    format!("bench{services}-{}", std::process::id())
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}
