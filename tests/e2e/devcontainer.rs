//! Dev containers: from a `devcontainer.json` to a place to work in, judged through the engine and from inside.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran, hermetic};

const PATIENCE: Duration = Duration::from_secs(30);

/// A small distribution: all of busybox, and a user whose start-up file says that it was read.
const DOCKERFILE: &str = r#"FROM IMAGE
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin && mkdir -p /etc /home/node /tmp && chmod 1777 /tmp"]
RUN printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >/etc/passwd \
 && printf 'root:x:0:\nnode:x:1000:\n' >/etc/group \
 && printf 'export FROM_PROFILE=yes\necho noise\n' >/home/node/.profile \
 && chown -R 1000:1000 /home/node
"#;

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

/// A project that has nothing but a dev container, made of the Dockerfile and `more` lines.
pub fn shop(engine: &Engine, what: &str, configuration: &str, more: &str) -> Project {
    let shop = Project::new(engine, what, "");
    std::fs::remove_file(shop.folder().join("compose.yaml")).unwrap();
    shop.write(".devcontainer/devcontainer.json", configuration);
    shop.write(".devcontainer/Dockerfile", &format!("{DOCKERFILE}{more}"));
    shop
}

fn inside(shop: &Project, command: &[&str]) -> String {
    let arguments: Vec<&str> = ["exec", "-T", "dev"].iter().chain(command).copied().collect();
    shop.devup(&arguments).expect(0).out
}

fn lines(shop: &Project, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(shop.folder().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

const LIFECYCLE: &str = r#"// everything that runs, and where
{
  "name": "Shop",
  "build": { "dockerfile": "Dockerfile" },
  "initializeCommand": "echo initialize >>order",
  "onCreateCommand": "echo create >>order",
  "updateContentCommand": ["sh", "-c", "echo update >>order"],
  "postCreateCommand": {
    "one": "until [ -e two ]; do sleep 0.05; done; echo post-create >>order",
    "two": ["touch", "two"], // waits for nobody: side by side, or never
  },
  "postStartCommand": "echo start >>order",
  "postAttachCommand": "echo attach >>order",
}
"#;

#[test]
fn commands_run_in_their_order_and_each_as_often_as_it_should() {
    let Some(engine) = docker() else { return };
    let shop = shop(
        &engine,
        "life",
        LIFECYCLE,
        "LABEL devcontainer.metadata='[{\"postCreateCommand\": \"echo image >>order\"}]'\n",
    );
    let refused =
        shop.devup(&["up"]).expect(4).says("initializeCommand runs `echo initialize >>order` on this machine");
    refused.says("devcontainer.json:5");
    assert!(lines(&shop, "order").is_empty(), "nothing ran without consent");
    assert!(engine.containers(&shop.name).is_empty());

    shop.devup(&["--trust", "up"]).expect(0);
    let first = ["initialize", "create", "update", "image", "post-create", "start", "attach"];
    assert_eq!(lines(&shop, "order"), first);
    shop.devup(&["--trust", "up"]).expect(0).says("nothing to change");
    assert_eq!(lines(&shop, "order")[first.len()..], ["initialize"], "as the specification has it, at each `up`");
    shop.devup(&["plan"]).expect(0);

    shop.write("order", "");
    shop.devup(&["stop"]).expect(0);
    shop.devup(&["start"]).expect(0);
    assert_eq!(lines(&shop, "order"), ["start", "attach"]);
    shop.devup(&["plan"]).expect(0);

    shop.write("order", "");
    shop.devup(&["--trust", "up", "--force-recreate"]).expect(0);
    assert_eq!(lines(&shop, "order"), first, "another container is another creation");
    shop.devup(&["down"]).expect(0);
    assert!(engine.containers(&shop.name).is_empty());
}

#[test]
fn a_command_that_fails_ends_coming_up_and_is_tried_again() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{
        "dockerFile": "Dockerfile",
        "onCreateCommand": "echo create >>order",
        "postCreateCommand": "echo post-create >>order; [ -e fixed ] || { echo it is broken >&2; exit 3; }",
        "postStartCommand": "echo start >>order"
    }"#;
    let shop = shop(&engine, "fails", configuration, "");
    shop.devup(&["up"]).expect(1).says("postCreateCommand").says("it is broken");
    assert_eq!(lines(&shop, "order"), ["create", "post-create"]);
    shop.write("fixed", "");
    shop.devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "order"), ["create", "post-create", "post-create", "start"]);
}

