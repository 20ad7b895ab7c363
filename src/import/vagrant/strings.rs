//! The insides of Ruby's strings: where they end, what is escaped and interpolated in them.

use super::lex::Part;

/// The lines of a `<<~` text without the white space that all of them begin with.
pub(super) fn dedented(lines: &[&str]) -> String {
    let width = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(width).min().unwrap_or(0);
    lines
        .iter()
        .map(|line| if line.trim().is_empty() { line.trim_start_matches([' ', '\t']) } else { &line[least..] })
        .collect()
}

/// Where a string's text ends: at its closing sign, those inside `#{…}` and escaped ones not counted.
pub(super) fn string_end(text: &str, open: char, close: char, expands: bool) -> usize {
    let (mut depth, mut code, mut escaped) = (0usize, 0usize, false);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if expands && before == '#' && c == '{' {
            code += 1;
        } else if code > 0 {
            match c {
                '{' => code += 1,
                '}' => code -= 1,
                _ => {}
            }
        } else if c == close && depth == 0 {
            return at;
        } else if c == close {
            depth -= 1;
        } else if c == open && open != close {
            depth += 1;
        }
        before = c;
    }
    text.len()
}

/// A string in double quotes: escapes and `#{…}`.
pub(super) fn expanded(text: &str, first_line: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let (mut rest, mut line) = (text, first_line);
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if c == '\\' {
            let escaped = rest[1..].chars().next();
            length += escaped.map_or(0, char::len_utf8);
            match escaped {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('e') => plain.push('\u{1b}'),
                Some('r') => plain.push('\r'),
                Some('s') => plain.push(' '),
                Some('0') => plain.push('\0'),
                Some('\n') | None => {}
                Some(other) => plain.push(other),
            }
        } else if let Some(code) = rest.strip_prefix("#{") {
            let end = string_end(code, '{', '}', false);
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Code(code[..end].to_owned(), line));
            length = (2 + end + 1).min(rest.len());
        } else {
            plain.push(c);
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    if !plain.is_empty() || parts.is_empty() {
        parts.push(Part::Text(plain));
    }
    parts
}

/// A string in single quotes knows two escapes.
pub(super) fn unescaped_raw(text: &str, close: char) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek().is_some_and(|next| *next == '\\' || *next == close) {
            out.extend(chars.next());
        } else {
            out.push(c);
        }
    }
    out
}
