//! References of images: `[registry[:port]/]name[:tag][@digest]`.

use crate::driver::error::DriverError;

/// Docker's own registry, as credentials are filed under.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Name, and tag or digest (`latest` where there is neither), as the engine's calls take them.
pub(super) fn split(reference: &str) -> (&str, &str) {
    if let Some((name, digest)) = reference.split_once('@') {
        // a digest says more than the tag before it
        return (without_tag(name).0, digest);
    }
    let (name, tag) = without_tag(reference);
    (name, tag.unwrap_or("latest"))
}

/// With registry and tag, as the builder names images: `redis` is `docker.io/library/redis:latest`.
pub(super) fn full(reference: &str) -> String {
    let tagged = reference.contains('@') || without_tag(reference).1.is_some();
    let tag = if tagged { "" } else { ":latest" };
    let home = match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => "",
        Some(_) => "docker.io/",
        None => "docker.io/library/",
    };
    format!("{home}{reference}{tag}")
}

/// A colon after the last slash begins a tag; before it, a port.
fn without_tag(reference: &str) -> (&str, Option<&str>) {
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (reference, None),
    }
}

/// The key under which docker files the credentials of the reference's registry.
pub(super) fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => match first {
            "docker.io" | "index.docker.io" => DOCKER_HUB,
            other => other,
        },
        _ => DOCKER_HUB,
    }
}

/// A failed pull or push with what to do about it, where the words tell.
pub(super) fn explained(error: DriverError) -> DriverError {
    let (DriverError::Failed { attempted, reason } | DriverError::NotFound { attempted, reason }) = &error else {
        return error;
    };
    let low = reason.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let remedy = if any(&["invalid reference format"]) {
        "this can't name an image, which is NAME, NAME:TAG or NAME@DIGEST: is a variable in it not set?"
    } else if any(&["no such host", "server misbehaving", "name resolution", "connection refused", "i/o timeout"])
        || any(&["network is unreachable", "context deadline exceeded", "client.timeout", "proxyconnect"])
    {
        "the engine reaches no registry: check the network and the engine's proxy (`devup doctor`), or build the image here"
    } else if any(&[
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
        "access denied",
        "denied: requested access",
    ]) {
        "log in to the registry (`docker login`), or check the image's name"
    } else if any(&["manifest unknown", "not found"]) {
        "the registry has no such image or tag: check the reference"
    } else if any(&["x509", "certificate"]) {
        "the engine does not trust the registry's certificate: see `devup doctor`"
    } else {
        return error;
    };
    let reason = format!("{reason}; {remedy}");
    match error {
        DriverError::NotFound { .. } => DriverError::NotFound { attempted: attempted.clone(), reason },
        _ => DriverError::Failed { attempted: attempted.clone(), reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_as_the_engine_does() {
        for (reference, name, tag, home) in [
            ("redis", "redis", "latest", DOCKER_HUB),
            ("redis:7", "redis", "7", DOCKER_HUB),
            ("team/redis:7", "team/redis", "7", DOCKER_HUB),
            ("docker.io/library/redis", "docker.io/library/redis", "latest", DOCKER_HUB),
            ("localhost:5000/a", "localhost:5000/a", "latest", "localhost:5000"),
            ("registry.test/a/b:1@sha256:00", "registry.test/a/b", "sha256:00", "registry.test"),
        ] {
            assert_eq!((split(reference), registry(reference)), ((name, tag), home), "{reference}");
        }
    }

    #[test]
    fn the_builder_wants_registry_and_tag() {
        for (reference, whole) in [
            ("redis", "docker.io/library/redis:latest"),
            ("shop-web:2", "docker.io/library/shop-web:2"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost/a", "localhost/a:latest"),
            ("registry.test:5000/a@sha256:00", "registry.test:5000/a@sha256:00"),
        ] {
            assert_eq!(full(reference), whole);
        }
    }

    #[test]
    fn no_registry_is_said_with_the_remedy() {
        let reason = "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host";
        let error = DriverError::Failed { attempted: "pulling image redis".into(), reason: reason.into() };
        assert!(explained(error).to_string().contains("devup doctor"));
        let reason = "no such image: team/app:: invalid reference format";
        let unnamed = DriverError::Failed { attempted: "looking at image team/app:".into(), reason: reason.into() };
        assert!(explained(unnamed).to_string().ends_with("is a variable in it not set?"));
        let other = DriverError::Failed { attempted: "x".into(), reason: "boom".into() };
        assert_eq!(explained(other.clone()), other);
    }
}
