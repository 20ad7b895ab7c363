//! The snapshots of a repository: devup's own, and those that restic made.

use jiff::{SignedDuration, Timestamp};
use rustic_core::repofile::SnapshotFile;
use rustic_core::{IndexedFullStatus, Repository};
use serde::Serialize;

use super::error::{BackupError, Kind, Result};
use super::manifest::{Manifest, NAME};
use super::part::safe;
use super::session::ROOT;
use super::tree;
use super::vault::Vault;

/// Tag of everything that devup wrote.
pub const OURS: &str = "devup";
/// Tag of a part on its way.
pub const PART: &str = "part";
/// Tag of what is whole.
pub const COMPLETE: &str = "complete";

/// How the tag begins of a snapshot that holds a project's data and nothing else of it.
pub const DATA: &str = "devup:data:";

/// It is no backup of the project.
fn is_data_only(file: &SnapshotFile) -> bool {
    file.tags.iter().any(|tag| tag.starts_with(DATA))
}

/// A clock that is so much ahead was wrong: what was filed by it would be the newest forever.
const AHEAD: SignedDuration = SignedDuration::from_hours(72);

/// Filed by a clock that was far ahead of ours.
pub(super) fn is_of_the_future(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > AHEAD
}

/// The newest, without those of the future. Where all are of the future, ours is the clock that is wrong.
pub fn newest<T>(all: impl IntoIterator<Item = T>, now: Timestamp, time: impl Fn(&T) -> Timestamp) -> Option<T> {
    let (future, past): (Vec<T>, Vec<T>) = all.into_iter().partition(|one| is_of_the_future(time(one), now));
    let believed = if past.is_empty() { future } else { past };
    believed.into_iter().max_by_key(time)
}

/// A manifest is a page or two; what is larger is none.
const LONGEST_MANIFEST: u64 = 16 * 1024 * 1024;
/// Digits of an identity that are shown, as by restic.
const SHOWN: usize = 8;

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its identity, shortened as restic does.
    pub id: String,
    /// When it was taken.
    pub time: Timestamp,
    /// The project; empty where restic made it without a label.
    pub project: String,
    /// The machine.
    pub host: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The paths it was taken from.
    pub paths: Vec<String>,
    /// devup made it, and it is whole.
    pub complete: bool,
    /// Files in it, where it says.
    pub files: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
}

impl Snapshot {
    /// As shown.
    pub(super) fn of(file: &SnapshotFile) -> Self {
        let facts = file.summary.as_ref();
        Self {
            id: file.id.to_hex().as_str().chars().take(SHOWN).collect(),
            time: file.time.timestamp(),
            project: file.label.clone(),
            host: file.hostname.clone(),
            tags: file.tags.iter().cloned().collect(),
            paths: file.paths.iter().cloned().collect(),
            complete: file.tags.contains(COMPLETE) && file.tags.contains(OURS),
            files: facts.map(|facts| facts.total_files_processed),
            bytes: facts.map(|facts| facts.total_bytes_processed),
        }
    }
}

/// Which snapshot is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// By the beginning of its identity; any snapshot, restic's too.
    Id(String),
    /// The newest complete one of a project that is not younger than this.
    At {
        /// The project.
        project: String,
        /// The moment.
        time: Timestamp,
    },
    /// The newest complete one of a project.
    Latest {
        /// The project.
        project: String,
    },
}

impl Vault {
    /// All snapshots, oldest first; parts on their way are left out.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let mut files = self.snapshot_files()?;
        files.retain(|file| !(file.tags.contains(PART) && file.tags.contains(OURS)));
        files.sort_by(|one, other| one.time.cmp(&other.time));
        Ok(files.iter().map(Snapshot::of).collect())
    }

    /// The snapshot that is meant, and what it says about itself.
    pub fn show(&self, wanted: &Wanted) -> Result<(Snapshot, Option<Manifest>)> {
        let file = self.find(wanted)?;
        let manifest = self.manifest(&self.for_reading()?, &file)?;
        Ok((Snapshot::of(&file), manifest))
    }

    pub(super) fn snapshot_files(&self) -> Result<Vec<SnapshotFile>> {
        self.repository.get_all_snapshots().map_err(|error| self.failed("reading the snapshots of", &error))
    }

    pub(super) fn snapshot(&self, id: &str) -> Result<SnapshotFile> {
        let found = self.repository.get_snapshots(&[id]).map_err(|error| {
            let failed = self.failed(&format!("looking for snapshot {id} in"), &error);
            if failed.kind == Kind::Other { BackupError { kind: Kind::Missing, ..failed } } else { failed }
        })?;
        found.into_iter().next().ok_or_else(|| self.missing(&format!("there is no snapshot {id}")))
    }

    pub(super) fn find(&self, wanted: &Wanted) -> Result<SnapshotFile> {
        let (project, until) = match wanted {
            Wanted::Id(id) => {
                if id.is_empty() || !id.chars().all(|c| c.is_ascii_hexdigit()) {
                    return Err(self.missing(&format!("{id:?} is no identity of a snapshot")));
                }
                return self.snapshot(id);
            }
            Wanted::At { project, time } => (project, *time),
            Wanted::Latest { project } => (project, Timestamp::MAX),
        };
        let of_project: Vec<SnapshotFile> = self
            .snapshot_files()?
            .into_iter()
            .filter(|file| file.label == *project && Snapshot::of(file).complete && !is_data_only(file))
            .collect();
        let any = !of_project.is_empty();
        let fitting = of_project.into_iter().filter(|file| file.time.timestamp() <= until);
        // who names a moment knows better than our clock
        let now = if until == Timestamp::MAX { Timestamp::now() } else { until };
        newest(fitting, now, |file| file.time.timestamp()).ok_or_else(|| {
            self.missing(&if any {
                format!("all complete snapshots of project {project} are younger than {until}")
            } else {
                format!("there is no complete snapshot of project {project}")
            })
        })
    }

    fn missing(&self, reason: &str) -> BackupError {
        BackupError::new(Kind::Missing, format!("looking in the repository in {}", self.address()), reason)
    }

    /// The manifest of one of devup's snapshots; `None` for those of restic.
    pub(super) fn manifest(
        &self,
        reader: &Repository<IndexedFullStatus>,
        file: &SnapshotFile,
    ) -> Result<Option<Manifest>> {
        if !Snapshot::of(file).complete {
            return Ok(None);
        }
        let path = format!("{ROOT}/{}/{NAME}", safe(&file.label));
        let failed = |reason: String| self.damaged(&path, &reason);
        let node = tree::find(reader, file.tree, path.as_ref()).map_err(failed)?;
        let node = node.ok_or_else(|| failed("it is not there".to_owned()))?;
        let text = tree::file(reader, &node, LONGEST_MANIFEST).map_err(failed)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| self.damaged(&path, &error.to_string()))
    }

    fn damaged(&self, path: &str, reason: &str) -> BackupError {
        BackupError::new(Kind::Damaged, format!("reading {path} in the repository in {}", self.address()), reason)
    }
}
