//! What a Vagrantfile says about its machines.

use super::value::Value;

/// The option under which a provisioner's own name is kept; no option of Vagrant's.
pub const NAMED: &str = "(name)";

/// A value and the line it was set on.
pub type Set<T> = Option<(T, usize)>;

/// A Vagrantfile, worked out.
#[derive(Debug, Default)]
pub struct Vagrantfile {
    /// What holds for all machines.
    pub all: Machine,
    /// Those that are defined, by name.
    pub machines: Vec<(String, usize, Machine)>,
    /// What could not be read: line and sentence.
    pub unread: Vec<(usize, String)>,
    /// What was read, and means nothing in a container: line and sentence.
    pub left: Vec<(usize, String)>,
}

/// One machine.
#[derive(Debug, Default, Clone)]
pub struct Machine {
    /// `vm.box`
    pub image: Set<String>,
    /// `vm.box_version`
    pub version: Set<String>,
    /// `vm.hostname`
    pub hostname: Set<String>,
    /// CPUs.
    pub cpus: Set<i64>,
    /// Memory in MiB.
    pub memory: Set<i64>,
    /// Forwarded ports.
    pub ports: Vec<Port>,
    /// Addresses on networks: kind, address, line.
    pub addresses: Vec<(String, Option<String>, usize)>,
    /// Synced folders.
    pub folders: Vec<Folder>,
    /// Provisioners, in their order.
    pub provisioners: Vec<Provisioner>,
}

/// A forwarded port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Inside.
    pub guest: u16,
    /// On the host.
    pub host: u16,
    /// The host's address.
    pub address: Option<String>,
    /// UDP.
    pub udp: bool,
    /// From 1.
    pub line: usize,
}

/// A synced folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// On the host.
    pub host: String,
    /// Inside.
    pub guest: String,
    /// Not synced at all.
    pub disabled: bool,
    /// From 1.
    pub line: usize,
}

/// A provisioner: its type and what was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioner {
    /// `shell`, `file`, `ansible`…
    pub kind: String,
    /// What was set, with lines.
    pub options: Vec<(String, Value, usize)>,
    /// From 1.
    pub line: usize,
}

impl Provisioner {
    /// An option's value.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.options.iter().rev().find(|(key, ..)| key == name).map(|(_, value, _)| value)
    }
}

impl Vagrantfile {
    /// Something that could not be read.
    pub fn open(&mut self, line: usize, what: impl Into<String>) {
        let entry = (line, what.into());
        if self.unread.len() < 500 && !self.unread.contains(&entry) {
            self.unread.push(entry);
        }
    }

    /// Something that was read and is worth a word.
    pub fn note(&mut self, line: usize, what: impl Into<String>) {
        let entry = (line, what.into());
        if self.left.len() < 500 && !self.left.contains(&entry) {
            self.left.push(entry);
        }
    }

    /// The machine that a scope means; without one, what holds for all.
    pub(super) fn machine(&mut self, scope: Option<usize>) -> &mut Machine {
        match scope.and_then(|index| self.machines.get_mut(index)) {
            Some((_, _, machine)) => machine,
            None => &mut self.all,
        }
    }

    /// The machines as they are: what holds for all, then their own. Without any defined there is one, `default`.
    pub fn merged(&self) -> Vec<(String, usize, Machine)> {
        if self.machines.is_empty() {
            return vec![("default".to_owned(), 0, self.all.clone())];
        }
        self.machines.iter().map(|(name, line, own)| (name.clone(), *line, own.over(&self.all))).collect()
    }
}

impl Machine {
    fn over(&self, all: &Machine) -> Machine {
        let joined = |own: &Set<String>, all: &Set<String>| own.clone().or_else(|| all.clone());
        let mut folders = all.folders.clone();
        folders.retain(|folder| !self.folders.iter().any(|own| own.guest == folder.guest));
        folders.extend(self.folders.iter().cloned());
        Machine {
            image: joined(&self.image, &all.image),
            version: joined(&self.version, &all.version),
            hostname: joined(&self.hostname, &all.hostname),
            cpus: self.cpus.or(all.cpus),
            memory: self.memory.or(all.memory),
            ports: [all.ports.clone(), self.ports.clone()].concat(),
            addresses: [all.addresses.clone(), self.addresses.clone()].concat(),
            folders,
            provisioners: [all.provisioners.clone(), self.provisioners.clone()].concat(),
        }
    }
}
