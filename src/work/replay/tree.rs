//! A working tree: what is checked out, the index with its marks, the files, and what is under way.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Target;
use crate::git::call::{Git, LONG};
use crate::work::description::{CapturedHead, CapturedTree};
use crate::work::encoded::Bytes;
use crate::work::error::WorkError;
use crate::work::index::{self, IndexEntry};
use crate::work::{files, state};

/// Puts one working tree back.
pub(super) fn put_back(
    target: &Target<'_>,
    tree: &CapturedTree,
    number: usize,
    notes: &mut Vec<String>,
) -> Result<(), WorkError> {
    let part = target.part.join("trees").join(number.to_string());
    if !tree.exists && tree.id.is_some() {
        notes.push(format!("{} was gone already; its commits are there", tree.path));
        return Ok(());
    }
    let folder = &target.place.trees[number];
    let git_dir = git_dir(target, tree, folder)?;
    let mut git = Git::on(&git_dir).work_tree(folder).within(LONG);
    for setting in &tree.shaping {
        git = git.config(setting);
    }
    clear(&git)?;
    match &tree.head {
        CapturedHead::Branch(branch) => git.read(&["symbolic-ref", "HEAD", branch])?,
        CapturedHead::Detached(oid) => git.read(&["update-ref", "--no-deref", "HEAD", oid])?,
    };
    let own: String = tree.refs.iter().map(|(name, oid)| format!("update {name} {oid}\n")).collect();
    git.feed(&["update-ref", "--stdin"], own)?;
    if tree.exists {
        let listed = read(&part.join("index"))?;
        let entries = parse(&listed, &part)?;
        git.feed(&["update-index", "-z", "--index-info"], listed)?;
        check_out(&git, &entries, tree)?;
        for entry in &tree.files {
            files::put(folder, entry, &part.join("files"))?;
        }
        for (path, mode) in &tree.modes {
            files::set_mode(folder, path, *mode)?;
        }
        mark(&git, &git_dir, &part)?;
        // code 1: some files differ from the index, as they did
        git.ask(&["update-index", "-q", "--refresh"])?;
    }
    state::copy_of_tree(&part.join("git"), &git_dir)
}

/// Git's folder for the tree; that of a linked one is made here.
fn git_dir(target: &Target<'_>, tree: &CapturedTree, folder: &Path) -> Result<PathBuf, WorkError> {
    let common = &target.place.common;
    let Some(id) = &tree.id else { return Ok(common.clone()) };
    let git_dir = common.join("worktrees").join(id.path());
    fs::create_dir_all(&git_dir).map_err(WorkError::file("make", &git_dir))?;
    fs::create_dir_all(folder).map_err(WorkError::file("make", folder))?;
    let line = |before: &[u8], path: &Path| [before, path.as_os_str().as_bytes(), b"\n"].concat();
    for (file, content) in [
        (git_dir.join("commondir"), b"../..\n".to_vec()),
        (git_dir.join("gitdir"), line(b"", &folder.join(".git"))),
        (git_dir.join("HEAD"), b"ref: refs/heads/devup-replay-none\n".to_vec()),
        (folder.join(".git"), line(b"gitdir: ", &git_dir)),
    ] {
        fs::write(&file, content).map_err(WorkError::file("write", &file))?;
    }
    Ok(git_dir)
}

/// Takes away what the fresh clone has checked out; nothing of anybody's own is there.
fn clear(git: &Git) -> Result<(), WorkError> {
    let empty = git.feed(&["hash-object", "-t", "tree", "-w", "--stdin"], Vec::new())?;
    git.read(&["read-tree", "-u", "--reset", String::from_utf8_lossy(&empty).trim()])?;
    git.read(&["read-tree", "--empty"])?;
    Ok(())
}

/// Writes the files that are what the index says.
fn check_out(git: &Git, entries: &[IndexEntry], tree: &CapturedTree) -> Result<(), WorkError> {
    let apart: BTreeSet<&Bytes> = tree.files.iter().map(|entry| &entry.path).collect();
    let plain = entries.iter().filter(|one| one.stage == 0 && !apart.contains(&one.path));
    let paths: Vec<u8> = plain.flat_map(|one| one.path.0.iter().copied().chain([0])).collect();
    git.feed(&["checkout-index", "-q", "-f", "-z", "--stdin"], paths)?;
    Ok(())
}

fn mark(git: &Git, git_dir: &Path, part: &Path) -> Result<(), WorkError> {
    intend(git_dir, &parse(&read(&part.join("intent-to-add"))?, part)?)?;
    for (file, option) in [("assume-unchanged", "--assume-unchanged"), ("skip-worktree", "--skip-worktree")] {
        let paths = read(&part.join(file))?;
        if !paths.is_empty() {
            git.feed(&["update-index", "-z", option, "--stdin"], paths)?;
        }
    }
    Ok(())
}

/// Entries without content yet: git makes them of files, so that it gets empty ones of the same kinds.
fn intend(git_dir: &Path, entries: &[IndexEntry]) -> Result<(), WorkError> {
    if entries.is_empty() {
        return Ok(());
    }
    let stage = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    for entry in entries {
        let path = stage.path().join(entry.path.path());
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| place_holder(&path, &entry.mode));
        made.map_err(WorkError::file("write", &path))?;
    }
    let paths: Vec<u8> = entries.iter().flat_map(|one| one.path.0.iter().copied().chain([0])).collect();
    let git = Git::on(git_dir).work_tree(stage.path()).config("core.fileMode=true").config("core.symlinks=true");
    git.feed(&["add", "--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"], paths)?;
    Ok(())
}

fn place_holder(path: &Path, mode: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if mode == "120000" {
        return symlink("nowhere", path);
    }
    fs::write(path, "")?;
    let mode = if mode == "100755" { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn read(file: &Path) -> Result<Vec<u8>, WorkError> {
    fs::read(file).map_err(WorkError::file("read", file))
}

fn parse(bytes: &[u8], part: &Path) -> Result<Vec<IndexEntry>, WorkError> {
    index::parse(bytes).ok_or_else(|| WorkError::Capture {
        path: part.join("index"),
        reason: "it is no listing of an index".to_owned(),
    })
}
