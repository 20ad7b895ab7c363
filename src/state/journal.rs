//! The journal: what devup did to a project, one line of JSON per step, bounded.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::clock::Clock;
use crate::base::files::{self, Access, FileError};
use crate::model::event::{Event, Listener, Outcome};

use super::store::{State, StateError};

/// Bytes above which the older half is dropped, when a journal is opened.
const MOST: u64 = 1024 * 1024;
/// Bytes of one text within a line.
const LONGEST: usize = 4 * 1024;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The process, to tell two runs apart.
    pub pid: u32,
    /// The verb: `up`, `down`, `restore`.
    pub verb: String,
    /// What it was about: `Container shop-db-1`. Empty for what concerns the run as a whole.
    pub subject: String,
    /// `Created`, `started`, …
    pub action: String,
    /// `done`, `failed` or `skipped`.
    pub outcome: String,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A journal that is being written. Its project's lock is held by the caller, so that there is one writer at a time.
pub struct Journal {
    path: PathBuf,
    verb: String,
    clock: Arc<dyn Clock>,
    file: Mutex<Option<File>>,
}

impl State {
    /// The journal of a project; the file is made with the first line.
    pub fn journal(&self, project: &str, verb: &str, clock: Arc<dyn Clock>) -> Journal {
        Journal { path: self.layout().journal(project), verb: verb.to_owned(), clock, file: Mutex::new(None) }
    }

    /// The last lines of a project's journal, oldest first. What can't be read (the half line of a crash) is left out.
    pub fn journal_lines(&self, project: &str, most: usize) -> Result<Vec<Line>, StateError> {
        let Some(bytes) = files::read_optional(&self.layout().journal(project))? else { return Ok(Vec::new()) };
        let lines: Vec<Line> =
            bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(lines[lines.len().saturating_sub(most)..].to_vec())
    }
}

impl Journal {
    /// Writes one line. Outcome and reason as in [`Line`].
    pub fn write(&self, subject: &str, action: &str, outcome: &Outcome) -> Result<(), FileError> {
        let (outcome, reason) = match outcome {
            Outcome::Done => ("done", None),
            Outcome::Failed { error } => ("failed", Some(shortened(error))),
            Outcome::Skipped { because } => ("skipped", Some(shortened(because))),
        };
        let line = Line {
            at: self.clock.now(),
            pid: std::process::id(),
            verb: self.verb.clone(),
            subject: shortened(subject),
            action: shortened(action),
            outcome: outcome.to_owned(),
            reason,
        };
        self.append(&line).map_err(|source| FileError { attempt: "write", path: self.path.clone(), source })
    }

    fn append(&self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match held.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        // one write per line: a crash can tear the last line only
        file.write_all(&bytes)?;
        *held = Some(file);
        Ok(())
    }
}

/// Keeps what ended. A journal that can't be written is no reason to fail the work.
impl Listener for Journal {
    fn on(&self, event: Event) {
        if let Event::Ended { subject, action, outcome, .. } = event {
            let _ = self.write(&subject, &action, &outcome);
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Opens for appending; drops the older half of a journal that has grown, and ends a torn line.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        files::create_folder(folder, Access::Private).map_err(|error| error.source)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let length = file.metadata()?.len();
    if length > MOST {
        file.seek(SeekFrom::Start(length - MOST / 2))?;
        let mut rest = Vec::new();
        file.read_to_end(&mut rest)?;
        let from = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        files::write_atomic(path, &rest[from..], Access::Private).map_err(|error| error.source)?;
        file = options.open(path)?;
    }
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::FixedClock;
    use crate::state::store::temporary;
    use std::fs;
    use std::time::Duration;

    fn clock() -> Arc<dyn Clock> {
        Arc::new(FixedClock::at(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn ended_steps_are_kept_and_the_last_ones_read_back() {
        let (_folder, state) = temporary();
        let journal = state.journal("shop", "up", clock());
        for number in 0..3 {
            journal.on(Event::Ended {
                step: number.to_string(),
                subject: format!("Container shop-web-{number}"),
                action: "Created".to_owned(),
                outcome: Outcome::Failed { error: "no space".to_owned() },
                took: Duration::ZERO,
            });
        }
        let lines = state.journal_lines("shop", 2).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].subject, "Container shop-web-2");
        assert_eq!(lines[1].reason.as_deref(), Some("no space"));
        assert!(state.journal_lines("other", 2).unwrap().is_empty());
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let (_folder, state) = temporary();
        state.journal("shop", "up", clock()).write("a", "Created", &Outcome::Done).unwrap();
        let path = state.layout().journal("shop");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\": \"19");
        fs::write(&path, text).unwrap();
        state.journal("shop", "up", clock()).write("b", "Created", &Outcome::Done).unwrap();
        let subjects: Vec<_> = state.journal_lines("shop", 9).unwrap().into_iter().map(|line| line.subject).collect();
        assert_eq!(subjects, ["a", "b"]);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let (_folder, state) = temporary();
        let long = "x".repeat(2 * LONGEST);
        for _ in 0..2 {
            let journal = state.journal("shop", "up", clock());
            for number in 0..400 {
                journal.write(&number.to_string(), &long, &Outcome::Done).unwrap();
            }
        }
        state.journal("shop", "up", clock()).write("last", "Created", &Outcome::Done).unwrap();
        assert!(fs::metadata(state.layout().journal("shop")).unwrap().len() <= MOST);
        let lines = state.journal_lines("shop", 9999).unwrap();
        assert_eq!(lines.last().unwrap().subject, "last");
        assert!(lines.len() > 50);
    }
}
