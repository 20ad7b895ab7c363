//! One look at everything that `doctor` judges. Nothing here judges.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::bootstrap::daemon_log;
use super::daemon::PROXY_FILE;
use super::facts::Facts;
use super::situation::{Program, Situation, process_named, survey};
use crate::base::authorities::{self, Authorities};
use crate::base::process::Call;
use crate::driver::address::EngineAddress;
use crate::driver::locate::{LocateError, Surroundings};
use crate::model::container::PortBinding;
use crate::state::port::{Owner, owner_of, probe::is_taken};

/// Ports that projects commonly publish.
const COMMON_PORTS: &[u16] = &[80, 443, 3000, 3306, 5000, 5173, 5432, 6379, 8000, 8080, 8443, 9000];
/// The registry that images come from unless they name another.
const REGISTRY: &str = "registry-1.docker.io";
/// How long one look outside may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What programs could still get.
    pub available: u64,
}

/// Bytes of the disk that the engine's data is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder that was asked about.
    pub path: PathBuf,
    /// All of it.
    pub total: u64,
    /// What is free.
    pub free: u64,
}

/// Hardware virtualisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kvm {
    /// `/dev/kvm` is not there.
    Absent,
    /// It is there, but not for this user.
    Forbidden,
    /// It is there. Whether it works only a machine shows.
    Present,
}

/// The outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Whether the registry's name is resolved; else why not.
    pub names: Result<(), String>,
    /// Whether the registry answers; else why not.
    pub registry: Result<(), String>,
}

/// The host's own certificate authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Files they lie in.
    pub files: Vec<PathBuf>,
    /// How many of them the system's bundle lacks.
    pub missing: usize,
    /// The bundle is younger than the daemon: what the daemon trusts is what stood there when it first looked.
    pub daemon_is_older: bool,
    /// Registries with certificates of their own for the engine (`/etc/docker/certs.d`).
    pub registries: Vec<String>,
}

/// Everything that `doctor` judges.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The machine and the user.
    pub facts: Facts,
    /// The engine.
    pub engine: Result<Situation, LocateError>,
    /// Logs of daemons that devup started on this machine.
    pub logs: Vec<PathBuf>,
    /// Version of git.
    pub git: Option<String>,
    /// Memory, where the system tells.
    pub memory: Option<Memory>,
    /// Disk, where the system tells.
    pub disk: Option<Disk>,
    /// Whether a program may listen on loopback; else why not.
    pub loopback: Result<(), String>,
    /// Common ports that are taken, with what is known of the owner.
    pub taken: Vec<(u16, String)>,
    /// The outside.
    pub network: Network,
    /// Certificate authorities.
    pub trust: Trust,
    /// A dockerd runs on this machine, which could be restarted.
    pub dockerd: bool,
    /// Files that give the daemon a proxy.
    pub daemon_proxy_files: Vec<PathBuf>,
    /// Virtualisation.
    pub kvm: Kvm,
}

impl Snapshot {
    /// Looks. `logs` is devup's folder of logs.
    pub async fn take(around: &dyn Surroundings, logs: &Path) -> Self {
        let facts = Facts::gather().await;
        let (engine, network, git) = tokio::join!(survey(around, &facts, PATIENCE), network(&facts), git(&facts));
        let own_logs = [Program::Docker, Program::Podman].map(|program| daemon_log(logs, program));
        Self {
            disk: disk(&data_folder(engine.as_ref().ok())),
            engine,
            network,
            git,
            logs: own_logs.into_iter().filter(|path| path.exists()).collect(),
            memory: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
            loopback: TcpListener::bind(("127.0.0.1", 0)).map(drop).map_err(|error| error.to_string()),
            taken: taken_ports(),
            trust: trust(),
            dockerd: process_named("dockerd").is_some(),
            daemon_proxy_files: daemon_proxy_files(Path::new("/")),
            kvm: kvm(),
            facts,
        }
    }
}

async fn git(facts: &Facts) -> Option<String> {
    let ended = Call::new(facts.programs.get("git")?).arg("--version").deadline(PATIENCE).run().await.ok()?;
    Some(ended.checked().ok()?.text().trim_start_matches("git version ").to_owned())
}

async fn network(facts: &Facts) -> Network {
    let resolve = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((REGISTRY, 443)));
    let (names, registry) = tokio::join!(resolve, registry(facts));
    let names = match names {
        Ok(found) => found.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Network { names, registry }
}

