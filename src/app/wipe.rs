//! `wipe --check`: what exists only on this machine, so that one knows before it is gone.

mod covered;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::covered::Covered;
use self::covered::Covers;
use super::error::{AppError, Result};
use super::wiring::Engine;
use crate::driver::container::Scope;
use crate::model::labels;
use crate::source::checkout::Checkout;
use crate::state::backed::BackedUp;
use crate::state::registry::Entry;
use crate::state::store::State;
use crate::work::at_risk::{self, Asking, Finding};
use crate::work::encoded::Bytes;
use crate::work::find::{self, Found};
use crate::work::matter::Matter;
use crate::work::repository::Repository;

/// Remotes asked at once; they keep us waiting, not computing.
const ASKED_AT_ONCE: usize = 16;
/// The same where nobody is asked.
const LOOKED_AT_ONCE: usize = 8;

/// What would be lost with this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing would be lost, and all of that is proven.
    pub safe: bool,
    /// The remotes were asked.
    pub asked: bool,
    /// Repositories, by path.
    pub repositories: Vec<Line>,
    /// Folders of projects that are in no repository.
    pub outside: Vec<Outside>,
    /// Data of projects.
    pub data: Vec<Data>,
    /// Folders that could not be looked into.
    pub closed: Vec<Closed>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its folder.
    pub path: Bytes,
    /// Projects of devup's that are in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// What exists only here; nothing: it is safe.
    pub findings: Vec<Finding>,
    /// A backup away from this machine that has all of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<Covered>,
}

impl Line {
    /// Something would be lost.
    pub fn is_at_risk(&self) -> bool {
        !self.findings.is_empty() && self.covered.is_none()
    }
}

/// A project that is in no repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// Its name.
    pub project: String,
    /// Its folder.
    pub path: Bytes,
    /// A backup away from this machine that has it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<Covered>,
}

/// The data of a project. What has changed since a backup is not known, so that all of it is at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Data {
    /// The project's name.
    pub project: String,
    /// Its volumes; `None` where no engine could be asked.
    pub volumes: Option<Vec<String>>,
}

/// A folder that could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// Which.
    pub path: Bytes,
    /// Why.
    pub reason: String,
}

/// Everything git has below the home folder and in the registered projects.
#[derive(Debug)]
pub struct Search {
    found: Found,
    projects: Vec<Entry>,
    backed_up: BackedUp,
}

impl Search {
    /// Looks for repositories.
    pub fn run(state: &State, home: &Path) -> Result<Self> {
        let projects: Vec<Entry> = state.registry()?.entries().cloned().collect();
        let tops = projects.iter().filter(|entry| entry.path.is_dir()).map(|entry| top(&entry.path));
        let home = std::fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        let roots: BTreeSet<PathBuf> = tops.chain([home]).collect();
        let is_inside = |root: &PathBuf| roots.iter().any(|other| other != root && root.starts_with(other));
        let outer: Vec<PathBuf> = roots.iter().filter(|root| !is_inside(root)).cloned().collect();
        Ok(Self { found: find::find(&outer, LOOKED_AT_ONCE), projects, backed_up: state.backed_up()? })
    }

    /// How many repositories there are.
    pub fn repositories(&self) -> usize {
        self.found.repositories.len()
    }

    /// Judges what was found. The remotes are asked, unless `asking` says otherwise.
    pub fn judge(self, asking: &Asking, volumes: Option<&BTreeMap<String, Vec<String>>>) -> Result<Report> {
        let covers = Covers { backed_up: &self.backed_up, asking };
        let threads = if asking.offline { LOOKED_AT_ONCE } else { ASKED_AT_ONCE };
        let repositories: Vec<&Repository> = self.found.repositories.values().collect();
        let mut matters = Vec::new();
        for repository in &repositories {
            matters.push((*repository, self.matter(repository)?));
        }
        let risks = at_risk::survey(&matters, asking, threads)
            .map_err(|error| AppError::failed(format!("cannot look for work that exists only here: {error}")))?;
        let mut lines: Vec<Line> = repositories
            .iter()
            .zip(risks)
            .map(|(repository, risk)| Line {
                path: risk.path,
                projects: self.projects.iter().filter(|entry| holds(repository, entry)).map(named).collect(),
                covered: None,
                findings: risk.findings,
            })
            .collect();
        for (line, (repository, matter)) in lines.iter_mut().zip(&matters) {
            line.covered = covers.work(line, repository, matter)?;
        }
        lines.sort_by(|a, b| a.path.cmp(&b.path));
        let in_none = |entry: &&Entry| entry.path.is_dir() && !repositories.iter().any(|one| holds(one, entry));
        let mut outside = Vec::new();
        for entry in self.projects.iter().filter(in_none) {
            let (project, path) = (named(entry), entry.path.as_path().into());
            outside.push(Outside { covered: covers.folder(&project, &entry.path)?, project, path });
        }
        let mut report = Report {
            safe: false,
            asked: !asking.offline,
            repositories: lines,
            outside,
            data: self.projects.iter().filter_map(|entry| data(entry, volumes)).collect(),
            closed: self.found.closed.iter().map(|(path, reason)| closed(path, reason)).collect(),
        };
        // data of projects that devup does not know (any more) is somebody's all the same
        let known: BTreeSet<String> = self.projects.iter().map(named).collect();
        let others = volumes.into_iter().flatten().filter(|(project, _)| !known.contains(*project));
        report
            .data
            .extend(others.map(|(project, volumes)| Data { project: project.clone(), volumes: Some(volumes.clone()) }));
        report.safe = report.outside.iter().all(|one| one.covered.is_some())
            && report.data.is_empty()
            && report.closed.is_empty()
            && !report.repositories.iter().any(Line::is_at_risk);
        Ok(report)
    }

    /// The ignored files that matter in a repository: the usual ones, and those that the last backups of its projects took.
    fn matter(&self, repository: &Repository) -> Result<Matter> {
        let projects = self.projects.iter().filter(|entry| holds(repository, entry)).map(named);
        let backed = projects.filter_map(|project| self.backed_up.get(&project)).flat_map(BTreeMap::values);
        let include: Vec<String> = backed.flat_map(|one| one.include.iter().cloned()).collect();
        Matter::with(&include).map_err(|error| AppError::failed(error.to_string()))
    }
}

/// The top of the working tree that a project is in, or its folder.
fn top(folder: &Path) -> PathBuf {
    Checkout::of(folder).map_or_else(|| folder.to_owned(), |checkout| checkout.top)
}

fn named(entry: &Entry) -> String {
    entry.name.to_string()
}

fn holds(repository: &Repository, entry: &Entry) -> bool {
    repository.trees.iter().any(|tree| entry.path.starts_with(&tree.folder))
}

fn closed(path: &Path, reason: &str) -> Closed {
    Closed { path: path.into(), reason: reason.to_owned() }
}

/// `None`: the engine has nothing of it.
fn data(entry: &Entry, volumes: Option<&BTreeMap<String, Vec<String>>>) -> Option<Data> {
    let volumes = match volumes {
        None => None,
        Some(all) => Some(all.get(entry.name.as_str())?.clone()),
    };
    Some(Data { project: named(entry), volumes })
}

/// The volumes that the engine has, by project.
pub async fn volumes(engine: &Engine) -> Result<BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for volume in engine.containers.volumes(&Scope::AllProjects).await? {
        if let Some(project) = volume.labels.get(labels::PROJECT) {
            found.entry(project.clone()).or_default().push(volume.name);
        }
    }
    Ok(found)
}
