//! `pre_start`: steps in containers of their own before those of a service start.

use crate::engine::{Kind, engine};
use crate::project::Project;

const SPEC: &str = r#"
services:
  db: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL }
  app:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    depends_on: [db]
    working_dir: /data
    user: "1000:1000"
    environment: { WHO: service, ALSO: kept }
    scale: 2
    secrets: [token]
    volumes: ["data:/data", "/own"]
    networks: [default, back]
    pre_start:
      - { command: "sh -c 'mkdir -p /data; chmod 777 /data'", user: "0", image: IMAGE, working_dir: / }
      - command: ["sh", "-c", "echo one $$WHO $$ALSO $$(id -u) $$(pwd) $$(cat /run/secrets/token) >> log"]
        environment: { WHO: step }
      - { command: ["sh", "-c", "ls /sys/class/net | grep -c eth >> log"] }
      - { command: ["sh", "-c", "echo each >> /data/log; echo mine >> /own/mine"], user: "0", per_replica: true }
networks: { back: {} }
volumes: { data: {} }
secrets: { token: { environment: TOKEN } }
"#;

fn project(kind: Kind, what: &str, spec: &str) -> Option<Project> {
    let engine = engine(kind)?;
    let project = Project::new(&engine, what, "");
    project.write("compose.yaml", spec);
    project.write(".env", "TOKEN=sesame\n");
    Some(project)
}

fn log(project: &Project) -> Vec<String> {
    let text = project.engine.exec(&project.container("app", 1), &["cat", "/data/log"]);
    text.lines().map(str::to_owned).collect()
}

fn once_and_in_order(kind: Kind) {
    let Some(project) = project(kind, "before", SPEC) else { return };
    project.devup(&["up"]).expect(0);
    let first = ["one step kept 1000 /data sesame", "2", "each", "each"];
    assert_eq!(log(&project), first);
    for number in [1, 2] {
        assert_eq!(project.engine.exec(&project.container("app", number), &["cat", "/own/mine"]).trim(), "mine");
    }
    assert_eq!(project.engine.containers(&project.name).len(), 3, "steps leave no container");
    // done is done: neither `up` nor a stop and a start repeats them
    project.devup(&["plan"]).expect(0);
    project.devup(&["up"]).expect(0);
    project.devup(&["stop"]).expect(0);
    project.devup(&["start"]).expect(0);
    project.devup(&["restart", "app"]).expect(0);
    project.devup(&["stop", "app"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(log(&project), first);
    // a further container: what is once for the service was done
    project.devup(&["up", "--scale", "app=3"]).expect(0);
    assert_eq!(log(&project).len(), 5);
    project.devup(&["up", "--force-recreate", "app"]).expect(0);
    assert_eq!(log(&project).len(), 5 + 4);
    project.write("compose.yaml", &SPEC.replace("echo each", "echo changed"));
    project.devup(&["up"]).expect(0);
    assert_eq!(log(&project)[9..], ["one step kept 1000 /data sesame", "2", "changed", "changed"]);
    project.devup(&["down", "-v"]).expect(0);
}

#[test]
fn steps_before_the_start_run_once_and_in_order() {
    once_and_in_order(Kind::Docker);
}

#[test]
fn steps_before_the_start_run_once_and_in_order_on_podman() {
    once_and_in_order(Kind::Podman);
}

#[test]
fn a_step_that_fails_keeps_its_service_and_its_users_from_starting() {
    let spec = r#"
services:
  app:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    volumes: [".:/here"]
    pre_start:
      - { command: ["sh", "-c", "echo first >> /here/log"] }
      - { command: ["sh", "-c", "echo no key here >&2; test -e /here/key"] }
      - { command: ["sh", "-c", "echo last >> /here/log"] }
  user: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, depends_on: [app] }
"#;
    let Some(project) = project(Kind::Docker, "beforefail", spec) else { return };
    let log = || std::fs::read_to_string(project.folder().join("log")).unwrap();
    let failed = project.devup(&["up"]).expect(1);
    failed.says("step before the start (`pre_start`)").says("no key here").says("app-1");
    let states = || -> Vec<String> {
        let listed = project.devup(&["ps", "-a", "--format", "{{.Service}} {{.State}}"]).expect(0).out;
        listed.lines().map(str::to_owned).collect()
    };
    assert_eq!(states(), ["app created", "user created"]);
    // what needs containers to be made is not `start`'s business
    project.devup(&["start"]).expect(1).says("service \"app\" has steps of `pre_start`").says("devup up app");
    assert_eq!(log(), "first\n");
    // what succeeded is not repeated
    project.write("key", "");
    project.devup(&["up"]).expect(0);
    assert_eq!(log(), "first\nlast\n");
    assert_eq!(states(), ["app running", "user running"]);
}
