//! Work under way: moving lines on a terminal, one line per thing that happened elsewhere, JSON for programs. Everything
//! goes to stderr; stdout is for the answer.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};

use super::look::{Look, ProgressStyle};
use super::quantity::{decimal_size, took};
use super::text::{clean, clean_lines, pad, width};
use crate::model::event::{Event, Listener, Outcome};

/// Shows events as they happen.
pub struct Progress {
    style: ProgressStyle,
    colour: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bars: Option<MultiProgress>,
    /// One line per subject: `Container shop-db-1`.
    lines: HashMap<String, ProgressBar>,
    /// Subject of each step under way.
    subjects: HashMap<String, String>,
    widest: usize,
    /// Parts of steps as they came up, with their last words: on plain output each is named once.
    parts: HashMap<(String, String), (usize, String)>,
    tally: Tally,
}

/// What happened in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that ended well.
    pub done: usize,
    /// Steps that failed.
    pub failed: usize,
    /// Steps that were never begun.
    pub skipped: usize,
}

impl Progress {
    /// As the look has it.
    pub fn new(look: Look) -> Self {
        Self { style: look.progress, colour: look.colour_err, state: Mutex::default() }
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // a panic elsewhere while a line was drawn leaves nothing worse than an odd line
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something between the moving lines.
    fn say(state: &State, text: &str) {
        match &state.bars {
            // an output that is gone can't be told so
            Some(bars) => drop(bars.println(text)),
            // nobody may read it any more: no reason to stop the work
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    fn plain(&self, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::Started { subject, action, .. } => Self::say(&state, &format!(" {}  {action}", clean(subject))),
            Event::Progress { step, part, message, total: None, .. }
                if !(message.trim().is_empty() && part.is_empty()) =>
            {
                for line in lines_of_part(&mut state, step, part, message) {
                    Self::say(&state, &line);
                }
            }
            Event::Progress { .. } => {}
            Event::Ended { subject, action, outcome, took: time, .. } => {
                Self::say(&state, &format!(" {}", ended(subject, action, outcome, *time)));
            }
            Event::Warning { message } => {
                Self::say(&state, super::fault::line(self.colour, "warning", message).trim_end());
            }
        }
    }

    fn moving(&self, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::Started { step, subject, action } => {
                state.subjects.insert(step.clone(), subject.clone());
                let line = line_of(&mut state, subject);
                line.set_message(action.clone());
            }
            Event::Progress { step, part, message, current, total } => {
                let Some(subject) = state.subjects.get(step).cloned() else { return };
                let message = if part.is_empty() { message.clone() } else { format!("{part} {message}") };
                let text = match (current, total) {
                    (Some(current), Some(total)) if *total > 0 => {
                        format!("{} {} of {}", clean(&message), decimal_size(*current, 3), decimal_size(*total, 3))
                    }
                    _ => clean(message.lines().last().unwrap_or_default()),
                };
                line_of(&mut state, &subject).set_message(text);
            }
            Event::Ended { step, subject, action, outcome, took: time } => {
                state.subjects.remove(step);
                let mark = self.mark(outcome);
                let line = line_of(&mut state, subject);
                // the last template of a line: a mark instead of the moving part
                line.set_style(finished_style(&mark));
                line.set_message(match outcome {
                    Outcome::Done => format!("{action}  {}", took(*time)),
                    Outcome::Failed { .. } => format!("failed after {}", took(*time)),
                    Outcome::Skipped { because } => format!("skipped: {}", clean(because)),
                });
                line.tick();
            }
            Event::Warning { message } => {
                Self::say(&state, super::fault::line(self.colour, "warning", message).trim_end());
            }
        }
    }

    fn mark(&self, outcome: &Outcome) -> String {
        let (mark, colour) = match outcome {
            Outcome::Done => ("✔", AnsiColor::Green),
            Outcome::Failed { .. } => ("✘", AnsiColor::Red),
            Outcome::Skipped { .. } => ("-", AnsiColor::Yellow),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        if self.colour { format!("{style}{mark}{style:#}") } else { mark.to_owned() }
    }
}

impl Listener for Progress {
    fn on(&self, event: Event) {
        if let Event::Ended { outcome, .. } = &event {
            let mut state = self.lock();
            match outcome {
                Outcome::Done => state.tally.done += 1,
                Outcome::Failed { .. } => state.tally.failed += 1,
                Outcome::Skipped { .. } => state.tally.skipped += 1,
            }
        }
        match self.style {
            ProgressStyle::Quiet => {}
            ProgressStyle::Json => {
                if let Ok(text) = serde_json::to_string(&event) {
                    drop(writeln!(std::io::stderr(), "{text}"));
                }
            }
            ProgressStyle::Tty => self.moving(&event),
            ProgressStyle::Plain | ProgressStyle::Auto => self.plain(&event),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        for line in self.lock().lines.values() {
            line.abandon();
        }
    }
}

/// A part is named when it first says something, and by its number from then on; what it said last is not repeated.
fn lines_of_part(state: &mut State, step: &str, part: &str, message: &str) -> Vec<String> {
    let words = clean_lines(message.trim_end());
    if part.is_empty() {
        return vec![format!("   {words}")];
    }
    let next = state.parts.len() + 1;
    let (number, last) = state.parts.entry((step.to_owned(), part.to_owned())).or_insert((next, String::new()));
    let mut lines = Vec::new();
    if *number == next {
        lines.push(format!("   #{number} {}", clean(part)));
    }
    if !words.is_empty() && *last != words {
        lines.push(format!("   #{number} {words}"));
        *last = words;
    }
    lines
}

/// `Container shop-db-1  Created  0.4s`
fn ended(subject: &str, action: &str, outcome: &Outcome, time: Duration) -> String {
    let subject = clean(subject);
    match outcome {
        Outcome::Done => format!("{subject}  {action}  {}", took(time)),
        Outcome::Failed { error } => format!("{subject}  failed after {}: {}", took(time), clean_lines(error)),
        Outcome::Skipped { because } => format!("{subject}  skipped: {}", clean(because)),
    }
}

fn line_of<'a>(state: &'a mut State, subject: &str) -> &'a ProgressBar {
    let bars = state
        .bars
        .get_or_insert_with(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15)))
        .clone();
    if width(subject) > state.widest {
        state.widest = width(subject);
        for (known, line) in &state.lines {
            line.set_prefix(pad(&clean(known), state.widest));
        }
    }
    let widest = state.widest;
    let line = state.lines.entry(subject.to_owned()).or_insert_with(|| {
        let line = bars.add(ProgressBar::new_spinner());
        line.enable_steady_tick(Duration::from_millis(100));
        line
    });
    line.set_style(moving_style());
    line.set_prefix(pad(&clean(subject), widest));
    line
}

