//! Where the engine may be, decided as the docker command line decides it: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the
//! current context of `~/.docker/config.json`; where none of these says anything, the default sockets of Docker, rootless
//! Docker, Docker Desktop, `OrbStack`, Colima and Podman, in this order.
//!
//! Pure over a lookup of variables and a view of the file system; connecting is the adapter's business.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::address::{AddressError, EngineAddress, Tls};
use crate::base::digest::Digest;

/// Docker's own socket on every Unix.
pub const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// The socket of a Podman that root runs.
pub const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// What locating an engine looks at.
pub trait Surroundings {
    /// A variable of the environment; empty ones count as unset.
    fn variable(&self, name: &str) -> Option<String>;
    /// The user's home folder.
    fn home(&self) -> &Path;
    /// The user's id; 0 is root.
    fn uid(&self) -> u32;
    /// A file's text, where it is there and readable.
    fn text(&self, path: &Path) -> Option<String>;
    /// Whether anything is at the path.
    fn exists(&self, path: &Path) -> bool;
}

/// Who says that an engine is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The variable `DOCKER_HOST`.
    Variable,
    /// A docker context, by name.
    Context(String),
    /// Nobody: it is where this product puts its socket by default.
    Default(&'static str),
}

impl Origin {
    /// Whether the user chose it. Then no other engine is used, started or installed in its place.
    pub fn is_chosen(&self) -> bool {
        !matches!(self, Self::Default(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => f.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(f, "docker context `{name}`"),
            Self::Default(product) => write!(f, "default socket of {product}"),
        }
    }
}

/// An address worth trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub address: EngineAddress,
    /// Why there.
    pub origin: Origin,
}

/// The user chose an engine in a way that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// An address that is none.
    #[error("{origin}: {source}")]
    Address {
        /// Who gave it.
        origin: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// A context that does not exist, or is damaged.
    #[error("the docker context `{name}` is chosen by {by}, but {} {problem}", path.display())]
    Context {
        /// The context.
        name: String,
        /// What chose it.
        by: &'static str,
        /// Its description.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// The addresses to try, in order. Where the user chose one there is exactly that one; else at least Docker's own socket,
/// whether it exists or not, and after it each other default socket that exists.
pub fn locate(around: &dyn Surroundings) -> Result<Vec<Candidate>, LocateError> {
    let folder = around.variable("DOCKER_CONFIG").map_or_else(|| around.home().join(".docker"), PathBuf::from);
    if let Some(host) = around.variable("DOCKER_HOST") {
        let tls = tls_of_environment(around, &folder);
        let address = EngineAddress::parse(&host, tls)
            .map_err(|source| LocateError::Address { origin: "DOCKER_HOST".to_owned(), source })?;
        return Ok(vec![Candidate { address, origin: Origin::Variable }]);
    }
    match chosen_context(around, &folder) {
        Some((name, by)) => Ok(vec![from_context(around, &folder, name, by)?]),
        None => Ok(default_sockets(around)),
    }
}

/// `DOCKER_TLS_VERIFY` asks for TLS with verification, `DOCKER_TLS` for TLS alone; the files lie in `DOCKER_CERT_PATH`.
fn tls_of_environment(around: &dyn Surroundings, folder: &Path) -> Option<Tls> {
    let verify = around.variable("DOCKER_TLS_VERIFY").is_some();
    if !verify && around.variable("DOCKER_TLS").is_none() {
        return None;
    }
    let folder = around.variable("DOCKER_CERT_PATH").map_or_else(|| folder.to_owned(), PathBuf::from);
    Some(tls_in(around, &folder, verify))
}

fn tls_in(around: &dyn Surroundings, folder: &Path, verify: bool) -> Tls {
    let file = |name: &str| Some(folder.join(name)).filter(|path| around.exists(path));
    Tls { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), verify }
}

fn chosen_context(around: &dyn Surroundings, folder: &Path) -> Option<(String, &'static str)> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current: Option<String>,
    }
    let chosen = around.variable("DOCKER_CONTEXT").map(|name| (name, "DOCKER_CONTEXT")).or_else(|| {
        // an unreadable configuration is doctor's to report; the docker command line goes on without it, too
        let config: Config = serde_json::from_str(&around.text(&folder.join("config.json"))?).ok()?;
        config.current.filter(|name| !name.is_empty()).map(|name| (name, "config.json"))
    });
    chosen.filter(|(name, _)| name != "default")
}

