//! A build as the attributes of the builder's Dockerfile frontend: what [`super::request::parameters`] is for `POST /build`.

use std::collections::HashMap;

use super::request::{self, Place};
use crate::driver::features::Features;
use crate::driver::image::BuildRequest;
use crate::model::service::Ulimit;

/// The address in `extra_hosts` that stands for the engine's machine.
const HOST_GATEWAY: &str = "host-gateway";

/// All attributes but those of contexts. `gateway` is what `host-gateway` means.
pub(super) fn of(
    request: &BuildRequest,
    place: &Place,
    features: &Features,
    gateway: Option<&str>,
) -> HashMap<String, String> {
    let build = &request.build;
    let mut out = HashMap::new();
    let mut put = |key: &str, value: String| drop(out.insert(key.to_owned(), value));
    put("filename", place.dockerfile.clone());
    put("image-resolve-mode", if build.pull { "pull" } else { "local" }.to_owned());
    for (name, value) in request::arguments(build, features) {
        put(&format!("build-arg:{name}"), value);
    }
    for (name, value) in request::labels(request) {
        put(&format!("label:{name}"), value);
    }
    let texts = [
        ("target", build.target.clone()),
        ("platform", request::platform(request, features)),
        ("shm-size", build.shm_size.map(|size| size.0.to_string())),
        ("force-network-mode", build.network.clone().filter(|mode| is_forced(mode))),
        ("no-cache", build.no_cache.then(String::new)),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            put(key, value);
        }
    }
    if !build.extra_hosts.is_empty() {
        put("add-hosts", hosts(&build.extra_hosts, gateway));
    }
    if !build.ulimits.is_empty() {
        let limits: Vec<String> = build.ulimits.iter().map(|(name, limit)| ulimit(name, *limit)).collect();
        put("ulimit", limits.join(","));
    }
    for (kind, value) in [("provenance", &build.provenance), ("sbom", &build.sbom)] {
        if let Some(value) = attestation(kind, value.as_deref()) {
            put(&format!("attest:{kind}"), value);
        }
    }
    out
}

/// Whether a mode is anything else than the builder's own.
fn is_forced(mode: &str) -> bool {
    !["", "default", "bridge"].contains(&mode)
}

/// Rights beyond a build's ordinary ones.
pub(super) fn entitlements(request: &BuildRequest) -> Vec<String> {
    let build = &request.build;
    let mut rights = build.entitlements.clone();
    let implied = [(build.privileged, "security.insecure"), (build.network.as_deref() == Some("host"), "network.host")];
    for (_, right) in implied.iter().filter(|(wanted, _)| *wanted) {
        if !rights.iter().any(|known| known == right) {
            rights.push((*right).to_owned());
        }
    }
    rights
}

/// Whether somebody wants this attestation: `true` or its options, and not `false`.
pub(super) fn attestation(kind: &str, value: Option<&str>) -> Option<String> {
    match value? {
        "" | "false" => None,
        "true" => Some(format!("type={kind}")),
        options => Some(format!("type={kind},{options}")),
    }
}

/// Whether the engine's own machine has to be known.
pub(super) fn names_the_gateway(request: &BuildRequest) -> bool {
    request.build.extra_hosts.iter().any(|host| host.ends_with(HOST_GATEWAY))
}

/// `name=address` (or `name:address`), as the builder reads them.
fn hosts(hosts: &[String], gateway: Option<&str>) -> String {
    let host = |line: &String| {
        let (name, address) = line.split_once('=').or_else(|| line.split_once(':')).unwrap_or((line, ""));
        let address = gateway.filter(|_| address == HOST_GATEWAY).unwrap_or(address);
        format!("{name}={}", address.trim_start_matches('[').trim_end_matches(']'))
    };
    hosts.iter().map(host).collect::<Vec<_>>().join(",")
}

fn ulimit(name: &str, limit: Ulimit) -> String {
    match limit {
        Ulimit::Single(both) => format!("{name}={both}:{both}"),
        Ulimit::Pair { soft, hard } => format!("{name}={soft}:{hard}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::driver::moby::tests::docker;
    use crate::model::build::Build;

    fn request(build: serde_json::Value) -> BuildRequest {
        let build: Build = serde_json::from_value(build).unwrap();
        BuildRequest {
            tags: vec!["shop-web".to_owned()],
            labels: [("own".to_owned(), "1".to_owned())].into(),
            ..BuildRequest::of(build)
        }
    }

    fn attributes(build: serde_json::Value, gateway: Option<&str>) -> Vec<(String, String)> {
        let place = Place { context: None, remote: None, dockerfile: "D".to_owned(), syntax_line: false, remark: None };
        let mut found: Vec<_> = of(&request(build), &place, &docker(45), gateway).into_iter().collect();
        found.sort();
        found
    }

    #[track_caller]
    fn says(build: serde_json::Value, gateway: Option<&str>, expected: &[(&str, &str)]) {
        let found = attributes(build, gateway);
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_build_becomes_attributes_of_the_frontend() {
        says(json!({}), None, &[("filename", "D"), ("image-resolve-mode", "local"), ("label:own", "1")]);
        says(
            json!({
                "args": {"A": "1", "GONE": null}, "labels": {"x": "y"}, "target": "fin", "pull": true, "no_cache": true,
                "network": "host", "shm_size": "64", "ulimits": {"nofile": 5, "nproc": {"soft": 1, "hard": 2}},
                "extra_hosts": ["a=1.2.3.4", "h=host-gateway", "six=[::1]"], "cache_to": ["type=inline"],
                "platforms": ["linux/arm64"], "provenance": "mode=max", "sbom": "true",
            }),
            Some("172.17.0.1"),
            &[
                ("add-hosts", "a=1.2.3.4,h=172.17.0.1,six=::1"),
                ("attest:provenance", "type=provenance,mode=max"),
                ("attest:sbom", "type=sbom"),
                ("build-arg:A", "1"),
                ("build-arg:BUILDKIT_INLINE_CACHE", "1"),
                ("filename", "D"),
                ("force-network-mode", "host"),
                ("image-resolve-mode", "pull"),
                ("label:own", "1"),
                ("label:x", "y"),
                ("no-cache", ""),
                ("platform", "linux/arm64"),
                ("shm-size", "64"),
                ("target", "fin"),
                ("ulimit", "nofile=5:5,nproc=1:2"),
            ],
        );
        let quiet = attributes(json!({"network": "default", "provenance": "false", "sbom": "false"}), None);
        assert_eq!(quiet.len(), 3, "{quiet:?}");
    }

    #[test]
    fn rights_are_those_asked_for_and_those_that_follow() {
        let rights = |build| entitlements(&request(build));
        assert!(rights(json!({})).is_empty());
        assert_eq!(rights(json!({"network": "host"})), ["network.host"]);
        assert_eq!(
            rights(json!({"privileged": true, "entitlements": ["network.host"], "network": "host"})),
            ["network.host", "security.insecure"]
        );
    }
}
