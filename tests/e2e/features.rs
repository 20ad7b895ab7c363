//! Features of dev containers: from folders, a registry and an archive, in order, once, and recorded.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

const PATIENCE: Duration = Duration::from_secs(30);

const DOCKERFILE: &str = r#"FROM IMAGE
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin && mkdir -p /etc /home/node /tmp && chmod 1777 /tmp"]
RUN printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >/etc/passwd \
 && printf 'root:x:0:\nnode:x:1000:\n' >/etc/group
"#;

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

fn shop(engine: &Engine, what: &str, features: &str) -> Project {
    let shop = Project::new(engine, what, "");
    std::fs::remove_file(shop.folder().join("compose.yaml")).unwrap();
    shop.write(".devcontainer/Dockerfile", DOCKERFILE);
    configure(&shop, features);
    shop
}

fn configure(shop: &Project, features: &str) {
    let text =
        format!("{{ \"dockerFile\": \"Dockerfile\", \"remoteUser\": \"node\", \"features\": {{ {features} }} }}");
    shop.write(".devcontainer/devcontainer.json", &text);
}

fn inside(shop: &Project, script: &str) -> String {
    shop.devup(&["exec", "-T", "dev", "sh", "-c", script]).expect(0).out
}

const BASE: &str = r#"{ "id": "base", "version": "1.0.0", "containerEnv": { "PATH": "/opt/base:${PATH}" } }"#;
const TOOLS: &str = r#"{
    "id": "tools", "version": "2.0.0", "dependsOn": { "./base": { "greeting": "hello there" } },
    "options": { "flavour": { "type": "string", "default": "plain" }, "with-extras": { "type": "boolean", "default": false } },
    "init": true,
    "entrypoint": "echo ready >/tmp/entered",
    "mounts": [{ "type": "volume", "source": "tools-${devcontainerId}", "target": "/tools" }],
    "postCreateCommand": "echo tools >>/tmp/created"
}"#;

