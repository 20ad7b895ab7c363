//! What the statements of a Vagrantfile set: `config.vm.…` and what stands in its blocks.

use super::machine::{Folder, Machine, NAMED, Port, Provisioner, Vagrantfile};
use super::value::{Object, Value};

/// More machines than anybody has at home.
const MOST_MACHINES: usize = 64;

/// What is about Vagrant or the machine itself.
const OF_THE_MACHINE: [&str; 22] = [
    "box_check_update",
    "box_url",
    "box_download_checksum",
    "box_download_checksum_type",
    "box_download_insecure",
    "boot_timeout",
    "graceful_halt_timeout",
    "post_up_message",
    "communicator",
    "guest",
    "usable_port_range",
    "ignore_box_vagrantfile",
    "allowed_synced_folder_types",
    "base_mac",
    "boot_mode",
    "disk",
    "cloud_init",
    "clone",
    "allow_fstab_modification",
    "allow_hosts_modification",
    "box_architecture",
    "base_address",
];

impl Vagrantfile {
    /// `object.name = value`, `object.name[key] = value`.
    pub fn set(&mut self, object: &Object, name: &str, key: Option<&Value>, value: &Value, line: usize) {
        match object {
            Object::Vm(scope) => self.set_vm(*scope, name, value, line),
            Object::Provider(scope, provider) => match (name, key) {
                // v.vmx["memsize"] = "1024"
                ("[]", Some(Value::Text(key))) => self.provide(*scope, provider, key, value, line),
                _ => self.provide(*scope, provider, name, value, line),
            },
            Object::Provisioner(scope, index) => {
                let entry = (name.to_owned(), value.clone(), line);
                if let Some(provisioner) = self.machine(*scope).provisioners.get_mut(*index) {
                    provisioner.options.push(entry);
                }
            }
            Object::Config(_) => self.open(line, format!("`{name}` is not known")),
            Object::Other(of) => {
                self.note(line, format!("`{of}.{name}` is about the machine: a container has none of it"));
            }
        }
    }

    fn set_vm(&mut self, scope: Option<usize>, name: &str, value: &Value, line: usize) {
        if OF_THE_MACHINE.contains(&name) {
            self.note(line, format!("`vm.{name}` is about the machine: a container has none of it"));
            return;
        }
        let text = match value.shown() {
            Ok(text) => text,
            Err(why) => {
                self.open(line, format!("`vm.{name}` could not be read: {why}"));
                return;
            }
        };
        let machine = self.machine(scope);
        match name {
            "box" => machine.image = Some((text, line)),
            "box_version" => machine.version = Some((text, line)),
            "hostname" | "host_name" => machine.hostname = Some((text, line)),
            _ => self.open(line, format!("`vm.{name}` is not known")),
        }
    }

    fn provide(&mut self, scope: Option<usize>, provider: &str, name: &str, value: &Value, line: usize) {
        let place = match name {
            "memory" | "memsize" | "maxmemory" | "--memory" => "memory",
            "cpus" | "numvcpus" | "--cpus" => "cpus",
            _ => {
                self.note(line, format!("`{name}` of {provider} is about the machine: a container has none of it"));
                return;
            }
        };
        match value.int().filter(|number| (1..=1 << 24).contains(number)) {
            Some(number) if place == "cpus" => self.machine(scope).cpus = Some((number, line)),
            Some(number) => self.machine(scope).memory = Some((number, line)),
            None => self.open(line, format!("{place} could not be read: {}", why_not(value))),
        }
    }

    /// `object.name(arguments)`: its value, and what a block of it gets.
    pub fn call(&mut self, object: &Object, name: &str, arguments: &[Value], line: usize) -> (Value, Option<Object>) {
        match object {
            Object::Config(scope) if name == "vm" => (Value::Object(Object::Vm(*scope)), None),
            Object::Config(_) => (Value::Object(Object::Other(name.to_owned())), Some(Object::Other(name.to_owned()))),
            Object::Vm(scope) => self.call_vm(*scope, name, arguments, line),
            Object::Provider(scope, provider) => {
                match (name, arguments) {
                    ("customize", [Value::List(words), ..]) => self.customize(*scope, provider, words, line),
                    ("vmx" | "vmx_data", _) => return (Value::Object(object.clone()), None),
                    // `v.memory 1024`, as some write it
                    ("memory" | "cpus", [value]) => self.provide(*scope, provider, name, value, line),
                    _ => self
                        .note(line, format!("`{name}` of {provider} is about the machine: a container has none of it")),
                }
                (Value::Nil, Some(Object::Other(name.to_owned())))
            }
            Object::Provisioner(scope, index) => {
                let value = Value::List(arguments.to_vec());
                if let Some(provisioner) = self.machine(*scope).provisioners.get_mut(*index) {
                    provisioner.options.push((name.to_owned(), value, line));
                }
                (Value::Nil, Some(Object::Other(name.to_owned())))
            }
            Object::Other(of) => {
                if !arguments.is_empty() {
                    self.note(line, format!("`{of}.{name}` is about the machine: a container has none of it"));
                }
                let inner = Object::Other(format!("{of}.{name}").chars().take(200).collect());
                (Value::Object(inner.clone()), Some(inner))
            }
        }
    }

