//! Backups, for people.

use std::path::Path;

use serde_json::{Value, json};

use super::quantity::decimal_size;
use super::table::Table;
use super::text::clean;
use crate::app::backup::Report;
use crate::app::vaults::Made;
use crate::backup::address::Address;
use crate::backup::check::Findings;
use crate::backup::diff::{Difference, How};
use crate::backup::manifest::{Gap, Manifest};
use crate::backup::restore::Restored;
use crate::backup::retention::{Fate, Pruned};
use crate::backup::settings::{Keeping, Settings};
use crate::backup::snapshot::Snapshot;

const DIGITS: usize = 3;

/// What a backup added, and what it does not cover.
pub fn taken(report: &Report) -> String {
    let Report { project, repository, summary, manifest } = report;
    let mut out = format!(
        "{}: snapshot {} in {}: {} new, {} changed, {} unchanged files; {}, {} stored\n",
        clean(project),
        summary.snapshot,
        clean(repository),
        summary.files_new,
        summary.files_changed,
        summary.files_unmodified,
        decimal_size(summary.bytes, DIGITS),
        decimal_size(summary.stored, DIGITS),
    );
    if let Some(last) = summary.clock_behind {
        out.push_str(&format!(
            "the clock is behind the last snapshot ({}): this one is filed right after it\n",
            last.strftime("%Y-%m-%d %H:%M:%S")
        ));
    }
    out.push_str(&gaps(&manifest.not_covered));
    out
}

fn gaps(gaps: &[Gap]) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let lines = gaps.iter().map(|gap| format!("  {}: {}\n", clean(&gap.what), clean(&gap.why)));
    format!("not covered:\n{}", lines.collect::<String>())
}

/// A repository that was set up.
pub fn made(made: &Made, sheet: Option<&Path>) -> String {
    let kept = match made.passphrase {
        Keeping::Keyring => "its passphrase is in the keyring",
        Keeping::Sealed => "its passphrase is in a file that the one you gave opens",
        Keeping::Asked => "its passphrase is asked for each time",
    };
    let verb = if made.joined { "knows" } else { "made" };
    let mut out = format!("{verb} the repository {} in {}; {kept}\n", clean(&made.name), clean(&made.repository));
    match (&made.sheet, sheet) {
        (Some(_), Some(path)) => {
            let picture = path.with_extension("png");
            out.push_str(&format!(
                "the recovery sheet is in {} and {}: print them, and remove them from this machine\n",
                path.display(),
                picture.display()
            ));
        }
        (Some(text), None) => out.push_str(&format!("\n{text}")),
        (None, _) => {}
    }
    out
}

/// The repositories in order.
pub fn repositories(settings: &Settings) -> String {
    let mut table = Table::new(["NAME", "PASSPHRASE", "REPOSITORY"]);
    for entry in &settings.repositories {
        let keeping = match entry.passphrase {
            Keeping::Keyring => "keyring",
            Keeping::Sealed => "sealed",
            Keeping::Asked => "asked for",
        };
        table.row([entry.name.clone(), keeping.to_owned(), shown_place(&entry.repository)]);
    }
    table.render()
}

/// The same as data; without passwords that stand in an address.
pub fn repositories_json(settings: &Settings) -> Value {
    let entry = |entry: &crate::backup::settings::Entry| json!({ "name": entry.name, "repository": shown_place(&entry.repository), "passphrase": entry.passphrase });
    settings.repositories.iter().map(entry).collect()
}

fn shown_place(written: &str) -> String {
    Address::parse(written, Path::new("/")).map_or_else(|_| "?".to_owned(), |address| address.to_string())
}

/// Snapshots, oldest first.
pub fn snapshots(snapshots: &[Snapshot]) -> String {
    let mut table = Table::new(["ID", "TIME", "PROJECT", "HOST", "STATE", "SIZE"]);
    for one in snapshots {
        table.row([
            one.id.clone(),
            one.time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            one.project.clone(),
            one.host.clone(),
            state(one),
            one.bytes.map(|bytes| decimal_size(bytes, DIGITS)).unwrap_or_default(),
        ]);
    }
    table.render()
}

fn state(snapshot: &Snapshot) -> String {
    if snapshot.complete {
        let reason = snapshot.tags.iter().find_map(|tag| tag.strip_prefix("devup:"));
        return reason.map_or_else(|| "complete".to_owned(), |reason| format!("complete ({reason})"));
    }
    "not devup's".to_owned()
}

