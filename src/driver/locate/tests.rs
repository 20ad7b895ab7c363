//! Every way to say where the engine is, as a table.

use super::*;
use std::collections::BTreeMap;

#[derive(Default)]
struct Desk {
    variables: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<PathBuf, String>,
    uid: u32,
}

impl Desk {
    fn of(uid: u32) -> Self {
        Self { uid, ..Self::default() }
    }

    fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.insert(name, value);
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(PathBuf::from(path), text.to_owned());
        self
    }

    fn context(self, folder: &str, name: &str, endpoint: &str) -> Self {
        let path = format!("{folder}/contexts/meta/{}/meta.json", Digest::of(name));
        let text = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{endpoint}}}}}"#);
        self.file(&path, &text)
    }

    fn found(&self) -> Vec<String> {
        match locate(self) {
            Ok(list) => list.into_iter().map(|one| format!("{} ({})", one.address, one.origin)).collect(),
            Err(error) => vec![format!("error: {error}")],
        }
    }
}

impl Surroundings for Desk {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }
    fn home(&self) -> &Path {
        Path::new("/home/ada")
    }
    fn uid(&self) -> u32 {
        self.uid
    }
    fn text(&self, path: &Path) -> Option<String> {
        self.files.get(path).cloned()
    }
    fn exists(&self, path: &Path) -> bool {
        self.files.keys().any(|file| file.starts_with(path))
    }
}

#[test]
fn without_any_sign_it_is_dockers_own_socket() {
    assert_eq!(Desk::of(1000).found(), ["unix:///var/run/docker.sock (default socket of Docker)"]);
}

#[test]
fn default_sockets_in_order_and_only_those_that_exist() {
    let desk = Desk::of(1000)
        .file("/run/podman/podman.sock", "")
        .file("/run/user/1000/podman/podman.sock", "")
        .file("/run/user/1000/docker.sock", "")
        .file("/home/ada/.docker/run/docker.sock", "")
        .file("/home/ada/.orbstack/run/docker.sock", "")
        .file("/home/ada/.colima/default/docker.sock", "");
    assert_eq!(
        desk.found(),
        [
            "unix:///var/run/docker.sock (default socket of Docker)",
            "unix:///run/user/1000/docker.sock (default socket of rootless Docker)",
            "unix:///home/ada/.docker/run/docker.sock (default socket of Docker Desktop)",
            "unix:///home/ada/.orbstack/run/docker.sock (default socket of OrbStack)",
            "unix:///home/ada/.colima/default/docker.sock (default socket of Colima)",
            "unix:///run/user/1000/podman/podman.sock (default socket of rootless Podman)",
            "unix:///run/podman/podman.sock (default socket of Podman)",
        ]
    );
    let moved = Desk::of(1000).set("XDG_RUNTIME_DIR", "/tmp/rt").file("/tmp/rt/docker.sock", "");
    assert_eq!(moved.found()[1], "unix:///tmp/rt/docker.sock (default socket of rootless Docker)");
    let colima = Desk::of(1000).set("COLIMA_HOME", "/c").file("/c/default/docker.sock", "");
    assert_eq!(colima.found()[1], "unix:///c/default/docker.sock (default socket of Colima)");
    let colima = Desk::of(1000).set("XDG_CONFIG_HOME", "/x").file("/x/colima/default/docker.sock", "");
    assert_eq!(colima.found()[1], "unix:///x/colima/default/docker.sock (default socket of Colima)");
}

