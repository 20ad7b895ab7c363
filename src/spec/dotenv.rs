//! Environment files: `.env` beside the spec and `env_file:` of services, in Compose's dialect.
//!
//! A statement is `NAME=value` or `NAME: value`, `export` before it is ignored; a bare `NAME` takes the value from
//! outside. Unquoted values end at ` #` or the line's end. Single quotes take everything as it stands, also over
//! several lines; in double quotes `\n` and its kin are escapes. Unquoted and double-quoted values expand `$`
//! expressions, from outside first, then from what the file said before.

use std::sync::Arc;

use indexmap::IndexMap;

use super::error::{Fault, Problem, SpecError, Warning};
use super::excerpt::quoted;
use super::interpolate::{fault, template};
use super::node::{At, Source};

/// Bytes of an environment file that are read at most.
pub const LARGEST: usize = 4 << 20;

/// What all values of one file together may grow to by expansion.
const GROWN_AT_MOST: usize = 16 << 20;

/// Names and values, in the order of the file.
pub type Variables = IndexMap<String, String>;

/// What a file gives.
#[derive(Debug, Default)]
pub struct Dotenv {
    /// Names and values; a later one wins.
    pub variables: Variables,
    /// Variables without a value.
    pub warnings: Vec<Warning>,
}

/// Reads a file in Compose's dialect. `outside` answers for expansions and bare names.
pub fn parse(source: &Arc<Source>, outside: &dyn Fn(&str) -> Option<String>) -> Result<Dotenv, SpecError> {
    too_large(source)?;
    let mut parser = Parser { source, text: &source.text, next: 0, outside, read: Dotenv::default(), grown: 0 };
    while parser.statement()? {}
    Ok(parser.read)
}

