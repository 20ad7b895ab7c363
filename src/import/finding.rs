//! What was concluded, or could not be, and where it stands.

use std::fmt;

use serde::Serialize;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Relative to the project's folder.
    pub file: String,
    /// From 1; 0: the file as a whole.
    pub line: usize,
}

impl Place {
    /// A line of a file.
    pub fn new(file: impl Into<String>, line: usize) -> Self {
        Self { file: file.into(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// One sentence about the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The sentence.
    pub what: String,
    /// What it is about or was drawn from; `None`: the project as a whole.
    pub place: Option<Place>,
}

impl Finding {
    /// About a place.
    pub fn at(place: &Place, what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Some(place.clone()) }
    }

    /// About the project.
    pub fn general(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Each sentence once, where it first stood.
pub fn each_once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

/// A value with the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because<T> {
    /// The value.
    pub value: T,
    /// The reason, as one sentence.
    pub why: Finding,
}

impl<T> Because<T> {
    /// A value drawn from a place.
    pub fn of(value: T, place: &Place, why: impl Into<String>) -> Self {
        Self { value, why: Finding::at(place, why) }
    }
}
