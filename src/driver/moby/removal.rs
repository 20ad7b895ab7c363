//! Removing what the engine may still be busy with.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::containers::gone_is_fine;
use super::http::{Http, segment};
use crate::base::retry;
use crate::driver::error::{DriverError, Result};

/// How long the engine may take to let go of the containers that were just removed.
const PATIENCE: Duration = Duration::from_secs(10);

/// `GET /networks/NAME`, of which only who is attached counts here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attached {
    #[serde(default)]
    containers: Option<std::collections::BTreeMap<String, Member>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Member {
    #[serde(default)]
    name: String,
}

/// Removes a network. Who is still attached is named; where nobody is, the engine has some time to notice: Docker ends the
/// removal of a container before its network has forgotten it.
pub(super) async fn network(http: &Http, id: &str) -> Result<()> {
    let path = format!("/networks/{}", segment(id));
    let attempted = format!("removing network {id}");
    let ended = retry::until(PATIENCE, || async {
        match http.delete(attempted.clone(), path.clone()).done().await {
            Err(DriverError::Conflict { reason, .. }) if is_in_use(&reason) => {
                let names = match attached(http, &path).await {
                    Ok(names) => names,
                    Err(error) => return Some(Err(error)),
                };
                (!names.is_empty()).then(|| Err(used_by(&attempted, &names)))
            }
            other => Some(gone_is_fine(other)),
        }
    })
    .await;
    ended.unwrap_or_else(|_| {
        let reason = "the engine counts active endpoints in it, and names no container that has one: its count is wrong. \
                      Restarting the engine mends that; the network can be used as it is until then";
        Err(DriverError::Conflict { attempted, reason: reason.to_owned() })
    })
}

fn is_in_use(reason: &str) -> bool {
    reason.contains("has active endpoints")
}

fn used_by(attempted: &str, names: &[String]) -> DriverError {
    let (attempted, names) = (attempted.to_owned(), names.join(", "));
    DriverError::Conflict { attempted, reason: format!("it is used by containers that stay: {names}") }
}

async fn attached(http: &Http, path: &str) -> Result<Vec<String>> {
    let found: Option<Attached> = http.get("looking who uses a network", path).found().await?;
    Ok(found.and_then(|found| found.containers).unwrap_or_default().into_values().map(|member| member.name).collect())
}

/// Removes a container; returns when it is gone, also where another's removal of it was on its way.
pub(super) async fn container(http: &Http, id: &str, with_volumes: bool) -> Result<()> {
    let path = format!("/containers/{}", segment(id));
    let ask = http.delete(format!("removing container {id}"), path.clone()).query("force", "1");
    let ask = if with_volumes { ask.query("v", "1") } else { ask };
    let refused = match ask.done().await {
        Err(error @ DriverError::Conflict { .. }) if error.to_string().contains("is already in progress") => error,
        other => return gone_is_fine(other),
    };
    let look = || async {
        let found: Result<Option<Value>> =
            http.get(format!("looking at container {id}"), format!("{path}/json")).found().await;
        match found {
            Ok(Some(_)) => None,
            Ok(None) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    };
    retry::until(PATIENCE, look).await.unwrap_or(Err(refused))
}
