//! Nothing is installed or started on a machine without a yes. Who gives it, and how it is asked, is the caller's.

/// What devup would do to the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// In words: `install Docker and start it`.
    pub what: String,
    /// The exact commands, as one would type them.
    pub lines: Vec<String>,
}

/// The answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Given,
    /// No.
    Refused,
    /// There is nobody to ask.
    Unasked,
}

/// Asks the user.
pub trait Asker: Send + Sync {
    /// Puts the offer before the user.
    fn ask(&self, offer: &Offer) -> Consent;
}

/// Gives the same answer to each offer: `--yes`, or no terminal.
#[derive(Debug, Clone, Copy)]
pub struct Always(pub Consent);

impl Asker for Always {
    fn ask(&self, _offer: &Offer) -> Consent {
        self.0
    }
}
