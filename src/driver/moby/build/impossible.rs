//! What of a build an engine cannot do: refused before anything begins, never left out in silence.

use super::named::IMAGE;
use super::request::is_remote;
use crate::driver::error::{DriverError, Result};
use crate::driver::features::Features;
use crate::driver::image::BuildRequest;
use crate::model::build::Build;

/// What no parameter exists for is an error, never left out in silence.
pub(super) fn refuse(attempted: &str, request: &BuildRequest, features: &Features) -> Result<()> {
    let build = &request.build;
    let found = contexts(build, features)
        .or_else(|| without_buildkit(request, features))
        .or_else(|| caches(build))
        .or_else(|| unreadable(build));
    match found {
        None => Ok(()),
        Some(reason) => Err(DriverError::NotSupported {
            attempted: attempted.to_owned(),
            engine: format!("the build API of {:?} {}", features.kind, features.version),
            reason: reason.to_owned(),
        }),
    }
}

fn contexts(build: &Build, features: &Features) -> Option<&'static str> {
    if build.additional_contexts.is_empty() {
        return None;
    }
    if !features.named_contexts {
        return Some(
            "additional_contexts (named contexts), which needs Docker 23 or newer; put the files below `context`, or name an \
             image in `COPY --from=`",
        );
    }
    build.additional_contexts.values().any(|source| source.starts_with("oci-layout://")).then_some(
        "additional_contexts from an `oci-layout://` folder; load the image into the engine (`docker load`), and name it \
         as `docker-image://NAME`",
    )
}

fn without_buildkit(request: &BuildRequest, features: &Features) -> Option<&'static str> {
    let build = &request.build;
    let wanted = |value: &Option<String>| value.as_deref().is_some_and(|value| value != "false");
    let needs = [
        (
            build.privileged || !build.entitlements.is_empty(),
            "privileged builds and entitlements, which need BuildKit; use Docker, or remove `privileged` and `entitlements`",
        ),
        (
            !request.secrets.is_empty() || !build.secrets.is_empty(),
            "build secrets, which need BuildKit; use Docker, or take the secret at run time",
        ),
        (!build.ssh.is_empty(), "build.ssh, which needs BuildKit; use Docker, or fetch the sources before the build"),
        (
            wanted(&build.provenance) || wanted(&build.sbom),
            "attestations (provenance, sbom), which need BuildKit; use Docker, or leave them out",
        ),
    ];
    needs.into_iter().find_map(|(wanted, reason)| (wanted && !features.buildkit).then_some(reason))
}

fn caches(build: &Build) -> Option<&'static str> {
    build
        .cache_to
        .iter()
        .any(|cache| !is_inline_cache(cache))
        .then_some("cache_to other than `type=inline`; remove it, or use `type=inline`")
}

fn is_inline_cache(cache: &str) -> bool {
    cache.split(',').any(|word| word.trim() == "type=inline")
}

fn unreadable(build: &Build) -> Option<&'static str> {
    let inline = is_remote(&build.context) && build.dockerfile_inline.is_some();
    if inline {
        return Some("dockerfile_inline with a context that is a URL; clone it and name the folder");
    }
    build
        .context
        .starts_with(IMAGE)
        .then_some("a context that is an image; name it under `additional_contexts`, and a folder as `context`")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::driver::moby::tests::docker;

    fn refused(build: serde_json::Value, features: &Features) -> String {
        let request = BuildRequest::of(serde_json::from_value(build).unwrap());
        refuse("building", &request, features).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_an_engine_lacks_is_named_with_what_has_it() {
        let (old, new) = (docker(41), docker(45));
        let podman = Features { buildkit: false, named_contexts: false, ..docker(41) };
        let contexts = json!({"additional_contexts": {"lib": "/lib"}});
        for engine in [&old, &podman] {
            let reason = refused(contexts.clone(), engine);
            assert!(reason.contains("additional_contexts") && reason.contains("Docker 23"), "{reason}");
        }
        assert_eq!(refused(contexts, &new), "");
        let layout = json!({"additional_contexts": {"lib": "oci-layout:///lib"}});
        assert!(refused(layout, &new).contains("docker load"));
        for (build, word) in [
            (json!({"privileged": true}), "entitlements"),
            (json!({"entitlements": ["network.host"]}), "entitlements"),
            (json!({"ssh": ["default"]}), "build.ssh"),
            (json!({"provenance": "true"}), "attestations"),
            (json!({"sbom": "generator=x"}), "attestations"),
        ] {
            assert!(refused(build.clone(), &podman).contains(word), "{build}");
            assert_eq!(refused(build, &old), "");
        }
        assert_eq!(refused(json!({"provenance": "false", "sbom": "false"}), &podman), "");
        assert!(refused(json!({"context": "docker-image://x"}), &new).contains("additional_contexts"));
        assert!(refused(json!({"cache_to": ["type=local,dest=/x"]}), &new).contains("cache_to"));
    }
}
