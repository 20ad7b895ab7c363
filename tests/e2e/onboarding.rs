//! The first day: from an address to a running project; worktrees beside each other; consent.

use std::path::Path;
use std::process::Command;

use crate::engine::{Engine, Kind, engine};
use crate::project::{Project, Ran, hermetic};

pub fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A project whose folder is a repository with one commit.
fn repository(engine: &Engine, what: &str, spec: &str) -> Project {
    let project = Project::new(engine, what, spec);
    project.write("compose.yaml", &format!("name: {}\n{spec}", project.name));
    git(&project.folder(), &["init", "-q"]);
    git(&project.folder(), &["add", "."]);
    git(&project.folder(), &["commit", "-qm", "first"]);
    project
}

pub fn devup_in(project: &Project, folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
    command.args(arguments).current_dir(folder);
    hermetic(&mut command, &project.home());
    command.env("DOCKER_HOST", project.engine.host());
    Ran::of(command)
}

const WEB: &str = "services:\n  web:\n    image: IMAGE\n    command: [httpd, -f, -p, '80', -h, /data]\n    stop_signal: SIGKILL\n    container_name: FIXED\n    ports: ['PORT:80']\n    volumes: [store:/data]\nvolumes: {store: {name: FIXED-store}}\n";

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn one_command_from_an_address_to_a_running_project() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let spec = "services: {a: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL}}\n";
    let origin = repository(&engine, "origin", spec);
    let url = format!("file://{}", origin.folder().display());
    let place = origin.home().join("work");
    std::fs::create_dir_all(&place).unwrap();
    let target = origin.name.clone();
    devup_in(&origin, &place, &[&url, &target]).expect(0);
    assert_eq!(engine.running(&target), [format!("{target}-a-1")]);
    // again: it goes on with what is there and leaves work alone
    std::fs::write(place.join(&target).join("work.txt"), "mine").unwrap();
    let ids = engine.ids(&target);
    devup_in(&origin, &place, &[&url, &target]).expect(0);
    assert_eq!(engine.ids(&target), ids);
    assert_eq!(std::fs::read_to_string(place.join(&target).join("work.txt")).unwrap(), "mine");
    devup_in(&origin, &place, &["ext::sh -c true"]).expect(2);
    devup_in(&origin, &place, &["--", "--upload-pack=touch /tmp/x"]).expect(2);
    engine.clean(&target);
}

#[test]
fn a_second_worktree_has_names_ports_and_data_of_its_own() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let port = free_port();
    let fixed = format!("fixed{}", std::process::id());
    let spec = WEB.replace("PORT", &port.to_string()).replace("FIXED", &fixed);
    let first = repository(&engine, "tree", &spec);
    first.devup(&["up"]).expect(0);
    let second = first.folder().parent().unwrap().join("feature");
    git(&first.folder(), &["worktree", "add", "-q", second.to_str().unwrap()]);
    let ran = devup_in(&first, &second, &["--json", "up"]).expect(0);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let name = answer["project"].as_str().unwrap().to_owned();
    assert_ne!(name, first.name);
    assert_eq!(engine.running(&first.name), std::slice::from_ref(&fixed));
    let other = engine.running(&name);
    assert_eq!(other.len(), 1);
    assert_ne!(other[0], fixed, "container_name is suffixed");
    assert_ne!(engine.volumes(&name), engine.volumes(&first.name));
    let moved = answer["ports"][0]["published"].as_u64().unwrap();
    assert_ne!(moved, u64::from(port));
    devup_in(&first, &second, &["plan"]).expect(0);
    first.devup(&["plan"]).expect(0);
    first.devup(&["projects"]).expect(0).says(&name);
    devup_in(&first, &second, &["destroy", "--yes"]).expect(0);
    assert!(engine.containers(&name).is_empty() && engine.volumes(&name).is_empty());
    assert_eq!(engine.running(&first.name), [fixed], "the other copy is untouched");
}

#[test]
fn what_reaches_beyond_the_project_needs_consent() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let spec = "services:\n  a:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    volumes: [/etc:/host-etc:ro]\n";
    let project = Project::new(&engine, "trust", spec);
    project.devup(&["up", "--yes"]).expect(4).says("/etc").says("compose.yaml:6").says("trust");
    assert!(engine.containers(&project.name).is_empty(), "--yes never grants trust");
    project.devup(&["--trust", "trust"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&project.name).len(), 1);
    // the answer is bound to what was asked
    project.write("compose.yaml", &spec.replace("    volumes:", "    privileged: true\n    volumes:"));
    project.devup(&["up"]).expect(4).says("privileged");
    project.write("compose.yaml", spec);
    project.devup(&["trust", "--revoke"]).expect(0);
    project.devup(&["up"]).expect(4);
    std::os::unix::fs::symlink("/etc", project.folder().join("inside")).unwrap();
    project.write("compose.yaml", &spec.replace("/etc:/host-etc", "./inside:/host-etc"));
    project.devup(&["up"]).expect(4).says("/etc");
}

#[test]
fn files_made_inside_belong_to_the_user_of_the_host() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(
        &engine,
        "owner",
        "services:\n  a:\n    image: IMAGE\n    user: '4321:4321'\n    command: [sh, -c, 'touch /workspace/made && sleep infinity']\n    stop_signal: SIGKILL\n    volumes: ['.:/workspace']\n    healthcheck: {test: [CMD, ls, /workspace/made], interval: 100ms, retries: 50}\n",
    );
    let owned = Command::new("chown").arg("4321:4321").arg(project.folder()).status().is_ok_and(|s| s.success());
    if !owned {
        eprintln!("SKIPPED: giving a folder to another user needs root");
        return;
    }
    project.devup(&["up"]).expect(0);
    let made = std::fs::metadata(project.folder().join("made")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), 4321);
}
