//! Who answers, and what it can do. One `_ping` says all of it on a local engine: its headers carry the program, its
//! version, the newest API version, the builder and the system. (`/version` and `/info` start programs on each call.)

use hyper::HeaderMap;
use serde::Deserialize;

use super::http::Http;
use crate::driver::address::EngineAddress;
use crate::driver::error::{DriverError, Result};
use crate::driver::features::{EngineKind, Features};

/// The oldest API that devup speaks: Docker 20.10.
const OLDEST: (u32, u32) = (1, 41);
/// The newest API that devup knows; a newer engine is asked to speak this one.
const NEWEST: (u32, u32) = (1, 53);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Version {
    os: String,
    arch: String,
}

/// Asks, agrees on an API version, and says what the engine can do.
pub(super) async fn negotiate(http: &mut Http, address: &EngineAddress) -> Result<Features> {
    let attempted = "asking the engine for its version";
    let answer = http.get(attempted, "/_ping").send().await?;
    let headers = answer.headers().clone();
    // read to its end, so that the connection can be used again
    let _ = http_body_util::BodyExt::collect(answer.into_body()).await;
    let hello = Hello::read(&headers);
    let Some(offered) = hello.api else {
        return Err(DriverError::Failed {
            attempted: attempted.to_owned(),
            reason: format!("what answers at {address} is no container engine: it names no API version"),
        });
    };
    if offered < OLDEST {
        return Err(DriverError::NotSupported {
            attempted: attempted.to_owned(),
            engine: format!("{} (API {}.{})", hello.name(), offered.0, offered.1),
            reason: "devup needs Docker 20.10, Podman 4, or newer: upgrade the engine".to_owned(),
        });
    }
    let api = offered.min(NEWEST);
    http.agree(api, hello.name());
    // a socket on Linux is this machine's; behind anything else may be another machine
    let platform = if cfg!(target_os = "linux") && address.is_local() {
        format!("{}/{}", hello.os, go_arch(std::env::consts::ARCH))
    } else {
        let version: Version = http.get(attempted, "/version").value().await?;
        format!("{}/{}", version.os, go_arch(&version.arch))
    };
    Ok(features(&hello, api, platform, address))
}

fn features(hello: &Hello, api: (u32, u32), platform: String, address: &EngineAddress) -> Features {
    let docker = hello.kind == EngineKind::Docker;
    let since = |minor| api >= (1, minor);
    Features {
        kind: hello.kind,
        version: hello.version.clone(),
        api,
        platform,
        multi_network_create: since(44) || !docker,
        // Docker has had it since 18.09; builds on Windows have not
        buildkit: docker && hello.os == "linux",
        builder_is_buildkit: hello.builder == "2",
        named_contexts: docker && hello.os == "linux" && since(42),
        start_interval: since(44),
        volume_subpath: since(45),
        image_mount: since(48),
        annotations: since(43),
        endpoint_mac: since(44) || !docker,
        gateway_priority: since(48),
        interface_name: since(49),
        whole_create: docker,
        no_ipv4: since(48),
        recursive_binds: since(44),
        api_socket: api_socket(docker, address),
        links: docker,
        lists_health: docker,
        import_takes_tag: docker,
        top_by_default: docker,
        runs_healthchecks: docker || (address.is_local() && std::path::Path::new("/run/systemd/system").exists()),
        local: address.is_local(),
        rootless: is_rootless(address),
    }
}

/// Docker's socket has one place wherever its containers run; on Linux an engine may be given another.
fn api_socket(docker: bool, address: &EngineAddress) -> String {
    match address {
        EngineAddress::Unix(path) if cfg!(target_os = "linux") => path.display().to_string(),
        _ if docker => "/var/run/docker.sock".to_owned(),
        _ => "/run/podman/podman.sock".to_owned(),
    }
}

/// What an engine on this machine's usual socket can do.
pub(super) fn abilities(kind: EngineKind, version: &str, api: (u32, u32)) -> Features {
    let hello =
        Hello { kind, version: version.to_owned(), api: Some(api), builder: String::new(), os: "linux".to_owned() };
    features(&hello, api, "linux/amd64".to_owned(), &EngineAddress::Unix("/var/run/docker.sock".into()))
}

/// A socket that belongs to a user is that user's own engine.
fn is_rootless(address: &EngineAddress) -> bool {
    #[cfg(unix)]
    if let EngineAddress::Unix(path) = address {
        use std::os::unix::fs::MetadataExt;
        return std::fs::metadata(path).is_ok_and(|socket| socket.uid() != 0);
    }
    false
}

/// Go's name of an architecture.
fn go_arch(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// What the headers of an answer say.
#[derive(Debug, PartialEq)]
struct Hello {
    kind: EngineKind,
    version: String,
    api: Option<(u32, u32)>,
    builder: String,
    os: String,
}

impl Hello {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // `Docker/20.10.24+dfsg1 (linux)`, `Libpod/4.3.1 (linux)`
        let server = text("server");
        let (program, rest) = server.split_once('/').unwrap_or(("", server));
        let libpod = text("libpod-api-version");
        let podman = program.eq_ignore_ascii_case("libpod") || !libpod.is_empty();
        let version = rest.split_whitespace().next().unwrap_or_default();
        let os = text("ostype");
        Self {
            kind: if podman { EngineKind::Podman } else { EngineKind::Docker },
            version: if version.is_empty() { libpod } else { version }.to_owned(),
            api: text("api-version").split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))),
            builder: text("builder-version").to_owned(),
            os: if os.is_empty() { "linux" } else { os }.to_owned(),
        }
    }

    fn name(&self) -> String {
        let program = if self.kind == EngineKind::Podman { "Podman" } else { "Docker" };
        format!("{program} {}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(lines: &[(&'static str, &'static str)]) -> Hello {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, value.parse().unwrap());
        }
        Hello::read(&headers)
    }

    #[test]
    fn headers_of_real_engines() {
        let docker =
            hello(&[("api-version", "1.41"), ("server", "Docker/20.10.24+dfsg1 (linux)"), ("ostype", "linux")]);
        assert_eq!((docker.kind, docker.api), (EngineKind::Docker, Some((1, 41))));
        assert_eq!(docker.name(), "Docker 20.10.24+dfsg1");
        let podman = hello(&[
            ("api-version", "1.41"),
            ("libpod-api-version", "4.3.1"),
            ("server", "Libpod/4.3.1 (linux)"),
            ("builder-version", ""),
        ]);
        assert_eq!((podman.kind, podman.os.as_str()), (EngineKind::Podman, "linux"));
        assert_eq!(podman.name(), "Podman 4.3.1");
        assert_eq!(hello(&[("server", "nginx/1.22")]).api, None);
    }

    #[test]
    fn abilities_follow_the_agreed_version() {
        let address = EngineAddress::Unix("/nowhere/d.sock".into());
        let docker = hello(&[("api-version", "1.47"), ("server", "Docker/27.3.1 (linux)"), ("builder-version", "2")]);
        let with = |api| features(&docker, api, "linux/amd64".to_owned(), &address);
        let old = with((1, 41));
        assert!(!old.multi_network_create && !old.start_interval && !old.annotations && old.buildkit);
        let new = with((1, 47));
        assert!(new.multi_network_create && new.start_interval && new.volume_subpath && !new.image_mount);
    }
}
