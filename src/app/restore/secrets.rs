//! Secrets on their way back: into the keyring, where there is no other value by that name.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{Plan, Returned};
use crate::app::error::{AppError, Result};
use crate::app::secret;
use crate::backup::part::Kind;
use crate::secret::value::SecretValue;
use crate::state::store::State;

/// What would be done with one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretPlan {
    /// Its name.
    pub name: String,
    /// What is there.
    pub way: SecretWay,
}

/// What is there by a secret's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretWay {
    /// Nothing: it is set.
    Missing,
    /// The same value.
    Same,
    /// Another value, which stays unless it may be replaced.
    Another,
}

/// Compares the secrets of the backup with those of this machine.
pub(super) fn plan(state: &State, project: &str, parts: &Path) -> Result<Vec<SecretPlan>> {
    let folder = parts.join(Kind::Secrets.folder());
    let opened = secret::store(state)?;
    let mut plans = Vec::new();
    for name in names(&folder)? {
        let value = read(&folder, &name)?;
        let way = match opened.store.get(project, &name)? {
            None => SecretWay::Missing,
            Some(there) if there.expose() == value.expose() => SecretWay::Same,
            Some(_) => SecretWay::Another,
        };
        plans.push(SecretPlan { name, way });
    }
    Ok(plans)
}

/// Sets those that are missing; others only where they may be replaced.
pub(super) fn put_back(state: &State, plan: &Plan, parts: &Path, replace: bool, returned: &mut Returned) -> Result<()> {
    let folder = parts.join(Kind::Secrets.folder());
    let opened = secret::store(state)?;
    let (mut set, mut same) = (0, 0);
    for SecretPlan { name, way } in &plan.secrets {
        match way {
            SecretWay::Same => same += 1,
            SecretWay::Another if !replace => {
                returned.missing.push(format!("secret {name}: it has another value here, which stays (--replace)"));
            }
            SecretWay::Missing | SecretWay::Another => {
                opened.store.set(&plan.project, name, &read(&folder, name)?)?;
                set += 1;
            }
        }
    }
    if set > 0 {
        returned.restored.push(format!("{set} secrets, in {}", opened.store.place()));
    }
    if same > 0 {
        returned.notes.push(format!("{same} secrets are here already"));
    }
    Ok(())
}

/// Names of the secrets in a snapshot; files whose names no secret can have are none.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |source| AppError::io("reading the secrets of the snapshot", source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read(folder: &Path, name: &str) -> Result<SecretValue> {
    let bytes = fs::read(folder.join(name))
        .map_err(|source| AppError::io(format!("reading secret {name} of the snapshot"), source))?;
    Ok(SecretValue::new(bytes))
}
