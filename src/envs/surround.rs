//! What the steps of a user's own Dockerfile are given, so that they trust whom the host trusts: files, and variables that
//! name them. The files come from a small image of devup's, so that contexts stay as they are and caches see the same
//! content each time.

use super::facts::Facts;
use super::inject;
use crate::base::digest::FieldHasher;
use crate::driver::error::Result;
use crate::driver::image::{ImageDriver, Surroundings};
use crate::model::build::Build;
use crate::model::labels;
use crate::model::repository::AUTHORITIES;
use indexmap::IndexMap;
use std::io::Cursor;

/// Where Debian's family and Alpine look for what an administrator adds, when their trust store is made anew.
const ANCHORS: &str = "/usr/local/share/ca-certificates";

/// What builds are given; `None` where the host has no authorities of its own.
pub fn surroundings(facts: &Facts) -> Option<Surroundings> {
    if facts.authorities.is_empty() {
        return None;
    }
    let proxies_aside = Facts { proxies: std::collections::BTreeMap::new(), ..facts.clone() };
    let given = inject::injection(&proxies_aside, |_| false, false);
    let mut files: IndexMap<String, Vec<u8>> = given.files.into_iter().collect();
    for (name, pem) in facts.authorities.files() {
        files.insert(format!("{ANCHORS}/{name}"), pem.as_bytes().to_vec());
    }
    let mut hasher = FieldHasher::new();
    for (path, bytes) in &files {
        hasher.field(path).field(bytes);
    }
    let image = format!("{AUTHORITIES}:{}", hasher.finish().short(12));
    Some(Surroundings { image, files, variables: given.environment.into_iter().collect() })
}

/// Hands the host's proxies to a build, as arguments that every builder knows, but for those that the spec sets. A proxy on
/// the host's loopback is reached through the host's network only.
pub fn proxies(facts: &Facts, build: &mut Build) {
    let set: Vec<String> = build.args.keys().map(|name| name.to_lowercase()).collect();
    let mut passed = false;
    for (name, value) in facts.proxies.iter().filter(|(name, _)| !set.contains(&name.to_lowercase())) {
        build.args.insert(name.clone(), Some(value.clone()));
        passed = true;
    }
    if passed && facts.proxy_is_local() && build.network.is_none() {
        build.network = Some("host".to_owned());
    }
}

/// Sees to it that the engine has the image that holds the files.
pub async fn carry(images: &dyn ImageDriver, given: &Surroundings) -> Result<()> {
    if images.image(&given.image).await?.is_some() {
        return Ok(());
    }
    let content = given.image.rsplit(':').next().unwrap_or_default();
    let changes = [
        format!("LABEL {}={}", labels::OWNER, env!("CARGO_PKG_VERSION")),
        format!("LABEL {}={content}", labels::CONTENT),
    ];
    images.import(&given.image, Box::new(Cursor::new(archive(given))), &changes).await.map(drop)
}

/// The files as an image's one layer.
fn archive(given: &Surroundings) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in &given.files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        // writing to memory fails only for paths that tar cannot name, and these are devup's own
        let _ = archive.append_data(&mut header, path.trim_start_matches('/'), bytes.as_slice());
    }
    archive.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::fake::Fake;
    use crate::envs::authorities::Authorities;

    fn host() -> (tempfile::TempDir, Facts) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("etc/ssl/certs");
        std::fs::create_dir_all(&folder).unwrap();
        let shipped = "-----BEGIN CERTIFICATE-----\nc2hpcHBlZA==\n-----END CERTIFICATE-----\n";
        std::fs::write(folder.join("ca-certificates.crt"), shipped).unwrap();
        let own = Authorities::from_pem("-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n");
        let proxies = [("HTTPS_PROXY".to_owned(), "http://me:hush@proxy.example".to_owned())].into();
        let facts = Facts { authorities: own, proxies, root: root.path().to_owned(), ..Facts::default() };
        (root, facts)
    }

    #[test]
    fn a_host_without_own_authorities_adds_nothing() {
        let (_root, facts) = host();
        assert_eq!(surroundings(&Facts { authorities: Authorities::default(), ..facts }), None);
    }

    #[test]
    fn the_bundle_and_the_own_authorities_are_carried_under_a_name_by_content() {
        let (_root, facts) = host();
        let given = surroundings(&facts).unwrap();
        let bundle = String::from_utf8(given.files[inject::BUNDLE_PATH].clone()).unwrap();
        assert!(bundle.contains("b3du") && bundle.contains("c2hpcHBlZA=="));
        let anchors: Vec<&String> = given.files.keys().filter(|path| path.starts_with(ANCHORS)).collect();
        assert_eq!(anchors.len(), 1);
        assert_eq!(given.variables["PIP_CERT"], inject::BUNDLE_PATH);
        assert!(!format!("{given:?}").contains("hush"));
        assert_eq!(surroundings(&facts).unwrap(), given);
        let other = Authorities::from_pem("-----BEGIN CERTIFICATE-----\nb3RoZXI=\n-----END CERTIFICATE-----\n");
        assert_ne!(surroundings(&Facts { authorities: other, ..facts }).unwrap().image, given.image);
    }

    #[test]
    fn proxies_pass_but_for_those_that_the_spec_sets() {
        let (_root, mut facts) = host();
        facts.proxies.insert("http_proxy".to_owned(), "http://127.0.0.1:3128".to_owned());
        let own = ("https_proxy".to_owned(), Some("http://other.example".to_owned()));
        let mut build = Build { args: [own.clone()].into(), ..Build::default() };
        proxies(&facts, &mut build);
        let passed = ("http_proxy".to_owned(), Some("http://127.0.0.1:3128".to_owned()));
        assert_eq!(build.args, [own, passed].into());
        assert_eq!(build.network.as_deref(), Some("host"));
        let mut none = Build { network: Some("none".to_owned()), ..Build::default() };
        proxies(&facts, &mut none);
        assert_eq!(none.network.as_deref(), Some("none"));
    }

    #[tokio::test]
    async fn the_image_is_made_once() {
        let (_root, facts) = host();
        let given = surroundings(&facts).unwrap();
        let engine = Fake::default();
        carry(&engine, &given).await.unwrap();
        let made = engine.image(&given.image).await.unwrap().unwrap();
        carry(&engine, &given).await.unwrap();
        assert_eq!(engine.images(None).await.unwrap().len(), 1);
        assert_eq!(engine.image(&given.image).await.unwrap().unwrap().id, made.id);
    }

    #[test]
    fn the_archive_is_the_same_each_time() {
        let (_root, facts) = host();
        let given = surroundings(&facts).unwrap();
        let bytes = archive(&given);
        assert_eq!(bytes, archive(&given));
        let mut read = tar::Archive::new(bytes.as_slice());
        let names: Vec<String> =
            read.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"etc/devup/authorities.pem".to_owned()), "{names:?}");
    }
}
