//! A folder's files → a proposed `devup.yaml`. Pure: it reads a [`Snapshot`] and returns text; nothing of the folder is run.
//!
//! | step | rooms |
//! | --- | --- |
//! | what is there | [`snapshot`] |
//! | manifests, with the line of each entry | [`read`] |
//! | one folder → an application: ground, command, port, steps | [`stack`] |
//! | what the applications need beside them | [`stores`] |
//! | a dev container → a service | [`devcontainer`] |
//! | a Vagrantfile → its machines | [`vagrant`] |
//! | all of it as YAML with comments | [`render`], [`section`] |
//!
//! Each conclusion carries the place that it was drawn from. What could not be concluded is a [`Finding`] in
//! [`Proposal::open`]: it is told, never guessed.

pub mod app;
pub mod blocks;
pub mod compose;
pub mod detect;
pub mod devcontainer;
pub mod finding;
pub mod read;
pub mod render;
pub mod section;
pub mod snapshot;
pub mod stack;
pub mod stores;
pub mod vagrant;
pub mod variables;

use serde::Serialize;

pub use blocks::Blocks;
pub use finding::{Finding, Place};
pub use snapshot::Snapshot;

/// What a spec is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Whatever the folder has.
    Auto,
    /// A Compose file.
    Compose,
    /// A dev container.
    DevContainer,
    /// A Dockerfile, with what the manifests beside it say.
    Dockerfile,
    /// A Procfile, with what the manifests beside it say.
    Procfile,
    /// A Vagrantfile.
    Vagrant,
}

/// A spec, proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The files that it was made from.
    pub from: Vec<String>,
    /// The names of its services.
    pub services: Vec<String>,
    /// What was concluded, and from where.
    pub conclusions: Vec<Finding>,
    /// What could not be concluded: for a person to decide.
    pub open: Vec<Finding>,
    /// The text of `devup.yaml`.
    pub text: String,
}

/// No proposal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The folder has no files.
    #[error("there is nothing to make a spec from: the folder is empty")]
    Empty,
    /// None of the files says what runs here.
    #[error("none of the files says how this project is run")]
    Unknown,
    /// A Compose file is a spec already.
    #[error("{0} is a spec already")]
    SpecAlready(String),
    /// A dev container, which devup reads as it is.
    #[error("{0} describes this project's environment")]
    DevContainer(String),
    /// What was asked for is not there.
    #[error("there is no {0} here")]
    Missing(&'static str),
    /// It is there, and can't be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
}

/// Proposes a spec.
///
/// # Errors
/// There is nothing to make one from, or there is one already.
pub fn propose(snapshot: &Snapshot, from: From, blocks: &Blocks) -> Result<Proposal, ImportError> {
    match from {
        From::Auto => detect::auto(snapshot, blocks),
        From::Compose => compose::propose(snapshot),
        From::DevContainer => devcontainer::propose(snapshot),
        From::Dockerfile => detect::from_dockerfile(snapshot, blocks),
        From::Procfile => detect::from_procfile(snapshot, blocks),
        From::Vagrant => vagrant::propose(snapshot, blocks),
    }
}

#[cfg(test)]
mod tests;
