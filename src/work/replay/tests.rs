use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::work::capture::capture;
use crate::work::fixture::{World, command, commit, git};
use crate::work::verify::verify;

fn take(folder: &Path, into: &Path) -> Work {
    capture(folder, into, &Asking { offline: false, not_in: None }, &Matter::with(&[]).unwrap()).unwrap()
}

/// Every path below a folder with what it is; `.git` is left out.
fn manifest(top: &Path, folder: &Path, out: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.file_name() != ".git") {
        let path = entry.path();
        let found = fs::symlink_metadata(&path).unwrap();
        let name = Bytes::from(path.strip_prefix(top).unwrap()).encoded();
        if found.is_dir() {
            manifest(top, &path, out);
        } else if found.is_symlink() {
            out.insert(name, format!("-> {:?}", fs::read_link(&path).unwrap()));
        } else {
            let content = fs::read(&path).unwrap();
            out.insert(name, format!("{:o} {}", found.mode(), content.escape_ascii()));
        }
    }
}

/// What git's own commands answer; `None` where they fail.
fn answer(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    format!("{:?} {}", output.status.code(), output.stdout.escape_ascii())
}

/// Everything that has to be equal: refs, stashes, what is checked out, index, files, state, configuration, hooks.
pub(super) fn facts(folder: &Path) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    manifest(folder, folder, &mut facts);
    for arguments in [
        &["symbolic-ref", "-q", "HEAD"][..],
        &["rev-parse", "HEAD"],
        &["for-each-ref"],
        &["log", "-g", "--format=%H %gn %ge %gd %gs", "--date=raw", "refs/stash", "--"],
        &["status", "--porcelain=v2", "-z", "--ignored", "-uall"],
        &["diff", "--cached", "--raw", "-z"],
        &["config", "--local", "--list"],
        &["fsck", "--connectivity-only", "--no-dangling", "--no-progress"],
    ] {
        facts.insert(format!("git {arguments:?}"), answer(folder, arguments));
    }
    let listing = answer(folder, &["ls-files", "--stage", "--debug"]);
    let lasting =
        listing.split("\\n").filter(|line| !line.contains("time:") && !line.contains("dev:") && !line.contains("uid:"));
    let entries =
        lasting.map(|line| line.split_once("flags:").map_or(line.to_owned(), |(_, flags)| lasting_flags(flags)));
    facts.insert("index".to_owned(), entries.collect::<Vec<_>>().join("\n"));
    let git_dir = PathBuf::from(git(folder, &["rev-parse", "--absolute-git-dir"]));
    for name in [
        "MERGE_HEAD",
        "MERGE_MSG",
        "CHERRY_PICK_HEAD",
        "rebase-merge/git-rebase-todo",
        "rebase-merge/onto",
        "hooks/pre-commit",
        "info/exclude",
    ] {
        facts.insert(name.to_owned(), format!("{:?}", fs::read(git_dir.join(name)).ok()));
    }
    facts
}

/// Marks and stage; other bits are notes of git's to itself.
fn lasting_flags(flags: &str) -> String {
    let bits = u32::from_str_radix(flags.trim(), 16).unwrap();
    format!("{:x}", bits & (0x8000 | 0x3000 | 1 << 29 | 1 << 30))
}

/// Captures, loses everything, clones anew (or not), replays.
pub(super) fn there_and_back(world: &World, folder: &Path, fresh_clone: bool) -> Replayed {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let kept = world.path("kept");
    let work = take(folder, &kept);
    take(folder, &world.path("kept-again"));
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    manifest(&kept, &kept, &mut first);
    manifest(&world.path("kept-again"), &world.path("kept-again"), &mut second);
    assert_eq!(first, second, "equal work gives equal bytes");
    for tree in &work.repositories[0].trees {
        let _ = fs::remove_dir_all(tree.path.path());
    }
    if fresh_clone {
        git(&world.path(""), &["clone", "-q", &format!("{name}.git"), &name]);
        // as the other clone, by a whole path
        git(folder, &["remote", "set-url", "origin", &world.path(&format!("{name}.git")).to_string_lossy()]);
    }
    let done = replay(&kept, folder).unwrap();
    let compared = verify(&kept, folder).unwrap();
    assert_eq!(compared.different, Vec::<String>::new());
    assert_eq!(compared.stashes, work.repositories.iter().map(|one| one.stashes).sum::<usize>());
    done
}

