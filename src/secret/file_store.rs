//! Secrets in files, for machines without a keyring: 0600 in folders of 0700.

use std::path::PathBuf;

use crate::base::files::{self, Access};

use super::fingerprint;
use super::revision;
use super::store::{Store, StoreError, check_name, project_folder};
use super::value::SecretValue;

/// Files `<folder>/<project>/<name>`.
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Beneath this folder, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, project: &str, name: &str) -> Result<PathBuf, StoreError> {
        check_name(name)?;
        Ok(project_folder(&self.folder, project)?.join(name))
    }
}

impl Store for FileStore {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn get(&self, project: &str, name: &str) -> Result<Option<SecretValue>, StoreError> {
        Ok(files::read_optional(&self.path(project, name)?)?.map(SecretValue::new))
    }

    fn set(&self, project: &str, name: &str, value: &SecretValue) -> Result<(), StoreError> {
        let path = self.path(project, name)?;
        files::create_folder(&self.folder, Access::Private)?;
        files::create_folder(&project_folder(&self.folder, project)?, Access::Private)?;
        let replaced = self.get(project, name)?.is_some_and(|old| old != *value);
        files::write_atomic(&path, value.expose(), Access::Private)?;
        if replaced { revision::count(&self.folder, project, name) } else { Ok(()) }
    }

    fn remove(&self, project: &str, name: &str) -> Result<bool, StoreError> {
        let path = self.path(project, name)?;
        let there = path.exists();
        files::remove_if_there(&path)?;
        if there {
            revision::count(&self.folder, project, name)?;
        }
        Ok(there)
    }

    fn names(&self, project: &str) -> Result<Vec<String>, StoreError> {
        let folder = project_folder(&self.folder, project)?;
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| check_name(name).is_ok())
            .collect();
        names.sort();
        Ok(names)
    }

    fn revision(&self, project: &str, name: &str) -> Result<u64, StoreError> {
        revision::of(&self.folder, project, name)
    }

    fn fingerprint(&self, value: &SecretValue) -> Result<String, StoreError> {
        fingerprint::of(&self.folder, value)
    }

    fn remembered(&self, project: &str, variable: &str) -> Result<Option<String>, StoreError> {
        fingerprint::remembered(&self.folder, project, variable)
    }

    fn remember(&self, project: &str, variable: &str, print: &str) -> Result<(), StoreError> {
        fingerprint::remember(&self.folder, project, variable, print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_by_project_and_for_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("secrets"));
        let value = SecretValue::new(b"s3cret".to_vec());
        assert_eq!(store.get("shop", "db").unwrap(), None);
        store.set("shop", "db", &value).unwrap();
        assert_eq!(store.get("shop", "db").unwrap(), Some(value));
        assert_eq!(store.get("bank", "db").unwrap(), None);
        assert_eq!(store.names("shop").unwrap(), ["db"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode("secrets"), mode("secrets/shop"), mode("secrets/shop/db")), (0o700, 0o700, 0o600));
        }
        assert!(store.remove("shop", "db").unwrap());
        assert!(!store.remove("shop", "db").unwrap());
    }

    #[test]
    fn a_replaced_value_counts_and_the_first_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("secrets"));
        let set = |value: &str| store.set("shop", "db", &SecretValue::new(value.as_bytes().to_vec())).unwrap();
        let revision = || store.revision("shop", "db").unwrap();
        set("a");
        set("a");
        assert_eq!(revision(), 0);
        set("b");
        assert_eq!(revision(), 1);
        store.remove("shop", "db").unwrap();
        set("c");
        assert_eq!(revision(), 2);
        assert_eq!(store.names("shop").unwrap(), ["db"]);
        assert_eq!(store.revision("bank", "db").unwrap(), 0);
    }

    #[test]
    fn names_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("secrets"));
        for name in ["", "..", "../x", "a/b", ".names", "a\0", "a b"] {
            assert!(matches!(store.get("shop", name), Err(StoreError::BadName { .. })), "{name}");
            assert!(matches!(store.get(name, "db"), Err(StoreError::BadName { .. })), "{name}");
        }
    }
}
