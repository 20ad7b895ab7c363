//! Volumes in backups and under names: what is got back is compared on the engine's own disk, file by file, and restic
//! reads what was written.

use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, Timespec, Timestamps, XattrFlags};
use sha2::{Digest as _, Sha256};

use crate::engine::{Kind, engine, within};
use crate::project::{Project, Ran};

const SPEC: &str = "\
services:
  db: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, volumes: ['data:/d', '/unnamed'] }
  web: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, depends_on: [db] }
volumes: { data: {} }
";

/// A project that is up. `None` (said aloud) where there is no engine, or its disk can't be looked at.
pub fn project(kind: Kind, what: &str) -> Option<Project> {
    let engine = engine(kind)?;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: volumes are compared on the engine's own disk, which takes root");
        return None;
    }
    let project = Project::new(&engine, what, SPEC);
    fs::write(project.home().join("key"), "opens what devup made\n").unwrap();
    fs::set_permissions(project.home().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    project.devup(&["up"]).expect(0);
    Some(project)
}

pub fn run(project: &Project, words: &[&str]) -> Ran {
    let key = project.home().join("key");
    let mut all = words.to_vec();
    let key = key.to_string_lossy();
    all.extend(["--passphrase-file", &key]);
    project.devup(&all)
}

/// Where the engine keeps what a container has mounted there.
fn disk(project: &Project, service: &str, target: &str) -> PathBuf {
    project.engine.disk(&project.container(service, 1), target)
}