fn moving_style() -> BarStyle {
    // the template is a constant of ours: were it wrong, the plain spinner still says what is going on
    BarStyle::with_template(" {spinner} {prefix}  {wide_msg}").unwrap_or_else(|_| BarStyle::default_spinner())
}

fn finished_style(mark: &str) -> BarStyle {
    BarStyle::with_template(&format!(" {mark} {{prefix}}  {{wide_msg}}"))
        .unwrap_or_else(|_| BarStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_worded() {
        let time = Duration::from_millis(1234);
        assert_eq!(ended("Container a", "Created", &Outcome::Done, time), "Container a  Created  1.2s");
        let failed = Outcome::Failed { error: "no\u{1b}[2J".into() };
        assert_eq!(ended("Image a", "Pulled", &failed, time), "Image a  failed after 1.2s: no\\u{1b}[2J");
    }

    #[test]
    fn parts_are_named_once_and_say_nothing_twice() {
        let mut state = State::default();
        let mut seen = Vec::new();
        let said =
            [("RUN a", "one"), ("RUN b", "two"), ("RUN a", "one"), ("RUN a", "three"), ("", "four"), ("RUN c", "")];
        for (part, words) in said {
            seen.extend(lines_of_part(&mut state, "1", part, words));
        }
        assert_eq!(
            seen,
            ["   #1 RUN a", "   #1 one", "   #2 RUN b", "   #2 two", "   #1 three", "   four", "   #3 RUN c"]
        );
    }

    #[test]
    fn everything_is_counted() {
        let look =
            Look { colour_out: false, colour_err: false, progress: ProgressStyle::Quiet, json: false, can_ask: false };
        let progress = Progress::new(look);
        for outcome in [Outcome::Done, Outcome::Done, Outcome::Skipped { because: "x".into() }] {
            let (step, subject, action) = (String::new(), String::new(), String::new());
            progress.on(Event::Ended { step, subject, action, outcome, took: Duration::ZERO });
        }
        assert_eq!(progress.tally(), Tally { done: 2, failed: 0, skipped: 1 });
    }
}
