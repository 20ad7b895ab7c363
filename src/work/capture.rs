//! Taking work into a folder: a bundle with every object that the remote has not, the index, the files that differ from
//! it, the stashes, what is under way, hooks and configuration; for the repository and for those inside of it. Nothing
//! is written to the repository, and equal work gives equal bytes.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::at_risk::Asking;
use super::bundle::{self, Tip};
use super::description::{Captured, CapturedHead, CapturedTree, Entry, FILE, Inside, VERSION, Work};
use super::encoded::Bytes;
use super::error::WorkError;
use super::index::{self, IndexEntry};
use super::matter::Matter;
use super::objects::{self, kinds};
use super::proof::Proof;
use super::remote::{Answer, Listing};
use super::repository::{Head, Ref, Repository, Tree};
use super::view::View;
use super::{files, state, status};
use crate::base::files::{Access, create_folder};
use crate::git::call::Git;

/// What shapes files when git writes them, as it stands for this user in this repository.
pub(super) const SHAPING: &[&str] = &["core.autocrlf", "core.eol", "core.symlinks", "core.fileMode"];

/// Captures the repository in `folder` into the folder `into`, which has to be new.
pub fn capture(folder: &Path, into: &Path, asking: &Asking, matter: &Matter) -> Result<Work, WorkError> {
    take(folder, into, Some(asking), matter)
}

/// Captures everything but objects, for which nobody has to be asked.
pub(super) fn without_objects(folder: &Path, into: &Path, matter: &Matter) -> Result<Work, WorkError> {
    take(folder, into, None, matter)
}

fn take(folder: &Path, into: &Path, asking: Option<&Asking>, matter: &Matter) -> Result<Work, WorkError> {
    let repository = Repository::at(folder)?.ok_or_else(|| WorkError::NoRepository(folder.to_owned()))?;
    let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    create_folder(into, Access::Private)?;
    let mut taking = Taking { into, desk: desk.path(), asking, matter, seen: BTreeSet::new(), done: Vec::new() };
    taking.repository(&repository, None)?;
    let work = Work { version: VERSION, repositories: taking.done };
    let text = serde_json::to_vec_pretty(&work)
        .map_err(|error| WorkError::Capture { path: into.join(FILE), reason: error.to_string() })?;
    let file = into.join(FILE);
    fs::write(&file, text).map_err(WorkError::file("write", &file))?;
    Ok(work)
}

/// A capture under way.
struct Taking<'a> {
    into: &'a Path,
    desk: &'a Path,
    /// How remotes are asked; `None`: objects are not captured.
    asking: Option<&'a Asking>,
    matter: &'a Matter,
    seen: BTreeSet<PathBuf>,
    done: Vec<Captured>,
}

/// A working tree as it was read.
struct ReadTree {
    described: CapturedTree,
    index: Vec<IndexEntry>,
    /// Repositories inside, by path.
    nested: Vec<Bytes>,
}

