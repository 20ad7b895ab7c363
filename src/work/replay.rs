//! Putting work back: into a clone that has nothing of its own, or into a folder where there is nothing yet. Newer work
//! is never overwritten: what is in the way is listed, and nothing is done.

mod objects;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::at_risk::{Asking, Finding, look};
use super::description::{Captured, FILE, Inside, VERSION, What, Work, stays_inside};
use super::encoded::Bytes;
use super::error::WorkError;
use super::matter::Matter;
use super::repository::Repository;
use super::{files, index, state};
use crate::git::call::Git;

/// Longest description that is read.
const MOST: u64 = 512 * 1024 * 1024;

/// What was put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Folders of the repositories.
    pub repositories: Vec<PathBuf>,
    /// What could not be put back, and why.
    pub notes: Vec<String>,
}

/// Reads what a capture holds.
pub fn description(from: &Path) -> Result<Work, WorkError> {
    let path = from.join(FILE);
    let wrong = |reason: String| WorkError::Capture { path: path.clone(), reason };
    let found = fs::metadata(&path).map_err(|error| wrong(error.to_string()))?;
    if !found.is_file() || found.len() > MOST {
        return Err(wrong("it is no file of a usual size".to_owned()));
    }
    let bytes = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    let work: Work = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if work.version > VERSION {
        return Err(wrong(format!(
            "its version is {}, and this devup knows {VERSION}: a newer devup is needed",
            work.version
        )));
    }
    for (position, captured) in work.repositories.iter().enumerate() {
        check(captured, position).map_err(wrong)?;
    }
    Ok(work)
}

/// What a description must not say, whoever wrote it.
fn check(captured: &Captured, position: usize) -> Result<(), String> {
    let refs = captured.refs.iter().chain(captured.trees.iter().flat_map(|tree| &tree.refs));
    if let Some((name, _)) = refs.clone().find(|(name, oid)| !is_ref(name) || !super::repository::is_oid(oid)) {
        return Err(format!("{name:?} is no name of a ref, or leads to no object"));
    }
    if let Some((name, target)) = captured.symbolic.iter().find(|(name, target)| !is_ref(name) || !is_ref(target)) {
        return Err(format!("{name:?} or {target:?} is no name of a ref"));
    }
    if let Some(Inside { repository, path, module, .. }) = &captured.inside {
        let within = module.iter().all(|module| stays_inside(module) && module.0.starts_with(b"modules/"));
        if *repository >= position || !stays_inside(path) || !within {
            return Err(format!("{path} does not lie in another repository of the capture"));
        }
    } else if position != 0 {
        return Err("two repositories are the outermost".to_owned());
    }
    for tree in &captured.trees {
        if let Some(setting) = tree.shaping.iter().find(|setting| !is_shaping(setting)) {
            return Err(format!("{setting:?} is no setting that shapes files"));
        }
        let leads_out = |path: &Bytes| !stays_inside(path);
        let id = tree.id.iter().any(|id| leads_out(id) || id.0.contains(&b'/'));
        if id || tree.beside.iter().any(leads_out) {
            return Err(format!("{} is no name of a working tree", tree.path));
        }
    }
    Ok(())
}

/// A setting of those that capturing takes, with a value of git's own: others can name programs.
fn is_shaping(setting: &str) -> bool {
    const VALUES: &[&str] = &["true", "false", "input", "lf", "crlf", "native"];
    let parts = setting.split_once('=');
    parts.is_some_and(|(key, value)| super::capture::SHAPING.contains(&key) && VALUES.contains(&value))
}

/// A ref's name that can stand in a line for `git update-ref`; git itself checks the rest.
fn is_ref(name: &str) -> bool {
    name.starts_with("refs/") && !name.contains("..") && !name.chars().any(|c| c.is_control() || c == ' ')
}

/// Puts the capture in `from` back into the folder `into`: a fresh clone, or a folder that is empty or not there.
pub fn replay(from: &Path, into: &Path) -> Result<Replayed, WorkError> {
    let work = description(from)?;
    let into = settled(into)?;
    let places = places(&work, &into);
    // all is looked at before anything is changed
    for (position, (place, captured)) in places.iter().zip(&work.repositories).enumerate() {
        let part = from.join(position.to_string());
        place.as_ref().map_or(Ok(()), |place| place.refuse_newer(captured, &part))?;
    }
    let mut done = Replayed::default();
    for (position, (place, captured)) in places.iter().zip(&work.repositories).enumerate() {
        let Some(place) = place else { continue };
        place.make(captured)?;
        let target = Target { place, captured, part: &from.join(position.to_string()) };
        target.put_back(&mut done.notes)?;
        done.repositories.push(place.folder.clone());
    }
    Ok(done)
}