#[test]
fn everything_comes_back() {
    let world = World::new();
    let library = world.clone_of_remote("library");
    let shop = world.clone_of_remote("shop");
    fs::write(shop.join(".gitignore"), ".env\n.vscode/\nbuild/\n").unwrap();
    git(&shop, &["submodule", "--quiet", "add", &world.path("library.git").to_string_lossy(), "libs/inner"]);
    git(&shop, &["add", "-A"]);
    git(&shop, &["commit", "-qm", "more"]);
    git(&shop, &["tag", "-am", "annotated", "v1"]);
    git(&shop, &["notes", "add", "-m", "noted"]);
    for (n, content) in ["x\n", "y\n", "z\n"].iter().enumerate() {
        fs::write(shop.join("first"), content).unwrap();
        fs::write(shop.join("loose"), content).unwrap();
        git(&shop, &["stash", "push", "-q", "-u", "-m", &format!("number {n}")]);
    }
    git(&shop, &["checkout", "-q", "-b", "feature/login"]);
    commit(&shop, "staged", "1");
    commit(&shop, "marked", "1");
    commit(&shop, "hidden", "1");
    fs::write(shop.join("staged"), "2").unwrap();
    git(&shop, &["add", "staged"]);
    fs::write(shop.join("staged"), "3").unwrap();
    git(&shop, &["update-index", "--assume-unchanged", "marked"]);
    git(&shop, &["update-index", "--skip-worktree", "hidden"]);
    fs::write(shop.join("marked"), "changed, unseen").unwrap();
    fs::write(shop.join("planned"), "later").unwrap();
    git(&shop, &["add", "-N", "planned"]);
    fs::write(shop.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(shop.join("run"), fs::Permissions::from_mode(0o751)).unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000, 123_456_789);
    fs::File::open(shop.join("run")).unwrap().set_modified(long_ago).unwrap();
    std::os::unix::fs::symlink("/nowhere", shop.join("link")).unwrap();
    fs::write(shop.join(".env"), "KEY=1").unwrap();
    fs::create_dir(shop.join(".vscode")).unwrap();
    fs::write(shop.join(".vscode/settings.json"), "{}").unwrap();
    fs::write(shop.join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 0\n").unwrap();
    git(&shop, &["config", "user.email", "me@here"]);
    commit(&shop.join("libs/inner"), "unpushed", "x");
    fs::write(shop.join("libs/inner/loose"), "x").unwrap();
    let tree = world.path("shop-hotfix");
    git(&shop, &["worktree", "add", "-q", "-b", "hotfix", &tree.to_string_lossy()]);
    commit(&tree, "fixed", "x");
    fs::write(tree.join("first"), "not yet\n").unwrap();
    let folders = [shop.clone(), shop.join("libs/inner"), tree];
    let before: Vec<_> = folders.iter().map(|folder| facts(folder)).collect();
    let done = there_and_back(&world, &shop, true);
    assert_eq!(done.notes, Vec::<String>::new());
    for (folder, before) in folders.iter().zip(&before) {
        assert_eq!(&facts(folder), before, "{}", folder.display());
    }
    let run = fs::metadata(shop.join("run")).unwrap();
    assert_eq!((run.mtime(), run.mtime_nsec()), (1_000_000, 123_456_789));
    assert!(library.exists());
}

#[test]
fn a_merge_and_a_rebase_go_on_afterwards() {
    for operation in ["merge", "rebase"] {
        let world = World::new();
        let shop = world.clone_of_remote("shop");
        git(&shop, &["checkout", "-q", "-b", "other"]);
        commit(&shop, "first", "theirs\n");
        commit(&shop, "second", "x");
        git(&shop, &["checkout", "-q", "main"]);
        commit(&shop, "first", "ours\n");
        if operation == "rebase" {
            git(&shop, &["checkout", "-q", "other"]);
        }
        let onto = if operation == "merge" { "other" } else { "main" };
        assert!(!command(&shop).args([operation, onto]).output().unwrap().status.success());
        let before = facts(&shop);
        there_and_back(&world, &shop, true);
        assert_eq!(facts(&shop), before, "{operation}");
        fs::write(shop.join("first"), "both\n").unwrap();
        git(&shop, &["add", "first"]);
        git(&shop, &[operation, "--continue"]);
        assert!(shop.join("second").exists(), "{operation}");
    }
}

#[test]
fn what_has_no_remote_comes_out_of_the_bundle_alone() {
    let world = World::new();
    let alone = world.path("alone");
    git(&world.path(""), &["init", "-q", "alone"]);
    commit(&alone, "a", "x");
    fs::write(alone.join("b"), "y").unwrap();
    git(&alone, &["add", "b"]);
    let before = facts(&alone);
    there_and_back(&world, &alone, false);
    assert_eq!(facts(&alone), before);
    // git alone gets the commits back, too
    git(
        &world.path(""),
        &["clone", "-q", "-b", "main", &world.path("kept/0/objects.bundle").to_string_lossy(), "by-hand"],
    );
    assert_eq!(fs::read(world.path("by-hand/a")).unwrap(), b"x");
}

#[test]
fn a_remote_that_lost_the_branch_does_not_lose_the_work() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    git(&shop, &["checkout", "-q", "-b", "feature"]);
    commit(&shop, "pushed", "x");
    git(&shop, &["push", "-q", "-u", "origin", "feature"]);
    commit(&shop, "mine", "x");
    let before = facts(&shop);
    let kept = world.path("kept");
    take(&shop, &kept);
    fs::remove_dir_all(&shop).unwrap();
    // merged and deleted meanwhile, as it goes
    git(&world.path("shop.git"), &["update-ref", "-d", "refs/heads/feature"]);
    git(&world.path(""), &["clone", "-q", &world.path("shop.git").to_string_lossy(), "shop"]);
    replay(&kept, &shop).unwrap();
    assert_eq!(facts(&shop), before);
}