/// Reads a file of `format: raw`: each line is `NAME=value`, taken as it stands; a bare `NAME` comes from outside.
pub fn parse_raw(source: &Arc<Source>, outside: &dyn Fn(&str) -> Option<String>) -> Result<Variables, SpecError> {
    too_large(source)?;
    let mut variables = Variables::new();
    let mut offset = 0;
    for line in source.text.split_inclusive('\n') {
        let begin = offset;
        offset += line.len();
        let statement = line.trim_end_matches(['\n', '\r']).trim_start();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let (name, value) = match statement.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (statement, outside(statement)),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            let reason = format!("{} is no variable name", quoted(name));
            return Err(SpecError::new(Fault::Dotenv(reason), &place(source, begin, statement.len())));
        }
        if let Some(value) = value {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

fn too_large(source: &Arc<Source>) -> Result<(), SpecError> {
    if source.text.len() <= LARGEST {
        return Ok(());
    }
    let what = format!("the size of {}", quoted(&source.path.to_string_lossy()));
    let limit = format!("{} MiB", LARGEST >> 20);
    Err(Problem::new(Fault::Limit { what, limit }, &place(source, 0, 0)).help("keep only variables in it").into())
}

/// The place of an offset in a source.
fn place(source: &Arc<Source>, offset: usize, len: usize) -> At {
    let before = &source.text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    At { source: Some(Arc::clone(source)), offset, len, line, column }
}

/// Space within a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

struct Parser<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    next: usize,
    outside: &'a dyn Fn(&str) -> Option<String>,
    read: Dotenv,
    /// Bytes of all values so far.
    grown: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.next..]
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.next += rest.len() - rest.trim_start_matches(skipped).len();
    }

    fn error(&self, offset: usize, len: usize, reason: String) -> SpecError {
        SpecError::new(Fault::Dotenv(reason), &place(self.source, offset, len))
    }

    /// Reads one statement; `false` at the end of the file.
    fn statement(&mut self) -> Result<bool, SpecError> {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                break;
            }
            self.skip(|c| c != '\n');
        }
        if self.rest().is_empty() {
            return Ok(false);
        }
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(char::is_whitespace)
        {
            self.next += "export".len();
            self.skip(is_blank);
        }
        let (name, bare) = self.name()?;
        if bare {
            if let Some(value) = (self.outside)(&name) {
                self.read.variables.insert(name, value);
            }
            return Ok(true);
        }
        self.skip(is_blank);
        let value = match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted_value(quote)?,
            _ => self.unquoted_value()?,
        };
        self.read.variables.insert(name, value);
        Ok(true)
    }

    /// The name, and whether it stands alone on its line.
    fn name(&mut self) -> Result<(String, bool), SpecError> {
        let begin = self.next;
        let line = self.rest().lines().next().unwrap_or_default();
        let end = line.find(['=', ':']).unwrap_or(line.len());
        let bare = end == line.len();
        let name = line[..end].trim_end();
        let strange = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']'));
        if let Some(at) = name.find(strange) {
            let found = name[at..].chars().next().unwrap_or_default();
            let reason = if is_blank(found) {
                format!("the name {} contains a space", quoted(name))
            } else {
                format!("unexpected character {} in a variable's name", quoted(&found.to_string()))
            };
            return Err(self.error(begin + at, found.len_utf8(), reason));
        }
        if name.is_empty() {
            return Err(self.error(begin, line.len(), "a name must stand before the `=`".into()));
        }
        self.next = begin + end + usize::from(!bare);
        Ok((name.to_owned(), bare))
    }

    fn unquoted_value(&mut self) -> Result<String, SpecError> {
        let begin = self.next;
        let line = self.rest().split('\n').next().unwrap_or_default();
        self.next += line.len();
        let value = line.find(" #").map_or(line, |comment| &line[..comment]);
        self.expand(value.trim_end(), begin)
    }

    fn quoted_value(&mut self, quote: char) -> Result<String, SpecError> {
        let begin = self.next;
        let mut value = String::new();
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if c == quote && !escaped {
                self.next = begin + at + 1;
                return if quote == '"' { self.expand(&unescape(&value), begin) } else { Ok(value) };
            }
            if escaped && c != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(c);
        }
        let line = self.rest().lines().next().unwrap_or_default();
        Err(self.error(begin, line.len(), format!("the closing {quote} is missing")))
    }

    fn expand(&mut self, value: &str, begin: usize) -> Result<String, SpecError> {
        let (outside, variables) = (self.outside, &self.read.variables);
        let lookup = |name: &str| outside(name).or_else(|| variables.get(name).cloned());
        let warnings = &mut self.read.warnings;
        let source = self.source;
        let expanded = template::expand(value, &lookup, &mut |name, _| {
            let message = format!("the variable {} is not set; it becomes an empty text", quoted(name));
            if warnings.len() < 100 {
                warnings.push(Warning::new(message, &place(source, begin, 0)));
            }
        });
        let grown = &mut self.grown;
        let expanded = expanded.and_then(|value| {
            *grown += value.len();
            if *grown > GROWN_AT_MOST { Err(template::TemplateError::TooLong { offset: 0 }) } else { Ok(value) }
        });
        expanded.map_err(|error| {
            let len = source.text[begin..].lines().next().unwrap_or_default().len();
            SpecError::new(fault(error), &place(source, begin, len))
        })
    }
}

/// Escapes of double-quoted values. `\$` becomes `$$`, which the expansion reads as a dollar sign.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let simple = match after.chars().next() {
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('v') => "\u{b}",
            Some('$') => "$$",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('0') => {
                rest = octal(after, &mut out);
                continue;
            }
            // `\c` and all others stay as they are
            _ => {
                out.push('\\');
                rest = after;
                continue;
            }
        };
        out.push_str(simple);
        rest = &after[1..];
    }
    out.push_str(rest);
    out
}

