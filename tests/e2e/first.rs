//! The first `up` of a machine sees to it that there is a backup repository, where that takes nobody.

use std::fs;
use std::process::Command;

use crate::engine::{Kind, engine};
use crate::project::{Project, Ran};

const SPEC: &str = "services:\n  web: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, volumes: ['data:/d'] }\n\
                    volumes: { data: {} }\n";
const LEFT: &str = "there is no backup repository on this machine";
const MADE: &str = "made the backup repository local";

fn project(what: &str) -> Option<Project> {
    Some(Project::new(&engine(Kind::Docker)?, what, SPEC))
}

#[test]
fn without_a_keyring_it_is_said_once_and_left() {
    let Some(project) = project("left") else { return };
    let mut in_a_service = project.command(&["up"]);
    in_a_service.env("CI", "true");
    let quiet = Ran::of(in_a_service).expect(0);
    assert!(!quiet.err.contains("backup"), "a CI service is left alone: {}", quiet.err);
    project.write("compose.yaml", &SPEC.replace("SIGKILL,", "SIGKILL, labels: { a: b },"));
    let first = project.devup(&["up"]).expect(0).says(LEFT).says("`devup backup init REPOSITORY`");
    assert!(!first.err.contains(MADE), "{}", first.err);
    project.write("compose.yaml", &SPEC.replace("SIGKILL,", "SIGKILL, labels: { a: c },"));
    let second = project.devup(&["up"]).expect(0);
    assert!(!second.err.contains(LEFT), "{}", second.err);
    assert!(!project.home().join(".config/devup/backup.yaml").exists());
}

/// On a bus with an unlocked keyring.
fn with_keyring(project: &Project, script: &str) -> Option<Ran> {
    if ["dbus-run-session", "gnome-keyring-daemon"].iter().any(|program| which::which(program).is_err()) {
        assert!(std::env::var_os("DEVUP_REQUIRE_ENGINES").is_none(), "dbus and gnome-keyring are required");
        eprintln!("SKIPPED: no dbus-run-session or no gnome-keyring here");
        return None;
    }
    let run = project.home().join("run");
    fs::create_dir_all(&run).unwrap();
    let devup = project.command(&[]);
    let mut command = Command::new("dbus-run-session");
    command.env_clear().envs(devup.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let unlock = "printf unlocked | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1";
    command.env("DEVUP", env!("CARGO_BIN_EXE_devup")).env("XDG_RUNTIME_DIR", run).current_dir(project.folder());
    command.args(["--", "sh", "-euc", &format!("{unlock}\n{script}")]);
    Some(Ran::of(command))
}

#[test]
fn with_a_keyring_it_is_made_and_takes_what_is_saved_first() {
    let Some(project) = project("made") else { return };
    let script = "\"$DEVUP\" up\necho again >&2\n\"$DEVUP\" up\necho sheet >&2\n\"$DEVUP\" backup sheet\n\
                  \"$DEVUP\" exec -T web sh -c 'echo kept > /d/file'\n\"$DEVUP\" down -v\n\
                  \"$DEVUP\" data list\n";
    let Some(ran) = with_keyring(&project, script) else { return };
    let ran = ran.expect(0).says(MADE).says("saved the data as before-down-");
    let (first, rest) = ran.err.split_once("again\n").unwrap();
    let (second, _) = rest.split_once("sheet\n").unwrap();
    assert!(first.contains(MADE) && first.contains("`devup backup sheet`"), "{first}");
    assert!(!second.contains("backup"), "said once: {second}");
    let words =
        ran.out.lines().find_map(|line| line.trim().strip_prefix("passphrase")).expect("the words of the sheet");
    assert_eq!(words.trim().split('-').count(), 8, "{words}");
    assert!(!ran.err.contains(words.trim()), "coming up shows no passphrase");
    assert!(ran.out.contains("before-down-"), "{}", ran.out);
    assert!(project.home().join(".local/share/devup/backups/config").exists());
    assert_eq!(project.engine.volumes(&project.name), [""; 0]);
}
