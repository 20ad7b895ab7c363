//! A distribution's root file system from its packages alone, for machines where no registry answers.

use super::apt;
use super::definition::Distribution;
use super::facts::PROXY_VARIABLES;
use crate::base::process::{Call, ProcessError, Stream};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of another room, as it explains itself.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Programs of the host; the package manager stands behind it.
#[async_trait]
pub trait Tools: Send + Sync {
    /// The path of a program, installed first where it is missing. `package` is its name in Debian.
    async fn program(&self, name: &str, package: &str) -> Result<PathBuf, Cause>;
}

/// No root file system could be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The tool is not to be had.
    #[error("mmdebstrap is needed to make a base image from packages: {0}")]
    Tool(Cause),
    /// It ran and failed.
    #[error(transparent)]
    Run(#[from] ProcessError),
}

/// Paths that a slim image does without: documents, pages of manuals, translations. Licences stay.
const LEFT_OUT: &[&str] = &[
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
];

/// Longest time for the whole: a slow line and a slow disk.
const LIMIT: Duration = Duration::from_mins(30);

/// Writes the root file system of a release as a tar archive to `target`.
pub async fn bootstrap(
    distribution: &Distribution,
    sources: &[apt::Source],
    target: &Path,
    tools: &dyn Tools,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), BootstrapError> {
    let program = tools.program("mmdebstrap", "mmdebstrap").await.map_err(BootstrapError::Tool)?;
    let mut arguments = arguments(distribution, sources, target);
    let (open, secret) = apt_proxies().await;
    arguments.extend(open.into_iter().map(|option| format!("--aptopt={option}")));
    let by_name = |call: Call| secret.iter().fold(call, |call, (name, value)| call.env(name, value));
    let call = by_name(Call::new(&program).args(&arguments).deadline(LIMIT));
    match watch(&call, line).await {
        // without root mmdebstrap needs user namespaces and sub-ids; where they are missing, sudo may do
        Err(ProcessError::Failed { .. }) if !rustix::process::geteuid().is_root() && which::which("sudo").is_ok() => {
            line("mmdebstrap did not work as this user, trying with sudo");
            let is_set = |name: &str| std::env::var_os(name).is_some() || secret.iter().any(|(own, _)| *own == name);
            let sudo = Call::new("sudo").arg("-n").args(kept_by_sudo(is_set));
            let sudo = sudo.arg("--").arg(&program).args(&arguments).deadline(LIMIT);
            Ok(watch(&by_name(sudo), line).await?)
        }
        other => Ok(other?),
    }
}

/// sudo takes the proxy away unless it is told to keep it; by name, for a value may hold a password.
fn kept_by_sudo(is_set: impl Fn(&str) -> bool) -> Option<String> {
    let names: Vec<&str> = PROXY_VARIABLES.iter().copied().filter(|name| is_set(name)).collect();
    (!names.is_empty()).then(|| format!("--preserve-env={}", names.join(",")))
}

fn arguments(distribution: &Distribution, sources: &[apt::Source], target: &Path) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--variant=minbase", "--format=tar", "--include=ca-certificates"].map(str::to_owned).into();
    arguments.extend(LEFT_OUT.iter().map(|option| format!("--dpkgopt={option}")));
    arguments.push("--aptopt=Acquire::Retries \"5\"".to_owned());
    arguments.push(distribution.suite.clone());
    arguments.push(target.to_string_lossy().into_owned());
    arguments.extend(sources.iter().map(apt::Source::line));
    arguments
}

async fn watch(call: &Call, line: &(dyn Fn(&str) + Send + Sync)) -> Result<(), ProcessError> {
    let finished = call
        .watch(|stream, piece| {
            if stream == Stream::Err {
                for text in String::from_utf8_lossy(piece).lines().filter_map(|text| text.strip_prefix("I: ")) {
                    line(text);
                }
            }
        })
        .await?;
    finished.checked().map(|_| ())
}

/// Options of apt for all to see, and variables for what holds a password: arguments can be read by everybody on the
/// machine, and mmdebstrap keeps its options in the image.
type Proxies = (Vec<String>, Vec<(&'static str, String)>);

/// The host's own apt may reach its mirror through a proxy that only its configuration knows.
async fn apt_proxies() -> Proxies {
    let Ok(dump) = Call::new("apt-config").arg("dump").deadline(Duration::from_secs(10)).run().await else {
        return Proxies::default();
    };
    proxies_in(&dump.text())
}

fn proxies_in(dump: &str) -> Proxies {
    let mut proxies = Proxies::default();
    for (key, value) in dump.lines().filter_map(|line| line.trim_end_matches(';').split_once(' ')) {
        let parts: Vec<&str> = key.split("::").collect();
        let ["Acquire", kind @ ("http" | "https" | "ftp"), "Proxy", host @ ..] = parts.as_slice() else { continue };
        let address = value.trim_matches('"');
        match (*kind, host) {
            _ if address.is_empty() => {}
            _ if !address.contains('@') => proxies.0.push(format!("{key} {value}")),
            ("http", []) => proxies.1.push(("http_proxy", address.to_owned())),
            ("https", []) => proxies.1.push(("https_proxy", address.to_owned())),
            // there is no variable for one host's proxy, and none that apt reads for ftp
            _ => {}
        }
    }
    proxies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_apt_are_kept_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://proxy.example:3142\";\n\
                    Acquire::https::Proxy \"\";\nAcquire::Retries \"3\";\nAcquire::http::Proxy::mirror.example \"DIRECT\";";
        let expected =
            ["Acquire::http::Proxy \"http://proxy.example:3142\"", "Acquire::http::Proxy::mirror.example \"DIRECT\""];
        assert_eq!(proxies_in(dump), (expected.map(str::to_owned).into(), Vec::new()));
    }

    #[test]
    fn a_proxys_password_reaches_no_argument() {
        let dump = "Acquire::http::Proxy \"http://ada:pw@proxy.example:3142\";\n\
                    Acquire::https::Proxy \"http://ada:pw@proxy.example:3143\";\n\
                    Acquire::http::Proxy::mirror.example \"http://ada:pw@other.example\";";
        let variables = vec![
            ("http_proxy", "http://ada:pw@proxy.example:3142".to_owned()),
            ("https_proxy", "http://ada:pw@proxy.example:3143".to_owned()),
        ];
        assert_eq!(proxies_in(dump), (Vec::new(), variables));
    }

    #[test]
    fn sudo_keeps_the_proxy() {
        let kept = kept_by_sudo(|name| name == "https_proxy" || name == "NO_PROXY");
        assert_eq!(kept.as_deref(), Some("--preserve-env=NO_PROXY,https_proxy"));
        assert_eq!(kept_by_sudo(|_| false), None);
    }

    #[test]
    fn the_archive_and_its_sources_come_last() {
        let distribution = Distribution { suite: "bookworm".to_owned(), image: String::new() };
        let arguments = arguments(&distribution, &apt::official("bookworm"), Path::new("/tmp/x.tar"));
        let at = arguments.iter().position(|argument| argument == "bookworm").unwrap();
        assert_eq!(arguments[at + 1], "/tmp/x.tar");
        assert_eq!(arguments[at + 2], "deb http://deb.debian.org/debian bookworm main");
        assert!(arguments[..at].iter().all(|argument| argument.starts_with("--")));
    }
}
