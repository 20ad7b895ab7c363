//! From a folder to a repository and back, and what is done about everything that goes wrong on the way.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustic_core::repofile::NodeType;

use super::check::check;
use super::copy;
use super::diff::{How, diff};
use super::error::Kind;
use super::fixture::{Made, PASSPHRASE, World, part, secret, subject, world};
use super::manifest::Manifest;
use super::part::{Kind as PartKind, Part};
use super::restore::{Request, restore};
use super::retention::{Among, Rules, forget, plan, prune};
use super::session::Session;
use super::snapshot::Wanted;
use super::vault::Vault;

fn latest() -> Wanted {
    Wanted::Latest { project: "shop".to_owned() }
}

fn into(world: &World, only: Vec<PartKind>) -> Request {
    Request { wanted: latest(), only, into: world.path("out") }
}

/// All packs of a repository, the largest first.
fn packs(world: &World) -> Vec<PathBuf> {
    let folders = fs::read_dir(world.path("repo/data")).unwrap();
    let mut packs: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    packs.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    packs
}

#[test]
fn what_goes_in_comes_out() {
    let world = world();
    world.file("in/plain", "content");
    world.file("in/deep/er/odd \n name", vec![7; 3_000_000]);
    let run = world.file("in/run.sh", "#!/bin/sh");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::symlink("/nowhere/at all", world.path("in/link")).unwrap();
    let (summary, manifest) = world.back_up("in").unwrap();
    assert_eq!((summary.files_new, manifest.parts.len()), (4, 1));
    assert_eq!((manifest.parts[0].entries, manifest.parts[0].bytes), (6, 3_000_016));

    let restored = restore(&world.vault, &into(&world, vec![])).unwrap();
    assert_eq!(restored.written.failures, 0, "{restored:?}");
    assert_eq!(restored.verified, ["settings"]);
    let out = world.path("out/settings");
    assert_eq!(fs::read(out.join("deep/er/odd \n name")).unwrap(), vec![7; 3_000_000]);
    assert_eq!(fs::read_link(out.join("link")).unwrap(), Path::new("/nowhere/at all"));
    let (was, is) = (fs::metadata(&run).unwrap(), fs::metadata(out.join("run.sh")).unwrap());
    assert_eq!((is.mode() & 0o7777, is.mtime(), is.mtime_nsec()), (0o750, was.mtime(), was.mtime_nsec()));
    assert!(world.path("out/manifest.json").exists());
}

#[test]
fn many_folders_come_back_with_their_times_modes_and_links() {
    let world = world();
    for at in 0..300_u32 {
        world.file(&format!("in/{}/{}/{at}", at % 7, at % 5), at.to_string().repeat(100));
    }
    fs::hard_link(world.path("in/0/0/0"), world.path("in/1/again")).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    for folder in ["in/3/3", "in/3", "in/5/1"] {
        fs::File::open(world.path(folder)).unwrap().set_modified(old).unwrap();
        fs::set_permissions(world.path(folder), fs::Permissions::from_mode(0o710)).unwrap();
    }
    world.back_up("in").unwrap();
    let restored = restore(&world.vault, &into(&world, vec![])).unwrap();
    assert_eq!((restored.written.failures, restored.written.files), (0, 302), "{restored:?}");
    for at in 0..300_u32 {
        let path = world.path(&format!("out/settings/{}/{}/{at}", at % 7, at % 5));
        assert_eq!(fs::read_to_string(path).unwrap(), at.to_string().repeat(100));
    }
    for folder in ["3/3", "3", "5/1"] {
        let is = fs::metadata(world.path("out/settings").join(folder)).unwrap();
        assert_eq!((is.modified().unwrap(), is.mode() & 0o7777), (old, 0o710), "{folder}");
    }
    let inode = |below: &str| fs::metadata(world.path("out/settings").join(below)).unwrap().ino();
    assert_eq!(inode("0/0/0"), inode("1/again"));
}

