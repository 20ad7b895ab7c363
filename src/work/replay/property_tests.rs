use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::tests::{facts, there_and_back};
use crate::work::fixture::{World, command};

/// Something that a developer does.
#[derive(Debug, Clone)]
enum Deed {
    Write(usize, u8, bool),
    Link(usize),
    Remove(usize),
    Add(usize),
    Intend(usize),
    Mark(usize, bool),
    Commit,
    Branch(u8),
    Detach,
    Stash,
    Tag(u8, bool),
    Push,
    Worktree(u8),
    Submodule,
}

const NAMES: &[&[u8]] = &[
    b"first",
    b"dir/b",
    b"sp ace",
    b"new\nline",
    "n\u{f6}n".as_bytes(),
    b"raw\xff\xfe",
    b"-dash",
    b"%41",
    b"*star",
    b".env",
];

fn deed() -> impl Strategy<Value = Deed> {
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (name.clone(), any::<u8>(), any::<bool>()).prop_map(|(n, content, exec)| Deed::Write(n, content, exec)),
        1 => name.clone().prop_map(Deed::Link),
        1 => name.clone().prop_map(Deed::Remove),
        4 => name.clone().prop_map(Deed::Add),
        1 => name.clone().prop_map(Deed::Intend),
        1 => (name, any::<bool>()).prop_map(|(n, skip)| Deed::Mark(n, skip)),
        3 => Just(Deed::Commit),
        2 => (0..3_u8).prop_map(Deed::Branch),
        1 => Just(Deed::Detach),
        2 => Just(Deed::Stash),
        1 => (0..3_u8, any::<bool>()).prop_map(|(n, annotated)| Deed::Tag(n, annotated)),
        1 => Just(Deed::Push),
        1 => (0..2_u8).prop_map(Deed::Worktree),
        1 => Just(Deed::Submodule),
    ]
}

/// Does it; what git refuses is not done.
fn act(world: &World, folder: &Path, deed: &Deed) {
    let path = |n: &usize| OsStr::from_bytes(NAMES[*n]);
    let run = |arguments: &[&OsStr]| drop(command(folder).args(arguments).output().unwrap());
    let text = |arguments: &[&str]| drop(command(folder).args(arguments).output().unwrap());
    let on = |words: &[&str], n: &usize| {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).chain([OsStr::new("--"), path(n)]).collect();
        run(&words);
    };
    match deed {
        Deed::Write(n, content, exec) => {
            let file = folder.join(path(n));
            let _ = fs::remove_file(&file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, vec![*content; usize::from(*content)]).unwrap();
            let mode = if *exec { 0o755 } else { 0o640 };
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        Deed::Link(n) => {
            let _ = fs::remove_file(folder.join(path(n)));
            let _ = std::os::unix::fs::symlink("some\nwhere", folder.join(path(n)));
        }
        Deed::Remove(n) => drop(fs::remove_file(folder.join(path(n)))),
        Deed::Add(n) => on(&["--literal-pathspecs", "add", "-f"], n),
        Deed::Intend(n) => on(&["--literal-pathspecs", "add", "-f", "-N"], n),
        Deed::Mark(n, skip) => {
            on(&["update-index", if *skip { "--skip-worktree" } else { "--assume-unchanged" }], n);
        }
        Deed::Commit => text(&["commit", "-q", "-m", "some"]),
        Deed::Branch(n) => {
            text(&["checkout", "-q", "-b", &format!("branch-{n}")]);
            text(&["checkout", "-q", &format!("branch-{n}")]);
        }
        Deed::Detach => text(&["checkout", "-q", "--detach"]),
        Deed::Stash => text(&["stash", "push", "-q", "-u"]),
        Deed::Tag(n, true) => text(&["tag", "-a", "-m", "t", &format!("v{n}")]),
        Deed::Tag(n, false) => text(&["tag", &format!("v{n}")]),
        Deed::Push => text(&["push", "-q", "origin", "HEAD"]),
        Deed::Worktree(n) => {
            let tree = world.path(&format!("tree-{n}"));
            text(&["worktree", "add", "-q", "-b", &format!("tree-{n}"), &tree.to_string_lossy()]);
            let _ = fs::write(tree.join("loose"), [*n]);
        }
        Deed::Submodule => {
            text(&["submodule", "--quiet", "add", &world.path("library.git").to_string_lossy(), "inner"]);
            let inner = folder.join("inner");
            if inner.join(".git").exists() {
                // done twice, there is nothing to commit
                fs::write(inner.join("deep"), "x").unwrap();
                drop(command(&inner).args(["add", "deep"]).output().unwrap());
                drop(command(&inner).args(["commit", "-q", "-m", "deep"]).output().unwrap());
                fs::write(inner.join("loose"), "x").unwrap();
            }
        }
    }
}

/// A few in the default run; `DEVUP_WORK_CASES=500` for a long one.
fn cases() -> ProptestConfig {
    let cases = std::env::var("DEVUP_WORK_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    ProptestConfig { max_shrink_iters: 60, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_was_done_comes_back(deeds in proptest::collection::vec(deed(), 4..28), fresh in any::<bool>()) {
        let world = World::new();
        world.clone_of_remote("library");
        let shop = world.clone_of_remote("shop");
        fs::write(shop.join(".git/info/exclude"), ".env\n").unwrap();
        for deed in &deeds {
            act(&world, &shop, deed);
        }
        let mut folders = vec![shop.clone(), shop.join("inner"), world.path("tree-0"), world.path("tree-1")];
        folders.retain(|folder| folder.join(".git").exists());
        let before: Vec<_> = folders.iter().map(|folder| facts(folder)).collect();
        let done = there_and_back(&world, &shop, fresh);
        prop_assert_eq!(done.notes, Vec::<String>::new());
        for (folder, before) in folders.iter().zip(&before) {
            prop_assert_eq!(&facts(folder), before);
        }
    }
}