#[test]
fn what_is_not_as_it_was_captured_is_told() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    commit(&shop, "mine", "x");
    fs::write(shop.join("loose"), "x").unwrap();
    fs::write(shop.join("first"), "changed").unwrap();
    git(&shop, &["stash", "-q"]);
    let kept = world.path("kept");
    take(&shop, &kept);
    assert_eq!(verify(&kept, &shop).unwrap().different, Vec::<String>::new());
    fs::write(shop.join("loose"), "y").unwrap();
    git(&shop, &["stash", "drop", "-q"]);
    git(&shop, &["branch", "-m", "main", "other"]);
    fs::write(shop.join("first"), "staged").unwrap();
    git(&shop, &["add", "first"]);
    let shown = Bytes::from(shop.as_path());
    let expected = [
        format!("refs/heads/main of {shown}"),
        format!("refs/stash of {shown}"),
        format!("the stashes of {shown}"),
        format!("what is checked out in {shown}"),
        format!("the index of {shown} (index)"),
        format!("loose in {shown}"),
    ];
    assert_eq!(verify(&kept, &shop).unwrap().different, expected);
}

#[test]
fn a_remote_without_a_default_branch_brings_its_own_branches_back() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    git(&shop, &["checkout", "-q", "-b", "theirs"]);
    commit(&shop, "theirs", "x");
    git(&shop, &["push", "-q", "origin", "theirs"]);
    git(&shop, &["checkout", "-q", "main"]);
    git(&shop, &["branch", "-q", "-D", "theirs"]);
    git(&world.path("shop.git"), &["symbolic-ref", "HEAD", "refs/heads/none"]);
    let before = git(&shop, &["for-each-ref"]);
    there_and_back(&world, &shop, false);
    assert_eq!(git(&shop, &["for-each-ref"]), before);
}

