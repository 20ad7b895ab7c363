//! `devup restore` to where things were, without an engine: work by git's own word, secrets, and what stays untouched.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::environment::{Ran, TestEnvironment};
use crate::source::git;

/// A project with a remote, work that is not pushed, a secret, and a backup of it all beside the home folder.
fn backed_up() -> (TestEnvironment, PathBuf) {
    let env = TestEnvironment::new();
    let root = env.project().parent().unwrap().to_owned();
    git(&env, &root, &["init", "-q", "--bare", "shop.git"]);
    git(&env, &env.home(), &["clone", "-q", &root.join("shop.git").to_string_lossy(), "shop"]);
    let shop = env.home().join("shop");
    fs::write(shop.join("devup.yaml"), "devup: 1\nname: shop\nservices: {web: {image: x}}\n").unwrap();
    git(&env, &shop, &["add", "-A"]);
    git(&env, &shop, &["commit", "-qm", "first"]);
    git(&env, &shop, &["push", "-q", "origin", "HEAD"]);
    git(&env, &shop, &["checkout", "-q", "-b", "feature"]);
    fs::write(shop.join("mine"), "1").unwrap();
    git(&env, &shop, &["add", "-A"]);
    git(&env, &shop, &["commit", "-qm", "not pushed"]);
    fs::write(shop.join("mine"), "2").unwrap();
    git(&env, &shop, &["stash", "-q"]);
    fs::write(shop.join("mine"), "3").unwrap();
    fs::write(root.join("key"), "s3ntinel-key\n").unwrap();
    let set =
        env.finish(env.command(&["secret", "set", "api"]).current_dir(&shop).stdin(stdin(&root, "s3ntinel-value")));
    assert_eq!(set.code, Some(0), "{}", set.screen());
    let (store, sheet) = (root.join("repo"), root.join("sheet"));
    done(&env, &shop, &["backup", "init", &store.to_string_lossy(), "--sheet", &sheet.to_string_lossy()]);
    done(&env, &shop, &["backup"]);
    (env, shop)
}

fn stdin(root: &Path, text: &str) -> fs::File {
    fs::write(root.join("value"), text).unwrap();
    fs::File::open(root.join("value")).unwrap()
}

fn devup(env: &TestEnvironment, folder: &Path, words: &[&str]) -> Ran {
    let key = env.project().with_file_name("key").to_string_lossy().into_owned();
    let all = [words, &["--passphrase-file", &key]].concat();
    env.finish(env.command(&all).current_dir(folder))
}

fn done(env: &TestEnvironment, folder: &Path, words: &[&str]) -> Ran {
    let ran = devup(env, folder, words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
    ran
}

/// What git says of the work.
fn facts(env: &TestEnvironment, shop: &Path) -> Vec<String> {
    [
        &["for-each-ref"][..],
        &["symbolic-ref", "HEAD"],
        &["stash", "list", "--format=%H %gs"],
        &["ls-files", "--stage"],
        &["status", "--porcelain", "--ignored"],
        &["diff"],
        &["config", "--local", "--list"],
    ]
    .iter()
    .map(|arguments| git(env, shop, arguments))
    .collect()
}

#[test]
fn a_project_comes_back_to_where_it_was_and_is_not_done_twice() {
    let (env, shop) = backed_up();
    let before = facts(&env, &shop);
    fs::remove_dir_all(&shop).unwrap();
    let forgotten = env.run(&["-p", "shop", "secret", "rm", "api"]);
    assert_eq!(forgotten.code, Some(0), "{}", forgotten.screen());
    let plan = devup(&env, &env.home(), &["--dry-run", "restore", "shop", "--no-up"]);
    assert_eq!(plan.code, Some(20), "{}", plan.screen());
    assert!(plan.stdout.contains("work into [ROOT]/home/shop\n"), "{}", plan.stdout);
    assert!(!shop.exists());
    let report = done(&env, &env.home(), &["restore", "shop", "--no-up", "--json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report[0]["missing"], serde_json::json!([]), "{report}");
    assert!(report[0]["verified"][0].as_str().unwrap().contains("1 stashes"), "{report}");
    assert_eq!(facts(&env, &shop), before);
    let secret = env.finish(env.command(&["secret", "get", "api"]).current_dir(&shop));
    assert_eq!(secret.stdout.trim_end(), "s3ntinel-value", "{}", secret.screen());
    // newer work since: the same restore leaves it alone
    fs::write(shop.join("newer"), "x").unwrap();
    let again = done(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert!(again.stdout.contains("put back by an earlier restore"), "{}", again.stdout);
    assert!(shop.join("newer").exists());
}

#[test]
fn newer_work_is_left_alone_or_backed_up_and_moved_aside() {
    let (env, shop) = backed_up();
    let before = facts(&env, &shop);
    fs::write(shop.join("newer"), "precious").unwrap();
    let refused = devup(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert_eq!(refused.code, Some(1), "{}", refused.screen());
    assert!(refused.stdout.contains("newer") && refused.stdout.contains("--replace"), "{}", refused.stdout);
    assert_eq!(fs::read_to_string(shop.join("newer")).unwrap(), "precious");
    done(&env, &env.home(), &["restore", "shop", "--no-up", "--replace"]);
    assert_eq!(facts(&env, &shop), before);
    let aside = env.home().join("shop.before-restore-1");
    assert_eq!(fs::read_to_string(aside.join("newer")).unwrap(), "precious");
    let listed = done(&env, &env.home(), &["backup", "list", "--json"]);
    assert!(listed.stdout.contains("devup:before-restore"), "{}", listed.stdout);
    // what was replaced is no backup of how the project should be: the newest is still the one that was restored
    fs::remove_dir_all(&shop).unwrap();
    done(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert_eq!(facts(&env, &shop), before);
    assert!(!shop.join("newer").exists());
}

#[test]
fn a_restore_that_was_interrupted_is_begun_anew() {
    let (env, shop) = backed_up();
    let before = facts(&env, &shop);
    let listed = done(&env, &env.home(), &["backup", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    // as a kill in the middle leaves it: begun, not done, half of it there
    fs::remove_dir_all(&shop).unwrap();
    git(&env, &env.home(), &["init", "-q", "shop"]);
    fs::write(shop.join("half"), "x").unwrap();
    let note = serde_json::json!({ &*shop.to_string_lossy(): { "snapshot": listed[0]["id"], "done": false } });
    fs::write(env.home().join(".local/state/devup/returns.json"), note.to_string()).unwrap();
    done(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert_eq!(facts(&env, &shop), before);
    assert!(env.home().join("shop.before-restore-1/half").exists());
}

#[test]
fn without_its_remote_work_is_whole_only_where_the_backup_stands_alone() {
    let (env, shop) = backed_up();
    fs::remove_dir_all(&shop).unwrap();
    let remote = env.project().with_file_name("shop.git");
    fs::rename(&remote, remote.with_extension("gone")).unwrap();
    let failed = devup(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert_eq!(failed.code, Some(1), "{}", failed.screen());
    assert!(failed.stdout.contains("could not be fetched from"), "{}", failed.stdout);
    // the remote is back, and the same command goes on
    fs::rename(remote.with_extension("gone"), &remote).unwrap();
    done(&env, &env.home(), &["restore", "shop", "--no-up"]);
    assert_eq!(fs::read_to_string(shop.join("mine")).unwrap(), "3");
}
