//! What devup knew of a project, on its way back: its entry of the registry, chosen ports, consent, and its lock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{Coming, Returned};
use crate::app::backup::{CONSENT, PORTS, PROJECT};
use crate::app::error::{AppError, Result};
use crate::backup::part::Kind;
use crate::base::files::{self, Access};
use crate::feature;
use crate::state::consent::Consent;
use crate::state::port::book::ProjectPorts;
use crate::state::registry::Entry;
use crate::state::store::State;

/// Puts back what is not known here yet.
pub(super) fn put_back(
    state: &State,
    coming: &Coming,
    here: &dyn Fn(&Path) -> PathBuf,
    returned: &mut Returned,
) -> Result<()> {
    let project = &coming.plan.project;
    let mut restored = Vec::new();
    if let Some(entry) = read::<Entry>(&coming.parts, PROJECT)? {
        let is_known = state.registry()?.get(project).is_some();
        if !is_known && entry.name.as_str() == project {
            let entry = Entry {
                path: here(&entry.path),
                repository: entry.repository.as_deref().map(here),
                config_files: entry.config_files.iter().map(|file| here(file)).collect(),
                ..entry
            };
            state.enter_project(&entry)?;
            restored.push("its place in the registry");
        }
    }
    if let Some(ports) = read::<ProjectPorts>(&coming.parts, PORTS)?
        && state.adopt_ports(project, ports)?
    {
        restored.push("chosen ports");
    }
    if let (Some(consent), Some(folder)) = (read::<Consent>(&coming.parts, CONSENT)?, &coming.plan.folder)
        && state.consent(folder)?.is_none()
    {
        let scripts: BTreeMap<PathBuf, String> =
            consent.scripts.into_iter().map(|(script, digest)| (here(&script), digest)).collect();
        state.keep_consent(folder, Consent { scripts, ..consent })?;
        restored.push("consent");
    }
    if lock(coming)? {
        restored.push(feature::lock::FILE);
    }
    if !restored.is_empty() {
        returned.restored.push(restored.join(", "));
    }
    Ok(())
}

/// The consent that was given when the backup was taken.
pub(super) fn consent(coming: &Coming) -> Result<Option<Consent>> {
    read(&coming.parts, CONSENT)
}

/// Writes the project's lock where its folder is there without one.
pub(super) fn lock(coming: &Coming) -> Result<bool> {
    let Some(folder) = coming.plan.folder.as_deref().filter(|folder| folder.is_dir()) else { return Ok(false) };
    let (from, to) = (place(&coming.parts, feature::lock::FILE), folder.join(feature::lock::FILE));
    let failed = |error: files::FileError| AppError::failed(error.to_string());
    match files::read_optional(&from).map_err(failed)? {
        Some(bytes) if !to.exists() => {
            files::write_atomic(&to, &bytes, Access::Shared).map_err(failed)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn place(parts: &Path, name: &str) -> PathBuf {
    parts.join(Kind::Settings.folder()).join(name)
}

fn read<T: DeserializeOwned>(parts: &Path, name: &str) -> Result<Option<T>> {
    let path = place(parts, name);
    let bytes = files::read_optional(&path).map_err(|error| AppError::failed(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        AppError::failed(format!("cannot read {name} of the snapshot: {error}"))
            .help("it was written by another devup; restore the rest with `--only work` or `--only secrets`")
    })
}
