//! A distribution's root file system from its packages alone, for machines where no registry answers.

use super::apt;
use super::definition::Distribution;
use super::facts::PROXY_VARIABLES;
use super::login;
use crate::base::process::{Call, ProcessError, Stream};
use crate::secret::value::SecretValue;
use async_trait::async_trait;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
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

/// Variables of what apt alone may know, in mmdebstrap's environment: arguments can be read by everybody on the machine,
/// files by nobody but their owner, who is another one in mmdebstrap's namespace.
const LOGINS: &str = "DEVUP_APT_LOGINS";
const PROXIES: &str = "DEVUP_APT_PROXIES";
/// Where proxies that ask for a password stand while packages are fetched.
const PROXIES_FILE: &str = "/etc/apt/apt.conf.d/98devup-proxies";

/// Writes the root file system of a release as a tar archive to `target`.
pub async fn bootstrap(
    distribution: &Distribution,
    sources: &[apt::Source],
    target: &Path,
    tools: &dyn Tools,
    line: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), BootstrapError> {
    let program = tools.program("mmdebstrap", "mmdebstrap").await.map_err(BootstrapError::Tool)?;
    let proxies = apt_proxies().await;
    let order = Order { distribution, sources, target, proxies: &proxies };
    match watch(&order.call(Call::new(&program)), line).await {
        // without root mmdebstrap needs user namespaces and sub-ids; where they are missing, sudo may do
        Err(ProcessError::Failed { .. }) if !rustix::process::geteuid().is_root() && which::which("sudo").is_ok() => {
            line("mmdebstrap did not work as this user, trying with sudo");
            let secret = order.secret();
            let is_set = |name: &str| std::env::var_os(name).is_some() || secret.iter().any(|(own, _)| *own == name);
            let sudo = Call::new("sudo").arg("-n").args(kept_by_sudo(is_set)).arg("--").arg(&program);
            Ok(watch(&order.call(sudo), line).await?)
        }
        other => Ok(other?),
    }
}

/// sudo takes variables away unless it is told to keep them; by name, for a value may hold a password.
fn kept_by_sudo(is_set: impl Fn(&str) -> bool) -> Option<String> {
    let all = PROXY_VARIABLES.iter().copied().chain([LOGINS, PROXIES]);
    let names: Vec<&str> = all.filter(|name| is_set(name)).collect();
    (!names.is_empty()).then(|| format!("--preserve-env={}", names.join(",")))
}

/// What is asked of mmdebstrap.
struct Order<'a> {
    distribution: &'a Distribution,
    sources: &'a [apt::Source],
    target: &'a Path,
    proxies: &'a Proxies,
}

impl Order<'_> {
    /// The call, begun with the program. The sources go through its standard input: a token may be part of their path.
    fn call(&self, begun: Call) -> Call {
        let sources: String = self.sources.iter().map(|source| source.line() + "\n").collect();
        let call = begun.args(self.arguments()).stdin(sources).deadline(LIMIT);
        self.secret().into_iter().fold(call, |call, (name, value)| call.env(name, OsStr::from_bytes(value.expose())))
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["--variant=minbase", "--format=tar", "--include=ca-certificates"].map(str::to_owned).into();
        arguments.extend(LEFT_OUT.iter().map(|option| format!("--dpkgopt={option}")));
        arguments.push("--aptopt=Acquire::Retries \"5\"".to_owned());
        arguments.extend(self.proxies.open.iter().map(|option| format!("--aptopt={option}")));
        if !self.secret().is_empty() {
            arguments.extend(secret_hooks());
        }
        arguments.extend([self.distribution.suite.clone(), self.target.to_string_lossy().into_owned(), "-".to_owned()]);
        arguments
    }

    fn secret(&self) -> Vec<(&'static str, SecretValue)> {
        let proxies = self.proxies.secret.concat();
        let proxies = (!proxies.is_empty()).then(|| SecretValue::new(proxies.into_bytes()));
        let logins = login::together(self.sources);
        [(LOGINS, logins), (PROXIES, proxies)].into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Files of apt inside, made before packages are fetched and gone before the archive is written. The shell's own `printf`
/// has no arguments that another process could see.
fn secret_hooks() -> [String; 2] {
    let files = [(LOGINS, login::FILE), (PROXIES, PROXIES_FILE)];
    let write = files.map(|(name, file)| format!("(umask 077; printf %s \"${{{name}-}}\" >\"$1{file}\")"));
    let remove = files.map(|(_, file)| format!("\"$1{file}\""));
    [
        format!("--setup-hook=mkdir -p \"$1/etc/apt/auth.conf.d\" && {}", write.join(" && ")),
        format!("--customize-hook=rm -f {}", remove.join(" ")),
    ]
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

/// Proxies of the host's apt, as lines of its configuration.
#[derive(Debug, Default, PartialEq, Eq)]
struct Proxies {
    /// For all to see.
    open: Vec<String>,
    /// With a password.
    secret: Vec<String>,
}

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
        let ["Acquire", "http" | "https" | "ftp", "Proxy", ..] = parts.as_slice() else { continue };
        let address = value.trim_matches('"');
        if address.contains('@') {
            proxies.secret.push(format!("{key} {value};\n"));
        } else if !address.is_empty() {
            proxies.open.push(format!("{key} {value}"));
        }
    }
    proxies
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn proxies_of_apt_are_kept_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://proxy.example:3142\";\n\
                    Acquire::https::Proxy \"\";\nAcquire::Retries \"3\";\nAcquire::http::Proxy::mirror.example \"DIRECT\";";
        let expected =
            ["Acquire::http::Proxy \"http://proxy.example:3142\"", "Acquire::http::Proxy::mirror.example \"DIRECT\""];
        assert_eq!(proxies_in(dump), Proxies { open: expected.map(str::to_owned).into(), secret: Vec::new() });
    }

    /// Stands for mmdebstrap: runs the hooks as it does, and keeps what it was given and what lay inside meanwhile.
    const STAND_IN: &str = r#"#!/bin/sh