#[test]
fn the_second_backup_stores_what_is_new_and_reads_nothing_else() {
    let world = world();
    world.file("in/big", (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    world.back_up("in").unwrap();
    world.file("in/small", "new");
    let (summary, _) = world.back_up("in").unwrap();
    assert_eq!((summary.files_new, summary.files_unmodified), (1, 1));
    assert!(summary.stored < 100_000, "{summary:?}");
    let changes = diff(
        &world.vault,
        &Wanted::Id(world.vault.snapshots().unwrap()[0].id.clone()),
        &Wanted::Id(summary.snapshot.clone()),
    )
    .unwrap();
    let added: Vec<_> = changes.iter().filter(|one| one.how == How::Added).collect();
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].path, Path::new("devup/shop/settings/small"));
}

#[test]
fn only_what_is_asked_for_is_restored_and_only_where_nothing_is() {
    let world = world();
    world.file("in/a", "a");
    world.back_up("in").unwrap();
    let error = restore(&world.vault, &into(&world, vec![PartKind::Volume])).unwrap_err();
    assert_eq!((error.kind, error.reason.as_str()), (Kind::Missing, "it has no volumes; what it has: settings"));
    assert!(!world.path("out").exists());
    let some = restore(&world.vault, &into(&world, vec![PartKind::Volume, PartKind::Settings])).unwrap();
    assert_eq!((some.written.files, some.verified.len()), (2, 1), "what it has of that, and the manifest");
    let error = restore(&world.vault, &into(&world, vec![])).unwrap_err();
    assert_eq!(error.kind, Kind::Exists);
}

#[test]
fn a_part_that_cannot_be_read_is_never_complete() {
    let world = world();
    world.file("in/a", "a");
    // root reads everything: a folder that is gone can't be read by anybody
    let mut session = Session::begin(&world.vault, subject("shop"), Timestamp::now()).unwrap();
    let error = session.add(part(world.path("not-there"))).unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "{error}");
    drop(session);
    assert_eq!(world.vault.snapshots().unwrap(), []);
}

/// Backs up what a source hands over, as a database that is called `db`.
fn stream(world: &World, made: Made, verdict: Result<&str, &str>) -> super::error::Result<Manifest> {
    let verdict = verdict.map(str::to_owned).map_err(str::to_owned);
    let mut session = Session::begin(&world.vault, subject("shop"), Timestamp::now())?;
    session.add(Part::files(PartKind::Database, Some("db".into()), "the database", made, move || verdict))?;
    session.finish(Timestamp::now(), Vec::new()).map(|(_, manifest)| manifest)
}

#[test]
fn what_streams_is_kept_below_its_own_place() {
    let world = world();
    let made = Made(vec![]).node("all.dump", "all.dump", NodeType::File, Some(b"rows")).node(
        "deep/er.dump",
        "er.dump",
        NodeType::File,
        Some(b"more"),
    );
    let manifest = stream(&world, made, Ok("its trailer is there")).unwrap();
    assert_eq!(manifest.parts[0].verified, "its trailer is there; counted in the repository");
    assert_eq!((manifest.parts[0].entries, manifest.parts[0].bytes), (3, 8));
    restore(&world.vault, &into(&world, vec![])).unwrap();
    assert_eq!(fs::read(world.path("out/databases/db/all.dump")).unwrap(), b"rows");
    assert_eq!(fs::read(world.path("out/databases/db/deep/er.dump")).unwrap(), b"more");
}

#[test]
fn a_stream_that_is_not_whole_is_never_complete() {
    let file = |path: &str, name: &str| Made(vec![]).node(path, name, NodeType::File, Some(b"x"));
    let mut timeless = file("a", "a");
    timeless.0[0].1.meta.mtime = None;
    let cases = [
        (file("a", "a"), Err("pg_dump ended with 1"), "pg_dump ended with 1"),
        (file("../../a", "a"), Ok(""), "leads elsewhere"),
        (file("/a", "a"), Ok(""), "leads elsewhere"),
        (file("a", "b"), Ok(""), "another one"),
        (file("b", "b").node("a", "a", NodeType::File, Some(b"x")), Ok(""), "out of order"),
        (timeless, Ok(""), "no time"),
        (Made(vec![]).node("a", "a", NodeType::File, None), Ok(""), "went in"),
    ];
    let world = world();
    for (made, verdict, reason) in cases {
        let error = stream(&world, made, verdict).unwrap_err();
        assert!(error.kind == Kind::Incomplete && error.reason.contains(reason), "{error}");
        assert_eq!(world.vault.snapshots().unwrap(), []);
    }
}

