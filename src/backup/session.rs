//! One backup of one project, from its first part to the complete snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use rustic_core::repofile::SnapshotFile;
use rustic_core::{
    BackupOptions, Excludes, IndexedIdsStatus, LocalSource, LocalSourceFilterOptions, LocalSourceSaveOptions,
    ParentOptions, ReadSource, Repository, SnapshotGroupCriterion, SnapshotOptions, last_modified_node,
};
use serde::Serialize;

use super::check::{Count, count};
use super::error::{BackupError, Kind as Trouble, Result};
use super::manifest::{Entry, Gap, Manifest, NAME, VERSION};
use super::part::{Content, Kind, Part, safe};
use super::snapshot::{COMPLETE, OURS, PART, Snapshot};
use super::source::{Seen, Watched};
use super::vault::Vault;

/// The folder at the top of a snapshot.
pub const ROOT: &str = "/devup";

/// Whose backup it is, and why it is taken.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The project's name, an instance's suffix included.
    pub project: String,
    /// Which copy.
    pub instance: Option<String>,
    /// Its folder.
    pub path: Option<PathBuf>,
    /// Where its repository can be cloned from.
    pub remote: Option<String>,
    /// Why: `manual`, `auto`, `before-…`; becomes a tag.
    pub reason: String,
}

/// What a backup added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The complete snapshot.
    pub snapshot: String,
    /// Files that were not there before.
    pub files_new: u64,
    /// Files that are another now.
    pub files_changed: u64,
    /// Files that were taken over without being read.
    pub files_unmodified: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes that the repository grew by.
    pub stored: u64,
    /// The last snapshot's time, where the clock is behind it: this one is filed right after it, so that it is the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_behind: Option<Timestamp>,
}

/// A backup under way. The caller holds the repository's lock.
pub struct Session<'a> {
    vault: &'a Vault,
    subject: Subject,
    repository: Repository<IndexedIdsStatus>,
    parent: Option<SnapshotFile>,
    /// When it is filed.
    time: Zoned,
    done: Vec<Done>,
}

struct Done {
    kind: Kind,
    name: Option<String>,
    place: PathBuf,
    origin: String,
    verified: String,
    snapshot: SnapshotFile,
    seen: Arc<Seen>,
}

impl<'a> Session<'a> {
    /// Begins: removes what an interrupted backup left behind, and looks for the snapshot to compare with.
    pub fn begin(vault: &'a Vault, subject: Subject, now: Timestamp) -> Result<Self> {
        vault.refuse_beside_restic()?;
        vault.sweep();
        let repository = vault.for_writing()?;
        let snapshots = vault.snapshot_files()?;
        let host = host_name();
        let abandoned: Vec<_> = snapshots
            .iter()
            .filter(|snapshot| {
                snapshot.tags.contains(PART) && snapshot.tags.contains(OURS) && snapshot.hostname == host
            })
            .map(|snapshot| snapshot.id)
            .collect();
        if !abandoned.is_empty() {
            repository.delete_snapshots(&abandoned).map_err(|error| vault.failed("clearing", &error))?;
        }
        let parent = snapshots
            .into_iter()
            .filter(|snapshot| snapshot.tags.contains(COMPLETE) && snapshot.label == subject.project)
            .max_by(|one, other| one.time.cmp(&other.time));
        let last = parent.as_ref().map(|snapshot| snapshot.time.timestamp());
        let time = last.map_or(now, |last| now.max(last.saturating_add(Span::new().milliseconds(1)).unwrap_or(last)));
        let time = time.to_zoned(TimeZone::system());
        Ok(Self { vault, subject, repository, parent, time, done: Vec::new() })
    }

    /// Archives a part. Fails where anything of it could not be read; nothing is complete then.
    pub fn add(&mut self, part: Part) -> Result<()> {
        let place = part.place();
        if self.done.iter().any(|done| done.place == place) {
            let reason = format!("{} has a part already: merged, one would hide the other", place.display());
            return Err(BackupError::new(Trouble::Incomplete, format!("backing up {}", part.origin), reason));
        }
        let Part { kind, name, origin, content, verified } = part;
        let (snapshot, seen) = match content {
            Content::Folder(folder) => self.archive_folder(&folder, &self.home().join(&place))?,
            Content::Files(files) => self.archive(files, Path::new(""), &self.home().join(&place), &origin)?,
        };
        let incomplete = |reason: String| BackupError::new(Trouble::Incomplete, format!("backing up {origin}"), reason);
        let failures = seen.failures();
        if failures > 0 {
            return Err(incomplete(format!("{failures} could not be read: {}", seen.named().join("; "))));
        }
        let verified = (verified.0)().map_err(incomplete)?;
        self.done.push(Done { kind, name, place, origin, verified, snapshot, seen });
        Ok(())
    }

    /// Makes sure that everything that went in is there, and makes the complete snapshot of it.
    pub fn finish(mut self, taken: Timestamp, not_covered: Vec<Gap>) -> Result<(Summary, Manifest)> {
        let parts = self.verified()?;
        let manifest = self.manifest(taken, parts, not_covered);
        let manifest_snapshot = self.archive_manifest(&manifest)?;
        self.refresh()?;
        let mut snapshots: Vec<SnapshotFile> = self.done.iter().map(|done| done.snapshot.clone()).collect();
        snapshots.push(manifest_snapshot);
        let complete = self.description(COMPLETE)?;
        let merged = self
            .repository
            .merge_snapshots(&snapshots, &last_modified_node, complete)
            .map_err(|error| self.vault.failed("completing the snapshot in", &error))?;
        self.summary_of(&snapshots, &merged, manifest)
    }

