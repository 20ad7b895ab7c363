//! Interrupts: the first lets running steps finish, the second stops.

use tokio::sync::watch;

/// How urgently the user wants it to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Not at all.
    #[default]
    Go,
    /// Finish what runs, begin nothing.
    Finish,
    /// Stop at once.
    Stop,
}

/// The hand that interrupts.
#[derive(Debug)]
pub struct Canceller(watch::Sender<Level>);

/// The ear that hears it.
#[derive(Debug, Clone)]
pub struct Cancel(watch::Receiver<Level>);

impl Canceller {
    /// A hand, and an ear for it.
    pub fn new() -> (Self, Cancel) {
        let (sender, receiver) = watch::channel(Level::Go);
        (Self(sender), Cancel(receiver))
    }

    /// One interrupt more urgent than before. Returns the level reached.
    pub fn interrupt(&self) -> Level {
        self.0.send_modify(|level| {
            *level = match level {
                Level::Go => Level::Finish,
                Level::Finish | Level::Stop => Level::Stop,
            }
        });
        *self.0.borrow()
    }
}

impl Cancel {
    /// Never interrupts.
    pub fn never() -> Self {
        Self(watch::channel(Level::Go).1)
    }

    /// The present level.
    pub fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// Waits until the level is at least this; for ever where nobody can interrupt any more.
    pub async fn reaches(&self, level: Level) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