fn from_context(
    around: &dyn Surroundings,
    folder: &Path,
    name: String,
    by: &'static str,
) -> Result<Candidate, LocateError> {
    // contexts lie in folders named by the digest of their name
    let id = Digest::of(&name).to_string();
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let wrong = |problem: String| LocateError::Context { name: name.clone(), by, path: path.clone(), problem };
    let text = around.text(&path).ok_or_else(|| wrong("is not there".to_owned()))?;
    let meta: ContextMeta = serde_json::from_str(&text).map_err(|error| wrong(format!("is damaged: {error}")))?;
    let endpoint = meta.endpoints.docker.ok_or_else(|| wrong("names no docker endpoint".to_owned()))?;
    let keys = folder.join("contexts/tls").join(&id).join("docker");
    let tls = around.exists(&keys).then(|| tls_in(around, &keys, !endpoint.skip_tls_verify));
    let address = EngineAddress::parse(&endpoint.host, tls)
        .map_err(|source| LocateError::Address { origin: format!("docker context `{name}`"), source })?;
    Ok(Candidate { address, origin: Origin::Context(name) })
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

fn default_sockets(around: &dyn Surroundings) -> Vec<Candidate> {
    let home = around.home();
    let runtime = around
        .variable("XDG_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(format!("/run/user/{}", around.uid())), PathBuf::from);
    let config = around.variable("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let colima = around.variable("COLIMA_HOME").map_or_else(|| home.join(".colima"), PathBuf::from);
    let mut places = vec![
        ("Docker", PathBuf::from(DOCKER_SOCKET)),
        ("rootless Docker", runtime.join("docker.sock")),
        ("Docker Desktop", home.join(".docker/run/docker.sock")),
        ("Docker Desktop", home.join(".docker/desktop/docker.sock")),
        ("OrbStack", home.join(".orbstack/run/docker.sock")),
        ("Colima", colima.join("default/docker.sock")),
        ("Colima", config.join("colima/default/docker.sock")),
        ("Podman machine", home.join(".local/share/containers/podman/machine/podman.sock")),
    ];
    let podman = [("rootless Podman", runtime.join("podman/podman.sock")), ("Podman", PathBuf::from(PODMAN_SOCKET))];
    // root's own Podman is the one that root means
    if around.uid() == 0 {
        places.extend(podman.into_iter().rev());
    } else {
        places.extend(podman);
    }
    places
        .into_iter()
        .enumerate()
        .filter(|(index, (_, path))| *index == 0 || around.exists(path))
        .map(|(_, (product, path))| Candidate { address: EngineAddress::Unix(path), origin: Origin::Default(product) })
        .collect()
}

/// The real surroundings of this process.
#[derive(Debug, Clone)]
pub struct Here {
    home: PathBuf,
    uid: u32,
}

impl Here {
    /// Of the user who runs devup.
    pub fn new(home: PathBuf, uid: u32) -> Self {
        Self { home, uid }
    }

    /// With the home folder of `HOME` and the uid of this process.
    pub fn current() -> Self {
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        #[cfg(unix)]
        let uid = rustix::process::getuid().as_raw();
        #[cfg(not(unix))]
        let uid = 1;
        Self { home, uid }
    }
}

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn home(&self) -> &Path {
        &self.home
    }

    fn uid(&self) -> u32 {
        self.uid
    }

    fn text(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

#[cfg(test)]
mod tests;
