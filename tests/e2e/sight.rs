//! What a project looks like from the engine's side, and from outside through its ports.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::project::Project;
use crate::scenario::Step;

#[derive(Debug)]
struct Seen {
    state: String,
    number: u32,
    started: String,
}

/// Containers by service and id, at one moment.
#[derive(Debug, Default)]
pub struct Sight {
    services: BTreeMap<String, BTreeMap<String, Seen>>,
    oneoffs: BTreeMap<String, BTreeMap<String, Seen>>,
    ports: BTreeSet<u16>,
}

impl Sight {
    pub fn of(project: &Project) -> Self {
        let mut sight = Self::default();
        for container in project.engine.containers(&project.name) {
            let id = container.id.clone().unwrap_or_default();
            // one that is on its way out may be gone by now
            let Some(found) = project.engine.look(&id) else { continue };
            let state = found.state.unwrap_or_default();
            let label = |name: &str| {
                let labels = container.labels.as_ref();
                labels.and_then(|all| all.get(&format!("com.docker.compose.{name}"))).cloned().unwrap_or_default()
            };
            let seen = Seen {
                state: state.status.map(|status| status.to_string()).unwrap_or_default(),
                number: label("container-number").parse().unwrap_or_default(),
                started: format!("{:?}", state.started_at),
            };
            let ports = container.ports.iter().flatten().filter_map(|port| port.public_port);
            sight.ports.extend(ports);
            let one_off = label("oneoff").eq_ignore_ascii_case("true");
            let group = if one_off { &mut sight.oneoffs } else { &mut sight.services };
            group.entry(label("service")).or_default().insert(id, seen);
        }
        sight
    }

    /// What is not as expected, in words.
    pub fn misses(&self, expected: &Step, before: &Self) -> Vec<String> {
        let mut missed = Vec::new();
        states(&self.services, &expected.is, "", &mut missed);
        states(&self.oneoffs, &expected.oneoffs, "run of ", &mut missed);
        for (service, numbers) in &expected.numbers {
            let running = self.seen(service).filter(|(_, seen)| seen.state == "running");
            let mut found: Vec<u32> = running.map(|(_, seen)| seen.number).collect();
            found.sort_unstable();
            if found != *numbers {
                missed.push(format!("{service} has the numbers {found:?}, not {numbers:?}"));
            }
        }
        if expected.distinct_ports.is_some_and(|count| count != self.ports.len()) {
            missed.push(format!("ports {:?}, not {:?} of them", self.ports, expected.distinct_ports));
        }
        self.compare(expected, before, &mut missed);
        missed
    }

    fn compare(&self, expected: &Step, before: &Self, missed: &mut Vec<String>) {
        let ids = |sight: &Self, service: &str| -> BTreeSet<String> {
            sight.seen(service).map(|(id, _)| id.clone()).collect()
        };
        let started = |sight: &Self, service: &str| -> BTreeMap<String, String> {
            sight.seen(service).map(|(id, seen)| (id.clone(), seen.started.clone())).collect()
        };
        let mut unless = |holds: bool, service: &String, what: &str| {
            if !holds {
                missed.push(format!("{service} {what}: {:?} before, {:?} now", before.services, self.services));
            }
        };
        for service in &expected.same {
            unless(ids(self, service) == ids(before, service), service, "has other containers");
        }
        for service in &expected.new {
            unless(ids(self, service).is_disjoint(&ids(before, service)), service, "has containers that it had");
        }
        for service in &expected.untouched {
            unless(started(self, service) == started(before, service), service, "was touched");
        }
        for service in &expected.restarted {
            let earlier = started(before, service);
            let anew = started(self, service).iter().all(|(id, at)| earlier.get(id) != Some(at));
            unless(anew, service, "was not started anew");
        }
    }

    fn seen(&self, service: &str) -> impl Iterator<Item = (&String, &Seen)> {
        self.services.get(service).into_iter().flatten()
    }
}

fn states(
    groups: &BTreeMap<String, BTreeMap<String, Seen>>,
    expected: &BTreeMap<String, String>,
    prefix: &str,
    missed: &mut Vec<String>,
) {
    for (service, wanted) in expected {
        let found: Vec<&str> = groups.get(service).into_iter().flatten().map(|(_, seen)| seen.state.as_str()).collect();
        let holds = if wanted == "absent" {
            found.is_empty()
        } else {
            !found.is_empty() && found.iter().all(|state| state == wanted)
        };
        if !holds {
            missed.push(format!("{prefix}{service} is {found:?}, not {wanted}"));
        }
    }
}

/// Body of the answer to a GET on loopback; an error's words where there is none.
pub fn get(port: &str, path: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        // a program's own headers end with bare newlines
        Ok(answer) => {
            let mut parts = ["\r\n\r\n", "\r\n\n"].into_iter().filter_map(|end| answer.split_once(end));
            parts.next().map_or_else(|| answer.clone(), |(_, body)| body.to_owned())
        }
        Err(error) => error.to_string(),
    }
}

/// The datagram that comes back for one, on loopback.
pub fn exchange(port: &str, word: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        socket.connect(format!("127.0.0.1:{port}"))?;
        socket.send(word.as_bytes())?;
        let mut answer = [0; 512];
        let size = socket.recv(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..size]).into_owned())
    };
    ask().unwrap_or_else(|error| error.to_string())
}
