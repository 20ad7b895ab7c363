//! Named tasks and provisioning steps, as the spec has them.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A named command that runs in a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Task {
    /// The service it runs in.
    pub service: String,
    /// A shell command; further arguments are appended, quoted.
    pub run: String,
    /// What `devup task --list` says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `unit`, `functional`, `smoke`, or the project's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// User inside; the service's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Folder inside; the service's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Added to the service's environment.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, Option<String>>,
}

/// A provisioning step: runs inside, once per hash of step and inputs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provision {
    /// A shell command.
    pub run: String,
    /// Files and globs, relative to the project, whose content belongs to the step's hash.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Paths inside that the step writes; one beneath a mount makes the step run in the created container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// User inside; the image's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Folder inside; the service's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Filled in when it is decided where the step runs: input files (absolute, on the host) and their places inside.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub copies: IndexMap<PathBuf, String>,
    /// Filled in likewise: mounts that would hide what an image layer holds there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_by: Vec<String>,
    /// Filled in for features of dev containers: variables that the image keeps; may refer to those it has.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub image_environment: IndexMap<String, String>,
    /// Filled in likewise: labels that the image gets.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub image_labels: IndexMap<String, String>,
}
