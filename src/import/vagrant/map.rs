//! Machines → services.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::boxes::{self, Instead};
use super::machine::{Folder, Machine, Vagrantfile};
use super::script::{Reader, Step, When};
use crate::import::app::service_name;
use crate::import::blocks::{Blocks, Ground};
use crate::import::finding::{Finding, Place, each_once};
use crate::import::render::{HEAD, open_as_comments};
use crate::import::section::{Section, literal};
use crate::import::{Proposal, Snapshot};

/// What boxes have, and images lack: scripts count on it.
const PREPARE_APT: &str = "apt-get update\n\
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends sudo curl wget gnupg ca-certificates\n";
const PREPARE_OTHER: &str = "(command -v dnf >/dev/null && dnf install -y sudo which) || yum install -y sudo which\n";
const PREPARE_USER: &str = "id vagrant >/dev/null 2>&1 || useradd --create-home --shell /bin/bash vagrant\n\
    echo 'vagrant ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/vagrant\n";

struct Mapper<'a> {
    snapshot: &'a Snapshot,
    blocks: &'a Blocks,
    addresses: Vec<(String, String)>,
    names: Vec<String>,
    services: Section,
    tasks: Section,
    task_names: BTreeSet<String>,
    conclusions: Vec<Finding>,
    open: Vec<Finding>,
    ports: BTreeSet<(u16, bool)>,
    machines: Vec<String>,
}

/// The spec.
pub fn proposal(file: &Vagrantfile, snapshot: &Snapshot, blocks: &Blocks) -> Proposal {
    let machines = file.merged();
    let at = |(line, what): &(usize, String)| Finding::at(&Place::new(super::NAME, *line), what.clone());
    let mut mapper = Mapper {
        snapshot,
        blocks,
        addresses: Vec::new(),
        names: Vec::new(),
        services: Section::default(),
        tasks: Section::default(),
        task_names: BTreeSet::new(),
        conclusions: file.left.iter().map(at).collect(),
        open: file.unread.iter().map(at).collect(),
        ports: BTreeSet::new(),
        machines: Vec::new(),
    };
    for (name, ..) in &machines {
        mapper.name(name);
    }
    for ((_, _, machine), service) in machines.iter().zip(mapper.names.clone()) {
        let known = machine.addresses.iter().filter_map(|(_, address, _)| address.clone());
        mapper.addresses.extend(known.map(|address| (address, service.clone())));
    }
    for ((_, line, machine), service) in machines.iter().zip(mapper.names.clone()) {
        mapper.machine(&service, *line, machine);
    }
    mapper.finish()
}

