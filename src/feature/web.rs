//! HTTP as features need it: bounded answers, the machine's proxies and authorities.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::Url;

/// The largest answer.
const MOST: u64 = 256 << 20;
/// For a whole answer.
const PATIENCE: Duration = Duration::from_mins(5);

/// An answer.
pub(super) struct Answer {
    /// `200`, `401`, …
    pub(super) status: u16,
    /// What to do about a `401`.
    pub(super) challenge: Option<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// Asks.
#[derive(Clone)]
pub(super) struct Web(Agent);

impl Web {
    pub(super) fn new() -> Self {
        let system = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> =
            system.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build();
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).tls_config(tls);
        Self(config.build().into())
    }

    /// Gets an address.
    pub(super) async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let (agent, address, headers) = (self.0.clone(), address.to_owned(), owned(headers));
        let work = tokio::task::spawn_blocking(move || get(&agent, &address, &headers));
        work.await.map_err(|error| error.to_string())?
    }

    /// Sends a form to an address.
    pub(super) async fn post(&self, address: &str, form: &[(&str, &str)]) -> Result<Answer, String> {
        let (agent, address, form) = (self.0.clone(), address.to_owned(), owned(form));
        let work = tokio::task::spawn_blocking(move || {
            let request = agent.post(&address);
            let request = if is_near(&address) { request.config().proxy(None).build() } else { request };
            read(request.send_form(form).map_err(|error| error.to_string())?)
        });
        work.await.map_err(|error| error.to_string())?
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn get(agent: &Agent, address: &str, headers: &[(String, String)]) -> Result<Answer, String> {
    let mut request = agent.get(address);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let near = is_near(address);
    let request = if near { request.config().proxy(None).build() } else { request };
    read(request.call().map_err(|error| error.to_string())?)
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<Answer, String> {
    let challenge = answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = answer.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| error.to_string())?;
    Ok(Answer { status: answer.status().as_u16(), challenge, body })
}

/// On this machine: no proxy, and no TLS where none is asked for.
pub(super) fn is_near(address: &str) -> bool {
    let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_near() {
        for address in ["http://localhost:5000/v2/", "http://127.0.0.1/", "http://[::1]:5000/"] {
            assert!(is_near(address), "{address}");
        }
        for address in ["http://localhost.example/", "https://10.0.0.1/", "x"] {
            assert!(!is_near(address), "{address}");
        }
    }
}
