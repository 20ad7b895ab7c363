//! Reads the folders and files of a snapshot without believing the repository: lists of folders and pieces of files have
//! to be what their names say, may not claim to be larger than restic makes them, and folders lie in each other only so
//! deep.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use rustic_core::repofile::{BlobType, Node, Tree};
use rustic_core::{BlobId, DataId, IndexedFullStatus, Repository, TreeId};
use sha2::{Digest, Sha256};

/// A piece of a file or a folder's list may not claim to be larger: restic cuts files into pieces of 8 MiB at most.
const LARGEST_PIECE: u32 = 128 * 1024 * 1024;
/// Folders in folders.
pub(super) const DEEPEST: usize = 4000;

/// Why something is not read.
pub(super) type Refusal = String;
type Result<T> = std::result::Result<T, Refusal>;
type Reader = Repository<IndexedFullStatus>;

/// What lies in a folder.
pub(super) fn nodes(reader: &Reader, tree: TreeId) -> Result<Vec<Node>> {
    let entry = reader.get_index_entry(&tree).map_err(|error| error.display_log())?;
    sane(entry.location.length, entry.data_length())?;
    let name = BlobId::from(tree).to_hex();
    let list = reader.cat_blob(BlobType::Tree, name.as_str()).map_err(|error| error.display_log())?;
    if hex::encode(Sha256::digest(&list)) != name.as_str() {
        return Err(format!("the list {} of a folder is not what its name says", name.as_str()));
    }
    let list: Tree = serde_json::from_slice(&list).map_err(|error| format!("it is no list of a folder: {error}"))?;
    Ok(list.nodes)
}

/// What lies at a path, if anything does.
pub(super) fn find(reader: &Reader, tree: TreeId, path: &Path) -> Result<Option<Node>> {
    let mut found: Option<Node> = None;
    let names = path.components().filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None });
    for name in names {
        let folder = match &found {
            None => Some(tree),
            Some(node) => node.subtree,
        };
        let Some(folder) = folder else { return Ok(None) };
        let is_it = |node: &Node| *node.name() == *name;
        match nodes(reader, folder)?.into_iter().find(is_it) {
            Some(node) => found = Some(node),
            None => return Ok(None),
        }
    }
    Ok(found)
}

/// Goes through everything below a folder, in order, each with its path below it. `visit` ends it with a refusal.
pub(super) fn walk(reader: &Reader, tree: TreeId, visit: &mut dyn FnMut(&Path, &Node) -> Result<()>) -> Result<()> {
    let mut levels = vec![(PathBuf::new(), nodes(reader, tree)?.into_iter())];
    while let Some((folder, rest)) = levels.last_mut() {
        let Some(node) = rest.next() else {
            levels.pop();
            continue;
        };
        let path = folder.join(&*node.name());
        visit(&path, &node)?;
        if let Some(tree) = node.subtree {
            if levels.len() >= DEEPEST {
                return Err(format!("more than {DEEPEST} folders in each other"));
            }
            levels.push((path, nodes(reader, tree)?.into_iter()));
        }
    }
    Ok(())
}

/// How long a piece is, by the index.
pub(super) fn length(reader: &Reader, piece: DataId) -> Result<u64> {
    let entry = reader.get_index_entry(&piece).map_err(|error| error.display_log())?;
    sane(entry.location.length, entry.data_length())?;
    Ok(entry.data_length().into())
}

/// A piece of a file.
pub(super) fn piece(reader: &Reader, piece: DataId) -> Result<Bytes> {
    length(reader, piece)?;
    let id: BlobId = piece.into();
    let bytes = reader.get_blob_cached(&id, BlobType::Data).map_err(|error| error.display_log())?;
    if hex::encode(Sha256::digest(&bytes)) != id.to_hex().as_str() {
        return Err(format!("piece {} is not what its name says", id.to_hex().as_str()));
    }
    Ok(bytes)
}

/// A whole file, if it is no longer than this.
pub(super) fn file(reader: &Reader, node: &Node, longest: u64) -> Result<Vec<u8>> {
    let pieces = node.content.as_deref().unwrap_or_default();
    let mut total = 0_u64;
    for id in pieces {
        total = total.saturating_add(length(reader, *id)?);
    }
    if !node.is_file() || total > longest {
        return Err(format!("it is no file of at most {longest} bytes"));
    }
    let mut bytes = Vec::new();
    for id in pieces {
        bytes.extend_from_slice(&piece(reader, *id)?);
    }
    Ok(bytes)
}

fn sane(stored: u32, length: u32) -> Result<()> {
    if stored > LARGEST_PIECE || length > LARGEST_PIECE {
        return Err(format!("a piece claims to have {} bytes", stored.max(length)));
    }
    Ok(())
}
