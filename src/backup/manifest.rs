//! What a snapshot says about itself: `manifest.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::part::Kind;

/// Version of the manifest. A higher one is read as far as it is understood.
pub const VERSION: u32 = 1;
/// Its name below the project's folder.
pub const NAME: &str = "manifest.json";

/// One complete snapshot of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its own version.
    pub version: u32,
    /// The project.
    pub project: String,
    /// Which copy of it, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The project's folder on the machine that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The home folder there: what lies below it goes below the home folder of whoever restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<PathBuf>,
    /// Where its repository can be cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The devup that wrote it.
    pub devup: String,
    /// When.
    pub taken: Timestamp,
    /// What is in it.
    pub parts: Vec<Entry>,
    /// What is not in it, and why.
    pub not_covered: Vec<Gap>,
    /// Rows of the tables of dumped databases, by service and table: the least and the most of the counts that were taken
    /// before and after the dump.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
}

/// One part as it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its kind.
    pub kind: Kind,
    /// Which one of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it lies below the project's folder.
    pub place: PathBuf,
    /// What it was taken from.
    pub origin: String,
    /// Files, folders, links.
    pub entries: u64,
    /// Of the files, as they are when restored.
    pub bytes: u64,
    /// SHA-256 over names, kinds, modes and contents, in order.
    pub digest: String,
    /// How it was made sure that it is whole.
    pub verified: String,
}

/// Something that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}
