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
fn nothing_is_wiped_yet() {
    let ran = TestEnvironment::new().run(&["wipe"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--check"), "{}", ran.stderr);
}
