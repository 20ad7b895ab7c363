//! Secrets in the operating system's keyring, as `<project>/<name>` of the service `devup`. Keyrings do not list their
//! entries, so the names (no secrets themselves) stand in a file per project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use keyring::{Entry, Error};

use crate::base::files::{self, Access};

use super::fingerprint;
use super::revision;
use super::store::{Store, StoreError, check_name, project_folder};
use super::value::SecretValue;

/// The service under which all entries stand.
const SERVICE: &str = "devup";
/// The list of names; [`check_name`] keeps secrets from having it.
const NAMES: &str = ".names";

/// The keyring of this session.
pub struct KeyringStore {
    folder: PathBuf,
}

impl KeyringStore {
    /// Asks whether a keyring answers; the reason where none does. `folder` keeps the lists of names.
    pub fn connect(folder: PathBuf) -> Result<Self, String> {
        match Entry::store_status() {
            Ok(()) => Ok(Self { folder }),
            Err(error) => Err(error.to_string()),
        }
    }

    fn entry(project: &str, name: &str) -> Result<Entry, StoreError> {
        check_name(project)?;
        check_name(name)?;
        Entry::new(SERVICE, &format!("{project}/{name}")).map_err(|error| failed("open", project, name, &error))
    }

    fn list(&self, project: &str, change: impl FnOnce(&mut BTreeSet<String>)) -> Result<(), StoreError> {
        let mut names: BTreeSet<String> = self.names(project)?.into_iter().collect();
        change(&mut names);
        let folder = project_folder(&self.folder, project)?;
        files::create_folder(&folder, Access::Private)?;
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        Ok(files::write_atomic(&folder.join(NAMES), text.as_bytes(), Access::Private)?)
    }
}

/// Some of the keyring's errors carry the value: their texts are not used.
fn failed(attempt: &'static str, project: &str, name: &str, error: &Error) -> StoreError {
    let reason = match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "its data is damaged".to_owned(),
        Error::Ambiguous(_) => "there are several of that name".to_owned(),
        Error::NoStorageAccess(_) => "it is locked, or access was denied; unlock it and try again".to_owned(),
        other => other.to_string(),
    };
    StoreError::Keyring { attempt, project: project.to_owned(), name: name.to_owned(), reason }
}

impl Store for KeyringStore {
    fn place(&self) -> String {
        "the keyring".to_owned()
    }

    fn is_keyring(&self) -> bool {
        true
    }

    fn get(&self, project: &str, name: &str) -> Result<Option<SecretValue>, StoreError> {
        match Self::entry(project, name)?.get_secret() {
            Ok(bytes) => Ok(Some(SecretValue::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failed("read", project, name, &error)),
        }
    }

    fn set(&self, project: &str, name: &str, value: &SecretValue) -> Result<(), StoreError> {
        let entry = Self::entry(project, name)?;
        // the name first: an entry that no list knows would never be found again
        self.list(project, |names| {
            names.insert(name.to_owned());
        })?;
        let replaced = self.get(project, name)?.is_some_and(|old| old != *value);
        entry.set_secret(value.expose()).map_err(|error| failed("keep", project, name, &error))?;
        if replaced { revision::count(&self.folder, project, name) } else { Ok(()) }
    }

    fn remove(&self, project: &str, name: &str) -> Result<bool, StoreError> {
        let there = match Self::entry(project, name)?.delete_credential() {
            Ok(()) => true,
            Err(Error::NoEntry) => false,
            Err(error) => return Err(failed("remove", project, name, &error)),
        };
        self.list(project, |names| {
            names.remove(name);
        })?;
        if there {
            revision::count(&self.folder, project, name)?;
        }
        Ok(there)
    }

    fn names(&self, project: &str) -> Result<Vec<String>, StoreError> {
        let path = project_folder(&self.folder, project)?.join(NAMES);
        let bytes = files::read_optional(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter(|name| check_name(name).is_ok()).map(str::to_owned).collect())
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
