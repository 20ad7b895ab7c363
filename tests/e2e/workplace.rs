//! Dev containers in the long: the order of a whole life, what an image's label asks for, a database beside, the user's
//! own files.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::devcontainer::shop;
use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

const PATIENCE: Duration = Duration::from_secs(30);

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

fn lines(shop: &Project, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(shop.folder().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// `stamp NAME [OTHER]` leaves NAME.begun and, once OTHER has begun, NAME.done.
const STAMP: &str = "#!/bin/sh\ntouch \"$1.begun\"\nuntil [ -z \"$2\" ] || [ -e \"$2.begun\" ]; do sleep 0.05; done\necho \"$1\" >>order\ntouch \"$1.done\"\n";

const LIFE: &str = r#"{
  "build": { "dockerfile": "Dockerfile" },
  "initializeCommand": "sh ./stamp initialize",
  "onCreateCommand": ["sh", "./stamp", "create"],
  "updateContentCommand": "sh ./stamp update",
  "postCreateCommand": { "left": "sh ./stamp left right", "right": ["sh", "./stamp", "right", "left"] },
  "postStartCommand": ["sh", "./stamp", "start"],
  "postAttachCommand": { "only": "sh ./stamp attach" }
}"#;

fn when(shop: &Project, file: &str) -> SystemTime {
    std::fs::metadata(shop.folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}")).modified().unwrap()
}

#[test]
fn each_stage_begins_when_the_one_before_is_done() {
    let Some(engine) = docker() else { return };
    let shop = shop(&engine, "stamps", LIFE, "");
    shop.write("stamp", STAMP);
    shop.devup(&["--trust", "up"]).expect(0);
    let order = [&["initialize"][..], &["create"], &["update"], &["left", "right"], &["start"], &["attach"]];
    for pair in order.windows(2) {
        for (before, after) in pair[0].iter().flat_map(|before| pair[1].iter().map(move |after| (before, after))) {
            let (done, begun) = (when(&shop, &format!("{before}.done")), when(&shop, &format!("{after}.begun")));
            assert!(done <= begun, "{before} was done at {done:?}, {after} began at {begun:?}");
        }
    }
    // each waits for the other: side by side, or never
    let (left, right) = (when(&shop, "left.begun"), when(&shop, "right.begun"));
    assert!(left <= when(&shop, "right.done") && right <= when(&shop, "left.done"));
    assert_eq!(lines(&shop, "order").len(), 7);
    shop.devup(&["down"]).expect(0);
}

#[test]
fn what_nobody_has_to_wait_for_may_come_with_the_next_up() {
    let Some(engine) = docker() else { return };
    let shop = shop(&engine, "waitfor", LIFE, "LABEL devcontainer.metadata='[{\"waitFor\": \"postCreateCommand\"}]'\n");
    shop.write("stamp", STAMP);
    shop.devup(&["--trust", "up", "--skip-non-blocking-commands"]).expect(0);
    let ran = lines(&shop, "order");
    assert_eq!((ran.len(), ran.contains(&"start".to_owned())), (5, false), "{ran:?}");
    shop.devup(&["plan"]).expect(20).says("postStartCommand");
    shop.devup(&["--trust", "up"]).expect(0);
    assert_eq!(lines(&shop, "order")[5..], ["initialize", "start", "attach"]);
    shop.devup(&["plan"]).expect(0);

    let own = LIFE.replace("\"initializeCommand\"", "\"waitFor\": \"onCreateCommand\", \"initializeCommand\"");
    shop.write(".devcontainer/devcontainer.json", &own);
    shop.write("order", "");
    shop.devup(&["--trust", "up", "--force-recreate", "--skip-non-blocking-commands"]).expect(0);
    assert_eq!(lines(&shop, "order"), ["initialize", "create"], "the file's word counts more than the image's");
    shop.devup(&["down"]).expect(0);
}

const LABEL: &str = r#"[
  {"entrypoint": "echo entered >/srv/entered", "forwardPorts": [3000], "hostRequirements": {"cpus": 4096},
   "remoteEnv": {"SITE": "image"}, "portsAttributes": {"3000": {"label": "first", "protocol": "http"}}},
  {"overrideCommand": false, "init": true, "capAdd": ["CHOWN"], "remoteEnv": {"SITE": "later"},
   "portsAttributes": {"3000": {"label": "Site"}}, "mounts": ["type=volume,source=site-${devcontainerId},target=/data"],
   "postCreateCommand": "echo image >>order"}
]"#;

#[test]
fn what_an_image_says_of_working_in_it_counts_below_the_file() {
    let Some(engine) = docker() else { return };
    let more = format!(
        "RUN mkdir -p /srv\nLABEL devcontainer.metadata='{}'\nCMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"3000\", \"-h\", \"/srv\"]\n",
        LABEL.replace('\n', " ")
    );
    let configuration = r#"{ "dockerFile": "Dockerfile", "postCreateCommand": "echo \"file $SITE\" >>order" }"#;
    let shop = shop(&engine, "counts", configuration, &more);
    shop.devup(&["up"]).expect(0).says("the dev container asks for 4096 CPUs");
    assert_eq!(lines(&shop, "order"), ["image", "file later"]);
    let container = engine.inspect(&shop.container("dev", 1));
    let host = container.host_config.unwrap();
    assert_eq!((host.init, host.cap_add), (Some(true), Some(vec!["CHOWN".to_owned()])));
    assert!(engine.volumes(&shop.name)[0].starts_with("site-"));
    let binding = host.port_bindings.unwrap()["3000/tcp"].clone().unwrap().remove(0);
    assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
    // the image's own program runs, after the entrypoint of the label
    let address = format!("http://127.0.0.1:{}/entered", binding.host_port.unwrap());
    let answer = within(PATIENCE, || ureq::get(&address).call().ok()?.body_mut().read_to_string().ok());
    assert_eq!(answer.as_deref(), Some("entered\n"));
    shop.devup(&["plan"]).expect(0);
    shop.devup(&["destroy", "--yes"]).expect(0);
    assert!(engine.volumes(&shop.name).is_empty());
}