#[test]
fn a_person_works_as_the_user_in_the_folder_with_the_variables() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{
        "build": { "dockerfile": "Dockerfile", "args": { "GREETING": "${localEnv:NOT_SET:hello}" } },
        "containerEnv": { "COLOUR": "green" },
        "remoteEnv": { "TOOLS": "${containerEnv:COLOUR} ${containerEnv:PATH}", "COLOUR": null, "PROJECT": "${localWorkspaceFolderBasename}" },
        "remoteUser": "node",
        "runArgs": ["--hostname", "workbench", "--label=mine=yes"],
        "mounts": [{ "type": "volume", "source": "cache-${devcontainerId}", "target": "/cache" }],
        "init": true,
        "capAdd": ["CHOWN"]
    }"#;
    let shop = shop(&engine, "person", configuration, "ARG GREETING\nENV GREETING=$GREETING PATH=/opt/tools:/bin\n");
    shop.devup(&["up"]).expect(0);
    assert_eq!(inside(&shop, &["id", "-un"]), "node\n");
    assert_eq!(inside(&shop, &["pwd"]), format!("/workspaces/{}\n", shop.name));
    let environment = inside(&shop, &["env"]);
    for line in ["FROM_PROFILE=yes", "GREETING=hello", "TOOLS=green /opt/tools:/bin", &format!("PROJECT={}", shop.name)]
    {
        assert!(environment.lines().any(|known| known == line), "{line} is not in\n{environment}");
    }
    assert!(!environment.contains("COLOUR=") && !environment.contains("noise"), "{environment}");
    assert_eq!(inside(&shop, &["hostname"]), "workbench\n");
    let explicit = shop.devup(&[
        "exec",
        "-T",
        "-u",
        "root",
        "-w",
        "/tmp",
        "-e",
        "PROJECT=other",
        "dev",
        "sh",
        "-c",
        "id -un; pwd; echo $PROJECT",
    ]);
    assert_eq!(explicit.expect(0).out, "root\n/tmp\nother\n");
    let shell = shop.command(&["shell"]);
    assert!(Ran::of(shell).code.is_some());

    let container = engine.inspect(&shop.container("dev", 1));
    let host = container.host_config.unwrap();
    assert_eq!((host.init, host.cap_add), (Some(true), Some(vec!["CHOWN".to_owned()])));
    let labels = container.config.unwrap().labels.unwrap();
    assert_eq!(labels["mine"], "yes");
    assert_eq!(labels["devcontainer.local_folder"], shop.folder().canonicalize().unwrap().display().to_string());
    let volumes = engine.volumes(&shop.name);
    assert!(volumes.len() == 1 && volumes[0].len() == "cache-".len() + 52, "{volumes:?}");
    shop.devup(&["destroy", "--yes"]).expect(0);
    assert!(engine.volumes(&shop.name).is_empty());
}

#[test]
fn a_composed_one_has_its_services_and_ports_without_an_editor() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{
        "dockerComposeFile": ["compose.yaml", "more.yaml"],
        "service": "app",
        "runServices": ["db"],
        "workspaceFolder": "/workspace",
        "overrideCommand": true,
        "forwardPorts": ["db:5432", 8000],
        "portsAttributes": { "8000": { "label": "Site", "protocol": "http" } },
        "postCreateCommand": "echo $MORE >created"
    }"#;
    let shop = shop(&engine, "composed", configuration, "");
    shop.write(
        ".devcontainer/compose.yaml",
        "services:\n  app:\n    image: IMAGE\n    command: ['false']\n    volumes: ['..:/workspace']\n  \
         db:\n    image: IMAGE\n    command: [sh, -c, 'while :; do echo database | nc -l -p 5432; done']\n    stop_signal: SIGKILL\n  \
         idle:\n    image: IMAGE\n    command: [sleep, infinity]\n",
    );
    shop.write(".devcontainer/more.yaml", "services:\n  app:\n    environment: { MORE: more }\n");
    shop.devup(&["up"]).expect(0);
    let running = engine.running(&shop.name);
    assert_eq!(running, [shop.container("app", 1), shop.container("db", 1)], "`idle` is none of the dev container's");
    assert_eq!(lines(&shop, "created"), ["more"]);
    assert_eq!(shop.devup(&["exec", "-T", "app", "sh", "-c", "echo $PWD"]).expect(0).out, "/workspace\n");
    let ports = engine.inspect(&shop.container("db", 1)).host_config.unwrap().port_bindings.unwrap();
    let binding = ports["5432/tcp"].clone().unwrap().remove(0);
    assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
    let address = format!("127.0.0.1:{}", binding.host_port.unwrap());
    let answer = within(PATIENCE, || {
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.write_all(b"\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        (text == "database\n").then_some(text)
    });
    assert!(answer.is_some(), "nothing answers on {address}");
    shop.devup(&["ports"]).expect(0).says("8000");
    shop.devup(&["down"]).expect(0);
    assert!(engine.containers(&shop.name).is_empty() && engine.networks(&shop.name).is_empty());
}

