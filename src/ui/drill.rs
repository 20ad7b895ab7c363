//! Drills of backups, and where a project's backups stand, for people.

use jiff::Timestamp;

use super::quantity::roughly;
use super::table::Table;
use super::text::{clean, clean_lines};
use crate::app::drill::Drill;
use crate::app::standing::Standing;

/// How a drill went.
pub fn drill(drill: &Drill) -> String {
    let word = if drill.proven { "is proven" } else { "is NOT proven" };
    let mut out = format!("the backup {} of {}, of {}, {word}\n", drill.snapshot, clean(&drill.project), drill.taken);
    for (word, lines) in [("verified", &drill.verified), ("note", &drill.notes), ("NOT", &drill.failed)] {
        out.extend(
            lines.iter().map(|line| format!("  {word:<9} {}\n", clean_lines(line).replace('\n', "\n            "))),
        );
    }
    out
}

fn ago(time: Timestamp, now: Timestamp) -> String {
    format!("{} ago", roughly(now.duration_since(time).as_secs()).to_lowercase())
}

/// Where one project stands, in lines.
pub fn lines(standing: &Standing, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match &standing.backup {
        Some(backup) => format!("last backup: {}, in {}", ago(backup.taken, now), clean(&backup.repository)),
        None => "no backup of this project yet: `devup backup`".to_owned(),
    });
    if let Some(proof) = &standing.proven {
        lines.push(format!("last proven backup: taken {}, by a drill {}", ago(proof.taken, now), ago(proof.at, now)));
    }
    lines.extend(standing.warnings.iter().map(|warning| clean_lines(warning)));
    lines
}

/// Where all projects stand.
pub fn table(all: &[Standing], now: Timestamp) -> String {
    if all.is_empty() {
        return "devup knows no project on this machine\n".to_owned();
    }
    let mut table = Table::new(["PROJECT", "LAST BACKUP", "REPOSITORY", "PROVEN BY A DRILL", "TROUBLE"]);
    for one in all {
        let (taken, repository) =
            one.backup.as_ref().map_or(("never".to_owned(), ""), |backup| (ago(backup.taken, now), &backup.repository));
        let proven = one.proven.as_ref().map_or_else(|| "never".to_owned(), |proof| ago(proof.at, now));
        let warnings: Vec<String> = one.warnings.iter().map(|warning| clean(warning)).collect();
        table.row([clean(&one.project), taken, clean(repository), proven, warnings.join("; ")]);
    }
    table.render()
}
