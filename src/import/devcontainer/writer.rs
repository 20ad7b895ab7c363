//! A dev container that was read → the text of a spec, and the list of what it has no words for.

use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::MARKS;
use crate::import::Proposal;
use crate::import::finding::{Finding, Place};
use crate::import::render::{HEAD, open_as_comments};
use crate::import::section::Section;
use crate::model::development::{Command, Development, Stage, When};
use crate::spec::devcontainer::configuration::Configuration;

/// The dev container's own id.
const ID: &str = "${devcontainerId}";

/// What has no counterpart in a spec, and what to do about it.
const LEFT: [(&str, &str); 11] = [
    ("initializeCommand", "a spec runs nothing on this machine: run it yourself, or make a script of it"),
    ("features", "a spec knows none: install what they bring in a Dockerfile"),
    ("secrets", "name them under `secrets`, with where their values come from"),
    ("hostRequirements", "nothing compares this machine with what is asked for"),
    ("customizations", "for editors: it stays in this file"),
    ("userEnvProbe", "programs get the container's variables, not those of the user's shell"),
    ("waitFor", "`up` waits for everything"),
    ("shutdownAction", "`devup stop` and `devup down` do what they say"),
    ("otherPortsAttributes", "for editors"),
    ("runServices", "name the services: `devup up SERVICE`"),
    ("updateRemoteUserUID", "nobody's ids are changed: make the user with fitting ones in the image"),
];

/// Puts what was read into the words of a spec, and collects what has none.
pub(super) struct Writer<'a> {
    file: &'a str,
    /// The project's folder, as the file was read.
    local: String,
    read: &'a Configuration,
    open: Vec<Finding>,
}

impl<'a> Writer<'a> {
    /// With what a spec has no words for noted already; `local` is the project's folder, as the file was read.
    pub(super) fn new(file: &'a str, local: String, read: &'a Configuration) -> Self {
        let mut writer = Self { file, local, read, open: Vec::new() };
        writer.left();
        writer
    }

    fn place(&self, key: &str) -> Place {
        let line = self.read.node.as_map().and_then(|map| map.get(key)).map_or(0, |entry| entry.key_at.line);
        Place::new(self.file, line)
    }

    fn open(&mut self, key: &str, what: impl Into<String>) {
        let what = format!("{key}: {}", what.into());
        self.open.push(Finding::at(&self.place(key), what));
    }

    fn left(&mut self) {
        for (key, what) in LEFT {
            if self.read.node.get(key).is_some() {
                self.open(key, what);
            }
        }
    }