#[test]
fn the_users_ids_are_those_of_the_person_outside() {
    let Some(engine) = docker() else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: becoming another user needs root");
        return;
    }
    let configuration = r#"{ "dockerFile": "Dockerfile", "remoteUser": "node", "postCreateCommand": "touch made; id -u >>made; id -g >>made" }"#;
    let shop = shop(&engine, "ids", configuration, "");
    let owner = |path: &std::path::Path| std::fs::metadata(path).unwrap().uid();
    let top = shop.folder().parent().unwrap().to_owned();
    assert!(Command::new("chown").args(["-R", "4321:4322"]).arg(&top).status().unwrap().success());
    let group = std::fs::metadata(&engine.socket).unwrap().gid().to_string();
    let devup = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=4321", "--regid=4322", "--groups", &group, "--", env!("CARGO_BIN_EXE_devup")]);
        command.args(arguments).current_dir(shop.folder());
        hermetic(&mut command, &shop.home());
        command.env("DOCKER_HOST", engine.host());
        Ran::of(command)
    };
    devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "made"), ["4321", "4322"]);
    assert_eq!(owner(&shop.folder().join("made")), 4321);
    assert_eq!(engine.exec(&shop.container("dev", 1), &["stat", "-c", "%u", "/home/node/.profile"]), "4321\n");
    devup(&["up"]).expect(0).says("nothing to change");

    shop.write(".devcontainer/devcontainer.json", &configuration.replace('{', "{ \"updateRemoteUserUID\": false,"));
    std::fs::remove_file(shop.folder().join("made")).unwrap();
    assert!(Command::new("chmod").arg("777").arg(shop.folder()).status().unwrap().success());
    devup(&["up"]).expect(0);
    assert_eq!(lines(&shop, "made"), ["1000", "1000"]);
}

#[test]
fn what_an_image_asks_of_the_host_needs_consent_too() {
    let Some(engine) = docker() else { return };
    let label = "LABEL devcontainer.metadata='[{\"privileged\": true, \"remoteUser\": \"node\"}]'\n";
    let shop = shop(&engine, "label", r#"{ "dockerFile": "Dockerfile" }"#, label);
    shop.devup(&["up"]).expect(4).says("service dev runs privileged");
    assert!(engine.containers(&shop.name).is_empty());
    // made, not started: not every machine that tests run on can start a privileged one
    shop.devup(&["--trust", "create"]).expect(0);
    assert_eq!(engine.inspect(&shop.container("dev", 1)).host_config.unwrap().privileged, Some(true));
}

#[test]
fn secrets_are_looked_for_first_and_reach_the_commands() {
    let Some(engine) = docker() else { return };
    let configuration = r#"{
        "dockerFile": "Dockerfile",
        "secrets": { "TOKEN": { "description": "for the package index" }, "OTHER": {} },
        "postCreateCommand": "printf '%s.%s' \"$TOKEN\" \"$OTHER\" >seen"
    }"#;
    let shop = shop(&engine, "secrets", configuration, "");
    let mut command = shop.command(&["up"]);
    command.env("OTHER", "from-here");
    Ran::of(command).expect(0).says("secret TOKEN has no value (for the package index)");
    assert_eq!(lines(&shop, "seen"), [".from-here"]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let Some(engine) = docker() else { return };
    let shop = shop(
        &engine,
        "wrong",
        "{\n  \"image\": \"a\",\n  \"runArgs\": [\"--cidfile=x\"],\n  \"mounts\": [\"type=bind,source=a\"]\n}\n",
        "",
    );
    let told = shop.devup(&["up"]).expect(1);
    let told = told.says("devcontainer.json:3:15").says("--cidfile=x");
    told.says("devcontainer.json:4:14").says("it has no target");
    shop.write(".devcontainer/devcontainer.json", "{ \"imgae\": \"a\" }");
    shop.devup(&["config"]).expect(1).says("did you mean `image`?");
}