impl Taking<'_> {
    /// Captures one repository, and those inside of it.
    fn repository(&mut self, repository: &Repository, inside: Option<Inside>) -> Result<(), WorkError> {
        if !self.seen.insert(repository.common.clone()) {
            return Ok(());
        }
        let position = self.done.len();
        let part = self.into.join(position.to_string());
        create_folder(&part.join("git"), Access::Private)?;
        let view = View::of(repository, &self.desk.join(position.to_string()))?;
        let refs = repository.refs()?;
        let mut captured = Captured {
            path: repository.folder().into(),
            inside,
            bare: repository.trees.is_empty(),
            object_format: repository.settings.object_format.clone(),
            refs: refs.iter().map(|one| (one.name.clone(), one.oid.clone())).collect(),
            symbolic: repository.symbolic_refs()?,
            stashes: repository.stashes()?.len(),
            ..Captured::default()
        };
        // positions are given before the inner ones are taken
        self.done.push(captured.clone());
        let mut trees = Vec::new();
        for (number, tree) in repository.trees.iter().enumerate() {
            let folder = part.join("trees").join(number.to_string());
            trees.push(self.tree(&view, repository, tree, &refs, &folder, &mut captured)?);
        }
        state::copy_shared(&repository.common, &part.join("git"))?;
        state::copy_lfs(&repository.common, &part.join("git"))?;
        stash_log(repository, &part)?;
        if repository.settings.reftable && captured.stashes > 0 {
            let what = "stashes are kept as refs/devup/stash/N of the bundle, without their words: the repository keeps no logs as files";
            captured.notes.push(what.to_owned());
        }
        if let Some(asking) = self.asking {
            let tips = tips(repository, &view, &refs, &trees)?;
            objects(repository, &view, (&refs, tips), asking, &part, &mut captured)?;
        }
        let nested: Vec<Vec<Bytes>> = trees.iter().map(|tree| tree.nested.clone()).collect();
        captured.trees = trees.into_iter().map(|tree| tree.described).collect();
        self.done[position] = captured;
        for (number, paths) in nested.into_iter().enumerate() {
            for path in paths {
                self.inner(repository, (position, number), path)?;
            }
        }
        Ok(())
    }

    /// A repository inside of a working tree, where there is one.
    fn inner(&mut self, outer: &Repository, at: (usize, usize), path: Bytes) -> Result<(), WorkError> {
        let folder = outer.trees[at.1].folder.join(path.path());
        // without a `.git` of its own it is a submodule that was not checked out
        if fs::symlink_metadata(folder.join(".git")).is_err() {
            return Ok(());
        }
        let Some(repository) = Repository::at(&folder)? else { return Ok(()) };
        let module = repository.common.strip_prefix(&outer.common).ok().map(Bytes::from);
        let module = module.filter(|module| module.0.starts_with(b"modules/"));
        self.repository(&repository, Some(Inside { repository: at.0, tree: at.1, path, module }))
    }

    fn tree(
        &self,
        view: &View,
        repository: &Repository,
        tree: &Tree,
        refs: &[Ref],
        into: &Path,
        captured: &mut Captured,
    ) -> Result<ReadTree, WorkError> {
        create_folder(&into.join("git"), Access::Private)?;
        state::copy_of_tree(&tree.git_dir, &into.join("git"))?;
        let mut read = ReadTree { described: describe(repository, tree)?, index: Vec::new(), nested: Vec::new() };
        if !tree.exists {
            captured.notes.push(format!("the working tree {} is gone; its commit is kept", tree.folder.display()));
            return Ok(read);
        }
        let git = view.tree(tree, tree.commit(refs).as_deref())?;
        read.index = index::read(&git, &tree.folder)?;
        for (name, bytes) in index::files(&read.index) {
            let file = into.join(name);
            fs::write(&file, bytes).map_err(WorkError::file("write", &file))?;
        }
        read.described.shaping = shaping(&git)?;
        let status = status::of(&git, &tree.folder)?;
        let wanted = self.wanted(&git, tree, &read.index, &status)?;
        read.nested = read.index.iter().filter(|one| one.is_submodule()).map(|one| one.path.clone()).collect();
        read.nested.extend(status.nested);
        read.described.files = take_all(tree, &wanted, &into.join("files"), captured);
        read.described.modes = self.modes(tree, &read.index, &wanted)?;
        Ok(read)
    }

    /// Paths whose file is not what a checkout of the index would make.
    fn wanted(
        &self,
        git: &Git,
        tree: &Tree,
        index: &[IndexEntry],
        status: &status::Status,
    ) -> Result<BTreeSet<Bytes>, WorkError> {
        let mut wanted: BTreeSet<Bytes> = [&status.changed, &status.conflicts, &status.untracked]
            .into_iter()
            .flatten()
            .cloned()
            .chain(self.matter.select(&tree.folder, &status.ignored)?)
            .collect();
        wanted.extend(index.iter().filter(|one| one.is_marked()).map(|one| one.path.clone()));
        // what a filter made of a file is not known without running it
        let magic = git.clone().variable("GIT_LITERAL_PATHSPECS", "0");
        let filtered = magic.read(&["ls-files", "-z", "--", ":/", ":(top,exclude,attr:!filter)"])?;
        wanted.extend(crate::git::call::parts(&filtered).map(Bytes::from));
        for submodule in index.iter().filter(|one| one.is_submodule()) {
            wanted.remove(&submodule.path);
        }
        Ok(wanted)
    }

    /// Modes of the other files, where a checkout would give them others.
    fn modes(
        &self,
        tree: &Tree,
        index: &[IndexEntry],
        wanted: &BTreeSet<Bytes>,
    ) -> Result<Vec<(Bytes, u32)>, WorkError> {
        let plain = files::usual_mode(self.desk).map_err(WorkError::file("write to", self.desk))?;
        let for_running = plain | (plain & 0o444) >> 2;
        let others = index.iter().filter(|one| one.stage == 0 && !wanted.contains(&one.path));
        let modes = others.filter_map(|one| {
            let usual = match one.mode.as_str() {
                "100644" => plain,
                "100755" => for_running,
                _ => return None,
            };
            let mode = files::mode(&tree.folder, &one.path)?;
            (mode != usual).then(|| (one.path.clone(), mode))
        });
        Ok(modes.collect())
    }
}

