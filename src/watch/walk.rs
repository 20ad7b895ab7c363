//! Folders that changed stand for all that is in them: what is made in a new folder at once may not be told by itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::notice::Change;
use super::rule::Rule;

/// The paths that a change is about.
pub fn changed(rules: &[Rule], change: Change) -> BTreeSet<PathBuf> {
    match change {
        Change::Paths(paths) => below(rules, paths),
        Change::Anything => below(rules, rules.iter().map(|rule| rule.path.clone())),
    }
}

/// These paths and, of folders, all below them that a rule may be about. Links are not followed.
pub fn below(rules: &[Rule], paths: impl IntoIterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left: Vec<PathBuf> = paths.into_iter().collect();
    while let Some(path) = left.pop() {
        if is_folder(&path) && !rules.iter().all(|rule| rule.skips(&path)) {
            let entries = fs::read_dir(&path).into_iter().flatten();
            left.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !found.contains(path)));
        }
        found.insert(path);
    }
    found
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::watch::rule::tests::one;

    #[test]
    fn a_new_folder_brings_what_is_in_it_but_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["new/deep/a", "new/node_modules/b", "other/c"] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), "").unwrap();
        }
        let rules = [one(&json!({"path": root, "action": "sync", "target": "/", "ignore": ["**/node_modules"]}))];
        let names = |change| {
            let relative = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
            changed(&rules, change).into_iter().map(relative).collect::<Vec<_>>()
        };
        let gone = root.join("gone");
        let told = names(Change::Paths(BTreeSet::from([root.join("new"), gone])));
        assert_eq!(told, ["gone", "new", "new/deep", "new/deep/a", "new/node_modules"]);
        assert!(names(Change::Anything).contains(&"other/c".to_owned()));
    }
}