/// What stands in the way of a replay into this folder; nothing: it can be done.
pub fn obstacles(from: &Path, into: &Path) -> Result<Vec<String>, WorkError> {
    let work = description(from)?;
    let mut found = Vec::new();
    for (position, (place, captured)) in places(&work, into).iter().zip(&work.repositories).enumerate() {
        let Some(place) = place else { continue };
        match place.refuse_newer(captured, &from.join(position.to_string())) {
            Err(WorkError::Overwrites { found: one, .. }) => found.extend(one),
            other => other?,
        }
    }
    Ok(found)
}

/// The folders that a replay into this one writes: it, and those of linked working trees beside it.
pub fn folders(from: &Path, into: &Path) -> Result<Vec<PathBuf>, WorkError> {
    let work = description(from)?;
    let outermost = places(&work, into).into_iter().next().flatten();
    let linked = outermost.iter().flat_map(|place| &place.trees).filter(|tree| *tree != into);
    Ok(std::iter::once(into.to_owned()).chain(linked.cloned()).collect())
}

/// The folder as it will be called once it is there: no link on the way to it.
fn settled(into: &Path) -> Result<PathBuf, WorkError> {
    let parent = into.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(WorkError::file("make", parent))?;
    let parent = fs::canonicalize(parent).map_err(WorkError::file("follow", parent))?;
    Ok(parent.join(into.file_name().unwrap_or_default()))
}

/// One name of a folder that is not hidden.
fn is_one_name(path: &Bytes) -> bool {
    !path.0.contains(&b'/') && !path.0.starts_with(b".")
}

/// Where each repository goes; `None`: the working tree that it was in is not put back.
pub(super) fn places(work: &Work, into: &Path) -> Vec<Option<Place>> {
    let mut places: Vec<Option<Place>> = Vec::new();
    for captured in &work.repositories {
        places.push(match &captured.inside {
            None => Some(Place::outermost(captured, into)),
            Some(inside) => places[inside.repository].as_ref().and_then(|outer| Place::inside(outer, inside, captured)),
        });
    }
    places
}

/// Where a repository goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its first working tree, or git's folder where it is bare.
    pub(super) folder: PathBuf,
    /// Git's folder.
    common: PathBuf,
    /// Where its working trees go.
    trees: Vec<PathBuf>,
}

impl Place {
    fn outermost(captured: &Captured, into: &Path) -> Self {
        let common = if captured.bare { into.to_owned() } else { into.join(".git") };
        Self { folder: into.to_owned(), common, trees: Self::trees(captured, into) }
    }

    /// `None`: the working tree that it was in has not been put back.
    fn inside(outer: &Self, inside: &Inside, captured: &Captured) -> Option<Self> {
        let folder = outer.trees.get(inside.tree)?.join(inside.path.path());
        let common = match &inside.module {
            Some(module) => outer.common.join(module.path()),
            None => folder.join(".git"),
        };
        Some(Self { trees: Self::trees(captured, &folder), folder, common })
    }

    /// Linked working trees lie beside the first one as they did before.
    fn trees(captured: &Captured, into: &Path) -> Vec<PathBuf> {
        let parent = into.parent().unwrap_or(into);
        let name_then = PathBuf::from(captured.path.path().file_name().unwrap_or_default());
        let place = |tree: &super::description::CapturedTree| match (&tree.id, &tree.beside) {
            (None, _) => into.to_owned(),
            // beside it, or inside of it; whoever wrote the capture has no say about other folders
            (Some(_), Some(beside)) if is_one_name(beside) => parent.join(beside.path()),
            (Some(_), Some(beside)) if beside.path().starts_with(&name_then) => {
                into.join(beside.path().strip_prefix(&name_then).unwrap_or(Path::new("")))
            }
            (Some(id), _) => {
                let mut name = into.file_name().unwrap_or_default().to_owned();
                name.push("-");
                name.push(id.path());
                parent.join(name)
            }
        };
        captured.trees.iter().map(place).collect()
    }

    /// Files of the capture that are in the folder already, and that git does not follow there.
    fn overwritten(&self, captured: &Captured, part: &Path) -> Result<Vec<String>, WorkError> {
        let Some(tree) = captured.trees.first().filter(|tree| tree.id.is_none() && tree.exists) else {
            return Ok(Vec::new());
        };
        let file = part.join("trees/0/index");
        let listed = fs::read(&file).map_err(WorkError::file("read", &file))?;
        let entries = index::parse(&listed).unwrap_or_default();
        let followed = Git::on(&self.common).work_tree(&self.folder).read(&["ls-files", "-z"])?;
        let followed: BTreeSet<Bytes> = crate::git::call::parts(&followed).map(Bytes::from).collect();
        let files = tree.files.iter().filter(|entry| entry.what != What::Missing).map(|entry| &entry.path);
        let paths: BTreeSet<&Bytes> = files.chain(entries.iter().map(|entry| &entry.path)).collect();
        let is_in_the_way = |path: &&&Bytes| {
            let found = fs::symlink_metadata(self.folder.join(path.path()));
            !followed.contains(**path) && found.is_ok_and(|found| !found.is_dir())
        };
        Ok(paths.iter().filter(is_in_the_way).map(|path| format!("{path}, which git does not follow there")).collect())
    }

