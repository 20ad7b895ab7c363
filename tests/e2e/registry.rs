//! A registry that wants a password: `push` and `pull` with the credentials that the docker command line keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

const USER: &str = "shopkeeper";
const PASSWORD: &str = "s3ntinel-registry";
/// `htpasswd -nbB shopkeeper s3ntinel-registry`
const HASH: &str = "$2b$04$32LMbkkuSzWwUeUYPDvG0O3nM/CSRDUwJTnPqUYgOMiRMnv8gOJvq";

/// Debian's `docker-registry` on loopback, which engines reach without TLS.
struct Registry {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Registry {
    /// `None` (said aloud) where it is not installed and not required.
    fn start() -> Option<Self> {
        let Ok(program) = which::which("docker-registry") else {
            let required = std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some();
            assert!(!required, "docker-registry is required (DEVUP_REQUIRE_ENGINES): run scripts/test-machine");
            eprintln!("SKIPPED: docker-registry is not installed (scripts/test-machine does it)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("devup-registry").tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("htpasswd"), format!("{USER}:{HASH}\n")).unwrap();
        let configuration = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\nauth: {{htpasswd: {{realm: shop, path: {}}}}}\n",
            path("data"),
            path("htpasswd")
        );
        fs::write(path("config.yml"), configuration).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(program)
            .args(["serve", &path("config.yml")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let registry = Self { child, port, _folder: folder };
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        within(Duration::from_secs(30), answers).expect("the registry answers");
        Some(registry)
    }

    fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A project with an image of its own on that registry.
fn shop(engine: &Engine, registry: &Registry) -> (Project, String) {
    let image = format!("{}/shop/web:{}", registry.name(), std::process::id());
    let spec = format!(
        "services:\n  web:\n    image: {image}\n    build: {{context: ., dockerfile_inline: \"FROM IMAGE\\nRUN echo mine > /mine\\n\"}}\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n"
    );
    let shop = Project::new(engine, "registry", &spec);
    // the registry's name makes the image one that others may use too
    let mut trust = shop.command(&["trust"]);
    trust.env("DEVUP_TRUST", "1");
    Ran::of(trust).expect(0);
    shop.devup(&["build"]).expect(0);
    (shop, image)
}

fn docker_config(shop: &Project, config: &serde_json::Value) {
    let folder = shop.home().join(".docker");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

fn basic(password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"))
}

fn forget(engine: &Engine, image: &str) {
    engine.ask(async |docker| {
        let options = bollard::query_parameters::RemoveImageOptions { force: true, ..Default::default() };
        docker.remove_image(image, Some(options), None).await.expect("the image goes");
    });
}

fn is_there(engine: &Engine, image: &str) -> bool {
    engine.ask(async |docker| docker.inspect_image(image).await.is_ok())
}

#[track_caller]
fn refused(shop: &Project, arguments: &[&str]) {
    let ran = shop.devup(arguments).expect(1).says("docker login");
    assert!(!ran.err.contains(PASSWORD) && !ran.err.contains(&basic(PASSWORD)), "{}", ran.err);
}

#[test]
fn credentials_of_the_docker_command_line_are_used() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let Some(registry) = Registry::start() else { return };
    let (shop, image) = shop(&engine, &registry);
    refused(&shop, &["push"]);
    docker_config(&shop, &serde_json::json!({ "auths": { registry.name(): { "auth": basic("wrong") } } }));
    refused(&shop, &["push"]);
    docker_config(&shop, &serde_json::json!({ "auths": { registry.name(): { "auth": basic(PASSWORD) } } }));
    shop.devup(&["push"]).expect(0);
    forget(&engine, &image);
    shop.devup(&["pull", "--ignore-buildable"]).expect(0);
    assert!(!is_there(&engine, &image), "what is built here is not pulled then");
    shop.devup(&["pull"]).expect(0);
    assert!(is_there(&engine, &image));
    shop.devup(&["up"]).expect(0);
    assert_eq!(engine.exec(&shop.container("web", 1), &["cat", "/mine"]), "mine\n");
    shop.devup(&["down"]).expect(0);
    forget(&engine, &image);
    docker_config(&shop, &serde_json::json!({ "auths": {} }));
    // what can be built instead is a warning
    shop.devup(&["pull"]).expect(0).says("docker login");
    assert!(!is_there(&engine, &image));
}

#[test]
fn a_credential_program_is_asked_for_the_registry() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let Some(registry) = Registry::start() else { return };
    let (shop, image) = shop(&engine, &registry);
    let programs = shop.home().join("bin");
    fs::create_dir_all(&programs).unwrap();
    let program = programs.join("docker-credential-shop");
    let answer = serde_json::json!({ "Username": USER, "Secret": PASSWORD });
    let asked = shop.home().join("asked");
    fs::write(&program, format!("#!/bin/sh\ncat > {}\necho '{answer}'\n", asked.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    docker_config(&shop, &serde_json::json!({ "credHelpers": { registry.name(): "shop" } }));
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut push = shop.command(&["push"]);
    push.env("PATH", &path);
    Ran::of(push).expect(0);
    assert_eq!(fs::read_to_string(&asked).unwrap().trim(), registry.name());
    // without the program on the path it is named, and the push does not go on as nobody
    shop.devup(&["push"]).expect(1).says("docker-credential-shop");
    forget(&engine, &image);
}

#[test]
fn images_are_pinned_to_what_the_registry_has() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let Some(registry) = Registry::start() else { return };
    let (shop, image) = shop(&engine, &registry);
    shop.devup(&["config", "--resolve-image-digests"]).expect(1).says("service web").says("docker login");
    docker_config(&shop, &serde_json::json!({ "auths": { registry.name(): { "auth": basic(PASSWORD) } } }));
    shop.devup(&["push"]).expect(0);
    let digests = engine.ask(async |docker| docker.inspect_image(&image).await.unwrap()).repo_digests;
    let digest = digests.unwrap_or_default().iter().find_map(|one| Some(one.split_once('@')?.1.to_owned())).unwrap();
    let lock = shop.devup(&["config", "--lock-image-digests"]).expect(0).out;
    assert_eq!(lock, format!("services:\n  web:\n    image: {image}@{digest}\n"));
    let whole = shop.devup(&["config", "--resolve-image-digests", "--format", "json"]).expect(0).out;
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["services"]["web"]["image"], format!("{image}@{digest}"));
    assert_eq!(whole["services"]["web"]["stop_signal"], "SIGKILL");
    // what it names can be merged over the spec
    shop.write("lock.yaml", &lock);
    let merged = shop.devup(&["-f", "compose.yaml", "-f", "lock.yaml", "config", "--images"]).expect(0).out;
    assert_eq!(merged, format!("{image}@{digest}\n"));
    forget(&engine, &image);
}
