//! Waiting for something to become true, and no longer than agreed.

use std::time::{Duration, Instant};

/// First pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// It did not become true in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it did not happen within {} s", limit.as_secs_f32())]
pub struct TimedOut {
    /// How long was waited.
    pub limit: Duration,
}

/// Calls `look` until it gives `Some`, at most for `limit`, with pauses that grow from 10 to 500 ms. It looks at least
/// once, and once more when the time is up.
pub async fn until<T, F, Fut>(limit: Duration, mut look: F) -> Result<T, TimedOut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let last = start.elapsed() >= limit;
        if let Some(found) = look().await {
            return Ok(found);
        }
        if last {
            return Err(TimedOut { limit });
        }
        tokio::time::sleep(pause.min(limit.saturating_sub(start.elapsed()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_looks_again_until_it_finds() {
        let mut looks = 0;
        let found = until(Duration::from_mins(1), || {
            looks += 1;
            let found = (looks == 4).then_some("there");
            async move { found }
        });
        assert_eq!(found.await, Ok("there"));
        assert_eq!(looks, 4);
    }

    #[tokio::test]
    async fn it_gives_up_after_one_last_look() {
        let mut looks = 0;
        let limit = Duration::ZERO;
        let result = until(limit, || {
            looks += 1;
            async { None::<()> }
        });
        assert_eq!(result.await, Err(TimedOut { limit }));
        assert_eq!(looks, 1);
    }
}
