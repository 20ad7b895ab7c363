//! Tells whether a value is the one of before, without keeping anything that it could be guessed from.

use std::collections::BTreeMap;
use std::path::Path;

use ring::hmac;

use crate::base::digest::Digest;
use crate::base::files::{self, Access, FileError};

use super::generate::generate;
use super::store::{StoreError, project_folder};
use super::value::SecretValue;

/// This machine's key; names of projects never begin with a dot.
const KEY: &str = ".fingerprint-key";
/// Fingerprints of variables, in a project's folder; names of entries never begin with a dot.
const VARIABLES: &str = ".variables";
/// Characters of the key: more bits than the digest has.
const KEY_LENGTH: u32 = 64;

/// A digest of the value under a key that never leaves this machine. Who sees the digest (it goes into labels) can try no
/// guesses on it.
pub(super) fn of(folder: &Path, value: &SecretValue) -> Result<String, StoreError> {
    let path = folder.join(KEY);
    let key = match files::read_optional(&path)? {
        Some(bytes) if !bytes.is_empty() => SecretValue::new(bytes),
        _ => {
            let made = generate(KEY_LENGTH).map_err(|error| FileError {
                attempt: "make a key for fingerprints in",
                path: path.clone(),
                source: std::io::Error::other(error.to_string()),
            })?;
            files::create_folder(folder, Access::Private)?;
            files::write_atomic(&path, made.expose(), Access::Private)?;
            made
        }
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    Ok(Digest::of(hmac::sign(&key, value.expose()).as_ref()).to_string())
}

/// The fingerprint that a variable had when the project came up last.
pub(super) fn remembered(folder: &Path, project: &str, variable: &str) -> Result<Option<String>, StoreError> {
    Ok(read(folder, project)?.remove(variable))
}

/// Keeps it.
pub(super) fn remember(folder: &Path, project: &str, variable: &str, print: &str) -> Result<(), StoreError> {
    let mut prints = read(folder, project)?;
    if prints.get(variable).is_some_and(|kept| kept == print) {
        return Ok(());
    }
    prints.insert(variable.to_owned(), print.to_owned());
    let text: String = prints.iter().map(|(variable, print)| format!("{print} {variable}\n")).collect();
    files::create_folder(folder, Access::Private)?;
    let of_project = project_folder(folder, project)?;
    files::create_folder(&of_project, Access::Private)?;
    Ok(files::write_atomic(&of_project.join(VARIABLES), text.as_bytes(), Access::Private)?)
}

fn read(folder: &Path, project: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let bytes = files::read_optional(&project_folder(folder, project)?.join(VARIABLES))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let entry = |line: &str| line.split_once(' ').map(|(print, variable)| (variable.to_owned(), print.to_owned()));
    Ok(text.lines().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_was_is_remembered_per_project() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        assert_eq!(remembered(&secrets, "shop", "TOKEN").unwrap(), None);
        remember(&secrets, "shop", "TOKEN", "abc").unwrap();
        remember(&secrets, "shop", "OTHER", "def").unwrap();
        assert_eq!(remembered(&secrets, "shop", "TOKEN").unwrap().as_deref(), Some("abc"));
        assert_eq!(remembered(&secrets, "bank", "TOKEN").unwrap(), None);
    }

    #[test]
    fn equal_values_have_equal_fingerprints_on_one_machine_only() {
        let [here, there] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let print = |folder: &tempfile::TempDir, value: &str| {
            of(folder.path(), &SecretValue::new(value.as_bytes().to_vec())).unwrap()
        };
        assert_eq!(print(&here, "a"), print(&here, "a"));
        assert_ne!(print(&here, "a"), print(&here, "b"));
        assert_ne!(print(&here, "a"), print(&there, "a"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(here.path().join(KEY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
