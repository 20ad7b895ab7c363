//! `runArgs`: flags of `docker run`, into keys of a service. What has no counterpart is an error with its place.

use crate::spec::error::{Fault, Problem};
use crate::spec::node::{At, Node, Value};

use super::mount;

/// What a flag becomes.
#[derive(Debug, Clone, Copy)]
enum Becomes {
    /// One value of a key.
    Text(&'static str),
    /// One more entry of a list.
    List(&'static str),
    /// `NAME=value`, one more entry of a list; a `NAME` alone takes the value from here.
    Pair(&'static str),
    /// `NAME=value` of a mapping.
    Entry(&'static str),
    /// `true`.
    Flag(&'static str),
    /// A mount in docker's notation.
    Mount,
    /// A network: a mode, or one that exists.
    Network,
    /// `name=soft[:hard]`.
    Limit,
    /// `--gpus all`.
    Gpus,
    /// A log driver's option.
    LogOption,
    /// Seconds.
    Seconds(&'static str),
    /// Nothing: it changes nothing here.
    Nothing,
    /// Nothing, with its value.
    NothingWithValue,
}

use Becomes::{
    Entry, Flag, Gpus, Limit, List, LogOption, Mount, Network, Nothing, NothingWithValue, Pair, Seconds, Text,
};

/// Every flag that has a counterpart; `docs/devcontainer.md` lists them.
const FLAGS: &[(&[&str], Becomes)] = &[
    (&["--add-host"], List("extra_hosts")),
    (&["--cap-add"], List("cap_add")),
    (&["--cap-drop"], List("cap_drop")),
    (&["--cgroup-parent"], Text("cgroup_parent")),
    (&["--cgroupns"], Text("cgroup")),
    (&["--cpu-shares", "-c"], Text("cpu_shares")),
    (&["--cpus"], Text("cpus")),
    (&["--cpuset-cpus"], Text("cpuset")),
    (&["--device"], List("devices")),
    (&["--device-cgroup-rule"], List("device_cgroup_rules")),
    (&["--dns"], List("dns")),
    (&["--dns-option", "--dns-opt"], List("dns_opt")),
    (&["--dns-search"], List("dns_search")),
    (&["--domainname"], Text("domainname")),
    (&["--env", "-e"], Pair("environment")),
    (&["--env-file"], List("env_file")),
    (&["--expose"], List("expose")),
    (&["--gpus"], Gpus),
    (&["--group-add"], List("group_add")),
    (&["--hostname", "-h"], Text("hostname")),
    (&["--init"], Flag("init")),
    (&["--ipc"], Text("ipc")),
    (&["--label", "-l"], Pair("labels")),
    (&["--link"], List("external_links")),
    (&["--log-driver"], Text("driver")),
    (&["--log-opt"], LogOption),
    (&["--mac-address"], Text("mac_address")),
    (&["--memory", "-m"], Text("mem_limit")),
    (&["--memory-reservation"], Text("mem_reservation")),
    (&["--memory-swap"], Text("memswap_limit")),
    (&["--memory-swappiness"], Text("mem_swappiness")),
    (&["--mount"], Mount),
    (&["--name"], Text("container_name")),
    (&["--network", "--net"], Network),
    (&["--oom-kill-disable"], Flag("oom_kill_disable")),
    (&["--oom-score-adj"], Text("oom_score_adj")),
    (&["--pid"], Text("pid")),
    (&["--pids-limit"], Text("pids_limit")),
    (&["--platform"], Text("platform")),
    (&["--privileged"], Flag("privileged")),
    (&["--publish", "-p"], List("ports")),
    (&["--pull"], Text("pull_policy")),
    (&["--read-only"], Flag("read_only")),
    (&["--restart"], Text("restart")),
    (&["--runtime"], Text("runtime")),
    (&["--security-opt"], List("security_opt")),
    (&["--shm-size"], Text("shm_size")),
    (&["--stop-signal"], Text("stop_signal")),
    (&["--stop-timeout"], Seconds("stop_grace_period")),
    (&["--storage-opt"], Entry("storage_opt")),
    (&["--sysctl"], Pair("sysctls")),
    (&["--tmpfs"], List("tmpfs")),
    (&["--tty", "-t"], Flag("tty")),
    (&["--interactive", "-i"], Flag("stdin_open")),
    (&["-it", "-ti"], Flag("tty")),
    (&["--ulimit"], Limit),
    (&["--user", "-u"], Text("user")),
    (&["--userns"], Text("userns_mode")),
    (&["--uts"], Text("uts")),
    (&["--volume", "-v"], List("volumes")),
    (&["--volumes-from"], List("volumes_from")),
    (&["--workdir", "-w"], Text("working_dir")),
    // the engine's own way of running: devup starts, keeps and removes containers by itself
    (&["--detach", "-d"], Nothing),
    (&["--rm"], Nothing),
    (&["--quiet", "-q"], Nothing),
    (&["--sig-proxy"], NothingWithValue),
];

/// The names of all flags that have a counterpart.
pub fn flags() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().flat_map(|(names, _)| names.iter().copied())
}

/// Puts the flags into a service; networks that exist are added to `networks`.
pub fn apply(arguments: &[(&str, &Node)], service: &mut Node, networks: &mut Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut rest = arguments.iter();
    while let Some((word, node)) = rest.next() {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (*word, None),
        };
        let Some((_, becomes)) = FLAGS.iter().find(|(names, _)| names.contains(&name)) else {
            problems.push(unknown(word, node));
            continue;
        };
        let is_flag = matches!(becomes, Flag(_) | Nothing);
        let value = match joined {
            Some(value) => value,
            None if is_flag => "true",
            None => match rest.next() {
                Some((value, _)) => value,
                None => {
                    problems.push(bad(word, "it lacks its value", &node.at));
                    continue;
                }
            },
        };
        let mut target = Target { service, networks, at: &node.at };
        problems.extend(target.put(*becomes, name, value).err());
    }
    problems
}

fn bad(word: &str, reason: &str, at: &At) -> Problem {
    Problem::new(Fault::BadValue { path: "runArgs".into(), value: word.into(), reason: reason.into() }, at)
}

fn unknown(word: &str, node: &Node) -> Problem {
    let problem = bad(word, "devup knows no counterpart of this flag of `docker run`", &node.at);
    let name = word.split('=').next().unwrap_or(word);
    match crate::spec::schema::nearest(name, flags().filter(|flag| flag.starts_with("--"))) {
        Some(near) if word.starts_with("--") => problem.help(format!("did you mean `{near}`?")),
        _ => problem.help(
            "remove it, or describe the container with `dockerComposeFile`; docs/devcontainer.md lists the flags",
        ),
    }
}

struct Target<'a> {
    service: &'a mut Node,
    networks: &'a mut Node,
    at: &'a At,
}

impl Target<'_> {
    fn text(&self, value: &str) -> Node {
        Node::string(value, self.at.clone())
    }

    fn put(&mut self, becomes: Becomes, name: &str, value: &str) -> Result<(), Problem> {
        let text = self.text(value);
        match becomes {
            Text("driver") => self.below("logging", "driver", text),
            Text(key) => self.service.set(key, text),
            List(key) => self.push(key, text),
            Pair(key) => self.push(key, text),
            Entry(key) => {
                let (entry, value) =
                    value.split_once('=').ok_or_else(|| bad(value, "it is not NAME=value", self.at))?;
                let value = self.text(value);
                self.below(key, entry, value);
            }
            Flag(key) => {
                self.service.set(key, Node::new(Value::Bool(value == "true"), self.at.clone()));
                if name.len() == 3 {
                    self.service.set("stdin_open", Node::new(Value::Bool(true), self.at.clone()));
                }
            }
            Mount => {
                let mount = mount::of_text(value, "runArgs", self.at)?;
                self.push("volumes", mount);
            }
            Network => self.network(value),
            Limit => self.limit(value)?,
            Gpus if value == "all" => self.service.set("gpus", text),
            Gpus => return Err(bad(value, "only `--gpus all` has a counterpart", self.at)),
            LogOption => {
                let (option, value) =
                    value.split_once('=').ok_or_else(|| bad(value, "it is not NAME=value", self.at))?;
                let mut options = self.service.get("logging").and_then(|logging| logging.get("options")).cloned();
                let options = options.get_or_insert_with(|| Node::empty_map(self.at.clone()));
                options.set(option, self.text(value));
                let options = options.clone();
                self.below("logging", "options", options);
            }
            Seconds(key) => {
                let seconds = self.text(&format!("{value}s"));
                self.service.set(key, seconds);
            }
            Nothing | NothingWithValue => {}
        }
        Ok(())
    }

    fn push(&mut self, key: &str, item: Node) {
        if self.service.get(key).is_none() {
            self.service.set(key, Node::new(Value::Seq(Vec::new()), self.at.clone()));
        }
        if let Some(items) = self.service.get_mut(key).and_then(Node::as_seq_mut) {
            items.push(item);
        }
    }

    fn below(&mut self, section: &str, key: &str, value: Node) {
        if self.service.get(section).is_none() {
            self.service.set(section, Node::empty_map(self.at.clone()));
        }
        if let Some(section) = self.service.get_mut(section) {
            section.set(key, value);
        }
    }

    /// Modes are modes; anything else is a network that exists already.
    fn network(&mut self, value: &str) {
        let text = self.text(value);
        if ["host", "none", "bridge"].contains(&value) || value.starts_with("container:") {
            return self.service.set("network_mode", text);
        }
        let mut network = Node::empty_map(self.at.clone());
        network.set("external", Node::new(Value::Bool(true), self.at.clone()));
        network.set("name", text.clone());
        self.networks.set(value, network);
        self.push("networks", text);
    }

    fn limit(&mut self, value: &str) -> Result<(), Problem> {
        let wrong = || bad(value, "it is not NAME=SOFT[:HARD]", self.at);
        let (name, limits) = value.split_once('=').ok_or_else(wrong)?;
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        let mut pair = Node::empty_map(self.at.clone());
        for (key, value) in [("soft", soft), ("hard", hard)] {
            let number = value.parse::<i64>().map_err(|_| wrong())?;
            pair.set(key, Node::new(Value::Int(number), self.at.clone()));
        }
        self.below("ulimits", name, pair);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn applied(words: &[&str]) -> (serde_json::Value, serde_json::Value, Vec<String>) {
        let nodes: Vec<Node> = words.iter().map(|word| Node::string(*word, At::nowhere())).collect();
        let arguments: Vec<(&str, &Node)> = words.iter().copied().zip(&nodes).collect();
        let (mut service, mut networks) = (Node::empty_map(At::nowhere()), Node::empty_map(At::nowhere()));
        let problems = apply(&arguments, &mut service, &mut networks);
        let problems = problems.iter().map(|problem| format!("{problem} {}", problem.help)).collect();
        (service.to_json(), networks.to_json(), problems)
    }

    #[test]
    fn flags_become_keys_joined_or_apart() {
        let words = [
            "--cap-add=SYS_PTRACE",
            "--security-opt",
            "seccomp=unconfined",
            "-e",
            "A=b=c",
            "--network=shared",
            "--init",
            "--ulimit",
            "nofile=10:20",
            "-v",
            "/a:/b:ro",
            "--rm",
            "--shm-size=1g",
            "--log-opt",
            "max-size=1m",
            "--stop-timeout",
            "3",
            "-it",
        ];
        let (service, networks, problems) = applied(&words);
        assert_eq!(problems, Vec::<String>::new());
        let expected = json!({
            "cap_add": ["SYS_PTRACE"], "security_opt": ["seccomp=unconfined"], "environment": ["A=b=c"],
            "networks": ["shared"], "init": true, "ulimits": {"nofile": {"soft": 10, "hard": 20}},
            "volumes": ["/a:/b:ro"], "shm_size": "1g", "logging": {"options": {"max-size": "1m"}},
            "stop_grace_period": "3s", "tty": true, "stdin_open": true,
        });
        assert_eq!(service, expected);
        assert_eq!(networks, json!({"shared": {"external": true, "name": "shared"}}));
        assert_eq!(applied(&["--network", "host"]).0, json!({"network_mode": "host"}));
    }

    #[test]
    fn what_has_no_counterpart_is_told() {
        let (_, _, problems) = applied(&["--cidfile=x", "--cap-ad", "A", "--cpus"]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("--cidfile=x"), "{problems:?}");
        assert!(problems[1].contains("did you mean `--cap-add`?"), "{problems:?}");
        assert!(problems[3].contains("lacks its value"), "{problems:?}");
    }
}
