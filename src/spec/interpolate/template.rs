//! The `$` language of the Compose Specification, on one text:
//! `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`,
//! `${NAME:+value}`, `${NAME+value}`, nested to a bound, and `$$` for a dollar sign.
//! A `$` before anything else stands for itself, as in Compose.

/// How deep expressions may stand in each other's defaults.
pub const DEEPEST: usize = 32;

/// What one text may grow to.
pub const LONGEST: usize = 4 << 20;

/// An operator after a variable's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `-`: the text where the variable is missing.
    Default,
    /// `?`: an error with the text where it is missing.
    Required,
    /// `+`: the text where it is there, else nothing.
    Alternate,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// `$NAME` or `${NAME}`.
    Plain(Variable<'a>),
    /// `${NAME operator word}`.
    Operated {
        /// The variable.
        variable: Variable<'a>,
        /// What is done with it.
        operator: Operator,
        /// `:` before the operator: an empty value counts as missing.
        empty_is_missing: bool,
        /// The text behind the operator, itself a template.
        word: &'a str,
    },
}

/// A variable's name and where its expression begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable<'a> {
    /// The name.
    pub name: &'a str,
    /// Offset of its `$` in the text.
    pub offset: usize,
}

/// Why a text can't be expanded, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not an expression.
    #[error("{reason}")]
    Bad {
        /// Offset of the `$` in the text.
        offset: usize,
        /// The expression or its beginning.
        expression: String,
        /// Why.
        reason: String,
    },
    /// `${NAME:?message}` without a value.
    #[error("required variable {name} is missing a value: {message}")]
    Required {
        /// Offset of the `$` in the text.
        offset: usize,
        /// The variable.
        name: String,
        /// The expanded message.
        message: String,
    },
    /// Grown beyond [`LONGEST`].
    #[error("the text grows beyond {LONGEST} bytes")]
    TooLong {
        /// Offset of the `$` that was too much.
        offset: usize,
    },
}

impl TemplateError {
    /// Where in the text.
    pub fn offset(&self) -> usize {
        match self {
            Self::Bad { offset, .. } | Self::Required { offset, .. } | Self::TooLong { offset } => *offset,
        }
    }

    fn shifted(mut self, by: usize) -> Self {
        match &mut self {
            Self::Bad { offset, .. } | Self::Required { offset, .. } | Self::TooLong { offset } => *offset += by,
        }
        self
    }
}

/// Expands a text. `missing` hears of each variable without value and default, with the offset of its `$`.
pub fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut dyn FnMut(&str, usize),
) -> Result<String, TemplateError> {
    expand_at(text, lookup, missing, 0, 0)
}

fn expand_at(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut dyn FnMut(&str, usize),
    base: usize,
    depth: usize,
) -> Result<String, TemplateError> {
    if depth > DEEPEST {
        let reason = format!("expressions are nested deeper than {DEEPEST}");
        return Err(TemplateError::Bad { offset: base, expression: clip(text), reason });
    }
    let mut out = String::new();
    for piece in Pieces::of(text) {
        let piece = piece.map_err(|e| e.shifted(base))?;
        let mut offset = base;
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Plain(variable) => {
                offset += variable.offset;
                match lookup(variable.name) {
                    Some(value) => out.push_str(&value),
                    None => missing(variable.name, offset),
                }
            }
            Piece::Operated { variable, operator, empty_is_missing, word } => {
                offset += variable.offset;
                let value = lookup(variable.name).filter(|v| !(empty_is_missing && v.is_empty()));
                let word_base = base + (word.as_ptr() as usize - text.as_ptr() as usize);
                let mut expanded = || expand_at(word, lookup, missing, word_base, depth + 1);
                match (operator, value) {
                    (Operator::Default | Operator::Required, Some(value)) => out.push_str(&value),
                    (Operator::Default, None) | (Operator::Alternate, Some(_)) => out.push_str(&expanded()?),
                    (Operator::Alternate, None) => {}
                    (Operator::Required, None) => {
                        let message = expanded()?;
                        return Err(TemplateError::Required { offset, name: variable.name.into(), message });
                    }
                }
            }
        }
        if out.len() > LONGEST {
            return Err(TemplateError::TooLong { offset });
        }
    }
    Ok(out)
}

/// The parts of a text, in order. Ends after the first error.
pub struct Pieces<'a> {
    text: &'a str,
    /// Where the next piece begins.
    next: usize,
}

impl<'a> Pieces<'a> {
    /// The parts of this text.
    pub fn of(text: &'a str) -> Self {
        Self { text, next: 0 }
    }

    fn bad(&mut self, offset: usize, reason: impl Into<String>) -> TemplateError {
        self.next = self.text.len();
        let line = self.text[offset..].lines().next().unwrap_or_default();
        TemplateError::Bad { offset, expression: clip(line), reason: reason.into() }
    }

