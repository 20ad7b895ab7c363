//! A dev container in the words of the spec: one service with everything that the engine has to know, every value with
//! its place in the `devcontainer.json`. What only the person inside is concerned with becomes a [`Development`].

use super::configuration::{self, Configuration, Form};
use super::{commands, features, mount, ports, run_args};
use crate::model::development::{Development, Probe, Requirements, Session, Wish};
use crate::spec::error::{Fault, Problem, SpecError};
use crate::spec::node::{At, Entry, Map, Node, Value};
use crate::spec::resolve_path::clean;

/// The service of a dev container that no Compose file describes.
pub const SERVICE: &str = "dev";

/// Labels by which editors find the container again.
const FOLDER_LABEL: &str = "devcontainer.local_folder";
/// The same.
const FILE_LABEL: &str = "devcontainer.config_file";

/// A dev container in the spec's words: a whole spec, or what is merged over its Compose files.
pub fn document(read: &Configuration) -> Result<(Node, Development), SpecError> {
    let form = read.form()?;
    let name = match (form, read.text("service")) {
        (Form::Compose, Some(service)) => service.to_owned(),
        (Form::Compose, None) => return Err(no_service(read)),
        _ => SERVICE.to_owned(),
    };
    let mut lowering =
        Lowering { read, form, service: empty(read), networks: empty(read), volumes: empty(read), problems: vec![] };
    lowering.image();
    lowering.container();
    lowering.mounts();
    lowering.arguments();
    let published = lowering.published(&name);
    let Lowering { service, networks, mut volumes, problems, .. } = lowering;
    if let Some(error) = SpecError::collect(problems) {
        return Err(error);
    }
    declare(&service, &mut volumes);
    let mut services = empty(read);
    put(
        &mut services,
        &name,
        service,
        &read.node.get("service").map_or_else(|| read.node.at.clone(), |node| node.at.clone()),
    );
    for (other, ports) in published {
        if services.get(&other).is_none() {
            put(&mut services, &other, empty(read), &read.node.at);
        }
        if let Some(service) = services.get_mut(&other) {
            append(service, "ports", ports);
        }
    }
    let mut spec = empty(read);
    for (key, section) in [("services", services), ("networks", networks), ("volumes", volumes)] {
        if section.as_map().is_some_and(|map| !map.is_empty()) {
            spec.set(key, section);
        }
    }
    Ok((spec, development(read, form, &name)))
}

fn no_service(read: &Configuration) -> SpecError {
    let fault = Fault::MissingKey { path: crate::spec::schema::DEVCONTAINER_ROOT.into(), key: "service".into() };
    let at = read.node.get("dockerComposeFile").map_or(&read.node.at, |node| &node.at);
    Problem::new(fault, at).help("name the service that is the dev container: `\"service\": \"app\"`").into()
}

fn development(read: &Configuration, form: Form, service: &str) -> Development {
    let text = |key: &str| read.text(key).map(str::to_owned);
    Development {
        service: service.to_owned(),
        file: read.path.clone(),
        local_folder: read.workspace.local.clone(),
        session: Session {
            user: text("remoteUser"),
            folder: Some(read.workspace.folder.clone()),
            environment: variables(read.node.get("remoteEnv")),
            probe: read.text("userEnvProbe").map(probe),
        },
        update_ids: read.flag("updateRemoteUserUID"),
        override_command: read.flag("overrideCommand"),
        composed: form == Form::Compose,
        run_services: read.texts("runServices").into_iter().map(|(name, _)| name.to_owned()).collect(),
        initialize: commands::initialize(read),
        initialize_at: read.node.get(commands::INITIALIZE).and_then(place),
        stages: commands::stages(read),
        features: features::wishes(read.node.get("features")),
        features_first: read
            .texts("overrideFeatureInstallOrder")
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
        id: configuration::id(&read.workspace.local, &read.path),
        required_ports: ports::required(read),
        ports: read.node.get("portsAttributes").map(ports::attributes).unwrap_or_default(),
        other_ports: read.node.get("otherPortsAttributes").map(ports::of_port),
        wait_for: text("waitFor"),
        secrets: secrets(read),
        requirements: requirements(read.node.get("hostRequirements")),
    }
}

fn secrets(read: &Configuration) -> indexmap::IndexMap<String, Wish> {
    let about = |node: &Node| {
        let parts = ["description", "documentationUrl"].into_iter().filter_map(|key| node.get(key)?.as_str());
        parts.collect::<Vec<_>>().join(", ")
    };
    let secrets = read.node.entries("secrets");
    secrets.map(|(name, entry)| (name.clone(), Wish { about: about(&entry.node), source: None })).collect()
}

