use std::fs;

use super::*;
use crate::work::fixture::{World, commit, git};

fn kinds(risk: &Risk) -> Vec<String> {
    let word = |finding: &Finding| match finding {
        Finding::Files { state, .. } => format!("{state:?}"),
        Finding::Operation { operation, .. } => (*operation).to_owned(),
        Finding::Commits { name, commits } => format!("{commits} {name}"),
        Finding::Tag { name } => name.clone(),
        Finding::NoRemote { commits } => format!("{commits} nowhere"),
        Finding::Stashes { stashes } => format!("{stashes} stashes"),
        Finding::Unproven { reason, .. } => format!("unproven: {reason}"),
        Finding::Hooks { named } => format!("hooks {named:?}"),
        Finding::Unreadable { reason } => format!("unreadable: {reason}"),
    };
    risk.findings.iter().map(word).collect()
}

#[test]
fn a_clone_that_is_pushed_is_safe_only_when_its_remote_says_so() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    assert_eq!(kinds(&world.risk(&clone, false)), Vec::<String>::new());
    assert_eq!(kinds(&world.risk(&clone, true)), ["unproven: it was not asked (--offline)"]);
    fs::rename(world.path("shop.git"), world.path("moved.git")).unwrap();
    let gone = kinds(&world.risk(&clone, false));
    assert!(gone.len() == 1 && gone[0].starts_with("unproven: fatal:"), "{gone:?}");
}

#[test]
fn everything_that_is_not_pushed_is_named() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    fs::write(clone.join(".gitignore"), ".env\n*.log\n/build/\n").unwrap();
    git(&clone, &["add", ".gitignore"]);
    git(&clone, &["commit", "-qm", "ignore"]);
    git(&clone, &["branch", "feature"]);
    git(&clone, &["tag", "v1"]);
    fs::write(clone.join("first"), "two\n").unwrap();
    git(&clone, &["stash", "-q"]);
    fs::write(clone.join("first"), "three\n").unwrap();
    fs::write(clone.join("staged"), "x").unwrap();
    git(&clone, &["add", "staged"]);
    fs::write(clone.join("new"), "x").unwrap();
    fs::write(clone.join(".env"), "KEY=1").unwrap();
    fs::write(clone.join("noise.log"), "x").unwrap();
    fs::create_dir(clone.join("build")).unwrap();
    fs::write(clone.join("build/out"), "x").unwrap();
    let expected = [
        "1 refs/heads/feature",
        "1 refs/heads/main",
        "1 refs/tags/v1",
        "refs/tags/v1",
        "1 stashes",
        "Staged",
        "Changed",
        "Untracked",
        "Ignored",
    ];
    assert_eq!(kinds(&world.risk(&clone, false)), expected);
    let offline = kinds(&world.risk(&clone, true));
    assert_eq!(offline[1..4], expected[..3], "{offline:?}");
}

#[test]
fn a_remote_that_has_moved_on_still_proves_what_it_stands_on() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    git(&world.path(""), &["clone", "-q", "shop.git", "colleague"]);
    commit(&world.path("colleague"), "theirs", "x");
    git(&world.path("colleague"), &["push", "-q"]);
    assert_eq!(kinds(&world.risk(&clone, false)), Vec::<String>::new());
    commit(&clone, "mine", "x");
    assert_eq!(kinds(&world.risk(&clone, false)), ["1 refs/heads/main"]);
}

#[test]
fn what_a_remote_has_thrown_away_is_not_pushed_any_more() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    git(&clone, &["checkout", "-q", "-b", "feature"]);
    commit(&clone, "work", "x");
    git(&clone, &["push", "-q", "-u", "origin", "feature"]);
    assert!(world.risk(&clone, false).is_safe());
    git(&world.path("shop.git"), &["update-ref", "-d", "refs/heads/feature"]);
    assert_eq!(kinds(&world.risk(&clone, false)), ["1 refs/heads/feature", "1 refs/remotes/origin/feature"]);
    // offline nobody can know
    assert_eq!(kinds(&world.risk(&clone, true)).len(), 1);
}

