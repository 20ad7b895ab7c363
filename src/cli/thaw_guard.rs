//! `devup thaw-guard`: waits beside a devup that froze containers, and thaws them when it ended without that. Not for
//! people.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::frozen;

/// Waits, and thaws. What ends the other devup must not end this one: it listens to those signals, and does nothing.
pub fn run(context: &Context) -> Result<Exit> {
    let deaf = |source| AppError::io("listening to signals", source);
    context.block_on(async {
        let heard = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        for kind in heard {
            // once listened to, a signal has lost its default for as long as this process lives
            drop(signal(kind).map_err(deaf)?);
        }
        Ok(())
    })?;
    frozen::wait(io::stdin().lock())?;
    Ok(Exit::DONE)
}