    fn summary_of(
        &self,
        snapshots: &[SnapshotFile],
        merged: &SnapshotFile,
        manifest: Manifest,
    ) -> Result<(Summary, Manifest)> {
        let parts: Vec<_> = snapshots.iter().map(|snapshot| snapshot.id).collect();
        // they hold nothing that the complete one does not; what can't be removed now, the next backup removes
        let _ = self.repository.delete_snapshots(&parts);
        let written = self.vault.snapshot(merged.id.to_hex().as_str())?;
        let last = self.parent.as_ref().map(|snapshot| snapshot.time.timestamp());
        let clock_behind = last.filter(|last| *last >= manifest.taken);
        let mut summary = Summary { snapshot: Snapshot::of(&written).id, clock_behind, ..Summary::default() };
        for facts in snapshots.iter().chain([merged]).filter_map(|snapshot| snapshot.summary.as_ref()) {
            summary.stored += facts.data_added_packed;
        }
        for facts in self.done.iter().filter_map(|done| done.snapshot.summary.as_ref()) {
            summary.files_new += facts.files_new;
            summary.files_changed += facts.files_changed;
            summary.files_unmodified += facts.files_unmodified;
            summary.bytes += facts.total_bytes_processed;
        }
        Ok((summary, manifest))
    }

    /// The project's folder in the snapshot.
    fn home(&self) -> PathBuf {
        Path::new(ROOT).join(safe(&self.subject.project))
    }

    fn refresh(&mut self) -> Result<()> {
        self.repository = self.vault.for_writing()?;
        Ok(())
    }

    /// Counts what the repository has of each part, beside what went in.
    fn verified(&self) -> Result<Vec<Entry>> {
        let reader = self.vault.for_reading()?;
        let mut entries = Vec::new();
        for done in &self.done {
            let place = self.home().join(&done.place);
            let Count { entries: there, bytes, digest } = count(self.vault, &reader, done.snapshot.tree, &place)?;
            if there != done.seen.entries() {
                let reason = format!("{} went in and {there} are there", done.seen.entries());
                return Err(BackupError::new(Trouble::Incomplete, format!("backing up {}", done.origin), reason));
            }
            entries.push(Entry {
                kind: done.kind,
                name: done.name.clone(),
                place: done.place.clone(),
                origin: done.origin.clone(),
                entries: there,
                bytes,
                digest,
                verified: format!("{}; counted in the repository", done.verified),
            });
        }
        Ok(entries)
    }

    fn manifest(&self, taken: Timestamp, parts: Vec<Entry>, not_covered: Vec<Gap>) -> Manifest {
        let Subject { project, instance, path, remote, .. } = self.subject.clone();
        let devup = env!("CARGO_PKG_VERSION").to_owned();
        let home = std::env::home_dir();
        Manifest { version: VERSION, project, instance, path, home, remote, devup, taken, parts, not_covered }
    }

    fn archive_manifest(&self, manifest: &Manifest) -> Result<SnapshotFile> {
        let failed = |error: std::io::Error| BackupError::io("writing the manifest", &error);
        let folder = tempfile::tempdir().map_err(failed)?;
        let text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
        std::fs::write(folder.path().join(NAME), text).map_err(failed)?;
        let (snapshot, seen) = self.archive_folder(folder.path(), &self.home())?;
        if seen.failures() > 0 {
            return Err(BackupError::new(Trouble::Incomplete, "backing up the manifest", seen.named().join("; ")));
        }
        Ok(snapshot)
    }

    /// Archives a folder as a snapshot of its own.
    fn archive_folder(&self, folder: &Path, place: &Path) -> Result<(SnapshotFile, Arc<Seen>)> {
        let origin = folder.display().to_string();
        let source = LocalSource::new(
            LocalSourceSaveOptions::default(),
            &Excludes::default(),
            &LocalSourceFilterOptions::default(),
            &[folder],
        )
        .map_err(|error| BackupError::of(format!("backing up {origin}"), &error))?;
        self.archive(source, folder, place, &origin)
    }

    /// Archives a source, whose paths begin with `root`, as a snapshot of its own.
    fn archive<S>(&self, source: S, root: &Path, place: &Path, origin: &str) -> Result<(SnapshotFile, Arc<Seen>)>
    where
        S: ReadSource + 'static,
        S::Open: Send,
        S::Iter: Send,
    {
        let (source, seen) = Watched::new(source, root);
        let parents = self.parent.iter().map(|snapshot| snapshot.id.to_hex().as_str().to_owned()).collect::<Vec<_>>();
        let parent =
            ParentOptions::default().group_by(SnapshotGroupCriterion::new()).force(parents.is_empty()).parents(parents);
        let options = BackupOptions::default().as_path(place.to_owned()).parent_opts(parent).no_scan(true);
        let archived = self
            .repository
            .archive(&options, &source, self.description(PART)?, &[PathBuf::new()])
            .map_err(|error| BackupError::of(format!("backing up {origin}"), &error))?;
        Ok((archived, seen))
    }

    fn description(&self, state: &str) -> Result<SnapshotFile> {
        let described = SnapshotOptions::default()
            .label(self.subject.project.clone())
            .host(host_name())
            .command("devup backup".to_owned())
            .time(self.time.clone())
            .add_tags(&format!("{OURS},{OURS}:{},{state}", self.subject.reason))
            .and_then(|options| options.to_snapshot())
            .map_err(|error| self.vault.failed("describing a snapshot of", &error))?;
        Ok(SnapshotFile { program_version: format!("devup {}", env!("CARGO_PKG_VERSION")), ..described })
    }
}

/// This machine's name.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