#[test]
fn a_repository_without_a_remote_is_at_risk_as_a_whole() {
    let world = World::new();
    let alone = world.path("alone");
    git(&world.path(""), &["init", "-q", "alone"]);
    assert!(world.risk(&alone, false).is_safe(), "an empty one has nothing to lose");
    commit(&alone, "a", "x");
    commit(&alone, "b", "x");
    assert_eq!(kinds(&world.risk(&alone, true)), ["2 nowhere"]);
    assert_eq!(world.risk(&alone, true).path, Bytes::from(alone.as_path()));
}

#[test]
fn worktrees_detached_heads_and_operations_count() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    let tree = world.path("tree\n2");
    git(&clone, &["worktree", "add", "-q", "--detach", &tree.to_string_lossy()]);
    commit(&tree, "lonely", "x");
    fs::write(tree.join("new"), "x").unwrap();
    let risk = world.risk(&clone, false);
    let name = format!("1 HEAD of {}", Bytes::from(tree.as_path()));
    assert_eq!(kinds(&risk), [name.as_str(), "Untracked"]);
    assert_eq!(world.risk(&tree, false), risk, "the same, seen from the other side");
    git(&clone, &["checkout", "-q", "-b", "other"]);
    commit(&clone, "first", "mine\n");
    git(&clone, &["checkout", "-q", "main"]);
    commit(&clone, "first", "yours\n");
    assert!(!crate::work::fixture::command(&clone).args(["merge", "-q", "other"]).output().unwrap().status.success());
    let kinds = kinds(&world.risk(&clone, false));
    assert!(kinds.contains(&"merge".to_owned()) && kinds.contains(&"Conflict".to_owned()), "{kinds:?}");
}

#[test]
fn a_tag_is_at_risk_when_one_of_two_remotes_is_silent() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    git(&clone, &["remote", "add", "mirror", &world.path("gone.git").to_string_lossy()]);
    git(&clone, &["tag", "-am", "mine", "v1"]);
    assert!(kinds(&world.risk(&clone, false)).contains(&"refs/tags/v1".to_owned()));
}

#[test]
fn a_configuration_that_is_a_pipe_does_not_hang() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    fs::remove_file(clone.join(".git/config")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(clone.join(".git/config")).status().unwrap();
    assert!(made.success());
    assert!(Repository::at(&clone).is_err());
}

#[test]
fn a_remote_in_the_folder_that_goes_too_proves_nothing() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    let repository = Repository::at(&clone).unwrap().unwrap();
    let desk = tempfile::tempdir().unwrap();
    let matter = Matter::with(&[]).unwrap();
    let asking = Asking { offline: false, not_in: Some(world.path("")) };
    let risk = look(&repository, &desk.path().join("a"), &asking, &matter);
    assert!(
        matches!(risk.findings.as_slice(), [Finding::Unproven { reason, .. }] if reason.contains("on this machine")),
        "{risk:?}"
    );
    let asking = Asking { offline: false, not_in: Some(world.path("elsewhere")) };
    assert!(look(&repository, &desk.path().join("b"), &asking, &matter).is_safe());
}

#[test]
fn nothing_that_the_repository_names_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    let (evil, mark) = (world.path("evil"), world.path("ran"));
    fs::write(&evil, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    let program = evil.display().to_string();
    let ext = format!("ext::{program}");
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "filter.x.clean",
        "filter.x.process",
        "core.alternateRefsCommand",
        "core.pager",
        "gpg.program",
        "remote.origin.uploadpack",
    ] {
        git(&clone, &["config", key, &program]);
    }
    for (key, value) in
        [("log.showSignature", "true"), ("filter.x.required", "true"), ("remote.evil.url", ext.as_str())]
    {
        git(&clone, &["config", key, value]);
    }
    fs::write(clone.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    fs::write(clone.join("first"), "changed\n").unwrap();
    let _ = fs::remove_file(&mark);
    let risk = world.risk(&clone, false);
    assert!(!mark.exists(), "{risk:?}");
    let kinds = kinds(&risk);
    assert!(kinds.contains(&"Changed".to_owned()) && kinds.contains(&"Untracked".to_owned()), "{kinds:?}");
    // the user's own git would have run it
    crate::work::fixture::command(&clone).args(["status", "-s"]).output().unwrap();
    assert!(mark.exists(), "the trap does not work");
}