#[test]
fn two_parts_never_share_a_place() {
    let world = world();
    world.file("in/a", "a");
    let mut session = Session::begin(&world.vault, subject("shop"), Timestamp::now()).unwrap();
    session.add(part(world.path("in"))).unwrap();
    let error = session.add(part(world.path("in"))).unwrap_err();
    assert!(error.kind == Kind::Incomplete && error.reason.contains("has a part already"), "{error}");
}

#[test]
fn an_interrupted_backup_leaves_nothing_complete_and_the_next_one_tidies_up() {
    let world = world();
    world.file("in/a", "a");
    let mut session = Session::begin(&world.vault, subject("shop"), Timestamp::now()).unwrap();
    session.add(part(world.path("in"))).unwrap();
    // the process ends here
    drop(session);
    assert_eq!(fs::read_dir(world.path("repo/snapshots")).unwrap().count(), 1);
    assert_eq!(world.vault.snapshots().unwrap(), []);
    assert_eq!(world.vault.find(&latest()).unwrap_err().kind, Kind::Missing);
    world.back_up("in").unwrap();
    assert_eq!(fs::read_dir(world.path("repo/snapshots")).unwrap().count(), 1);
    assert!(world.vault.snapshots().unwrap()[0].complete);
}

#[test]
fn a_wrong_passphrase_and_a_missing_repository_are_told_apart() {
    let world = world();
    let open = |address, words| Vault::open(address, &secret(words), &world.path("cache")).unwrap_err();
    let wrong = open(world.vault.address(), "no");
    assert_eq!((wrong.kind, wrong.reason.as_str()), (Kind::Passphrase, "the passphrase is wrong"));
    let nowhere = super::address::Address::Folder(world.path("none"));
    assert_eq!(open(&nowhere, PASSPHRASE).kind, Kind::Missing);
    assert!(!world.path("none").exists());
}

