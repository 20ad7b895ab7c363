//! What a build takes from the host: its authorities, its mirrors, its proxies.

use super::authorities::Authorities;
use super::{apt, authorities};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Proxy variables that programs read, in both spellings.
pub const PROXY_VARIABLES: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
];

/// The host, as far as images depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Authorities that images have to trust.
    pub authorities: Authorities,
    /// Proxy variables that are set, for builds and containers. May hold passwords.
    pub proxies: BTreeMap<String, String>,
    /// The root of the host's files: `/` but in tests.
    pub root: PathBuf,
    /// Builds can be given secrets, so that mirrors that ask for a login are of use.
    pub logins: bool,
}

impl Facts {
    /// Reads the files below `root` and the variables that `variable` looks up.
    pub fn read(root: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let extra = variable("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
        let proxies = PROXY_VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), variable(name).filter(|value| !value.is_empty())?)))
            .collect();
        let authorities = Authorities::of_machine(root, extra.as_deref());
        Self { authorities, proxies, root: root.to_owned(), logins: false }
    }

    /// This machine, with this process's environment.
    pub fn of_this_machine() -> Self {
        Self::read(Path::new("/"), |name| std::env::var(name).ok())
    }

    /// The archives to install `suite` from.
    pub fn sources(&self, suite: &str) -> Vec<apt::Source> {
        apt::sources(&self.root, suite, self.logins)
    }

    /// All authorities that the machine trusts, with those of its administrator.
    pub fn bundle(&self) -> Option<String> {
        let system = authorities::system_bundle(&self.root)?;
        let known = Authorities::from_pem(&system);
        let missing: String = self
            .authorities
            .files()
            .filter(|(name, _)| !known.files().any(|(other, _)| other == *name))
            .map(|(_, pem)| pem)
            .collect();
        Some(system + &missing)
    }

    /// Is a proxy an address that a container of its own network cannot reach?
    pub fn proxy_is_local(&self) -> bool {
        let local = |value: &String| {
            ["//127.", "//localhost", "//[::1]", "@127.", "@localhost"].iter().any(|s| value.contains(s))
        };
        self.proxies.iter().any(|(name, value)| !name.eq_ignore_ascii_case("no_proxy") && local(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_do_not_count_and_loopback_is_seen() {
        let facts = Facts::read(Path::new("/nonexistent"), |name| match name {
            "HTTPS_PROXY" => Some("http://127.0.0.1:3128".to_owned()),
            "http_proxy" => Some(String::new()),
            "NO_PROXY" => Some("localhost".to_owned()),
            _ => None,
        });
        assert_eq!(facts.proxies.len(), 2);
        assert!(facts.proxy_is_local());
        let far = Facts::read(Path::new("/nonexistent"), |name| (name == "NO_PROXY").then(|| "//localhost".to_owned()));
        assert!(!far.proxy_is_local());
    }
}
