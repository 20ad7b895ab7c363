//! A snapshot that is read back by whoever knows what to do with its parts: their entries in order, with the pieces of
//! each file. The repository is not believed: names are single components, and each piece has to be what its name says.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustic_core::repofile::{Node, SnapshotFile};
use rustic_core::{DataId, IndexedFullStatus, Repository, TreeId};

use super::check::count;
use super::error::{BackupError, Kind, Result};
use super::extract::checked;
use super::manifest::{Entry, Manifest};
use super::part::safe;
use super::session::ROOT;
use super::snapshot::{COMPLETE, OURS, Snapshot, Wanted};
use super::tree::{self, DEEPEST};
use super::vault::Vault;

/// One of devup's own complete snapshots.
pub struct Kept {
    reader: Repository<IndexedFullStatus>,
    file: SnapshotFile,
    /// What it says about itself.
    pub manifest: Manifest,
}

/// Content of a file, piece by piece.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = std::result::Result<Bytes, String>>;

/// Whoever is shown the entries of a part: their path below the part's own place, what they are, what is in them.
pub type Visitor<'f> = &'f mut dyn FnMut(&[u8], &Node, Pieces<'_>) -> std::result::Result<(), String>;

impl Vault {
    /// Opens one of devup's own snapshots.
    pub fn kept(&self, wanted: &Wanted) -> Result<Kept> {
        let file = self.find(wanted)?;
        let reader = self.for_reading()?;
        let manifest = self.manifest(&reader, &file)?.ok_or_else(|| {
            let reason = "devup did not make this snapshot, so nobody knows its parts";
            BackupError::new(Kind::Missing, format!("reading snapshot {}", Snapshot::of(&file).id), reason)
        })?;
        Ok(Kept { reader, file, manifest })
    }

    /// Removes a project's complete snapshots with this tag; their data stays until a prune. The caller holds the lock.
    pub fn remove_tagged(&self, project: &str, tag: &str) -> Result<usize> {
        self.refuse_beside_restic()?;
        let tagged = |file: &SnapshotFile| {
            file.label == project && [OURS, COMPLETE, tag].iter().all(|wanted| file.tags.contains(wanted))
        };
        let going: Vec<_> = self.snapshot_files()?.iter().filter(|file| tagged(file)).map(|file| file.id).collect();
        self.repository.delete_snapshots(&going).map_err(|error| self.failed("removing snapshots from", &error))?;
        Ok(going.len())
    }
}

impl Kept {
    /// Its identity, as shown.
    pub fn id(&self) -> String {
        Snapshot::of(&self.file).id
    }

    fn home(&self) -> PathBuf {
        Path::new(ROOT).join(safe(&self.file.label))
    }

    fn damaged(&self, place: &Path, reason: impl Into<String>) -> BackupError {
        BackupError::new(Kind::Damaged, format!("reading {} of snapshot {}", place.display(), self.id()), reason)
    }

    /// Makes sure that a part is what the manifest says of it.
    pub fn verify(&self, part: &Entry) -> Result<()> {
        let found = count(&self.reader, self.file.tree, &self.home().join(&part.place), part.entries)
            .map_err(|reason| self.damaged(&part.place, reason))?;
        if found.digest == part.digest {
            return Ok(());
        }
        Err(self.damaged(&part.place, "it is not what the manifest says of it"))
    }

    /// A file of a part that is small, such as a list; `None` where there is no such file.
    pub fn small(&self, place: &Path, longest: u64) -> Result<Option<Vec<u8>>> {
        let whole = self.home().join(place);
        let found = tree::find(&self.reader, self.file.tree, &whole).map_err(|reason| self.damaged(place, reason))?;
        let Some(node) = found else { return Ok(None) };
        let mut text = Vec::new();
        for piece in self.pieces(&node) {
            text.extend_from_slice(&piece.map_err(|reason| self.damaged(place, reason))?);
            if text.len() as u64 > longest {
                return Err(self.damaged(place, format!("it has more than {longest} bytes")));
            }
        }
        Ok(Some(text))
    }

    /// Shows a file or folder of a part, and everything below it: folders before what is in them, names in order. The path
    /// of what was asked for itself is empty.
    pub fn walk(&self, place: &Path, visitor: Visitor<'_>) -> Result<()> {
        let whole = self.home().join(place);
        let failed = |reason: String| self.damaged(place, reason);
        let top = self.find(&whole).map_err(failed)?;
        visitor(b"", &top, &mut self.pieces(&top)).map_err(failed)?;
        let mut levels = vec![(Vec::new(), self.nodes(&top).map_err(failed)?.into_iter())];
        while let Some((path, nodes)) = levels.last_mut() {
            let Some(node) = nodes.next() else {
                levels.pop();
                continue;
            };
            let name = node.name();
            checked(&name).map_err(failed)?;
            let below =
                if path.is_empty() { name.as_bytes().to_vec() } else { [&**path, b"/", name.as_bytes()].concat() };
            let node = self.measured(node).map_err(failed)?;
            visitor(&below, &node, &mut self.pieces(&node)).map_err(failed)?;
            if node.is_dir() {
                if levels.len() >= DEEPEST {
                    return Err(failed(format!("more than {DEEPEST} folders in each other")));
                }
                let inner = self.nodes(&node).map_err(failed)?;
                levels.push((below, inner.into_iter()));
            }
        }
        Ok(())
    }

    /// The pieces of all files of a folder, one file after the other.
    pub fn stream(&self, place: &Path) -> Result<impl Iterator<Item = std::result::Result<Bytes, String>> + '_> {
        let failed = |reason: String| self.damaged(place, reason);
        let whole = self.home().join(place);
        let folder = self.find(&whole).map_err(failed)?;
        let nodes = self.nodes(&folder).map_err(failed)?;
        let pieces: Vec<DataId> = nodes.into_iter().flat_map(|node| node.content.unwrap_or_default()).collect();
        Ok(pieces.into_iter().map(|id| self.piece(id)))
    }

    fn find(&self, whole: &Path) -> std::result::Result<Node, String> {
        tree::find(&self.reader, self.file.tree, whole)?.ok_or_else(|| "it is not there".to_owned())
    }

    /// With the length of what there is of it: a file that was cut while it was read has less than it said.
    fn measured(&self, mut node: Node) -> std::result::Result<Node, String> {
        if node.is_file() {
            node.meta.size = 0;
            for piece in node.content.iter().flatten() {
                node.meta.size = node.meta.size.saturating_add(tree::length(&self.reader, *piece)?);
            }
        }
        Ok(node)
    }

    fn nodes(&self, folder: &Node) -> std::result::Result<Vec<Node>, String> {
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let tree: TreeId = folder.subtree.ok_or("it is a folder without content")?;
        tree::nodes(&self.reader, tree)
    }

    fn pieces<'n>(&'n self, node: &'n Node) -> impl Iterator<Item = std::result::Result<Bytes, String>> + 'n {
        node.content.iter().flatten().map(|id| self.piece(*id))
    }

    fn piece(&self, id: DataId) -> std::result::Result<Bytes, String> {
        tree::piece(&self.reader, id)
    }
}
