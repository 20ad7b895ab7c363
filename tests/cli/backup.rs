//! `devup backup` and `devup restore`, judged by what is on the disk and, where it is installed, by restic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::environment::{Ran, TestEnvironment};

/// Words that must show up nowhere but in their file.
const KEY: &str = "s3ntinel-of-the-seal";

/// A world with a project, a folder to keep, and a file that opens repositories.
fn world() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file(
        "devup.yaml",
        "devup: 1\nname: shop\nservices: {db: {image: x, volumes: ['data:/d']}}\nvolumes: {data: {}}\n",
    );
    env.file("../key", &format!("{KEY}\n"));
    env.file("notes/todo", "buy milk").file("notes/deep/odd \n name", "x");
    env
}

fn devup(env: &TestEnvironment, words: &[&str]) -> Ran {
    let mut all = words.to_vec();
    all.extend(["--passphrase-file", "../key"]);
    env.run(&all)
}

fn done(env: &TestEnvironment, words: &[&str]) -> String {
    let ran = devup(env, words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
    ran.stdout + &ran.stderr
}

fn json(env: &TestEnvironment, words: &[&str]) -> Value {
    let mut all = words.to_vec();
    all.push("--json");
    let ran = devup(env, &all);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A repository beside the project, with one backup in it; the words of its recovery sheet.
fn with_backup(env: &TestEnvironment) -> String {
    done(env, &["backup", "init", "../repo", "--sheet", "../sheet.txt"]);
    let sheet = fs::read_to_string(env.project().join("../sheet.txt")).unwrap();
    let words = sheet.lines().find_map(|line| line.trim().strip_prefix("passphrase")).unwrap().trim().to_owned();
    done(env, &["backup", "--folder", "notes"]);
    words
}

/// restic, where it is installed; `RESTIC` names another one.
pub fn restic(env: &TestEnvironment, passphrase: &str, arguments: &[&str]) -> Option<String> {
    let program = std::env::var_os("RESTIC").unwrap_or_else(|| "restic".into());
    let file = env.project().join("../restic-key");
    fs::write(&file, passphrase).unwrap();
    let output = Command::new(program)
        .args(["--no-cache", "-r", "../repo", "--password-file"])
        .arg(&file)
        .args(arguments)
        .current_dir(env.project())
        .env("HOME", env.home())
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        assert!(std::env::var_os("DEVUP_REQUIRE_ENGINES").is_none(), "restic is required: run scripts/test-machine");
        eprintln!("SKIPPED: restic is not installed (scripts/test-machine does it)");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "restic {arguments:?}: {said}");
    Some(said)
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { every_file(&path) } else { vec![path] }).collect()
}

