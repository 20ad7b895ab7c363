//! What a container of an ordinary image is given, so that its programs trust whom the host trusts.
//!
//! The image's own trust store is left alone: images differ in where they keep it. One file with all authorities of
//! the host is put beside it, and the variables that programs read point there, unless somebody set them already.

use super::facts::{Facts, PROXY_VARIABLES};
use crate::base::digest::{Digest, FieldHasher};
use std::collections::BTreeMap;

/// Variables that name a file with all trusted authorities: OpenSSL, curl, pip, Python's requests, AWS, git, gRPC.
pub const BUNDLE_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// Where the file lies in a container: a folder that no image uses.
pub const BUNDLE_PATH: &str = "/etc/devup/authorities.pem";

/// What a container gets before it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// Files by absolute path, to be readable for all.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Variables that the container does not have yet.
    pub environment: BTreeMap<String, String>,
}

impl Injection {
    /// Digest for a container's configuration hash: another set of authorities makes another container. Nothing to
    /// inject has none, so that hosts without own authorities are not told apart.
    pub fn digest(&self) -> Option<Digest> {
        if self.files.is_empty() && self.environment.is_empty() {
            return None;
        }
        let mut hasher = FieldHasher::new();
        for (path, bytes) in &self.files {
            hasher.field(path).field(bytes);
        }
        for (name, value) in &self.environment {
            hasher.field(name).field(value);
        }
        Some(hasher.finish())
    }
}

/// What a container with these variables (the image's and the service's together) is given. Nothing where the host has
/// no authorities of its own, and no file where the image was built by devup and trusts them already.
pub fn injection(facts: &Facts, has: impl Fn(&str) -> bool, built_by_devup: bool) -> Injection {
    let mut given = Injection::default();
    for (name, value) in &facts.proxies {
        let known = PROXY_VARIABLES.iter().any(|other| other.eq_ignore_ascii_case(name) && has(other));
        if !known && !facts.proxy_is_local() {
            given.environment.insert(name.clone(), value.clone());
        }
    }
    if facts.authorities.is_empty() || built_by_devup {
        return given;
    }
    // without a file of the system's (macOS) only what adds to a program's own list can be served
    let (text, names) = match facts.bundle() {
        Some(bundle) => (bundle, BUNDLE_VARIABLES),
        None => (facts.authorities.pem(), &["NODE_EXTRA_CA_CERTS"][..]),
    };
    let free: Vec<&str> = names.iter().copied().filter(|name| !has(name)).collect();
    if !free.is_empty() {
        given.files.insert(BUNDLE_PATH.to_owned(), text.into_bytes());
        given.environment.extend(free.into_iter().map(|name| (name.to_owned(), BUNDLE_PATH.to_owned())));
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envs::authorities::Authorities;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n";

    fn host(bundle: Option<&str>) -> (tempfile::TempDir, Facts) {
        let root = tempfile::tempdir().unwrap();
        if let Some(text) = bundle {
            let folder = root.path().join("etc/ssl/certs");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("ca-certificates.crt"), text).unwrap();
        }
        let facts = Facts { authorities: Authorities::from_pem(PEM), root: root.path().to_owned(), ..Facts::default() };
        (root, facts)
    }

    #[test]
    fn a_host_without_own_authorities_injects_nothing() {
        let given = injection(&Facts::default(), |_| false, false);
        assert_eq!((given.digest(), given), (None, Injection::default()));
    }

    #[test]
    fn the_bundle_holds_the_systems_and_the_own_and_spares_what_is_set() {
        let (_root, facts) = host(Some("-----BEGIN CERTIFICATE-----\nc2hpcHBlZA==\n-----END CERTIFICATE-----\n"));
        let given = injection(&facts, |name| name == "PIP_CERT", false);
        let text = String::from_utf8(given.files[BUNDLE_PATH].clone()).unwrap();
        assert!(text.contains("b3du") && text.contains("c2hpcHBlZA=="));
        assert!(!given.environment.contains_key("PIP_CERT"));
        assert_eq!(given.environment["SSL_CERT_FILE"], BUNDLE_PATH);
        assert!(given.digest().is_some());
        assert_eq!(injection(&facts, |_| false, true), Injection::default());
    }

    #[test]
    fn without_a_system_bundle_only_lists_that_add_are_used() {
        let (_root, facts) = host(None);
        let given = injection(&facts, |_| false, false);
        assert_eq!(given.environment.keys().collect::<Vec<_>>(), ["NODE_EXTRA_CA_CERTS"]);
    }

    #[test]
    fn proxies_pass_unless_set_or_on_loopback() {
        let proxies = |value: &str| Facts {
            proxies: BTreeMap::from([("HTTPS_PROXY".to_owned(), value.to_owned())]),
            ..Facts::default()
        };
        let far = proxies("http://proxy.example:3128");
        assert_eq!(injection(&far, |_| false, true).environment.len(), 1);
        assert!(injection(&far, |name| name == "https_proxy", true).environment.is_empty());
        assert!(injection(&proxies("http://127.0.0.1:3128"), |_| false, true).environment.is_empty());
    }
}
