//! A bare machine inside this one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A user of the machine: name, id, home.
pub type User = (&'static str, u32, &'static str);
/// The administrator.
pub const ROOT: User = ("root", 0, "/root");
/// May use sudo without a password.
pub const ADA: User = ("ada", 1000, "/home/ada");
/// Has no sudo.
pub const BOB: User = ("bob", 1001, "/home/bob");

/// Raise it when the base changes: it is part of the cache's name.
const BASE_VERSION: u32 = 1;

/// The machine as it comes: users, and a daemon that keeps away from the outer machine's bridges and firewall.
const FURNISH: &str = r#"
set -eu
useradd --create-home --uid 1000 --shell /bin/sh ada
useradd --create-home --uid 1001 --shell /bin/sh bob
echo 'ada ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ada
mkdir -p /etc/docker
printf '{ "bridge": "devup-test0", "iptables": false, "ip6tables": false, "ip-forward": false, "storage-driver": "vfs" }' \
    > /etc/docker/daemon.json
"#;

/// Mounts the machine at `$1/root`, then holds its namespaces until its input ends. As process 1 it reaps orphans.
const HOLD: &str = r#"
set -eu
mount --make-rprivate /
mkdir -p "$1/upper" "$1/work" "$1/root" "$1/docker"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root" || cp -a "$2/." "$1/root/"
cd "$1/root"
mkdir -p var/lib/docker
mount --bind "$1/docker" var/lib/docker
mount --bind "$3" var/cache/apt/archives
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
cp /etc/resolv.conf /etc/hosts etc/
cp "$4" usr/local/bin/devup
chmod 755 usr/local/bin/devup
echo ready
while read -r _; do :; done
"#;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The answer as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A machine; it goes with everything in it when it is dropped.
pub struct Machine {
    folder: tempfile::TempDir,
    holder: Child,
    /// Process 1 of the machine, as this machine numbers it.
    first: u32,
}

impl Machine {
    /// A fresh machine; `None` (said aloud) where this machine cannot hold one.
    pub fn bare(name: &str) -> Option<Self> {
        static BASE: OnceLock<Option<PathBuf>> = OnceLock::new();
        let base = BASE.get_or_init(base).clone()?;
        let folder = tempfile::Builder::new().prefix(&format!("devup-bare-{name}-")).tempdir().unwrap();
        let archives = scratch().join("apt-archives");
        fs::create_dir_all(archives.join("partial")).unwrap();
        a_bridge_of_its_own();
        let mut holder = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", HOLD, "hold"])
            .args([folder.path(), &base, &archives, Path::new(env!("CARGO_BIN_EXE_devup"))])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "the machine could not be mounted");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let first = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        Some(Self { folder, holder, first })
    }

    /// Runs devup in the machine as this user, without a terminal.
    pub fn devup(&self, user: User, arguments: &[&str]) -> Ran {
        let output = self.inside(user).arg("/usr/local/bin/devup").args(arguments).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn inside(&self, (name, uid, home): User) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args([&format!("--target={}", self.first), "--mount", "--pid", "--"])
            .args(["chroot", &format!("--userspec={uid}:{uid}"), "--groups="])
            .arg(self.folder.path().join("root"))
            .args(["/usr/bin/env", "-i", "-C", home])
            .args([&format!("HOME={home}"), &format!("USER={name}"), "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"]);
        // the outer machine's way to the packages
        for proxy in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Ok(value) = std::env::var(proxy) {
                command.arg(format!("{proxy}={value}"));
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// A path of the machine, seen from here. Links in it are not followed into this machine, for they are not used.
    fn path(&self, path: &str) -> PathBuf {
        let root = format!("/proc/{}/root{}/root{path}", self.first, self.folder.path().display());
        PathBuf::from(root)
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// The engine's version, asked at its socket without devup.
    pub fn engine_version(&self) -> Option<String> {
        // a socket's path is short, so it is reached through its folder
        let run = fs::File::open(self.path("/run")).ok()?;
        let short = format!("/proc/self/fd/{}/docker.sock", std::os::fd::AsRawFd::as_raw_fd(&run));
        let mut stream = UnixStream::connect(short).ok()?;
        stream.write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1.trim()).ok()?;
        Some(body["Version"].as_str()?.to_owned())
    }

    /// Whether this user may connect to the socket, by the kernel's own judgement of modes and lists.
    pub fn may_connect(&self, user: User) -> bool {
        let script = "test -r /run/docker.sock && test -w /run/docker.sock";
        self.inside(user).args(["sh", "-c", script]).status().unwrap().success()
    }

    /// Kills the engine as a crash would, and waits until it is gone.
    pub fn kill_engine(&self) {
        let script = "for p in /proc/[0-9]*; do read -r n < $p/comm || continue; \
                      case $n in dockerd|containerd) kill -9 ${p#/proc/};; esac; done 2>/dev/null; true";
        assert!(self.inside(ROOT).args(["sh", "-c", script]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.engine_version().is_some() {
            assert!(Instant::now() < deadline, "the engine survives a kill");
            std::thread::yield_now();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // process 1 ends with its input, and takes all others along
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Where what is expensive to make is kept between runs.
fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bare-machine")
}

/// The bare Debian, made on first use.
fn base() -> Option<PathBuf> {
    let skip = |reason: &str| {
        eprintln!("SKIPPED: bare machines need {reason}");
        None
    };
    if !rustix::process::getuid().is_root() {
        return skip("root");
    }
    if Command::new("mmdebstrap").arg("--version").stdout(Stdio::null()).status().is_err() {
        let required = std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some();
        assert!(!required, "mmdebstrap is required (DEVUP_REQUIRE_ENGINES): run scripts/test-machine");
        return skip("mmdebstrap");
    }
    let folder = scratch();
    let done = folder.join(format!("debian-12-v{BASE_VERSION}"));
    if done.exists() {
        return Some(done);
    }
    fs::create_dir_all(&folder).unwrap();
    let draft = tempfile::Builder::new().prefix("draft-").tempdir_in(&folder).unwrap().keep();
    let mut make = Command::new("mmdebstrap");
    make.args(["--quiet", "--variant=minbase", "--include=ca-certificates,sudo,sysvinit-utils"]);
    make.arg(format!("--customize-hook=chroot \"$1\" sh -c '{}'", FURNISH.replace('\'', "'\\''")));
    make.arg("bookworm").arg(&draft);
    // where this machine gets its packages from, the bare one does too
    let sources = Path::new("/etc/apt/sources.list.d/debian.sources");
    if sources.exists() {
        make.arg(sources);
    }
    assert!(make.status().unwrap().success(), "mmdebstrap makes a bare Debian");
    // another process may have been faster
    fs::rename(&draft, &done).or_else(|error| if done.exists() { Ok(()) } else { Err(error) }).unwrap();
    Some(done)
}

/// A daemon without any bridge removes `docker0`, which may be another daemon's: so it gets one that is nobody's.
fn a_bridge_of_its_own() {
    for words in
        ["link add devup-test0 type bridge", "addr add 10.231.7.1/24 dev devup-test0", "link set devup-test0 up"]
    {
        // it may be there from another test: that is no failure
        let _ = Command::new("ip").args(words.split(' ')).stderr(std::process::Stdio::null()).status();
    }
}