/// What `hostRequirements` asks for. A GPU that is optional is none that is required.
pub(super) fn requirements(node: Option<&Node>) -> Requirements {
    let size = |key: &str| {
        let text = node?.get(key)?.value.text()?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let power = ["", "kb", "mb", "gb", "tb"].iter().position(|unit| *unit == &text[digits.len()..])?;
        digits.parse::<u64>().ok()?.checked_mul(1024_u64.checked_pow(u32::try_from(power).ok()?)?)
    };
    let cpus = node.and_then(|node| node.get("cpus")?.as_int()).and_then(|cpus| u64::try_from(cpus).ok());
    let gpu = node.and_then(|node| node.get("gpu"));
    let gpu = gpu.is_some_and(|gpu| gpu.as_bool() == Some(true) || gpu.as_map().is_some());
    Requirements { cpus, memory: size("memory"), storage: size("storage"), gpu }
}

fn place(node: &Node) -> Option<(std::path::PathBuf, usize)> {
    Some((node.at.source.as_ref()?.path.clone(), node.at.line))
}

fn overrides(read: &Configuration, form: Form) -> bool {
    read.flag("overrideCommand").unwrap_or(form != Form::Compose)
}

fn variables(node: Option<&Node>) -> indexmap::IndexMap<String, Option<String>> {
    let map = node.and_then(Node::as_map).into_iter().flatten();
    map.map(|(name, entry)| (name.clone(), entry.node.as_str().map(str::to_owned))).collect()
}

/// The words of the specification; checked before.
pub fn probe(text: &str) -> Probe {
    match text {
        "none" => Probe::None,
        "loginShell" => Probe::LoginShell,
        "interactiveShell" => Probe::InteractiveShell,
        _ => Probe::LoginInteractiveShell,
    }
}

fn empty(read: &Configuration) -> Node {
    Node::empty_map(read.node.at.clone())
}

fn put(map: &mut Node, key: &str, node: Node, key_at: &At) {
    if let Some(map) = map.as_map_mut() {
        map.insert(key.to_owned(), Entry { key_at: key_at.clone(), node });
    }
}

fn append(service: &mut Node, key: &str, items: Vec<Node>) {
    let Some(first) = items.first() else { return };
    if service.get(key).is_none() {
        service.set(key, Node::new(Value::Seq(Vec::new()), first.at.clone()));
    }
    if let Some(list) = service.get_mut(key).and_then(Node::as_seq_mut) {
        list.extend(items);
    }
}

/// Named volumes of the mounts, under exactly these names: another dev container may mean the same.
fn declare(service: &Node, volumes: &mut Node) {
    for mount in service.get("volumes").and_then(Node::as_seq).into_iter().flatten() {
        let named = mount.get("type").and_then(Node::as_str) == Some("volume");
        let Some(source) = mount.get("source").filter(|_| named) else { continue };
        let Some(name) = source.as_str() else { continue };
        let mut volume = Node::empty_map(source.at.clone());
        volume.set("name", source.clone());
        put(volumes, name, volume, &source.at);
    }
}

struct Lowering<'r> {
    read: &'r Configuration,
    form: Form,
    service: Node,
    networks: Node,
    volumes: Node,
    problems: Vec<Problem>,
}