/// The bundle, on what the remote confirmed.
fn objects(
    repository: &Repository,
    view: &View,
    (refs, mut tips): (&[Ref], Vec<Tip>),
    asking: &Asking,
    part: &Path,
    captured: &mut Captured,
) -> Result<(), WorkError> {
    let commits: BTreeSet<String> = refs.iter().filter(|one| one.walks()).map(|one| one.oid.clone()).collect();
    let proof = Proof::of(repository, view, &commits, asking)?;
    let mut bases = BTreeSet::new();
    let listed = primary(&proof);
    if let Some((answer, listing)) = listed {
        captured.remote = url_of(repository, &answer.name);
        bases.extend(listing.default.iter().filter(|oid| proof.confirmed.contains(*oid)).cloned());
    }
    let has: BTreeSet<&String> = listed.iter().flat_map(|(_, listing)| listing.objects()).collect();
    // what a clone of that remote brings by itself; branches are not among it, since a remote may lose them
    let comes_along = |one: &&Ref| {
        has.contains(&one.oid) && (one.name.starts_with("refs/remotes/") || one.name.starts_with("refs/tags/"))
    };
    tips.extend(refs.iter().filter(|one| !comes_along(one)).map(|one| (one.name.clone(), one.oid.clone())));
    captured.unproven.extend(proof.silent().map(|(answer, reason)| {
        format!(
            "remote {} ({}) gave no answer ({reason}): all that it may have is kept here",
            answer.name, answer.shown
        )
    }));
    captured.bundle = bundle::write(view, &repository.settings, &tips, &bases, &part.join("objects.bundle"))?;
    if captured.remote.is_none() {
        captured.remote = url_of(repository, "origin").or_else(|| repository.settings.remotes.first().cloned());
    }
    Ok(())
}

/// A working tree, without what has to be read in it.
fn describe(repository: &Repository, tree: &Tree) -> Result<CapturedTree, WorkError> {
    let head = match &tree.head {
        Head::Branch(branch) => CapturedHead::Branch(branch.clone()),
        Head::Detached(oid) => CapturedHead::Detached(oid.clone()),
        Head::Unknown => {
            let what = format!("HEAD of {} cannot be read", tree.folder.display());
            return Err(WorkError::Answer { repository: repository.common.clone(), what });
        }
    };
    let first = repository.trees.first().and_then(|first| first.folder.parent());
    Ok(CapturedTree {
        id: tree.id.clone().map(Bytes),
        path: tree.folder.as_path().into(),
        beside: first.and_then(|parent| tree.folder.strip_prefix(parent).ok()).map(Bytes::from),
        head,
        refs: own_refs(repository, tree)?,
        exists: tree.exists,
        shaping: Vec::new(),
        files: Vec::new(),
        modes: Vec::new(),
    })
}

/// The remote that a bundle stands on: the one that a clone is made of. The bundle stands on its default branch, which
/// hardly anybody rewrites; other branches come and go, so that what they have is bundled.
fn primary(proof: &Proof) -> Option<(&Answer, &Listing)> {
    let answers = || proof.answers.iter().filter_map(|answer| Some((answer, answer.has.as_ref().ok()?)));
    answers().find(|(answer, _)| answer.name == "origin").or_else(|| answers().next())
}

