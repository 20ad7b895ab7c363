//! How often an entry was given another value. A container that was made with an older one is made anew; the count says
//! nothing of the values.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::files::{self, Access};

use super::store::{StoreError, project_folder};

/// The list of counts; names of entries never begin with a dot.
const FILE: &str = ".revisions";

/// How often the value was replaced or taken away.
pub(super) fn of(folder: &Path, project: &str, name: &str) -> Result<u64, StoreError> {
    Ok(read(folder, project)?.get(name).copied().unwrap_or(0))
}

/// Counts one more.
pub(super) fn count(folder: &Path, project: &str, name: &str) -> Result<(), StoreError> {
    let mut counts = read(folder, project)?;
    *counts.entry(name.to_owned()).or_default() += 1;
    let text: String = counts.iter().map(|(name, count)| format!("{count} {name}\n")).collect();
    let of_project = project_folder(folder, project)?;
    files::create_folder(&of_project, Access::Private)?;
    Ok(files::write_atomic(&of_project.join(FILE), text.as_bytes(), Access::Private)?)
}

fn read(folder: &Path, project: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    let bytes = files::read_optional(&project_folder(folder, project)?.join(FILE))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let entry = |line: &str| {
        let (count, name) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    Ok(text.lines().filter_map(entry).collect())
}
