//! Which snapshots go, by restic's rules, and the space that this frees.

use jiff::{Span, Timestamp, Zoned, tz::TimeZone};
use rustic_core::repofile::SnapshotFile;
use rustic_core::{KeepOptions, LimitOption, PruneOptions, StringList};
use serde::Serialize;

use super::error::{BackupError, Kind, Result};
use super::snapshot::{COMPLETE, OURS, Snapshot, is_of_the_future};
use super::vault::Vault;

/// Packs that no snapshot wants stay this long behind the mark: whoever reads or writes meanwhile finds them.
const GRACE_HOURS: i32 = 23;

/// restic's keep-rules: of the newest so many, and of the last so many hours, days, … that have a snapshot, the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The newest.
    pub last: Option<i32>,
    /// Hours.
    pub hourly: Option<i32>,
    /// Days.
    pub daily: Option<i32>,
    /// Weeks.
    pub weekly: Option<i32>,
    /// Months.
    pub monthly: Option<i32>,
    /// Years.
    pub yearly: Option<i32>,
    /// With one of these tags.
    pub tags: Vec<String>,
}

impl Rules {
    /// No rule at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn options(&self) -> Result<KeepOptions> {
        let tags = self
            .tags
            .iter()
            .map(|tag| tag.parse::<StringList>())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| BackupError::new(Kind::Other, "reading the rules", format!("{error:?}")))?;
        Ok(KeepOptions::default()
            .keep_last(self.last)
            .keep_hourly(self.hourly)
            .keep_daily(self.daily)
            .keep_weekly(self.weekly)
            .keep_monthly(self.monthly)
            .keep_yearly(self.yearly)
            .keep_tags(tags))
    }
}

/// What happens to one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// It stays.
    pub keep: bool,
    /// The rules that keep it.
    pub reasons: Vec<String>,
    #[serde(skip)]
    id: rustic_core::repofile::SnapshotId,
}

/// Which snapshots rules are applied to; the others stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Among<'a> {
    /// Those of one project.
    pub project: Option<&'a str>,
    /// Those with one tag.
    pub tag: Option<&'a str>,
}

impl Among<'_> {
    fn has(&self, file: &SnapshotFile) -> bool {
        file.tags.contains(OURS)
            && file.tags.contains(COMPLETE)
            && self.project.is_none_or(|project| project == file.label)
            && self.tag.is_none_or(|tag| file.tags.contains(tag))
    }
}

/// What `forget` would do, project by project: nothing is removed yet. Only devup's complete snapshots take part.
pub fn plan(vault: &Vault, rules: &Rules, among: Among, moment: Timestamp) -> Result<Vec<Fate>> {
    let options = rules.options()?;
    let now: Zoned = moment.to_zoned(TimeZone::system());
    let mut groups: std::collections::BTreeMap<(String, String), Vec<SnapshotFile>> = std::collections::BTreeMap::new();
    let mut fates = Vec::new();
    for file in vault.snapshot_files()? {
        if among.has(&file) && is_of_the_future(file.time.timestamp(), moment) {
            // beside it, the rules would find all others old
            let reasons = vec!["its time is in the future".to_owned()];
            fates.push(Fate { snapshot: Snapshot::of(&file), keep: true, reasons, id: file.id });
        } else if among.has(&file) {
            groups.entry((file.label.clone(), file.hostname.clone())).or_default().push(file);
        }
    }
    for group in groups.into_values() {
        let judged = options.apply(group, &now).map_err(|error| vault.failed("planning what goes from", &error))?;
        fates.extend(judged.into_iter().map(|one| Fate {
            snapshot: Snapshot::of(&one.snapshot),
            keep: one.keep,
            reasons: one.reasons,
            id: one.snapshot.id,
        }));
    }
    Ok(fates)
}

/// Removes the snapshots of a plan that are not kept. The caller holds the repository's lock. Their data stays until
/// [`prune`].
pub fn forget(vault: &Vault, plan: &[Fate]) -> Result<usize> {
    vault.refuse_beside_restic()?;
    let going: Vec<_> = plan.iter().filter(|fate| !fate.keep).map(|fate| fate.id).collect();
    vault.repository.delete_snapshots(&going).map_err(|error| vault.failed("removing snapshots from", &error))?;
    Ok(going.len())
}

/// What a prune does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Bytes that are marked now, and go with a prune after the grace.
    pub marked: u64,
    /// Bytes whose grace is over.
    pub removed: u64,
    /// Bytes that are written anew because what they stand beside goes.
    pub repacked: u64,
    /// Bytes that snapshots want.
    pub used: u64,
}

/// Marks what no snapshot wants, and removes what was marked long enough ago. The caller holds the repository's lock.
pub fn prune(vault: &Vault, dry_run: bool) -> Result<Pruned> {
    vault.refuse_beside_restic()?;
    let options = PruneOptions::default()
        .max_repack(LimitOption::Unlimited)
        .keep_delete(Span::new().hours(GRACE_HOURS))
        .instant_delete(false);
    let plan =
        vault.repository.prune_plan(&options).map_err(|error| vault.failed("planning what goes from", &error))?;
    let size = plan.stats.size_sum();
    let pruned = Pruned {
        marked: size.remove + size.repackrm + plan.stats.size_unref,
        removed: plan.stats.size_to_delete.remove,
        repacked: size.repack - size.repackrm,
        used: size.used,
    };
    if !dry_run {
        vault.sweep();
        vault.repository.prune(&options, plan).map_err(|error| vault.failed("pruning", &error))?;
    }
    Ok(pruned)
}
