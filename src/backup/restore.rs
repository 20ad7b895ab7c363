//! Gets a snapshot, or parts of it, into a folder of its own: written beside, and put in place when everything is there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustic_core::repofile::SnapshotFile;
use rustic_core::{IndexedFullStatus, Repository, TreeId};
use serde::Serialize;

use super::check::count;
use super::error::{BackupError, Kind, Result};
use super::extract::{Extracted, Extractor};
use super::manifest::{Manifest, NAME};
use super::part::{self, safe};
use super::session::ROOT;
use super::snapshot::{Snapshot, Wanted};
use super::tree;
use super::vault::Vault;
use crate::base::files::{Access, create_folder};

/// What is wanted, and where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which snapshot.
    pub wanted: Wanted,
    /// Only these parts; empty: everything.
    pub only: Vec<part::Kind>,
    /// The folder; it may not hold anything yet.
    pub into: PathBuf,
}

/// What was got back.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The folder.
    pub into: PathBuf,
    /// What was written.
    pub written: Extracted,
    /// The parts whose digest is that of the manifest.
    pub verified: Vec<String>,
    /// The parts whose digest is another.
    pub damaged: Vec<String>,
    /// What the snapshot itself does not have.
    pub manifest: Option<Manifest>,
}

/// Restores. Whatever is damaged is named, and everything else is there.
pub fn restore(vault: &Vault, request: &Request) -> Result<Restored> {
    let file = vault.find(&request.wanted)?;
    let reader = vault.for_reading()?;
    let manifest = vault.manifest(&reader, &file)?;
    if let Some(manifest) = &manifest {
        has(&file, manifest, &request.only)?;
    }
    let (tree, wanted) = top(&reader, &file, manifest.is_some(), &request.only)?;
    let (verified, damaged) = match &manifest {
        Some(manifest) => verify(&reader, &file, manifest, &request.only),
        None => (Vec::new(), Vec::new()),
    };
    let beside = Beside::make(&request.into)?;
    let written = Extractor::new(&reader, &beside.draft).run(tree, &wanted)?;
    beside.keep()?;
    Ok(Restored { snapshot: Snapshot::of(&file), into: request.into.clone(), written, verified, damaged, manifest })
}

type Filter = Box<dyn Fn(&OsStr) -> bool + Sync>;

/// Whoever asks for parts that the snapshot does not have shall not take an empty folder for them.
fn has(file: &SnapshotFile, manifest: &Manifest, only: &[part::Kind]) -> Result<()> {
    if only.is_empty() || manifest.parts.iter().any(|part| only.contains(&part.kind)) {
        return Ok(());
    }
    let folders: BTreeSet<&str> = manifest.parts.iter().map(|part| part.kind.folder()).collect();
    let words = |names: Vec<&str>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let asked = words(only.iter().map(|kind| kind.folder()).collect());
    let reason = format!("it has no {asked}; what it has: {}", words(folders.into_iter().collect()));
    Err(BackupError::new(Kind::Missing, format!("restoring from snapshot {}", Snapshot::of(file).id), reason))
}

/// Where to begin: in devup's snapshots at the project's folder, in others at the top.
fn top(
    reader: &Repository<IndexedFullStatus>,
    file: &SnapshotFile,
    ours: bool,
    only: &[part::Kind],
) -> Result<(TreeId, Filter)> {
    if !ours {
        if !only.is_empty() {
            let reason = "devup did not make this snapshot, so it has no parts; leave `--only` out";
            return Err(BackupError::new(Kind::Other, format!("restoring {}", Snapshot::of(file).id), reason));
        }
        return Ok((file.tree, Box::new(|_| true)));
    }
    let home = format!("{ROOT}/{}", safe(&file.label));
    let damaged = |reason: String| {
        BackupError::new(Kind::Damaged, format!("reading {home} of snapshot {}", Snapshot::of(file).id), reason)
    };
    let node = tree::find(reader, file.tree, Path::new(&home)).map_err(damaged)?;
    let tree = node.and_then(|node| node.subtree).ok_or_else(|| damaged("it is no folder in it".to_owned()))?;
    if only.is_empty() {
        return Ok((tree, Box::new(|_| true)));
    }
    let names: Vec<&str> = only.iter().map(|kind| kind.folder()).chain([NAME]).collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Ok((tree, Box::new(move |name| names.iter().any(|wanted| name == wanted.as_str()))))
}

/// Compares what the repository has of each part with what the manifest says of it.
fn verify(
    reader: &Repository<IndexedFullStatus>,
    file: &SnapshotFile,
    manifest: &Manifest,
    only: &[part::Kind],
) -> (Vec<String>, Vec<String>) {
    let home = Path::new(ROOT).join(safe(&file.label));
    let (mut verified, mut damaged) = (Vec::new(), Vec::new());
    let parts = manifest.parts.iter().filter(|part| only.is_empty() || only.contains(&part.kind));
    for part in parts {
        let found = count(reader, file.tree, &home.join(&part.place), part.entries);
        let whole = found.is_ok_and(|found| found.digest == part.digest);
        if whole { &mut verified } else { &mut damaged }.push(part.place.display().to_string());
    }
    (verified, damaged)
}

/// A folder beside the wanted one. What an interrupted restore left there is begun anew.
struct Beside {
    draft: PathBuf,
    wanted: PathBuf,
}

impl Beside {
    fn make(wanted: &Path) -> Result<Self> {
        let attempt = || format!("restoring into {}", wanted.display());
        let failed = |error: std::io::Error| BackupError::io(attempt(), &error);
        let Some(name) = wanted.file_name() else {
            return Err(BackupError::new(Kind::Exists, attempt(), "name a folder that is not there yet"));
        };
        let taken = match fs::read_dir(wanted) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        if taken {
            let reason = "the folder is not empty, and a restore writes over nothing; name another one";
            return Err(BackupError::new(Kind::Exists, attempt(), reason));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".devup-restoring");
        let draft = wanted.with_file_name(hidden);
        match fs::symlink_metadata(&draft) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&draft).map_err(failed)?,
            Ok(_) => {
                let reason = format!("{} is in the way; move it", draft.display());
                return Err(BackupError::new(Kind::Exists, attempt(), reason));
            }
            Err(_) => {}
        }
        create_folder(&draft, Access::Private).map_err(|error| failed(error.source))?;
        Ok(Self { draft, wanted: wanted.to_owned() })
    }

    fn keep(self) -> Result<()> {
        let attempt = format!("putting {} in place", self.wanted.display());
        fs::rename(&self.draft, &self.wanted).map_err(|error| BackupError::io(attempt, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("out");
        fs::create_dir(&wanted).unwrap();
        fs::write(wanted.join("newer"), "work").unwrap();
        let error = Beside::make(&wanted).err().unwrap();
        assert_eq!(error.kind, Kind::Exists);
        assert_eq!(fs::read(wanted.join("newer")).unwrap(), b"work");
    }

    #[test]
    fn what_an_interrupted_restore_left_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("out");
        let first = Beside::make(&wanted).unwrap();
        fs::write(first.draft.join("half"), "x").unwrap();
        let second = Beside::make(&wanted).unwrap();
        assert_eq!(fs::read_dir(&second.draft).unwrap().count(), 0);
        assert!(!wanted.exists());
        fs::create_dir(&wanted).unwrap();
        second.keep().unwrap();
        assert!(wanted.is_dir());
    }
}
