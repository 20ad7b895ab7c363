//! Whatever removes data saves it first, says so, and is undone by what it says. Judged on the engine's own disk.

use std::fs;
use std::path::PathBuf;

use crate::data::{project, run};
use crate::project::{Project, Ran};

fn disk(project: &Project, target: &str) -> PathBuf {
    project.engine.disk(&project.container("db", 1), target)
}

fn write(project: &Project, text: &str) {
    for target in ["/d", "/unnamed"] {
        fs::write(disk(project, target).join("file"), text).unwrap();
    }
}

fn read(project: &Project, target: &str) -> Option<String> {
    fs::read_to_string(disk(project, target).join("file")).ok()
}

/// What the command said that undoes it: the name of the data that was saved.
fn undo(ran: &Ran) -> String {
    let name = ran.err.split("`devup data restore ").nth(1).and_then(|rest| rest.split('`').next());
    name.unwrap_or_else(|| panic!("no way back is told: {}{}", ran.out, ran.err)).to_owned()
}

/// The volume is defined otherwise from now on.
fn redefine(project: &Project, number: u32) {
    let spec = fs::read_to_string(project.folder().join("compose.yaml")).unwrap();
    let (services, _) = spec.split_once("\nvolumes:").unwrap();
    project
        .write("compose.yaml", &format!("{services}\nvolumes: {{ data: {{ labels: {{ version: '{number}' }} }} }}\n"));
}

#[test]
fn a_volume_that_is_defined_otherwise_is_saved_before_it_goes() {
    let Some(project) = project(crate::engine::Kind::Docker, "otherwise") else { return };
    write(&project, "first");
    redefine(&project, 1);
    // nobody can make a repository here without a person: it is told, and the step that was agreed to happens
    project.devup(&["--yes", "up"]).expect(0).says("no backup of the data was taken first");
    assert_eq!(read(&project, "/d"), None);
    write(&project, "second");
    run(&project, &["data", "save", "by-hand"]).expect(0);
    redefine(&project, 2);
    // a repository is there, and can't be opened: nothing goes
    let volume = disk(&project, "/d");
    project.devup(&["--yes", "up"]).expect(1).says("nothing was removed").says("`devup up --no-backup`");
    assert_eq!((disk(&project, "/d"), read(&project, "/d")), (volume, Some("second".to_owned())));
    let gone = run(&project, &["--yes", "up"]).expect(0).says("saved the data as before-up-");
    assert_eq!(read(&project, "/d"), None);
    assert_eq!(read(&project, "/unnamed").as_deref(), Some("second"), "it is handed over");
    run(&project, &["data", "restore", &undo(&gone)]).expect(0);
    assert_eq!(read(&project, "/d").as_deref(), Some("second"));
    redefine(&project, 3);
    let listed = run(&project, &["data", "list"]).expect(0).out;
    project.devup(&["--yes", "up", "--no-backup"]).expect(0);
    assert_eq!(read(&project, "/d"), None);
    assert_eq!(run(&project, &["data", "list"]).expect(0).out, listed);
    // what removes nothing saves nothing
    run(&project, &["up"]).expect(0);
    assert_eq!(run(&project, &["data", "list"]).expect(0).out, listed);
}

#[test]
fn fresh_data_and_fresh_unnamed_volumes_can_be_undone() {
    let Some(project) = project(crate::engine::Kind::Docker, "fresh") else { return };
    write(&project, "first");
    let renewed = run(&project, &["up", "--renew-anon-volumes", "--force-recreate"]).expect(0);
    assert_eq!((read(&project, "/d").as_deref(), read(&project, "/unnamed")), (Some("first"), None));
    run(&project, &["data", "restore", &undo(&renewed)]).expect(0);
    assert_eq!(read(&project, "/unnamed").as_deref(), Some("first"));

    run(&project, &["rebuild"]).expect(0);
    assert_eq!(read(&project, "/d").as_deref(), Some("first"), "without the flag data stays");
    let before = project.engine.running(&project.name);
    let rebuilt = run(&project, &["rebuild", "--data"]).expect(0).says("saved the data as before-rebuild-");
    assert_eq!((read(&project, "/d"), read(&project, "/unnamed")), (None, None));
    assert_eq!(project.engine.running(&project.name), before);
    run(&project, &["data", "restore", &undo(&rebuilt), "--no-backup"]).expect(0);
    assert_eq!(read(&project, "/d").as_deref(), Some("first"));
    assert_eq!(read(&project, "/unnamed").as_deref(), Some("first"));
    project.devup(&["rebuild", "--data"]).expect(1).says("nothing was removed").says("`devup rebuild --no-backup`");
    assert_eq!(read(&project, "/d").as_deref(), Some("first"));

    let removed = run(&project, &["rm", "--force", "--stop", "--volumes", "db"]).expect(0);
    run(&project, &["up"]).expect(0);
    assert_eq!(read(&project, "/unnamed"), None);
    run(&project, &["data", "restore", &undo(&removed)]).expect(0);
    assert_eq!(read(&project, "/unnamed").as_deref(), Some("first"));
}

/// The engine calls a container unhealthy that was frozen, until its next probe: saving its data is no reason to fail.
#[test]
fn a_service_whose_data_was_saved_is_well() {
    let Some(engine) = crate::engine::engine(crate::engine::Kind::Docker) else { return };
    let spec = "services:\n  db:\n    image: IMAGE\n    command: [sleep, infinity]\n    stop_signal: SIGKILL\n    volumes: ['data:/d']\n    \
                healthcheck: { test: [CMD, 'true'], interval: 60s }\nvolumes: { data: {} }\n";
    let project = Project::new(&engine, "frozen", spec);
    project.devup(&["up"]).expect(0);
    project.devup(&["pause"]).expect(0);
    project.devup(&["unpause"]).expect(0);
    project.devup(&["up"]).expect(0);
}