impl Lowering<'_> {
    fn set(&mut self, key: &str, value: Option<&Node>) {
        if let Some(value) = value {
            self.service.set(key, value.clone());
        }
    }

    fn image(&mut self) {
        match self.form {
            Form::Image => self.set("image", self.read.node.get("image")),
            Form::Dockerfile => self.build(),
            Form::Compose => {}
        }
    }

    /// Both paths begin in the folder of the `devcontainer.json`.
    fn build(&mut self) {
        let section = self.read.node.get("build");
        let part = |key: &str| section.and_then(|section| section.get(key));
        let Some(file) = self.read.node.get("dockerFile").or_else(|| part("dockerfile")) else { return };
        let context = self.read.node.get("context").or_else(|| part("context"));
        let absolute = |node: &Node| {
            let path = self.read.folder().join(node.as_str().unwrap_or_default());
            Node::string(clean(&path.to_string_lossy()), node.at.clone())
        };
        let mut build = Node::empty_map(file.at.clone());
        let here = Node::string(".", file.at.clone());
        build.set("context", absolute(context.unwrap_or(&here)));
        build.set("dockerfile", absolute(file));
        for (from, to) in [("args", "args"), ("target", "target")] {
            if let Some(value) = part(from) {
                build.set(to, value.clone());
            }
        }
        if let Some(cache) = part("cacheFrom") {
            let list = match &cache.value {
                Value::Seq(_) => cache.clone(),
                _ => Node::new(Value::Seq(vec![cache.clone()]), cache.at.clone()),
            };
            build.set("cache_from", list);
        }
        let options = part("options").and_then(Node::as_seq).into_iter().flatten();
        let options: Vec<(&str, &Node)> = options.filter_map(|node| Some((node.as_str()?, node))).collect();
        self.problems.extend(super::build_options::apply(&options, &mut build));
        self.service.set("build", build);
    }

    fn container(&mut self) {
        let read = self.read;
        for (from, to) in [
            ("containerEnv", "environment"),
            ("containerUser", "user"),
            ("init", "init"),
            ("privileged", "privileged"),
            ("capAdd", "cap_add"),
            ("securityOpt", "security_opt"),
        ] {
            self.set(to, read.node.get(from));
        }
        let at = &read.node.at;
        let mut labels = Node::empty_map(at.clone());
        labels.set(FOLDER_LABEL, Node::string(read.workspace.local.display().to_string(), at.clone()));
        labels.set(FILE_LABEL, Node::string(read.path.display().to_string(), at.clone()));
        self.service.set("labels", labels);
        if overrides(read, self.form) {
            let at = read.node.get("overrideCommand").map_or(at, |node| &node.at);
            let words = |words: Vec<String>| {
                let items = words.into_iter().map(|word| Node::string(word, at.clone())).collect();
                Node::new(Value::Seq(items), at.clone())
            };
            self.service.set("entrypoint", words(idle(&[])));
            self.service.set("command", words(Vec::new()));
        }
    }

    fn mounts(&mut self) {
        let mut mounts = Vec::new();
        let given = self.read.node.get("workspaceMount");
        let at = given.map_or(&self.read.node.at, |node| &node.at);
        if let Some(text) = self.read.workspace.mount.as_deref().filter(|text| !text.is_empty()) {
            mounts.push(mount::of_text(text, "workspaceMount", at));
        }
        for (index, node) in self.read.node.get("mounts").and_then(Node::as_seq).into_iter().flatten().enumerate() {
            let path = format!("mounts[{index}]");
            mounts.push(match node.as_str() {
                Some(text) => mount::of_text(text, &path, &node.at),
                None => mount::of_object(node, &path),
            });
        }
        for mount in mounts {
            match mount {
                Ok(mount) => append(&mut self.service, "volumes", vec![mount]),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    fn arguments(&mut self) {
        if self.form == Form::Compose {
            return;
        }
        // flags add to what the properties say
        for key in ["environment", "labels"] {
            if let Some(node) = self.service.get_mut(key) {
                as_list(node);
            }
        }
        let arguments = self.read.texts("runArgs");
        self.problems.extend(run_args::apply(&arguments, &mut self.service, &mut self.networks));
    }

    /// A container on the host's own network has its ports there already.
    fn published(&mut self, name: &str) -> ports::Ports {
        let published = ports::published(self.read, name, &mut self.problems);
        let elsewhere = published.keys().find(|service| *service != name);
        if let Some(other) = elsewhere.filter(|_| self.form != Form::Compose) {
            let at = self.read.node.get("forwardPorts").map_or(&self.read.node.at, |node| &node.at);
            let fault = Fault::UnknownName { path: "forwardPorts".into(), kind: "service", name: other.clone() };
            let help = "other hosts are known where `dockerComposeFile` describes them; write the number alone";
            self.problems.push(Problem::new(fault, at).help(help));
        }
        if self.service.get("network_mode").is_some() { ports::Ports::new() } else { published }
    }
}

/// Keeps the container running until it is told to stop, after these programs; a command that `run` gives is run instead.
pub fn idle(before: &[&str]) -> Vec<String> {
    let mut script = "trap 'exit 0' TERM INT\n".to_owned();
    for program in before {
        script.push_str(program);
        script.push('\n');
    }
    script.push_str("exec \"$@\"\nwhile :; do sleep 3600 & wait $!; done");
    ["/bin/sh", "-c", &script, "-"].map(str::to_owned).to_vec()
}

/// `{NAME: value}` → `[NAME=value]`.
fn as_list(node: &mut Node) {
    let Value::Map(map) = &node.value else { return };
    let line = |(name, entry): (&String, &Entry)| {
        let value = entry.node.value.text().unwrap_or_default();
        Node::string(format!("{name}={value}"), entry.node.at.clone())
    };
    let map: &Map = map;
    node.value = Value::Seq(map.iter().map(line).collect());
}
