//! Entries of volumes as nodes of backups, and back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use serde_json::json;

use super::entry::{Entry, Kind, Moment, Raw};

/// The bits that Go, and so restic, keeps elsewhere than Unix does: setuid, setgid, sticky.
const MOVED: [(u32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

/// As a node of that name.
pub(super) fn node(entry: &Entry, name: &OsStr) -> serde_json::Result<Node> {
    let (kind, bits) = match &entry.kind {
        Kind::File => (NodeType::File, 0),
        Kind::Folder => (NodeType::Dir, 1 << 31),
        Kind::Link(target) => (NodeType::from_link(Path::new(OsStr::from_bytes(&target.0))), 1 << 27),
        Kind::Block(device) => (NodeType::Dev { device: *device }, 1 << 26),
        Kind::Char(device) => (NodeType::Chardev { device: *device }, 1 << 26 | 1 << 21),
        Kind::Pipe => (NodeType::Fifo, 1 << 25),
        Kind::Socket => (NodeType::Socket, 1 << 24),
    };
    let moved = MOVED.iter().filter(|(_, unix)| entry.mode & unix != 0).fold(0, |sum, (go, _)| sum | go);
    // the library does not export the type of an attribute: it is read from the text of one
    let attribute = |(name, value): &(String, Raw)| json!({ "name": name, "value": STANDARD.encode(&value.0) });
    let attributes: serde_json::Value = entry.attributes.iter().map(attribute).collect();
    let meta = Metadata {
        mode: Some(bits | moved | entry.mode & 0o777),
        mtime: timestamp(entry.mtime),
        // reading changes it, and a backup would never be like the one before
        atime: timestamp(entry.mtime),
        ctime: timestamp(entry.ctime),
        uid: Some(entry.uid),
        gid: Some(entry.gid),
        user: None,
        group: None,
        inode: entry.inode,
        device_id: if entry.links > 1 { entry.device } else { 0 },
        size: entry.size,
        links: entry.links,
        extended_attributes: serde_json::from_value(attributes)?,
    };
    Ok(Node::new_node(name, kind, meta))
}

/// Back, for a path in a volume. What a node does not say is as the system would have it.
pub fn entry(node: &Node, path: Vec<u8>) -> Entry {
    let meta = &node.meta;
    let go = meta.mode.unwrap_or(0o600);
    let moved = MOVED.iter().filter(|(bit, _)| go & bit != 0).fold(0, |sum, (_, unix)| sum | unix);
    let kind = match &node.node_type {
        NodeType::File => Kind::File,
        NodeType::Dir => Kind::Folder,
        link @ NodeType::Symlink { .. } => Kind::Link(Raw(link.to_link().as_os_str().as_bytes().to_vec())),
        NodeType::Dev { device } => Kind::Block(*device),
        NodeType::Chardev { device } => Kind::Char(*device),
        NodeType::Fifo => Kind::Pipe,
        NodeType::Socket => Kind::Socket,
    };
    let attributes = meta.extended_attributes.iter();
    Entry {
        path: Raw(path),
        mode: go & 0o777 | moved,
        uid: meta.uid.unwrap_or(0),
        gid: meta.gid.unwrap_or(0),
        mtime: moment(meta.mtime),
        ctime: moment(meta.ctime),
        inode: meta.inode,
        device: meta.device_id,
        links: meta.links,
        size: if kind == Kind::File { meta.size } else { 0 },
        attributes: attributes.map(|one| (one.name.clone(), Raw(one.value.clone().unwrap_or_default()))).collect(),
        holes: Vec::new(),
        kind,
    }
}

fn timestamp(Moment(seconds, nanos): Moment) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
}

fn moment(time: Option<Timestamp>) -> Moment {
    let Some(time) = time else { return Moment::default() };
    // before 1970 the fraction counts backwards in a Timestamp, and forwards on a file system
    let nanos = time.as_nanosecond().rem_euclid(1_000_000_000);
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
    Moment(i64::try_from(seconds).unwrap_or_default(), u32::try_from(nanos).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_from_its_node() {
        let base = Entry { mode: 0o4751, uid: 999, gid: 7, size: 0, links: 2, inode: 5, device: 3, ..Entry::default() };
        let kinds = [
            Kind::File,
            Kind::Folder,
            Kind::Link(Raw(b"../\xff".to_vec())),
            Kind::Block(2049),
            Kind::Char(259),
            Kind::Pipe,
            Kind::Socket,
        ];
        for kind in kinds {
            for mtime in [Moment(1, 999_999_999), Moment(-1, 1), Moment(0, 0)] {
                let attributes = vec![("user.x".to_owned(), Raw(vec![0, 255]))];
                let path = Raw(b"a/\xffb".to_vec());
                let one = Entry { kind: kind.clone(), path, mtime, ctime: mtime, attributes, ..base.clone() };
                let node = node(&one, OsStr::from_bytes(b"\xffb")).unwrap();
                assert_eq!(node.name().as_bytes(), b"\xffb");
                assert_eq!(entry(&node, one.path.0.clone()), one);
            }
        }
    }
}
