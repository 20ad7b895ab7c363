//! Engines elsewhere: a port with TLS, given by variables or by a docker context, and another machine through ssh. What is
//! wrong with certificates, keys and the line is said in words that tell what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use devup::base::digest::Digest;

use crate::engine::{Engine, Kind, PrivateDocker, engine, within};
use crate::project::{Project, Ran, hermetic};

const PATIENCE: Duration = Duration::from_mins(1);
const SPEC: &str = "\
services:
  web: { image: IMAGE, command: [sh, -c, 'echo here it is; exec sleep infinity'], stop_signal: SIGKILL }
";

fn required() -> bool {
    std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some()
}

/// From nothing to nothing: `devup` runs it with these arguments on the engine in question.
fn whole_life(project: &Project, devup: impl Fn(&[&str]) -> Ran) {
    devup(&["up"]).expect(0);
    assert_eq!(project.engine.running(&project.name), [project.container("web", 1)], "it is that engine");
    devup(&["ps"]).expect(0).says(&project.container("web", 1));
    devup(&["logs", "web"]).expect(0).says("here it is");
    assert_eq!(devup(&["exec", "-T", "web", "echo", "from inside"]).expect(0).out, "from inside\n");
    devup(&["exec", "-T", "web", "sh", "-c", "exit 7"]).expect(7);
    devup(&["up"]).expect(0);
    devup(&["down"]).expect(0);
    assert!(project.engine.containers(&project.name).is_empty());
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it starts");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Certificates of one authority, as docker names the files; those of the engine are in `server`.
struct Certificates(PathBuf);

impl Certificates {
    fn new(folder: PathBuf) -> Self {
        let own = Self(folder);
        fs::create_dir_all(own.0.join("server")).unwrap();
        let path = |name: &str| own.path(name);
        let subject = format!("/CN=authority of {}", own.0.file_name().unwrap().display());
        let new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let ca = ["-x509", "-days", "2", "-keyout", &path("ca-key.pem"), "-out", &path("ca.pem"), "-subj", &subject];
        run("openssl", &[&new[..], &ca[..]].concat());
        fs::write(own.0.join("extensions"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
            .unwrap();
        for name in ["", "server/"] {
            let (key, cert, request) =
                (path(&format!("{name}key.pem")), path(&format!("{name}cert.pem")), path("request"));
            run("openssl", &[&new[..], &["-keyout", &key, "-out", &request, "-subj", "/CN=devup-test"]].concat());
            let (ca, ca_key, extensions) = (path("ca.pem"), path("ca-key.pem"), path("extensions"));
            let sign = ["x509", "-req", "-days", "2", "-in", &request, "-out", &cert, "-CA", &ca, "-CAkey", &ca_key];
            run("openssl", &[&sign[..], &["-CAcreateserial", "-extfile", &extensions]].concat());
        }
        own
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// A folder with these of its files alone.
    fn only(&self, name: &str, files: &[(&str, &Self)]) -> String {
        let folder = self.0.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, from) in files {
            fs::copy(from.0.join(file), folder.join(file)).unwrap();
        }
        folder.display().to_string()
    }
}

/// An engine that takes clients of one authority at a port of its own network.
struct Guarded {
    own: PrivateDocker,
    good: Certificates,
    bad: Certificates,
}

const ADDRESS: &str = "tcp://127.0.0.1:2376";

impl Guarded {
    fn start(folder: &Path) -> Option<Self> {
        let (good, bad) = (Certificates::new(folder.join("good")), Certificates::new(folder.join("bad")));
        let arguments = [
            format!("--host={ADDRESS}"),
            "--tlsverify".to_owned(),
            format!("--tlscacert={}", good.path("ca.pem")),
            format!("--tlscert={}", good.path("server/cert.pem")),
            format!("--tlskey={}", good.path("server/key.pem")),
        ];
        Some(Self { own: PrivateDocker::start_with(folder, &arguments)?, good, bad })
    }

    fn devup(&self, project: &Project, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::new("nsenter");
        command.arg(self.own.network()).args(["--", env!("CARGO_BIN_EXE_devup")]).args(arguments);
        command.current_dir(project.folder());
        hermetic(&mut command, &project.home());
        command.envs(variables.iter().copied());
        Ran::of(command)
    }
}

#[test]
fn an_engine_behind_tls_is_used_and_every_wrong_certificate_is_explained() {
    let folder = tempfile::Builder::new().prefix("devup-tls").tempdir().unwrap();
    let Some(guarded) = Guarded::start(folder.path()) else { return };
    let project = Project::new(&guarded.own.engine, "tls", SPEC);
    let given = |variables: &[(&str, &str)], arguments: &[&str]| {
        guarded.devup(&project, &[&[("DOCKER_HOST", ADDRESS)], variables].concat(), arguments)
    };
    let with = |folder: &str, arguments: &[&str]| {
        given(&[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", folder)], arguments)
    };
    let (good, bad) = (&guarded.good, &guarded.bad);
    whole_life(&project, |arguments| with(&good.path(""), arguments));
    let doctor = with(&good.path(""), &["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_str(&doctor.out).unwrap();
    let engine = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "engine").unwrap();
    assert_eq!(engine["verdict"], "ok", "{engine}");

    for verb in ["ps", "up"] {
        let wrong = good.only("wrong-ca", &[("ca.pem", bad), ("cert.pem", good), ("key.pem", good)]);
        with(&wrong, &[verb]).expect(3).says("another authority than ca.pem");
        let nobody = good.only("nobody", &[("ca.pem", good)]);
        with(&nobody, &[verb]).expect(3).says("cert.pem and key.pem belong beside ca.pem");
        let stranger = good.only("stranger", &[("ca.pem", good), ("cert.pem", bad), ("key.pem", bad)]);
        with(&stranger, &[verb]).expect(3).says("come from the authority that the engine was given");
        given(&[], &[verb]).expect(3).says("Set DOCKER_TLS_VERIFY=1");
    }
    // TLS without asking who answers
    let unasked = good.only("unasked", &[("cert.pem", good), ("key.pem", good)]);
    given(&[("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", &unasked)], &["ps"]).expect(0);
    let broken = good.only("broken", &[("ca.pem", good), ("cert.pem", good)]);
    fs::write(Path::new(&broken).join("key.pem"), "no key").unwrap();
    with(&broken, &["ps"]).expect(3).says("key.pem");
}

#[test]
fn a_docker_context_with_certificates_is_followed() {
    let folder = tempfile::Builder::new().prefix("devup-tls").tempdir().unwrap();
    let Some(guarded) = Guarded::start(folder.path()) else { return };
    let project = Project::new(&guarded.own.engine, "context", SPEC);
    let contexts = project.home().join(".docker/contexts");
    let id = Digest::of("far").to_string();
    fs::create_dir_all(contexts.join("meta").join(&id)).unwrap();
    let keys = contexts.join("tls").join(&id).join("docker");
    fs::create_dir_all(&keys).unwrap();
    let endpoint = serde_json::json!({ "Host": ADDRESS, "SkipTLSVerify": false });
    let meta = serde_json::json!({ "Name": "far", "Metadata": {}, "Endpoints": { "docker": endpoint } });
    fs::write(contexts.join("meta").join(&id).join("meta.json"), meta.to_string()).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        fs::copy(guarded.good.path(file), keys.join(file)).unwrap();
    }
    whole_life(&project, |arguments| guarded.devup(&project, &[("DOCKER_CONTEXT", "far")], arguments));
    fs::write(project.home().join(".docker/config.json"), r#"{"currentContext": "far"}"#).unwrap();
    guarded.devup(&project, &[], &["ps"]).expect(0);
    fs::copy(guarded.bad.path("ca.pem"), keys.join("ca.pem")).unwrap();
    guarded.devup(&project, &[], &["ps"]).expect(3).says("another authority than ca.pem");
}

/// An ssh server on loopback with keys of its own, whose sessions have the engine's client. The user's own ssh
/// configuration takes no part: the client in `bin` reads another.
struct Machine {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Machine {
    /// `None` (said aloud) where it is not installed and not required.
    fn start(engine: &Engine) -> Option<Self> {
        let sshd = which::which("sshd").unwrap_or_else(|_| PathBuf::from("/usr/sbin/sshd"));
        if !sshd.exists() || which::which("ssh").is_err() || which::which("docker").is_err() {
            assert!(!required(), "sshd, ssh and docker are required (DEVUP_REQUIRE_ENGINES): run scripts/test-machine");
            eprintln!("SKIPPED: sshd, ssh or docker's client is not installed (scripts/test-machine does it)");
            return None;
        }
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = tempfile::Builder::new().prefix("devup-ssh").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host", "user"] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "devup-test", "-f", &path(key)]);
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nSetEnv DOCKER_HOST={}\n",
            path("host"),
            path("authorized"),
            engine.host()
        );
        fs::write(path("sshd_config"), configuration).unwrap();
        let client = format!(
            "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nIdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\n",
            path("known_hosts"),
            path("user")
        );
        fs::write(path("config"), client).unwrap();
        fs::create_dir(path("bin")).unwrap();
        let ssh = which::which("ssh").unwrap();
        let (client, config) = (path("bin/ssh"), path("config"));
        let script = format!("#!/bin/sh\nexec {} -F {config} \"$@\"\n", ssh.display());
        // written by a program of its own: what another test starts just now does not hold it open for writing
        run("sh", &["-c", "printf %s \"$1\" >\"$2\" && chmod +x \"$2\"", "sh", &script, &client]);
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f", &path("sshd_config")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let machine = Self { child, port, folder };
        within(PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok()).expect("sshd answers");
        Some(machine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the user in, and makes the machine known.
    fn open(&self) {
        fs::copy(self.path("user.pub"), self.path("authorized")).unwrap();
        let key = fs::read_to_string(self.path("host.pub")).unwrap();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    fn command(&self, project: &Project, arguments: &[&str]) -> Command {
        let is_root = rustix::process::geteuid().is_root();
        let user = if is_root { "root".to_owned() } else { std::env::var("USER").expect("the user's name") };
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(arguments).current_dir(project.folder());
        hermetic(&mut command, &project.home());
        command
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("DOCKER_HOST", format!("ssh://{user}@127.0.0.1:{}", self.port));
        command
    }

    fn devup(&self, project: &Project, arguments: &[&str]) -> Ran {
        Ran::of(self.command(project, arguments))
    }

    /// Ends every session at once, as a line that breaks does.
    fn cut(&self) {
        for pid in children(self.child.id()) {
            kill(pid);
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Processes that this one started, and what those started.
fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if status.lines().any(|line| line == format!("PPid:\t{parent}")) {
            found.push(pid);
            found.extend(children(pid));
        }
    }
    found
}

#[test]
fn an_engine_of_another_machine_is_used_through_ssh() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let Some(machine) = Machine::start(&engine) else { return };
    let project = Project::new(&engine, "ssh", SPEC);
    // nobody knows the machine, then the machine does not know the user
    let by_hand = "127.0.0.1 docker version`";
    for verb in ["ps", "up"] {
        machine.devup(&project, &[verb]).expect(3).says("Host key verification failed").says(by_hand);
    }
    machine.open();
    fs::write(machine.path("authorized"), "").unwrap();
    machine.devup(&project, &["ps"]).expect(3).says("Permission denied (publickey").says(by_hand);
    machine.open();
    whole_life(&project, |arguments| machine.devup(&project, arguments));
    let doctor = machine.devup(&project, &["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_str(&doctor.out).unwrap();
    let engine = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "engine").unwrap();
    assert_eq!(engine["verdict"], "ok", "{engine}");
}

#[test]
fn a_tunnel_that_breaks_ends_the_command_and_says_so() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let Some(mut machine) = Machine::start(&engine) else { return };
    machine.open();
    let project = Project::new(&engine, "tunnel", SPEC);
    machine.devup(&project, &["up"]).expect(0);
    let mut command =
        machine.command(&project, &["exec", "-T", "web", "sh", "-c", "touch /tmp/began; exec sleep infinity"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = || engine.exec(&project.container("web", 1), &["ls", "/tmp"]).contains("began").then_some(());
    within(PATIENCE, began).expect("the program runs");
    machine.cut();
    if within(PATIENCE, || child.try_wait().unwrap()).is_none() {
        let _ = child.kill();
        panic!("it goes on without the engine: {:?}", child.wait_with_output());
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_ne!(ran.code, Some(0), "{}", ran.err);
    ran.says("docker version`");
    let _ = machine.child.kill();
    machine.child.wait().unwrap();
    machine.devup(&project, &["ps"]).expect(3).says("Connection refused");
}
