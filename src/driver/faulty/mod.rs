//! A driver that fails at a chosen call: with an error, or as if devup had been killed there. Only calls that change
//! something are counted; looking never fails before the death, and always after it.

mod delegate;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::{DriverError, Result};

/// How the chosen call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The engine refuses; nothing was done.
    Refused,
    /// It was done, and the answer is an error.
    AnswerLost,
    /// devup dies before the call: nothing was done, and nothing is done any more.
    DiesBefore,
    /// devup dies after the call: it was done, and nothing is done any more.
    DiesAfter,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Refused, Self::AnswerLost, Self::DiesBefore, Self::DiesAfter];
}

/// A driver with a fault.
#[derive(Debug, Clone)]
pub struct Faulty<D> {
    inner: D,
    script: Arc<Script>,
}

#[derive(Debug)]
struct Script {
    at: u64,
    fault: Fault,
    calls: AtomicU64,
    dead: AtomicBool,
}

impl<D> Faulty<D> {
    /// Fails at call number `at`, from 1; never with 0.
    pub fn new(inner: D, at: u64, fault: Fault) -> Self {
        let script = Script { at, fault, calls: AtomicU64::new(0), dead: AtomicBool::new(false) };
        Self { inner, script: Arc::new(script) }
    }

    /// Changing calls so far.
    pub fn calls(&self) -> u64 {
        self.script.calls.load(Ordering::SeqCst)
    }

    /// Whether the fault has happened.
    pub fn is_struck(&self) -> bool {
        self.script.at != 0 && self.calls() >= self.script.at
    }

    fn alive(&self) -> Result<()> {
        if self.script.dead.load(Ordering::SeqCst) { Err(dead()) } else { Ok(()) }
    }

    /// Whether this changing call is the chosen one.
    fn is_chosen(&self) -> bool {
        self.script.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.script.at
    }

    /// Performs a changing call under the script.
    async fn change<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.alive()?;
        if !self.is_chosen() {
            return call.await;
        }
        match self.script.fault {
            Fault::Refused => Err(refused()),
            Fault::AnswerLost => call.await.and(Err(refused())),
            Fault::DiesBefore => {
                self.script.dead.store(true, Ordering::SeqCst);
                Err(dead())
            }
            Fault::DiesAfter => {
                let done = call.await;
                self.script.dead.store(true, Ordering::SeqCst);
                done.and(Err(dead()))
            }
        }
    }
}

fn refused() -> DriverError {
    DriverError::Failed { attempted: "a call".to_owned(), reason: "injected fault".to_owned() }
}

fn dead() -> DriverError {
    DriverError::Unreachable {
        attempted: "a call".to_owned(),
        address: "faulty".to_owned(),
        reason: "devup is dead".to_owned(),
    }
}
