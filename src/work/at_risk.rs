//! What exists only on this machine: the question of `wipe --check`. A repository is safe when there is nothing in it
//! that a remote has not, by the remote's own word from this run; whatever can't be proven is at risk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::encoded::Bytes;
use super::error::WorkError;
use super::matter::Matter;
use super::objects::{any, count};
use super::proof::Proof;
pub use super::remote::Asking;
use super::repository::{Ref, Repository, Tree};
use super::status;
use super::view::View;

/// Paths named per finding; the rest is counted.
const NAMED: usize = 5;
/// Refs named per repository.
const NAMED_REFS: usize = 50;

/// A repository, and what would be lost with it. Nothing found: it is safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Its folder.
    pub path: Bytes,
    /// What would be lost, or is not known to be kept.
    pub findings: Vec<Finding>,
}

/// Something that would be lost, or is not known to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Finding {
    /// There is no remote at all: these commits are nowhere else.
    NoRemote {
        /// Commits in all.
        commits: usize,
    },
    /// A remote gave no answer: what it has is not known.
    Unproven {
        /// The remote's name.
        remote: String,
        /// Its address.
        address: String,
        /// Why.
        reason: String,
    },
    /// Commits that no remote has.
    Commits {
        /// The ref that leads to them, or `HEAD`.
        name: String,
        /// How many.
        commits: usize,
    },
    /// A tag that no remote has.
    Tag {
        /// Its whole name.
        name: String,
    },
    /// Stashes: no remote ever has them.
    Stashes {
        /// How many.
        stashes: usize,
    },
    /// Files of a working tree.
    Files {
        /// Which tree; absent for the first.
        #[serde(skip_serializing_if = "Option::is_none")]
        tree: Option<Bytes>,
        /// In which way they are not in a commit.
        state: State,
        /// How many.
        files: usize,
        /// Some of them.
        named: Vec<Bytes>,
    },
    /// A rebase, merge or the like that is not finished.
    Operation {
        /// Which tree; absent for the first.
        #[serde(skip_serializing_if = "Option::is_none")]
        tree: Option<Bytes>,
        /// What is under way.
        operation: &'static str,
    },
    /// Hooks that no program made.
    Hooks {
        /// Their names.
        named: Vec<Bytes>,
    },
    /// It could not be looked at.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// In which way files are not in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In the index only.
    Staged,
    /// Changed or deleted.
    Changed,
    /// Of a merge that nobody has decided.
    Conflict,
    /// Not followed by git.
    Untracked,
    /// Ignored, and of a kind that is made by hand: `.env` files, editors' settings.
    Ignored,
}

impl Risk {
    /// Nothing would be lost.
    pub fn is_safe(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The remotes of the repository have all of these commits, by their own word from this run.
pub fn remotes_have(repository: &Repository, commits: &BTreeSet<String>, asking: &Asking) -> Result<bool, WorkError> {
    if commits.is_empty() {
        return Ok(true);
    }
    let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    let view = View::of(repository, &desk.path().join("view"))?;
    if super::objects::kinds(&view, commits)?.len() < commits.len() {
        return Ok(false);
    }
    let proof = Proof::of(repository, &view, commits, asking)?;
    Ok(!any(&view, commits, &proof.confirmed)?)
}

/// Looks at many repositories at once, each with the ignored files that matter in it; the answers stand in the order of
/// the questions.
pub fn survey(repositories: &[(&Repository, Matter)], asking: &Asking, threads: usize) -> Result<Vec<Risk>, WorkError> {
    let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    let (turn, risks) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, repositories.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let position = turn.fetch_add(1, Ordering::Relaxed);
                    let Some((repository, matter)) = repositories.get(position) else { return };
                    let risk = look(repository, &desk.path().join(position.to_string()), asking, matter);
                    risks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((position, risk));
                }
            });
        }
    });
    let mut risks = risks.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    risks.sort_by_key(|(position, _)| *position);
    Ok(risks.into_iter().map(|(_, risk)| risk).collect())
}

/// Looks at one repository, with `desk` (a folder that is not there yet) for what is needed meanwhile. What can't be
/// looked at is at risk.
pub fn look(repository: &Repository, desk: &Path, asking: &Asking, matter: &Matter) -> Risk {
    let path = Bytes::from(repository.folder());
    let findings = findings(repository, desk, asking, matter)
        .unwrap_or_else(|error| vec![Finding::Unreadable { reason: error.to_string() }]);
    // what was needed to look is needed no more; the whole folder goes with the caller's
    let _ = fs::remove_dir_all(desk);
    Risk { path, findings }
}

fn findings(repository: &Repository, desk: &Path, asking: &Asking, matter: &Matter) -> Result<Vec<Finding>, WorkError> {
    let view = View::of(repository, desk)?;
    let refs = repository.refs()?;
    let mut found = commits(repository, &view, &refs, asking)?;
    // a stash whose log is gone is still there
    let last = usize::from(refs.iter().any(|one| one.name == "refs/stash"));
    let stashes = repository.stashes()?.len().max(last);
    if stashes > 0 {
        found.push(Finding::Stashes { stashes });
    }
    for tree in &repository.trees {
        found.extend(operations(tree).map(|operation| Finding::Operation { tree: named(tree), operation }));
        if tree.exists {
            found.extend(files(&view, tree, &refs, matter)?);
        }
    }
    let hooks = hooks(&repository.common.join("hooks"));
    if !hooks.is_empty() {
        found.push(Finding::Hooks { named: hooks });
    }
    Ok(found)
}

