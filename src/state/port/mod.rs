//! Ports of the host: what the spec wants, who has it, what is chosen instead, and that it stays so.
//!
//! The rules, in order: a port that was chosen for a service before stays as long as the spec wants the same; else what
//! the spec says, if it is free; else the next free one. "Free" means that no other service of the project has it, no
//! other project chose it, no container publishes it and no program listens on it. Ports of the project's own running
//! containers count as free.

pub mod book;
pub mod choose;
mod owner;
pub mod probe;

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::model::container::PortBinding;
use crate::model::environment::{Environment, LOOPBACK};

pub use owner::owner_of;

/// Which port of which container: stable as long as the spec keeps the line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Service.
    pub service: String,
    /// Container's number, from 1.
    pub number: u32,
    /// Port inside.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Counts the lines that publish the same port inside, from 0.
    pub ordinal: usize,
}

impl Key {
    /// Service and number of a key as text.
    pub fn container(text: &str) -> Option<(&str, u32)> {
        let (container, _) = text.rsplit_once(':')?;
        let (service, number) = container.rsplit_once('.')?;
        Some((service, number.parse().ok()?))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}:{}/{}#{}", self.service, self.number, self.target, self.protocol, self.ordinal)
    }
}

/// What the spec says about the port of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Nothing: any.
    Any,
    /// This one.
    Exact(u16),
    /// One of these, both ends included.
    Range(u16, u16),
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Exact(port) => write!(f, "{port}"),
            Self::Range(from, to) => write!(f, "{from}-{to}"),
        }
    }
}

impl Published {
    /// The port satisfies the spec's word.
    pub fn allows(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == port,
            Self::Range(from, to) => (from..=to).contains(&port),
        }
    }

    fn parse(text: Option<&str>) -> Option<Self> {
        let text = text.unwrap_or_default().trim();
        if text.is_empty() || text == "0" {
            return Some(Self::Any);
        }
        match text.split_once('-') {
            None => text.parse().ok().map(Self::Exact),
            Some((from, to)) => {
                let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
                (0 < from && from <= to).then_some(if from == to { Self::Exact(from) } else { Self::Range(from, to) })
            }
        }
    }
}

/// One port to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// For what.
    pub key: Key,
    /// Address of the host.
    pub host_ip: String,
    /// What the spec says.
    pub published: Published,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Owner {
    /// A container of another project, or of none.
    Container {
        /// Its project; empty where it has none.
        project: String,
        /// Its name.
        name: String,
    },
    /// A program of the host.
    Program {
        /// Its process id, where it could be found.
        pid: Option<u32>,
        /// Its name, where it could be found.
        name: Option<String>,
    },
    /// Another devup project that is not running now.
    Reserved {
        /// The project.
        project: String,
    },
    /// Another service of the same project.
    Sibling {
        /// The service.
        service: String,
        /// The container's number.
        number: u32,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { project, name } if project.is_empty() => write!(f, "container {name}"),
            Self::Container { project, name } => write!(f, "container {name} of project {project}"),
            Self::Program { pid: Some(pid), name: Some(name) } => write!(f, "{name} (process {pid})"),
            Self::Program { pid: Some(pid), name: None } => write!(f, "process {pid}"),
            Self::Program { pid: None, .. } => f.write_str("another program, which this user may not look at"),
            Self::Reserved { project } => write!(f, "project {project}, which is not running now"),
            Self::Sibling { service, number } => write!(f, "service {service} (container {number}) of this project"),
        }
    }
}

/// A port that is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service {service}: {text:?} is neither a port of the host nor a range of them (such as 8000-8010)")]
pub struct BadPort {
    /// The service.
    pub service: String,
    /// What the spec says.
    pub text: String,
}

/// Every port that the environment's services want, in the order of the spec. `numbers`: of a service's containers, for
/// so many of them.
pub fn wanted(environment: &Environment, numbers: &dyn Fn(&str, u32) -> Vec<u32>) -> Result<Vec<Wanted>, BadPort> {
    let mut all = Vec::new();
    for (name, service) in &environment.services {
        for number in numbers(name, service.replicas()) {
            for (index, port) in service.ports.iter().enumerate() {
                let protocol = port.protocol.clone().unwrap_or_else(|| "tcp".to_owned());
                let same = |other: &&crate::model::service::Port| {
                    other.target == port.target && other.protocol.as_deref().unwrap_or("tcp") == protocol
                };
                let ordinal = service.ports[..index].iter().filter(same).count();
                let published = Published::parse(port.published.as_deref()).ok_or_else(|| BadPort {
                    service: name.clone(),
                    text: port.published.clone().unwrap_or_default(),
                })?;
                let host_ip = port.host_ip.clone().filter(|ip| !ip.is_empty());
                all.push(Wanted {
                    key: Key { service: name.clone(), number, target: port.target, protocol, ordinal },
                    host_ip: host_ip.unwrap_or_else(|| LOOPBACK.to_owned()),
                    published,
                });
            }
        }
    }
    Ok(all)
}

/// Whether two bindings can't exist side by side.
pub fn collide(one: &PortBinding, other: &PortBinding) -> bool {
    one.published == other.published
        && one.protocol == other.protocol
        && one.published != 0
        && (one.host_ip == other.host_ip || is_any(&one.host_ip) || is_any(&other.host_ip))
}

fn is_any(address: &str) -> bool {
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    bare.is_empty() || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::{Port, Service};

    #[test]
    fn wants_are_counted_per_container_and_line() {
        let port = |published: Option<&str>, host_ip: Option<&str>| Port {
            target: 80,
            published: published.map(str::to_owned),
            host_ip: host_ip.map(str::to_owned),
            ..Port::default()
        };
        let mut environment = Environment::default();
        let service = Service {
            scale: Some(2),
            ports: vec![port(Some("8000-8010"), None), port(None, Some("0.0.0.0"))],
            ..Service::default()
        };
        environment.services.insert("web".to_owned(), service);
        let numbers = |_: &str, replicas| (1..=replicas).collect();
        let all = wanted(&environment, &numbers).unwrap();
        let keys: Vec<_> = all.iter().map(|wanted| wanted.key.to_string()).collect();
        assert_eq!(keys, ["web.1:80/tcp#0", "web.1:80/tcp#1", "web.2:80/tcp#0", "web.2:80/tcp#1"]);
        assert_eq!((all[0].published, all[0].host_ip.as_str()), (Published::Range(8000, 8010), "127.0.0.1"));
        assert_eq!((all[1].published, all[1].host_ip.as_str()), (Published::Any, "0.0.0.0"));
        environment.services["web"].ports[0].published = Some("80a".to_owned());
        assert!(wanted(&environment, &numbers).unwrap_err().to_string().contains("80a"));
    }

    #[test]
    fn addresses_collide_when_one_is_all() {
        let binding = |ip: &str, port, protocol: &str| PortBinding {
            host_ip: ip.to_owned(),
            published: port,
            target: 1,
            protocol: protocol.to_owned(),
        };
        assert!(collide(&binding("127.0.0.1", 80, "tcp"), &binding("0.0.0.0", 80, "tcp")));
        assert!(collide(&binding("[::]", 80, "tcp"), &binding("127.0.0.1", 80, "tcp")));
        assert!(!collide(&binding("127.0.0.1", 80, "tcp"), &binding("127.0.0.2", 80, "tcp")));
        assert!(!collide(&binding("127.0.0.1", 80, "tcp"), &binding("127.0.0.1", 80, "udp")));
    }
}
