//! Whether the consent that was given covers what is asked. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::capability::{Capability, Survey};

/// Consent as it was given before, whoever keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Digest of the survey that was agreed to.
    pub digest: &'a str,
    /// Its lines, sorted.
    pub lines: &'a [String],
    /// Its scripts.
    pub scripts: &'a BTreeMap<PathBuf, String>,
}

/// What has to happen before the environment may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The spec asks for nothing.
    Nothing,
    /// Exactly this was agreed to.
    Granted,
    /// The user has to be asked.
    Ask(Question),
}

/// A question to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Everything that is asked for.
    pub capabilities: Vec<Capability>,
    /// What is different from the consent that was given; empty where there was none.
    pub difference: Vec<Change>,
}

/// One line of the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// Asked for now, not before.
    Added {
        /// The capability.
        line: String,
    },
    /// Asked for before, not now.
    Gone {
        /// The capability.
        line: String,
    },
    /// A script of the host has other bytes.
    Script {
        /// The script.
        path: PathBuf,
    },
}

/// Judges. A spec that asks for less than what was agreed to (another profile, a capability given up) is covered.
pub fn judge(survey: &Survey, given: Option<Given<'_>>) -> Verdict {
    if survey.is_empty() {
        return Verdict::Nothing;
    }
    let Some(given) = given else {
        return Verdict::Ask(Question { capabilities: survey.capabilities.clone(), difference: Vec::new() });
    };
    if given.digest == survey.digest().to_string() || covers(survey, given) {
        return Verdict::Granted;
    }
    let difference = difference(survey, given);
    Verdict::Ask(Question { capabilities: survey.capabilities.clone(), difference })
}

fn covers(survey: &Survey, given: Given<'_>) -> bool {
    survey.lines().iter().all(|line| given.lines.contains(line))
        && survey.scripts().iter().all(|(path, digest)| given.scripts.get(path) == Some(digest))
}

fn difference(survey: &Survey, given: Given<'_>) -> Vec<Change> {
    let now = survey.lines();
    let before: Vec<&str> = given.lines.iter().map(String::as_str).collect();
    let after: Vec<&str> = now.iter().map(String::as_str).collect();
    let changes = TextDiff::from_slices(&before, &after);
    let mut difference: Vec<Change> = changes
        .iter_all_changes()
        .filter_map(|change| {
            let line = change.value().to_owned();
            match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Insert => Some(Change::Added { line }),
                ChangeTag::Delete => Some(Change::Gone { line }),
            }
        })
        .collect();
    let scripts = survey.scripts();
    let differs = |path: &&PathBuf| given.scripts.get(*path).is_some_and(|digest| scripts.get(*path) != Some(digest));
    difference.extend(scripts.keys().filter(differs).map(|path| Change::Script { path: path.clone() }));
    difference
}

/// The command that grants without a terminal.
pub fn command_to_type(project: &Path) -> String {
    let shown = project.to_string_lossy();
    let quoted = shlex::try_quote(&shown).map_or_else(|_| shown.to_string(), std::borrow::Cow::into_owned);
    format!("devup --project-directory {quoted} trust")
}
