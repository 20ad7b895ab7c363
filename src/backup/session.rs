//! One backup of one project, from its first part to the complete snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use rustic_core::repofile::{SnapshotFile, SnapshotId};
use rustic_core::{
    BackupOptions, Excludes, IndexedIdsStatus, LocalSource, LocalSourceFilterOptions, LocalSourceSaveOptions,
    ParentOptions, ReadSource, Repository, SnapshotGroupCriterion, SnapshotOptions, last_modified_node,
};
use serde::Serialize;

use super::check::{Count, count};
use super::error::{BackupError, Kind as Trouble, Result};
use super::manifest::{Entry, Gap, Manifest, NAME, VERSION};
use super::part::{Content, Kind, Part, safe};
use super::snapshot::{COMPLETE, OURS, PART, Snapshot, newest};
use super::source::{Seen, Watched};
use super::tree;
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
    rows: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
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
        let own = machine_tag(vault);
        let abandoned: Vec<_> =
            snapshots.iter().filter(|snapshot| is_abandoned(snapshot, &own, now)).map(|snapshot| snapshot.id).collect();
        if !abandoned.is_empty() {
            repository.delete_snapshots(&abandoned).map_err(|error| vault.failed("clearing", &error))?;
        }
        let of_project = snapshots
            .into_iter()
            .filter(|snapshot| snapshot.tags.contains(COMPLETE) && snapshot.label == subject.project);
        let parent = newest(of_project, now, |snapshot| snapshot.time.timestamp());
        let last = parent.as_ref().map(|snapshot| snapshot.time.timestamp());
        let time = last.map_or(now, |last| now.max(last.saturating_add(Span::new().milliseconds(1)).unwrap_or(last)));
        let time = time.to_zoned(TimeZone::system());
        Ok(Self { vault, subject, repository, parent, time, done: Vec::new(), rows: BTreeMap::new() })
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

    /// Says in the manifest how many rows the tables of a service have: the least and the most that were counted.
    pub fn note_rows(&mut self, service: &str, rows: BTreeMap<String, (u64, u64)>) {
        self.rows.insert(service.to_owned(), rows);
    }

    /// Makes sure that everything that went in is there, and makes the complete snapshot of it.
    pub fn finish(mut self, taken: Timestamp, not_covered: Vec<Gap>) -> Result<(Summary, Manifest)> {
        let parts = self.verified()?;
        let manifest = self.manifest(taken, parts, not_covered);
        let manifest_snapshot = self.archive_manifest(&manifest)?;
        self.refresh()?;
        let mut snapshots: Vec<SnapshotFile> = self.done.iter().map(|done| done.snapshot.clone()).collect();
        snapshots.push(manifest_snapshot);
        // a part like the others, until it is known to have all of them
        let merged = self
            .repository
            .merge_snapshots(&snapshots, &last_modified_node, self.description(PART)?)
            .map_err(|error| self.vault.failed("completing the snapshot in", &error))?;
        self.has_all(&merged, &manifest)?;
        let id = self.complete(&merged)?;
        snapshots.push(merged);
        Ok((self.summary_of(&snapshots, id, manifest.taken), manifest))
    }

    /// Makes sure that the merged snapshot has every part, whole, and the manifest.
    fn has_all(&self, merged: &SnapshotFile, manifest: &Manifest) -> Result<()> {
        let reader = self.vault.for_reading()?;
        let lost = |what: &Path, reason: String| {
            let attempt = format!("putting {} into the complete snapshot", what.display());
            BackupError::new(Trouble::Incomplete, attempt, reason)
        };
        for (done, entry) in self.done.iter().zip(&manifest.parts) {
            let place = self.home().join(&done.place);
            let folder = |tree| tree::find(&reader, tree, &place).map(|node| node.and_then(|node| node.subtree));
            let both = folder(done.snapshot.tree).and_then(|own| Ok((own, folder(merged.tree)?)));
            // a folder is named by its content: what has the same name was counted already
            let (own, there) = both.map_err(|reason| lost(&done.place, reason))?;
            if own == there {
                continue;
            }
            let found = count(&reader, merged.tree, &place, entry.entries);
            if found.map_err(|reason| lost(&done.place, reason))?.digest != entry.digest {
                return Err(lost(&done.place, "it is not what was counted before".to_owned()));
            }
        }
        let place = self.home().join(NAME);
        let there = tree::find(&reader, merged.tree, &place).map_err(|reason| lost(Path::new(NAME), reason))?;
        there.map(|_| ()).ok_or_else(|| lost(Path::new(NAME), "it is not there".to_owned()))
    }

    /// Files the merged snapshot as the complete one, and says which it is.
    fn complete(&self, merged: &SnapshotFile) -> Result<String> {
        let failed = |error: &rustic_core::RusticError| self.vault.failed("completing the snapshot in", error);
        let ids = || Ok(self.repository.list::<SnapshotId>().map_err(|error| failed(&error))?.collect::<BTreeSet<_>>());
        let before = ids()?;
        let complete = SnapshotFile { tags: self.description(COMPLETE)?.tags, ..merged.clone() };
        self.repository.save_snapshots(vec![complete]).map_err(|error| failed(&error))?;
        // another machine may have filed some of its own meanwhile, and removed them again
        for id in ids()?.difference(&before) {
            let Ok(filed) = self.vault.snapshot(id.to_hex().as_str()) else { continue };
            if filed.tree == merged.tree && filed.time == merged.time && filed.tags.contains(COMPLETE) {
                return Ok(Snapshot::of(&filed).id);
            }
        }
        let reason = "it was filed, and is not there".to_owned();
        Err(BackupError::new(Trouble::Incomplete, "completing the snapshot", reason))
    }

    fn summary_of(&self, snapshots: &[SnapshotFile], id: String, taken: Timestamp) -> Summary {
        let parts: Vec<_> = snapshots.iter().map(|snapshot| snapshot.id).collect();
        // they hold nothing that the complete one does not; what can't be removed now, the next backup removes
        let _ = self.repository.delete_snapshots(&parts);
        let last = self.parent.as_ref().map(|snapshot| snapshot.time.timestamp());
        let clock_behind = last.filter(|last| *last >= taken);
        let mut summary = Summary { snapshot: id, clock_behind, ..Summary::default() };
        for facts in snapshots.iter().filter_map(|snapshot| snapshot.summary.as_ref()) {
            summary.stored += facts.data_added_packed;
        }
        for facts in self.done.iter().filter_map(|done| done.snapshot.summary.as_ref()) {
            summary.files_new += facts.files_new;
            summary.files_changed += facts.files_changed;
            summary.files_unmodified += facts.files_unmodified;
            summary.bytes += facts.total_bytes_processed;
        }
        summary
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
            let incomplete =
                |reason| BackupError::new(Trouble::Incomplete, format!("backing up {}", done.origin), reason);
            let counted = count(&reader, done.snapshot.tree, &place, u64::MAX).map_err(incomplete)?;
            let Count { entries: there, bytes, digest } = counted;
            if there != done.seen.entries() {
                return Err(incomplete(format!("{} went in and {there} are there", done.seen.entries())));
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
        Manifest {
            version: VERSION,
            project,
            instance,
            path,
            home,
            remote,
            devup,
            taken,
            parts,
            not_covered,
            rows: self.rows.clone(),
        }
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
        // a part says whose it is, in case that it is left behind
        let own = if state == PART { format!(",{}", machine_tag(self.vault)) } else { String::new() };
        let described = SnapshotOptions::default()
            .label(self.subject.project.clone())
            .host(host_name())
            .command("devup backup".to_owned())
            .time(self.time.clone())
            .add_tags(&format!("{OURS},{OURS}:{},{state}{own}", self.subject.reason))
            .and_then(|options| options.to_snapshot())
            .map_err(|error| self.vault.failed("describing a snapshot of", &error))?;
        Ok(SnapshotFile { program_version: format!("devup {}", env!("CARGO_PKG_VERSION")), ..described })
    }
}

/// How the tag begins that says which machine a part is of. A name would not do: many are called localhost.
const MACHINE: &str = "devup:machine:";
/// No backup takes longer: what is left of a machine that never came back is anybody's to clear.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

fn machine_tag(vault: &Vault) -> String {
    format!("{MACHINE}{}", vault.machine())
}

/// A part that an interrupted backup of this machine left behind, or one that is so old that nobody is at it.
fn is_abandoned(snapshot: &SnapshotFile, own: &str, now: Timestamp) -> bool {
    let part = snapshot.tags.contains(PART) && snapshot.tags.contains(OURS);
    part && (snapshot.tags.contains(own) || now.duration_since(snapshot.time.timestamp()) > LONGEST)
}

/// This machine's name.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