fn named(tree: &Tree) -> Option<Bytes> {
    tree.id.is_some().then(|| Bytes::from(tree.folder.as_path()))
}

/// Everything that leads to commits, by name: refs, and what is checked out without a branch. Stashes are not here.
fn tips(repository: &Repository, refs: &[Ref]) -> Vec<(String, String)> {
    let refs_that_walk = refs.iter().filter(|one| one.walks() && one.name != "refs/stash");
    let mut tips: Vec<(String, String)> = refs_that_walk.map(|one| (one.name.clone(), one.oid.clone())).collect();
    for tree in &repository.trees {
        if let super::repository::Head::Detached(oid) = &tree.head {
            let of = named(tree).map_or_else(String::new, |folder| format!(" of {folder}"));
            tips.push((format!("HEAD{of}"), oid.clone()));
        }
    }
    tips
}

fn commits(repository: &Repository, view: &View, refs: &[Ref], asking: &Asking) -> Result<Vec<Finding>, WorkError> {
    let tips = tips(repository, refs);
    let oids: BTreeSet<String> = tips.iter().map(|(_, oid)| oid.clone()).collect();
    if repository.settings.remotes.is_empty() {
        let commits = count(view, &oids, [])?;
        return Ok(if commits > 0 { vec![Finding::NoRemote { commits }] } else { Vec::new() });
    }
    let proof = Proof::of(repository, view, &oids, asking)?;
    let mut found = Vec::new();
    if any(view, &oids, &proof.confirmed)? {
        found.extend(unproven(&proof));
        // what a silent remote once had is not proven, but it is not what was made here either
        let had: BTreeSet<String> = proof.confirmed.union(&proof.once(refs)).cloned().collect();
        found.extend(by_ref(view, &tips, &oids, &had)?);
    }
    let tags: Vec<&Ref> = refs.iter().filter(|one| one.name.starts_with("refs/tags/") && !proof.has(one)).collect();
    if !tags.is_empty() && found.is_empty() {
        found.extend(unproven(&proof));
    }
    // one that answered, and has not the tag, is reason enough: what a silent one has is not known
    if proof.listings().next().is_some() {
        found.extend(tags.into_iter().map(|one| Finding::Tag { name: one.name.clone() }));
    }
    Ok(found)
}

/// The remotes that said nothing.
fn unproven(proof: &Proof) -> impl Iterator<Item = Finding> {
    proof.silent().map(|(answer, reason)| Finding::Unproven {
        remote: answer.name.clone(),
        address: answer.shown.clone(),
        reason: reason.clone(),
    })
}

fn by_ref(
    view: &View,
    tips: &[(String, String)],
    oids: &BTreeSet<String>,
    had: &BTreeSet<String>,
) -> Result<Vec<Finding>, WorkError> {
    let mut found = Vec::new();
    if !any(view, oids, had)? {
        return Ok(found);
    }
    for (name, oid) in tips.iter().filter(|(_, oid)| !had.contains(oid)) {
        let commits = count(view, [oid], had)?;
        if commits > 0 {
            found.push(Finding::Commits { name: name.clone(), commits });
        }
        if found.len() >= NAMED_REFS {
            break;
        }
    }
    Ok(found)
}

fn files(view: &View, tree: &Tree, refs: &[Ref], matter: &Matter) -> Result<Vec<Finding>, WorkError> {
    let commit = tree.commit(refs);
    let git = view.tree(tree, commit.as_deref())?;
    let status = status::of(&git, &tree.folder)?;
    let ignored = matter.select(&tree.folder, &status.ignored)?;
    let lists = [
        (State::Conflict, status.conflicts),
        (State::Staged, status.staged),
        (State::Changed, status.changed),
        (State::Untracked, status.untracked),
        (State::Ignored, ignored),
    ];
    let found = lists.into_iter().filter(|(_, paths)| !paths.is_empty()).map(|(state, paths)| Finding::Files {
        tree: named(tree),
        state,
        files: paths.len(),
        named: paths.into_iter().take(NAMED).collect(),
    });
    Ok(found.collect())
}

/// What is under way in a working tree.
fn operations(tree: &Tree) -> impl Iterator<Item = &'static str> {
    let marks = [
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ];
    marks.into_iter().filter(|(mark, _)| tree.git_dir.join(mark).exists()).map(|(_, operation)| operation)
}

/// Words in hooks that a program installed, and installs again.
const INSTALLED: &[&str] = &["git lfs", "git-lfs", "pre-commit", "husky", "lefthook", "overcommit", "simple-git-hooks"];

/// Hooks that somebody wrote.
fn hooks(folder: &Path) -> Vec<Bytes> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut written: Vec<Bytes> = entries
        .flatten()
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with(".sample"))
        .filter(|entry| {
            let content = super::repository::read(&entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&content);
            !text.trim().is_empty() && !INSTALLED.iter().any(|word| text.contains(word))
        })
        .map(|entry| Bytes::from(Path::new(&entry.file_name())))
        .collect();
    written.sort();
    written
}

#[cfg(test)]
mod tests;
