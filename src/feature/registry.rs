//! Features in registries: the part of the OCI distribution protocol that fetching needs.

use serde::Deserialize;

use super::web::{Answer, Web, is_near};
use crate::base::digest::Digest;

/// What a manifest may be.
const ACCEPTED: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
/// A feature's files.
const LAYER: &str = "application/vnd.devcontainers.layer.v1+tar";

/// A place in a registry.
pub(super) struct Repository<'a> {
    pub(super) web: &'a Web,
    pub(super) registry: &'a str,
    pub(super) name: &'a str,
}

/// A fetched manifest.
pub(super) struct Manifest {
    /// `sha256:…` of the manifest itself.
    pub(super) digest: String,
    /// `sha256:…` of the files.
    pub(super) layer: String,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// Why not, and at which address.
pub(super) type Failure = (String, String);

impl Repository<'_> {
    fn address(&self, kind: &str, what: &str) -> String {
        let near = is_near(&format!("http://{}/", self.registry));
        let scheme = if near { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{kind}/{what}", self.registry, self.name)
    }

    /// The manifest of a tag or digest.
    pub(super) async fn manifest(&self, version: &str) -> Result<Manifest, Failure> {
        let address = self.address("manifests", version);
        let body = self.get(&address, &[("accept", ACCEPTED)]).await.map_err(|reason| (address.clone(), reason))?;
        let digest = format!("sha256:{}", Digest::of(&body));
        if version.starts_with("sha256:") && version != digest {
            return Err((address, format!("the registry gave something else, with the digest {digest}")));
        }
        let read: Read =
            serde_json::from_slice(&body).map_err(|error| (address.clone(), format!("no manifest: {error}")))?;
        let layer = read.layers.iter().find(|layer| layer.media_type == LAYER).or(read.layers.first());
        let layer = layer.ok_or_else(|| (address, "it has no files: it is no feature".to_owned()))?;
        Ok(Manifest { digest, layer: layer.digest.clone() })
    }

    /// Bytes by their digest.
    pub(super) async fn blob(&self, digest: &str) -> Result<Vec<u8>, Failure> {
        let address = self.address("blobs", digest);
        let body = self.get(&address, &[]).await.map_err(|reason| (address.clone(), reason))?;
        let found = format!("sha256:{}", Digest::of(&body));
        if found != digest {
            return Err((address, format!("the registry gave something else, with the digest {found}")));
        }
        Ok(body)
    }

    /// Asks; where the registry wants a token, with the one that it gives to everybody.
    async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let mut answer = self.web.get(address, headers).await?;
        if answer.status == 401
            && let Some(challenge) = answer.challenge.clone()
        {
            let token = format!("Bearer {}", self.token(&challenge).await?);
            let with_token: Vec<(&str, &str)> =
                headers.iter().copied().chain([("authorization", token.as_str())]).collect();
            answer = self.web.get(address, &with_token).await?;
        }
        good(answer)
    }

    async fn token(&self, challenge: &str) -> Result<String, String> {
        let closed = || "it is not open to everybody, and devup does not log in to registries for features".to_owned();
        let rest = challenge.strip_prefix("Bearer ").ok_or_else(closed)?;
        let part = |key: &str| {
            let start = rest.find(&format!("{key}=\""))? + key.len() + 2;
            rest[start..].split('"').next().map(str::to_owned)
        };
        let realm = part("realm").ok_or_else(closed)?;
        let mut address = url::Url::parse(&realm).map_err(|error| format!("{realm}: {error}"))?;
        if address.scheme() != "https" && !is_near(&realm) {
            return Err(format!("it asks for a token over a connection without TLS: {realm}"));
        }
        if let Some(service) = part("service") {
            address.query_pairs_mut().append_pair("service", &service);
        }
        let scope = part("scope").unwrap_or_else(|| format!("repository:{}:pull", self.name));
        address.query_pairs_mut().append_pair("scope", &scope);
        let body = good(self.web.get(address.as_str(), &[]).await?).map_err(|_| closed())?;
        serde_json::from_slice::<Token>(&body).map(|token| token.token).map_err(|_| closed())
    }
}

/// The body of a good answer.
pub(super) fn good(answer: Answer) -> Result<Vec<u8>, String> {
    match answer.status {
        200 => Ok(answer.body),
        401 | 403 => Err("it is not open to everybody, and devup does not log in to registries for features".into()),
        404 => Err("there is no such thing (404)".into()),
        other => Err(format!("the answer is {other}")),
    }
}