impl Mapper<'_> {
    fn name(&mut self, machine: &str) {
        let wanted = service_name(machine).unwrap_or_else(|| "machine".to_owned());
        let mut name = wanted.clone();
        let mut number = 1;
        while self.names.contains(&name) {
            number += 1;
            name = format!("{wanted}-{number}");
        }
        self.names.push(name);
    }

    /// A conclusion, and the comment for it.
    fn because(&mut self, line: usize, what: impl Into<String>) -> String {
        let finding = Finding::at(&Place::new(super::NAME, line), what);
        if !self.conclusions.contains(&finding) {
            self.conclusions.push(finding.clone());
        }
        finding.to_string()
    }

    fn say(&mut self, line: usize, what: impl Into<String>) {
        let finding = Finding::at(&Place::new(super::NAME, line), what);
        if !self.open.contains(&finding) {
            self.open.push(finding);
        }
    }

    fn machine(&mut self, service: &str, line: usize, machine: &Machine) {
        let mut section = Section::default();
        let instead = self.ground(&mut section, line, machine);
        if let Some((hostname, line)) = &machine.hostname {
            self.hostname(&mut section, service, hostname, *line);
        }
        section.note("like a machine it waits to be entered (`devup shell`); put in its place what it shall run");
        section.put("command", "sleep infinity").put("init", true);
        let folders = self.folders(&mut section, machine);
        self.ports(&mut section, service, machine);
        self.limits(&mut section, machine);
        self.addresses_of(service, machine);
        let mut reader = Reader {
            snapshot: self.snapshot,
            machine,
            folders: &folders,
            addresses: &self.addresses,
            open: Vec::new(),
        };
        let steps = reader.steps();
        let open = reader.open;
        self.open.extend(open.into_iter().filter(|one| one.place.is_some()));
        self.steps(&mut section, service, &instead, &steps);
        self.as_machine(service, &instead, machine);
        self.services.section(service, section);
    }

    fn hostname(&mut self, section: &mut Section, service: &str, hostname: &str, line: usize) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
        if hostname.is_empty() || hostname.len() > 63 || !hostname.chars().all(fits) {
            self.say(line, format!("{hostname} is no name for a host: it was left out"));
            return;
        }
        let comment = self.because(line, "its name");
        section.note(comment).put("hostname", hostname);
        if hostname != service {
            section.put("networks", json!({ "default": { "aliases": [hostname] } }));
        }
    }

    fn ground(&mut self, section: &mut Section, line: usize, machine: &Machine) -> Instead {
        let (name, at) = machine.image.clone().unwrap_or_else(|| (String::new(), line));
        let instead = boxes::instead(&name, self.blocks);
        let what = if name.is_empty() {
            self.say(at, "no box is named: which system is it? Debian was taken");
            "no box is named".to_owned()
        } else if instead.same {
            format!("the box {name}")
        } else {
            self.say(at, format!("the box {name} is not known: Debian was taken in its place"));
            format!("in place of the box {name}, which is not known")
        };
        let comment = self.because(at, what);
        if let Some((version, line)) = &machine.version {
            self.because(*line, format!("the box's version {version} has no image of its own"));
        }
        section.note(comment);
        match &instead.ground {
            Ground::Env(env) => section.put("env", env.as_str()),
            Ground::Image(image) => section.put("image", image.as_str()),
            Ground::Build { context, .. } => section.put("build", context.as_str()),
        };
        instead
    }

    /// The synced folders, Vagrant's own default among them.
    fn folders(&mut self, section: &mut Section, machine: &Machine) -> Vec<Folder> {
        let mut folders = machine.folders.clone();
        if !folders.iter().any(|folder| folder.guest.trim_end_matches('/') == "/vagrant") {
            folders.insert(0, Folder { host: ".".into(), guest: "/vagrant".into(), disabled: false, line: 0 });
        }
        let mut volumes = Vec::new();
        for folder in folders.iter().filter(|folder| !folder.disabled) {
            let what = if folder.line == 0 { "Vagrant syncs the project's folder" } else { "a synced folder" };
            let mut comments = vec![self.because(folder.line, what)];
            if !folder.guest.starts_with('/')
                || folder.guest.contains(':')
                || folder.host.contains(':')
                || folder.host.is_empty()
            {
                self.say(folder.line, format!("{} can't be bound to {}", folder.host, folder.guest));
                continue;
            }
            let host = match folder.host.as_str() {
                host if host.starts_with(['/', '~'])
                    || host == "."
                    || host.starts_with("./")
                    || host.starts_with("../") =>
                {
                    host.to_owned()
                }
                ".." => "../".to_owned(),
                host => format!("./{host}"),
            };
            if host.starts_with(['/', '~']) || host.contains("..") {
                comments.push("it lies outside of the project: devup asks for consent".to_owned());
            }
            volumes.push((comments, json!(format!("{}:{}", literal(&host), literal(&folder.guest)))));
        }
        if !volumes.is_empty() {
            section.list("volumes", volumes);
        }
        folders
    }

    fn ports(&mut self, section: &mut Section, service: &str, machine: &Machine) {
        let mut ports: Vec<(Vec<String>, Json)> = Vec::new();
        for port in &machine.ports {
            if port.guest == 22 {
                self.because(port.line, format!("ssh is not needed: `devup shell {service}`"));
                continue;
            }
            let host =
                (port.host..=u16::MAX).find(|host| !self.ports.contains(&(*host, port.udp))).unwrap_or(port.host);
            self.ports.insert((host, port.udp));
            if host != port.host {
                self.say(port.line, format!("port {} is forwarded twice: {host} was taken for {service}", port.host));
            }
            let what =
                if port.address.is_some() { "a forwarded port" } else { "a forwarded port; it listens on loopback" };
            let comment = self.because(port.line, what);
            let protocol = if port.udp { "/udp" } else { "" };
            let address = port.address.as_deref().and_then(|address| address.parse::<std::net::IpAddr>().ok());
            let address = match address {
                Some(std::net::IpAddr::V6(address)) => format!("[{address}]:"),
                Some(address) => format!("{address}:"),
                None => String::new(),
            };
            ports.push((vec![comment], json!(format!("{address}{host}:{}{protocol}", port.guest))));
        }
        if !ports.is_empty() {
            section.list("ports", ports);
        }
    }

    fn limits(&mut self, section: &mut Section, machine: &Machine) {
        if let Some((cpus, line)) = machine.cpus {
            let comment = self.because(line, "its CPUs; here a limit, nothing is set aside");
            section.note(comment).put("cpus", cpus);
        }
        if let Some((memory, line)) = machine.memory {
            let comment = self.because(line, "its memory; here a limit, nothing is set aside");
            section.note(comment).put("mem_limit", format!("{memory}m"));
        }
    }

    fn addresses_of(&mut self, service: &str, machine: &Machine) {
        for (kind, address, line) in &machine.addresses {
            let what = match (kind.as_str(), address) {
                ("public_network" | "bridged", _) => {
                    format!(
                        "{service} was in the host's own network; here other machines reach only published ports, as in \"0.0.0.0:8080:80\""
                    )
                }
                (_, Some(address)) if machine.ports.iter().all(|port| port.guest == 22) => {
                    format!("the host reached {service} at {address}: publish the ports that it serves under `ports`")
                }
                _ => {
                    let address = address.as_deref().unwrap_or("its address");
                    self.because(*line, format!("services reach {service} by its name, not by {address}"));
                    continue;
                }
            };
            self.say(*line, what);
        }
    }

    fn steps(&mut self, section: &mut Section, service: &str, instead: &Instead, steps: &[Step]) {
        let mut provision = Vec::new();
        if !steps.is_empty() {
            let prepare = if instead.apt { PREPARE_APT } else { PREPARE_OTHER };
            let comment = "what boxes have and images lack: tools, and the user `vagrant` with sudo".to_owned();
            provision.push((vec![comment], json!({ "run": format!("{prepare}{PREPARE_USER}") })));
        }
        let mut hooks = Vec::new();
        for step in steps {
            match step.when {
                When::Once => provision.push((vec![self.because(step.place.line, "a provisioner")], step.provision())),
                When::Always => {
                    hooks.push((vec![self.because(step.place.line, "a provisioner of each start")], step.hook()));
                }
                When::Never => {
                    let comment = self.because(step.place.line, "a provisioner that runs when asked for");
                    let mut task = Section::default();
                    task.note(comment).put("service", service).put("run", literal(&step.run));
                    if let Some(user) = step.user {
                        task.put("user", user);
                    }
                    let name = self.task_name(service, step);
                    self.tasks.section(&name, task);
                }
            }
        }
        if !provision.is_empty() {
            section.list("provision", provision);
        }
        if !hooks.is_empty() {
            section.list("post_start", hooks);
        }
    }

    fn task_name(&mut self, service: &str, step: &Step) -> String {
        let own = step.name.as_deref().and_then(service_name);
        let own = own.unwrap_or_else(|| format!("{service}-{}", step.place.line));
        let several = (2..=u16::MAX).map(|number| format!("{service}-{own}-{number}"));
        let mut names = [own.clone(), format!("{service}-{own}")].into_iter().chain(several);
        let name = names.find(|name| !self.task_names.contains(name)).unwrap_or(own);
        self.task_names.insert(name.clone());
        name
    }

    /// The same as a virtual machine, as comments.
    fn as_machine(&mut self, service: &str, instead: &Instead, machine: &Machine) {
        self.machines.push(format!("  {service}:"));
        match &instead.ground {
            Ground::Env(env) => self.machines.push(format!("    env: {env}")),
            Ground::Image(image) => {
                self.machines.push(format!("    image: …             # a cloud image of {image}, with its checksum"));
            }
            Ground::Build { .. } => {}
        }
        if let Some((cpus, _)) = machine.cpus {
            self.machines.push(format!("    cpus: {cpus}"));
        }
        if let Some((memory, _)) = machine.memory {
            self.machines.push(format!("    memory: {memory}M"));
        }
    }

    fn finish(self) -> Proposal {
        let open = each_once(self.open);
        let mut document = Section::default();
        for line in HEAD {
            document.note(line);
        }
        document.note(
            "Each machine of the Vagrantfile is a service: a container that has its folders, ports, limits and steps.",
        );
        document.comments_only();
        open_as_comments(&mut document, &open);
        document.put("devup", 1).section("services", self.services);
        if !self.tasks.is_empty() {
            document.note("`devup task NAME` runs one").section("tasks", self.tasks);
        }
        document.note("As virtual machines, which devup knows and does not run yet:");
        document.note("machines:");
        for line in self.machines {
            document.note(line);
        }
        document.comments_only();
        Proposal {
            from: vec![super::NAME.to_owned()],
            services: self.names,
            conclusions: self.conclusions,
            open,
            text: document.document(),
        }
    }
}