    /// A text as the spec has it: paths begin at the project, variables are the spec's.
    fn text(&self, text: &str) -> String {
        let text = text.replace(&self.local, ".").replace(ID, "\u{1}COMPOSE_PROJECT_NAME\u{2}");
        text.replace('$', "$$").replace(MARKS.0, "${").replace(MARKS.1, "}")
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.value(value))).collect(),
            other => other.clone(),
        }
    }

    fn top(&self) -> Section {
        let mut top = Section::default();
        for line in HEAD {
            top.note(line);
        }
        top.comments_only();
        open_as_comments(&mut top, &self.open);
        top.put("devup", 1);
        top
    }

    fn proposal(&self, services: Vec<String>, top: &Section) -> Proposal {
        let conclusions = vec![Finding::at(&Place::new(self.file, 0), "read as a dev container")];
        let from = vec![self.file.to_owned()];
        Proposal { from, services, conclusions, open: self.open.clone(), text: top.document() }
    }

    /// Its Compose files are included as they are. What the dev container adds to its service can't be said here.
    pub(super) fn composed(mut self, development: &Development) -> Proposal {
        for key in
            ["containerEnv", "containerUser", "mounts", "forwardPorts", "init", "privileged", "capAdd", "securityOpt"]
        {
            if self.read.node.get(key).is_some() {
                self.open(
                    key,
                    format!("an included service can't be changed here: write it under {}", development.service),
                );
            }
        }
        if development.override_command == Some(true) {
            self.open("overrideCommand", "the service's own command runs: give it one that does nothing");
        }
        self.stages_left(development);
        let folder = Path::new(self.file).parent().unwrap_or(Path::new(""));
        let path = |(name, _): (&str, _)| {
            let joined = folder.join(name).to_string_lossy().into_owned();
            self.text(&crate::spec::resolve_path::clean(&joined))
        };
        let files: Vec<String> = self.read.texts("dockerComposeFile").into_iter().map(path).collect();
        let include = if files.len() == 1 { json!(files) } else { json!([{ "path": files }]) };
        let mut top = self.top();
        top.note(format!("{}: the services", self.place("dockerComposeFile"))).put("include", include);
        self.proposal(vec![development.service.clone()], &top)
    }

    /// Of a service that stands elsewhere.
    fn stages_left(&mut self, development: &Development) {
        for stage in &development.stages {
            self.open(
                &stage.name,
                format!("make a task of it, and name it under `up`: it runs in {}", development.service),
            );
        }
        for key in ["remoteUser", "remoteEnv"] {
            if self.read.node.get(key).is_some() {
                self.open(key, "say it with `devup exec -u` and `-e`, or in the service");
            }
        }
    }

    /// One service, of an image or a Dockerfile.
    pub(super) fn single(mut self, document: &Value, development: &Development) -> Proposal {
        let mut document = document.clone();
        own_volumes(&mut document, &development.service);
        let mut service = document["services"][&development.service].clone();
        tidy(&mut service, &self.local);
        self.person(&mut service, development);
        let (steps, hooks) = self.stages(development);
        let mut section = Section::default();
        for (key, value) in service.as_object().into_iter().flatten() {
            section.put(key, self.value(value));
        }
        if !steps.is_empty() {
            section.list("provision", steps);
        }
        if !hooks.is_empty() {
            section.list("post_start", hooks);
        }
        let mut services = Section::default();
        services.section(&development.service, section);
        let mut top = self.top();
        top.section("services", services);
        for key in ["networks", "volumes"] {
            if let Some(value) = document.get(key) {
                top.put(key, self.value(value));
            }
        }
        self.proposal(vec![development.service.clone()], &top)
    }

    /// Whoever works inside: in a spec that is the container's own user, with the container's own variables.
    fn person(&mut self, service: &mut Value, development: &Development) {
        let session = &development.session;
        service["working_dir"] = json!(session.folder);
        if let Some(user) = &session.user {
            if service.get("user").is_some_and(|own| own != user) {
                self.open("remoteUser", "the container's own user was taken: `devup exec -u` is for others");
            } else {
                service["user"] = json!(user);
            }
            if development.update_ids.is_none() {
                self.open("remoteUser", "nobody's ids are changed: make the user with fitting ones in the image");
            }
        }
        let mut added: IndexMap<&str, &str> = IndexMap::new();
        for (name, value) in &session.environment {
            match value.as_deref().filter(|value| !value.contains("${containerEnv:")) {
                Some(value) => {
                    added.insert(name, value);
                }
                None => self.open("remoteEnv", format!("{name} depends on the container: set it in the image")),
            }
        }
        if added.is_empty() {
            return;
        }
        let mut lines = match service.get("environment") {
            Some(Value::Array(lines)) => lines.clone(),
            _ => Vec::new(),
        };
        lines.extend(added.iter().map(|(name, value)| json!(format!("{name}={value}"))));
        service["environment"] = Value::Array(lines);
    }

    /// What runs once, and what runs at each start.
    fn stages(&mut self, development: &Development) -> (Vec<Commented>, Vec<Commented>) {
        let (mut steps, mut hooks) = (Vec::new(), Vec::new());
        for stage in &development.stages {
            if stage.commands.len() > 1 {
                self.open(&stage.name, "its commands run one after another, not side by side");
            }
            let notes = vec![format!("{}: {}", self.place(&stage.name), stage.name)];
            match stage.when {
                When::Created => {
                    self.open(&stage.name, "runs once for each content, not for each container; without the variables");
                    steps.extend(self.steps(stage, development).map(|step| (notes.clone(), step)));
                }
                When::Started => {
                    let words = stage.commands.values().map(Command::words);
                    hooks.extend(words.map(|words| (notes.clone(), self.value(&json!({ "command": words })))));
                }
            }
        }
        (steps, hooks)
    }

    /// They see the project, and write there.
    fn steps(&self, stage: &Stage, development: &Development) -> impl Iterator<Item = Value> {
        let folder = development.session.folder.clone().unwrap_or_else(|| "/".to_owned());
        stage.commands.values().map(move |command| {
            let run = match command {
                Command::Line(line) => line.clone(),
                // a word can hold no zero byte: the file is text
                Command::Words(words) => shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default(),
            };
            let mut step = json!({ "run": self.text(&run), "outputs": [self.text(&folder)] });
            if let Some(user) = &development.session.user {
                step["user"] = json!(self.text(user));
            }
            step
        })
    }
}

/// An item of a list, with the comments above it.
type Commented = (Vec<String>, Value);

/// A volume with the dev container's id in its name is one of this project alone: so are a spec's by themselves.
fn own_volumes(document: &mut Value, service: &str) {
    let Some(volumes) = document.get_mut("volumes").and_then(Value::as_object_mut) else { return };
    let mut names: IndexMap<String, String> = IndexMap::new();
    for (name, volume) in std::mem::take(volumes) {
        if !name.contains(ID) {
            volumes.insert(name, volume);
            continue;
        }
        let bare = name.replace(ID, "");
        let bare = bare.trim_matches(['-', '_', '.']);
        let bare = if bare.is_empty() { "data" } else { bare };
        volumes.insert(bare.to_owned(), json!({}));
        names.insert(name, bare.to_owned());
    }
    let mounts = document["services"][service].get_mut("volumes").and_then(Value::as_array_mut);
    for mount in mounts.into_iter().flatten() {
        if let Some(bare) = mount["source"].as_str().and_then(|source| names.get(source)) {
            mount["source"] = json!(bare);
        }
    }
}

/// Without what only devup's own reading put in; the Dockerfile's path begins at the context.
fn tidy(service: &mut Value, local: &str) {
    if let Some(labels) = service.get_mut("labels").and_then(Value::as_array_mut) {
        labels.retain(|label| !label.as_str().is_some_and(|label| label.starts_with("devcontainer.")));
    }
    if let Some(map) = service.as_object_mut() {
        map.retain(|key, value| key == "command" || !matches!(value, Value::Array(items) if items.is_empty()));
    }
    let Some(build) = service.get_mut("build") else { return };
    let context = build["context"].as_str().unwrap_or(local).to_owned();
    let dockerfile = build["dockerfile"].as_str().unwrap_or_default();
    let relative = match Path::new(dockerfile).strip_prefix(&context) {
        Ok(relative) => relative.to_string_lossy().into_owned(),
        Err(_) => {
            let below = Path::new(&context).strip_prefix(local).unwrap_or(Path::new("")).components().count();
            let rest = Path::new(dockerfile).strip_prefix(local).unwrap_or(Path::new(dockerfile));
            format!("{}{}", "../".repeat(below), rest.to_string_lossy())
        }
    };
    build["dockerfile"] = json!(relative);
}
