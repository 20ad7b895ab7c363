//! `work.json`: what a capture holds. Everything else beside it is files that git, tar and cp understand.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::encoded::Bytes;

/// The format's version; a newer one is refused.
pub const VERSION: u32 = 1;
/// The file's name.
pub const FILE: &str = "work.json";

/// What a capture holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Version of the format.
    pub version: u32,
    /// Repositories: the one that was asked for, then those inside of it. Their parts lie in folders `0`, `1`…
    pub repositories: Vec<Captured>,
}

/// A repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// Where it was.
    pub path: Bytes,
    /// In which other repository it lies: a submodule, or one that was never added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// It has no working tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// `sha256`, where it is not `sha1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_format: Option<String>,
    /// The remote that the bundle stands on: its name and address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<(String, String)>,
    /// The bundle; absent where the remote has every object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    /// Its refs: name and object.
    pub refs: Vec<(String, String)>,
    /// Its symbolic refs: name, and the ref that each stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbolic: Vec<(String, String)>,
    /// Stashes in `stash.log`.
    pub stashes: usize,
    /// Its working trees, the first one first.
    pub trees: Vec<CapturedTree>,
    /// What is kept here though a remote may have it, because it did not say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// What could not be captured, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Files that are there and could not be read; they are among the notes. Such a capture is not all of the work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

/// Where in another repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// Its position.
    pub repository: usize,
    /// The position of its working tree.
    pub tree: usize,
    /// The path in that.
    pub path: Bytes,
    /// Where git's folder lies in that of the other repository (`modules/…`); absent: `.git` is in the working tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Bytes>,
}

/// `objects.bundle`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Commits that have to be there first; the remote confirmed each. None: the bundle stands alone.
    pub bases: Vec<String>,
}

/// A working tree. Its index lies in `trees/N/index`, its files in `trees/N/files`, git's state in `trees/N/git`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedTree {
    /// The name that git has for it; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Bytes>,
    /// Where it was.
    pub path: Bytes,
    /// The same, seen from the folder that the first tree lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Bytes>,
    /// What is checked out.
    pub head: CapturedHead,
    /// Refs that it has for itself, where it is not the first: name and object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<(String, String)>,
    /// Its folder was there.
    pub exists: bool,
    /// `key=value` of what shapes files when they are written.
    pub shaping: Vec<String>,
    /// Files that are not what the index says.
    pub files: Vec<Entry>,
    /// Modes of files that are what the index says, where a checkout would give them others: git keeps one bit of nine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<(Bytes, u32)>,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapturedHead {
    /// A branch, by its whole name.
    Branch(String),
    /// A commit.
    Detached(String),
}

/// A file that is not what the index says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the working tree.
    pub path: Bytes,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// A file.
    File {
        /// Its mode.
        mode: u32,
        /// Seconds and nanoseconds of its last change.
        modified: (i64, u32),
        /// Its length.
        size: u64,
        /// SHA-256 of its content.
        sha256: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: Bytes,
    },
    /// The index has it, the working tree has not.
    Missing,
}

/// A path that stays where it belongs: relative, without `..`, and not in git's own folder.
pub fn stays_inside(path: &Bytes) -> bool {
    let real = path.path();
    let mut parts = Path::new(&real).components().peekable();
    parts.peek().is_some()
        && parts.all(|part| match part {
            Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_told() {
        for good in ["a", "a/b", "..a", "a/.gitignore", ".github/x"] {
            assert!(stays_inside(&Bytes::from(good.as_bytes())), "{good}");
        }
        for bad in ["", "/a", "../a", "a/../../b", ".git/config", "a/.GIT/hooks/x"] {
            assert!(!stays_inside(&Bytes::from(bad.as_bytes())), "{bad}");
        }
    }
}
