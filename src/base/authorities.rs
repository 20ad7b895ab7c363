//! Certificate authorities that somebody put on this machine and that its distribution does not ship: those of
//! intercepting proxies and of companies' own services.

use super::digest::{Digest, FieldHasher};
use base64::Engine as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where administrators put authorities: Debian and SUSE's family, Fedora's, Arch's.
const ANCHORS: &[&str] = &[
    "usr/local/share/ca-certificates",
    "etc/pki/ca-trust/source/anchors",
    "etc/ca-certificates/trust-source/anchors",
    "etc/pki/trust/anchors",
];

/// Where systems keep all the authorities they trust, in one file.
const BUNDLES: &[&str] = &[
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
];

/// A set of authorities, each once, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// PEM texts by the digest of the certificate.
    by_digest: BTreeMap<Digest, String>,
}

impl Authorities {
    /// The authorities of the machine whose files are below `root` (`/`), with those of `extra`: what `SSL_CERT_FILE`
    /// names. Of `extra`, only what the system does not trust already is taken. What cannot be read is not there.
    pub fn of_machine(root: &Path, extra: Option<&Path>) -> Self {
        let mut found = Self::default();
        for folder in ANCHORS {
            for file in files_below(&root.join(folder)) {
                found.take(&fs::read_to_string(file).unwrap_or_default());
            }
        }
        if let Some(extra) = extra.filter(|path| !is_bundle(root, path)) {
            let mut more = Self::from_pem(&fs::read_to_string(extra).unwrap_or_default());
            let shipped = system_bundle(root).map(|text| Self::from_pem(&text)).unwrap_or_default();
            more.by_digest.retain(|digest, _| !shipped.by_digest.contains_key(digest));
            found.by_digest.append(&mut more.by_digest);
        }
        found
    }

    /// The number of those that the other set does not hold.
    pub fn missing_from(&self, other: &Self) -> usize {
        self.by_digest.keys().filter(|digest| !other.by_digest.contains_key(*digest)).count()
    }

    /// The certificates in a PEM text.
    pub fn from_pem(text: &str) -> Self {
        let mut found = Self::default();
        found.take(text);
        found
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.by_digest.is_empty()
    }

    /// File name and PEM text of each, the name by content.
    pub fn files(&self) -> impl Iterator<Item = (String, &str)> {
        self.by_digest.iter().map(|(digest, pem)| (format!("devup-{}.crt", digest.short(16)), pem.as_str()))
    }

    /// All PEM texts, one after the other.
    pub fn pem(&self) -> String {
        self.by_digest.values().map(String::as_str).collect()
    }

    /// Digest of the set.
    pub fn digest(&self) -> Digest {
        let mut hasher = FieldHasher::new();
        for digest in self.by_digest.keys() {
            hasher.field(digest.bytes());
        }
        hasher.finish()
    }

    fn take(&mut self, text: &str) {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        for block in text.split(BEGIN).skip(1) {
            let Some((body, _)) = block.split_once(END) else { continue };
            let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            if let Ok(der) = base64::engine::general_purpose::STANDARD.decode(&body) {
                let lines: Vec<&str> =
                    body.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
                self.by_digest.insert(Digest::of(der), format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")));
            }
        }
    }
}

/// The files below `root` (`/`) in which administrators put authorities.
pub fn anchor_files(root: &Path) -> Vec<PathBuf> {
    ANCHORS.iter().flat_map(|folder| files_below(&root.join(folder))).collect()
}

/// The file below `root` (`/`) that holds all authorities the machine trusts.
pub fn bundle_file(root: &Path) -> Option<PathBuf> {
    BUNDLES.iter().map(|path| root.join(path)).find(|path| path.is_file())
}

/// The PEM text of all authorities that the machine trusts, its own and the distribution's; `None` where there is no
/// such file (macOS keeps them in its keychain).
pub fn system_bundle(root: &Path) -> Option<String> {
    BUNDLES.iter().find_map(|path| fs::read_to_string(root.join(path)).ok()).filter(|text| !text.is_empty())
}

fn is_bundle(root: &Path, path: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let own = real(path);
    own.is_some() && BUNDLES.iter().any(|bundle| real(&root.join(bundle)) == own)
}

/// Files of a folder and of the folders in it, each folder once.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.append(&mut files_below(&path)),
            Ok(_) if path.is_file() => {
                files.insert(path);
            }
            _ => {}
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(body: &str) -> String {
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn anchors_of_all_families_are_found_once() {
        let root = tempfile::tempdir().unwrap();
        let anchors = ["usr/local/share/ca-certificates/own", "etc/pki/ca-trust/source/anchors"];
        for folder in anchors {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("a.crt"), pem("a")).unwrap();
        }
        fs::write(root.path().join(anchors[1]).join("b.pem"), format!("# two\n{}{}", pem("b"), pem("c"))).unwrap();
        fs::write(root.path().join(anchors[1]).join("README"), "nothing here").unwrap();
        let found = Authorities::of_machine(root.path(), None);
        assert_eq!(found.files().count(), 3);
        assert_eq!(anchor_files(root.path()).len(), 4);
        assert_eq!(found.missing_from(&Authorities::from_pem(&pem("b"))), 2);
        assert_eq!(Authorities::from_pem(&found.pem()), found);
        assert!(Authorities::of_machine(&root.path().join("elsewhere"), None).is_empty());
    }

    #[test]
    fn of_an_extra_file_only_what_the_system_lacks_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let bundle = root.path().join(BUNDLES[0]);
        fs::create_dir_all(bundle.parent().unwrap()).unwrap();
        fs::write(&bundle, pem("shipped")).unwrap();
        let extra = root.path().join("extra.pem");
        fs::write(&extra, pem("shipped") + &pem("own")).unwrap();
        let found = Authorities::of_machine(root.path(), Some(&extra));
        assert_eq!(found, Authorities::from_pem(&pem("own")));
        assert!(Authorities::of_machine(root.path(), Some(&bundle)).is_empty());
    }

    #[test]
    fn the_digest_is_that_of_the_set() {
        let (a, b) = (pem("a"), pem("b"));
        let digest = |text: String| Authorities::from_pem(&text).digest();
        assert_eq!(digest(a.clone() + &b), digest(b.clone() + &a));
        assert_ne!(digest(a), digest(b));
    }
}
