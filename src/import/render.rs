//! Applications and stores as `devup.yaml`, each part with the place it was concluded from.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::app::{App, Command, Process, WORKSPACE};
use super::blocks::Ground;
use super::finding::{Because, Finding, each_once};
use super::section::{Section, literal};
use super::stores::Store;
use super::{Proposal, Snapshot};

/// The first lines of every proposal.
pub const HEAD: [&str; 2] = [
    "Proposed by `devup init` from the files of this folder; each comment says from which line.",
    "It is yours now: change what you know better. `devup plan` shows what it means.",
];

/// Everything that is written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What stands in the way of nothing: applications, in their order.
    pub apps: Vec<App>,
    /// Their stores.
    pub stores: Vec<Store>,
    /// Findings about the project as a whole.
    pub open: Vec<Finding>,
    /// The files that it was made from.
    pub from: Vec<String>,
}

/// Collects while it writes.
#[derive(Default)]
struct Writer {
    conclusions: Vec<Finding>,
    open: Vec<Finding>,
    top: Section,
    services: Section,
    names: Vec<String>,
    tasks: Section,
    task_names: BTreeSet<String>,
    up: Vec<Value>,
    volumes: Section,
    ports: BTreeSet<u16>,
}

/// Writes the draft.
pub fn proposal(draft: Draft, snapshot: &Snapshot) -> Proposal {
    let mut writer = Writer { open: draft.open, ..Writer::default() };
    if snapshot.cut {
        writer.open.push(Finding::general("the folder has more files than are looked at: some may be missing here"));
    }
    for store in &draft.stores {
        writer.store(store);
    }
    for app in &draft.apps {
        writer.app(app);
    }
    writer.finish(draft.from)
}

/// What is open, as comments; nothing where all is clear.
pub fn open_as_comments(top: &mut Section, open: &[Finding]) {
    if !open.is_empty() {
        top.note("Not concluded, for you to decide:");
        for finding in open {
            top.note(format!("- {finding}"));
        }
        top.comments_only();
    }
}

impl Writer {
    fn finish(mut self, from: Vec<String>) -> Proposal {
        let open = each_once(self.open);
        let mut document = Section::default();
        for line in HEAD {
            document.note(line);
        }
        document.comments_only();
        open_as_comments(&mut document, &open);
        document.put("devup", 1);
        document.append(self.top);
        document.section("services", self.services);
        if !self.tasks.is_empty() {
            document.note("`devup task NAME` runs one").section("tasks", self.tasks);
        }
        if !self.up.is_empty() {
            document.note("tasks that belong to coming up").put("up", std::mem::take(&mut self.up));
        }
        if !self.volumes.is_empty() {
            document.section("volumes", self.volumes);
        }
        let text = document.document();
        Proposal { from, services: self.names, conclusions: self.conclusions, open, text }
    }

    /// The comment for a conclusion, which is kept.
    fn because<T>(&mut self, because: &Because<T>) -> String {
        if !self.conclusions.contains(&because.why) {
            self.conclusions.push(because.why.clone());
        }
        because.why.to_string()
    }

    fn ground(&mut self, section: &mut Section, ground: &Because<Ground>) {
        section.note(self.because(ground));
        match &ground.value {
            Ground::Env(name) => section.put("env", name.as_str()),
            Ground::Image(reference) => section.put("image", literal(reference)),
            Ground::Build { context, dockerfile: None, inline: None } => section.put("build", literal(context)),
            Ground::Build { context, dockerfile, inline } => {
                let mut build = Section::default();
                build.put("context", literal(context));
                if let Some(name) = dockerfile {
                    build.put("dockerfile", literal(name));
                }
                if let Some(text) = inline {
                    build.put("dockerfile_inline", literal(text));
                }
                section.section("build", build)
            }
        };
    }

    fn store(&mut self, store: &Store) {
        let mut section = Section::default();
        self.ground(&mut section, &store.ground);
        let environment = store.environment();
        if !environment.is_empty() {
            let mut variables = Section::default();
            for (name, value) in environment {
                if name.ends_with("PASSWORD") {
                    variables.note("DB_PASSWORD in .env changes it; only this project's network reaches the database");
                }
                variables.put(name, value);
            }
            section.section("environment", variables);
        }
        let (volume, path) = store.volume;
        section.put("volumes", json!([format!("{volume}:{path}")]));
        if let Some(check) = store.healthcheck() {
            section.put("healthcheck", check);
        }
        self.volumes.put(volume, json!({}));
        self.names.push(store.service.to_owned());
        self.services.section(store.service, section);
    }