#[test]
fn local_features_are_installed_after_what_they_need_and_once() {
    let Some(engine) = docker() else { return };
    let shop = shop(&engine, "local", r#""./tools": { "flavour": "sweet; touch /oops" }, "./last": {}"#);
    shop.write(".devcontainer/base/devcontainer-feature.json", BASE);
    shop.write(
        ".devcontainer/base/install.sh",
        "#!/bin/sh\nmkdir -p /opt/base\nprintf '#!/bin/sh\\necho %s\\n' \"$GREETING\" >/opt/base/greet\nchmod +x /opt/base/greet\necho base >>/order\n",
    );
    shop.write(".devcontainer/tools/devcontainer-feature.json", TOOLS);
    shop.write(
        ".devcontainer/tools/install.sh",
        "#!/bin/sh\ngreet >>/order\necho \"$FLAVOUR|$WITH_EXTRAS|$_REMOTE_USER|$_REMOTE_USER_HOME|$_CONTAINER_USER\" >>/order\n. ./part.sh\n",
    );
    shop.write(".devcontainer/tools/part.sh", "echo part >>/order\n");
    let last = r#"{ "id": "last", "installsAfter": ["./tools", "./gone"] }"#;
    shop.write(".devcontainer/last/devcontainer-feature.json", last);
    shop.write(".devcontainer/last/install.sh", "#!/bin/sh\necho last >>/order\n");
    shop.devup(&["up"]).expect(0);
    let order = inside(&shop, "cat /order");
    assert_eq!(order, "base\nhello there\nsweet; touch /oops|false|node|/home/node|root\npart\nlast\n");
    let seen = inside(&shop, "greet; cat /tmp/entered /tmp/created; id -un; ls -d /oops >/dev/null 2>&1 || echo safe");
    assert_eq!(seen, "hello there\nready\ntools\nnode\nsafe\n");
    assert_eq!(inside(&shop, "ls /tmp | grep -c devup-feature || true"), "0\n");
    assert_eq!(engine.inspect(&shop.container("dev", 1)).host_config.unwrap().init, Some(true));
    assert!(engine.volumes(&shop.name)[0].starts_with("tools-"));
    assert!(!shop.folder().join("devup.lock").exists(), "the project's own folders need no record");

    shop.devup(&["up"]).expect(0).says("nothing to change");
    let one_off = shop.devup(&["run", "--rm", "-T", "dev", "echo", "from run"]);
    assert_eq!(one_off.expect(0).out, "from run\n");
    shop.write(".devcontainer/last/install.sh", "#!/bin/sh\necho changed >>/order\n");
    shop.devup(&["plan"]).expect(20).says("provision");
    shop.devup(&["up"]).expect(0);
    assert!(inside(&shop, "cat /order").ends_with("part\nchanged\n"), "what did not change is taken from before");
    shop.devup(&["destroy", "--yes"]).expect(0);
    assert!(engine.volumes(&shop.name).is_empty() && engine.containers(&shop.name).is_empty());
}

#[test]
fn a_feature_that_fails_or_is_none_says_so() {
    let Some(engine) = docker() else { return };
    let shop = shop(&engine, "bad", r#""./broken": {}"#);
    shop.devup(&["up"]).expect(1).says("feature ./broken: cannot read");
    shop.write(
        ".devcontainer/broken/devcontainer-feature.json",
        r#"{ "id": "broken", "dependsOn": { "./other": {} } }"#,
    );
    shop.devup(&["up"]).expect(1).says("it lacks install.sh");
    shop.write(".devcontainer/broken/install.sh", "#!/bin/sh\necho it is broken >&2; exit 3\n");
    shop.write(".devcontainer/other/devcontainer-feature.json", r#"{ "id": "other", "installsAfter": ["./broken"] }"#);
    shop.write(".devcontainer/other/install.sh", "#!/bin/sh\n");
    shop.devup(&["up"]).expect(1).says("in a circle: ./broken, ./other");
    shop.write(".devcontainer/other/devcontainer-feature.json", r#"{ "id": "other" }"#);
    shop.devup(&["up"]).expect(1).says("it is broken");
    configure(&shop, r#""fish": {}"#);
    shop.devup(&["up"]).expect(1).says("REGISTRY/OWNER/NAME:1");
    configure(&shop, r#""../../../outside": {}"#);
    std::fs::create_dir_all(shop.folder().join("../outside")).unwrap();
    shop.devup(&["up"]).expect(1).says("feature ../../../outside");
}

/// Debian's registry, on loopback.
struct Registry {
    child: Child,
    address: String,
    /// What it wants to be told by everybody who asks.
    authorization: Option<String>,
    _folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Option<Self> {
        Self::serve(None)
    }

    /// One that lets nobody in but this user.
    fn for_user(name: &str, password: &str, hash: &str) -> Option<Self> {
        let (file, login) = (format!("{name}:{hash}\n"), format!("{name}:{password}"));
        Self::serve(Some((file.as_str(), login.as_str())))
    }

    fn serve(closed: Option<(&str, &str)>) -> Option<Self> {
        if which::which("docker-registry").is_err() {
            let required = std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some();
            assert!(!required, "docker-registry is required: run scripts/test-machine");
            eprintln!("SKIPPED: no docker-registry here (scripts/test-machine installs it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let users = folder.path().join("htpasswd");
        let auth = closed.map_or_else(String::new, |(file, _)| {
            std::fs::write(&users, file).unwrap();
            format!("auth:\n  htpasswd:\n    realm: shop\n    path: {}\n", users.display())
        });
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\nlog:\n  level: error\n{auth}",
            folder.path().join("data").display()
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let authorization = closed.map(|(_, login)| format!("Basic {}", STANDARD.encode(login)));
        let registry = Self { child, address, authorization, _folder: folder };
        let up = within(PATIENCE, || registry.known(ureq::get(&registry.url(""))).call().ok());
        assert!(up.is_some(), "the registry does not answer");
        Some(registry)
    }

    /// The request, as one of somebody whom the registry lets in.
    fn known<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/v2/{rest}", self.address)
    }

    /// Publishes bytes; returns their digest.
    fn blob(&self, name: &str, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let begun = self.known(ureq::post(&self.url(&format!("{name}/blobs/uploads/")))).send_empty().unwrap();
        let place = begun.headers()["location"].to_str().unwrap().to_owned();
        let joint = if place.contains('?') { '&' } else { '?' };
        self.known(ureq::put(&format!("{place}{joint}digest={digest}")))
            .header("content-type", "application/octet-stream")
            .send(bytes)
            .unwrap();
        digest
    }

    /// Publishes a feature under a tag; returns the digests of its manifest and of its archive.
    fn publish(&self, name: &str, tag: &str, definition: &str, script: &str) -> (String, String) {
        let layer = archive(definition, script);
        let (config, digest) = (self.blob(name, b"{}"), self.blob(name, &layer));
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.devcontainers", "digest": config, "size": 2 },
            "layers": [{ "mediaType": "application/vnd.devcontainers.layer.v1+tar", "digest": digest, "size": layer.len() }],
        })
        .to_string();
        self.known(ureq::put(&self.url(&format!("{name}/manifests/{tag}"))))
            .header("content-type", "application/vnd.oci.image.manifest.v1+json")
            .send(manifest.as_bytes())
            .unwrap();
        (format!("sha256:{}", hex::encode(Sha256::digest(manifest.as_bytes()))), digest)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn archive(definition: &str, script: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in [("./devcontainer-feature.json", definition), ("./install.sh", script)] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn recorded(shop: &Project) -> serde_json::Value {
    let text = std::fs::read_to_string(shop.folder().join("devup.lock")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["features"].clone()
}

#[test]
fn published_features_are_recorded_and_stay_what_they_were() {
    let Some(engine) = docker() else { return };
    let Some(registry) = Registry::start() else { return };
    let (base, _) = registry.publish(
        "test/base",
        "1",
        r#"{ "id": "base", "version": "1.0.0" }"#,
        "#!/bin/sh\necho base >>/order\n",
    );
    let needs = format!(
        r#"{{ "id": "hello", "version": "1.2.0", "dependsOn": {{ "{}/test/base:1": {{}} }} }}"#,
        registry.address
    );
    let (first, layer) = registry.publish("test/hello", "1", &needs, "#!/bin/sh\necho hello one >>/order\n");
    let name = format!("{}/test/hello:1", registry.address);
    let shop = shop(&engine, "published", &format!("\"{name}\": {{}}"));
    shop.devup(&["up"]).expect(0);
    assert_eq!(inside(&shop, "cat /order"), "base\nhello one\n");
    let lock = recorded(&shop);
    assert_eq!(lock[&name]["integrity"], first);
    assert_eq!(lock[&name]["version"], "1.2.0");
    assert_eq!(lock[&name]["resolved"], format!("{}/test/hello@{first}", registry.address));
    assert_eq!(lock[format!("{}/test/base:1", registry.address)]["integrity"], base);

    // the name means something else now: nobody gets that unasked
    let (second, _) = registry.publish("test/hello", "1", &needs, "#!/bin/sh\necho hello two >>/order\n");
    shop.devup(&["up"]).expect(0).says("nothing to change");
    assert_eq!(recorded(&shop)[&name]["integrity"], first);
    shop.devup(&["up", "--pull", "always"]).expect(0);
    assert_eq!(recorded(&shop)[&name]["integrity"], second);
    assert_eq!(inside(&shop, "cat /order"), "base\nhello two\n");

    // an archive by its address
    let address = registry.url(&format!("test/hello/blobs/{layer}"));
    configure(&shop, &format!("\"{address}\": {{}}"));
    shop.devup(&["up"]).expect(0);
    assert_eq!(inside(&shop, "cat /order"), "base\nhello one\n");
    assert_eq!(recorded(&shop)[&address]["integrity"], layer);

    // what is recorded and was fetched needs no registry
    drop(registry);
    shop.devup(&["up", "--force-recreate"]).expect(0);
    configure(&shop, &format!("\"{name}-gone\": {{}}"));
    shop.devup(&["up"]).expect(1).says("fetching http://127.0.0.1:");
}

const PASSWORD: &str = "s3ntinel-registry";
/// `htpasswd -nbB shopkeeper s3ntinel-registry`
const HASH: &str = "$2b$04$32LMbkkuSzWwUeUYPDvG0O3nM/CSRDUwJTnPqUYgOMiRMnv8gOJvq";

#[test]
fn a_closed_registry_is_told_who_asks() {
    let Some(engine) = docker() else { return };
    let Some(registry) = Registry::for_user("shopkeeper", PASSWORD, HASH) else { return };
    registry.publish("test/closed", "1", r#"{ "id": "closed" }"#, "#!/bin/sh\necho closed >>/order\n");
    let shop = shop(&engine, "closed", &format!("\"{}/test/closed:1\": {{}}", registry.address));
    let told = shop.devup(&["up"]).expect(1).says("has no credentials for 127.0.0.1:");
    told.says(&format!("`docker login {}`", registry.address));
    let config = shop.home().join(".docker/config.json");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let login = |password: &str| {
        let auth = STANDARD.encode(format!("shopkeeper:{password}"));
        serde_json::json!({ "auths": { &registry.address: { "auth": auth } } }).to_string()
    };
    std::fs::write(&config, login("wrong-sentinel")).unwrap();
    let told = shop.devup(&["up"]).expect(1).says("does not let the user in");
    assert!(!told.err.contains("sentinel"), "{}", told.err);
    std::fs::write(&config, login(PASSWORD)).unwrap();
    shop.devup(&["up"]).expect(0);
    assert_eq!(inside(&shop, "cat /order"), "closed\n");

    // another content, and the password in a program that keeps it
    registry.publish("test/closed", "1", r#"{ "id": "closed" }"#, "#!/bin/sh\necho anew >>/order\n");
    let helper = shop.home().join("docker-credential-kept");
    let answer = format!(
        "#!/bin/sh\nread server\nprintf '{{\"ServerURL\":\"%s\",\"Username\":\"shopkeeper\",\"Secret\":\"{PASSWORD}\"}}' \"$server\"\n"
    );
    std::fs::write(&helper, answer).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let known = serde_json::json!({ "credHelpers": { &registry.address: "kept" } });
    std::fs::write(&config, known.to_string()).unwrap();
    let mut command = shop.command(&["up", "--pull", "always"]);
    command.env("PATH", format!("{}:{}", shop.home().display(), std::env::var("PATH").unwrap()));
    let ran = Ran::of(command).expect(0);
    assert_eq!(inside(&shop, "cat /order"), "anew\n");
    let journal = walk(&shop.home());
    assert!(!ran.err.contains(PASSWORD) && !ran.out.contains(PASSWORD));
    assert!(journal.iter().filter(|path| **path != helper).all(|path| !read(path).contains(PASSWORD)), "{journal:?}");
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn read(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
