//! Ignored files that matter all the same: made by hand, and made nowhere else.

use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::encoded::Bytes;
use super::error::WorkError;

/// What is taken without being asked for.
const ALWAYS: &[&str] = &["**/.env*", "**/devup.local.yaml", "**/devup.local.yml", "**/.idea/**", "**/.vscode/**"];

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

    /// Those of git's list that matter. A folder that is ignored as a whole (it ends with a slash) is looked into only
    /// where a pattern leads there: `node_modules` is not.
    pub(super) fn select(&self, top: &Path, ignored: &[Bytes]) -> Result<Vec<Bytes>, WorkError> {
        let mut selected = Vec::new();
        for path in ignored {
            match path.0.strip_suffix(b"/") {
                None if self.set.is_match(path.path()) => selected.push(path.clone()),
                None => {}
                Some(folder) if self.leads_into(&String::from_utf8_lossy(folder)) => {
                    self.walk(top, Path::new(&Bytes::from(folder).path()), &mut selected)?;
                }
                Some(_) => {}
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

    fn walk(&self, top: &Path, folder: &Path, selected: &mut Vec<Bytes>) -> Result<(), WorkError> {
        let whole = top.join(folder);
        let entries = std::fs::read_dir(&whole).map_err(WorkError::file("list", &whole))?;
        for entry in entries {
            let entry = entry.map_err(WorkError::file("list", &whole))?;
            let path = folder.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.walk(top, &path, selected)?;
            } else if self.set.is_match(&path) {
                selected.push(Bytes::from(path.as_path()));
            }
        }
        Ok(())
    }
}
