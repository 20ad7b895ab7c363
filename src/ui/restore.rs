//! What a restore would do, and what it did, for people.

use crate::app::restore::data::DataPlan;
use crate::app::restore::{Moved, Plan, Returned, SecretWay, Way, WorkPlan};

use super::text::{clean, clean_lines};

/// What would be done.
pub fn plans(plans: &[&Plan]) -> String {
    plans.iter().map(|plan| one(plan)).collect()
}

fn one(plan: &Plan) -> String {
    let mut out = format!("{} from snapshot {} of {}\n", clean(&plan.project), plan.snapshot, plan.taken);
    out.extend(plan.work.iter().map(work));
    let count = |wanted: SecretWay| plan.secrets.iter().filter(|secret| secret.way == wanted).count();
    for (way, words) in [
        (SecretWay::Missing, "are set"),
        (SecretWay::Same, "are here already"),
        (SecretWay::Another, "have another value here, which stays unless --replace"),
    ] {
        if count(way) > 0 {
            out.push_str(&format!("  secrets: {} {words}\n", count(way)));
        }
    }
    if !plan.data.is_empty() {
        out.push_str(&format!("  data: {}\n", clean(&plan.data.join(", "))));
    }
    out
}

fn work(plan: &WorkPlan) -> String {
    let into = clean(&plan.into.display().to_string());
    let moves = |aside: &[Moved]| {
        let one = |moved: &Moved| format!("\n    {} is moved to {}", moved.from.display(), moved.to.display());
        clean_lines(&aside.iter().map(one).collect::<String>())
    };
    match &plan.way {
        Way::Free => format!("  work into {into}\n"),
        Way::Done => format!("  work: put back into {into} by an earlier restore\n"),
        Way::With { project } => format!("  work in {into} comes with project {}\n", clean(project)),
        Way::Unfinished { aside } => {
            format!("  work into {into}, where an interrupted restore left half of it:{}\n", moves(aside))
        }
        Way::Occupied { found, aside } => {
            let found: String = found.iter().map(|one| format!("\n    {}", clean(one))).collect();
            format!("  work into {into}, which has work of its own:{found}\n    with --replace:{}\n", moves(aside))
        }
    }
}

/// What would be done with data alone.
pub fn data(plan: &DataPlan) -> String {
    let (project, into) = (clean(&plan.project), clean(&plan.into));
    let mut out = format!("data of {project} from snapshot {} of {}, into {into}\n", plan.snapshot, plan.taken);
    for way in &plan.data {
        let there = if way.there { ", in place of what is there" } else { "" };
        out.push_str(&format!("  {}{there}\n", clean(&way.part)));
    }
    out
}

/// What was done: restored, proven, not restored.
pub fn returned(returned: &[Returned]) -> String {
    let mut out = String::new();
    for one in returned {
        let folder = one.folder.as_ref().map(|folder| format!(" in {}", folder.display())).unwrap_or_default();
        out.push_str(&clean(&format!("{}{folder}", one.project)));
        out.push('\n');
        for (word, lines) in
            [("restored", &one.restored), ("verified", &one.verified), ("note", &one.notes), ("NOT", &one.missing)]
        {
            out.extend(
                lines.iter().map(|line| format!("  {word:<9} {}\n", clean_lines(line).replace('\n', "\n            "))),
            );
        }
    }
    out
}
