//! Is everything there, and as it was written?

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustic_core::repofile::{Node, NodeType};
use rustic_core::{CheckOptions, IndexedFullStatus, ReadSubsetOption, Repository, TreeId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::{BackupError, Kind, Result};
use super::tree::{self, Refusal};
use super::vault::Vault;

/// What a repository holds of one part.
pub(super) struct Count {
    /// Files, folders, links and the rest.
    pub entries: u64,
    /// Of the files.
    pub bytes: u64,
    /// Over names, kinds, modes and contents, in order.
    pub digest: String,
}

/// Counts what lies below a path of a snapshot, and makes sure that every piece of every file is there. More than `most`
/// entries are an error: whoever lists one folder within itself a thousand times would keep us counting forever.
pub(super) fn count(
    reader: &Repository<IndexedFullStatus>,
    tree: TreeId,
    place: &Path,
    most: u64,
) -> std::result::Result<Count, Refusal> {
    let mut sum = Sha256::new();
    let (mut entries, mut bytes) = (0, 0_u64);
    // an empty part has no folder in the tree
    if let Some(top) = tree::find(reader, tree, place)?.and_then(|node| node.subtree) {
        tree::walk(reader, top, &mut |path, node| {
            if entries == most {
                return Err(format!("there are more than {most} entries"));
            }
            entries += 1;
            note(&mut sum, path, node);
            for piece in node.content.iter().flatten() {
                bytes = bytes.saturating_add(tree::length(reader, *piece)?);
            }
            Ok(())
        })?;
    }
    Ok(Count { entries, bytes, digest: hex::encode(sum.finalize()) })
}

fn note(sum: &mut Sha256, path: &Path, node: &Node) {
    let kind = match &node.node_type {
        NodeType::File => "file".to_owned(),
        NodeType::Dir => "dir".to_owned(),
        other => other.to_string(),
    };
    sum.update(path.as_os_str().as_bytes());
    sum.update(format!("\0{kind}\0{:o}\0", node.meta.mode.unwrap_or_default()));
    for piece in node.content.iter().flatten() {
        sum.update(piece.to_hex().as_str());
    }
    sum.update("\n");
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Snapshots that were looked at.
    pub snapshots: usize,
    /// All data was read, too.
    pub read_data: bool,
    /// What is damaged.
    pub errors: Vec<String>,
    /// What is odd, and does no harm.
    pub warnings: Vec<String>,
}

/// Looks at the whole repository; with `read_data` at every byte of it.
pub fn check(vault: &Vault, read_data: bool) -> Result<Findings> {
    let options =
        CheckOptions::default().trust_cache(false).read_data(read_data).read_data_subset(ReadSubsetOption::All);
    let snapshots = vault.snapshot_files()?.len();
    let results = vault.repository.check(options).map_err(|error| {
        let failed = vault.failed("checking", &error);
        // whatever a check trips over is not as it should be
        if failed.kind == Kind::Other { BackupError { kind: Kind::Damaged, ..failed } } else { failed }
    })?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (level, finding) in results.0 {
        // the level's type is not exported: its name tells
        if format!("{level:?}") == "Error" {
            errors.push(finding.to_string());
        } else {
            warnings.push(finding.to_string());
        }
    }
    Ok(Findings { snapshots, read_data, errors, warnings })
}
