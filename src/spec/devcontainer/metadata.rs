//! What an image says about working in it: the label `devcontainer.metadata`, merged below the project's own file by the
//! specification's rules.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::lower::{idle, probe, requirements};
use super::variables::{Known, container_environment, substitute};
use super::{commands, jsonc, mount};
use crate::model::development::{Development, Stage};
use crate::model::mount::Mount;
use crate::model::service::Service;
use crate::spec::error::SpecError;
use crate::spec::node::{Node, Source, Value};

/// The label.
pub const LABEL: &str = "devcontainer.metadata";

/// What an image says, entry by entry; later ones count more.
#[derive(Debug, Clone, Default)]
pub struct Metadata(Vec<Node>);

/// What lies below the label: the image itself.
pub struct Below<'a> {
    /// Its variables.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// What every command goes through.
    pub entrypoint: &'a [String],
    /// What runs where nobody says anything.
    pub command: &'a [String],
}

impl Metadata {
    /// Reads the label's text; `image` is named in errors.
    pub fn parse(text: &str, image: &str) -> Result<Self, SpecError> {
        let path = PathBuf::from(format!("label {LABEL} of image {image}"));
        let node = jsonc::parse(&Arc::new(Source { path, text: text.to_owned() }))?;
        Ok(Self(match node.value {
            Value::Seq(items) => items,
            _ => vec![node],
        }))
    }

    /// Adds an entry that counts more than those before.
    pub fn push(&mut self, entry: Node) {
        self.0.push(entry);
    }

    /// Replaces variables by what they stand for here.
    pub fn substitute(&mut self, known: &Known) -> Result<(), SpecError> {
        self.0.iter_mut().try_for_each(|entry| substitute(entry, known))
    }

    /// As the label has it.
    pub fn text(&self) -> String {
        serde_json::Value::from(self.0.iter().map(Node::to_json).collect::<Vec<_>>()).to_string()
    }

    /// There is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn each<'m>(&'m self, key: &'m str) -> impl Iterator<Item = &'m Node> {
        self.0.iter().filter_map(move |entry| entry.get(key))
    }

    fn any(&self, key: &str) -> bool {
        self.each(key).any(|node| node.as_bool() == Some(true))
    }

    fn last_text(&self, key: &str) -> Option<String> {
        self.each(key).filter_map(Node::as_str).last().map(str::to_owned)
    }

    fn last_flag(&self, key: &str) -> Option<bool> {
        self.each(key).filter_map(Node::as_bool).last()
    }

    pub(super) fn lists<'m>(&'m self, key: &'m str) -> impl Iterator<Item = &'m Node> {
        self.each(key).filter_map(Node::as_seq).flatten()
    }

    fn variables(&self, key: &str) -> IndexMap<String, Option<String>> {
        let maps = self.each(key).filter_map(Node::as_map).flatten();
        maps.map(|(name, entry)| (name.clone(), entry.node.as_str().map(str::to_owned))).collect()
    }

    /// Merges it below what the project says; ports have a [room of their own](super::image_ports).
    pub fn apply(&self, service: &mut Service, development: &mut Development, image: &Below) -> Result<(), SpecError> {
        self.container(service, image.variable);
        self.mounts(service)?;
        self.person(development);
        self.program(service, development, image);
        Ok(())
    }

    /// What runs in the container. What `run` was told on its command line stays.
    fn program(&self, service: &mut Service, development: &Development, image: &Below) {
        let overrides = development.override_command.or_else(|| self.last_flag("overrideCommand"));
        let idles = service.entrypoint.as_ref() == Some(&idle(&[]));
        let entrypoints: Vec<&str> = self.each("entrypoint").filter_map(Node::as_str).collect();
        if overrides.unwrap_or(!development.composed) {
            if idles || development.composed {
                service.entrypoint = Some(idle(&entrypoints));
                service.command = service.command.take().filter(|_| idles).or(Some(Vec::new()));
            }
            return;
        }
        if idles && !development.composed {
            service.entrypoint = None;
            service.command = service.command.take().filter(|command| !command.is_empty());
        }
        if !entrypoints.is_empty() && (idles || development.composed) {
            before(&entrypoints, service, image);
        }
    }

    fn container(&self, service: &mut Service, image: &dyn Fn(&str) -> Option<String>) {
        if self.any("init") {
            service.init = Some(true);
        }
        service.privileged |= self.any("privileged");
        for (key, list) in [("capAdd", &mut service.cap_add), ("securityOpt", &mut service.security_opt)] {
            for value in self.lists(key).filter_map(Node::as_str) {
                if !list.iter().any(|known| known == value) {
                    list.push(value.to_owned());
                }
            }
        }
        if service.user.is_none() {
            service.user = self.last_text("containerUser");
        }
        for (name, value) in self.variables("containerEnv") {
            let value = value.map(|value| container_environment(&value, image));
            service.environment.entry(name).or_insert(value);
        }
    }

    fn mounts(&self, service: &mut Service) -> Result<(), SpecError> {
        let mut mounts: IndexMap<String, Mount> = IndexMap::new();
        for node in self.lists("mounts") {
            let long = match node.as_str() {
                Some(text) => mount::of_text(text, "mounts", &node.at),
                None => mount::of_object(node, "mounts"),
            };
            // what passed the checks of its notation fits the model
            if let Ok(mount) = serde_json::from_value::<Mount>(long?.to_json()) {
                mounts.insert(mount.target.clone(), mount);
            }
        }
        for (target, mount) in mounts {
            if !service.volumes.iter().any(|own| own.target == target) {
                service.volumes.push(mount);
            }
        }
        Ok(())
    }

    fn person(&self, development: &mut Development) {
        let session = &mut development.session;
        if session.user.is_none() {
            session.user = self.last_text("remoteUser");
        }
        session.probe = session.probe.or_else(|| self.last_text("userEnvProbe").map(|text| probe(&text)));
        for (name, value) in self.variables("remoteEnv") {
            session.environment.entry(name).or_insert(value);
        }
        development.wait_for = development.wait_for.take().or_else(|| self.last_text("waitFor"));
        for node in self.each("hostRequirements") {
            development.requirements = development.requirements.and(requirements(Some(node)));
        }
        development.update_ids = development.update_ids.or_else(|| self.last_flag("updateRemoteUserUID"));
        let own = std::mem::take(&mut development.stages);
        for (name, when) in commands::STAGES {
            let theirs = self.each(name).filter_map(|node| commands::stage(node, name, when));
            let stages: Vec<Stage> = theirs.chain(own.iter().filter(|stage| stage.name == name).cloned()).collect();
            development.stages.extend(stages);
        }
    }
}