/// By curl, where it is there: it goes through the user's proxy and verifies certificates. Else a mere connection.
async fn registry(facts: &Facts) -> Result<(), String> {
    if let Some(curl) = facts.programs.get("curl") {
        let seconds = PATIENCE.as_secs().to_string();
        let url = format!("https://{REGISTRY}/v2/");
        let call = Call::new(curl).args(["-sS", "-o", "/dev/null", "--max-time", &seconds, &url]);
        let ended = call.deadline(PATIENCE * 2).run().await.map_err(|error| error.to_string())?;
        // without -f every HTTP status is a success: the registry wants a login, and that is an answer
        return if ended.success() { Ok(()) } else { Err(ended.error_text()) };
    }
    match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect((REGISTRY, 443))).await {
        Ok(connected) => connected.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// The folder of the engine's data, where it is a folder of this machine; else the root.
fn data_folder(engine: Option<&Situation>) -> PathBuf {
    match engine {
        Some(Situation::Fit(candidate, answer)) if matches!(candidate.address, EngineAddress::Unix(_)) => {
            answer.data.as_ref().map(PathBuf::from).filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("/"))
        }
        _ => PathBuf::from(if Path::new("/var/lib").exists() { "/var/lib" } else { "/" }),
    }
}

fn disk(path: &Path) -> Option<Disk> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(path).ok()?;
        let size = stat.f_frsize.max(1);
        Some(Disk { path: path.to_owned(), total: stat.f_blocks * size, free: stat.f_bavail * size })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// `proc(5)`, meminfo: lines of `Name:   N kB`.
fn memory(meminfo: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { total: field("MemTotal")?, available: field("MemAvailable")? })
}

fn taken_ports() -> Vec<(u16, String)> {
    let binding = |port| PortBinding {
        host_ip: "127.0.0.1".to_owned(),
        published: port,
        target: port,
        protocol: "tcp".to_owned(),
    };
    let taken = COMMON_PORTS.iter().map(|port| binding(*port)).filter(is_taken);
    taken.map(|binding| (binding.published, owner_text(&owner_of(&binding)))).collect()
}

fn owner_text(owner: &Owner) -> String {
    match owner {
        Owner::Program { pid: Some(pid), name } => {
            format!("{} (process {pid})", name.as_deref().unwrap_or("a program"))
        }
        _ => "a program of another user".to_owned(),
    }
}

fn trust() -> Trust {
    let root = Path::new("/");
    let files = authorities::anchor_files(root);
    let own = Authorities::of_machine(root, None);
    let bundle = authorities::system_bundle(root).map(|text| Authorities::from_pem(&text)).unwrap_or_default();
    let changed = authorities::bundle_file(root).and_then(|path| fs::metadata(path).ok()?.modified().ok());
    let started = process_named("dockerd").and_then(started);
    Trust {
        missing: own.missing_from(&bundle),
        files: if own.is_empty() { Vec::new() } else { files },
        daemon_is_older: matches!((changed, started), (Some(changed), Some(started)) if changed > started),
        registries: names_in(Path::new("/etc/docker/certs.d")),
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// When a process started: field 22 of `/proc/PID/stat` counts from the boot, whose time `/proc/stat` has.
fn started(pid: u32) -> Option<SystemTime> {
    /// What user space sees on every architecture that Docker runs on.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks: u64 = stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot: u64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(boot + ticks / TICKS_PER_SECOND))
}

/// systemd drop-ins, the service script's defaults, and the daemon's configuration, where they set a proxy.
fn daemon_proxy_files(root: &Path) -> Vec<PathBuf> {
    let drop_ins = root.join("etc/systemd/system/docker.service.d");
    let mut files: Vec<PathBuf> = names_in(&drop_ins).into_iter().map(|name| drop_ins.join(name)).collect();
    files.extend(["etc/default/docker", "etc/sysconfig/docker", "etc/docker/daemon.json"].map(|path| root.join(path)));
    files.retain(|path| sets_proxy(&fs::read_to_string(path).unwrap_or_default()));
    // devup's own is for root's eyes
    files.extend([root.join(PROXY_FILE.trim_start_matches('/'))].into_iter().filter(|path| path.exists()));
    files
}

fn sets_proxy(text: &str) -> bool {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .any(|line| line.to_ascii_lowercase().contains("_proxy=") || line.contains("\"proxies\""))
}

fn kvm() -> Kvm {
    let device = Path::new("/dev/kvm");
    if !device.exists() {
        return Kvm::Absent;
    }
    match fs::OpenOptions::new().read(true).write(true).open(device) {
        Ok(_) => Kvm::Present,
        Err(_) => Kvm::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       2048 kB\nMemFree:  1 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(memory(text), Some(Memory { total: 2 << 20, available: 1 << 20 }));
        assert_eq!(memory(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_started_before_now_and_after_the_boot() {
        let own = started(std::process::id()).unwrap();
        assert!(own <= SystemTime::now() && own > started(1).unwrap() - Duration::from_secs(1));
    }

    #[test]
    fn files_that_give_the_daemon_a_proxy() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let drop_in =
            put("etc/systemd/system/docker.service.d/proxy.conf", "[Service]\nEnvironment=\"HTTPS_PROXY=http://p\"");
        put("etc/default/docker", "# export http_proxy=\"http://127.0.0.1:3128/\"\n");
        let daemon = put("etc/docker/daemon.json", "{\"proxies\":{\"https-proxy\":\"http://p\"}}");
        assert_eq!(daemon_proxy_files(root.path()), [drop_in, daemon]);
    }
}
