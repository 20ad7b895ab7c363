//! One application of the project, as concluded from its folder.

use super::blocks::Ground;
use super::finding::{Because, Finding, Place};
use super::read::Dependency;
use super::snapshot::Folder;

/// Where the project's files are seen inside.
pub const WORKSPACE: &str = "/workspace";

/// One application: everything that runs on one ground.
#[derive(Debug, Clone)]
pub struct App {
    /// What it was recognised by, for people: `Django`, `Express`.
    pub kind: String,
    /// Below the project's folder; empty: that itself.
    pub folder: String,
    /// What told it.
    pub seen: Place,
    /// On what it stands.
    pub ground: Because<Ground>,
    /// The project's folder is bound, and the steps run in it; not so where an image holds the code.
    pub bound: bool,
    /// Steps, in their order.
    pub provision: Vec<Because<Step>>,
    /// What runs.
    pub processes: Vec<Process>,
    /// Variables: name and value, as the spec has them.
    pub environment: Vec<(String, Because<String>)>,
    /// Volumes of its own: name and path inside.
    pub volumes: Vec<(&'static str, Because<String>)>,
    /// Named commands.
    pub tasks: Vec<Task>,
    /// What its manifests name.
    pub dependencies: Vec<Dependency>,
    /// The services of the stores that it needs.
    pub needs: Vec<&'static str>,
    /// What could not be concluded.
    pub open: Vec<Finding>,
}

/// One process of an application.
#[derive(Debug, Clone)]
pub struct Process {
    /// The service's name.
    pub name: String,
    /// Its command; `None`: what the image says.
    pub command: Option<Because<Command>>,
    /// The port it listens on inside.
    pub port: Option<Because<u16>>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Words, as in a spec; ours, without variables.
    Words(String),
    /// For a shell, as a file has it.
    Shell(String),
}

/// A provisioning step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The command.
    pub run: String,
    /// Files of the folder that decide whether it runs anew.
    pub inputs: Vec<String>,
    /// What it writes.
    pub outputs: Vec<String>,
}

/// A named command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The command.
    pub run: Because<String>,
    /// It belongs to coming up.
    pub up: bool,
}

impl Step {
    /// A step that reads these files.
    pub fn new(run: impl Into<String>, inputs: &[&str]) -> Self {
        Self { run: run.into(), inputs: inputs.iter().map(|&input| input.to_owned()).collect(), outputs: Vec::new() }
    }

    /// And writes these.
    #[must_use]
    pub fn writes(mut self, output: &str) -> Self {
        self.outputs.push(output.to_owned());
        self
    }
}

impl Process {
    /// A process with a command of ours.
    pub fn new(name: &str, command: impl Into<String>, place: &Place, why: impl Into<String>) -> Self {
        let command = Because::of(Command::Words(command.into()), place, why);
        Self { name: name.to_owned(), command: Some(command), port: None }
    }

    /// A process of which nothing is known but its name.
    pub fn unknown(name: &str) -> Self {
        Self { name: name.to_owned(), command: None, port: None }
    }

    /// And the port it listens on.
    #[must_use]
    pub fn on(mut self, port: u16, place: &Place, why: impl Into<String>) -> Self {
        self.port = Some(Because::of(port, place, why));
        self
    }
}

impl Task {
    /// A task with a command of ours.
    pub fn new(name: &str, run: &str, place: &Place, why: &str) -> Self {
        Self { name: name.to_owned(), run: Because::of(run.to_owned(), place, why), up: false }
    }

    /// It belongs to coming up.
    #[must_use]
    pub fn at_up(mut self) -> Self {
        self.up = true;
        self
    }
}

impl App {
    /// An application of which only ground and folder are known.
    pub fn new(kind: &str, folder: &Folder, seen: Place, ground: Because<Ground>) -> Self {
        Self {
            kind: kind.to_owned(),
            folder: folder.path.clone(),
            seen,
            ground,
            bound: true,
            provision: Vec::new(),
            processes: Vec::new(),
            environment: Vec::new(),
            volumes: Vec::new(),
            tasks: Vec::new(),
            dependencies: Vec::new(),
            needs: Vec::new(),
            open: Vec::new(),
        }
    }

    /// The main process's name: that of the folder, else `web`.
    pub fn main_name(&self) -> String {
        service_name(&self.folder).unwrap_or_else(|| "web".to_owned())
    }

    /// Whether something is known that runs.
    pub fn runs(&self) -> bool {
        self.processes.iter().any(|process| process.command.is_some())
            || matches!(&self.ground.value, Ground::Build { inline: None, .. })
    }

    /// A step with its reason.
    pub fn step(&mut self, step: Step, place: &Place, why: impl Into<String>) {
        self.provision.push(Because::of(step, place, why));
    }

    /// A variable of ours.
    pub fn variable(&mut self, name: &str, value: &str, place: &Place, why: &str) {
        self.environment.push((name.to_owned(), Because::of(value.to_owned(), place, why)));
    }
}

/// A name as services have it, made from one of a file's.
pub fn service_name(text: &str) -> Option<String> {
    let fitting =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().take(60).map(fitting).collect();
    let name = name.trim_matches(['-', '_']).to_owned();
    (!name.is_empty()).then_some(name)
}
