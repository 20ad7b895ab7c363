//! Saved data, for people.

use super::quantity::decimal_size;
use super::table::Table;
use super::text::clean;
use crate::app::data::{Named, Saved};
use crate::app::database_file::Filed;
use crate::app::refill::Refill;
use crate::backup::manifest::{Entry, Manifest};
use crate::backup::part::Kind;

const DIGITS: usize = 3;

/// What was saved.
pub fn saved(saved: &Saved) -> String {
    let Saved { name, project, summary, manifest, .. } = saved;
    let mut out = format!(
        "the data of {} is saved as {}: {} in {} files, {} stored\n",
        clean(project),
        clean(name),
        decimal_size(summary.bytes, DIGITS),
        summary.files_new + summary.files_changed + summary.files_unmodified,
        decimal_size(summary.stored, DIGITS),
    );
    for part in &manifest.parts {
        out.push_str(&format!("  {}: {}\n", clean(part.name.as_deref().unwrap_or("?")), clean(&part.verified)));
    }
    for gap in &manifest.not_covered {
        out.push_str(&format!("  not saved: {}: {}\n", clean(&gap.what), clean(&gap.why)));
    }
    out
}

/// What was saved before a step, and how to undo the step.
pub fn before(saved: &Saved) -> String {
    let gaps =
        saved.manifest.not_covered.iter().map(|gap| format!("\nnot saved: {}: {}", clean(&gap.what), clean(&gap.why)));
    format!(
        "saved the data as {} first; `devup data restore {}` brings it back{}",
        clean(&saved.name),
        clean(&saved.name),
        gaps.collect::<String>()
    )
}

/// Everything that was saved.
pub fn list(found: &[Named]) -> String {
    if found.is_empty() {
        return "no data is saved; `devup data save NAME` saves it\n".to_owned();
    }
    let mut table = Table::new(["NAME", "TIME", "SIZE", "SNAPSHOT"]);
    for Named { name, snapshot } in found {
        let size = snapshot.bytes.map(|bytes| decimal_size(bytes, DIGITS)).unwrap_or_default();
        table.row([clean(name), snapshot.time.to_string(), size, snapshot.id.clone()]);
    }
    table.render()
}

/// What a restore would overwrite.
pub fn would_restore(name: &str, manifest: Option<&Manifest>) -> String {
    let mut out = format!("would put back {}:\n", clean(name));
    let data = |part: &&Entry| matches!(part.kind, Kind::Volume | Kind::Database);
    for part in manifest.iter().flat_map(|manifest| &manifest.parts).filter(data) {
        let size = decimal_size(part.bytes, DIGITS);
        out.push_str(&format!("  {}: {} entries, {size}\n", clean(part.name.as_deref().unwrap_or("?")), part.entries));
    }
    out
}

/// A database that was written to a file.
pub fn dumped(filed: &Filed, file: &str) -> String {
    let size = decimal_size(filed.bytes, DIGITS);
    format!("{} of {} is in {}: {size}\n", clean(&filed.database), clean(&filed.service), clean(file))
}

/// A database that was loaded from one.
pub fn loaded(filed: &Filed, file: &str) -> String {
    let size = decimal_size(filed.bytes, DIGITS);
    format!("{} of {} is as in {}: {size}\n", clean(&filed.database), clean(&filed.service), clean(file))
}

/// What a copy of the project got.
pub fn branched(copy: &str, project: &str, refill: &Refill) -> String {
    let next = format!("`devup --instance {} up` brings the copy up\n", clean(copy));
    format!("{} has the data now:\n{}{next}", clean(project), restored("the original", refill))
}

/// What was put back.
pub fn restored(name: &str, refill: &Refill) -> String {
    let mut out = String::new();
    for volume in &refill.volumes {
        out.push_str(&format!(
            "{}: as in {}: {} entries, {}\n",
            clean(&volume.part),
            clean(name),
            volume.filled.entries,
            decimal_size(volume.filled.bytes, DIGITS)
        ));
        out.extend(volume.filled.left_out.iter().map(|what| format!("  could not be set: {}\n", clean(what))));
    }
    for loaded in &refill.databases {
        out.push_str(&format!("{}: loaded {}\n", clean(&loaded.service), clean(&loaded.databases.join(", "))));
    }
    out.extend(refill.skipped.iter().map(|what| format!("left alone: {}\n", clean(what))));
    if !refill.restarted.is_empty() {
        let names: Vec<String> = refill.restarted.iter().map(|name| clean(name)).collect();
        out.push_str(&format!("stopped meanwhile, and started again: {}\n", names.join(", ")));
    }
    out
}
