//! `devup.lock`: which content each name stood for. With it, everybody gets the same.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::files::{self, Access};

/// The file's name, in the project's folder.
pub const FILE: &str = "devup.lock";

/// What is recorded of features; other parts of the file are left as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// By the name as it is written.
    pub features: IndexMap<String, Record>,
}

/// What one name stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its own version.
    pub version: String,
    /// The name with the digest instead of the version, or the address.
    pub resolved: String,
    /// Digest of the manifest, or of the archive.
    pub integrity: String,
}

/// The lock can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; correct it, or remove it to have it made anew", path.display())]
pub struct LockError {
    path: PathBuf,
    reason: String,
}

impl Lock {
    /// Reads the project's; nothing where there is none.
    pub fn read(project: &Path) -> Result<Self, LockError> {
        let path = project.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(LockError { path, reason: error.to_string() }),
        };
        serde_json::from_str(&text).map_err(|error| LockError { path, reason: error.to_string() })
    }

    /// Writes it, where anything differs.
    pub fn write(&self, project: &Path) -> Result<(), LockError> {
        if *self == Self::read(project)? {
            return Ok(());
        }
        let path = project.join(FILE);
        let wrong = |reason: String| LockError { path: path.clone(), reason };
        let old = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
        let mut all: Value = serde_json::from_str(&old).map_err(|error| wrong(error.to_string()))?;
        all["features"] = serde_json::to_value(&self.features).map_err(|error| wrong(error.to_string()))?;
        let text = serde_json::to_string_pretty(&all).map_err(|error| wrong(error.to_string()))?;
        files::write_atomic(&path, format!("{text}\n").as_bytes(), Access::Shared)
            .map_err(|error| wrong(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parts_of_the_file_stay() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), Lock::default());
        Lock::default().write(folder.path()).unwrap();
        assert!(!folder.path().join(FILE).exists(), "nothing to record, no file");
        std::fs::write(folder.path().join(FILE), r#"{"other": 1}"#).unwrap();
        let record = Record { version: "1".into(), resolved: "x@sha256:a".into(), integrity: "sha256:a".into() };
        let lock = Lock { features: [("x:1".to_owned(), record)].into() };
        lock.write(folder.path()).unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), lock);
        assert!(std::fs::read_to_string(folder.path().join(FILE)).unwrap().contains("\"other\": 1"));
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Lock::read(folder.path()).unwrap_err().to_string().contains("devup.lock"));
    }
}