#[test]
fn flipped_bits_and_missing_ends_are_found_and_nothing_wrong_is_restored() {
    for damage in [flip, truncate] {
        let world = world();
        world.file("in/big", (0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
        world.file("in/small", "small");
        world.back_up("in").unwrap();
        assert!(check(&world.vault, true).unwrap().errors.is_empty());
        damage(&packs(&world)[0]);
        let vault = world.reopened().unwrap();
        let found = check(&vault, true).map(|found| found.errors.len());
        assert!(!matches!(found, Ok(0)), "{found:?}");
        let restored = restore(&vault, &into(&world, vec![])).unwrap();
        assert!(restored.written.failures >= 1, "{restored:?}");
        let out = world.path("out/settings/big");
        let wrong = fs::read(&out).is_ok_and(|bytes| bytes.len() == 1_200_000 && bytes[..4] != [0; 4]);
        assert!(!wrong, "damaged content was restored");
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_damaged_snapshot_is_an_error_and_not_an_empty_list() {
    let world = world();
    world.file("in/a", "a");
    world.back_up("in").unwrap();
    let file = fs::read_dir(world.path("repo/snapshots")).unwrap().next().unwrap().unwrap().path();
    flip(&file);
    let error = world.reopened().unwrap().snapshots().unwrap_err();
    assert_eq!(error.kind, Kind::Damaged, "{error}");
}

#[test]
fn what_goes_is_planned_first_and_its_data_stays_through_the_grace() {
    let world = world();
    for turn in 0..3_u8 {
        world.file("in/big", vec![turn; 100_000]);
        world.back_up("in").unwrap();
    }
    let rules = Rules { last: Some(1), ..Rules::default() };
    let fates = plan(&world.vault, &rules, Among::default(), Timestamp::now()).unwrap();
    assert_eq!(fates.iter().filter(|fate| fate.keep).count(), 1);
    assert_eq!(world.vault.snapshots().unwrap().len(), 3, "a plan removes nothing");
    let other = Among { project: Some("other"), tag: None };
    let automatic = Among { project: None, tag: Some("devup:auto") };
    assert!(plan(&world.vault, &rules, automatic, Timestamp::now()).unwrap().is_empty());
    assert!(plan(&world.vault, &rules, other, Timestamp::now()).unwrap().is_empty());
    assert_eq!(forget(&world.vault, &fates).unwrap(), 2);
    let before = packs(&world);
    let pruned = prune(&world.vault, false).unwrap();
    assert!(pruned.marked > 0 && pruned.removed == 0, "{pruned:?}");
    let after = packs(&world);
    assert!(before.iter().all(|pack| after.contains(pack)), "data goes only after the grace");
    assert!(check(&world.vault, true).unwrap().errors.is_empty());
    assert_eq!(restore(&world.vault, &into(&world, vec![])).unwrap().written.failures, 0);
}

#[test]
fn a_copy_has_everything_and_the_second_copies_nothing() {
    let (one, other) = (world(), world());
    one.file("in/a", vec![1; 100_000]);
    one.back_up("in").unwrap();
    let missing = copy::missing(&one.vault, &other.vault, None).unwrap();
    copy::copy(&one.vault, &other.vault, &missing).unwrap();
    assert!(check(&other.vault, true).unwrap().errors.is_empty());
    let restored = restore(&other.vault, &into(&other, vec![])).unwrap();
    assert_eq!(restored.verified, ["settings"]);
    assert!(copy::missing(&one.vault, &other.vault, None).unwrap().snapshots().is_empty());
}

#[test]
fn after_the_clock_went_back_the_newest_is_still_the_newest() {
    let world = world();
    let later = Timestamp::now().checked_add(jiff::Span::new().hours(48)).unwrap();
    world.file("in/a", "before");
    let mut session = Session::begin(&world.vault, subject("shop"), later).unwrap();
    session.add(part(world.path("in"))).unwrap();
    let (first, _) = session.finish(later, Vec::new()).unwrap();
    assert_eq!(first.clock_behind, None);
    world.file("in/a", "after");
    let (second, manifest) = world.back_up("in").unwrap();
    assert!(second.clock_behind.is_some() && manifest.taken < later, "{second:?}");
    restore(&world.vault, &into(&world, vec![])).unwrap();
    assert_eq!(fs::read(world.path("out/settings/a")).unwrap(), b"after");
    assert_eq!(world.vault.snapshots().unwrap()[1].id, second.snapshot);
}

/// A backup of what is there now, by a clock that is so many days ahead.
fn ahead(world: &World, days: i64) -> String {
    let then = Timestamp::now().checked_add(jiff::Span::new().hours(days * 24)).unwrap();
    let mut session = Session::begin(&world.vault, subject("shop"), then).unwrap();
    session.add(part(world.path("in"))).unwrap();
    session.finish(then, Vec::new()).unwrap().0.snapshot
}

#[test]
fn one_backup_by_a_clock_that_was_years_ahead_spoils_no_later_one() {
    let world = world();
    world.file("in/a", "before");
    world.back_up("in").unwrap();
    let strange = ahead(&world, 4000);
    world.file("in/a", "after");
    let (summary, _) = world.back_up("in").unwrap();
    let filed = world.vault.snapshots().unwrap().into_iter().find(|one| one.id == summary.snapshot).unwrap();
    let now = Timestamp::now();
    assert!(filed.time <= now, "filed when it was taken: {filed:?}");
    assert_eq!(restore(&world.vault, &into(&world, vec![])).unwrap().snapshot.id, summary.snapshot);
    let rules = Rules { last: Some(1), ..Rules::default() };
    let fates = plan(&world.vault, &rules, Among::default(), now).unwrap();
    let stay: Vec<&str> = fates.iter().filter(|fate| fate.keep).map(|fate| fate.snapshot.id.as_str()).collect();
    assert_eq!(stay, [strange.as_str(), summary.snapshot.as_str()]);
}

#[test]
fn where_all_snapshots_are_of_the_future_the_clock_is_wrong_now() {
    let world = world();
    world.file("in/a", "before");
    ahead(&world, 4000);
    world.file("in/a", "after");
    let (summary, _) = world.back_up("in").unwrap();
    assert!(summary.clock_behind.is_some());
    assert_eq!(restore(&world.vault, &into(&world, vec![])).unwrap().snapshot.id, summary.snapshot);
}

#[test]
fn machines_of_one_name_leave_each_others_parts_alone() {
    let world = world();
    world.file("in/a", "a");
    let parts = || fs::read_dir(world.path("repo/snapshots")).unwrap().count();
    let seen_from = |name: &str| world.reopened().unwrap().seen_from(name.to_owned());
    let (one, other) = (seen_from("one"), seen_from("other"));
    let mut session = Session::begin(&one, subject("shop"), Timestamp::now()).unwrap();
    session.add(part(world.path("in"))).unwrap();
    drop(Session::begin(&other, subject("shop"), Timestamp::now()).unwrap());
    assert_eq!(parts(), 1, "it may be on its way");
    session.finish(Timestamp::now(), Vec::new()).unwrap();
    let mut session = Session::begin(&one, subject("shop"), Timestamp::now()).unwrap();
    session.add(part(world.path("in"))).unwrap();
    drop(session);
    assert_eq!(parts(), 2);
    drop(Session::begin(&one, subject("shop"), Timestamp::now()).unwrap());
    assert_eq!(parts(), 1, "its own it clears");
    Session::begin(&one, subject("shop"), Timestamp::now()).unwrap().add(part(world.path("in"))).unwrap();
    let later = Timestamp::now().checked_add(jiff::Span::new().hours(8 * 24)).unwrap();
    drop(Session::begin(&other, subject("shop"), later).unwrap());
    assert_eq!(parts(), 1, "what nobody comes back for");
}

#[test]
fn restic_at_work_is_not_disturbed() {
    let world = world();
    world.file("in/a", "a");
    world.file("repo/locks/0123", "held");
    assert_eq!(world.back_up("in").unwrap_err().kind, Kind::Busy);
}

#[test]
fn parts_lie_where_restic_alone_finds_them() {
    assert_eq!(part(PathBuf::new()).place(), Path::new("settings"));
    let volume = Part::folder(PartKind::Volume, Some("db/data".into()), PathBuf::new(), "", "");
    assert_eq!(volume.place(), Path::new("volumes/db%2fdata"));
}

/// A kind of damage to a file.
type Damage = (&'static str, fn(&Path));

/// Every file of a repository, damaged in every way, one at a time: either it is said, or it was of no use and everything
/// comes back whole. Nothing wrong is ever restored, and nobody panics.
#[test]
fn whatever_file_is_damaged_in_whatever_way_it_is_told_or_nothing_is_missing() {
    let damages: [Damage; 3] =
        [("flipped", flip), ("cut", truncate), ("removed", |path| fs::remove_file(path).unwrap())];
    let world = world();
    let big = (0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    world.file("in/big", &big);
    world.file("in/small", "small");
    world.back_up("in").unwrap();
    let mut files = vec![world.path("repo/config")];
    for kind in ["keys", "snapshots", "index"] {
        files.extend(fs::read_dir(world.path("repo").join(kind)).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.extend(packs(&world));
    assert!(files.len() > 5, "{files:?}");
    let mut told = 0;
    for (file, (damage, make)) in files.iter().flat_map(|file| damages.iter().map(move |one| (file, one))) {
        let whole = fs::read(file).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        make(file);
        let _ = fs::remove_dir_all(world.path("out"));
        let ended = world.reopened().and_then(|vault| {
            let found = check(&vault, true)?;
            restore(&vault, &into(&world, vec![])).map(|restored| (found.errors.len(), restored))
        });
        let what = format!("{damage} {}", file.strip_prefix(world.path("repo")).unwrap().display());
        let back = |name: &str| fs::read(world.path("out/settings").join(name)).ok();
        let said = match &ended {
            Err(error) => !error.reason.is_empty(),
            Ok((errors, restored)) => *errors > 0 || restored.written.failures > 0,
        };
        told += usize::from(said);
        let is_whole = back("big").as_ref() == Some(&big) && back("small").as_deref() == Some(b"small");
        assert!(said || is_whole, "{what}: {ended:?}");
        let wrong = back("big").is_some_and(|found| found.len() == big.len() && found != big && found[..4] != [0; 4]);
        assert!(!wrong, "{what}: damaged content was restored");
        fs::write(file, whole).unwrap();
    }
    assert!(told > 3 * 5, "config, key, snapshot, and what they lead to: {told}");
    assert!(check(&world.reopened().unwrap(), true).unwrap().errors.is_empty(), "mended, it is whole again");
}