    fn customize(&mut self, scope: Option<usize>, provider: &str, words: &[Value], line: usize) {
        let mut found = false;
        for pair in words.windows(2) {
            if let [Value::Text(name), value] = pair
                && matches!(name.as_str(), "--memory" | "--cpus")
            {
                self.provide(scope, provider, name, value, line);
                found = true;
            }
        }
        if !found {
            self.note(line, format!("what {provider} is told here is about the machine: a container has none of it"));
        }
    }

    fn call_vm(
        &mut self,
        scope: Option<usize>,
        name: &str,
        arguments: &[Value],
        line: usize,
    ) -> (Value, Option<Object>) {
        let first = arguments.first();
        let options = arguments.last().filter(|last| matches!(last, Value::Map(_)));
        match name {
            "network" => self.network(scope, arguments, options, line),
            "forward_port" => self.port(scope, first, arguments.get(1), options, line),
            "synced_folder" => self.folder(scope, first, arguments.get(1), options, line),
            // the first version of the configuration: name, inside, outside
            "share_folder" => self.folder(scope, arguments.get(2), arguments.get(1), options, line),
            "provision" => return (Value::Nil, self.provisioner(scope, arguments, options, line)),
            "provider" => {
                let provider = first.and_then(|name| name.shown().ok()).unwrap_or_else(|| "the provider".to_owned());
                return (Value::Nil, Some(Object::Provider(scope, provider)));
            }
            "define" => return (Value::Nil, self.define(first, line)),
            "customize" => {
                if let Some(Value::List(words)) = first {
                    self.customize(scope, "the provider", words, line);
                }
            }
            "box" | "hostname" | "host_name" if arguments.is_empty() => {
                let machine = self.machine(scope);
                let set = if name == "box" { &machine.image } else { &machine.hostname };
                let value = set.as_ref().map_or(Value::Nil, |(text, _)| Value::text(text));
                return (value, None);
            }
            "box" | "hostname" | "host_name" | "box_version" => {
                if let Some(value) = first {
                    self.set_vm(scope, name, value, line);
                }
            }
            _ if OF_THE_MACHINE.contains(&name) => {
                self.note(line, format!("`vm.{name}` is about the machine: a container has none of it"));
                return (Value::Nil, Some(Object::Other(name.to_owned())));
            }
            _ => self.open(line, format!("`vm.{name}` is not known")),
        }
        (Value::Nil, Some(Object::Other(name.to_owned())))
    }

    fn define(&mut self, name: Option<&Value>, line: usize) -> Option<Object> {
        let name = match name.map(Value::shown) {
            Some(Ok(name)) if !name.is_empty() => name,
            other => {
                let why = other.and_then(Result::err).unwrap_or_else(|| "it is empty".to_owned());
                self.open(line, format!("the name of this machine could not be read ({why}): it was left out"));
                return None;
            }
        };
        if let Some(index) = self.machines.iter().position(|(known, ..)| *known == name) {
            return Some(Object::Config(Some(index)));
        }
        if self.machines.len() >= MOST_MACHINES {
            self.open(line, format!("only the first {MOST_MACHINES} machines are read"));
            return None;
        }
        self.machines.push((name, line, Machine::default()));
        Some(Object::Config(Some(self.machines.len() - 1)))
    }

