//! Git repositories under folders: those with working trees, bare ones, submodules, and what submodules left behind.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};

use super::repository::{Repository, is_git_dir};

/// Folders that only hold what programs fetched and can fetch again. A folder with a `CACHEDIR.TAG` is one, too.
const FETCHED: &[&str] = &["node_modules", ".cache", ".rustup", ".npm", "site-packages", ".Trash", "Trash"];

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Repositories, by git's folder.
    pub repositories: BTreeMap<PathBuf, Repository>,
    /// Folders that could not be looked into, and why.
    pub closed: Vec<(PathBuf, String)>,
}

/// Folders still to be looked into, and how many threads are at it.
struct Queue {
    folders: Vec<PathBuf>,
    busy: usize,
}

/// Looks through these folders; links are not followed.
pub fn find(roots: &[PathBuf], threads: usize) -> Found {
    let queue = Mutex::new(Queue { folders: roots.to_vec(), busy: 0 });
    let (found, more) = (Mutex::new(Found::default()), Condvar::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(folder) = next(&queue, &more) {
                    let below = look(&folder, &found);
                    let mut queue = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    queue.folders.extend(below);
                    queue.busy -= 1;
                    more.notify_all();
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The next folder; `None` once nobody can find any more.
fn next(queue: &Mutex<Queue>, more: &Condvar) -> Option<PathBuf> {
    let mut queue = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    loop {
        if let Some(folder) = queue.folders.pop() {
            queue.busy += 1;
            return Some(folder);
        }
        if queue.busy == 0 {
            more.notify_all();
            return None;
        }
        queue = more.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
}

/// Looks into one folder: notes a repository, returns the folders below.
fn look(folder: &Path, found: &Mutex<Found>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            close(found, folder, error.to_string());
            return Vec::new();
        }
    };
    let (mut below, mut is_top, mut is_cache, mut bare) = (Vec::new(), false, false, 0);
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                close(found, folder, error.to_string());
                break;
            }
        };
        let name = entry.file_name();
        if name == ".git" {
            is_top = true;
            continue;
        }
        is_cache |= name == "CACHEDIR.TAG";
        bare += u8::from(name == "objects" || name == "HEAD" || name == "refs");
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !is_fetched(&name) {
            below.push(entry.path());
        }
    }
    if is_cache {
        return Vec::new();
    }
    if is_top {
        note(folder, found);
        left_behind(&folder.join(".git/modules"), found, 0);
    } else if bare == 3 && is_git_dir(folder) {
        note(folder, found);
        left_behind(&folder.join("modules"), found, 0);
        return Vec::new();
    }
    below
}

/// A folder that only holds what programs fetched, by its name.
pub(super) fn is_fetched(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| FETCHED.contains(&name))
}

fn close(found: &Mutex<Found>, folder: &Path, reason: String) {
    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).closed.push((folder.to_owned(), reason));
}

fn note(folder: &Path, found: &Mutex<Found>) {
    match Repository::at(folder) {
        Ok(Some(repository)) => {
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // from a linked working tree nothing more is seen than from the first one
            found.repositories.entry(repository.common.clone()).or_insert(repository);
        }
        // what was in it is not known, so that it is not known to be elsewhere either
        Ok(None) => close(found, folder, "its .git is no repository that can be read".to_owned()),
        Err(error) => close(found, folder, error.to_string()),
    }
}

/// Repositories of submodules, also of those that are not checked out any more; their names may have slashes.
fn left_behind(modules: &Path, found: &Mutex<Found>, depth: usize) {
    let entries = match fs::read_dir(modules) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return,
        Err(error) => return close(found, modules, error.to_string()),
    };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let folder = entry.path();
        if is_git_dir(&folder) {
            note(&folder, found);
            left_behind(&folder.join("modules"), found, depth + 1);
        } else if depth < 16 {
            left_behind(&folder, found, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_folder_that_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("hollow/.git")).unwrap();
        fs::create_dir_all(root.join("moved")).unwrap();
        fs::write(root.join("moved/.git"), "gitdir: /nowhere/at/all\n").unwrap();
        fs::create_dir_all(root.join("plain/sub")).unwrap();
        let mut closed = find(&[root.to_owned()], 2).closed;
        closed.sort();
        let names: Vec<_> = closed.iter().map(|(path, _)| path.strip_prefix(root).unwrap().to_owned()).collect();
        assert_eq!(names, [Path::new("hollow"), Path::new("moved")]);
        assert!(closed[0].1.contains("no repository that can be read"), "{closed:?}");
    }
}
