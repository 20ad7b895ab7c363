//! Files of git's own that belong to the work: what is under way, hooks, local configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::error::WorkError;
use super::files::{copy_any, copy_folder};

/// Of a working tree: what is under way in it.
const OF_TREE: &[&str] = &[
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "MERGE_RR",
    "MERGE_AUTOSTASH",
    "AUTO_MERGE",
    "SQUASH_MSG",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "ORIG_HEAD",
    "COMMIT_EDITMSG",
    "BISECT_LOG",
    "BISECT_NAMES",
    "BISECT_START",
    "BISECT_TERMS",
    "BISECT_EXPECTED_REV",
    "BISECT_ANCESTORS_OK",
    "BISECT_FIRST_PARENT",
    "BISECT_RUN",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "config.worktree",
    "info/sparse-checkout",
];

/// Of the repository: what all of its working trees share.
const SHARED: &[&str] = &["config", "info/exclude", "info/attributes", "info/grafts", "rr-cache", "shallow"];

/// Copies what a working tree has of these.
pub(super) fn copy_of_tree(from: &Path, to: &Path) -> Result<(), WorkError> {
    copy(OF_TREE, from, to)
}

/// Copies what the repository has of these, and its hooks but for git's samples.
pub(super) fn copy_shared(from: &Path, to: &Path) -> Result<(), WorkError> {
    copy(SHARED, from, to)?;
    // a link could lead to any folder of the machine
    if !is_folder(&from.join("hooks")) {
        return Ok(());
    }
    let Ok(hooks) = fs::read_dir(from.join("hooks")) else { return Ok(()) };
    for hook in hooks.flatten().filter(|hook| !hook.file_name().to_string_lossy().ends_with(".sample")) {
        let target = to.join("hooks").join(hook.file_name());
        copy_any(&hook.path(), &target).map_err(WorkError::file("copy", &hook.path()))?;
    }
    Ok(())
}

/// Copies the large files of Git LFS that are here.
pub(super) fn copy_lfs(from: &Path, to: &Path) -> Result<(), WorkError> {
    let objects = from.join("lfs/objects");
    if !is_folder(&from.join("lfs")) || !is_folder(&objects) {
        return Ok(());
    }
    copy_folder(&objects, &to.join("lfs/objects")).map_err(WorkError::file("copy", &objects))
}

/// A folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn copy(names: &[&str], from: &Path, to: &Path) -> Result<(), WorkError> {
    for name in names {
        let source = from.join(name);
        // a folder on the way that is a link could lead anywhere
        let beside = Path::new(name).parent().is_none_or(|on_the_way| is_folder(&from.join(on_the_way)));
        if beside && fs::symlink_metadata(&source).is_ok() {
            copy_any(&source, &to.join(name)).map_err(WorkError::file("copy", &source))?;
        }
    }
    Ok(())
}

/// Words in what is under way that may name objects: commits still to be picked, what a merge had come to.
pub(super) fn words(git_dir: &Path) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for name in OF_TREE {
        gather(&git_dir.join(name), &mut words);
    }
    words
}

fn gather(path: &Path, words: &mut BTreeSet<String>) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_symlink() {
        return;
    }
    if found.is_dir()
        && let Ok(entries) = fs::read_dir(path)
    {
        entries.flatten().for_each(|entry| gather(&entry.path(), words));
        return;
    }
    let content = super::repository::read(path).unwrap_or_default();
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let found = content.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| matches!(word.len(), 7..=64));
    let hex = found.filter(|word| word.iter().all(is_digit));
    words.extend(hex.map(|word| String::from_utf8_lossy(word).into_owned()));
}
