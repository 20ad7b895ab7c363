//! Repositories of the images that devup makes for itself, spelt once. `localhost/` keeps engines from ever asking a public
//! registry for such a name.

/// Building blocks: `localhost/devup-env/NAME:VERSION-HASH`.
pub const ENVS: &str = "localhost/devup-env";
/// Provisioning steps kept as image layers.
pub const LAYERS: &str = "localhost/devup-layer";
/// Distributions made from their packages.
pub const ORIGINS: &str = "localhost/devup-origin";
/// Certificate authorities for builds, and nothing else.
pub const AUTHORITIES: &str = "localhost/devup-authorities";
/// devup's own program, to be run beside volumes.
pub const HELPERS: &str = "localhost/devup-helper";

/// Whether the reference names an image of this repository.
pub fn holds(repository: &str, reference: &str) -> bool {
    reference.strip_prefix(repository).is_some_and(|rest| rest.starts_with([':', '/']))
}

/// Whether the reference names an image that devup made for itself.
pub fn is_own(reference: &str) -> bool {
    [ENVS, LAYERS, ORIGINS, AUTHORITIES, HELPERS].iter().any(|repository| holds(repository, reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_images_are_told_from_others() {
        assert!(is_own("localhost/devup-env/redis-7:1-abc") && is_own("localhost/devup-layer:abc"));
        assert!(!is_own("localhost/devup-envoy:1") && !is_own("devup-layer:abc") && !is_own("localhost/devup-layer"));
    }
}
