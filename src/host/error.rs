//! Why the machine could not be made fit. Each error tells what to type next.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::base::files::FileError;
use crate::base::process::ProcessError;
use crate::driver::locate::LocateError;

/// What went wrong with this machine, or with the attempt to mend it. [`HostError::remedy`] tells what to type.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It needs a yes, and nobody could be asked.
    #[error("may I {what}? There is no terminal to ask on")]
    Undecided {
        /// What would be done.
        what: String,
        /// The commands.
        lines: Vec<String>,
    },
    /// The user said no.
    #[error("you chose not to {what}")]
    Declined {
        /// What would have been done.
        what: String,
        /// The commands.
        lines: Vec<String>,
    },
    /// devup cannot do it from here.
    #[error("{reason}")]
    Unable {
        /// Why, and who could.
        reason: String,
        /// The commands that would do it.
        lines: Vec<String>,
    },
    /// A command failed.
    #[error("cannot {what}: {source}")]
    Command {
        /// What it was for.
        what: String,
        /// How it failed.
        source: Box<ProcessError>,
        /// Its output.
        log: PathBuf,
    },
    /// The engine was started, and does not answer.
    #[error("the engine does not answer after {}{}", tried.join(", then "), reasons(last))]
    NotUp {
        /// How it was started.
        tried: Vec<String>,
        /// Its last log lines.
        last: Vec<String>,
        /// Its log.
        log: Option<PathBuf>,
    },
    /// The engine that the user chose cannot be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl HostError {
    /// What to type next, one or more lines.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Undecided { lines, .. } => Some(typed("answer with --yes (or DEVUP_YES=1), or type:", lines)),
            Self::Declined { lines, .. } => Some(typed("to do it yourself, type:", lines)),
            Self::Unable { lines, .. } if lines.is_empty() => None,
            Self::Unable { lines, .. } => Some(typed("type:", lines)),
            Self::Command { log, .. } => Some(format!("everything it wrote is in {}", log.display())),
            Self::NotUp { log, .. } => log.as_ref().map(|log| format!("its whole log is in {}", log.display())),
            Self::Locate(_) => {
                Some("correct it, or take the default: docker context use default, unset DOCKER_HOST".to_owned())
            }
            Self::File(_) => None,
        }
    }
}

fn typed(lead: &str, lines: &[String]) -> String {
    lines.iter().fold(lead.to_owned(), |mut text, line| {
        // writing to a String cannot fail
        let _ = write!(text, "\n  {line}");
        text
    })
}

fn reasons(last: &[String]) -> String {
    if last.is_empty() { String::new() } else { typed(". The last it said:", last) }
}
