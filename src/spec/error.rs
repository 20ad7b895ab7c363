//! What is wrong with a spec: faults with the place they stand at, and how they are shown.
//!
//! A load collects [`Problem`]s and reports them together as one [`SpecError`]. Each problem can be shown in three
//! ways: as a [`miette::Diagnostic`], as plain text ([`SpecError::screen`]), and as data ([`SpecError::findings`]).

use std::fmt::{self, Write as _};

use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde::Serialize;

use super::excerpt::{Excerpt, clean, paint};
pub use super::fault::Fault;
use super::node::At;

/// Problems beyond this number are counted, not kept: a hostile file must not fill the screen or the memory.
pub const MOST_PROBLEMS: usize = 40;

/// One thing that is wrong, with its place and its remedy.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What.
    pub fault: Box<Fault>,
    /// Where; [`At::nowhere`] for options and the environment.
    pub at: At,
    /// What to type next; the fault's own remedy where nobody knew better.
    pub help: String,
    /// Other places that belong to it, each with what it is (`first given here`).
    pub also: Vec<(At, String)>,
    excerpt: Option<Box<Excerpt>>,
}

impl Problem {
    /// A problem at a place, with the fault's own remedy.
    pub fn new(fault: Fault, at: &At) -> Self {
        let help = fault.remedy();
        let excerpt = Excerpt::of(at).map(Box::new);
        Self { fault: Box::new(fault), at: at.clone(), help, also: Vec::new(), excerpt }
    }

    /// With a better remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn also(mut self, at: &At, what: impl Into<String>) -> Self {
        self.also.push((at.clone(), what.into()));
        self
    }

    /// `file:line:column`, or nothing where no file says it.
    pub fn place(&self) -> Option<String> {
        place(&self.at)
    }

    fn write_screen(&self, out: &mut String, colour: bool) {
        let message = self.to_string();
        paint(out, colour, "error", &message);
        if let Some(excerpt) = &self.excerpt {
            excerpt.write(out, colour);
        }
        for (at, what) in &self.also {
            if let Some(place) = place(at) {
                let _ = writeln!(out, "  note: {} at {place}", clean(what, 200));
            }
        }
        let _ = writeln!(out, "  help: {}", clean(&self.help, 600));
    }
}

/// `file:line:column`.
pub fn place(at: &At) -> Option<String> {
    let source = at.source.as_ref()?;
    Some(format!("{}:{}:{}", clean(&source.path.to_string_lossy(), 300), at.line, at.column))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean(&self.fault.to_string(), 800))
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(clean(&self.help, 600)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_deref().map(|e| e as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_deref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some("here".into()), excerpt.span()))))
    }
}

/// A problem as data, for `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file; absent where no file says it.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// What was attempted and why it failed.
    pub message: String,
    /// What to type next.
    pub help: String,
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        let source = problem.at.source.as_ref();
        Self {
            path: source.map(|s| clean(&s.path.to_string_lossy(), 300)),
            line: source.map(|_| problem.at.line),
            column: source.map(|_| problem.at.column),
            message: problem.to_string(),
            help: clean(&problem.help, 600),
        }
    }
}

/// Everything that one load found wrong: one problem or more, in the order of the files.
#[derive(Debug, Clone)]
pub struct SpecError {
    problems: Vec<Problem>,
    /// How many more there were.
    left_out: usize,
}

impl SpecError {
    /// One problem at a place.
    pub fn new(fault: Fault, at: &At) -> Self {
        Problem::new(fault, at).into()
    }

    /// All of these, or `None` where there is nothing wrong.
    pub fn collect(problems: impl IntoIterator<Item = Problem>) -> Option<Self> {
        let mut all = problems.into_iter();
        let problems: Vec<_> = all.by_ref().take(MOST_PROBLEMS).collect();
        if problems.is_empty() { None } else { Some(Self { problems, left_out: all.count() }) }
    }

    /// Each problem; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Adds another load's problems to these.
    pub fn join(&mut self, other: Self) {
        let room = MOST_PROBLEMS.saturating_sub(self.problems.len());
        self.left_out += other.left_out + other.problems.len().saturating_sub(room);
        self.problems.extend(other.problems.into_iter().take(room));
    }

    /// The whole error screen: each problem with its message, place, line and remedy. Ends with a newline.
    pub fn screen(&self, colour: bool) -> String {
        let mut out = String::new();
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                out.push('\n');
            }
            problem.write_screen(&mut out, colour);
        }
        if self.left_out > 0 {
            let _ = writeln!(out, "\n… and {} more", self.left_out);
        }
        out
    }

    /// The problems as data.
    pub fn findings(&self) -> Vec<Finding> {
        self.problems.iter().map(Finding::from).collect()
    }
}

impl From<Problem> for SpecError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], left_out: 0 }
    }
}

/// One line: the first problem with its place, and how many follow.
impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.problems.first() else { return f.write_str("the spec is wrong") };
        if let Some(place) = first.place() {
            write!(f, "{place}: ")?;
        }
        write!(f, "{first}")?;
        match self.problems.len() + self.left_out {
            0 | 1 => Ok(()),
            all => write!(f, " (and {} more)", all - 1),
        }
    }
}

impl std::error::Error for SpecError {}

impl Diagnostic for SpecError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problems.first()?.help_box()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problems.first()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.problems.first()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().skip(1).map(|p| p as &dyn Diagnostic)))
    }
}

impl Problem {
    /// [`Diagnostic::help`], which the inherent [`Problem::help`] would shadow.
    fn help_box<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::help(self)
    }
}

/// Something that works, but perhaps not as the user thinks.
#[derive(Debug, Clone)]
pub struct Warning {
    /// What.
    pub message: String,
    /// Where, if a file says it.
    pub at: At,
    /// What to do about it.
    pub help: Option<String>,
    /// Without object once all of these files were read after all; empty: in any case.
    pub unless_read: Vec<std::path::PathBuf>,
}

impl Warning {
    /// A warning at a place.
    pub fn new(message: impl Into<String>, at: &At) -> Self {
        Self { message: message.into(), at: at.clone(), help: None, unless_read: Vec::new() }
    }

    /// With a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// One or two lines: the warning with its place, and the remedy. Ends with a newline.
    pub fn screen(&self, colour: bool) -> String {
        let mut out = String::new();
        let place = place(&self.at).map(|p| format!(" ({p})")).unwrap_or_default();
        paint(&mut out, colour, "warning", &format!("{}{place}", clean(&self.message, 600)));
        if let Some(help) = &self.help {
            let _ = writeln!(out, "  help: {}", clean(help, 600));
        }
        out
    }
}
