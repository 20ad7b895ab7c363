//! Specs that include or extend files of other repositories: fetched with git after consent, kept by commit.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::environment::TestEnvironment;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@t.example"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A project whose database is described in another repository.
fn project() -> TestEnvironment {
    let env = TestEnvironment::new();
    let origin = env.home().join("origin");
    std::fs::create_dir_all(origin.join("infra")).unwrap();
    git(&origin, &["init", "-q", "-b", "main"]);
    write(&env, "services: {db: {image: 'store:1', env_file: db.env}}\n");
    std::fs::write(origin.join("infra/db.env"), "FROM=there\n").unwrap();
    commit(&env);
    let spec = format!("include: ['file://{}#main:infra']\nservices: {{web: {{image: web}}}}\n", origin.display());
    env.file("compose.yaml", &spec);
    env
}

fn write(env: &TestEnvironment, spec: &str) {
    std::fs::write(env.home().join("origin/infra/compose.yaml"), spec).unwrap();
}

fn commit(env: &TestEnvironment) {
    git(&env.home().join("origin"), &["add", "."]);
    git(&env.home().join("origin"), &["commit", "-q", "-m", "one"]);
}

#[test]
fn nothing_is_fetched_without_consent() {
    let env = project();
    for arguments in [&["config"][..], &["--yes", "plan"], &["trust", "--show"]] {
        let ran = env.run(arguments);
        assert_eq!(ran.code, Some(4), "{arguments:?}: {}", ran.screen());
        assert!(
            ran.stderr.contains(
                "the spec includes file://[ROOT]/home/origin#main:infra, which git fetches   (compose.yaml:1)"
            ),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("devup --project-directory [ROOT]/project trust"), "{}", ran.stderr);
    }
    assert!(!env.home().join(".cache/devup/includes").exists());
}

#[test]
fn what_was_fetched_once_is_read_without_git() {
    let env = project();
    let fetched = env.finish(env.command(&["config", "--format", "json"]).env("DEVUP_TRUST", "1"));
    assert_eq!(fetched.code, Some(0), "{}", fetched.screen());
    assert!(fetched.stdout.contains("store:1") && fetched.stdout.contains("there"), "{}", fetched.stdout);
    let shown = env.run(&["trust", "--show"]);
    assert_eq!(shown.code, Some(4), "{}", shown.screen());
    assert!(shown.stdout.contains("the spec includes file://"), "{}", shown.stdout);
    // the path holds the commit: another one is asked about again
    assert!(shown.stdout.contains("reads [ROOT]/home/.cache/devup/includes"), "{}", shown.stdout);
    std::fs::rename(env.home().join("origin"), env.home().join("gone")).unwrap();
    assert_eq!(env.run(&["config", "--format", "json"]).stdout, fetched.stdout);
}

#[test]
fn a_branch_that_moved_is_read_anew_by_pull_only() {
    let env = project();
    let trusting = |arguments: &[&str]| env.finish(env.command(arguments).env("DEVUP_TRUST", "1"));
    assert_eq!(trusting(&["config", "--images"]).stdout, "store:1\nweb\n");
    write(&env, "services: {db: {image: 'store:2'}}\n");
    commit(&env);
    assert_eq!(trusting(&["config", "--images"]).stdout, "store:1\nweb\n");
    assert_eq!(trusting(&["pull"]).code, Some(3), "there is no engine to pull with");
    assert_eq!(trusting(&["config", "--images"]).stdout, "store:2\nweb\n");
}

#[test]
fn a_service_may_extend_one_of_another_repository() {
    let env = project();
    let origin = env.home().join("origin");
    let spec = format!(
        "services:\n  db:\n    extends: {{file: 'file://{}#main:infra/compose.yaml', service: db}}\n    user: me\n",
        origin.display()
    );
    env.file("compose.yaml", &spec);
    let ran = env.finish(env.command(&["config"]).env("DEVUP_TRUST", "1"));
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert!(ran.stdout.contains("image: store:1") && ran.stdout.contains("user: me"), "{}", ran.stdout);
}

#[test]
fn hostile_and_unreadable_addresses_are_refused_where_they_stand() {
    let env = TestEnvironment::new();
    for (address, reason) in [
        ("ext::sh -c touch% pwned", "transport helper"),
        ("https://git.example/a.git#--upload-pack=x", "is no branch, tag or commit"),
        ("https://git.example/a.git#main:../../etc", "leads out of the repository"),
        ("https://git.example/compose.yaml", "a single file can't be fetched"),
        ("oci://registry.example/app:1", "an artifact of a registry"),
    ] {
        env.file("compose.yaml", &format!("include:\n  - '{address}'\nservices: {{a: {{image: a}}}}\n"));
        let ran = env.finish(env.command(&["config"]).env("DEVUP_TRUST", "1"));
        assert_eq!(ran.code, Some(1), "{address}: {}", ran.screen());
        assert!(ran.stderr.contains(reason) && ran.stderr.contains("compose.yaml:2"), "{address}: {}", ran.stderr);
    }
    assert!(!env.project().join("pwned").exists());
}

#[test]
fn a_repository_that_is_not_there_is_said() {
    let env = TestEnvironment::new();
    let nowhere = env.home().join("nowhere");
    env.file("compose.yaml", &format!("include: ['file://{}']\nservices: {{a: {{image: a}}}}\n", nowhere.display()));
    let ran = env.finish(env.command(&["config"]).env("DEVUP_TRUST", "1"));
    assert_eq!(ran.code, Some(1), "{}", ran.screen());
    assert!(ran.stderr.contains("git could not fetch file://[ROOT]/home/nowhere"), "{}", ran.stderr);
}

/// git's own server on loopback, for all repositories below a folder; it ends with the test.
struct Server {
    program: Child,
    port: u16,
}

impl Server {
    /// `None` where git came without it.
    fn of(folder: &Path) -> Option<Self> {
        let told = Command::new("git").arg("--exec-path").output().unwrap();
        let daemon = Path::new(String::from_utf8(told.stdout).unwrap().trim()).join("git-daemon");
        if !daemon.exists() {
            eprintln!("SKIPPED: no git-daemon here");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(daemon);
        command.args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"]).arg(format!("--port={port}"));
        command.arg(format!("--base-path={}", folder.display())).arg(folder).stderr(Stdio::null());
        let server = Self { program: command.spawn().unwrap(), port };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "git's server does not listen");
            std::thread::yield_now();
        }
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_server_is_asked_once_and_its_answer_kept_by_commit() {
    let env = project();
    let Some(server) = Server::of(&env.home()) else { return };
    let address = format!("git://127.0.0.1:{}/origin", server.port);
    let spec = format!(
        "include: ['{address}#main:infra']\nservices: {{db: {{extends: {{file: '{address}#main:infra', service: db}}}}, web: {{image: web}}}}\n"
    );
    env.file("compose.yaml", &spec.replace("services: {db", "services: {more"));
    let refused = env.run(&["config"]);
    assert_eq!(refused.code, Some(4), "{}", refused.screen());
    let images = || env.finish(env.command(&["config", "--images"]).env("DEVUP_TRUST", "1"));
    let fetched = images();
    assert_eq!(fetched.code, Some(0), "{}", fetched.screen());
    assert_eq!(fetched.stdout, "store:1\nstore:1\nweb\n");
    write(&env, "services: {db: {image: 'store:2'}}\n");
    commit(&env);
    assert_eq!(images().stdout, fetched.stdout, "a later commit is asked for by `devup pull` alone");
    drop(server);
    assert_eq!(images().stdout, fetched.stdout, "what was fetched needs no server");
}
