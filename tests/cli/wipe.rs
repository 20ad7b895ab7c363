//! `devup wipe --check`: what it finds below the home folder, and how it ends.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::environment::TestEnvironment;
use crate::source::git;

/// A home with one clone, of a remote outside of it; everything is pushed.
fn home_with_a_clone() -> (TestEnvironment, PathBuf) {
    let env = TestEnvironment::new();
    let root = env.project().parent().unwrap().to_owned();
    git(&env, &root, &["init", "-q", "--bare", "shop.git"]);
    git(&env, &env.home(), &["clone", "-q", &root.join("shop.git").to_string_lossy(), "shop"]);
    let shop = env.home().join("shop");
    fs::write(shop.join("a"), "x").unwrap();
    git(&env, &shop, &["add", "-A"]);
    git(&env, &shop, &["commit", "-qm", "first"]);
    git(&env, &shop, &["push", "-q", "origin", "HEAD"]);
    (env, shop)
}

#[test]
fn what_is_pushed_is_safe_when_the_remote_says_so() {
    let (env, _) = home_with_a_clone();
    insta::assert_snapshot!(env.run(&["wipe", "--check"]).screen(), @r"
    exit: 0
    --- stdout
    Nothing would be lost: remotes have all that is in 1 repository, by their own word.
    --- stderr
    Asking the remotes of the repositories that are here (1)…
    ");
    insta::assert_snapshot!(env.run(&["wipe", "--check", "--offline"]).screen(), @r"
    exit: 1
    --- stdout
    1 repository: nothing but what its remotes had when they were last heard; whether they still have it was not asked
    These would be lost: parts of 1 of 1 repository. They exist only here, or were not asked for elsewhere.
    --- stderr
    ");
}

#[test]
fn what_exists_only_here_is_listed() {
    let (env, shop) = home_with_a_clone();
    fs::write(shop.join("a"), "y").unwrap();
    git(&env, &shop, &["commit", "-qam", "second"]);
    fs::write(shop.join("new\u{1b}[2J"), "x").unwrap();
    let root = env.project().parent().unwrap().to_owned();
    fs::create_dir(env.home().join("deep")).unwrap();
    git(&env, &env.home().join("deep"), &["clone", "-q", &root.join("shop.git").to_string_lossy(), "clean"]);
    insta::assert_snapshot!(env.run(&["wipe", "--check"]).screen(), @r"
    exit: 1
    --- stdout
    [ROOT]/home/shop
      1 commit of main
      1 untracked file: new%1B[2J
    These would be lost: parts of 1 of 2 repositories. They exist only here.
    --- stderr
    Asking the remotes of the repositories that are here (2)…
    ");
    let ran = env.run(&["wipe", "--check", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &report["safe"], &report["asked"]), (Some(1), &Value::Bool(false), &Value::Bool(true)));
    assert_eq!(report["repositories"][1]["findings"][0]["kind"], "commits");
    assert_eq!(report["repositories"][0]["findings"], serde_json::json!([]));
}

#[test]
fn nothing_is_wiped_that_would_be_lost() {
    let (env, shop) = home_with_a_clone();
    let state = env.home().join(".local/state/devup");
    fs::create_dir_all(&state).unwrap();
    fs::write(shop.join("a"), "y").unwrap();
    let ran = env.run(&["wipe", "--yes"]);
    assert_eq!(ran.code, Some(4), "{}", ran.screen());
    assert!(ran.stdout.contains("1 changed file: a") && ran.stderr.contains("--anyway"), "{}", ran.screen());
    assert!(state.exists());
    git(&env, &shop, &["commit", "-qam", "second"]);
    git(&env, &shop, &["push", "-q"]);
    let ran = env.run(&["wipe", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert!(!state.exists() && shop.join("a").exists());
}

/// A folder on another file system than the test's home.
fn other_disk() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &std::path::Path| fs::metadata(path).map(|found| found.dev()).ok();
    let folder = tempfile::tempdir_in("/dev/shm").ok()?;
    (device(folder.path()) != device(&std::env::temp_dir())).then_some(folder)
}

#[test]
fn a_backup_on_another_disk_covers_what_it_has() {
    let Some(disk) = other_disk() else {
        eprintln!("SKIPPED: there is no second file system here (/dev/shm)");
        return;
    };
    let (env, shop) = home_with_a_clone();
    env.file("../key", "s3ntinel\n");
    fs::write(shop.join("devup.yaml"), "devup: 1\nname: shop\nservices: {web: {image: x}}\n").unwrap();
    fs::write(shop.join("a"), "y").unwrap();
    git(&env, &shop, &["commit", "-qam", "not pushed"]);
    // as `up` enters it; there is no engine here
    let entry =
        serde_json::json!({ "name": "shop", "base_name": "shop", "path": shop, "last_used": "2026-01-01T00:00:00Z" });
    let state = env.home().join(".local/state/devup");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("projects.json"), serde_json::json!({ "shop": entry }).to_string()).unwrap();
    let check = || -> Value {
        let ran = env.run(&["wipe", "--check", "--json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.screen()));
        report["repositories"][0].clone()
    };
    assert!(check()["covered"].is_null());
    let key = env.project().join("../key").to_string_lossy().into_owned();
    let store = disk.path().join("store").to_string_lossy().into_owned();
    let sheet = env.project().join("../sheet").to_string_lossy().into_owned();
    let done = |words: &[&str]| {
        let ran = env.run(&[words, &["--passphrase-file", &key]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.screen());
    };
    done(&["backup", "init", &store, "--name", "disk", "--sheet", &sheet]);
    done(&["backup", "--all"]);
    let covered = check();
    assert_eq!(covered["covered"]["repository"], "disk", "{covered}");
    assert!(!covered["findings"].as_array().unwrap().is_empty());
    fs::write(shop.join("newer"), "z").unwrap();
    assert!(check()["covered"].is_null(), "newer than the backup");
    done(&["backup", "--all"]);
    assert!(!check()["covered"].is_null());
    fs::rename(disk.path().join("store/snapshots"), disk.path().join("moved")).unwrap();
    assert!(check()["covered"].is_null(), "the repository has it no more");
    fs::rename(disk.path().join("moved"), disk.path().join("store/snapshots")).unwrap();
    assert!(!check()["covered"].is_null());
    // what the backup stands on is gone: it has only the rest
    git(&env, &env.project().join("../shop.git"), &["update-ref", "-d", "refs/heads/main"]);
    assert!(check()["covered"].is_null(), "the remote lost what the backup stands on");
}
