//! Asking an engine who it is: the one question that bootstrap and doctor have before there is a driver.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::address::EngineAddress;
use super::error::{DriverError, Result};
use super::features::EngineKind;
use super::moby;

/// What all of it is called in errors.
const ATTEMPTED: &str = "asking the engine who it is";

/// What an engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Which program.
    pub kind: EngineKind,
    /// Its version.
    pub version: String,
    /// Newest API version it speaks, `1.41`.
    pub api: String,
    /// Folder of its data, as it sees it.
    pub data: Option<String>,
    /// Memory it may use, in bytes.
    pub memory: Option<u64>,
    /// Its own proxies, which pulls and builds' pulls go through.
    pub proxies: Proxies,
    /// Registry mirrors it asks first.
    pub mirrors: Vec<String>,
}

/// The daemon's proxy settings. They may hold a password, so they are never shown whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Exceptions.
    pub none: Option<String>,
}

/// Asks for version and settings; ends within `patience` (and a little).
pub async fn probe(address: &EngineAddress, patience: Duration) -> Result<Answer> {
    let ask = async {
        if let EngineAddress::Unix(path) = address {
            // why a socket cannot be opened decides what to do about it
            drop(tokio::net::UnixStream::connect(path).await.map_err(|error| io_refused(address, &error))?);
        }
        let (version, info) = moby::introduce(address, ATTEMPTED).await?;
        let components = version.components.unwrap_or_default();
        let podman = components.iter().any(|part| part.name.contains("Podman"));
        let registries = info.registry_config.unwrap_or_default();
        Ok(Answer {
            kind: if podman { EngineKind::Podman } else { EngineKind::Docker },
            version: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
            data: info.docker_root_dir,
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()),
            proxies: Proxies {
                http: some_text(info.http_proxy),
                https: some_text(info.https_proxy),
                none: some_text(info.no_proxy),
            },
            mirrors: registries.mirrors.unwrap_or_default(),
        })
    };
    match tokio::time::timeout(patience, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(unreachable(address, &format!("no answer within {} s", patience.as_secs()))),
    }
}

fn some_text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn unreachable(address: &EngineAddress, reason: &str) -> DriverError {
    DriverError::Unreachable {
        attempted: ATTEMPTED.to_owned(),
        address: address.to_string(),
        reason: reason.to_owned(),
    }
}

fn io_refused(address: &EngineAddress, error: &io::Error) -> DriverError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            DriverError::NoRight { attempted: ATTEMPTED.to_owned(), address: address.to_string() }
        }
        io::ErrorKind::NotFound => unreachable(address, "there is no socket"),
        io::ErrorKind::ConnectionRefused => unreachable(address, "nobody listens on the socket"),
        _ => unreachable(address, &error.to_string()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn reason(path: std::path::PathBuf) -> String {
        probe(&EngineAddress::Unix(path), PATIENCE).await.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn it_says_why_nobody_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sock");
        assert!(reason(path.clone()).await.ends_with("there is no socket"));
        drop(UnixListener::bind(&path).unwrap());
        assert!(reason(path.clone()).await.ends_with("nobody listens on the socket"));
    }

    #[tokio::test]
    async fn one_who_never_answers_costs_no_more_than_the_patience() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sock");
        let _silent = UnixListener::bind(&path).unwrap();
        let error = probe(&EngineAddress::Unix(path), Duration::from_millis(50)).await.unwrap_err();
        assert!(error.is_unreachable() && error.to_string().contains("no answer within"), "{error}");
    }
}
