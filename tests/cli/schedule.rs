//! `devup backup schedule`, with stand-ins for the machine's cron and systemd: a crontab that is a file, and a systemctl
//! that keeps a list of what it was asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::environment::{Ran, TestEnvironment};

const CRONTAB: &str = "#!/bin/sh
case $1 in
  -l) cat \"$HOME/crontab\" 2>/dev/null || { echo \"no crontab for you\" >&2; exit 1; } ;;
  -) cat > \"$HOME/crontab\" ;;
esac
";

fn world(systemctl: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("devup.yaml", "devup: 1\nname: shop\nservices: {web: {image: x}}\n").file("../key", "seal\n");
    for (name, text) in [("crontab", CRONTAB), ("systemctl", systemctl)] {
        env.file(format!("../bin/{name}"), text);
        let path = env.project().join("../bin").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    env
}

fn with_path(env: &TestEnvironment, command: &mut Command) -> Ran {
    let bin = fs::canonicalize(env.project().join("../bin")).unwrap();
    env.finish(command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())))
}

fn devup(env: &TestEnvironment, words: &[&str]) -> Ran {
    with_path(env, &mut env.command(words))
}

fn done(env: &TestEnvironment, words: &[&str]) -> String {
    let ran = devup(env, words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
    ran.stdout + &ran.stderr
}

/// What the registry would know after an `up`.
fn register(env: &TestEnvironment) {
    let path = fs::canonicalize(env.project()).unwrap();
    let entry = serde_json::json!({
        "shop": { "name": "shop", "base_name": "shop", "path": path, "last_used": "2026-01-01T00:00:00Z" }
    });
    fs::write(env.home().join(".local/state/devup/projects.json"), entry.to_string()).unwrap();
}

fn crontab(env: &TestEnvironment) -> String {
    fs::read_to_string(env.home().join("crontab")).unwrap_or_default()
}

/// What cron would run now, run with no more than cron gives.
fn tick(env: &TestEnvironment) -> Ran {
    let line = crontab(env).lines().find(|line| line.starts_with("17 * * * * ")).unwrap().to_owned();
    let line = line.trim_start_matches("17 * * * * ").replace("\\%", "%").replace(" >/dev/null 2>&1", "");
    env.finish(Command::new("/bin/sh").args(["-c", &line]).current_dir("/").env_clear().env("HOME", env.home()))
}

fn snapshots(env: &TestEnvironment) -> Vec<Value> {
    let listed = done(env, &["backup", "list", "--json", "--passphrase-file", "../key"]);
    serde_json::from_str(&listed).unwrap()
}

#[test]
fn cron_takes_what_is_due_tells_of_failures_and_keeps_everybody_elses_lines() {
    let env = world("#!/bin/sh\nexit 1\n");
    fs::write(env.home().join("crontab"), "1 2 3 4 5 mine\n").unwrap();
    let unattended = devup(&env, &["backup", "schedule", "--daily"]);
    assert_eq!(unattended.code, Some(4), "{}", unattended.screen());
    assert_eq!(crontab(&env), "1 2 3 4 5 mine\n");

    let said = done(&env, &["backup", "schedule", "--daily", "--passphrase-file", "../key"]);
    assert!(said.contains("RECOVERY SHEET") && said.contains("daily, by cron"), "{said}");
    done(&env, &["backup", "schedule", "--hourly", "--passphrase-file", "../key"]);
    let lines = crontab(&env);
    assert!(lines.starts_with("1 2 3 4 5 mine\n") && lines.lines().count() == 3, "{lines}");

    register(&env);
    let first = tick(&env);
    assert_eq!(first.code, Some(0), "{}", first.screen());
    let taken = snapshots(&env);
    assert!(taken.len() == 1 && taken[0]["project"] == "shop", "{taken:?}");
    assert!(taken[0]["tags"].as_array().unwrap().contains(&"devup:auto".into()), "{taken:?}");
    assert_eq!(tick(&env).code, Some(0));
    assert_eq!(snapshots(&env).len(), 1, "the second is not due yet");

    // the hour is over, and the disk is gone
    let record = env.home().join(".local/state/devup/backup/automatic.json");
    fs::write(&record, r#"{"succeeded": "2026-01-01T00:00:00Z"}"#).unwrap();
    let repository = env.home().join(".local/share/devup/backups");
    fs::rename(&repository, env.home().join("unplugged")).unwrap();
    assert_eq!(tick(&env).code, Some(1));
    let told = done(&env, &["backup", "schedule"]);
    assert!(told.contains("failed: opening the repository"), "{told}");
    fs::rename(env.home().join("unplugged"), &repository).unwrap();
    assert_eq!(tick(&env).code, Some(0));
    assert!(!done(&env, &["backup", "schedule"]).contains("failed"));
    assert_eq!(snapshots(&env).len(), 2);

    done(&env, &["backup", "schedule", "--off"]);
    assert_eq!(crontab(&env), "1 2 3 4 5 mine\n");
    assert_eq!(devup(&env, &["backup", "due"]).code, Some(1));
}

#[test]
fn a_timer_is_taken_from_whoever_has_it() {
    let env = world("#!/bin/sh\nexit 1\n");
    let units = env.home().join(".config/systemd/user");
    fs::create_dir_all(units.join("timers.target.wants")).unwrap();
    let left = ["devup-backup.timer", "devup-backup.service", "timers.target.wants/devup-backup.timer"];
    let by_systemd = || left.iter().filter(|name| units.join(name).symlink_metadata().is_ok()).count();
    let set_by_systemd = || left.iter().for_each(|name| fs::write(units.join(name), "[Unit]\n").unwrap());
    // systemd's manager had it, and does not answer today
    set_by_systemd();
    done(&env, &["backup", "schedule", "--daily", "--passphrase-file", "../key"]);
    assert_eq!((crontab(&env).lines().count(), by_systemd()), (2, 0), "one timer, not two");
    set_by_systemd();
    done(&env, &["backup", "schedule", "--off"]);
    assert_eq!((crontab(&env).as_str(), by_systemd()), ("", 0));
}

#[test]
fn a_repository_that_does_not_answer_makes_no_backup_due() {
    let env = world("#!/bin/sh\nexit 1\n");
    done(&env, &["backup", "schedule", "--hourly", "--passphrase-file", "../key"]);
    done(&env, &["backup", "init", "../far", "--name", "far", "--sheet", "../sheet", "--passphrase-file", "../key"]);
    register(&env);
    fs::rename(env.project().join("../far"), env.project().join("../gone")).unwrap();
    assert_eq!(tick(&env).code, Some(1));
    assert!(done(&env, &["backup", "schedule"]).contains("not copied to every repository"));
    assert_eq!(tick(&env).code, Some(1));
    assert_eq!(snapshots(&env).len(), 1, "it was backed up");
    fs::rename(env.project().join("../gone"), env.project().join("../far")).unwrap();
    assert_eq!(tick(&env).code, Some(0), "caught up before the hour is over");
    assert!(!done(&env, &["backup", "schedule"]).contains("not copied"));
    let listed = done(&env, &["backup", "list", "--repo", "far", "--json", "--passphrase-file", "../key"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&listed).unwrap().len(), 1);
}

#[test]
fn uninstalling_removes_the_timer_and_leaves_the_repository() {
    let env = world("#!/bin/sh\nexit 1\n");
    done(&env, &["backup", "schedule", "--daily", "--passphrase-file", "../key"]);
    assert_eq!(crontab(&env).lines().count(), 2);
    done(&env, &["--yes", "uninstall"]);
    assert_eq!(crontab(&env), "");
    assert!(env.home().join(".local/share/devup/backups/config").exists());
}

#[test]
fn systemd_gets_units_that_it_can_read() {
    let env = world("#!/bin/sh\necho \"$@\" >> \"$HOME/asked\"\n");
    done(&env, &["backup", "schedule", "--weekly", "--passphrase-file", "../key"]);
    let units = env.home().join(".config/systemd/user");
    let asked = fs::read_to_string(env.home().join("asked")).unwrap();
    assert!(asked.contains("--user daemon-reload\n--user enable --now devup-backup.timer\n"), "{asked}");
    assert!(fs::read_to_string(units.join("devup-backup.timer")).unwrap().contains("Persistent=true"));
    let service = fs::read_to_string(units.join("devup-backup.service")).unwrap();
    assert!(service.contains("\"backup\" \"due\" \"--passphrase-file\""), "{service}");
    // systemd's own judgement, where its tools are
    if let Ok(judged) = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .arg(units.join("devup-backup.service"))
        .arg(units.join("devup-backup.timer"))
        .env("XDG_RUNTIME_DIR", env.home())
        .output()
    {
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(!said.contains("devup-backup"), "{said}");
    }
    done(&env, &["backup", "schedule", "--off"]);
    assert!(!units.join("devup-backup.timer").exists() && !units.join("devup-backup.service").exists());
}

#[test]
fn drills_go_by_the_clock_too() {
    let env = world("#!/bin/sh\nexit 1\n");
    let key = ["--passphrase-file", "../key"];
    let said = done(&env, &[&["backup", "schedule", "--daily", "--drill", "weekly"][..], &key].concat());
    assert!(said.contains("and proven by a drill weekly"), "{said}");
    let settings = fs::read_to_string(env.home().join(".config/devup/backup.yaml")).unwrap();
    assert!(settings.contains("automatic: daily\n") && settings.contains("drill: weekly\n"), "{settings}");
    assert!(done(&env, &["backup", "schedule"]).contains("drills: weekly"));
    let alone = devup(&env, &["backup", "schedule", "--drill", "weekly"]);
    assert_eq!(alone.code, Some(2), "{}", alone.screen());
    done(&env, &[&["backup", "schedule", "--daily"][..], &key].concat());
    assert!(!done(&env, &["backup", "schedule"]).contains("drills"));
}
