//! The form of a table of scenarios.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A story with its own project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub about: String,
    pub files: BTreeMap<String, String>,
    pub steps: Vec<Step>,
}

/// One thing that is done, and what has to be so afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Arguments of the command that is tried.
    pub run: Option<String>,
    /// Removes the service's first container behind the command's back.
    pub remove: Option<String>,
    /// Path on the published HTTP port.
    pub get: Option<String>,
    /// Datagram to the published UDP port.
    pub send: Option<String>,
    /// What `get` and `send` are answered.
    pub answers: Option<String>,
    /// Variables for the command.
    pub env: BTreeMap<String, String>,
    /// Its exit code.
    pub code: i32,
    /// Parts of standard output or error; `PROJECT` is the project's name.
    pub says: Vec<String>,
    /// What they do not have.
    pub silent: Vec<String>,
    /// All of standard output.
    pub prints: Option<String>,
    /// State of all containers of a service, or `absent`.
    pub is: BTreeMap<String, String>,
    /// The same for containers of `run`.
    pub oneoffs: BTreeMap<String, String>,
    /// Numbers of a service's running containers.
    pub numbers: BTreeMap<String, Vec<u32>>,
    /// Services with the containers that they had before the step.
    pub same: Vec<String>,
    /// Services with other containers.
    pub new: Vec<String>,
    /// Services whose containers were started anew.
    pub restarted: Vec<String>,
    /// Services with the containers that they had, none of them started anew.
    pub untouched: Vec<String>,
    /// How many ports of the host the project's containers have together.
    pub distinct_ports: Option<usize>,
    /// Where devup differs on purpose.
    pub devup: Option<Difference>,
}

/// What devup does otherwise, with words of docs/compose.md that say why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Another exit code.
    pub code: Option<i32>,
    /// Other containers are left.
    pub numbers: Option<BTreeMap<String, Vec<u32>>>,
    pub because: String,
}

impl Step {
    /// The step as it goes for devup.
    pub fn for_devup(mut self) -> Self {
        if let Some(difference) = self.devup.take() {
            self.code = difference.code.unwrap_or(self.code);
            self.numbers = difference.numbers.unwrap_or(self.numbers);
        }
        self
    }
}