#[test]
fn shallow_and_partial_clones_are_judged_by_what_they_have() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    commit(&clone, "second", "x");
    git(&clone, &["push", "-q"]);
    git(&world.path("shop.git"), &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.path("shop.git").display());
    for (name, option) in [("shallow", "--depth=1"), ("partial", "--filter=blob:none")] {
        git(&world.path(""), &["clone", "-q", option, &url, name]);
        let folder = world.path(name);
        assert_eq!(kinds(&world.risk(&folder, false)), Vec::<String>::new(), "{name}");
        commit(&folder, "mine", "x");
        assert_eq!(kinds(&world.risk(&folder, false)), ["1 refs/heads/main"], "{name}");
        // the remote has moved on, too
        commit(&clone, name, "y");
        git(&clone, &["push", "-q"]);
        assert_eq!(kinds(&world.risk(&folder, false)), ["1 refs/heads/main"], "{name}");
    }
}

#[test]
fn repositories_are_found_wherever_they_are() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    let library = world.clone_of_remote("library");
    git(&clone, &["submodule", "--quiet", "add", &world.path("library.git").to_string_lossy(), "libs/inner"]);
    git(&clone, &["worktree", "add", "-q", &world.path("tree").to_string_lossy()]);
    fs::create_dir_all(world.path("x/node_modules/y/.git")).unwrap();
    fs::create_dir_all(world.path("broken/.git")).unwrap();
    fs::create_dir_all(world.path("cached")).unwrap();
    fs::write(world.path("cached/CACHEDIR.TAG"), "").unwrap();
    git(&world.path("cached"), &["init", "-q", "z"]);
    let found = crate::work::find::find(&[world.path("")], 3);
    let expected = [
        library.join(".git"),
        world.path("library.git"),
        clone.join(".git"),
        clone.join(".git/modules/libs/inner"),
        world.path("shop.git"),
    ];
    assert_eq!(found.repositories.keys().cloned().collect::<Vec<_>>(), expected);
    let closed: Vec<_> = found.closed.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(closed, [world.path("broken")], "what was in it is not known");
    let module = &found.repositories[&clone.join(".git/modules/libs/inner")];
    assert_eq!(module.folder(), clone.join("libs/inner"));
    assert_eq!(found.repositories[&clone.join(".git")].trees.len(), 2);
}

#[test]
fn a_tag_is_never_safe_by_the_silence_of_a_remote() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    git(&world.path(""), &["init", "-q", "--bare", "second.git"]);
    git(&clone, &["remote", "add", "second", &world.path("second.git").to_string_lossy()]);
    git(&clone, &["push", "-q", "second", "main"]);
    git(&clone, &["tag", "-a", "-m", "words", "v1"]);
    let silent = |name: &str| fs::rename(world.path(name), world.path("away.git")).unwrap();
    let back = |name: &str| fs::rename(world.path("away.git"), world.path(name)).unwrap();
    for name in ["second.git", "shop.git"] {
        silent(name);
        let found = kinds(&world.risk(&clone, false));
        assert!(found.iter().any(|one| one == "refs/tags/v1"), "{found:?}");
        assert!(found.iter().any(|one| one.starts_with("unproven")), "{found:?}");
        back(name);
    }
    git(&clone, &["push", "-q", "second", "v1"]);
    silent("shop.git");
    assert_eq!(kinds(&world.risk(&clone, false)), Vec::<String>::new(), "one remote has all of it");
}

#[test]
fn a_list_of_stashes_that_cannot_be_read_is_no_empty_one() {
    let world = World::new();
    let clone = world.clone_of_remote("shop");
    fs::write(clone.join("first"), "two\n").unwrap();
    git(&clone, &["stash", "-q"]);
    let log = clone.join(".git/logs/refs/stash");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let asking = Asking { offline: false, not_in: None };
    let error = crate::work::capture::capture(&clone, &world.path("kept"), &asking, &Matter::with(&[]).unwrap());
    assert!(error.is_err(), "{error:?}");
}