/// One snapshot with its manifest.
pub fn shown(snapshot: &Snapshot, manifest: Option<&Manifest>) -> String {
    let mut out = snapshots(std::slice::from_ref(snapshot));
    let Some(manifest) = manifest else {
        out.push_str(&format!("made by another program, from {}\n", clean(&snapshot.paths.join(", "))));
        return out;
    };
    if let Some(path) = &manifest.path {
        out.push_str(&format!("from {}\n", clean(&path.display().to_string())));
    }
    let mut table = Table::new(["PART", "ENTRIES", "SIZE", "VERIFIED", "FROM"]);
    for part in &manifest.parts {
        table.row([
            part.place.display().to_string(),
            part.entries.to_string(),
            decimal_size(part.bytes, DIGITS),
            part.verified.clone(),
            part.origin.clone(),
        ]);
    }
    out.push_str(&table.render());
    out.push_str(&gaps(&manifest.not_covered));
    out
}

/// Paths that differ, with restic's signs.
pub fn differences(differences: &[Difference]) -> String {
    let sign = |how| match how {
        How::Added => '+',
        How::Removed => '-',
        How::Changed => 'M',
        How::Metadata => 'U',
    };
    let line = |one: &Difference| format!("{} {}\n", sign(one.how), clean(&one.path.display().to_string()));
    differences.iter().map(line).collect()
}

/// What a check found.
pub fn findings(repository: &str, findings: &Findings) -> String {
    let mut out = String::new();
    for error in &findings.errors {
        out.push_str(&format!("damaged: {}\n", clean(error)));
    }
    for warning in &findings.warnings {
        out.push_str(&format!("odd, but harmless: {}\n", clean(warning)));
    }
    if findings.errors.is_empty() {
        let how =
            if findings.read_data { "every byte was read" } else { "its structure; `--read-data` reads every byte" };
        out.push_str(&format!("{} is whole: {} snapshots ({how})\n", clean(repository), findings.snapshots));
    }
    out
}

/// What stays and what goes.
pub fn plan(plan: &[Fate]) -> String {
    let mut table = Table::new(["ID", "TIME", "PROJECT", "FATE", "BECAUSE"]);
    for fate in plan {
        let (what, why) =
            if fate.keep { ("stays", fate.reasons.join(", ")) } else { ("goes", "no rule keeps it".to_owned()) };
        let time = fate.snapshot.time.strftime("%Y-%m-%d %H:%M:%S").to_string();
        table.row([fate.snapshot.id.clone(), time, fate.snapshot.project.clone(), what.to_owned(), why]);
    }
    table.render()
}

/// What a prune did.
pub fn pruned(pruned: Pruned) -> String {
    format!(
        "{} marked, and removed by a prune in a day or later; {} removed; {} in use\n",
        decimal_size(pruned.marked, DIGITS),
        decimal_size(pruned.removed, DIGITS),
        decimal_size(pruned.used, DIGITS),
    )
}

/// What was copied.
pub fn copied(snapshots: &[Snapshot], to: &str) -> String {
    match snapshots.len() {
        0 => format!("{} has everything already\n", clean(to)),
        count => format!("{}{count} snapshots are in {} now\n", self::snapshots(snapshots), clean(to)),
    }
}

/// What was got back.
pub fn restored(restored: &Restored) -> String {
    let written = &restored.written;
    let mut out = format!(
        "snapshot {} of {} is in {}: {} files, {} folders, {} links; {}\n",
        restored.snapshot.id,
        restored.snapshot.time.strftime("%Y-%m-%d %H:%M:%S"),
        clean(&restored.into.display().to_string()),
        written.files,
        written.folders,
        written.links,
        decimal_size(written.bytes, DIGITS),
    );
    if !restored.verified.is_empty() {
        out.push_str(&format!("as the manifest says: {}\n", clean(&restored.verified.join(", "))));
    }
    for part in &restored.damaged {
        out.push_str(&format!("not as the manifest says: {}\n", clean(part)));
    }
    for one in &written.left_out {
        out.push_str(&format!("left out: {}\n", clean(one)));
    }
    for one in &written.failed {
        out.push_str(&format!("failed: {}\n", clean(one)));
    }
    if let Some(manifest) = &restored.manifest {
        out.push_str(&gaps(&manifest.not_covered));
    }
    out
}