    fn network(&mut self, scope: Option<usize>, arguments: &[Value], options: Option<&Value>, line: usize) {
        let kind = arguments.first().map_or(Ok(String::new()), Value::shown);
        let option = |name: &str| options.and_then(|options| options.get(name));
        match kind.as_deref() {
            Ok("forwarded_port") => self.port(scope, option("guest"), option("host"), options, line),
            Ok(kind @ ("private_network" | "public_network" | "hostonly" | "bridged")) => {
                let given = option("ip").or_else(|| arguments.get(1).filter(|value| matches!(value, Value::Text(_))));
                let address = match given.map(Value::shown) {
                    Some(Ok(address)) => Some(address),
                    Some(Err(why)) => {
                        self.open(line, format!("the address could not be read: {why}"));
                        None
                    }
                    None => None,
                };
                self.machine(scope).addresses.push((kind.to_owned(), address, line));
            }
            Ok(kind) => {
                let kind = kind.to_owned();
                self.open(line, format!("a network `{kind}` is not known"));
            }
            Err(why) => self.open(line, format!("which network this is could not be read: {why}")),
        }
    }

    fn port(
        &mut self,
        scope: Option<usize>,
        guest: Option<&Value>,
        host: Option<&Value>,
        options: Option<&Value>,
        line: usize,
    ) {
        let number = |value: Option<&Value>| {
            value.and_then(Value::int).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
        };
        let (Some(guest_port), Some(host_port)) = (number(guest), number(host)) else {
            let wrong = [("guest", guest), ("host", host)].into_iter().find(|(_, value)| number(*value).is_none());
            let (which, value) = wrong.unwrap_or(("guest", None));
            let why = value.map_or_else(|| "it is not given".to_owned(), why_not);
            self.open(line, format!("the {which}'s port could not be read: {why}"));
            return;
        };
        let option = |name: &str| options.and_then(|options| options.get(name)).and_then(|value| value.shown().ok());
        let address = option("host_ip").filter(|address| !address.is_empty());
        let udp = option("protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"));
        self.machine(scope).ports.push(Port { guest: guest_port, host: host_port, address, udp, line });
    }

    fn folder(
        &mut self,
        scope: Option<usize>,
        host: Option<&Value>,
        guest: Option<&Value>,
        options: Option<&Value>,
        line: usize,
    ) {
        let shown = |value: Option<&Value>| value.map_or_else(|| Err("it is not given".to_owned()), Value::shown);
        let (host, guest) = match (shown(host), shown(guest)) {
            (Ok(host), Ok(guest)) => (host, guest),
            (Err(why), _) | (_, Err(why)) => {
                self.open(line, format!("the synced folder could not be read: {why}"));
                return;
            }
        };
        let disabled = match options.and_then(|options| options.get("disabled")).map(Value::truth) {
            Some(Err(why)) => {
                self.open(line, format!("whether this folder is synced could not be read: {why}"));
                return;
            }
            other => other == Some(Ok(true)),
        };
        for (name, what) in
            [("owner", "owner"), ("group", "group"), ("mount_options", "mount options"), ("type", "type")]
        {
            if options.is_some_and(|options| options.get(name).is_some()) {
                self.note(
                    line,
                    format!(
                        "the {what} of this folder: it is bound, and its files belong to whom they belong on the host"
                    ),
                );
            }
        }
        let guest = match guest.trim_end_matches('/') {
            "" => guest,
            short => short.to_owned(),
        };
        let folders = &mut self.machine(scope).folders;
        folders.retain(|folder| folder.guest != guest);
        folders.push(Folder { host, guest, disabled, line });
    }

    fn provisioner(
        &mut self,
        scope: Option<usize>,
        arguments: &[Value],
        options: Option<&Value>,
        line: usize,
    ) -> Option<Object> {
        let kind = options.and_then(|options| options.get("type")).or_else(|| arguments.first());
        let kind = match kind.map(Value::shown) {
            Some(Ok(kind)) => kind,
            Some(Err(why)) => {
                self.open(line, format!("which provisioner this is could not be read: {why}"));
                return None;
            }
            None => return None,
        };
        let entries = if let Some(Value::Map(entries)) = options { entries.as_slice() } else { &[] };
        let mut options: Vec<(String, Value, usize)> =
            entries.iter().filter_map(|(key, value)| Some((key.shown().ok()?, value.clone(), line))).collect();
        if let (true, Some(name)) = (options.iter().any(|(key, ..)| key == "type"), arguments.first()) {
            options.push((NAMED.to_owned(), name.clone(), line));
        }
        let machine = self.machine(scope);
        machine.provisioners.push(Provisioner { kind, options, line });
        Some(Object::Provisioner(scope, machine.provisioners.len() - 1))
    }
}

fn why_not(value: &Value) -> String {
    match value {
        Value::Unknown(why) => why.clone(),
        Value::Nil => "it is not set".to_owned(),
        _ => "it is no number that fits".to_owned(),
    }
}
