//! Addresses of engines: `unix:///path`, `tcp://host:port`, `ssh://user@host`.

use std::fmt;
use std::path::PathBuf;

/// Port of an engine without TLS, by Docker's convention.
const PLAIN_PORT: u16 = 2375;
/// Port of an engine with TLS, by Docker's convention.
const TLS_PORT: u16 = 2376;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineAddress {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A TCP port, here or elsewhere.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
        /// TLS, where it is used.
        tls: Option<Tls>,
    },
    /// Another machine, through the user's ssh.
    Ssh {
        /// `[user@]host`.
        destination: String,
        /// Port, where it is not ssh's own.
        port: Option<u16>,
    },
}

/// Files of a TLS connection, as docker names them (`ca.pem`, `cert.pem`, `key.pem`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Authority that the engine's certificate has to come from; without it, the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// The client's key.
    pub key: Option<PathBuf>,
    /// Whether the engine's certificate is verified.
    pub verify: bool,
}

/// A text that is no address of an engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{address}` is no address of an engine: {problem}. Examples: unix:///var/run/docker.sock, tcp://host:2376, ssh://user@host"
)]
pub struct AddressError {
    /// What was given.
    pub address: String,
    /// What is wrong.
    pub problem: String,
}

impl EngineAddress {
    /// Reads an address as the docker command line does; `tls` applies to TCP.
    pub fn parse(text: &str, tls: Option<Tls>) -> Result<Self, AddressError> {
        let wrong = |problem: &str| AddressError { address: without_password(text), problem: problem.to_owned() };
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" => Ok(Self::Unix(PathBuf::from(if rest.is_empty() { super::locate::DOCKER_SOCKET } else { rest }))),
            "tcp" | "http" | "https" => {
                let default = if tls.is_some() { TLS_PORT } else { PLAIN_PORT };
                let rest = rest.split('/').next().unwrap_or_default();
                let (host, port) = host_and_port(rest).ok_or_else(|| wrong("host or port cannot be read"))?;
                let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
                Ok(Self::Tcp { host, port: port.unwrap_or(default), tls })
            }
            "ssh" => {
                let rest = rest.split('/').next().unwrap_or_default();
                let (user, machine) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
                let (host, port) = host_and_port(machine).ok_or_else(|| wrong("host or port cannot be read"))?;
                // a name that begins with `-` would be an option of ssh
                if host.is_empty() || host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
                    return Err(wrong("there is no host"));
                }
                if user.is_some_and(|user| user.contains(':')) {
                    return Err(wrong("ssh takes no password here; use a key"));
                }
                let destination = user.map_or_else(|| host.clone(), |user| format!("{user}@{host}"));
                Ok(Self::Ssh { destination, port })
            }
            "npipe" => Err(wrong("named pipes belong to Windows; run devup inside WSL")),
            _ => Err(wrong("the scheme is none of unix, tcp, ssh")),
        }
    }

    /// Whether the engine shares this machine's files (a socket). A TCP port may be anyone's.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if after.is_empty() => None,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    match text.split_once(':') {
        None => Some((text.to_owned(), None)),
        Some((host, port)) => Some((host.to_owned(), Some(port.parse().ok()?))),
    }
}

/// Addresses are shown in errors; somebody's password must not be.
fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh { destination, port: Some(port) } => write!(f, "ssh://{destination}:{port}"),
            Self::Ssh { destination, port: None } => write!(f, "ssh://{destination}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let cases = [
            ("unix:///run/docker.sock", "unix:///run/docker.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
            ("tcp://:2375", "tcp://127.0.0.1:2375"),
            ("10.0.0.1:99", "tcp://10.0.0.1:99"),
            ("tcp://[::1]:7", "tcp://[::1]:7"),
            ("tcp://[::1]", "tcp://[::1]:2375"),
            ("http://box:80/path", "tcp://box:80"),
            ("ssh://ada@box", "ssh://ada@box"),
            ("ssh://box:2222/run/docker.sock", "ssh://box:2222"),
        ];
        for (text, shown) in cases {
            assert_eq!(EngineAddress::parse(text, None).unwrap().to_string(), shown, "{text}");
        }
        let tls = Tls { ca: None, cert: None, key: None, verify: true };
        assert_eq!(EngineAddress::parse("tcp://box", Some(tls)).unwrap().to_string(), "tcp://box:2376");
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_a_password() {
        for text in
            ["fd://3", "npipe:////./pipe/x", "tcp://a:b", "ssh://", "ssh://-oProxyCommand=x", "tcp://[::1", "x:99999"]
        {
            assert!(EngineAddress::parse(text, None).is_err(), "{text}");
        }
        let text = EngineAddress::parse("ssh://ada:hush@box", None).unwrap_err().to_string();
        assert!(!text.contains("hush"), "{text}");
    }
}
