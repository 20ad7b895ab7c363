//! Ignored files that matter all the same: made by hand, and made nowhere else.

use std::fs::DirEntry;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::encoded::Bytes;
use super::error::WorkError;
use super::find::is_fetched;

/// What is taken without being asked for.
const ALWAYS: &[&str] = &["**/.env*", "**/devup.local.yaml", "**/devup.local.yml", "**/.idea/**", "**/.vscode/**"];

/// A folder with one of these is a cache, a program's own environment, or a repository that is looked at by itself.
const PASSED_OVER: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg", ".git"];

/// Which ignored files matter.
#[derive(Debug, Clone)]
pub struct Matter {
    set: GlobSet,
    /// The beginnings of the patterns up to their first special character: folders worth looking into.
    beginnings: Vec<String>,
}

impl Matter {
    /// The usual ones, and those that match these patterns (seen from the top of the working tree).
    pub fn with(patterns: &[String]) -> Result<Self, globset::Error> {
        let mut builder = GlobSetBuilder::new();
        for pattern in ALWAYS.iter().copied().chain(patterns.iter().map(String::as_str)) {
            builder.add(Glob::new(pattern)?);
        }
        let beginnings = patterns.iter().map(|pattern| {
            let end = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
            pattern[..end].to_owned()
        });
        Ok(Self { set: builder.build()?, beginnings: beginnings.collect() })
    }

    /// Those of git's list that matter. A folder that is ignored as a whole (it ends with a slash) is looked into, too; what
    /// programs fetched or made only where a pattern leads there: `node_modules` is not.
    pub(super) fn select(&self, top: &Path, ignored: &[Bytes]) -> Result<Vec<Bytes>, WorkError> {
        let mut selected = Vec::new();
        for path in ignored {
            match path.0.strip_suffix(b"/") {
                None if self.set.is_match(path.path()) => selected.push(path.clone()),
                None => {}
                Some(folder) => {
                    let wanted = self.leads_into(&String::from_utf8_lossy(folder));
                    self.walk(top, Path::new(&Bytes::from(folder).path()), wanted, &mut selected)?;
                }
            }
        }
        selected.sort();
        Ok(selected)
    }

    fn leads_into(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        let is_within = |beginning: &String| {
            !beginning.is_empty() && (beginning.starts_with(&inside) || inside.starts_with(beginning.as_str()))
        };
        self.set.is_match(format!("{folder}/x")) || self.set.is_match(folder) || self.beginnings.iter().any(is_within)
    }

    /// `wanted`: a pattern leads there, so that nothing is passed over.
    fn walk(&self, top: &Path, folder: &Path, wanted: bool, selected: &mut Vec<Bytes>) -> Result<(), WorkError> {
        let whole = top.join(folder);
        if !wanted && folder.file_name().is_some_and(is_fetched) {
            return Ok(());
        }
        let entries = std::fs::read_dir(&whole).map_err(WorkError::file("list", &whole))?;
        let entries: Vec<DirEntry> = entries.collect::<Result<_, _>>().map_err(WorkError::file("list", &whole))?;
        let is_passed_over = |entry: &DirEntry| PASSED_OVER.iter().any(|mark| entry.file_name() == *mark);
        if !wanted && entries.iter().any(is_passed_over) {
            return Ok(());
        }
        for entry in entries {
            let path = folder.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.walk(top, &path, wanted, selected)?;
            } else if self.set.is_match(&path) {
                selected.push(Bytes::from(path.as_path()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_by_hand_is_seen_in_folders_that_are_ignored_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "secrets/.env.production",
            "secrets/deep/er/.env",
            "secrets/other",
            "node_modules/thing/.env",
            "build/node_modules/thing/.env",
            "target/.env",
            "target/CACHEDIR.TAG",
            "vendor/mine/.env",
            "vendor/mine/.git/HEAD",
        ];
        for file in files {
            std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(file), "x").unwrap();
        }
        let ignored =
            ["build/", "node_modules/", "secrets/", "target/", "vendor/"].map(|name| Bytes::from(name.as_bytes()));
        let select = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
            let matter = Matter::with(&patterns).unwrap();
            matter.select(folder.path(), &ignored).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(select(&[]), ["secrets/.env.production", "secrets/deep/er/.env"]);
        assert!(select(&["target/**"]).contains(&"target/.env".to_owned()));
    }
}
