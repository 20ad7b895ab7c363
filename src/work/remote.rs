//! What the remotes have, by their own word from this run. A remote-tracking branch is only what a remote once said: it
//! may have been rewritten, or may be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::WorkError;
use super::repository::{Repository, is_oid};
use super::view::View;
use crate::base::process::ProcessError;
use crate::git::address::{Address, without_password};
use crate::git::call::{GitError, lines};

/// Time that a remote has for its answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// How remotes are asked.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Not at all: nothing can be proven then.
    pub offline: bool,
    /// A folder whose loss is what work is saved from (the home folder): a remote that lies in it proves nothing.
    pub not_in: Option<PathBuf>,
}

/// One remote's answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Its name.
    pub(super) name: String,
    /// Its address as it may be shown.
    pub(super) shown: String,
    /// What it has, or why it is not known.
    pub(super) has: Result<Listing, String>,
}

/// What a remote has.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// Its refs: name and object.
    pub(super) refs: BTreeMap<String, String>,
    /// What its tags point at, besides.
    pub(super) peeled: BTreeSet<String>,
    /// The object of the branch that a fresh clone checks out.
    pub(super) default: Option<String>,
}

/// Asks every remote of the repository. The view gets to know them as `asked-0`, `asked-1`…
pub(super) fn ask(repository: &Repository, view: &View, asking: &Asking) -> Result<Vec<Answer>, WorkError> {
    let usable: Vec<_> =
        repository.settings.remotes.iter().map(|(name, url)| usable(repository, name, url, asking)).collect();
    let names: Vec<String> = (0..usable.len()).map(name).collect();
    let known: Vec<(&str, &str)> = names
        .iter()
        .zip(&usable)
        .filter_map(|(name, (_, url))| Some((name.as_str(), url.as_ref().ok()?.as_str())))
        .collect();
    view.know_remotes(&known)?;
    let mut answers = Vec::new();
    for (position, (mut answer, url)) in usable.into_iter().enumerate() {
        answer.has = url.and_then(|_| list(view, &name(position)));
        answers.push(answer);
    }
    Ok(answers)
}

/// The name of a remote in the view.
pub(super) fn name(position: usize) -> String {
    format!("asked-{position}")
}

fn usable(repository: &Repository, name: &str, url: &str, asking: &Asking) -> (Answer, Result<String, String>) {
    let shown = without_password(url);
    let answer = |reason: &str| Answer { name: name.to_owned(), shown: shown.clone(), has: Err(reason.to_owned()) };
    let checked =
        if asking.offline { Err("it was not asked (--offline)".to_owned()) } else { address(repository, url, asking) };
    (answer(checked.as_ref().err().map_or("", String::as_str)), checked)
}

fn address(repository: &Repository, url: &str, asking: &Asking) -> Result<String, String> {
    let base = repository.folder();
    let address = Address::parse(url, base).map_err(|error| error.to_string())?;
    if let (Some(folder), Some(home)) = (address.folder(), &asking.not_in)
        && is_lost_with(folder, home)
    {
        return Err(format!("it lies on this machine too, in {}", home.display()));
    }
    Ok(address.for_git().to_owned())
}

/// The folder goes when the other one goes: it is inside, and not by way of another file system.
fn is_lost_with(folder: &Path, home: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (folder, home) = (real(folder), real(home));
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    folder.starts_with(&home) && (device(&folder).is_none() || device(&folder) == device(&home))
}

fn list(view: &View, remote: &str) -> Result<Listing, String> {
    let git = view.objects().within(PATIENCE);
    let answer = git.read(&["ls-remote", "--symref", "--", remote]).map_err(|error| reason(&error))?;
    let mut listing = Listing::default();
    let mut default = None;
    for line in lines(&answer) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let Some((first, name)) = line.split_once('\t') else { continue };
        if let Some(branch) = first.strip_prefix("ref: ") {
            if name == "HEAD" {
                default = Some(branch.to_owned());
            }
        } else if !is_oid(first) {
            return Err("its answer is not understood".to_owned());
        } else if let Some(tag) = name.strip_suffix("^{}") {
            debug_assert!(listing.refs.contains_key(tag), "git lists a tag before what it points at");
            listing.peeled.insert(first.to_owned());
        } else {
            listing.refs.insert(name.to_owned(), first.to_owned());
        }
    }
    listing.default = default.and_then(|branch| listing.refs.get(&branch).cloned());
    if listing.default.is_none() {
        listing.default = listing.refs.get("HEAD").cloned();
    }
    Ok(listing)
}

/// The last thing that git said, without an address that may hold a password.
fn reason(error: &GitError) -> String {
    let words = match error {
        GitError::Failed { words, .. } => words.clone(),
        GitError::Process(ProcessError::Deadline { limit, .. }) => {
            return format!("it gave no answer within {} s", limit.as_secs());
        }
        GitError::Process(_) | GitError::TooLong { .. } => error.to_string(),
    };
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let telling = lines.iter().find(|line| line.starts_with("fatal:") || line.starts_with("ssh:"));
    let line = telling.or(lines.last()).copied().unwrap_or("it gave no answer");
    line.split_inclusive(['\'', '"', ' ']).map(without_password).collect()
}

impl Listing {
    /// Everything that it names: a commit that one of these reaches is there.
    pub(super) fn objects(&self) -> impl Iterator<Item = &String> {
        self.refs.values().chain(&self.peeled)
    }
}
