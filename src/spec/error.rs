//! What can be wrong with a spec: data, the place it stands at, and what to type next.
//!
//! A load collects [`Problem`]s and reports them together as one [`SpecError`]. Each problem can be shown in three
//! ways: as a [`miette::Diagnostic`], as plain text ([`SpecError::screen`]), and as data ([`SpecError::findings`]).

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde::Serialize;

use super::excerpt::{Excerpt, clean, paint, quoted};
use super::node::At;

/// Problems beyond this number are counted, not kept: a hostile file must not fill the screen or the memory.
pub const MOST_PROBLEMS: usize = 40;

/// What is wrong. The text says what was attempted and why it failed; [`Fault::remedy`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file that could not be read.
    #[error("can't read {}: {reason}", quoted(&path.to_string_lossy()))]
    Unreadable {
        /// The file, as the user named it.
        path: PathBuf,
        /// The system's word on it.
        reason: String,
    },
    /// No spec in this folder or any above it.
    #[error("no spec found in {} or any folder above it", quoted(&dir.to_string_lossy()))]
    NothingFound {
        /// Where the search began.
        dir: PathBuf,
        /// The names that were looked for, in order.
        looked_for: Vec<&'static str>,
    },
    /// Options or variables that contradict each other or name nothing usable.
    #[error("{0}")]
    BadOption(String),
    /// A project name that engines would refuse.
    #[error(
        "project name {} is not valid: only lowercase letters, digits, `-` and `_`, beginning with a letter or a digit",
        quoted(name)
    )]
    BadProjectName {
        /// As given.
        name: String,
        /// What it could be instead.
        proposal: Option<String>,
    },
    /// Text that is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// Bytes that are not UTF-8 text.
    #[error("can't decode the file: {0}")]
    Encoding(String),
    /// A bound that keeps hostile files from filling memory or time.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large, deep or many.
        what: String,
        /// The bound, with its unit.
        limit: String,
    },
    /// The same key twice in one mapping.
    #[error("key {} is given twice in this mapping", quoted(key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A mapping key that is a number, list or mapping.
    #[error("{0}")]
    BadKey(String),
    /// `include`, `extends` or aliases that come back to where they began.
    #[error("{what} runs in a circle: {}", clean(&chain.join(" → "), 300))]
    Cycle {
        /// `include`, `extends`, `depends_on`, `alias`.
        what: &'static str,
        /// The way round, first and last being the same.
        chain: Vec<String>,
    },
    /// A `$` expression that cannot be read.
    #[error("can't interpolate {}: {reason}", quoted(expression))]
    Interpolation {
        /// The expression or its beginning.
        expression: String,
        /// Why.
        reason: String,
    },
    /// `${VAR:?message}` where `VAR` is missing.
    #[error("required variable {} is missing a value{}", quoted(name), if message.is_empty() { String::new() } else { format!(": {}", clean(message, 300)) })]
    RequiredVariable {
        /// The variable.
        name: String,
        /// The spec's own words.
        message: String,
    },
    /// A line of a `.env` or `env_file` that cannot be read.
    #[error("can't read the environment file: {0}")]
    Dotenv(String),
    /// A key that nothing here knows.
    #[error("unknown key {} in {}", quoted(key), named(path))]
    UnknownKey {
        /// The key.
        key: String,
        /// The mapping that holds it, as `services.web`; `the spec` at the top.
        path: String,
    },
    /// A value of a wrong kind.
    #[error("{} must be {expected}, but it is {found}", named(path))]
    WrongType {
        /// `services.web.ports`.
        path: String,
        /// `a list or a mapping`.
        expected: String,
        /// `a number`.
        found: String,
    },
    /// The right kind of value, but not one that means something.
    #[error("{} can't be {}: {reason}", quoted(path), quoted(value))]
    BadValue {
        /// `services.web.ports[0]`.
        path: String,
        /// As written.
        value: String,
        /// Why.
        reason: String,
    },
    /// A key that must be there.
    #[error("{} lacks {}", quoted(path), quoted(key))]
    MissingKey {
        /// The mapping.
        path: String,
        /// The key.
        key: String,
    },
    /// Keys that exclude each other, or a set that makes no sense together.
    #[error("{} {reason}", quoted(path))]
    Contradiction {
        /// The mapping.
        path: String,
        /// Begins with a verb.
        reason: String,
    },
    /// A name that should be declared elsewhere in the spec.
    #[error("{} refers to the {kind} {}, which is not defined", quoted(path), quoted(name))]
    UnknownName {
        /// Where the reference stands.
        path: String,
        /// `service`, `volume`, `network`, `config`, `secret`, `task`, …
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Written for a later devup.
    #[error("this spec needs a newer devup: {reason}; this is devup {}", env!("CARGO_PKG_VERSION"))]
    NeedsNewer {
        /// Which key asks for what.
        reason: String,
    },
    /// Known, but not built yet.
    #[error("{feature} is not available yet in devup {}", env!("CARGO_PKG_VERSION"))]
    NotYet {
        /// The feature.
        feature: String,
    },
    /// Merging or extending what cannot be merged.
    #[error("can't merge {}: {reason}", quoted(path))]
    Merge {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
}

/// A path in backticks; the root has none.
fn named(path: &str) -> String {
    if path == "the spec" { path.to_owned() } else { quoted(path) }
}

impl Fault {
    /// What to do when nobody who raised it knew better.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!("check the path and its permissions: ls -l {}", clean(&path.to_string_lossy(), 200))
            }
            Self::NothingFound { looked_for, .. } => format!(
                "looked for {}; go to the project's folder, name a file with `-f FILE`, or start one with `devup init`",
                looked_for.join(", ")
            ),
            Self::BadOption(_) => "see `devup help` for the options and what they take".into(),
            Self::BadProjectName { proposal, .. } => proposal.as_ref().map_or_else(
                || "choose another with `-p NAME`, COMPOSE_PROJECT_NAME or `name:` in the spec".into(),
                |p| format!("for example `-p {p}`, COMPOSE_PROJECT_NAME={p} or `name: {p}` in the spec"),
            ),
            Self::Syntax(_) => "check the indentation (spaces, never tabs), colons and quotes around this place".into(),
            Self::Encoding(_) => "save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 FILE".into(),
            Self::Limit { .. } => "split the spec with `include`, or remove what makes it so large".into(),
            Self::DuplicateKey { key } => format!("keep one {}, or rename the other", quoted(key)),
            Self::BadKey(_) => "write the key as a plain string, in quotes where it looks like a number".into(),
            Self::Cycle { what, .. } => format!("remove one `{what}` of the circle"),
            Self::Interpolation { .. } => {
                "write `${NAME}` or `${NAME:-default}` for a variable, `$$` for a dollar sign itself".into()
            }
            Self::RequiredVariable { name, .. } => {
                let name = clean(name, 60);
                format!("set it: {name}=… in the `.env` file beside the spec, or `export {name}=…`")
            }
            Self::Dotenv(_) => "each line is NAME=value, quoted where the value holds spaces, `#` or `$`".into(),
            Self::UnknownKey { .. } => "remove it; keys of your own begin with `x-`".into(),
            Self::WrongType { path, .. } if path == "the spec" => {
                "begin with `services:` and indent each service below it".into()
            }
            Self::WrongType { path, expected, .. } if path == "services" && expected == "a mapping" => {
                "write each service as `NAME:`, without a dash, and indent its keys below it".into()
            }
            Self::WrongType { expected, .. } => format!("write {expected} here"),
            Self::BadValue { .. } => "correct the value; `devup schema` prints what each key accepts".into(),
            Self::MissingKey { key, .. } => format!("add {}", quoted(key)),
            Self::Contradiction { .. } => "keep one of them".into(),
            Self::UnknownName { kind, name, .. } => match *kind {
                "service" | "task" => format!("define {} under `{kind}s:`, or remove this reference", quoted(name)),
                _ => format!("add {} under the top-level `{kind}s:`", quoted(name)),
            },
            Self::NeedsNewer { .. } => "install a newer devup; `devup --version` prints what you have".into(),
            Self::NotYet { .. } => "remove the key for now".into(),
            Self::Merge { .. } => {
                "give both files the same kind of value, or tag the later one `!override` or `!reset`".into()
            }
        }
    }
}

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
}

impl Warning {
    /// A warning at a place.
    pub fn new(message: impl Into<String>, at: &At) -> Self {
        Self { message: message.into(), at: at.clone(), help: None }
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
