//! Features in registries: the part of the OCI distribution protocol that fetching needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::web::{Answer, Web, is_near};
use crate::base::digest::Digest;
use crate::driver::credentials::{self, Credential};

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

/// Registries give one name or the other, or both.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
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

    /// Asks. Where the registry wants to know who asks, it is told, with the credentials that the docker command line keeps
    /// for it; one without any may still give everybody a token.
    async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let mut answer = self.web.get(address, headers).await?;
        if answer.status != 401 {
            return good(answer);
        }
        let challenge = answer.challenge.take().unwrap_or_default();
        // only now: a keychain may ask its user. One that does not answer must not keep public features from coming
        let (known, silent) = match credentials::credential(self.registry).await {
            Ok(known) => (known, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let closed = || silent.clone().unwrap_or_else(|| self.closed(known.as_ref()));
        let Some(authorization) = self.authorization(&challenge, known.as_ref()).await? else { return Err(closed()) };
        let all: Vec<(&str, &str)> =
            headers.iter().copied().chain([("authorization", authorization.as_str())]).collect();
        answer = self.web.get(address, &all).await?;
        if [401, 403].contains(&answer.status) { Err(closed()) } else { good(answer) }
    }

    fn closed(&self, known: Option<&Credential>) -> String {
        let registry = self.registry;
        match known {
            Some(_) => format!(
                "{registry} does not let the user in whom docker's config.json has for it: `docker login {registry}` anew, \
                 or ask its owner for access"
            ),
            None => format!(
                "it is not open to everybody, and docker's config.json has no credentials for {registry}: \
                 `docker login {registry}`"
            ),
        }
    }

    /// The answer to a challenge; `None` where there is none.
    async fn authorization(&self, challenge: &str, known: Option<&Credential>) -> Result<Option<String>, String> {
        let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(known.filter(|known| known.token.is_empty()).map(basic));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(None);
        }
        let Some(realm) = part(rest, "realm") else { return Ok(None) };
        if !realm.starts_with("https://") && !is_near(&realm) {
            return Err(format!("it asks for a token over a connection without TLS: {realm}"));
        }
        let scope = part(rest, "scope").unwrap_or_else(|| format!("repository:{}:pull", self.name));
        let service = part(rest, "service").unwrap_or_default();
        let asked = [("service", service.as_str()), ("scope", scope.as_str())];
        let mut answer = self.token(&realm, &asked, known).await?;
        if known.is_some() && answer.status != 200 {
            // an old password is no reason to be let in less far than everybody
            answer = self.token(&realm, &asked, None).await?;
        }
        let token = good(answer).ok().and_then(|body| serde_json::from_slice::<Token>(&body).ok());
        let text = token.map(|token| if token.token.is_empty() { token.access_token } else { token.token });
        Ok(text.filter(|text| !text.is_empty()).map(|text| format!("Bearer {text}")))
    }

    /// Asks for a token: with a name and a password, with a token that stands for both, or as nobody.
    async fn token(&self, realm: &str, asked: &[(&str, &str)], known: Option<&Credential>) -> Result<Answer, String> {
        let asked = asked.iter().filter(|(_, value)| !value.is_empty());
        if let Some(known) = known.filter(|known| !known.token.is_empty()) {
            let form =
                [("grant_type", "refresh_token"), ("client_id", "devup"), ("refresh_token", known.token.as_str())];
            return self.web.post(realm, &form.iter().chain(asked).copied().collect::<Vec<_>>()).await;
        }
        let mut address = url::Url::parse(realm).map_err(|error| format!("{realm}: {error}"))?;
        address.query_pairs_mut().extend_pairs(asked);
        match known.map(basic) {
            Some(authorization) => self.web.get(address.as_str(), &[("authorization", &authorization)]).await,
            None => self.web.get(address.as_str(), &[]).await,
        }
    }
}

/// `key="value"` of a challenge.
fn part(challenge: &str, key: &str) -> Option<String> {
    let start = challenge.find(&format!("{key}=\""))? + key.len() + 2;
    challenge[start..].split('"').next().map(str::to_owned)
}

fn basic(known: &Credential) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", known.user, known.password)))
}

/// The body of a good answer.
pub(super) fn good(answer: Answer) -> Result<Vec<u8>, String> {
    match answer.status {
        200 => Ok(answer.body),
        401 | 403 => Err(format!("it is not open to everybody ({})", answer.status)),
        404 => Err("there is no such thing (404)".into()),
        other => Err(format!("the answer is {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Answers one request with a token; returns its first line, its authorization and its body.
    fn one_answer() -> (String, JoinHandle<(String, String, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let realm = format!("http://{}/token", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut first, mut authorization, mut length) = (String::new(), String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "authorization" => value.clone_into(&mut authorization),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = r#"{"access_token": "given"}"#;
            write!(reader.get_mut(), "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
            (first, authorization, String::from_utf8(body).unwrap())
        });
        (realm, serving)
    }

    async fn asked(known: Option<&Credential>) -> (String, String, String) {
        let (realm, serving) = one_answer();
        let web = Web::new();
        let repository = Repository { web: &web, registry: "registry.example", name: "a/b" };
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:a/b:pull\"");
        let got = repository.authorization(&challenge, known).await.unwrap();
        assert_eq!(got.as_deref(), Some("Bearer given"));
        serving.join().unwrap()
    }

    fn credential(user: &str, password: &str, token: &str) -> Credential {
        Credential { user: user.into(), password: password.into(), token: token.into() }
    }

    #[tokio::test]
    async fn a_token_is_asked_for_as_who_is_known() {
        let (first, authorization, _) = asked(Some(&credential("ada", "p:w", ""))).await;
        assert!(first.starts_with("GET /token?service=s&scope=repository%3Aa%2Fb%3Apull "), "{first}");
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("ada:p:w")));
        let (first, authorization, body) = asked(Some(&credential("", "", "kept"))).await;
        assert!(first.starts_with("POST /token ") && authorization.is_empty(), "{first}");
        assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=kept"), "{body}");
        let (first, authorization, _) = asked(None).await;
        assert!(first.starts_with("GET ") && authorization.is_empty(), "{first}");
    }

    #[tokio::test]
    async fn credentials_go_nowhere_without_tls_and_not_where_nobody_asks() {
        let web = Web::new();
        let repository = Repository { web: &web, registry: "registry.example", name: "a/b" };
        let known = credential("ada", "pw", "");
        let refused = repository.authorization("Bearer realm=\"http://far.example/token\"", Some(&known)).await;
        assert!(refused.unwrap_err().contains("without TLS"));
        assert_eq!(repository.authorization("Basic realm=\"x\"", None).await, Ok(None));
        assert_eq!(repository.authorization("Negotiate", Some(&known)).await, Ok(None));
        let basic = repository.authorization("Basic realm=\"x\"", Some(&known)).await.unwrap();
        assert_eq!(basic.as_deref(), Some("Basic YWRhOnB3"));
        assert!(repository.closed(None).contains("docker login registry.example"));
        assert!(repository.closed(Some(&known)).contains("does not let the user in"));
    }
}
