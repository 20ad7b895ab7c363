//! Automatic backups: when one is due, what it does, and how it went. Something of this machine (`host::timer`) asks once an
//! hour; a run that was missed or failed is made up at the next hour.

use jiff::{SignedDuration, Timestamp};

use super::backup::{Report, Wanted, notes};
use super::error::Result;
use super::request::Request;
use super::vaults::{self, Keys, Opened};
use crate::backup::copy;
use crate::backup::retention::{self, Among, Rules};
use crate::backup::settings::Every;
use crate::base::lock::Lock;
use crate::state::automatic::Automatic;
use crate::state::drills::Drills;
use crate::state::store::State;

/// Why these backups are taken; their tag is `devup:auto`.
pub const REASON: &str = "auto";
/// A timer is not punctual: who comes so much too early is let in.
const SLACK: SignedDuration = SignedDuration::from_mins(15);

/// What is kept of automatic backups, and of no others.
fn rules() -> Rules {
    Rules { last: Some(3), hourly: Some(24), daily: Some(14), weekly: Some(8), monthly: Some(12), ..Rules::default() }
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Ran {
    /// The backups.
    pub reports: Vec<Report>,
    /// Why projects have none.
    pub failures: Vec<String>,
    /// Why other repositories do not have them.
    pub behind: Vec<String>,
}

/// What a run needs of its caller.
pub struct Means<'a> {
    /// What is known of this machine.
    pub state: &'a State,
    /// What the user asked for.
    pub request: &'a Request,
    /// What opens repositories.
    pub keys: &'a Keys<'a>,
    /// Waits for a repository's lock.
    pub lock: &'a dyn Fn(&Opened) -> Result<Lock>,
    /// Takes one backup.
    pub take: &'a dyn Fn(&Opened, &Wanted) -> Result<Report>,
}

/// Whether one is to be taken now.
pub fn due(every: Every, record: &Automatic, now: Timestamp) -> bool {
    is_over(every, record.succeeded, now)
}

/// Whether the backups are to be proven now.
pub fn drill_due(every: Every, drills: &Drills, now: Timestamp) -> bool {
    is_over(every, drills.last(), now)
}

/// Whether the span since the last time is over. After the clock went back it is.
fn is_over(every: Every, last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now || now.duration_since(last) >= every.span() - SLACK)
}

/// Backs up every project, forgets old automatic backups, and copies to the other repositories. One that fails does not keep
/// the others from being tried.
pub fn run(means: &Means) -> Result<Ran> {
    let opened = vaults::open(means.state, means.request, None, means.keys)?;
    let mut failures = Vec::new();
    let mut reports = Vec::new();
    {
        let _lock = (means.lock)(&opened)?;
        for entry in means.state.registry()?.entries() {
            let project = entry.name.to_string();
            let wanted = Wanted {
                project: project.clone(),
                entry: Some(entry.clone()),
                folder: None,
                secrets: true,
                include: Vec::new(),
                folders: Vec::new(),
                reason: REASON.to_owned(),
            };
            match (means.take)(&opened, &wanted) {
                Ok(report) => reports.push(report),
                Err(error) => failures.push(format!("{project}: {error}")),
            }
        }
        // where a backup failed, the older ones are worth more than their space
        if failures.is_empty() {
            tidy(means.state, &opened)?;
        }
    }
    Ok(Ran { reports, failures, behind: follow(means, &opened)? })
}

/// Only copies what another repository still lacks: nothing is due, and the copy failed.
pub fn catch_up(means: &Means) -> Result<Ran> {
    let opened = vaults::open(means.state, means.request, None, means.keys)?;
    Ok(Ran { behind: follow(means, &opened)?, ..Ran::default() })
}

/// Removes automatic backups that no rule keeps, and frees what was marked before.
fn tidy(state: &State, opened: &Opened) -> Result<()> {
    let tag = format!("{}:{REASON}", crate::backup::snapshot::OURS);
    let among = Among { project: None, tag: Some(&tag) };
    let plan = retention::plan(&opened.vault, &rules(), among, Timestamp::now())?;
    if retention::forget(&opened.vault, &plan)? > 0 {
        notes::removed(state, opened)?;
        retention::prune(&opened.vault, false)?;
    }
    Ok(())
}

/// The other repositories get what they lack; whichever does not answer gets it the next time.
fn follow(means: &Means, from: &Opened) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    for entry in vaults::settings(means.state)?.repositories {
        if entry.name == from.name {
            continue;
        }
        let copied = vaults::open(means.state, means.request, Some(&entry.name), means.keys).and_then(|to| {
            let _lock = (means.lock)(&to)?;
            let missing = copy::missing(&from.vault, &to.vault, None)?;
            copy::copy(&from.vault, &to.vault, &missing)?;
            notes::copied(means.state, from, &to)
        });
        if let Err(error) = copied {
            failures.push(format!("copying to {}: {error}", entry.name));
        }
    }
    Ok(failures)
}

