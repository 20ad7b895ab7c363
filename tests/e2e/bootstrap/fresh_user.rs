//! A fresh user with sudo on a machine without git and without an engine: one command, from an address to a running
//! project.

use std::path::Path;
use std::process::Command;

use super::base::Base;
use super::machine::{ADA, Machine, ROOT};
use super::network::Network;

const SPEC: &str = "\
devup: 1
name: hello
services:
  web:
    build: .
    working_dir: /site
    command: /busybox httpd -f -p 8000
    volumes: ['.:/site']
    ports: ['8000']
    init: true
    healthcheck:
      test: [CMD, /busybox, wget, -qO-, 'http://127.0.0.1:8000/index.html']
      interval: 1s
";

/// A repository at `/srv/hello.git`, made by this machine's git.
fn repository(machine: &Machine) {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    put("devup.yaml", SPEC.as_bytes());
    put("Dockerfile", b"FROM scratch\nCOPY busybox /busybox\n");
    put("index.html", b"hello");
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    std::fs::copy(busybox, folder.path().join("busybox")).unwrap();
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
        let status = Command::new("git").args(identity).args(words).current_dir(folder.path()).status().unwrap();
        assert!(status.success(), "git {words:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=hello"]);
    git(&["clone", "--quiet", "--bare", ".", "hello.git"]);
    // git would follow the machine's root to this machine's
    machine.copy_in(&folder.path().join("hello.git"), "/srv");
    machine.run(ROOT, "/", &["chown", "-R", "ada", "/srv/hello.git"]).expect(0);
}

#[test]
fn one_command_brings_a_fresh_user_from_an_address_to_a_running_project() {
    let Some(machine) = Machine::new("fresh", Base::Bare, Network::Open) else { return };
    repository(&machine);

    // nobody to ask, and nothing is done
    let ran = machine.devup(ADA, &["file:///srv/hello.git"]).expect(4);
    assert!(ran.stderr.contains("--yes") && ran.stderr.contains("install git"), "{ran:?}");
    assert!(!machine.has("/usr/bin/git") && !machine.has("/home/ada/hello"));

    machine.devup(ADA, &["--yes", "file:///srv/hello.git"]).expect(0);
    assert!(machine.has("/usr/bin/git") && machine.may_connect(ADA));
    let folder = "/home/ada/hello";
    let port = machine.devup_in(ADA, folder, &["port", "web", "8000"]).expect(0).stdout;
    let url = format!("http://{}/index.html", port.trim());
    let page = machine.run(ADA, folder, &["perl", "-MIO::Socket::INET", "-e", GET, port.trim()]).expect(0);
    assert!(page.stdout.contains("hello"), "{url}: {page:?}");
    let owner = machine.run(ADA, folder, &["stat", "-c", "%U", "devup.yaml", ".git"]).expect(0);
    assert_eq!(owner.stdout, "ada\nada\n");

    // the second time there is nothing to install and nothing to ask
    let again = machine.devup_in(ADA, folder, &["up"]).expect(0);
    assert!(!again.stderr.contains("sudo"), "{again:?}");
}

/// A page, fetched by what every Debian has.
const GET: &str =
    "my $s = IO::Socket::INET->new($ARGV[0]) or die; print $s \"GET /index.html HTTP/1.0\\r\\n\\r\\n\"; print <$s>";
