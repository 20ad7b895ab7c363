//! `secret set|get|rm|list`: the entries that a project keeps in the keyring.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::model::environment::Environment;
use crate::model::layout::Layout;
use crate::secret::store::{Opened, StoreError, open};
use crate::secret::value::SecretValue;
use crate::state::store::State;

use super::error::{AppError, Result};

/// The store of this machine, by the user's preference. `notice` is to be said once.
pub fn store(state: &State) -> Result<Opened> {
    Ok(open(&folder(state.layout()), state.preferences()?.keyring))
}

/// Folder above the projects' own.
fn folder(layout: &Layout) -> std::path::PathBuf {
    let one = layout.secrets("any");
    one.parent().map_or_else(|| one.clone(), Path::to_owned)
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::BadName { .. } => "choose another name",
            StoreError::Keyring { .. } => {
                "set `keyring: false` in devup's config.yaml to keep secrets in private files"
            }
            StoreError::File(_) => return Self::failed(error.to_string()),
        };
        Self::failed(error.to_string()).help(help)
    }
}

/// Keeps a value. One line end at its end does not belong to it: it comes from `echo` and editors.
pub fn set(state: &State, project: &str, name: &str, mut value: Vec<u8>) -> Result<()> {
    if value.ends_with(b"\n") {
        value.pop();
        if value.ends_with(b"\r") {
            value.pop();
        }
    }
    let value = SecretValue::new(value);
    if value.expose().is_empty() {
        return Err(
            AppError::usage(format!("the value of {name} is empty")).help("printf %s VALUE | devup secret set NAME")
        );
    }
    Ok(store(state)?.store.set(project, name, &value)?)
}

/// The value of an entry.
pub fn get(state: &State, project: &str, name: &str) -> Result<SecretValue> {
    let opened = store(state)?;
    opened.store.get(project, name)?.ok_or_else(|| {
        AppError::failed(format!("{} has no entry {name} of project {project}", opened.store.place()))
            .help(format!("devup secret set {name}"))
    })
}

/// Forgets an entry.
pub fn remove(state: &State, project: &str, name: &str) -> Result<()> {
    let opened = store(state)?;
    if opened.store.remove(project, name)? {
        return Ok(());
    }
    Err(AppError::failed(format!("{} has no entry {name} of project {project}", opened.store.place()))
        .help("`devup secret list` shows the entries"))
}

/// One line of `devup secret list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The entry.
    pub name: String,
    /// There is a value.
    pub present: bool,
    /// Secrets of the spec that use it.
    pub used_by: Vec<String>,
    /// It is made up on first use.
    pub generated: bool,
}

/// The entries that are kept for a project, and those that its spec names.
pub fn list(state: &State, project: &str, environment: Option<&Environment>) -> Result<Vec<Line>> {
    let opened = store(state)?;
    let kept: BTreeSet<String> = opened.store.names(project)?.into_iter().collect();
    let sources = environment.map(|environment| environment.secrets.iter().chain(&environment.configs));
    let named: Vec<(&String, &String, bool)> = sources
        .into_iter()
        .flatten()
        .filter_map(|(key, source)| Some((source.keyring.as_ref()?, key, source.generate.is_some())))
        .filter(|(entry, ..)| !entry.contains('/'))
        .collect();
    let names: BTreeSet<&String> = kept.iter().chain(named.iter().map(|(entry, ..)| *entry)).collect();
    let line = |name: &String| {
        let uses = || named.iter().filter(|(entry, ..)| *entry == name);
        Line {
            name: name.clone(),
            present: kept.contains(name),
            used_by: uses().map(|(_, key, _)| (*key).clone()).collect(),
            generated: uses().any(|(_, _, generated)| *generated),
        }
    };
    Ok(names.into_iter().map(line).collect())
}

/// Forgets all entries of a project: with `destroy` and `uninstall`. Returns how many there were.
pub fn forget_all(state: &State, project: &str) -> Result<usize> {
    let opened = store(state)?;
    let names = opened.store.names(project)?;
    for name in &names {
        opened.store.remove(project, name)?;
    }
    Ok(names.len())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::resource::SecretSource;
    use crate::state::store::temporary;

    /// Without a keyring, so that tests neither find nor leave anything in the user's own.
    pub fn without_keyring() -> (tempfile::TempDir, State) {
        let (folder, state) = temporary();
        std::fs::create_dir_all(&state.layout().config).unwrap();
        std::fs::write(state.layout().preferences(), "keyring: false\n").unwrap();
        (folder, state)
    }

    #[test]
    fn entries_are_kept_listed_and_forgotten() {
        let (_folder, state) = without_keyring();
        set(&state, "shop", "api", b"key\n".to_vec()).unwrap();
        assert_eq!(get(&state, "shop", "api").unwrap().expose(), b"key");
        let mut environment = Environment::default();
        let source = SecretSource { keyring: Some("db".to_owned()), generate: Some(24), ..SecretSource::default() };
        environment.secrets.insert("db_password".to_owned(), source);
        let lines = list(&state, "shop", Some(&environment)).unwrap();
        let expected = [
            Line { name: "api".to_owned(), present: true, used_by: vec![], generated: false },
            Line { name: "db".to_owned(), present: false, used_by: vec!["db_password".to_owned()], generated: true },
        ];
        assert_eq!(lines, expected);
        remove(&state, "shop", "api").unwrap();
        assert!(remove(&state, "shop", "api").unwrap_err().to_string().contains("no entry api"));
        assert!(get(&state, "shop", "api").is_err());
        set(&state, "shop", "a", b"1".to_vec()).unwrap();
        assert_eq!(forget_all(&state, "shop").unwrap(), 1);
    }

    #[test]
    fn empty_values_and_strange_names_are_refused() {
        let (_folder, state) = without_keyring();
        assert!(matches!(set(&state, "shop", "a", b"\n".to_vec()), Err(AppError::Usage { .. })));
        assert!(set(&state, "shop", "../a", b"1".to_vec()).is_err());
    }
}