/// Remembers how a run went.
pub fn note(state: &State, now: Timestamp, ended: &Result<Ran>) -> Result<()> {
    Ok(state.note_automatic(|record| match ended {
        Ok(ran) => {
            record.failed = told(&ran.failures, now);
            record.behind = told(&ran.behind, now);
            if record.failed.is_none() {
                record.succeeded = Some(now);
            }
        }
        Err(error) => record.failed = Some((now, error.to_string())),
    })?)
}

/// Remembers how catching up went; it is no backup.
pub fn note_copy(state: &State, now: Timestamp, ended: &Result<Ran>) -> Result<()> {
    let why = match ended {
        Ok(ran) => told(&ran.behind, now),
        Err(error) => Some((now, error.to_string())),
    };
    Ok(state.note_automatic(|record| record.behind = why)?)
}

fn told(reasons: &[String], now: Timestamp) -> Option<(Timestamp, String)> {
    (!reasons.is_empty()).then(|| (now, reasons.join("; ")))
}

/// How often they are taken, and proven by drills, from now on; `None`: no more.
pub fn set(state: &State, every: Option<Every>, drill: Option<Every>, now: Timestamp) -> Result<()> {
    let mut settings = vaults::settings(state)?;
    (settings.automatic, settings.drill) = (every, drill);
    settings.write(&vaults::settings_path(state))?;
    Ok(state.note_automatic(|record| *record = Automatic { since: every.map(|_| now), ..Automatic::default() })?)
}

/// What the user should hear of them, if anything.
pub fn trouble(state: &State, now: Timestamp) -> Result<Option<String>> {
    let Some(every) = vaults::settings(state)?.automatic else { return Ok(None) };
    Ok(judge(every, &state.automatic()?, now))
}

fn judge(every: Every, record: &Automatic, now: Timestamp) -> Option<String> {
    let shown = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    if let Some((when, why)) = &record.failed {
        return Some(format!("the automatic backup of {} failed: {why}", shown(*when)));
    }
    if let Some((when, why)) = &record.behind {
        return Some(format!("backed up, but not copied to every repository ({}): {why}", shown(*when)));
    }
    let last = record.succeeded.or(record.since)?;
    (now.duration_since(last) > every.span() * 2).then(|| {
        format!("no automatic backup since {}: does its timer run? `devup backup schedule` sets it", shown(last))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::error::AppError;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }

    fn succeeded(hours: i64) -> Automatic {
        Automatic { since: Some(at(0)), succeeded: Some(at(hours)), ..Automatic::default() }
    }

    #[test]
    fn what_was_missed_is_due() {
        assert!(due(Every::Daily, &Automatic::default(), at(0)));
        assert!(!due(Every::Daily, &succeeded(0), at(23)));
        assert!(due(Every::Daily, &succeeded(0), at(24)));
        assert!(due(Every::Daily, &succeeded(0), at(24 * 30)));
        assert!(due(Every::Hourly, &succeeded(0), at(1)));
        assert!(due(Every::Weekly, &succeeded(5), at(0)), "the clock went back");
    }

    #[test]
    fn failures_and_silence_are_told_and_success_is_not() {
        assert_eq!(judge(Every::Daily, &succeeded(0), at(40)), None);
        assert!(judge(Every::Daily, &succeeded(0), at(50)).unwrap().contains("no automatic backup since"));
        let failed = Automatic { failed: Some((at(30), "the disk is full".to_owned())), ..succeeded(0) };
        assert!(judge(Every::Daily, &failed, at(31)).unwrap().contains("failed: the disk is full"));
    }

    #[test]
    fn a_failure_is_remembered_until_the_next_success() {
        let (_folder, state) = crate::state::store::temporary();
        set(&state, Some(Every::Daily), None, at(0)).unwrap();
        note(&state, at(1), &Err(AppError::failed("no space"))).unwrap();
        assert!(trouble(&state, at(2)).unwrap().unwrap().contains("no space"));
        note(&state, at(3), &Ok(Ran::default())).unwrap();
        assert_eq!(trouble(&state, at(4)).unwrap(), None);
        set(&state, None, None, at(5)).unwrap();
        assert_eq!(trouble(&state, at(500)).unwrap(), None);
    }

    #[test]
    fn a_copy_that_failed_is_told_and_no_reason_for_another_backup() {
        let (_folder, state) = crate::state::store::temporary();
        set(&state, Some(Every::Daily), None, at(0)).unwrap();
        let offline = || Ok(Ran { behind: vec!["copying to far: no answer".to_owned()], ..Ran::default() });
        note(&state, at(1), &offline()).unwrap();
        assert!(trouble(&state, at(2)).unwrap().unwrap().contains("copying to far"));
        assert!(!due(Every::Daily, &state.automatic().unwrap(), at(3)), "the backup itself was taken");
        note_copy(&state, at(3), &offline()).unwrap();
        assert!(state.automatic().unwrap().behind.is_some());
        note_copy(&state, at(4), &Ok(Ran::default())).unwrap();
        assert_eq!(trouble(&state, at(5)).unwrap(), None);
        assert_eq!(state.automatic().unwrap().succeeded, Some(at(1)), "a copy is no backup");
    }
}
