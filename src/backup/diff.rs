//! What differs between two snapshots.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rustic_core::repofile::{Metadata, Node, SnapshotFile};
use rustic_core::{IndexedFullStatus, Repository};
use serde::Serialize;

use super::error::{BackupError, Kind, Result};
use super::snapshot::{Snapshot, Wanted};
use super::tree;
use super::vault::Vault;

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Only in the second.
    Added,
    /// Only in the first.
    Removed,
    /// Other content, or another kind of thing.
    Changed,
    /// The same content with other modes, owners or times.
    Metadata,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path in the snapshots.
    pub path: PathBuf,
    /// How.
    pub how: How,
}

/// The paths that differ, in order.
pub fn diff(vault: &Vault, first: &Wanted, second: &Wanted) -> Result<Vec<Difference>> {
    let (first, second) = (vault.find(first)?, vault.find(second)?);
    let reader = vault.for_reading()?;
    let mut before = nodes(&reader, &first)?;
    let mut differences = Vec::new();
    for (path, node) in nodes(&reader, &second)? {
        let how = match before.remove(&path) {
            None => Some(How::Added),
            Some(old) => compare(&old, &node),
        };
        differences.extend(how.map(|how| Difference { path, how }));
    }
    differences.extend(before.into_keys().map(|path| Difference { path, how: How::Removed }));
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(differences)
}

fn compare(old: &Node, new: &Node) -> Option<How> {
    if old.node_type != new.node_type || old.content != new.content {
        return Some(How::Changed);
    }
    // what a copy can't keep says nothing about the thing itself
    let kept = |node: &Node| Metadata {
        atime: None,
        ctime: None,
        inode: 0,
        device_id: 0,
        links: 0,
        size: 0,
        ..node.meta.clone()
    };
    (kept(old) != kept(new)).then_some(How::Metadata)
}

fn nodes(reader: &Repository<IndexedFullStatus>, file: &SnapshotFile) -> Result<BTreeMap<PathBuf, Node>> {
    let mut found = BTreeMap::new();
    let walked = tree::walk(reader, file.tree, &mut |path, node| {
        found.insert(path.to_owned(), node.clone());
        Ok(())
    });
    let failed =
        |reason| BackupError::new(Kind::Damaged, format!("reading snapshot {}", Snapshot::of(file).id), reason);
    walked.map(|()| found).map_err(failed)
}
