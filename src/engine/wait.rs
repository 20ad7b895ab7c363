//! Waiting for a container: for its health, its end, or that it simply runs.

use std::time::{Duration, Instant};

use super::cancel::{Cancel, Level};
use super::error::StepError;
use super::look::Looks;
use super::ports::Tools;
use super::program::last_lines;
use crate::model::observed::{Container, Health, State};
use crate::plan::Until;

/// One look lasts at most this long; changes are noticed at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a container that was frozen may be called unhealthy until its probes have run again.
const RECOVERY: Duration = Duration::from_mins(1);

/// What a look tells.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    NotYet,
    Ended(i64),
    Unhealthy,
    NoHealthcheck,
}

fn verdict(container: &Container, until: Until) -> Verdict {
    let code = container.exit_code.unwrap_or(0);
    let over = matches!(container.state, State::Exited | State::Dead | State::Removing);
    match until {
        Until::Ended if over => Verdict::Met,
        Until::Completed | Until::Ready if over && code == 0 && container.state == State::Exited => Verdict::Met,
        Until::Completed | Until::Ready | Until::Running | Until::Healthy if over => Verdict::Ended(code),
        Until::Ended | Until::Completed => Verdict::NotYet,
        Until::Ready | Until::Running | Until::Healthy => match (container.state, container.health) {
            (State::Running, Some(Health::Healthy)) => Verdict::Met,
            (State::Running, Some(Health::Unhealthy)) => Verdict::Unhealthy,
            (State::Running, None) if until == Until::Healthy => Verdict::NoHealthcheck,
            (State::Running, None) => Verdict::Met,
            _ => Verdict::NotYet,
        },
    }
}

/// Waits until the condition is met, fails as soon as it cannot be, or the first interrupt comes.
pub(super) async fn wait(
    tools: &Tools<'_>,
    looks: &Looks<'_>,
    (id, name): (&str, &str),
    until: Until,
    timeout: Option<Duration>,
    cancel: &Cancel,
) -> Result<(), StepError> {
    let waiting = conditions(tools, looks, (id, name), until);
    let limited = async {
        match timeout {
            None => waiting.await,
            Some(limit) => match tokio::time::timeout(limit, waiting).await {
                Ok(result) => result,
                Err(_) => Err(StepError::TimedOut {
                    name: name.to_owned(),
                    seconds: limit.as_secs(),
                    logs: last_lines(tools, id).await,
                }),
            },
        }
    };
    tokio::select! {
        biased;
        result = limited => result,
        () = cancel.reaches(Level::Finish) => Err(StepError::Interrupted),
    }
}

async fn conditions(
    tools: &Tools<'_>,
    looks: &Looks<'_>,
    (id, name): (&str, &str),
    until: Until,
) -> Result<(), StepError> {
    let mut now = looks.at(id).await?;
    let recovers_until = Instant::now() + RECOVERY;
    loop {
        let Some(container) = now else { return Err(StepError::Gone { name: name.to_owned() }) };
        match verdict(&container, until) {
            Verdict::Met => return Ok(()),
            Verdict::NotYet => {}
            Verdict::Unhealthy if looks.was_thawed(id) && Instant::now() < recovers_until => {}
            Verdict::Ended(code) => {
                return Err(StepError::Exited { name: name.to_owned(), code, logs: last_lines(tools, id).await });
            }
            Verdict::Unhealthy => {
                return Err(StepError::Unhealthy { name: name.to_owned(), logs: last_lines(tools, id).await });
            }
            Verdict::NoHealthcheck => return Err(StepError::NoHealthcheck { name: name.to_owned() }),
        }
        now = tools.containers.changed(id, &container, PATIENCE).await?;
    }
}

/// A last look at a container that was ready: it may have ended since.
pub(super) async fn still_fine(
    tools: &Tools<'_>,
    looks: &Looks<'_>,
    (id, name): (&str, &str),
    until: Until,
) -> Result<(), StepError> {
    let Some(container) = looks.at(id).await? else { return Err(StepError::Gone { name: name.to_owned() }) };
    match verdict(&container, until) {
        Verdict::Ended(code) => {
            Err(StepError::Exited { name: name.to_owned(), code, logs: last_lines(tools, id).await })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: State, health: Option<Health>, exit_code: Option<i64>) -> Container {
        Container {
            id: "1".to_owned(),
            name: "a".to_owned(),
            image: String::new(),
            image_id: String::new(),
            command: String::new(),
            created: 0,
            state,
            health,
            exit_code,
            status: String::new(),
            labels: indexmap::IndexMap::new(),
            ports: Vec::new(),
            exposed: Vec::new(),
            networks: Vec::new(),
            network_ids: indexmap::IndexMap::new(),
            mounts: Vec::new(),
        }
    }

    #[test]
    fn an_end_is_a_failure_but_for_jobs() {
        let good = container(State::Exited, None, Some(0));
        let bad = container(State::Exited, None, Some(3));
        assert_eq!(verdict(&good, Until::Ready), Verdict::Met);
        assert_eq!(verdict(&good, Until::Completed), Verdict::Met);
        assert_eq!(verdict(&good, Until::Running), Verdict::Ended(0));
        assert_eq!(verdict(&good, Until::Healthy), Verdict::Ended(0));
        for until in [Until::Ready, Until::Completed, Until::Running, Until::Healthy] {
            assert_eq!(verdict(&bad, until), Verdict::Ended(3));
        }
        assert_eq!(verdict(&bad, Until::Ended), Verdict::Met);
    }

    #[test]
    fn health_decides_where_there_is_a_check() {
        let running = |health| container(State::Running, health, None);
        assert_eq!(verdict(&running(None), Until::Ready), Verdict::Met);
        assert_eq!(verdict(&running(None), Until::Healthy), Verdict::NoHealthcheck);
        assert_eq!(verdict(&running(Some(Health::Starting)), Until::Ready), Verdict::NotYet);
        assert_eq!(verdict(&running(Some(Health::Unhealthy)), Until::Ready), Verdict::Unhealthy);
        assert_eq!(verdict(&running(Some(Health::Healthy)), Until::Healthy), Verdict::Met);
        assert_eq!(verdict(&running(Some(Health::Healthy)), Until::Completed), Verdict::NotYet);
        assert_eq!(verdict(&container(State::Restarting, None, Some(1)), Until::Ready), Verdict::NotYet);
    }
}
