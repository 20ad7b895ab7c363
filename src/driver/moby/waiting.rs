//! Waiting for a container to change: the engine's events say when to look again.
//!
//! Where the engine runs no health checks by itself (Podman without systemd's timers), the probe is ours, at the interval
//! of the check: the engine's own `healthcheck run`, so that the verdict is on the container for everyone to see.
//!
//! An engine tries a check for the first time after a whole interval. Nobody should wait 30 s for a database that was up
//! after one, nor pay for a probe every second for the rest of the day: while somebody waits, the check is tried here too.

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::Moby;
use super::http::segment;
use super::inspected::Inspected;
use crate::driver::error::Result;
use crate::driver::session::{ExecRequest, SessionDriver as _};
use crate::model::observed::{Container, Health, State};

/// How often to look where events say nothing: they may be lost, and the engine may have been restarted.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often to try a check that has not passed yet, where the probe is ours.
const EAGER: Duration = Duration::from_millis(500);
/// Between probes where the check says nothing: the engines' own default.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// Waits until state, health or exit code differ from `known`, at most `patience`.
pub(super) async fn changed(moby: &Moby, id: &str, known: &Container, patience: Duration) -> Result<Option<Container>> {
    let deadline = Instant::now() + patience;
    let filters = json!({ "type": ["container"], "container": [id] });
    // subscribed before the first look, so that nothing falls between
    let events = moby.http.get(format!("watching container {id}"), "/events").query("filters", filters.to_string());
    let mut events = Box::pin(events.pieces().await?);
    let mut listening = true;
    loop {
        let Some(seen) = moby.inspect(id).await? else { return Ok(None) };
        let (seen, wait) =
            if moby.features.runs_healthchecks { eager(moby, id, seen).await? } else { probe(moby, id, seen).await? };
        let Some(now) = seen else { return Ok(None) };
        if differs(&now, known) || Instant::now() >= deadline {
            return Ok(Some(now));
        }
        let until = deadline.min(Instant::now() + wait);
        tokio::select! {
            event = events.next(), if listening => listening = matches!(event, Some(Ok(_))),
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

fn differs(now: &Container, known: &Container) -> bool {
    (now.state, now.health, now.exit_code) != (known.state, known.health, known.exit_code)
}

/// Tries a check that the engine will not try soon. That it passes is told at once; a failure is the engine's to count.
async fn eager(moby: &Moby, id: &str, seen: Inspected) -> Result<(Option<Container>, Duration)> {
    let test = seen.config.healthcheck.test.clone();
    let interval = interval(&seen);
    let now = Container::from(seen);
    if now.state != State::Running || now.health != Some(Health::Starting) || interval <= LOOK_AGAIN {
        return Ok((Some(now), LOOK_AGAIN));
    }
    if !passes(moby, id, &test).await? {
        return Ok((Some(now), EAGER));
    }
    // it may have passed in the last moment of a program that ended
    let now = moby.inspect(id).await?.map(|seen| {
        let mut now = Container::from(seen);
        if now.state == State::Running && now.health == Some(Health::Starting) {
            now.health = Some(Health::Healthy);
        }
        now
    });
    Ok((now, EAGER))
}

fn interval(seen: &Inspected) -> Duration {
    let nanos = u64::try_from(seen.config.healthcheck.interval).ok().filter(|nanos| *nanos > 0);
    nanos.map_or(DEFAULT_INTERVAL, Duration::from_nanos)
}

/// Runs the check where one is due; returns what the container is then, and when to look again.
async fn probe(moby: &Moby, id: &str, seen: Inspected) -> Result<(Option<Container>, Duration)> {
    let test = seen.config.healthcheck.test.clone();
    let interval = interval(&seen);
    let since = seen.state.health.log.last().and_then(|last| last.end).or(seen.state.started_at);
    let now = Container::from(seen);
    if now.state != State::Running || test.first().is_none_or(|word| word == "NONE") {
        return Ok((Some(now), LOOK_AGAIN));
    }
    let due = since.is_none_or(|since| {
        Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or(Duration::ZERO) >= interval
    });
    // a failure counts only at the check's own interval; that it passes may be found earlier
    if due || (now.health != Some(Health::Healthy) && passes(moby, id, &test).await?) {
        run_check(moby, id).await?;
        let now = moby.inspect(id).await?.map(Container::from);
        return Ok((now, interval.min(EAGER)));
    }
    Ok((Some(now), interval.min(EAGER)))
}

/// Runs the check's command once, without a record of it.
async fn passes(moby: &Moby, id: &str, test: &[String]) -> Result<bool> {
    let command = match test {
        [kind, line, ..] if kind == "CMD-SHELL" => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        [kind, words @ ..] if kind == "CMD" => words.to_vec(),
        words => words.to_vec(),
    };
    let request = ExecRequest { command, ..ExecRequest::default() };
    let ended = async {
        let mut session = moby.exec(id, &request).await?;
        while session.output.next().await.is_some() {}
        moby.exec_exit_code(&session.id).await
    };
    match ended.await {
        Ok(code) => Ok(code == Some(0)),
        Err(error) if error.is_unreachable() => Err(error),
        // it ended meanwhile, or has no such program: the next look tells
        Err(_) => Ok(false),
    }
}

/// Lets the engine run the check and record its result. Podman's own API: Docker's has no such call.
async fn run_check(moby: &Moby, id: &str) -> Result<()> {
    let path = format!("/v4.0.0/libpod/containers/{}/healthcheck", segment(id));
    match moby.http.get_exactly(format!("checking the health of container {id}"), path).done().await {
        Err(error) if error.is_unreachable() => Err(error),
        // a container that ended meanwhile is no failure of ours: the next look tells
        _ => Ok(()),
    }
}
