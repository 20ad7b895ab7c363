//! `backup`: the parts of a project that are kept, put together into one complete snapshot.

pub mod notes;
pub mod rules;
pub mod secrets;
pub mod work;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use self::secrets::SecretsKeeper;
use self::work::WorkKeeper;
use super::error::{AppError, Result};
use super::vaults::Opened;
use crate::backup::manifest::{Gap, Manifest};
use crate::backup::part::{Kind, Part};
use crate::backup::session::{Session, Subject, Summary};
use crate::base::files::{self, Access, FileError};
use crate::feature;
use crate::state::registry::Entry;
use crate::state::store::State;

/// Chosen ports, among the settings in a snapshot.
pub const PORTS: &str = "ports.json";
/// The project's entry of the registry.
pub const PROJECT: &str = "project.json";
/// Consent given.
pub const CONSENT: &str = "trust.json";

/// Whose backup is taken, and of what.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The project's name.
    pub project: String,
    /// What the registry knows of it.
    pub entry: Option<Entry>,
    /// Its folder, where the registry does not know it.
    pub folder: Option<PathBuf>,
    /// Its secrets are kept, too.
    pub secrets: bool,
    /// Patterns of ignored files that matter, seen from the project's folder.
    pub include: Vec<String>,
    /// Folders that are kept besides.
    pub folders: Vec<PathBuf>,
    /// Why; becomes a tag.
    pub reason: String,
}

/// Whoever has something to keep besides what devup itself knows of the project.
///
/// This is the seam for further parts. A keeper adds [`Part`]s to the session (`Part::folder`, or `Part::files` for what
/// streams), and says what of its own it could not cover. Keepers are handed to [`take`]. An error
/// ends the backup: nothing is complete then.
pub trait Keeper {
    /// Adds what there is.
    fn keep(&self, session: &mut Session<'_>) -> Result<Vec<Gap>>;
}

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The project.
    pub project: String,
    /// The repository.
    pub repository: String,
    /// What was added.
    #[serde(flatten)]
    pub summary: Summary,
    /// What the snapshot says about itself.
    pub manifest: Manifest,
}

/// Takes a backup. The caller holds the repository's lock.
pub fn take(state: &State, opened: &Opened, wanted: &Wanted, keepers: &[&dyn Keeper]) -> Result<Report> {
    let staging = tempfile::Builder::new()
        .prefix("devup-backup-")
        .tempdir()
        .map_err(|source| AppError::io("making a folder for what is backed up", source))?;
    let mut parts = vec![settings(state, wanted, &staging.path().join("settings"))?];
    parts.extend(folders(&wanted.folders)?);
    let subject = Subject {
        project: wanted.project.clone(),
        instance: wanted.entry.as_ref().and_then(|entry| entry.instance.as_ref()).map(|instance| instance.0.clone()),
        path: wanted.folder().map(Path::to_owned),
        remote: wanted.entry.as_ref().and_then(|entry| entry.remote.clone()),
        reason: wanted.reason.clone(),
    };
    let mut session = Session::begin(&opened.vault, subject, Timestamp::now())?;
    for part in parts {
        session.add(part)?;
    }
    let mut not_covered = Vec::new();
    let work = wanted.folder().map(|folder| WorkKeeper::new(folder, &wanted.include));
    let secrets = wanted.secrets.then(|| SecretsKeeper { state, project: &wanted.project });
    if secrets.is_none() {
        not_covered.push(Gap { what: "secrets".to_owned(), why: "they were left out (--no-secrets)".to_owned() });
    }
    let usual =
        [work.as_ref().map(|keeper| keeper as &dyn Keeper), secrets.as_ref().map(|keeper| keeper as &dyn Keeper)];
    for keeper in usual.iter().flatten().chain(keepers) {
        not_covered.extend(keeper.keep(&mut session)?);
    }
    let (summary, manifest) = session.finish(Timestamp::now(), not_covered)?;
    notes::taken(state, opened, &summary, &manifest, work.and_then(WorkKeeper::print))?;
    Ok(Report { project: wanted.project.clone(), repository: opened.name.clone(), summary, manifest })
}

impl Wanted {
    /// The project's folder.
    fn folder(&self) -> Option<&Path> {
        self.entry.as_ref().map(|entry| entry.path.as_path()).or(self.folder.as_deref())
    }
}

/// What devup knows of the project, as files.
fn settings(state: &State, wanted: &Wanted, folder: &Path) -> Result<Part> {
    let failed = |error: &FileError| AppError::failed(error.to_string());
    files::create_folder(folder, Access::Private).map_err(|error| failed(&error))?;
    let write = |name: &str, bytes: &[u8]| {
        files::write_atomic(&folder.join(name), bytes, Access::Private).map_err(|error| failed(&error))
    };
    if let Some(ports) = state.port_book()?.get(&wanted.project) {
        write(PORTS, &json(ports)?)?;
    }
    if let Some(entry) = &wanted.entry {
        write(PROJECT, &json(entry)?)?;
        if let Some(consent) = state.consent(&entry.path)? {
            write(CONSENT, &json(&consent)?)?;
        }
        let lock = entry.path.join(feature::lock::FILE);
        if let Some(bytes) = files::read_optional(&lock).map_err(|error| failed(&error))? {
            write(feature::lock::FILE, &bytes)?;
        }
    }
    let origin = "what devup knows of the project";
    Ok(Part::folder(Kind::Settings, None, folder.to_owned(), origin, "written by this devup"))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| AppError::failed(format!("writing settings: {error}")))
}

/// The folders that the user named, each under its own name.
fn folders(paths: &[PathBuf]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let attempt = || format!("backing up {}", path.display());
        let folder = path.canonicalize().map_err(|source| AppError::io(attempt(), source))?;
        if !folder.is_dir() {
            return Err(AppError::usage(format!("{}: it is no folder", attempt())).help("name the folder it lies in"));
        }
        // the slash is written as its code, so that no two folders share a place
        let name = folder.to_string_lossy().trim_start_matches('/').to_owned();
        let origin = folder.display().to_string();
        if seen.insert(folder.clone()) {
            parts.push(Part::folder(Kind::Folder, Some(name), folder, &origin, "read without an error"));
        }
    }
    Ok(parts)
}
