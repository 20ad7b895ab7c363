//! How output looks: decided once, from flags, variables and what the streams are.

use std::io::IsTerminal;

/// `--ansi`: control sequences in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Ansi {
    /// On terminals.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Also into pipes and files.
    Always,
}

/// `--progress`: how work under way is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressStyle {
    /// Moving lines on a terminal, else plain ones.
    #[default]
    Auto,
    /// Moving lines.
    Tty,
    /// One line per thing that happened.
    Plain,
    /// One JSON object per thing that happened.
    Json,
    /// Nothing but errors.
    Quiet,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours on stdout.
    pub colour_out: bool,
    /// Colours on stderr.
    pub colour_err: bool,
    /// Work under way is shown like this; never `Auto`.
    pub progress: ProgressStyle,
    /// Reports as JSON.
    pub json: bool,
    /// A person can be asked: stdin and stderr are terminals.
    pub can_ask: bool,
}

impl Look {
    /// Decides for this process's streams. `NO_COLOR` (any value but the empty one) and `TERM=dumb` switch colours off
    /// where `--ansi` does not force them (see no-color.org).
    pub fn decide(ansi: Ansi, no_color: bool, progress: ProgressStyle, json: bool) -> Self {
        let plain = no_color
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colours = |terminal: bool| match ansi {
            Ansi::Always => !no_color,
            Ansi::Never => false,
            Ansi::Auto => terminal && !plain,
        };
        let terminal_err = std::io::stderr().is_terminal();
        Self {
            colour_out: colours(std::io::stdout().is_terminal()),
            colour_err: colours(terminal_err),
            progress: match progress {
                ProgressStyle::Auto if json => ProgressStyle::Json,
                ProgressStyle::Auto if terminal_err && ansi != Ansi::Never => ProgressStyle::Tty,
                ProgressStyle::Auto => ProgressStyle::Plain,
                chosen => chosen,
            },
            json,
            can_ask: terminal_err && std::io::stdin().is_terminal(),
        }
    }
}
