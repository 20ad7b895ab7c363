//! Repositories whose writer wants to harm: nothing outside the destination changes.

use std::fs;
use std::path::Path;

use rustic_core::repofile::NodeType;

use super::check::count;
use super::fixture::{Made, World, world};
use super::manifest::{Manifest, VERSION};
use super::restore::{Request, Restored, restore};
use super::snapshot::Wanted;

fn restored(world: &World, made: &Made) -> Restored {
    let snapshot = world.archive(made);
    let id = snapshot.id.to_hex().as_str().to_owned();
    let request = Request { wanted: Wanted::Id(id), only: vec![], into: world.path("deep/er/out") };
    fs::create_dir_all(world.path("deep/er")).unwrap();
    restore(&world.vault, &request).unwrap()
}

fn file() -> NodeType {
    NodeType::File
}

fn link(target: &Path) -> NodeType {
    NodeType::from_link(target)
}

/// Every path below a folder but the repository and the destination.
fn outside(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![world.folder.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("repo") || path.ends_with("deep/er/out") || path.ends_with("cache") {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                open.push(path.clone());
            }
            found.push(path.strip_prefix(world.folder.path()).unwrap().display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn names_that_lead_elsewhere_are_refused_and_the_rest_is_there() {
    let world = world();
    let made = Made(vec![])
        .node("/a", "../evil", file(), Some(b"x"))
        .node("/b", "../../evil", file(), Some(b"x"))
        .node("/c", "/tmp/devup-evil-absolute", file(), Some(b"x"))
        .node("/d", "..", file(), Some(b"x"))
        .node("/e", ".", file(), Some(b"x"))
        .node("/f", "", file(), Some(b"x"))
        .node("/g", "sub/evil", file(), Some(b"x"))
        .node("/h", "\\x2e\\x2e\\x2fevil", file(), Some(b"x"))
        .node("/i", "..", NodeType::Dir, None)
        .node("/i/evil", "evil", file(), Some(b"x"))
        .node("/z", "good", file(), Some(b"good"));
    let before = outside(&world);
    let report = restored(&world, &made);
    assert_eq!(report.written.failures, 9, "{:?}", report.written.failed);
    assert!(report.written.failed.iter().all(|one| one.contains("would lead elsewhere")), "{report:?}");
    assert_eq!(fs::read(world.path("deep/er/out/good")).unwrap(), b"good");
    assert_eq!(fs::read_dir(world.path("deep/er/out")).unwrap().count(), 1);
    assert!(!Path::new("/tmp/devup-evil-absolute").exists());
    let new: Vec<String> = outside(&world).into_iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(new, ["deep", "deep/er"]);
}

#[test]
fn links_are_never_followed() {
    let world = world();
    fs::create_dir(world.path("victim")).unwrap();
    fs::write(world.path("victim/file"), "old").unwrap();
    let made = Made(vec![])
        .node("/a", "a", link(&world.path("victim")), None)
        .node("/a/evil", "evil", file(), Some(b"x"))
        .node("/b", "b", link(&world.path("victim/file")), None)
        .node("/c", "b", file(), Some(b"overwritten"));
    let report = restored(&world, &made);
    assert_eq!(fs::read_dir(world.path("victim")).unwrap().count(), 1);
    assert_eq!(fs::read(world.path("victim/file")).unwrap(), b"old");
    assert_eq!(fs::read_link(world.path("deep/er/out/b")).unwrap(), world.path("victim/file"));
    assert!(report.written.failures >= 1, "{report:?}");
}

#[test]
fn devices_and_pipes_are_left_out_and_said() {
    let world = world();
    let made = Made(vec![])
        .node("/disk", "disk", NodeType::Dev { device: 0x800 }, None)
        .node("/mem", "mem", NodeType::Chardev { device: 0x101 }, None)
        .node("/pipe", "pipe", NodeType::Fifo, None)
        .node("/sock", "sock", NodeType::Socket, None);
    let report = restored(&world, &made);
    assert_eq!(report.written.left_out.len(), 4, "{report:?}");
    assert_eq!(fs::read_dir(world.path("deep/er/out")).unwrap().count(), 0);
}

#[test]
fn what_a_node_says_of_its_size_is_not_believed() {
    let world = world();
    let mut made = Made(vec![]).node("/big", "big", file(), Some(b"four"));
    made.0[0].1.meta.size = u64::MAX / 2;
    let report = restored(&world, &made);
    assert_eq!((report.written.failures, report.written.bytes), (0, 4), "{report:?}");
    assert_eq!(fs::read(world.path("deep/er/out/big")).unwrap(), b"four");
}

#[test]
fn a_shared_inode_with_other_content_is_another_file() {
    let world = world();
    let mut made = Made(vec![]).node("/a", "a", file(), Some(b"one")).node("/b", "b", file(), Some(b"two")).node(
        "/c",
        "c",
        file(),
        Some(b"one"),
    );
    for (_, node, _) in &mut made.0 {
        (node.meta.links, node.meta.inode, node.meta.device_id) = (2, 7, 1);
    }
    restored(&world, &made);
    let read = |name: &str| fs::read(world.path("deep/er/out").join(name)).unwrap();
    assert_eq!((read("a"), read("b"), read("c")), (b"one".to_vec(), b"two".to_vec(), b"one".to_vec()));
}

#[test]
fn folders_without_end_are_given_up_and_what_lies_above_is_there() {
    let world = world();
    let mut made = Made(vec![]);
    let mut path = String::new();
    for _ in 0..450 {
        path.push_str("/d");
        made = made.node(&path, "d", NodeType::Dir, None);
    }
    let report = restored(&world, &made);
    assert_eq!(report.written.failures, 1, "{report:?}");
    assert!(report.written.failed[0].contains("folders in each other"), "{report:?}");
    assert!(world.path("deep/er/out/d/d/d").is_dir());
}

#[test]
fn counting_ends_where_there_is_more_than_is_said() {
    let world = world();
    let made = (0..10).fold(Made(vec![]), |made, at| made.node(&format!("/{at}"), &at.to_string(), file(), Some(b"x")));
    let snapshot =
        world.archive(&made.node("/sub", "sub", NodeType::Dir, None).node("/sub/f", "f", file(), Some(b"y")));
    let reader = world.vault.for_reading().unwrap();
    let counted =
        |most| count(&reader, snapshot.tree, Path::new("sub"), most).map(|found| (found.entries, found.bytes));
    assert_eq!(counted(1).unwrap(), (1, 1));
    assert!(counted(0).unwrap_err().contains("more than 0 entries"));
}

#[test]
fn a_volume_whose_names_lead_elsewhere_is_read_by_nobody() {
    let world = world();
    let manifest = Manifest {
        version: VERSION,
        project: "evil".to_owned(),
        instance: None,
        path: None,
        home: None,
        remote: None,
        devup: String::new(),
        taken: jiff::Timestamp::UNIX_EPOCH,
        parts: Vec::new(),
        not_covered: Vec::new(),
        rows: std::collections::BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    for name in ["../../evil", "/etc/evil", "..", ""] {
        let made = Made(vec![])
            .node("/devup/evil/manifest.json", "manifest.json", file(), Some(&manifest))
            .node("/devup/evil/volumes/data/files/a", "a", file(), Some(b"good"))
            .node("/devup/evil/volumes/data/files/b", name, file(), Some(b"evil"));
        let snapshot = world.archive_as(&made, "devup,complete");
        let kept = world.vault.kept(&Wanted::Id(snapshot.id.to_hex().as_str().to_owned())).unwrap();
        let mut seen = Vec::new();
        let walked = kept.walk(Path::new("volumes/data/files"), &mut |path, _, _| {
            seen.push(String::from_utf8_lossy(path).into_owned());
            Ok(())
        });
        let error = walked.unwrap_err();
        assert!(error.to_string().contains("would lead elsewhere"), "{error}");
        assert_eq!(seen, ["", "a"], "{name:?}");
    }
}