/// `0ddd` behind a backslash: three octal digits give a character, fewer stay as they are.
fn octal<'a>(after: &'a str, out: &mut String) -> &'a str {
    let digits = after.get(1..4).filter(|d| d.bytes().all(|b| (b'0'..b'8').contains(&b)));
    let character = digits.and_then(|d| u8::from_str_radix(d, 8).ok());
    if let Some(byte) = character {
        out.push(char::from(byte));
        &after[4..]
    } else {
        out.push_str("\\0");
        &after[1..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { path: ".env".into(), text: text.into() })
    }

    fn outside(name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".into())
    }

    fn read(text: &str) -> Vec<(String, String)> {
        parse(&source(text), &outside).unwrap().variables.into_iter().collect()
    }

    #[test]
    fn every_kind_of_statement() {
        for (text, value) in [
            ("A=b", "b"),
            ("export A=b", "b"),
            ("A: b", "b"),
            ("  A =  b c  ", "b c"),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A='b # $HOME \\n'", "b # $HOME \\n"),
            ("A=\"b # c\" # d", "b # c"),
            ("A=\"$HOME\\t\\\"x\\\"\"", "/root\t\"x\""),
            ("A=\"\\$HOME \\0101\\q\"", "$HOME A\\q"),
            ("A=${HOME}/x$$", "/root/x$"),
            ("A='one\ntwo'", "one\ntwo"),
            ("A=\"one\ntwo\"\n", "one\ntwo"),
            ("A=", ""),
            ("A=\r\n", ""),
            ("A=b\r\n", "b"),
            ("A=a=b", "a=b"),
            ("# x\n\n#y\nA=b\n# z", "b"),
            ("A='it\\'s'", "it's"),
        ] {
            assert_eq!(read(text), [("A".to_owned(), value.to_owned())], "{text:?}");
        }
    }

    #[test]
    fn later_statements_see_earlier_ones_and_outside_wins() {
        let read = read("A=1\nB=${A}2\nHOME=/x\nC=$HOME\nHOME\nMISSING\n");
        let expected = [("A", "1"), ("B", "12"), ("HOME", "/root"), ("C", "/root")];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn errors_have_their_line() {
        for (text, line, column, part) in [
            ("A=1\nB C=2\n", 2, 2, "contains a space"),
            ("A=1\n\n=2\n", 3, 1, "must stand before"),
            ("A=1\nB='x\ny\n", 2, 3, "closing ' is missing"),
            ("A!=1", 1, 2, "unexpected character"),
            ("A=1\nB=${C:?no}\n", 2, 3, "required variable `C`"),
        ] {
            let error = parse(&source(text), &outside).unwrap_err();
            let problem = &error.problems()[0];
            assert_eq!((problem.at.line, problem.at.column), (line, column), "{text:?}");
            assert!(problem.to_string().contains(part), "{problem}");
        }
    }

    #[test]
    fn doubling_values_are_bounded() {
        let bomb = format!("A=xx\n{}", "A=$A$A\n".repeat(1000));
        let error = parse(&source(&bomb), &outside).unwrap_err();
        assert!(error.to_string().contains("exceeds the limit"), "{error}");
    }

    #[test]
    fn raw_files_are_taken_as_they_stand() {
        let read = parse_raw(&source("A='$x' # y\r\n# c\nHOME\nB=\n"), &outside).unwrap();
        let read: Vec<_> = read.into_iter().collect();
        let expected = [("A", "'$x' # y"), ("HOME", "/root"), ("B", "")];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    proptest! {
        #[test]
        fn never_panics(text in "([A-C]|=|:|'|\"|\\\\|[$]|[{]|[}]|#| |\n|0|é|export ){0,32}") {
            let _ = parse(&source(&text), &outside);
            let _ = parse_raw(&source(&text), &outside);
        }

        #[test]
        fn plain_values_come_back(value in "[a-z0-9/:,;é][a-z0-9/:,;é_-]{0,20}") {
            prop_assert_eq!(read(&format!("A={value}\n")), [("A".to_owned(), value)]);
        }
    }
}
