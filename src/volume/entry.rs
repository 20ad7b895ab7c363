//! One thing in a volume, with everything that is to be as it was when it is made again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Bytes that need not be text: names, targets of links, values. Base64 in messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Raw(pub Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A moment as file systems keep it: seconds since 1970, and nanoseconds after them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(pub i64, pub u32);

/// What it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A folder.
    Folder,
    /// A symbolic link and where it leads.
    Link(Raw),
    /// A block device's number.
    Block(u64),
    /// A character device's number.
    Char(u64),
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

/// One thing in a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where, from the volume's top, which is the empty path itself; names are joined by `/`.
    pub path: Raw,
    /// What.
    pub kind: Kind,
    /// Permissions, with the bits for setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When its content changed last.
    pub mtime: Moment,
    /// When anything of it changed last.
    pub ctime: Moment,
    /// Its number on its file system.
    pub inode: u64,
    /// Its file system's number.
    pub device: u64,
    /// How many names it has.
    pub links: u64,
    /// Bytes; 0 where it is no file.
    pub size: u64,
    /// Extended attributes, access lists among them.
    pub attributes: Vec<(String, Raw)>,
    /// Holes of a file: where, how long.
    pub holes: Vec<(u64, u64)>,
}

impl Entry {
    /// It is the volume's top.
    pub fn is_top(&self) -> bool {
        self.path.0.is_empty()
    }

    /// Its path for people.
    pub fn shown(&self) -> String {
        if self.is_top() { ".".to_owned() } else { String::from_utf8_lossy(&self.path.0).into_owned() }
    }
}

/// A sum over what was to be made, to be compared with what is there. Times of folders and links' numbers are in it,
/// numbers of files are not: they are others on another file system.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    sum: Sha256,
    /// Entries.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl Tally {
    /// Adds one entry. The order counts.
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.bytes += entry.size;
        let Entry { path, kind, mode, uid, gid, mtime, size, .. } = entry;
        self.sum.update((path.0.len() as u64).to_be_bytes());
        self.sum.update(&path.0);
        // the mode of a link is the system's, and no other can be set
        let mode = if matches!(kind, Kind::Link(_)) { 0 } else { *mode };
        let line = format!("{kind:?} {mode:o} {uid} {gid} {} {} {size}\n", mtime.0, mtime.1);
        self.sum.update(line);
    }

    /// In hex digits.
    pub fn digest(&self) -> String {
        hex::encode(self.sum.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_survive_a_message() {
        let entry = Entry {
            path: Raw(b"dir/\xff\n\"".to_vec()),
            kind: Kind::Link(Raw(b"\xfe".to_vec())),
            attributes: vec![("user.a".to_owned(), Raw(vec![0, 1]))],
            holes: vec![(0, 4096)],
            ..Entry::default()
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }

    #[test]
    fn a_tally_sees_every_difference_that_a_restore_could_make() {
        let tally = |entry: Entry| {
            let mut tally = Tally::default();
            tally.add(&entry);
            tally.digest()
        };
        let one = Entry { path: Raw(b"a".to_vec()), mode: 0o644, size: 1, ..Entry::default() };
        let others = [
            Entry { mode: 0o600, ..one.clone() },
            Entry { uid: 1, ..one.clone() },
            Entry { mtime: Moment(0, 1), ..one.clone() },
            Entry { size: 2, ..one.clone() },
            Entry { kind: Kind::Pipe, ..one.clone() },
            Entry { path: Raw(b"b".to_vec()), ..one.clone() },
        ];
        for other in others {
            assert_ne!(tally(one.clone()), tally(other.clone()), "{other:?}");
        }
        assert_eq!(tally(one.clone()), tally(Entry { inode: 7, ..one }));
    }
}
