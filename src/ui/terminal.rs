//! The user's terminal: its size, and raw mode for programs inside that want every key.

use std::io::IsTerminal;

use rustix::termios::{self, OptionalActions, Termios};

/// stdin is a terminal.
pub fn stdin_is_one() -> bool {
    std::io::stdin().is_terminal()
}

/// stdout is a terminal.
pub fn stdout_is_one() -> bool {
    std::io::stdout().is_terminal()
}

/// Columns and rows; `None` where there is no terminal.
pub fn size() -> Option<(u16, u16)> {
    let size = termios::tcgetwinsize(std::io::stdout()).or_else(|_| termios::tcgetwinsize(std::io::stdin())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Raw mode for as long as this lives: every key goes to the program inside, nothing is echoed here.
#[derive(Debug)]
pub struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Switches it on.
    pub fn enter() -> std::io::Result<Self> {
        let before = termios::tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // nothing better can be done about a terminal that went away
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.before);
    }
}