#[test]
fn from_a_project_to_a_repository_and_back() {
    let env = world();
    with_backup(&env);
    let said = done(&env, &["backup"]);
    assert!(said.contains("not covered:") && said.contains("volume data:"), "{said}");
    let listed = json(&env, &["backup", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(listed[0]["complete"] == true && listed[0]["project"] == "shop", "{listed}");
    let shown = done(&env, &["backup", "show", listed[0]["id"].as_str().unwrap()]);
    assert!(shown.contains("settings") && shown.contains("folders/") && shown.contains("work/folder"), "{shown}");
    done(&env, &["restore", "shop", "--into", "back", "--snapshot", listed[0]["id"].as_str().unwrap()]);
    let kept: Vec<PathBuf> = every_file(&env.project().join("back/folders"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    let todo = kept.iter().find(|path| path.ends_with("todo")).unwrap();
    assert_eq!(fs::read(todo).unwrap(), b"buy milk");
    let again = devup(&env, &["restore", "shop", "--into", "back"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
}

#[test]
fn folders_of_similar_names_are_both_kept() {
    let env = world();
    env.file("x/a-b/one", "1").file("x/a/b/two", "2");
    done(&env, &["backup", "--folder", "x/a-b", "--folder", "x/a/b"]);
    done(&env, &["restore", "shop", "--into", "back"]);
    let mut kept: Vec<Vec<u8>> =
        every_file(&env.project().join("back/folders")).iter().map(|path| fs::read(path).unwrap()).collect();
    kept.sort();
    assert_eq!(kept, [b"1", b"2"]);
}

#[test]
fn a_passphrase_that_is_kept_is_never_written_over() {
    let env = world();
    with_backup(&env);
    // the list is lost, and with it that the name is taken
    fs::remove_file(env.home().join(".config/devup/backup.yaml")).unwrap();
    let again = devup(&env, &["backup", "init", "../other", "--sheet", "../sheet2.txt"]);
    assert!(again.code == Some(1) && again.stderr.contains("--name NAME"), "{}", again.screen());
    assert!(!env.project().join("../other/config").exists());
    done(&env, &["backup", "init", "../other", "--name", "other", "--sheet", "../sheet2.txt"]);
}

#[test]
fn a_sheet_is_safe_before_there_is_a_repository() {
    let env = world();
    for sheet in ["../no/such/folder/sheet.txt", "../sheet.png", "../key"] {
        let ran = devup(&env, &["backup", "init", "../repo", "--sheet", sheet]);
        assert!(ran.code.is_some_and(|code| code != 0), "{}", ran.screen());
        assert!(!env.project().join("../repo").exists(), "{sheet}");
    }
    assert_eq!(fs::read_to_string(env.project().join("../key")).unwrap(), format!("{KEY}\n"));
    fs::create_dir(env.project().join("../full")).unwrap();
    fs::write(env.project().join("../full/thesis"), "x").unwrap();
    assert_eq!(devup(&env, &["backup", "init", "../full", "--sheet", "../sheet.txt"]).code, Some(1));
    assert!(!env.project().join("../sheet.txt").exists() && !env.project().join("../sheet.png").exists());
    with_backup(&env);
}

#[test]
fn parts_that_a_backup_does_not_have_are_missed() {
    let env = world();
    with_backup(&env);
    let ran = devup(&env, &["restore", "shop", "--only", "data", "--into", "back"]);
    assert_eq!(ran.code, Some(1), "{}", ran.screen());
    assert!(ran.stderr.contains("what it has: folders, settings"), "{}", ran.stderr);
    assert!(!env.project().join("back").exists());
}

#[test]
fn the_first_backup_makes_a_repository_and_says_so_once() {
    let env = world();
    let first = done(&env, &["backup"]);
    assert!(first.contains("made the backup repository local") && first.contains("RECOVERY SHEET"), "{first}");
    let second = done(&env, &["backup"]);
    assert!(!second.contains("RECOVERY"), "{second}");
    assert!(env.home().join(".local/share/devup/backups/config").exists());
    let refused = env.run(&["backup"]);
    assert_eq!(refused.code, Some(4), "{}", refused.screen());
    assert!(refused.stderr.contains("--passphrase-file FILE"), "{}", refused.stderr);
}

#[test]
fn the_sheet_opens_what_the_seal_is_lost_for() {
    let env = world();
    let words = with_backup(&env);
    let code = fs::read(env.project().join("../sheet.png")).unwrap();
    assert!(code.starts_with(b"\x89PNG"));
    fs::remove_dir_all(env.home()).unwrap();
    env.file("../words", &words);
    let ran = env.run(&["restore", "shop", "--from", "../repo", "--into", "back", "--passphrase-file", "../words"]);
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    env.file("../words", "lusab-babad");
    let wrong = env.run(&["restore", "shop", "--from", "../repo", "--into", "b", "--passphrase-file", "../words"]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.stderr.contains("the passphrase is wrong") && wrong.stderr.contains("recovery sheet"),
        "{}",
        wrong.stderr
    );
    assert!(!env.project().join("b").exists());
}

#[test]
fn passphrases_stay_where_they_belong() {
    let env = world();
    let words = with_backup(&env);
    let failing = devup(&env, &["restore", "nobody", "--into", "x"]);
    assert!(!failing.screen().contains(KEY) && !failing.screen().contains(&words), "{}", failing.screen());
    for path in every_file(&env.project().join("..")) {
        let bytes = fs::read(&path).unwrap();
        let holds = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
        let allowed = path.ends_with("key") || path.ends_with("sheet.txt");
        assert!(allowed || !(holds(KEY) || holds(&words)), "{}", path.display());
    }
}

#[test]
fn restic_accepts_and_restores_what_devup_writes() {
    let env = world();
    let words = with_backup(&env);
    done(&env, &["backup", "--folder", "notes"]);
    let Some(checked) = restic(&env, &words, &["check", "--read-data"]) else { return };
    assert!(checked.contains("no errors were found"), "{checked}");
    restic(&env, &words, &["restore", "latest", "--target", "../by-restic"]);
    let files = every_file(&env.project().join("../by-restic/devup/shop/folders"));
    assert!(files.iter().any(|path| fs::read(path).unwrap() == b"buy milk"), "{files:?}");
    // and the other way round
    restic(&env, &words, &["backup", "notes"]);
    let listed = json(&env, &["backup", "list"]);
    let theirs = listed.as_array().unwrap().iter().find(|one| one["complete"] == false).unwrap();
    done(&env, &["restore", "--snapshot", theirs["id"].as_str().unwrap(), "--into", "theirs"]);
    let back = every_file(&env.project().join("theirs"));
    assert!(back.iter().any(|path| path.ends_with("notes/todo")), "{back:?}");
    done(&env, &["backup", "check", "--read-data"]);
}

#[test]
fn a_backup_that_is_killed_leaves_a_repository_that_is_whole() {
    let env = world();
    let words = with_backup(&env);
    for turn in 0..8_u8 {
        // content of its own each time, so that each has something to write
        let own: Vec<u8> =
            (0..1_500_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1 ^ u32::from(turn)).to_le_bytes()).collect();
        fs::write(env.project().join("notes/turn"), own).unwrap();
        let words = ["backup", "--folder", "notes", "--passphrase-file", "../key"];
        let files = || every_file(&env.project().join("../repo")).len();
        let before = files();
        let mut child = env.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // killed at another step each time: when so many files are there, or when it is done already
        while files() < before + usize::from(turn) && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    let check = devup(&env, &["backup", "check", "--read-data"]);
    assert_eq!(check.code, Some(0), "{}", check.screen());
    for snapshot in json(&env, &["backup", "list"]).as_array().unwrap() {
        let id = snapshot["id"].as_str().unwrap();
        done(&env, &["restore", "--snapshot", id, "--into", &format!("back-{id}")]);
    }
    done(&env, &["backup", "--folder", "notes"]);
    // a kill may leave half a file behind as well, which nobody takes for a snapshot: its name ends with `-tmp-`
    let left = fs::read_dir(env.project().join("../repo/snapshots")).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().len() == 64).count();
    assert_eq!(left, json(&env, &["backup", "list"]).as_array().unwrap().len(), "parts are tidied up");
    restic(&env, &words, &["check", "--read-data"]);
}

#[test]
fn two_backups_at_once_wait_for_each_other() {
    let env = world();
    with_backup(&env);
    let words = ["backup", "--folder", "notes", "--passphrase-file", "../key"];
    let mut children: Vec<_> =
        (0..3).map(|_| env.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(json(&env, &["backup", "list"]).as_array().unwrap().len(), 4);
    done(&env, &["backup", "check", "--read-data"]);
}

#[test]
fn forgetting_shows_a_plan_and_asks() {
    let env = world();
    with_backup(&env);
    done(&env, &["backup"]);
    let planned = devup(&env, &["--dry-run", "backup", "forget", "--keep-last", "1"]);
    assert_eq!(planned.code, Some(20), "{}", planned.screen());
    assert!(planned.stdout.contains("goes") && planned.stdout.contains("stays"), "{}", planned.stdout);
    assert_eq!(devup(&env, &["backup", "forget", "--keep-last", "1"]).code, Some(4));
    assert_eq!(devup(&env, &["backup", "forget"]).code, Some(2));
    done(&env, &["--yes", "backup", "forget", "--keep-last", "1"]);
    done(&env, &["backup", "prune"]);
    assert_eq!(json(&env, &["backup", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_second_repository_gets_what_it_lacks() {
    let env = world();
    with_backup(&env);
    done(&env, &["backup", "init", "../second", "--name", "off-site", "--sheet", "../sheet2.txt"]);
    let copied = done(&env, &["backup", "copy", "--to", "off-site"]);
    assert!(copied.contains("1 snapshots are in off-site"), "{copied}");
    assert!(done(&env, &["backup", "copy", "--to", "off-site"]).contains("has everything already"));
    done(&env, &["restore", "shop", "--from", "off-site", "--into", "back"]);
    let repos = json(&env, &["backup", "repos"]);
    assert_eq!(repos[1]["name"], "off-site");
}

/// Runs a script in a mount namespace of its own, where the machine lets the user have one; what it mounts goes with it.
fn mounting(env: &TestEnvironment, script: &str) -> Option<Ran> {
    let probe = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mount namespaces here");
        return None;
    }
    let devup = env.command(&["x"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script]).current_dir(env.project()).env_clear().stdin(Stdio::null());
    for (name, value) in devup.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    Some(env.finish(command.env("DEVUP", env!("CARGO_BIN_EXE_devup"))))
}

fn noise(env: &TestEnvironment, bytes: u32) {
    let noise: Vec<u8> =
        (0..bytes / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes()).collect();
    // beside the project: its own folder is kept by every backup
    env.file("../much/noise", "");
    fs::write(env.project().join("../much/noise"), noise).unwrap();
}

#[test]
fn a_full_disk_is_said_and_the_repository_stays_whole() {
    let env = world();
    noise(&env, 40_000_000);
    let script = "mkdir ../small; mount -t tmpfs -o size=12m none ../small; K='--passphrase-file ../key'
        $DEVUP backup init ../small/repo --sheet ../sheet.txt $K >/dev/null
        $DEVUP backup $K >/dev/null
        if $DEVUP backup --folder ../much $K; then echo complete; fi
        $DEVUP backup list --json $K
        rm -f ../small/repo/data/*/*-tmp-
        $DEVUP backup check --read-data $K";
    let Some(ran) = mounting(&env, script) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert!(ran.stderr.contains("No space left") && ran.stderr.contains("free space there"), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("\"complete\": true").count(), 1, "{}", ran.stdout);
}

#[test]
fn a_repository_that_takes_no_writes_is_said_and_can_be_read() {
    let env = world();
    with_backup(&env);
    let script = "mount --bind ../repo ../repo; mount -o remount,bind,ro ../repo; K='--passphrase-file ../key'
        if $DEVUP backup $K; then echo complete; fi
        $DEVUP restore shop --into back $K >/dev/null";
    let Some(ran) = mounting(&env, script) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert!(
        ran.stderr.contains("Read-only file system") && ran.stderr.contains("make the place writable"),
        "{}",
        ran.stderr
    );
    assert!(env.project().join("back/manifest.json").exists());
}

#[test]
fn a_damaged_repository_is_told_from_a_wrong_passphrase() {
    let env = world();
    with_backup(&env);
    let largest = every_file(&env.project().join("../repo/data"))
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let pack = largest.unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[20] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let check = devup(&env, &["backup", "check", "--read-data"]);
    assert_eq!(check.code, Some(1), "{}", check.screen());
    assert!(check.stderr.contains("damaged"), "{}", check.stderr);
    fs::write(env.project().join("../repo/config"), "x").unwrap();
    let opened = devup(&env, &["backup", "list"]);
    assert_eq!(opened.code, Some(1));
    assert!(!opened.stderr.contains("passphrase is wrong"), "{}", opened.stderr);
}

/// Git, apart from the machine's own configuration.
fn git(env: &TestEnvironment, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(env.project()).args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"]);
    let done = command.args(arguments).env("HOME", env.home()).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn ignored_files_that_the_spec_names_are_kept() {
    let env = TestEnvironment::new();
    let spec = "devup: 1\nname: shop\nservices: {db: {image: x}}\nbackup: {include: [certs, 'local/*.key']}\n";
    env.file("devup.yaml", spec).file("../key", &format!("{KEY}\n"));
    env.file(".gitignore", "certs/\n*.key\nother/\n").file("certs/deep/dev.pem", "pem").file("local/a.key", "key");
    env.file("local/deep/b.key", "deeper").file("other/c.pem", "not meant").file("d.key", "not meant");
    git(&env, &["init", "-q"]);
    git(&env, &["add", "-A"]);
    git(&env, &["commit", "-qm", "first"]);
    done(&env, &["backup", "init", "../repo", "--sheet", "../sheet.txt"]);
    done(&env, &["backup"]);
    done(&env, &["restore", "shop", "--into", "back"]);
    let back = env.project().join("back/work/0/trees/0/files");
    assert_eq!(fs::read(back.join("certs/deep/dev.pem")).unwrap(), b"pem");
    assert_eq!(fs::read(back.join("local/a.key")).unwrap(), b"key");
    assert!(!back.join("other").exists() && !back.join("d.key").exists());
}
