//! Everything that has to be equal before and after, as git and the file system say it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Facts by name.
pub type Facts = BTreeMap<String, String>;

/// Git in a folder, with nothing of this machine's configuration.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"])
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_EDITOR", "true");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command
}

/// Git as a user would call it; it has to succeed.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Every path below the folder but git's own: kind, mode and content.
pub fn of_folder(folder: &Path) -> Facts {
    let mut facts = Facts::new();
    walk(folder, folder, &mut facts);
    facts
}

fn walk(top: &Path, folder: &Path, facts: &mut Facts) {
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.file_name() != ".git") {
        let path = entry.path();
        let found = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(top).unwrap().as_os_str().as_encoded_bytes().escape_ascii().to_string();
        if found.is_dir() {
            walk(top, &path, facts);
        } else if found.is_symlink() {
            facts.insert(
                name,
                format!("-> {}", fs::read_link(&path).unwrap().as_os_str().as_encoded_bytes().escape_ascii()),
            );
        } else {
            facts.insert(name, format!("{:o} {}", found.mode(), fs::read(&path).unwrap().escape_ascii()));
        }
    }
}

/// Files, refs, stashes, what is checked out, the index, what is under way, settings and hooks.
pub fn of_repository(folder: &Path) -> Facts {
    let mut facts = of_folder(folder);
    for arguments in [
        &["symbolic-ref", "-q", "HEAD"][..],
        &["rev-parse", "HEAD"],
        &["for-each-ref"],
        &["log", "-g", "--format=%H %gn %ge %gd %gs", "--date=raw", "refs/stash", "--"],
        &["ls-files", "--stage", "-z"],
        &["ls-files", "-v", "-z"],
        &["status", "--porcelain=v2", "-z", "--ignored", "-uall"],
        &["config", "--local", "--list"],
        &["fsck", "--connectivity-only", "--no-dangling", "--no-progress"],
    ] {
        let output = command(folder).args(arguments).output().unwrap();
        let answer = format!("{:?} {}", output.status.code(), output.stdout.escape_ascii());
        facts.insert(format!("git {}", arguments.join(" ")), answer);
    }
    let git_dir = PathBuf::from(git(folder, &["rev-parse", "--absolute-git-dir"]));
    for name in ["MERGE_HEAD", "MERGE_MSG", "hooks/pre-push", "info/exclude"] {
        facts.insert(name.to_owned(), format!("{:?}", fs::read(git_dir.join(name)).ok()));
    }
    facts
}

/// Fails with the facts that differ, and only these.
#[track_caller]
pub fn assert_equal(after: &Facts, before: &Facts, of: &Path) {
    let names = before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
    let differing: Vec<String> =
        names.map(|name| format!("{name}\n  before {:?}\n  after  {:?}", before.get(name), after.get(name))).collect();
    assert!(differing.is_empty(), "{}:\n{}", of.display(), differing.join("\n"));
}
