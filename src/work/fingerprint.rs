//! What a capture comes to in one word: equal for equal work, whatever the remotes said while it was captured. By this
//! one knows whether a backup has what is in a repository now.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::capture;
use super::description::{FILE, Work};
use super::error::WorkError;
use super::matter::Matter;
use super::replay::description;
use crate::base::digest::{Digest, FieldHasher};

/// The fingerprint of what lies in a repository now. Nobody is asked.
pub fn of_repository(folder: &Path, matter: &Matter) -> Result<String, WorkError> {
    let desk = tempfile::tempdir().map_err(WorkError::file("make a folder in", &std::env::temp_dir()))?;
    let into = desk.path().join("work");
    capture::without_objects(folder, &into, matter)?;
    of_capture(&into)
}

/// The fingerprint of a capture.
pub fn of_capture(folder: &Path) -> Result<String, WorkError> {
    let mut work = description(folder)?;
    work.repositories.iter_mut().for_each(|one| {
        // these hang on what remotes said
        one.remote = None;
        one.bundle = None;
        one.unproven = Vec::new();
    });
    let mut hasher = FieldHasher::new();
    hasher.field(text(&work, folder)?);
    files(folder, folder, &mut hasher)?;
    Ok(hasher.finish().to_string())
}

fn text(work: &Work, folder: &Path) -> Result<Vec<u8>, WorkError> {
    serde_json::to_vec(work).map_err(|error| WorkError::Capture { path: folder.join(FILE), reason: error.to_string() })
}

/// Commits that the capture's bundles stand on: without a remote that has them they bring nothing back.
pub fn bases(folder: &Path) -> Result<BTreeSet<String>, WorkError> {
    let work = description(folder)?;
    let bundles = work.repositories.into_iter().filter_map(|one| one.bundle);
    Ok(bundles.flat_map(|bundle| bundle.bases).collect())
}

/// The fingerprint of a folder that is in no repository: names, kinds, modes, sizes and times of everything in it.
pub fn of_folder(folder: &Path) -> Result<String, WorkError> {
    let mut hasher = FieldHasher::new();
    look(folder, folder, &mut hasher)?;
    Ok(hasher.finish().to_string())
}

fn look(top: &Path, folder: &Path, hasher: &mut FieldHasher) -> Result<(), WorkError> {
    for path in sorted(folder)? {
        let found = fs::symlink_metadata(&path).map_err(WorkError::file("look at", &path))?;
        hasher.field(path.strip_prefix(top).unwrap_or(&path).as_os_str().as_encoded_bytes());
        let facts = [i64::from(found.mode()), found.size().cast_signed(), found.mtime(), found.mtime_nsec()];
        // a folder's own size and time say nothing that its entries do not
        let facts = if found.is_dir() { &facts[..1] } else { &facts[..] };
        for fact in facts {
            hasher.field(fact.to_be_bytes());
        }
        if found.is_dir() {
            look(top, &path, hasher)?;
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, WorkError> {
    let entries = fs::read_dir(folder).map_err(WorkError::file("list", folder))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Index, hooks, what is under way. Files of working trees stand in the description with their digests.
fn files(top: &Path, folder: &Path, hasher: &mut FieldHasher) -> Result<(), WorkError> {
    for path in sorted(folder)? {
        let name = path.file_name().unwrap_or_default();
        if name == FILE || name == "objects.bundle" || name == "files" {
            continue;
        }
        let found = fs::symlink_metadata(&path).map_err(WorkError::file("look at", &path))?;
        if found.is_dir() {
            files(top, &path, hasher)?;
            continue;
        }
        let below = path.strip_prefix(top).unwrap_or(&path);
        hasher.field(below.as_os_str().as_encoded_bytes());
        if found.is_symlink() {
            let target = fs::read_link(&path).map_err(WorkError::file("read", &path))?;
            hasher.field(target.as_os_str().as_encoded_bytes());
        } else {
            let digest = File::open(&path).and_then(Digest::of_reader).map_err(WorkError::file("read", &path))?;
            hasher.field(digest.bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::at_risk::Asking;
    use crate::work::fixture::{World, commit, git};

    #[test]
    fn a_capture_has_what_is_there_until_something_changes() {
        let world = World::new();
        let shop = world.clone_of_remote("shop");
        commit(&shop, "mine", "x");
        fs::write(shop.join("loose"), "x").unwrap();
        let matter = Matter::with(&[]).unwrap();
        let now = || of_repository(&shop, &matter).unwrap();
        let take = |name: &str, offline: bool| {
            let kept = world.path(name);
            capture::capture(&shop, &kept, &Asking { offline, not_in: None }, &matter).unwrap();
            kept
        };
        let (kept, alone) = (take("kept", false), take("alone", true));
        assert_eq!(of_capture(&kept).unwrap(), now());
        assert_eq!(of_capture(&alone).unwrap(), now(), "whatever the remote said");
        assert_eq!((bases(&kept).unwrap().len(), bases(&alone).unwrap().len()), (1, 0));
        let before = now();
        for change in [&["stash", "-q", "-u"][..], &["branch", "other"], &["tag", "v1"], &["reset", "-q", "HEAD~1"]] {
            let earlier = now();
            git(&shop, change);
            assert_ne!(now(), earlier, "{change:?}");
        }
        assert_ne!(now(), before);
    }

    #[test]
    fn a_folder_is_another_when_a_file_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "x").unwrap();
        let before = of_folder(folder.path()).unwrap();
        assert_eq!(of_folder(folder.path()).unwrap(), before);
        fs::write(folder.path().join("a/b"), "longer").unwrap();
        assert_ne!(of_folder(folder.path()).unwrap(), before);
    }
}
