//! Several checkouts of one project side by side, without a name in the spec.

use std::path::Path;

use crate::engine::{Engine, Kind, engine};
use crate::onboarding::{devup_in, free_port, git};
use crate::project::Project;

const SPEC: &str = "services:\n  web:\n    image: IMAGE\n    command: [httpd, -f, -p, '80', -h, /data]\n    stop_signal: SIGKILL\n    container_name: FIXED\n    ports: ['PORT:80']\n    volumes: [store:/data, plain:/plain]\nvolumes: {store: {name: FIXED-store}, plain: {}}\nnetworks: {default: {name: FIXED-net}}\n";

/// Removes what a further checkout left, however the test ends.
struct Checkout<'a>(&'a Engine, String);

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        self.0.clean(&self.1);
    }
}

/// A repository without a name in its spec, with fixed names of everything.
fn nameless(engine: &Engine, what: &str) -> (Project, String) {
    let fixed = format!("fixed{}{what}", std::process::id());
    let spec = SPEC.replace("FIXED", &fixed).replace("PORT", &free_port().to_string());
    let project = Project::new(engine, what, &spec);
    git(&project.folder(), &["init", "-q"]);
    git(&project.folder(), &["add", "."]);
    git(&project.folder(), &["commit", "-qm", "first"]);
    (project, fixed)
}

/// It comes up without a question, under names and with data of its own, and stays that way.
fn is_an_instance(first: &Project, fixed: &str, folder: &Path) {
    let engine = &first.engine;
    let instance = folder.file_name().unwrap().to_str().unwrap();
    let name = format!("{}-{instance}", first.name);
    let ran = devup_in(first, folder, &["--json", "up"]).expect(0);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["project"], name.as_str());
    assert_eq!(engine.running(&name), [format!("{fixed}-{instance}")]);
    assert_eq!(engine.volumes(&name), [format!("{name}_plain"), format!("{fixed}-store-{instance}")]);
    assert_eq!(engine.networks(&name), [format!("{fixed}-net-{instance}")]);
    let labels = engine.inspect(&format!("{fixed}-{instance}")).config.unwrap().labels.unwrap();
    assert_eq!((labels["io.devup.base-name"].as_str(), labels["io.devup.instance"].as_str()), (&*first.name, instance));
    assert_eq!(devup_in(first, folder, &["plan"]).expect(0).out, "");
}

#[test]
fn worktrees_and_clones_of_a_nameless_project_are_instances() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let (first, fixed) = nameless(&engine, "same");
    first.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&first.name), std::slice::from_ref(&fixed));
    engine.exec(&fixed, &["sh", "-c", "echo precious > /data/rows"]);
    let root = first.folder().parent().unwrap().to_owned();
    // not beside the first: neither its place nor its folder's name say whose it is
    std::fs::create_dir_all(root.join("trees")).unwrap();
    let tree = root.join("trees/feature");
    git(&first.folder(), &["worktree", "add", "-q", tree.to_str().unwrap()]);
    let clone = root.join("review");
    git(&root, &["clone", "-q", first.folder().to_str().unwrap(), clone.to_str().unwrap()]);
    for folder in [&tree, &clone] {
        let instance = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let _left = Checkout(&engine, format!("{}-{instance}", first.name));
        is_an_instance(&first, &fixed, folder);
        assert!(!engine.exec(&format!("{fixed}-{instance}"), &["ls", "/data"]).contains("rows"), "data of its own");
        devup_in(&first, folder, &["destroy", "--yes"]).expect(0);
    }
    assert_eq!(engine.running(&first.name), std::slice::from_ref(&fixed), "the first is untouched");
    assert_eq!(engine.exec(&fixed, &["cat", "/data/rows"]).trim(), "precious");
    first.devup(&["plan"]).expect(0);
}

#[test]
fn a_worktree_leaves_the_plain_name_to_the_first_tree() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let (first, fixed) = nameless(&engine, "before");
    let tree = first.folder().parent().unwrap().join("fix");
    git(&first.folder(), &["worktree", "add", "-q", tree.to_str().unwrap()]);
    let _left = Checkout(&engine, format!("{}-fix", first.name));
    is_an_instance(&first, &fixed, &tree);
    first.devup(&["up"]).expect(0);
    assert_eq!(engine.running(&first.name), [fixed]);
    assert_eq!(engine.running(&format!("{}-fix", first.name)).len(), 1);
}