/// The workplace and the database stand on the same building block, which has the client, too.
const COMPOSE: &str = "\
services:
  app:
    image: shop
    x-devup: { env: postgres-15 }
    volumes: ['..:/workspace']
    environment: { PGHOST: db, PGUSER: shop, PGPASSWORD: only-a-test }
    healthcheck: { disable: true }
    depends_on: { db: { condition: service_healthy } }
  db:
    image: postgres
    x-devup: { env: postgres-15 }
    environment: { POSTGRES_USER: shop, POSTGRES_PASSWORD: only-a-test }
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, shop], interval: 1s, retries: 90 }
    volumes: ['data:/var/lib/postgresql/data']
volumes: { data: {} }
";

#[test]
fn a_workplace_beside_a_real_database() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{
        "dockerComposeFile": "compose.yaml",
        "service": "app",
        "workspaceFolder": "/workspace",
        "overrideCommand": true,
        "forwardPorts": ["db:5432"],
        "postCreateCommand": "psql -qc 'create table goods (name text)' && psql -qc \"insert into goods values ('apple')\"",
        "postStartCommand": "psql -Atc 'select name from goods' >goods"
    }"#;
    let shop = shop(&engine, "database", configuration, "");
    shop.write(".devcontainer/compose.yaml", COMPOSE);
    shop.devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "goods"), ["apple"]);
    let ports = engine.inspect(&shop.container("db", 1)).host_config.unwrap().port_bindings.unwrap();
    let binding = ports["5432/tcp"].clone().unwrap().remove(0);
    let address = format!("127.0.0.1:{}", binding.host_port.unwrap());
    assert!(within(PATIENCE, || std::net::TcpStream::connect(&address).ok()).is_some(), "nothing listens on {address}");

    // another workplace, the same data: what creates is done again, and says so where it can't
    shop.write(
        ".devcontainer/devcontainer.json",
        &configuration.replace("psql -qc 'create table goods (name text)' && ", ""),
    );
    shop.devup(&["down"]).expect(0);
    shop.devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "goods"), ["apple", "apple"]);
    shop.devup(&["destroy", "--yes"]).expect(0);
    assert!(engine.volumes(&shop.name).is_empty() && engine.containers(&shop.name).is_empty());
}

/// Copies the machine's git, with the libraries that it needs, below a folder of the build's context.
fn copy_git(to: &Path) -> bool {
    let script = r#"set -e; git=$(readlink -f "$(command -v git)")
        for file in $(ldd "$git" | grep -o '/[^ )]*'); do mkdir -p "$1${file%/*}"; cp -L "$file" "$1$file"; done
        mkdir -p "$1/usr/bin"; cp "$git" "$1/usr/bin/git"; ln -sf git "$1/usr/bin/git-upload-pack""#;
    Command::new("sh").args(["-c", script, "-"]).arg(to).status().unwrap().success()
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"];
    let done = Command::new("git").current_dir(folder).args(who).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_users_own_files_come_along_once() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{ "dockerFile": "Dockerfile", "postCreateCommand": "echo create >>order",
        "postStartCommand": "echo start >>order", "remoteEnv": { "PATH": "/usr/bin:/bin" } }"#;
    let shop = shop(&engine, "dots", configuration, "COPY git/ /\n");
    if !copy_git(&shop.folder().join(".devcontainer/git")) {
        eprintln!("SKIPPED: git of this machine can't be copied");
        return;
    }
    let dots = shop.folder().join("dots");
    shop.write("dots/install.sh", &format!("#!/bin/sh\necho \"dotfiles $PWD\" >>/workspaces/{}/order\n", shop.name));
    shop.write("dots/.rc", "mine\n");
    git(&dots, &["init", "-q"]);
    git(&dots, &["add", "."]);
    git(&dots, &["commit", "-qm", "mine"]);
    let address = format!("/workspaces/{}/dots", shop.name);
    let preferences = shop.home().join(".config/devup/config.yaml");
    std::fs::create_dir_all(preferences.parent().unwrap()).unwrap();
    std::fs::write(&preferences, format!("dotfiles: {{ repository: {address}, target_path: ~/mine }}\n")).unwrap();
    shop.devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "order"), ["create", "dotfiles /root/mine", "start"]);
    shop.devup(&["up"]).expect(0).says("nothing to change");

    // by the command line, without an install program: linked
    std::fs::write(&preferences, "").unwrap();
    git(&dots, &["rm", "-q", "install.sh"]);
    git(&dots, &["commit", "-qm", "no program"]);
    shop.devup(&["up", "--force-recreate", "--dotfiles-repository", &address]).expect(0);
    assert_eq!(
        shop.devup(&["exec", "-T", "dev", "sh", "-c", "cat ~/.rc; readlink ~/.rc"]).expect(0).out,
        "mine\n/root/dotfiles/.rc\n"
    );
    let gone = ["up", "--force-recreate", "--dotfiles-repository", &address, "--dotfiles-install-command", "gone.sh"];
    shop.devup(&gone).expect(1).says("there is no gone.sh in /root/dotfiles");
    let mut secret = shop.command(&["up", "--dotfiles-repository", "https://ada:hunter2@git.example/dots"]);
    secret.env("NO_COLOR", "1");
    let told = Ran::of(secret).expect(1).says("has a password in its address");
    assert!(!told.err.contains("hunter2"), "{}", told.err);
}