/// Every kind of thing that a volume may hold.
pub fn odd_things(root: &Path) {
    let at = |path: &str| root.join(path);
    fs::create_dir_all(at("folder/deep")).unwrap();
    fs::write(at("folder/plain"), "text").unwrap();
    fs::write(root.join(std::ffi::OsString::from_vec(b"odd \xff\n\"name".to_vec())), "odd").unwrap();
    fs::hard_link(at("folder/plain"), at("same")).unwrap();
    symlink("/etc/shadow", at("link")).unwrap();
    symlink("../../..", at("folder/up")).unwrap();
    let sparse = File::create(at("sparse")).unwrap();
    sparse.write_at(b"in the middle", 40 << 20).unwrap();
    sparse.set_len(100 << 20).unwrap();
    let big: Vec<u8> = (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(at("big"), big).unwrap();
    for number in 0..300 {
        fs::write(at(&format!("folder/deep/{number}")), number.to_string()).unwrap();
    }
    let folder = File::open(root).unwrap();
    rustix::fs::mknodat(&folder, "pipe", FileType::Fifo, Mode::RUSR, 0).unwrap();
    rustix::fs::mknodat(&folder, "null", FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 3)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let big = File::open(at("big")).unwrap();
    // file systems without such attributes keep none
    let _ = rustix::fs::fsetxattr(&big, "user.colour", b"\x00red", XattrFlags::empty());
    let _ = Command::new("setfacl").args(["-m", "u:12345:r"]).arg(at("big")).status();
    std::os::unix::fs::lchown(at("link"), Some(70_000), Some(70_001)).unwrap();
    std::os::unix::fs::chown(at("big"), Some(999), Some(998)).unwrap();
    std::os::unix::fs::chown(root, Some(999), Some(998)).unwrap();
    fs::set_permissions(root, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(at("folder"), fs::Permissions::from_mode(0o3750)).unwrap();
    fs::set_permissions(at("folder/plain"), fs::Permissions::from_mode(0o4711)).unwrap();
    let spec = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps { last_access: spec(0, 0), last_modification: spec(-1_000, 123_456_789) };
    for name in ["big", "pipe", "link", "folder", "."] {
        rustix::fs::utimensat(&folder, name, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

/// What the system says of everything in a folder, a line each.
pub fn manifest(root: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    found.push(line(root, root));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(line(root, &path));
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn line(root: &Path, path: &Path) -> String {
    let facts = path.symlink_metadata().unwrap();
    let content = match () {
        () if facts.is_file() => format!("{} {}", facts.blocks(), hex::encode(Sha256::digest(fs::read(path).unwrap()))),
        () if facts.is_symlink() => fs::read_link(path).unwrap().as_os_str().as_bytes().escape_ascii().to_string(),
        () => facts.rdev().to_string(),
    };
    let (links, size) = if facts.is_dir() { (0, 0) } else { (facts.nlink(), facts.len()) };
    let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
    let (mode, uid, gid, seconds, nanos) = (facts.mode(), facts.uid(), facts.gid(), facts.mtime(), facts.mtime_nsec());
    format!("{name} {mode:o} {uid}:{gid} {links} {size} {seconds}.{nanos:09} {content} {:?}", attributes(path))
}

fn attributes(path: &Path) -> Vec<String> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap();
        found.push(format!("{}={:?}", String::from_utf8_lossy(name), &value[..length]));
    }
    found.sort();
    found
}

fn same(wanted: &[String], found: &[String]) {
    for (wanted, found) in wanted.iter().zip(found) {
        assert_eq!(wanted, found);
    }
    assert_eq!(wanted.len(), found.len());
}

fn helpers(project: &Project) -> Vec<bollard::models::ContainerSummary> {
    let filters = [("label".to_owned(), vec!["io.devup.helper=volume".to_owned()])].into();
    let options =
        bollard::query_parameters::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
    let found = project.engine.ask(async |docker| docker.list_containers(Some(options)).await).expect("a listing");
    let ours = project.engine.volumes(&project.name);
    let uses = |mounts: &Vec<bollard::models::MountPoint>| {
        mounts.iter().any(|mount| mount.name.as_ref().is_some_and(|name| ours.contains(name)))
    };
    found.into_iter().filter(|container| container.mounts.as_ref().is_some_and(uses)).collect()
}

fn there_and_back(kind: Kind) {
    let Some(project) = project(kind, "data") else { return };
    let (data, unnamed) = (disk(&project, "db", "/d"), disk(&project, "db", "/unnamed"));
    odd_things(&data);
    fs::write(unnamed.join("file"), "kept, too").unwrap();
    let wanted = (manifest(&data), manifest(&unnamed));
    run(&project, &["data", "save", "one"]).expect(0).says("the data of").says("frozen meanwhile");
    run(&project, &["data", "save", "one"]).expect(1).says("has data saved as one already");

    for path in ["big", "sparse", "folder/plain"] {
        fs::remove_file(data.join(path)).unwrap();
    }
    fs::write(data.join("folder/deep/7"), "changed").unwrap();
    fs::write(data.join("more"), "more").unwrap();
    fs::remove_file(unnamed.join("file")).unwrap();
    let changed = manifest(&data);
    let running = project.engine.running(&project.name);
    let restored = run(&project, &["data", "restore", "one"]).expect(0).says("data: as in one");
    same(&wanted.0, &manifest(&data));
    same(&wanted.1, &manifest(&unnamed));
    assert_eq!(project.engine.running(&project.name), running);
    assert_eq!(helpers(&project), []);

    // what was there before is under a name that the restore told
    let undo = restored.err.split("`devup data restore ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    run(&project, &["data", "restore", undo, "--no-backup"]).expect(0);
    same(&changed, &manifest(&data));
    run(&project, &["data", "rm", undo]).expect(0);
    let listed = run(&project, &["data", "list"]).expect(0);
    assert!(listed.out.contains("one") && !listed.out.contains(undo), "{}", listed.out);
    // data under a name is no backup of the project
    run(&project, &["restore", "--into", "back"]).expect(1).says("no complete snapshot");
}

#[test]
fn data_under_a_name_comes_back_as_it_was() {
    there_and_back(Kind::Docker);
}

#[test]
fn data_under_a_name_comes_back_as_it_was_on_podman() {
    there_and_back(Kind::Podman);
}

#[test]
fn volumes_that_are_gone_are_made_for_what_was_saved() {
    let Some(project) = project(Kind::Docker, "gone") else { return };
    fs::write(disk(&project, "db", "/d").join("file"), "kept").unwrap();
    run(&project, &["data", "save", "one"]).expect(0);
    project.devup(&["down", "-v", "--no-backup"]).expect(0);
    assert_eq!(project.engine.volumes(&project.name), [""; 0]);
    run(&project, &["data", "restore", "one"]).expect(0).says("left alone: db-1:/unnamed").says("`devup create`");
    project.devup(&["up"]).expect(0);
    assert_eq!(fs::read(disk(&project, "db", "/d").join("file")).unwrap(), b"kept");
}

/// restic, where it is installed; `RESTIC` names another one.
fn restic(project: &Project, arguments: &[&str]) -> Option<()> {
    let program = std::env::var_os("RESTIC").unwrap_or_else(|| "restic".into());
    let mut command = Command::new(program);
    command.args(["--no-cache", "-r", "repo", "--password-file", "words"]).args(arguments);
    let Ok(output) = command.current_dir(project.home()).stdin(Stdio::null()).output() else {
        eprintln!("SKIPPED: restic is not installed");
        return None;
    };
    assert!(output.status.success(), "restic {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

#[test]
fn volumes_are_part_of_a_backup_that_restic_reads() {
    let Some(project) = project(Kind::Docker, "part") else { return };
    let data = disk(&project, "db", "/d");
    odd_things(&data);
    let home = project.home();
    let (repository, sheet) = (home.join("repo"), home.join("sheet"));
    run(&project, &["backup", "init", &repository.to_string_lossy(), "--sheet", &sheet.to_string_lossy()]).expect(0);
    let sheet = fs::read_to_string(sheet).unwrap();
    let words = sheet.lines().find_map(|line| line.trim().strip_prefix("passphrase")).unwrap().trim();
    fs::write(home.join("words"), words).unwrap();
    let first = run(&project, &["backup"]).expect(0);
    assert!(!first.out.contains("volume data"), "it is covered: {}", first.out);
    // nothing has changed but what devup says about the volume: nothing is read again
    let second = run(&project, &["backup", "--json"]).expect(0);
    let report: serde_json::Value = serde_json::from_str(&second.out).unwrap();
    let report = &report[0];
    assert!(report["files_unmodified"].as_u64().unwrap() >= 307, "{report}");
    assert_eq!(report["files_new"], 0, "{report}");
    if restic(&project, &["check", "--read-data"]).is_none() {
        return;
    }
    let place = format!("/devup/{}/volumes/data/files", project.name);
    restic(&project, &["restore", "latest", "--include", &place, "--target", "back"]);
    let back = home.join("back").join(place.trim_start_matches('/'));
    // restic makes no holes where it is not told to, and no sockets
    let plain = |root: &Path| -> Vec<String> {
        manifest(root).into_iter().filter(|line| !line.starts_with("sparse ") && !line.starts_with("socket ")).collect()
    };
    same(&plain(&data), &plain(&back));
}

/// Killed at any moment, it leaves what was there, or finishes with the next try.
#[test]
fn a_restore_that_is_killed_leaves_all_or_is_finished() {
    let Some(project) = project(Kind::Docker, "killed") else { return };
    let data = disk(&project, "db", "/d");
    odd_things(&data);
    let wanted = manifest(&data);
    run(&project, &["data", "save", "one"]).expect(0);
    let names = |root: &Path| {
        let mut names: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != ".devup-restore");
        names
    };
    for round in 0..4 {
        for entry in names(&data) {
            let path = data.join(entry);
            if path.symlink_metadata().unwrap().is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        fs::write(data.join("other"), "state").unwrap();
        let key = project.home().join("key");
        let words = ["data", "restore", "one", "--no-backup", "--passphrase-file", &key.to_string_lossy()];
        let mut child = project.spawn(&words);
        // the moments: a helper runs; it loads; a bit later; it is done or nearly so
        within(Duration::from_mins(1), || match round {
            // one that was made and not started would stay, until another devup finds it abandoned
            0 => helpers(&project)
                .iter()
                .any(|helper| helper.status.as_deref().is_some_and(|said| said.starts_with("Up")))
                .then_some(()),
            1 => data.join(".devup-restore").exists().then_some(()),
            2 => data.join(".devup-restore/new/big").exists().then_some(()),
            _ => (data.join(".devup-restore/note").exists() || data.join("big").exists()).then_some(()),
        })
        .expect("the moment comes");
        let _ = child.kill();
        let _ = child.wait();
        within(Duration::from_mins(1), || helpers(&project).is_empty().then_some(())).expect("helpers end with devup");
        if !data.join(".devup-restore/note").exists() && !data.join("big").exists() {
            assert_eq!(fs::read(data.join("other")).unwrap(), b"state", "round {round}");
        }
        project.devup(&["up"]).expect(0);
        run(&project, &["data", "restore", "one", "--no-backup"]).expect(0);
        same(&wanted, &manifest(&data));
    }
}

/// A step that removes data saves it first, or does not happen.
#[test]
fn data_is_saved_before_it_is_removed() {
    let Some(project) = project(Kind::Docker, "before") else { return };
    let write = |text: &str| fs::write(disk(&project, "db", "/d").join("file"), text).unwrap();
    write("first");
    // nobody is here to answer, and there is no repository: it is told, and goes on as it always did
    project.devup(&["down", "-v"]).expect(0).says("no backup of the data was taken first").says("devup backup init");
    project.devup(&["up"]).expect(0);
    write("second");
    run(&project, &["data", "save", "by-hand"]).expect(0);
    // a repository is there, and can't be opened: nothing goes
    project.devup(&["down", "-v"]).expect(1).says("nothing was removed").says("`devup down --no-backup`");
    project.devup(&["destroy", "--yes"]).expect(1).says("nothing was removed").says("`devup destroy --no-backup`");
    assert_eq!(project.engine.running(&project.name).len(), 2);
    write("third");
    let gone = run(&project, &["down", "-v"]).expect(0).says("saved the data as before-down-");
    assert_eq!(project.engine.volumes(&project.name), [""; 0]);
    let undo = gone.err.split("`devup data restore ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    run(&project, &["data", "restore", undo]).expect(0);
    project.devup(&["up"]).expect(0);
    assert_eq!(fs::read(disk(&project, "db", "/d").join("file")).unwrap(), b"third");
    project.devup(&["destroy", "--yes", "--no-backup"]).expect(0);
    assert_eq!(project.engine.volumes(&project.name), [""; 0]);
}

#[test]
fn a_copy_of_the_project_gets_its_data() {
    let Some(project) = project(Kind::Docker, "branch") else { return };
    let data = disk(&project, "db", "/d");
    odd_things(&data);
    let wanted = manifest(&data);
    run(&project, &["data", "branch", "other"]).expect(0).says("devup --instance other up");
    project.devup(&["--instance", "other", "up"]).expect(0);
    let copy = format!("{}-other", project.name);
    let mounts = project.engine.inspect(&format!("{copy}-db-1")).mounts.unwrap_or_default();
    let theirs =
        mounts.into_iter().find(|mount| mount.destination.as_deref() == Some("/d")).and_then(|mount| mount.source);
    let theirs = PathBuf::from(theirs.expect("a place on the disk"));
    let found = (manifest(&theirs), manifest(&data));
    project.devup(&["--instance", "other", "destroy", "--yes", "--no-backup"]).expect(0);
    assert_ne!(theirs, data);
    same(&wanted, &found.0);
    same(&wanted, &found.1);
    assert!(!run(&project, &["data", "list"]).expect(0).out.contains("before-"));
}
