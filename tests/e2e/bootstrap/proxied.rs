//! A machine whose only way out is a company's proxy, which opens every TLS connection.

use super::base::Base;
use super::interceptor::{Interceptor, LOGIN};
use super::machine::{ADA, Machine, ROOT};
use super::network::{Network, OUTER};
use super::{fixed, verdict};

const AUTHORITY: &str = "/usr/local/share/ca-certificates/company.crt";
const PROJECT: &str = "/home/ada/tool";
/// A small package that comes from the package index over TLS.
const SPEC: &str = "\
devup: 1
name: tool
services:
  app:
    env: python-3.11
    provision:
      - run: pip install --no-cache-dir --quiet iniconfig==2.0.0
    command: sleep infinity
    init: true
";

fn behind(proxy: &Interceptor) -> Option<Machine> {
    let mut machine = Machine::new("proxied", Base::Bare, Network::ProxyOnly)?;
    machine.write(AUTHORITY, &proxy.authority);
    let address = format!("http://{}:{}@{OUTER}:{}", LOGIN.0, LOGIN.1, proxy.port);
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        machine.set(name, &address);
    }
    machine.set("no_proxy", "localhost,127.0.0.1");
    Some(machine)
}

/// What the engine says of its proxy.
fn engine_proxy(machine: &Machine) -> String {
    machine.ask_engine("/info").unwrap()["HttpsProxy"].as_str().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "fetches and builds a whole environment through the proxy: make bare"]
fn behind_a_proxy_that_opens_tls_a_user_gets_from_nothing_to_a_running_project() {
    let proxy = Interceptor::start();
    let Some(machine) = behind(&proxy) else { return };

    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]).expect(0);
    let report = ran.json();
    for name in ["engine", "rights", "git", "authorities", "proxy"] {
        assert_eq!(verdict(&report, name), "ok", "{name}: {report:#}");
    }
    assert!(fixed(&report).contains(&"trust this machine's own certificate authorities"), "{report:#}");
    assert!(engine_proxy(&machine).contains(OUTER), "the daemon pulls through it too");

    machine.run(ADA, "/home/ada", &["mkdir", PROJECT]).expect(0);
    machine.write(&format!("{PROJECT}/devup.yaml"), SPEC);
    let up = machine.devup_in(ADA, PROJECT, &["--yes", "up"]).expect(0);
    let asked = proxy.asked();
    assert!(asked.contains("deb.debian.org") && asked.contains("pypi.org:443"), "{asked:?}");
    let script =
        "import iniconfig, urllib.request as web; print(web.urlopen('https://pypi.org/simple/iniconfig/').status)";
    let inside = machine.devup_in(ADA, PROJECT, &["exec", "-T", "app", "python3", "-c", script]).expect(0);
    assert_eq!(inside.stdout.trim(), "200", "what runs inside trusts the authority and knows the proxy");

    no_secret_is_told(&machine, &[&ran.stdout, &ran.stderr, &up.stdout, &up.stderr]);
    the_daemon_is_mended(&machine);
}

/// The proxy's password stands in files that are root's alone, and nowhere else that devup writes or says.
fn no_secret_is_told(machine: &Machine, said: &[&str]) {
    assert!(said.iter().all(|text| !text.contains(LOGIN.1)));
    let logs = machine.run(ADA, "/home/ada", &["grep", "-rl", LOGIN.1, ".local", ".cache", "tool"]);
    assert_eq!(logs.stdout, "", "{logs:?}");
    let read = machine.run(ADA, "/", &["cat", "/etc/docker/devup-proxy.env"]);
    assert_eq!(read.code, Some(1), "root's alone: {read:?}");
    let script = "docker history --no-trunc --format '{{.CreatedBy}} {{.Comment}}' $(docker images -q)";
    let history = machine.run(
        ADA,
        "/",
        &[
            "/bin/sh",
            "-c",
            &format!("for i in $(docker images -q); do {}; done", script.replace("$(docker images -q)", "$i")),
        ],
    );
    assert!(history.code == Some(0) && !history.stdout.contains(LOGIN.1), "{history:?}");
}

/// A daemon without the proxy, older than an authority: doctor sees it, and brings both to it.
fn the_daemon_is_mended(machine: &Machine) {
    machine.kill_engine();
    let bare = "rm -f /etc/docker/devup-proxy.env /var/run/docker.pid /run/docker/containerd/containerd.pid; \
                env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin setsid --fork dockerd >/dev/null 2>&1";
    machine.run(ROOT, "/", &["/bin/sh", "-c", bare]).expect(0);
    let up = super::super::engine::within(std::time::Duration::from_mins(1), || machine.engine_version());
    assert!(up.is_some(), "a daemon that knows of no proxy");
    machine.run(ROOT, "/", &["chown", "ada", "/run/docker.sock"]).expect(0);
    assert_eq!(engine_proxy(machine), "");

    let other = Interceptor::start();
    machine.write("/usr/local/share/ca-certificates/second.crt", &other.authority);
    let seen = machine.devup(ADA, &["doctor", "--json"]).expect(0).json();
    assert_eq!((verdict(&seen, "proxy"), verdict(&seen, "authorities")), ("warn", "warn"), "{seen:#}");

    let ran = machine.devup(ADA, &["doctor", "--fix", "--yes", "--json"]).expect(0);
    let report = ran.json();
    assert_eq!((verdict(&report, "proxy"), verdict(&report, "authorities")), ("ok", "ok"), "{report:#}");
    assert!(engine_proxy(machine).contains(OUTER));
    assert_eq!(verdict(&report, "rights"), "ok", "the new socket is ada's too");
    // a service script has the same to read
    let script = "env -i sh -c '. /etc/default/docker; env'";
    let read = machine.run(ROOT, "/", &["/bin/sh", "-c", script]).expect(0).stdout;
    assert!(read.contains(&format!("https_proxy=http://{}:{}@", LOGIN.0, LOGIN.1)), "{read}");
}
