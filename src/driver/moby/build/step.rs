//! One step of a `BuildKit` build: its name and what it prints.

use std::collections::{BTreeMap, VecDeque};

/// Lines of a failed step that its error shows.
const TAIL: usize = 20;
/// A line that never ends is shown in pieces of this many bytes.
const LONGEST: usize = 8192;

/// A step as far as it is known.
#[derive(Default)]
pub(super) struct Step {
    /// `[2/3] RUN make`.
    pub(super) name: String,
    /// Its last lines.
    pub(super) tail: Tail,
    /// What each of its streams printed since its last line break: pieces of output end anywhere.
    unfinished: BTreeMap<i64, Vec<u8>>,
}

impl Step {
    /// The lines that this piece of output completes.
    pub(super) fn take(&mut self, stream: i64, piece: &[u8]) -> Vec<String> {
        let unfinished = self.unfinished.entry(stream).or_default();
        unfinished.extend_from_slice(piece);
        let end = unfinished.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let Some(end) = end.or_else(|| (unfinished.len() > LONGEST).then_some(unfinished.len())) else {
            return Vec::new();
        };
        let rest = unfinished.split_off(end);
        let whole = std::mem::replace(unfinished, rest);
        self.tail.lines(&whole)
    }

    /// What is left when the step has ended.
    pub(super) fn end(&mut self) -> Vec<String> {
        let left = std::mem::take(&mut self.unfinished);
        left.values().flat_map(|text| self.tail.lines(text)).collect()
    }
}

/// The last lines of something.
#[derive(Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    /// The lines of a text that hold anything, as a terminal ends up showing them; they are remembered.
    pub(super) fn lines(&mut self, text: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        let shown = text.lines().map(|line| line.trim_end().rsplit('\r').next().unwrap_or_default());
        let lines: Vec<String> = shown.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        for line in &lines {
            if self.0.len() == TAIL {
                self.0.pop_front();
            }
            self.0.push_back(line.clone());
        }
        lines
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_however_it_comes() {
        let mut step = Step::default();
        assert!(step.take(1, b"+ [ 0 ").is_empty());
        assert!(step.take(2, b"Using ").is_empty());
        assert_eq!(step.take(1, b"= 1 ]\n\n+ uv"), ["+ [ 0 = 1 ]"]);
        assert_eq!(step.take(2, b"CPython \xc3"), Vec::<String>::new());
        assert_eq!(step.take(2, b"\xa9\n 10%\r 20%\r\n"), ["Using CPython é", " 20%"]);
        assert_eq!(step.end(), ["+ uv"]);
        assert!(step.end().is_empty());
        let tail: Vec<&str> = step.tail.iter().collect();
        assert_eq!(tail, ["+ [ 0 = 1 ]", "Using CPython é", " 20%", "+ uv"]);
    }

    #[test]
    fn what_never_ends_is_shown_all_the_same() {
        let mut step = Step::default();
        assert_eq!(step.take(1, &[b'x'; LONGEST + 1]), ["x".repeat(LONGEST + 1)]);
        assert_eq!(step.end(), Vec::<String>::new());
    }
}