/// Runs entrypoints before the container's own program, which then takes the place of the shell that ran them.
fn before(entrypoints: &[&str], service: &mut Service, image: &Below) {
    let own = service.entrypoint.take();
    // an entrypoint of the service makes the image's command none of its own
    let command = if own.is_some() { Vec::new() } else { image.command.to_vec() };
    let mut words = idle(entrypoints);
    words.extend(own.unwrap_or_else(|| image.entrypoint.to_vec()));
    service.entrypoint = Some(words);
    service.command.get_or_insert(command);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::development::{Probe, Session};

    fn merged(label: &str, service: &mut Service, development: &mut Development) {
        let metadata = Metadata::parse(label, "base").unwrap();
        let variable = |name: &str| (name == "PATH").then(|| "/bin".to_owned());
        let (entrypoint, command) = (["/init".to_owned()], ["serve".to_owned(), "-v".to_owned()]);
        let image = Below { variable: &variable, entrypoint: &entrypoint, command: &command };
        metadata.apply(service, development, &image).unwrap();
    }

    #[test]
    fn entrypoints_come_before_a_program_that_is_not_overridden() {
        let label = r#"[{"entrypoint": "a &"}, {"entrypoint": "b"}]"#;
        let program = |entrypoint: Option<Vec<String>>, command: Option<&str>, composed: bool| {
            let command = command.map(|word| vec![word.to_owned()]);
            let mut service = Service { command, entrypoint, ..Service::default() };
            let override_command = Some(false);
            merged(label, &mut service, &mut Development { override_command, composed, ..Development::default() });
            let words = service.entrypoint.unwrap();
            let script = words[2].contains("a &\nb\nexec \"$@\"");
            (script, words[3..].join(" "), service.command.unwrap().join(" "))
        };
        let after = |entrypoint: &str, command: &str| (true, entrypoint.to_owned(), command.to_owned());
        assert_eq!(program(Some(idle(&[])), None, false), after("- /init", "serve -v"), "the image's program");
        assert_eq!(program(Some(idle(&[])), Some("echo"), false), after("- /init", "echo"), "what `run` was told");
        assert_eq!(program(None, None, true), after("- /init", "serve -v"));
        assert_eq!(program(None, Some("own"), true), after("- /init", "own"));
        assert_eq!(program(Some(vec!["mine".into()]), None, true), after("- mine", ""));
    }

    #[test]
    fn the_image_asks_of_the_machine_and_says_what_is_waited_for() {
        let label = r#"[{"waitFor": "onCreateCommand", "hostRequirements": {"cpus": 8, "memory": "2gb", "gpu": "optional"}},
            {"waitFor": "postCreateCommand", "hostRequirements": {"cpus": 2, "gpu": {"cores": 4}}}]"#;
        let own = crate::model::development::Requirements { memory: Some(4 << 30), ..Default::default() };
        let mut development = Development { requirements: own, ..Development::default() };
        merged(label, &mut Service::default(), &mut development);
        assert_eq!(development.wait_for.as_deref(), Some("postCreateCommand"));
        let asked = development.requirements;
        assert_eq!((asked.cpus, asked.memory, asked.gpu), (Some(8), Some(4 << 30), true));
        let mut development = Development { wait_for: Some("postStartCommand".into()), ..Development::default() };
        merged(label, &mut Service::default(), &mut development);
        assert_eq!(development.wait_for.as_deref(), Some("postStartCommand"));
    }

    #[test]
    fn the_projects_own_word_is_the_last() {
        let label = r#"[{"remoteUser": "vscode", "containerEnv": {"A": "image", "P": "${containerEnv:PATH}:/x"}, "userEnvProbe": "none"},
            {"remoteUser": "node", "init": true, "privileged": false, "capAdd": ["SYS_PTRACE"],
             "mounts": ["type=volume,source=a,target=/a", {"type": "volume", "source": "b", "target": "/b"}],
             "remoteEnv": {"R": "image"}, "updateRemoteUserUID": false}]"#;
        let mut service = Service {
            cap_add: vec!["SYS_PTRACE".into()],
            environment: [("A".to_owned(), Some("own".to_owned()))].into(),
            volumes: vec![Mount { source: Some("mine".into()), target: "/a".into(), ..Mount::default() }],
            ..Service::default()
        };
        let mut development = Development {
            session: Session { environment: [("R".to_owned(), None)].into(), ..Session::default() },
            ..Development::default()
        };
        merged(label, &mut service, &mut development);
        assert_eq!(development.session.user.as_deref(), Some("node"));
        assert_eq!(development.session.probe, Some(Probe::None));
        assert_eq!(development.session.environment["R"], None);
        assert_eq!(development.update_ids, Some(false));
        assert!(service.init == Some(true) && !service.privileged);
        assert_eq!(service.cap_add, ["SYS_PTRACE"]);
        assert_eq!(service.environment["A"].as_deref(), Some("own"));
        assert_eq!(service.environment["P"].as_deref(), Some("/bin:/x"));
        let sources: Vec<_> = service.volumes.iter().filter_map(|mount| mount.source.as_deref()).collect();
        assert_eq!(sources, ["mine", "b"]);
    }

    #[test]
    fn the_images_commands_come_first_within_each_stage() {
        let label = r#"{"onCreateCommand": "a", "postStartCommand": ["b"]}"#;
        let own = Metadata::parse(r#"{"onCreateCommand": {"x": "c", "y": ["d"]}}"#, "own").unwrap();
        let stage = commands::stage(
            &own.0[0].as_map().unwrap()["onCreateCommand"].node,
            "onCreateCommand",
            commands::STAGES[0].1,
        );
        let mut development = Development { stages: stage.into_iter().collect(), ..Development::default() };
        merged(label, &mut Service::default(), &mut development);
        let names: Vec<_> =
            development.stages.iter().map(|stage| (stage.name.as_str(), stage.commands.len())).collect();
        assert_eq!(names, [("onCreateCommand", 1), ("onCreateCommand", 2), ("postStartCommand", 1)]);
    }

    #[test]
    fn what_run_was_told_stays() {
        let told = |entrypoint: Vec<String>, label: &str| {
            let command = Some(vec!["echo".to_owned()]);
            let mut service = Service { entrypoint: Some(entrypoint), command, ..Service::default() };
            merged(label, &mut service, &mut Development::default());
            (service.entrypoint.map(|words| words.len()), service.command.map(|words| words.join(" ")))
        };
        assert_eq!(told(idle(&[]), "{}"), (Some(4), Some("echo".to_owned())));
        assert_eq!(told(vec!["x".into()], "{}"), (Some(1), Some("echo".to_owned())));
        assert_eq!(told(idle(&[]), r#"{"overrideCommand": false}"#), (None, Some("echo".to_owned())));
    }

    #[test]
    fn whether_the_command_is_overridden_is_the_projects_then_the_images_word() {
        let effective = |own: Option<bool>, label: &str, composed: bool| {
            let entrypoint = if composed { vec!["x".into()] } else { idle(&[]) };
            let mut service = Service { entrypoint: Some(entrypoint), ..Service::default() };
            let mut development = Development { override_command: own, composed, ..Development::default() };
            merged(label, &mut service, &mut development);
            service.entrypoint.map(|words| words.len())
        };
        assert_eq!(effective(None, "{}", false), Some(4));
        assert_eq!(effective(None, r#"{"overrideCommand": false}"#, false), None);
        assert_eq!(effective(Some(true), r#"{"overrideCommand": false}"#, false), Some(4));
        assert_eq!(effective(None, "{}", true), Some(1), "Compose's own stays");
    }
}