    /// Reads what stands between braces; `offset` is the `$`.
    fn braced(&mut self, offset: usize) -> Result<Piece<'a>, TemplateError> {
        let body = &self.text[offset + 2..];
        let name = name_at(body);
        let rest = &body[name.len()..];
        if name.is_empty() {
            return Err(self.bad(offset, "a variable's name must follow `${`"));
        }
        let variable = Variable { name, offset };
        if let Some(after) = rest.strip_prefix('}') {
            self.next = self.text.len() - after.len();
            return Ok(Piece::Plain(variable));
        }
        let (empty_is_missing, operation) = rest.strip_prefix(':').map_or((false, rest), |r| (true, r));
        let operator = match operation.chars().next() {
            Some('-') => Operator::Default,
            Some('?') => Operator::Required,
            Some('+') => Operator::Alternate,
            None => return Err(self.bad(offset, "the closing `}` is missing")),
            Some('=') => return Err(self.bad(offset, "a default is written `:-`, not `=`")),
            Some(other) => {
                let reason = format!("`}}` or one of `:-`, `-`, `:?`, `?`, `:+`, `+` is expected, not `{other}`");
                return Err(self.bad(offset, reason));
            }
        };
        let word = &operation[1..];
        let Some(end) = closing(word) else {
            return Err(self.bad(offset, "the closing `}` is missing"));
        };
        self.next = self.text.len() - word.len() + end + 1;
        Ok(Piece::Operated { variable, operator, empty_is_missing, word: &word[..end] })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, TemplateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.next..];
        if rest.is_empty() {
            return None;
        }
        let start = self.next;
        let Some(dollar) = rest.find('$') else {
            self.next = self.text.len();
            return Some(Ok(Piece::Text(rest)));
        };
        if dollar > 0 {
            self.next += dollar;
            return Some(Ok(Piece::Text(&rest[..dollar])));
        }
        let after = &rest[1..];
        let name = name_at(after);
        if after.starts_with('{') {
            Some(self.braced(start))
        } else if after.starts_with('$') {
            self.next = start + 2;
            Some(Ok(Piece::Text(&after[..1])))
        } else if name.is_empty() {
            self.next = start + 1;
            Some(Ok(Piece::Text(&rest[..1])))
        } else {
            self.next = start + 1 + name.len();
            Some(Ok(Piece::Plain(Variable { name, offset: start })))
        }
    }
}

/// The name that a text begins with; empty where there is none.
fn name_at(text: &str) -> &str {
    let first = text.as_bytes().first().copied().unwrap_or_default();
    if !(first.is_ascii_alphabetic() || first == b'_') {
        return "";
    }
    let end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(text.len());
    &text[..end]
}

/// The brace that closes a word: braces inside are counted; where they do not add up, the last one on the line counts,
/// as Compose reads `${A:-{}`.
fn closing(word: &str) -> Option<usize> {
    let mut open = 1usize;
    for (at, byte) in word.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    word.lines().next()?.rfind('}')
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("a".into()),
            "EMPTY" => Some(String::new()),
            "DOLLAR" => Some("$A".into()),
            _ => None,
        }
    }

    fn expanded(text: &str) -> Result<String, TemplateError> {
        expand(text, &env, &mut |_, _| {})
    }

    #[test]
    fn every_form() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A ${A} $A.b ${A}b", "a a a.b ab"),
            ("$$A $$ $${A}", "$A $ ${A}"),
            ("$1 $ $. a$", "$1 $ $. a$"),
            ("$UNSET|${UNSET}", "|"),
            ("${A:-d} ${EMPTY:-d} ${UNSET:-d}", "a d d"),
            ("${A-d} ${EMPTY-d} ${UNSET-d}", "a  d"),
            ("${A:?e}${A?e}${EMPTY?e}", "aa"),
            ("${A:+r}|${EMPTY:+r}|${UNSET:+r}", "r||"),
            ("${A+r}|${EMPTY+r}|${UNSET+r}", "r|r|"),
            ("${UNSET:-x${UNSET:-y$A}z}", "xyaz"),
            ("${UNSET:-{}} ${UNSET:-{ \"k\": {} }}", "{} { \"k\": {} }"),
            ("${UNSET:-{} z", "{ z"),
            ("${UNSET:-a$$b}", "a$b"),
            ("${UNSET:-a:-b?c}", "a:-b?c"),
            ("${UNSET-http://x:80/?q=1}", "http://x:80/?q=1"),
            ("${UNSET:-line\nbreak}", "line\nbreak"),
            ("$DOLLAR", "$A"),
            ("é$A日${A}", "éa日a"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn wrong_forms_say_where() {
        for (text, at, part) in [
            ("x ${}", 2, "name must follow"),
            ("${1A}", 0, "name must follow"),
            ("ab${A", 2, "closing"),
            ("${A:-x", 0, "closing"),
            ("${A B}", 0, "is expected"),
            ("${A:=b}", 0, "written `:-`"),
            ("${UNSET:-x${B!}}", 10, "is expected"),
        ] {
            let error = expanded(text).unwrap_err();
            assert_eq!(error.offset(), at, "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn required_variables_give_their_message() {
        let error = expanded("x${UNSET:?set $A please}").unwrap_err();
        let expected = TemplateError::Required { offset: 1, name: "UNSET".into(), message: "set a please".into() };
        assert_eq!(error, expected);
        assert!(expanded("${EMPTY:?e}").is_err());
        assert!(expanded("${UNSET?}").is_err());
    }

    #[test]
    fn depth_and_growth_are_bounded() {
        let deep = format!("{}x{}", "${U:-".repeat(5000), "}".repeat(5000));
        assert!(expanded(&deep).unwrap_err().to_string().contains("nested deeper"));
        let big = "b".repeat(1 << 20);
        let many = "$B".repeat(1000);
        let error = expand(&many, &|_| Some(big.clone()), &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, TemplateError::TooLong { .. }));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[$]?([$]|[{]|[}]|:|-|[?]|[+]|A|U|é|\n| ){0,24}") {
            let _ = expanded(&text);
        }

        #[test]
        fn without_a_dollar_sign_nothing_changes(text in "[^$]*") {
            prop_assert_eq!(expanded(&text).unwrap(), text);
        }

        #[test]
        fn doubled_dollar_signs_give_the_text_back(text in ".*") {
            prop_assert_eq!(expanded(&text.replace('$', "$$")).unwrap(), text);
        }
    }
}
