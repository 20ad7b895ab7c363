//! Steps that write beneath mounts run once per content for as long as the mounted thing is the same one; hooks at every
//! start.

use crate::engine::{Kind, engine};
use crate::project::Project;

const SPEC: &str = r#"
devup: 1
services:
  a:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    working_dir: /workspace
    labels: { version: one }
    volumes: [".:/workspace", "cache:/cache", "/anonymous"]
    provision:
      - { run: "cat input >> /cache/log", inputs: [input], outputs: [/cache/log] }
      - { run: "echo built >> built", outputs: [built] }
      - { run: "echo anonymous >> /anonymous/log", outputs: [/anonymous/log] }
volumes: { cache: {} }
"#;

fn project(what: &str, spec: &str) -> Option<Project> {
    let engine = engine(Kind::Docker)?;
    let project = Project::new(&engine, what, "");
    std::fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("devup.yaml", spec);
    Some(project)
}

/// What each step has written so far.
fn written(project: &Project) -> [String; 3] {
    let read = |file: &str| {
        project.engine.exec(&project.container("a", 1), &["cat", file]).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    [read("/cache/log"), read("/workspace/built"), read("/anonymous/log")]
}

#[test]
fn steps_beneath_mounts_run_once_for_each_mounted_thing() {
    let Some(project) = project("steps", SPEC) else { return };
    let once = ["first", "built", "anonymous"];
    project.write("input", "first\n");
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project), once);
    project.devup(&["plan"]).expect(0);
    // the container is made anew, what it mounts is not
    let before = project.engine.ids(&project.name);
    project.write("devup.yaml", &SPEC.replace("one", "two"));
    let plan = project.devup(&["plan"]).expect(20);
    assert!(!plan.out.contains("provision"), "{}", plan.out);
    project.devup(&["up"]).expect(0);
    assert_ne!(project.engine.ids(&project.name), before);
    assert_eq!(written(&project), once);
    project.devup(&["up", "--force-recreate"]).expect(0);
    assert_eq!(written(&project), once);
    // only the anonymous volume goes with its container
    project.devup(&["down"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project), once);
    // another volume of the same name holds nothing
    project.devup(&["down", "-v"]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project), once);
    project.devup(&["plan"]).expect(0);
}

#[test]
fn steps_beneath_mounts_run_again_when_inputs_change_or_the_result_goes() {
    let Some(project) = project("again", SPEC) else { return };
    project.write("input", "first\n");
    project.devup(&["up"]).expect(0);
    project.write("input", "second\n");
    project.devup(&["plan"]).expect(20).says("a provisioning step is due");
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project), ["first second", "built", "anonymous"], "also while it ran");
    project.devup(&["plan"]).expect(0);
    // back to what it was: the volume holds the result of the other content
    project.write("input", "first\n");
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project)[0], "first second first");
    std::fs::remove_file(project.folder().join("built")).unwrap();
    project.devup(&["up"]).expect(0);
    assert_eq!(written(&project), ["first second first", "built", "anonymous"]);
    // two containers with the same mounts: once
    project.devup(&["down", "-v"]).expect(0);
    std::fs::remove_file(project.folder().join("built")).unwrap();
    project.devup(&["up", "--scale", "a=2"]).expect(0);
    assert_eq!(written(&project), ["first", "built", "anonymous"]);
    project.devup(&["plan"]).expect(20).says("more than wanted");
}

#[test]
fn hooks_after_the_start_run_at_every_start_and_only_then() {
    let spec = "services:\n  a:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    volumes: ['.:/workspace']\n    post_start: [{command: [sh, -c, 'echo x >> /workspace/hooks']}]\n";
    let Some(project) = project("hooks", spec) else { return };
    let ran = |times: usize| {
        let log = std::fs::read_to_string(project.folder().join("hooks")).unwrap_or_default();
        assert_eq!(log.lines().count(), times);
    };
    project.devup(&["up"]).expect(0);
    ran(1);
    project.devup(&["up"]).expect(0);
    ran(1);
    project.devup(&["restart"]).expect(0);
    ran(2);
    project.devup(&["stop"]).expect(0);
    project.devup(&["start"]).expect(0);
    ran(3);
    project.devup(&["start"]).expect(0);
    ran(3);
    project.devup(&["down"]).expect(0);
    project.devup(&["create"]).expect(0);
    ran(3);
    project.devup(&["start"]).expect(0);
    ran(4);
    // `up` knows that they ran
    project.devup(&["plan"]).expect(0);
    project.devup(&["up"]).expect(0);
    ran(4);
}
