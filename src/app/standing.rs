//! Where a project's backups stand: the last one, the last that a drill proved, and what is wrong. Known without opening any
//! repository.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::error::Result;
use super::{automatic, vaults};
use crate::state::backed::BackedUp;
use crate::state::drills::{Drills, Proof};
use crate::state::store::State;

/// A proof that is older is worth little.
const STALE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub project: String,
    /// Its last backup.
    pub backup: Option<Last>,
    /// The last one that was proven.
    pub proven: Option<Proof>,
    /// What the user should do something about.
    pub warnings: Vec<String>,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Last {
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// In which repository.
    pub repository: String,
}

/// One project; `None`: there is no repository on this machine, and nothing to tell.
pub fn of(state: &State, project: &str, now: Timestamp) -> Result<Option<Standing>> {
    if vaults::settings(state)?.repositories.is_empty() {
        return Ok(None);
    }
    let mut standing = judge(project, &state.backed_up()?, &state.drills()?, now);
    standing.warnings.extend(automatic::trouble(state, now)?);
    Ok(Some(standing))
}

/// Every project that devup knows.
pub fn all(state: &State, now: Timestamp) -> Result<Vec<Standing>> {
    let (backed, drills) = (state.backed_up()?, state.drills()?);
    let registry = state.registry()?;
    Ok(registry.entries().map(|entry| judge(entry.name.as_str(), &backed, &drills, now)).collect())
}

fn judge(project: &str, backed: &BackedUp, drills: &Drills, now: Timestamp) -> Standing {
    let known = backed.get(project).into_iter().flatten();
    let backup = known.max_by_key(|(_, backed)| backed.taken).map(|(repository, backed)| Last {
        snapshot: backed.snapshot.clone(),
        taken: backed.taken,
        repository: repository.clone(),
    });
    let drilled = drills.of.get(project).cloned().unwrap_or_default();
    let mut warnings = Vec::new();
    if let Some((when, why)) = &drilled.failed {
        let when = when.strftime("%Y-%m-%d %H:%M UTC");
        warnings.push(format!("the drill of {when} failed: {why}"));
    }
    match (&backup, &drilled.proven) {
        (Some(_), None) if drilled.failed.is_none() => {
            warnings.push("no backup of it was ever proven: `devup backup drill`".to_owned());
        }
        (_, Some(proof)) if now.duration_since(proof.at) > STALE => {
            let days = now.duration_since(proof.at).as_hours() / 24;
            warnings.push(format!("the last proof is {days} days old: `devup backup drill`"));
        }
        _ => {}
    }
    Standing { project: project.to_owned(), backup, proven: drilled.proven, warnings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::backed::Backed;
    use crate::state::drills::Drilled;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }

    fn backed() -> BackedUp {
        let one = |hours| Backed {
            snapshot: format!("of-{hours}"),
            taken: at(hours),
            folder: None,
            work: None,
            bases: std::collections::BTreeSet::new(),
            include: Vec::new(),
            parts: Vec::new(),
        };
        let both = [("local".to_owned(), one(5)), ("server".to_owned(), one(2))];
        [("shop".to_owned(), both.into_iter().collect())].into_iter().collect()
    }

    fn drills(proven: Option<i64>, failed: Option<i64>) -> Drills {
        let proof = |hours| Proof { snapshot: "1a".into(), taken: at(0), at: at(hours) };
        let failed = failed.map(|hours| (at(hours), "a table is empty".to_owned()));
        let one = Drilled { proven: proven.map(proof), failed };
        Drills { of: [("shop".to_owned(), one)].into_iter().collect(), ..Drills::default() }
    }

    #[test]
    fn what_is_not_proven_or_long_ago_or_failed_is_told() {
        let told = |drills: &Drills, hours| judge("shop", &backed(), drills, at(hours)).warnings.join("; ");
        assert_eq!(judge("shop", &backed(), &drills(Some(6), None), at(7)).backup.unwrap().repository, "local");
        assert_eq!(told(&drills(Some(6), None), 7), "");
        assert_eq!(told(&drills(Some(0), None), 31 * 24), "the last proof is 31 days old: `devup backup drill`");
        assert!(told(&drills(None, None), 7).contains("ever proven"));
        let failed = told(&drills(Some(6), Some(7)), 8);
        assert!(failed.contains("failed: a table is empty") && !failed.contains("ever proven"), "{failed}");
        assert!(judge("other", &backed(), &Drills::default(), at(1)).warnings.is_empty());
    }
}