cd "${0%/*}"
tr '\0' '\n' </proc/$$/cmdline >arguments
cat >sources
mkdir -p root/etc/apt/apt.conf.d
for argument; do case $argument in --setup-hook=*) sh -c "${argument#*=}" exec root || exit 1;; esac; done
cp -a root inside
for argument; do case $argument in --customize-hook=*) sh -c "${argument#*=}" exec root || exit 1;; esac; done
"#;

    async fn ordered(sources: &[apt::Source], proxies: &Proxies) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("mmdebstrap");
        std::fs::write(&program, STAND_IN).unwrap();
        let distribution = Distribution { suite: "bookworm".to_owned(), image: String::new() };
        let order = Order { distribution: &distribution, sources, target: Path::new("/tmp/x.tar"), proxies };
        // through the shell: a program just written may still be open for writing in a process that a neighbour started
        watch(&order.call(Call::new("sh").arg(&program)), &|_| ()).await.unwrap();
        folder
    }

    #[tokio::test]
    async fn passwords_reach_apt_and_neither_arguments_nor_the_image() {
        let dump = "Acquire::http::Proxy \"http://ada:hush@proxy.example:3142\";\n\
                    Acquire::https::Proxy \"http://proxy.example:3143\";\n\
                    Acquire::http::Proxy::mirror.example \"http://ada:hush@other.example\";";
        let login = SecretValue::new(b"machine https://m.example/debian login me password hush\n".to_vec());
        let source = apt::Source { login: Some(login), ..apt::official("bookworm").remove(0) };
        let folder = ordered(&[source], &proxies_in(dump)).await;
        let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert!(!text("arguments").contains("hush") && text("arguments").contains("proxy.example:3143"));
        assert_eq!(text("sources"), "deb http://deb.debian.org/debian bookworm main\n");
        let inside = |path: &str| text(&format!("inside{path}"));
        assert_eq!(inside(login::FILE), "machine https://m.example/debian login me password hush\n");
        assert_eq!(
            inside(PROXIES_FILE),
            "Acquire::http::Proxy \"http://ada:hush@proxy.example:3142\";\n\
             Acquire::http::Proxy::mirror.example \"http://ada:hush@other.example\";\n"
        );
        for file in [login::FILE, PROXIES_FILE] {
            let mode = std::fs::metadata(folder.path().join(format!("inside{file}"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
            assert!(!folder.path().join(format!("root{file}")).exists(), "{file}");
        }
    }

    #[tokio::test]
    async fn without_passwords_there_are_no_hooks() {
        let folder = ordered(&apt::official("bookworm"), &Proxies::default()).await;
        let arguments = std::fs::read_to_string(folder.path().join("arguments")).unwrap();
        assert!(!arguments.contains("hook") && arguments.ends_with("bookworm\n/tmp/x.tar\n-\n"), "{arguments}");
        let sources = std::fs::read_to_string(folder.path().join("sources")).unwrap();
        assert_eq!(sources.lines().count(), 3);
    }

    #[test]
    fn sudo_keeps_the_proxy() {
        let kept = kept_by_sudo(|name| name == "https_proxy" || name == "NO_PROXY");
        assert_eq!(kept.as_deref(), Some("--preserve-env=NO_PROXY,https_proxy"));
        assert_eq!(kept_by_sudo(|name| name == LOGINS).as_deref(), Some("--preserve-env=DEVUP_APT_LOGINS"));
        assert_eq!(kept_by_sudo(|_| false), None);
    }
}
