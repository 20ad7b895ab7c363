//! A bare machine inside this one: a root file system, processes and a network of its own. Its engine has bridges,
//! firewall rules and storage as anywhere, and no other engine sees them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::base::{Base, archives, keep_archives, scratch};
use super::network::{Network, WayOut};

/// A user of the machine: name, id, home.
pub type User = (&'static str, u32, &'static str);
/// The administrator.
pub const ROOT: User = ("root", 0, "/root");
/// May use sudo without a password.
pub const ADA: User = ("ada", 1000, "/home/ada");
/// Has no sudo.
pub const BOB: User = ("bob", 1001, "/home/bob");

/// Mounts the machine at `$1/root` and moves into it: engines want a root that is a mount.
const HOLD: &str = r#"
set -eu
mount --make-rprivate /
cd "$1"
mkdir -p upper work root docker debs/upper debs/work
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" root
cd root
mkdir -p var/lib/docker var/cache/apt/archives outer
mount --bind "$1/docker" var/lib/docker
mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/debs/upper,workdir=$1/debs/work" var/cache/apt/archives
mkdir -p var/cache/apt/archives/partial
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  mount --rbind /sys/fs/cgroup sys/fs/cgroup
else
  # the folder of the roots is the machine's own: service scripts make more of them
  mount -t tmpfs tmpfs sys/fs/cgroup
  for root in /sys/fs/cgroup/*; do
    if [ -L "$root" ]; then cp -P "$root" sys/fs/cgroup/; continue; fi
    [ -e "$root/cgroup.procs" ] || continue
    mkdir ".$root"
    mount --bind "$root" ".$root"
  done
fi
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
cp /etc/hosts etc/
cp "$4" usr/local/bin/devup
chmod 755 usr/local/bin/devup
base=$PWD
shift 4
while [ $# -gt 0 ]; do
  mkdir -p "../layers$2/upper" "../layers$2/work" ".$2"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$base/../layers$2/upper,workdir=$base/../layers$2/work" ".$2"
  shift 2
done
ip link set lo up
pivot_root . outer
cd /
umount -l outer
rmdir outer
"#;

/// Process 1 holds the namespaces until its input ends; as it ignores the deaths of orphans, the kernel buries them.
const WAIT: &str = r#"exec perl -e '$SIG{CHLD} = "IGNORE"; $| = 1; print "ready\n"; 1 while <STDIN>'"#;

/// Moves into control groups of the machine's own: `$1` below each root. Then it becomes the rest of the words.
const JOIN: &str = r#"
set -eu
if [ -e /sys/fs/cgroup/cgroup.procs ]; then roots=/sys/fs/cgroup; else roots=/sys/fs/cgroup/*; fi
for root in $roots; do
  # the first version's roots stand in a folder with links and leavings
  [ -e "$root/cgroup.procs" ] && [ ! -L "$root" ] || continue
  mkdir -p "$root/$1"
  # without processors and memory of its own a group of the first version takes nobody in
  for share in cpus mems; do
    [ ! -e "$root/cpuset.$share" ] || cat "$root/cpuset.$share" > "$root/$1/cpuset.$share"
  done
  echo $$ > "$root/$1/cgroup.procs"
done
shift
exec "$@"
"#;

/// How systemd becomes process 1, as in a container. What would reach this machine through its devices and the kernel's
/// settings is left out.
const BOOT: &str = r"
umount -R /sys/fs/cgroup
for unit in getty.target systemd-sysctl.service systemd-modules-load.service systemd-tmpfiles-setup-dev.service; do
  ln -sf /dev/null /etc/systemd/system/$unit
done
echo ready
exec env -i container=devup PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=0 </dev/null >/dev/null 2>&1
";

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The answer as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails the test with everything that was printed unless the exit code is this.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// A machine; it goes with everything in it when it is dropped.
pub struct Machine {
    // in the order in which they have to go
    way_out: Option<WayOut>,
    holder: Child,
    folder: tempfile::TempDir,
    /// Process 1 of the machine, as this machine numbers it.
    first: i32,
    /// Its namespace of control groups, where it has one.
    groups: Option<String>,
    /// Variables of everybody's login.
    variables: Vec<(String, String)>,
}

impl Machine {
    /// A fresh machine; `None` (said aloud) where this machine cannot hold one.
    pub fn new(name: &str, base: Base, network: Network) -> Option<Self> {
        Self::with(name, base, network, &[])
    }

    /// The same with folders of this machine in it, each by its path here and there. What the machine writes there it
    /// writes into layers of its own.
    pub fn with(name: &str, base: Base, network: Network, folders: &[(&Path, &str)]) -> Option<Self> {
        let root = base.root()?;
        sweep();
        let prefix = format!("machine-{}-{name}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(scratch()).unwrap();
        // systemd keeps services in control groups and has to be their root; anybody else shares this machine's
        let systemd = base == Base::Systemd;
        let groups = systemd.then(|| folder.path().file_name().unwrap().to_string_lossy().into_owned());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(groups) = &groups {
            command.args(["sh", "-c", JOIN, "join", groups]);
        }
        command.args(["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"]);
        command.args(systemd.then_some("--cgroup")).args(["sh", "-c"]);
        let hold = [HOLD, if systemd { BOOT } else { WAIT }].concat();
        let mut holder = command
            .args([&hold, "hold"])
            .args([folder.path(), &root, &archives(), Path::new(env!("CARGO_BIN_EXE_devup"))])
            .args(folders.iter().flat_map(|(here, there)| [here.as_os_str(), OsStr::new(there)]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "the machine could not be mounted");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let first = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        let way_out = Some(network.connect(first));
        let mut machine = Self { way_out, holder, folder, first, groups, variables: Vec::new() };
        machine.write("/etc/resolv.conf", network.resolver());
        if network == Network::Open {
            // the outer machine's way to the packages
            for name in ["http_proxy", "https_proxy", "no_proxy"] {
                machine.variables.extend(std::env::var(name).ok().map(|value| (name.to_owned(), value)));
            }
        }
        Some(machine)
    }

    /// Sets a variable of everybody's login.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Runs devup in the machine as this user in their home, without a terminal.
    pub fn devup(&self, user: User, arguments: &[&str]) -> Ran {
        self.devup_in(user, user.2, arguments)
    }

    /// The same in a folder.
    pub fn devup_in(&self, user: User, folder: &str, arguments: &[&str]) -> Ran {
        let words: Vec<&str> = std::iter::once("/usr/local/bin/devup").chain(arguments.iter().copied()).collect();
        self.run(user, folder, &words)
    }

    /// Runs any program.
    pub fn run(&self, user: User, folder: &str, words: &[&str]) -> Ran {
        let output = self.inside(user, folder).args(words).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The authorities that this machine's administrator added are the machine's too: the way out may need them.
    pub fn trust_as_here(&self) {
        for entry in fs::read_dir("/usr/local/share/ca-certificates").into_iter().flatten().flatten() {
            if let Ok(text) = fs::read_to_string(entry.path()) {
                self.write(&format!("/usr/local/share/ca-certificates/{}", entry.file_name().to_string_lossy()), &text);
            }
        }
        self.run(ROOT, "/", &["/usr/sbin/update-ca-certificates"]).expect(0);
    }

    /// A command as this user's login would start it; the words of the command are yet to come.
    pub fn inside(&self, (name, uid, home): User, folder: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.first))
            .args(["--mount", "--pid", "--net", "--uts", "--ipc"])
            .args(self.groups.as_ref().map(|_| "--cgroup"))
            .arg("--")
            // a login from before any group was given
            .args(["/usr/bin/setpriv", &format!("--reuid={uid}"), &format!("--regid={uid}"), "--clear-groups"])
            .args(["/usr/bin/env", "-i", "-C", folder])
            .args([&format!("HOME={home}"), &format!("USER={name}"), "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"])
            .args(self.variables.iter().map(|(name, value)| format!("{name}={value}")))
            .stdin(Stdio::null());
        command
    }

    /// A path of the machine, seen from here. Links in it are not followed into this machine, for they are not used.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Writes a file, and the folders to it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Copies a file or a folder of this machine into a folder of the machine; root owns it.
    pub fn copy_in(&self, from: &Path, into: &str) {
        let copied = Command::new("cp").args(["-R", "--"]).arg(from).arg(self.path(into)).status().unwrap();
        assert!(copied.success(), "{} is copied into {into}", from.display());
    }

    /// The engine's version, asked at its socket without devup.
    pub fn engine_version(&self) -> Option<String> {
        Some(self.ask_engine("/version")?["Version"].as_str()?.to_owned())
    }

    /// What the engine answers to a question, without devup.
    pub fn ask_engine(&self, question: &str) -> Option<Value> {
        // a socket's path is short, so it is reached through its folder
        let run = fs::File::open(self.path("/run")).ok()?;
        let short = format!("/proc/self/fd/{}/docker.sock", std::os::fd::AsRawFd::as_raw_fd(&run));
        let mut stream = UnixStream::connect(short).ok()?;
        stream.write_all(format!("GET {question} HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1.trim()).ok()
    }

    /// Whether this user may connect to the socket, by the kernel's own judgement of modes and lists.
    pub fn may_connect(&self, user: User) -> bool {
        let script = "test -r /run/docker.sock && test -w /run/docker.sock";
        self.run(user, "/", &["/bin/sh", "-c", script]).code == Some(0)
    }

    /// Kills the engine as a crash would, and waits until it is gone.
    pub fn kill_engine(&self) {
        let script = "for p in /proc/[0-9]*; do read -r n < $p/comm || continue; \
                      case $n in dockerd|containerd) kill -9 ${p#/proc/};; esac; done 2>/dev/null; true";
        self.run(ROOT, "/", &["/bin/sh", "-c", script]).expect(0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.engine_version().is_some() {
            assert!(Instant::now() < deadline, "the engine survives a kill");
            std::thread::yield_now();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // process 1 takes all others along; its holder waits until they are gone
        if let Some(first) = rustix::process::Pid::from_raw(self.first) {
            let _ = rustix::process::kill_process(first, rustix::process::Signal::KILL);
        }
        let _ = self.holder.wait();
        drop(self.way_out.take());
        keep_archives(&self.folder.path().join("debs/upper"));
        bury_cgroups(&self.folder.path().join("docker/containers"));
        if let Some(groups) = &self.groups {
            let script = "find /sys/fs/cgroup -depth -type d -path \"*/$1*\" -exec rmdir {} \\;";
            let _ = Command::new("sh").args(["-c", script, "bury", groups]).stderr(Stdio::null()).status();
        }
    }
}

/// Control groups outlive the processes: those of the containers of this engine, whose ids are nobody else's.
fn bury_cgroups(containers: &Path) {
    for container in fs::read_dir(containers).into_iter().flatten().flatten() {
        let name = Path::new("docker").join(container.file_name());
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for folder in hierarchies.map(|entry| entry.path()).chain([PathBuf::from("/sys/fs/cgroup")]) {
            let _ = fs::remove_dir(folder.join(&name));
        }
    }
}

/// Removes what machines of test programs left that were killed.
fn sweep() {
    for entry in fs::read_dir(scratch()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("machine-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
