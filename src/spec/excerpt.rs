//! The line that an error points at: bounded, and safe to print whatever a hostile file holds.

use std::fmt::Write as _;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use unicode_width::UnicodeWidthStr;

use super::node::At;

/// Bytes of a line shown on each side of the place.
const WINDOW: usize = 100;

/// One line of a file around a place, escaped and clipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    path: String,
    line: usize,
    column: usize,
    text: String,
    /// The marked part, as byte offsets in `text`.
    start: usize,
    end: usize,
}

impl Excerpt {
    /// The line at a place, or `None` where no file says it.
    pub fn of(at: &At) -> Option<Self> {
        let source = at.source.as_ref()?;
        let all = source.text.as_str();
        let offset = floor(all, at.offset.min(all.len()));
        let from = floor(all, offset.saturating_sub(WINDOW));
        let to = floor(all, (offset + WINDOW).min(all.len()));
        let head = &all[from..offset];
        let tail = &all[offset..to];
        let (head, cut_head) = match head.rfind(['\n', '\r']) {
            Some(newline) => (&head[newline + 1..], false),
            None => (head, from > 0),
        };
        let (tail, cut_tail) = match tail.find(['\n', '\r']) {
            Some(newline) => (&tail[..newline], false),
            None => (tail, to < all.len()),
        };
        let marked = &tail[..floor(tail, at.len.min(tail.len()))];
        let rest = &tail[marked.len()..];
        let mut text = String::new();
        text.push_str(if cut_head { "…" } else { "" });
        escape_into(&mut text, head);
        let start = text.len();
        escape_into(&mut text, marked);
        let end = text.len();
        escape_into(&mut text, rest);
        text.push_str(if cut_tail { "…" } else { "" });
        let path = clean(&source.path.to_string_lossy(), 300);
        Some(Self { path, line: at.line, column: at.column, text, start, end })
    }

    /// The marked part, as offsets in the text that [`SourceCode::read_span`] gives.
    pub fn span(&self) -> SourceSpan {
        SourceSpan::new(self.start.into(), self.end - self.start)
    }

    /// Writes place, line and marker.
    pub fn write(&self, out: &mut String, colour: bool) {
        let (blue, red, off) = if colour { ("\x1b[1;34m", "\x1b[1;31m", "\x1b[0m") } else { ("", "", "") };
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let before = self.text[..self.start].width();
        let marked = self.text[self.start..self.end].width().max(1);
        let _ = writeln!(out, "{gutter}{blue}-->{off} {}:{}:{}", self.path, self.line, self.column);
        let _ = writeln!(out, "{gutter} {blue}|{off}");
        let _ = writeln!(out, "{blue}{number} |{off} {}", self.text.trim_end());
        let _ = writeln!(out, "{gutter} {blue}|{off} {}{red}{}{off}", " ".repeat(before), "^".repeat(marked));
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, before, after)?;
        // the marker's own column is the file's; a whole line begins at its first
        let column = if inner.span().offset() == self.start { self.column.saturating_sub(1) } else { inner.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            inner.data(),
            *inner.span(),
            self.line.saturating_sub(1),
            column,
            1,
        )))
    }
}

/// The nearest character boundary at or before `index`.
fn floor(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// Characters that would move the cursor, colour the screen or turn the direction of text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if is_unsafe(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}

/// Text that is safe on a terminal and at most about `most` characters long; what is left out is marked by `…`.
/// Line breaks become spaces.
pub fn clean(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count >= most {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_unsafe(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A user's word inside a message: escaped, clipped and set apart by backticks.
pub fn quoted(text: &str) -> String {
    format!("`{}`", clean(text, 120))
}

/// Writes `error: message`, with the first word coloured.
pub fn paint(out: &mut String, colour: bool, word: &str, message: &str) {
    let code = if word == "error" { "\x1b[1;31m" } else { "\x1b[1;33m" };
    if colour {
        let _ = writeln!(out, "{code}{word}\x1b[0m\x1b[1m: {message}\x1b[0m");
    } else {
        let _ = writeln!(out, "{word}: {message}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::error::{Fault, Problem, SpecError};
    use super::super::node::Source;
    use super::*;

    fn at(text: &str, needle: &str) -> At {
        let offset = text.find(needle).unwrap();
        let line = text[..offset].matches('\n').count() + 1;
        let column = text[..offset].rsplit('\n').next().unwrap().chars().count() + 1;
        let source = Arc::new(Source { path: "compose.yaml".into(), text: text.into() });
        At { source: Some(source), offset, len: needle.len(), line, column }
    }

    fn unknown(key: &str, at: &At) -> SpecError {
        Problem::new(Fault::UnknownKey { key: key.into(), path: "services.web".into() }, at)
            .help("did you mean `image`?")
            .into()
    }

    #[test]
    fn the_screen_shows_place_line_and_remedy() {
        let at = at("services:\n  web:\n    imgae: nginx\n", "imgae");
        insta::assert_snapshot!(unknown("imgae", &at).screen(false), @r"
        error: unknown key `imgae` in `services.web`
         --> compose.yaml:3:5
          |
        3 |     imgae: nginx
          |     ^^^^^
          help: did you mean `image`?
        ");
    }

    #[test]
    fn wide_characters_do_not_move_the_marker() {
        let at = at("日本: { imgae: 1 }", "imgae");
        let screen = unknown("imgae", &at).screen(false);
        let lines: Vec<_> = screen.lines().collect();
        assert_eq!(lines[1], " --> compose.yaml:1:7");
        assert_eq!(lines[4].find('^'), Some(4 + 8));
    }

    #[test]
    fn miette_shows_the_same_place() {
        let at = at("services:\n  web:\n    imgae: nginx\n", "imgae");
        let mut out = String::new();
        let theme = miette::GraphicalTheme::unicode_nocolor();
        miette::GraphicalReportHandler::new_themed(theme).render_report(&mut out, &unknown("imgae", &at)).unwrap();
        assert!(out.contains("compose.yaml:3:5"), "{out}");
        assert!(out.contains("3 │     imgae: nginx"), "{out}");
        assert!(out.contains("did you mean `image`?"), "{out}");
    }

    #[test]
    fn huge_lines_are_clipped_and_control_characters_escaped() {
        let text = format!("{}\x1b[31m\u{202e}bad{}", "a".repeat(1_000_000), "é".repeat(1_000_000));
        let screen = unknown(&text, &at(&text, "bad")).screen(false);
        assert!(screen.len() < 2000, "{}", screen.len());
        assert!(!screen.contains('\x1b') && !screen.contains('\u{202e}'));
        assert!(screen.contains("\\u{1b}[31m\\u{202e}bad"));
    }

    #[test]
    fn places_beyond_the_text_do_not_panic() {
        let mut at = at("é", "é");
        at.offset = 1;
        at.len = 99;
        assert!(Excerpt::of(&at).is_some());
        at.offset = 77;
        assert!(Excerpt::of(&at).is_some());
    }

    #[test]
    fn many_problems_are_counted() {
        let at = at("a: 1", "a");
        let all = (0..1000).map(|n| Problem::new(Fault::DuplicateKey { key: n.to_string() }, &at));
        let error = SpecError::collect(all).unwrap();
        assert!(error.screen(false).ends_with("… and 960 more\n"));
        assert!(error.to_string().ends_with("(and 999 more)"));
    }
}