#[test]
fn newer_work_is_never_overwritten() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    commit(&shop, "mine", "x");
    let kept = world.path("kept");
    take(&shop, &kept);
    let before = facts(&shop);
    let refused = replay(&kept, &shop).unwrap_err().to_string();
    assert!(refused.contains("1 commits of refs/heads/main that are not pushed"), "{refused}");
    assert_eq!(facts(&shop), before);
    git(&shop, &["push", "-q"]);
    fs::write(shop.join("newer"), "x").unwrap();
    let refused = replay(&kept, &shop).unwrap_err().to_string();
    assert!(refused.contains("newer"), "{refused}");
    fs::create_dir(world.path("taken")).unwrap();
    fs::write(world.path("taken/file"), "x").unwrap();
    assert!(replay(&kept, &world.path("taken")).is_err());
}

#[test]
fn a_capture_that_somebody_made_up_writes_nothing_outside() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    fs::write(shop.join("loose"), "x").unwrap();
    let kept = world.path("kept");
    take(&shop, &kept);
    let good = fs::read_to_string(kept.join(FILE)).unwrap();
    for (n, (from, to)) in [
        ("\"loose\"", "\"../out\""),
        ("\"loose\"", "\"/tmp/devup-out\""),
        ("\"loose\"", "\".git/hooks/pre-commit\""),
        ("refs/heads/main\"", "refs/heads/x\\ndelete refs/heads/main\""),
        ("\"version\": 1", "\"version\": 99"),
        ("core.fileMode=true", "core.fsmonitor=/bin/false"),
        ("core.fileMode=true", "core.fileMode=/bin/false"),
    ]
    .into_iter()
    .enumerate()
    {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        fs::write(kept.join(FILE), bad).unwrap();
        let target = world.path(&format!("target-{n}"));
        assert!(replay(&kept, &target).is_err(), "{to}");
        assert!(!world.path("out").exists() && !target.join(".git/hooks/pre-commit").exists(), "{to}");
    }
}

#[test]
fn an_index_that_somebody_made_up_writes_nothing_outside() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    let kept = world.path("kept");
    take(&shop, &kept);
    let outside = world.path("precious");
    fs::write(&outside, "mine").unwrap();
    let empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    let lines = format!("100644 {empty} 0\t{}\0", outside.display());
    fs::write(kept.join("0/trees/0/intent-to-add"), lines).unwrap();
    assert!(replay(&kept, &world.path("target")).is_err());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
}

#[test]
fn linked_trees_are_put_beside_or_inside_and_nowhere_else() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    for folder in ["away/deep", "shop/.trees/inner", "shop-2"] {
        git(&shop, &["worktree", "add", "-q", "--detach", &world.path(folder).to_string_lossy()]);
    }
    let kept = world.path("kept");
    take(&shop, &kept);
    let into = world.path("new/place");
    let mut found = folders(&kept, &into).unwrap();
    found.sort();
    let beside = |name: &str| world.path("new").join(name);
    assert_eq!(found, [into.clone(), into.join(".trees/inner"), beside("place-deep"), beside("shop-2")]);
}

#[test]
fn what_only_the_target_has_stays_or_is_refused() {
    let world = World::new();
    let shop = world.clone_of_remote("shop");
    fs::write(shop.join("notes.log"), "captured").unwrap();
    git(&shop, &["add", "-f", "notes.log"]);
    let kept = world.path("kept");
    take(&shop, &kept);
    git(&shop, &["reset", "-q", "--hard"]);
    git(&shop, &["tag", "local"]);
    replay(&kept, &shop).unwrap();
    assert!(!git(&shop, &["tag", "-l", "local"]).is_empty(), "a tag of one's own stays");
    git(&shop, &["rm", "-q", "--cached", "notes.log"]);
    fs::write(shop.join(".git/info/exclude"), "*.log\n").unwrap();
    fs::write(shop.join("notes.log"), "newer, and ignored").unwrap();
    let refused = replay(&kept, &shop).unwrap_err().to_string();
    assert!(refused.contains("notes.log"), "{refused}");
    assert_eq!(fs::read_to_string(shop.join("notes.log")).unwrap(), "newer, and ignored");
}
