//! Repositories for tests.

use std::ffi::OsStr;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use rustic_core::repofile::{Metadata, Node, NodeType, SnapshotFile};
use rustic_core::{BackupOptions, ReadSource, ReadSourceEntry, RusticResult, SnapshotOptions};

use super::address::Address;
use super::error::Result;
use super::manifest::Manifest;
use super::part::{Kind, Part};
use super::session::{Session, Subject, Summary};
use super::vault::Vault;
use crate::secret::value::SecretValue;

pub(super) const PASSPHRASE: &str = "lusab-babad";

/// A repository in a temporary folder.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) vault: Vault,
}

pub(super) fn secret(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec())
}

pub(super) fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Folder(folder.path().join("repo"));
    let vault = Vault::create(&address, &secret(PASSPHRASE), &folder.path().join("cache")).unwrap();
    World { folder, vault }
}

impl World {
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file to be kept.
    pub(super) fn file(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn reopened(&self) -> Result<Vault> {
        Vault::open(self.vault.address(), &secret(PASSPHRASE), &self.path("cache"))
    }

    /// Backs a folder up as the settings of project `shop`.
    pub(super) fn back_up(&self, below: &str) -> Result<(Summary, Manifest)> {
        let mut session = Session::begin(&self.vault, subject("shop"), jiff::Timestamp::now())?;
        session.add(part(self.path(below)))?;
        session.finish(jiff::Timestamp::now(), Vec::new())
    }

    /// Archives nodes that no file system has, as one of devup's own snapshots would be tagged.
    pub(super) fn archive(&self, source: &Made) -> SnapshotFile {
        self.archive_as(source, "evil")
    }

    /// The same with tags.
    pub(super) fn archive_as(&self, source: &Made, tags: &str) -> SnapshotFile {
        let options = SnapshotOptions::default().label("evil".to_owned()).add_tags(tags).unwrap();
        let snapshot = options.to_snapshot().unwrap();
        let repository = self.vault.for_writing().unwrap();
        repository.archive(&BackupOptions::default(), source, snapshot, &[PathBuf::from("/")]).unwrap()
    }
}

pub(super) fn subject(project: &str) -> Subject {
    Subject { project: project.to_owned(), instance: None, path: None, remote: None, reason: "manual".to_owned() }
}

pub(super) fn part(folder: PathBuf) -> Part {
    Part::folder(Kind::Settings, None, folder, "a test", "made")
}

/// A source made up node by node.
pub(super) struct Made(pub(super) Vec<(PathBuf, Node, Option<Vec<u8>>)>);

impl Made {
    /// A node of this name at this path: the two need not agree.
    pub(super) fn node(mut self, path: &str, name: &str, kind: NodeType, content: Option<&[u8]>) -> Self {
        let size = content.map_or(0, <[u8]>::len) as u64;
        let mtime = Some(jiff::Timestamp::UNIX_EPOCH);
        let meta = Metadata { mode: Some(0o644), size, mtime, ..Metadata::default() };
        let node = Node { name: name.to_owned(), ..Node::new_node(OsStr::new("x"), kind, meta) };
        self.0.push((Path::new(path).to_owned(), node, content.map(<[u8]>::to_vec)));
        self
    }
}

impl ReadSource for Made {
    type Open = Cursor<Vec<u8>>;
    type Iter = std::vec::IntoIter<RusticResult<ReadSourceEntry<Self::Open>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let entries = self.0.iter().cloned();
        let entry = |(path, node, content): (PathBuf, Node, Option<Vec<u8>>)| {
            Ok(ReadSourceEntry { path, node, open: content.map(Cursor::new) })
        };
        entries.map(entry).collect::<Vec<_>>().into_iter()
    }
}
