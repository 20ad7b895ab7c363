//! Lines that stand further left than YAML 1.2 has them. It wants what is between brackets or quotes to be indented deeper
//! than the block around it; libYAML never asked for that, so neither does Compose, and many people write
//!
//! ```yaml
//! test: [
//!   "CMD", "true"
//! ]
//! ```
//!
//! The parser holds on to the letter. Where it refuses a line for this alone, the line is moved to the right, where
//! indentation means nothing, and the text is read again; places are those of the text as it was written.

use std::borrow::Cow;

use saphyr_parser::ScanError;

/// Further right than any block begins that the bound on nesting lets pass.
const WIDTH: usize = 256;
/// How many characters may be read again in all: a few lines of a long file, all lines of a short one.
const BUDGET: usize = 16 << 20;

/// The lines that were moved.
#[derive(Debug, Default)]
pub(super) struct Outdents {
    /// Where they begin, in characters of the original text, in order.
    starts: Vec<usize>,
    spent: usize,
}

impl Outdents {
    /// All lines are where they were written.
    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The text with these lines moved.
    pub(super) fn moved<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.starts.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut moved = String::with_capacity(text.len() + self.starts.len() * WIDTH);
        let mut starts = self.starts.iter().peekable();
        for (index, character) in text.chars().enumerate() {
            if starts.next_if(|start| **start == index).is_some() {
                moved.extend(std::iter::repeat_n(' ', WIDTH));
            }
            moved.push(character);
        }
        Cow::Owned(moved)
    }

    /// Where a character of the moved text is in the original one.
    pub(super) fn original(&self, index: usize) -> usize {
        let (mut before, mut after) = (0, self.starts.len());
        while before < after {
            let middle = usize::midpoint(before, after);
            if self.starts[middle] + middle * WIDTH <= index { before = middle + 1 } else { after = middle }
        }
        match before.checked_sub(1) {
            None => index,
            // inside the blanks: where the line begins
            Some(last) => self.starts[last] + (index - self.starts[last] - last * WIDTH).saturating_sub(WIDTH),
        }
    }

    /// Moves one more line, if that is what the parser asks for; `false`: the text is wrong otherwise.
    pub(super) fn forgives(&mut self, text: &str, error: &ScanError) -> bool {
        let start = match error.info() {
            "invalid indentation" | "invalid indentation in flow construct" => Some(self.line_of(error)),
            // told of where the quote opens: its lines follow, one after the other until it is content
            "invalid indentation in quoted scalar" => self.next_line(text, self.original(error.marker().index())),
            _ => None,
        };
        let Some(start) = start else { return false };
        let Err(place) = self.starts.binary_search(&start) else { return false };
        self.spent += text.len();
        if self.spent > BUDGET {
            return false;
        }
        self.starts.insert(place, start);
        true
    }

    /// The line that the error is told of was moved.
    pub(super) fn has_moved(&self, error: &ScanError) -> bool {
        self.starts.binary_search(&self.line_of(error)).is_ok()
    }

    /// Where the line begins that an error is told of.
    fn line_of(&self, error: &ScanError) -> usize {
        let mark = error.marker();
        self.original(mark.index().saturating_sub(mark.col()))
    }

    /// Where the first line after this character begins that was not moved.
    fn next_line(&self, text: &str, index: usize) -> Option<usize> {
        let breaks = text.chars().enumerate().skip(index).filter(|(_, character)| *character == '\n');
        breaks.map(|(at, _)| at + 1).find(|start| self.starts.binary_search(start).is_err())
    }
}