    fn app(&mut self, app: &App) {
        self.open.extend(app.open.iter().cloned());
        let shared = self.shared(app);
        let anchor = app.main_name();
        let several = app.processes.len() > 1;
        if several {
            self.top.note(format!("what the services of {} have in common", app.kind));
            self.top.anchored(&format!("x-{anchor}"), &anchor, shared.clone());
        }
        let mut first = None;
        for process in &app.processes {
            let mut section = Section::default();
            if several {
                section.merge(&anchor);
            } else {
                section.append(shared.clone());
            }
            self.process(&mut section, app, process);
            let name = self.free_name(&process.name);
            first.get_or_insert_with(|| name.clone());
            self.services.section(&name, section);
        }
        if let Some(service) = first {
            self.tasks_of(app, &service);
        }
    }

    /// Two folders may have one name in lowercase.
    fn free_name(&mut self, wanted: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let name = names.find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.push(name.clone());
        name
    }

    fn shared(&mut self, app: &App) -> Section {
        let mut section = Section::default();
        self.ground(&mut section, &app.ground);
        let mut volumes = Vec::new();
        if app.bound {
            section.put("working_dir", WORKSPACE);
            let folder = if app.folder.is_empty() { ".".to_owned() } else { format!("./{}", literal(&app.folder)) };
            volumes.push((Vec::new(), json!(format!("{folder}:{WORKSPACE}"))));
        }
        for (name, path) in &app.volumes {
            let name = if app.folder.is_empty() { (*name).to_owned() } else { format!("{}-{name}", app.main_name()) };
            volumes.push((vec![path.why.what.clone()], json!(format!("{name}:{}", path.value))));
            self.volumes.put(&name, json!({}));
        }
        if !volumes.is_empty() {
            section.list("volumes", volumes);
        }
        if !app.environment.is_empty() {
            let mut variables = Section::default();
            for (name, value) in &app.environment {
                variables.note(self.because(value)).put(name, value.value.as_str());
            }
            section.section("environment", variables);
        }
        let steps: Vec<(Vec<String>, Value)> = app.provision.iter().map(|step| self.step(app, step)).collect();
        if !steps.is_empty() {
            section.list("provision", steps);
        }
        if !app.needs.is_empty() {
            let needs = app.needs.iter().map(|store| ((*store).to_owned(), json!({"condition": "service_healthy"})));
            section.put("depends_on", Value::Object(needs.collect()));
        }
        section
    }

    fn step(&mut self, app: &App, step: &Because<super::app::Step>) -> (Vec<String>, Value) {
        let comment = self.because(step);
        let mut fields = serde_json::Map::new();
        fields.insert("run".to_owned(), json!(literal(&step.value.run)));
        if !step.value.inputs.is_empty() {
            let path = |input: &String| match app.folder.as_str() {
                "" => literal(input),
                folder => literal(&format!("{folder}/{input}")),
            };
            fields.insert("inputs".to_owned(), step.value.inputs.iter().map(path).collect());
        }
        if !step.value.outputs.is_empty() {
            fields.insert("outputs".to_owned(), json!(step.value.outputs));
        }
        (vec![comment], Value::Object(fields))
    }

    fn process(&mut self, section: &mut Section, app: &App, process: &Process) {
        match &process.command {
            Some(command) => {
                section.note(self.because(command));
                match &command.value {
                    Command::Words(words) => section.put("command", literal(words)),
                    Command::Shell(line) => section.put("command", json!(["sh", "-c", literal(line)])),
                };
            }
            None if matches!(app.ground.value, Ground::Build { inline: None, .. }) => {}
            None => {
                let what = format!(
                    "what does `{}` run? It waits for `devup shell {}` until `command` says so",
                    process.name, process.name
                );
                self.open.push(Finding::at(&app.seen, what));
                section.put("command", "sleep infinity").put("init", true);
            }
        }
        if let Some(port) = &process.port {
            let outside = (port.value..=u16::MAX).find(|outside| !self.ports.contains(outside)).unwrap_or(port.value);
            self.ports.insert(outside);
            let comment = self.because(port);
            section.list("ports", vec![(vec![comment], json!(format!("{outside}:{}", port.value)))]);
        }
    }

    fn tasks_of(&mut self, app: &App, service: &str) {
        for task in &app.tasks {
            let mut name = task.name.clone();
            if !self.task_names.insert(name.clone()) {
                name = format!("{service}-{}", task.name);
                self.task_names.insert(name.clone());
            }
            let mut section = Section::default();
            section.note(self.because(&task.run)).put("service", service).put("run", literal(&task.run.value));
            self.tasks.section(&name, section);
            if task.up {
                self.up.push(json!(name));
            }
        }
    }
}
