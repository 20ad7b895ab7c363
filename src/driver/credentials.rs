//! The user's credentials for registries, from where the docker command line keeps them: `config.json`, or the program
//! `docker-credential-…` that it names. They reach the
//! engine or the registry in a header, and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;

use crate::base::process::Call;
use crate::driver::error::{DriverError, Result};

/// A keychain may ask its user first.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: IndexMap<String, Auth>,
    cred_helpers: IndexMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// What a credential program answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

/// A user's name and password, or a token in place of both.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Name.
    pub user: String,
    /// Password; empty where there is a token.
    pub password: String,
    /// Token.
    pub token: String,
}

/// The value of `X-Registry-Auth` for a registry; `None` where nothing is known.
pub(super) async fn header_for(registry: &str) -> Result<Option<String>> {
    Ok(credential(registry).await?.map(|known| {
        let body = if known.token.is_empty() {
            json!({ "username": known.user, "password": known.password, "serveraddress": registry })
        } else {
            json!({ "identitytoken": known.token, "serveraddress": registry })
        };
        URL_SAFE.encode(body.to_string())
    }))
}

/// The value of `X-Registry-Config`: all that is known, for a builder that can't ask. `None` where nothing is.
pub(super) async fn all_known() -> Option<String> {
    let config = read_config()?;
    let mut known = serde_json::Map::new();
    for registry in config.auths.keys().chain(config.cred_helpers.keys()) {
        // one keychain that does not answer must not keep a build of public images from going on
        if let Ok(Some(found)) = credential(registry).await {
            let entry = json!({ "username": found.user, "password": found.password, "identitytoken": found.token });
            known.insert(registry.clone(), entry);
        }
    }
    (!known.is_empty()).then(|| URL_SAFE.encode(serde_json::Value::Object(known).to_string()))
}

/// What is known for a registry.
pub async fn credential(registry: &str) -> Result<Option<Credential>> {
    let Some(config) = read_config() else { return Ok(None) };
    let bare = bare(registry);
    let helper = config.cred_helpers.iter().find(|(key, _)| self::bare(key) == bare).map(|(_, name)| name);
    if let Some(program) = helper.or(config.creds_store.as_ref()).filter(|name| !name.is_empty()) {
        return ask_program(program, registry).await;
    }
    let found = config.auths.into_iter().find(|(key, _)| self::bare(key) == bare);
    Ok(found.and_then(|(_, auth)| written(auth)))
}

fn read_config() -> Option<Config> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    let text = std::fs::read(folder.join("config.json")).ok()?;
    // a damaged file is docker's to complain about; without it, public images can still be had
    serde_json::from_slice(&text).ok()
}

/// Without scheme and path: both forms are found in the file.
fn bare(registry: &str) -> &str {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// What the file itself holds.
fn written(auth: Auth) -> Option<Credential> {
    if !auth.identitytoken.is_empty() {
        return Some(Credential { user: String::new(), password: String::new(), token: auth.identitytoken });
    }
    if !auth.auth.is_empty() {
        let text = String::from_utf8(STANDARD.decode(auth.auth.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        let password = password.trim_end_matches('\0').to_owned();
        return Some(Credential { user: user.to_owned(), password, token: String::new() });
    }
    (!auth.username.is_empty()).then_some(Credential {
        user: auth.username,
        password: auth.password,
        token: String::new(),
    })
}

/// `docker-credential-NAME get`: the registry goes in, and the credential comes out, over pipes.
async fn ask_program(name: &str, registry: &str) -> Result<Option<Credential>> {
    let failed = |reason: String| DriverError::Failed {
        attempted: format!("asking docker-credential-{name} for the credentials of {registry}"),
        reason,
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(failed("that is no name of a program: check credsStore in docker's config.json".to_owned()));
    }
    let call = Call::new(format!("docker-credential-{name}")).arg("get").stdin(registry).deadline(PATIENCE);
    let ended = call.run().await.map_err(|error| failed(error.to_string()))?;
    if !ended.success() {
        let words = format!("{} {}", ended.text(), ended.error_text());
        // the protocol's own words for an empty answer
        return if words.contains("credentials not found") { Ok(None) } else { Err(failed(words.trim().to_owned())) };
    }
    let kept: Kept =
        serde_json::from_slice(&ended.stdout).map_err(|_| failed("its answer cannot be read".to_owned()))?;
    Ok(Some(if kept.username == "<token>" {
        Credential { user: String::new(), password: String::new(), token: kept.secret }
    } else {
        Credential { user: kept.username, password: kept.secret, token: String::new() }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_forms() {
        let known = written(Auth { auth: STANDARD.encode("ada:p:w"), ..Auth::default() }).unwrap();
        assert_eq!((known.user.as_str(), known.password.as_str()), ("ada", "p:w"));
        let known = written(Auth { identitytoken: "t".into(), ..Auth::default() }).unwrap();
        assert_eq!(known.token, "t");
        assert!(written(Auth::default()).is_none());
        assert_eq!(bare("https://index.docker.io/v1/"), "index.docker.io");
        assert_eq!(bare("localhost:5000"), "localhost:5000");
    }
}