#[test]
fn docker_host_wins_over_everything() {
    let desk = Desk::of(0)
        .set("DOCKER_HOST", "tcp://box:1")
        .set("DOCKER_CONTEXT", "far")
        .file("/home/ada/.docker/config.json", r#"{"currentContext":"other"}"#);
    assert_eq!(desk.found(), ["tcp://box:1 (DOCKER_HOST)"]);
    let wrong = Desk::of(0).set("DOCKER_HOST", "gopher://box").found();
    assert!(wrong[0].starts_with("error: DOCKER_HOST: `gopher://box` is no address"), "{wrong:?}");
}

#[test]
fn tls_of_the_environment() {
    let tls = |desk: &Desk| match locate(desk).unwrap().remove(0).address {
        EngineAddress::Tcp { tls, .. } => tls,
        other => panic!("{other}"),
    };
    let desk = Desk::of(0).set("DOCKER_HOST", "tcp://box");
    assert_eq!(tls(&desk), None);
    let desk = desk
        .set("DOCKER_TLS_VERIFY", "1")
        .file("/home/ada/.docker/ca.pem", "")
        .file("/home/ada/.docker/cert.pem", "")
        .file("/certs/key.pem", "");
    let found = tls(&desk).unwrap();
    assert_eq!((found.ca, found.verify), (Some("/home/ada/.docker/ca.pem".into()), true));
    let found = tls(&desk.set("DOCKER_CERT_PATH", "/certs")).unwrap();
    assert_eq!((found.ca, found.key), (None, Some("/certs/key.pem".into())));
    let unverified = Desk::of(0).set("DOCKER_HOST", "tcp://box").set("DOCKER_TLS", "1");
    assert!(!tls(&unverified).unwrap().verify);
}

#[test]
fn contexts_by_variable_and_by_configuration() {
    let desk = Desk::of(1000)
        .context("/home/ada/.docker", "far", r#"{"Host":"ssh://ada@far"}"#)
        .context("/home/ada/.docker", "desk", r#"{"Host":"unix:///d.sock"}"#)
        .file("/home/ada/.docker/config.json", r#"{"auths":{},"currentContext":"desk"}"#);
    assert_eq!(desk.found(), ["unix:///d.sock (docker context `desk`)"]);
    assert_eq!(desk.set("DOCKER_CONTEXT", "far").found(), ["ssh://ada@far (docker context `far`)"]);

    let default = Desk::of(1000).file("/home/ada/.docker/config.json", r#"{"currentContext":"default"}"#);
    assert_eq!(default.found(), ["unix:///var/run/docker.sock (default socket of Docker)"]);
    let damaged = Desk::of(1000).file("/home/ada/.docker/config.json", "{");
    assert_eq!(damaged.found(), ["unix:///var/run/docker.sock (default socket of Docker)"]);
    let moved = Desk::of(1000)
        .set("DOCKER_CONFIG", "/etc/mine")
        .context("/etc/mine", "desk", r#"{"Host":"unix:///d.sock"}"#)
        .file("/etc/mine/config.json", r#"{"currentContext":"desk"}"#);
    assert_eq!(moved.found(), ["unix:///d.sock (docker context `desk`)"]);
}

#[test]
fn a_context_brings_its_own_tls() {
    let key = format!("/home/ada/.docker/contexts/tls/{}/docker/ca.pem", Digest::of("far"));
    let desk = Desk::of(1000)
        .set("DOCKER_CONTEXT", "far")
        .context("/home/ada/.docker", "far", r#"{"Host":"tcp://far","SkipTLSVerify":true}"#)
        .file(&key, "");
    let expected = Tls { ca: Some(key.into()), cert: None, key: None, verify: false };
    let address = EngineAddress::Tcp { host: "far".into(), port: 2376, tls: Some(expected) };
    assert_eq!(locate(&desk).unwrap()[0].address, address);
}

#[test]
fn a_chosen_context_that_is_missing_or_damaged_is_an_error_not_another_engine() {
    let missing = Desk::of(1000).set("DOCKER_CONTEXT", "far").found();
    assert!(
        missing[0].contains("`far` is chosen by DOCKER_CONTEXT") && missing[0].contains("is not there"),
        "{missing:?}"
    );
    let desk = Desk::of(1000).set("DOCKER_CONTEXT", "far");
    let path = format!("/home/ada/.docker/contexts/meta/{}/meta.json", Digest::of("far"));
    assert!(desk.file(&path, "{").found()[0].contains("is damaged"));
    let kubernetes = Desk::of(1000).set("DOCKER_CONTEXT", "far").file(&path, r#"{"Endpoints":{}}"#);
    assert!(kubernetes.found()[0].contains("names no docker endpoint"));
}
