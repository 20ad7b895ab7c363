//! Where words go: answers to stdout, talk to stderr. A reader that has gone away ends the command without a word.

use std::io::Write;

use serde::Serialize;

use super::look::Look;
use crate::app::error::{AppError, Result};

/// Both streams and how they look.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// How output looks.
    pub look: Look,
}

impl Screen {
    /// Writes a piece of the answer as it is.
    pub fn answer(&self, text: &str) -> Result<()> {
        self.answer_bytes(text.as_bytes())
    }

    /// Writes a piece of the answer as it is.
    pub fn answer_bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|source| AppError::io("writing the answer", source))
    }

    /// Writes the answer as JSON: one line.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        self.answer(&format!("{}\n", json_text(value, serde_json::to_string)?))
    }

    /// Writes the answer as JSON for people: indented.
    pub fn json_pretty(&self, value: &impl Serialize) -> Result<()> {
        self.answer(&format!("{}\n", json_text(value, serde_json::to_string_pretty)?))
    }

    /// Says something: one or more whole lines on stderr. Nobody listening is no error.
    pub fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let _ = write!(err, "{text}{newline}");
    }

    /// Says a warning.
    pub fn warn(&self, text: &str) {
        self.say(&super::fault::line(self.look.colour_err, "warning", text));
    }
}

fn json_text<T: Serialize>(value: &T, write: impl Fn(&T) -> serde_json::Result<String>) -> Result<String> {
    write(value).map_err(|error| AppError::failed(format!("writing JSON: {error}")))
}