    /// Refuses where something is that is not in a commit or not pushed. The capture of the repository lies in `part`.
    fn refuse_newer(&self, captured: &Captured, part: &Path) -> Result<(), WorkError> {
        let refused = |found: Vec<String>| Err(WorkError::Overwrites { path: self.folder.clone(), found });
        for (folder, _) in self.trees.iter().zip(&captured.trees).filter(|(_, tree)| tree.id.is_some()) {
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
                return refused(vec![format!("{}, which is there already", folder.display())]);
            }
        }
        let Some(there) = Repository::at(&self.folder)? else {
            let entries = fs::read_dir(&self.folder).map(|entries| entries.flatten().collect::<Vec<_>>());
            let names =
                entries.unwrap_or_default().into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
            let names: Vec<String> = names.take(10).collect();
            return if names.is_empty() { Ok(()) } else { refused(names) };
        };
        let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
        let asking = Asking { offline: true, not_in: None };
        let matter = Matter::with(&[])
            .map_err(|error| WorkError::Capture { path: self.folder.clone(), reason: error.to_string() })?;
        let risk = look(&there, &desk.path().join("desk"), &asking, &matter);
        let mut own: Vec<String> = risk.findings.iter().filter_map(in_words).collect();
        if own.is_empty() {
            own = self.overwritten(captured, part)?;
        }
        if own.is_empty() { Ok(()) } else { refused(own) }
    }

    /// Makes an empty repository where there is none.
    fn make(&self, captured: &Captured) -> Result<(), WorkError> {
        if super::repository::is_git_dir(&self.common) {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(WorkError::file("make", &self.folder))?;
        fs::create_dir_all(&self.common).map_err(WorkError::file("make", &self.common))?;
        let format = format!("--object-format={}", captured.object_format.as_deref().unwrap_or("sha1"));
        Git::on(&self.common).read(&["init", "-q", "--template=", format.as_str()])?;
        if !captured.bare && !self.common.starts_with(&self.folder) {
            let link = format!("gitdir: {}\n", self.common.display());
            let file = self.folder.join(".git");
            fs::write(&file, link).map_err(WorkError::file("write", &file))?;
        }
        Ok(())
    }
}

/// What stands in the way; a remote that was not asked is none of it.
fn in_words(finding: &Finding) -> Option<String> {
    Some(match finding {
        Finding::Unproven { .. } => return None,
        Finding::NoRemote { commits } => format!("{commits} commits that are nowhere else"),
        Finding::Commits { name, commits } => format!("{commits} commits of {name} that are not pushed"),
        Finding::Tag { name } => format!("{name}, which is not pushed"),
        Finding::Stashes { stashes } => format!("{stashes} stashes"),
        Finding::Files { state, files, named, .. } => {
            let names: Vec<String> = named.iter().map(Bytes::encoded).collect();
            format!("{files} {} files: {}", format!("{state:?}").to_lowercase(), names.join(", "))
        }
        Finding::Operation { operation, .. } => format!("a {operation} under way"),
        Finding::Hooks { named } => format!("{} hooks", named.len()),
        Finding::Unreadable { reason } => reason.clone(),
    })
}

/// One repository on its way back.
struct Target<'a> {
    place: &'a Place,
    captured: &'a Captured,
    part: &'a Path,
}

impl Target<'_> {
    fn put_back(&self, notes: &mut Vec<String>) -> Result<(), WorkError> {
        let common = &self.place.common;
        objects::bring(self, notes)?;
        objects::refs(self, notes)?;
        self.stashes()?;
        for (number, tree) in self.captured.trees.iter().enumerate() {
            tree::put_back(self, tree, number, notes)?;
        }
        // last: its settings are not to shape what was done until now, and its hooks are not to see it
        let shallow = common.join("shallow").exists();
        state::copy_shared(&self.part.join("git"), common)?;
        state::copy_lfs(&self.part.join("git"), common)?;
        if self.captured.bundle.as_ref().is_none_or(|bundle| !bundle.bases.is_empty()) && !shallow {
            // the clone has all of the history that the other one lacked
            let _ = fs::remove_file(common.join("shallow"));
        }
        self.suit_config()
    }

    /// The order of the stashes, their words and their times.
    fn stashes(&self) -> Result<(), WorkError> {
        let log = self.part.join("stash.log");
        if !log.exists() {
            return Ok(());
        }
        let target = self.place.common.join("logs/refs/stash");
        files::copy_any(&log, &target).map_err(WorkError::file("write", &target))
    }

    /// Settings that tell how the other repository was stored are not true of this one.
    fn suit_config(&self) -> Result<(), WorkError> {
        let git = Git::on(&self.place.common);
        for key in ["extensions.refStorage", "extensions.partialClone"] {
            if git.ask(&["config", "--local", "--get-all", key])?.is_some() {
                git.read(&["config", "--local", "--unset-all", key])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