fn url_of(repository: &Repository, remote: &str) -> Option<(String, String)> {
    repository.settings.remotes.iter().find(|(name, _)| name == remote).cloned()
}

fn shaping(git: &Git) -> Result<Vec<String>, WorkError> {
    let mut settings = Vec::new();
    for key in SHAPING {
        if let Some(value) = git.ask(&["config", "--get", key])? {
            settings.push(format!("{key}={}", String::from_utf8_lossy(&value).trim_end()));
        }
    }
    Ok(settings)
}

/// Takes the files; one that cannot be read is said, and does not keep the others from being taken.
fn take_all(tree: &Tree, wanted: &BTreeSet<Bytes>, into: &Path, captured: &mut Captured) -> Vec<Entry> {
    let mut taken = Vec::new();
    for path in wanted {
        let note = match files::take(&tree.folder, path, into) {
            Ok(Some(entry)) => {
                taken.push(entry);
                continue;
            }
            Ok(None) => format!("{path} in {} is no file that can be kept", tree.folder.display()),
            Err(error) => {
                captured.unread = true;
                format!("{path} in {} could not be read: {error}", tree.folder.display())
            }
        };
        captured.notes.push(note);
    }
    taken
}

fn stash_log(repository: &Repository, part: &Path) -> Result<(), WorkError> {
    let log = repository.common.join("logs/refs/stash");
    let found = match fs::metadata(&log) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(WorkError::file("look at", &log)(error)),
    };
    if !found.is_file() {
        let what = "its list of stashes is no file".to_owned();
        return Err(WorkError::Answer { repository: repository.common.clone(), what });
    }
    // whatever its length: without it the stashes have neither order nor words
    let file = part.join("stash.log");
    fs::copy(&log, &file).map(|_| ()).map_err(WorkError::file("copy", &log))
}

/// What has to be kept besides refs: stashes, commits without a branch, contents that only the index has, and what the
/// files of a rebase or merge name.
fn tips(repository: &Repository, view: &View, refs: &[Ref], trees: &[ReadTree]) -> Result<Vec<Tip>, WorkError> {
    let stashes = repository.stashes()?.into_iter().enumerate();
    let mut tips: Vec<Tip> = stashes.map(|(n, oid)| (format!("refs/devup/stash/{n}"), oid)).collect();
    for (number, (tree, read)) in repository.trees.iter().zip(trees).enumerate() {
        if let Head::Detached(oid) = &tree.head {
            tips.push((format!("refs/devup/head/{number}"), oid.clone()));
        }
        let known = match tree.commit(refs) {
            Some(commit) => objects::contents(view, &commit)?,
            None => BTreeSet::new(),
        };
        let staged = read.index.iter().filter(|one| !one.is_submodule() && !one.marks.intent_to_add);
        let blobs: BTreeSet<String> = staged.map(|one| one.oid.clone()).filter(|oid| !known.contains(oid)).collect();
        if !blobs.is_empty() {
            tips.push((format!("refs/devup/index/{number}"), objects::tree(view, &blobs)?));
        }
        let named: BTreeSet<String> =
            kinds(view, &state::words(&tree.git_dir))?.into_values().map(|(oid, _)| oid).collect();
        tips.extend(named.into_iter().map(|oid| (format!("refs/devup/state/{number}/{oid}"), oid)));
        let own = &read.described.refs;
        tips.extend(own.iter().map(|(name, oid)| (format!("refs/devup/own/{number}/{name}"), oid.clone())));
    }
    Ok(tips)
}

/// Refs that a linked working tree has for itself: those of a bisection.
fn own_refs(repository: &Repository, tree: &Tree) -> Result<Vec<(String, String)>, WorkError> {
    if tree.id.is_none() {
        return Ok(Vec::new());
    }
    let all = super::repository::refs(&Git::on(&tree.git_dir), &repository.common)?;
    let own = ["refs/bisect/", "refs/worktree/", "refs/rewritten/"];
    let is_own = |one: &Ref| own.iter().any(|prefix| one.name.starts_with(prefix));
    Ok(all.into_iter().filter(is_own).map(|one| (one.name, one.oid)).collect())
}
