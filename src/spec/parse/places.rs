//! Where in a source the parser is.

use std::sync::Arc;

use saphyr_parser::{ScanError, Span};

use super::outdent::Outdents;
use crate::spec::node::{At, Source};

/// Turns the parser's character counts into byte offsets without counting from the start each time.
pub(super) struct Places<'a> {
    pub(super) source: &'a Arc<Source>,
    outdents: &'a Outdents,
    /// The byte offset of every [`Self::STEP`]th character; empty where all is ASCII.
    marks: Vec<usize>,
}

impl<'a> Places<'a> {
    const STEP: usize = 64;

    /// For a source of which the parser sees these lines moved.
    pub(super) fn of(source: &'a Arc<Source>, outdents: &'a Outdents) -> Self {
        let marks = if source.text.is_ascii() {
            Vec::new()
        } else {
            source.text.char_indices().step_by(Self::STEP).map(|(offset, _)| offset).collect()
        };
        Self { source, outdents, marks }
    }

    /// Nothing but blanks is left where this error is told.
    pub(super) fn is_end(&self, error: &ScanError) -> bool {
        self.source.text[self.byte(error.marker().index())..].trim().is_empty()
    }

    /// The byte at which a character of the text that the parser sees is in the source.
    pub(super) fn byte(&self, character: usize) -> usize {
        let character = self.outdents.original(character);
        let text = &self.source.text;
        if self.marks.is_empty() {
            return character.min(text.len());
        }
        let Some(start) = self.marks.get(character / Self::STEP) else { return text.len() };
        let rest = &text[*start..];
        rest.char_indices().nth(character % Self::STEP).map_or(text.len(), |(offset, _)| start + offset)
    }

    /// Characters before it in its line.
    fn column(&self, span: Span) -> usize {
        let (index, column) = (span.start.index(), span.start.col());
        let line = self.outdents.original(index.saturating_sub(column));
        if self.outdents.is_empty() { column } else { self.outdents.original(index) - line }
    }

    /// What a span of the parser covers.
    pub(super) fn at(&self, span: Span) -> At {
        let offset = self.byte(span.start.index());
        let end = self.byte(span.end.index()).max(offset);
        At {
            source: Some(Arc::clone(self.source)),
            offset,
            len: end - offset,
            line: span.start.line(),
            column: self.column(span) + 1,
        }
    }
}
