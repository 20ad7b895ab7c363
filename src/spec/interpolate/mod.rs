//! Phase: variables in values become text. Keys stay as they are, as in Compose.
//!
//! After it, the values that the specification types as numbers or booleans are cast ([`cast`]), since
//! `replicas: ${N}` gives a string first.

mod cast;
#[cfg(test)]
mod reference;
pub mod template;

use std::collections::BTreeSet;

use super::error::{Fault, MOST_PROBLEMS, Problem, SpecError, Warning};
use super::excerpt::quoted;
use super::node::{At, Node, Value};
use template::{Operator, Piece, Pieces, TemplateError};

/// What all values of one spec together may grow to.
const GROWN_AT_MOST: usize = 32 << 20;

/// Expands every value of a tree in place, and casts what the specification types.
/// Gives one warning for each variable that has neither value nor default; all errors are told at once.
pub fn interpolate(node: &mut Node, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Warning>, SpecError> {
    let mut work = Work { lookup, warned: BTreeSet::new(), warnings: Vec::new(), problems: Vec::new(), grown: 0 };
    work.walk(node);
    cast::cast(node, &mut work.warnings, &mut work.problems);
    match SpecError::collect(work.problems) {
        Some(error) => Err(error),
        None => Ok(work.warnings),
    }
}

struct Work<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warned: BTreeSet<String>,
    warnings: Vec<Warning>,
    problems: Vec<Problem>,
    grown: usize,
}

impl Work<'_> {
    fn walk(&mut self, node: &mut Node) {
        if self.problems.len() > MOST_PROBLEMS || self.grown > GROWN_AT_MOST {
            return;
        }
        match &mut node.value {
            Value::String(text) if text.contains('$') => {
                if let Some(expanded) = self.expand(text, &node.at) {
                    *text = expanded;
                }
            }
            Value::Seq(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Map(entries) => entries.values_mut().for_each(|entry| self.walk(&mut entry.node)),
            _ => {}
        }
    }

    fn expand(&mut self, text: &str, at: &At) -> Option<String> {
        let (warned, warnings) = (&mut self.warned, &mut self.warnings);
        let expanded = template::expand(text, self.lookup, &mut |name, offset| {
            if warned.insert(name.to_owned()) {
                let message = format!("the variable {} is not set; it becomes an empty text", quoted(name));
                let help = format!("set it in the `.env` file, or give a default: ${{{name}:-…}}");
                warnings.push(Warning::new(message, &inside(at, text, offset)).help(help));
            }
        });
        let expanded = expanded.and_then(|out| {
            self.grown += out.len();
            if self.grown > GROWN_AT_MOST { Err(TemplateError::TooLong { offset: 0 }) } else { Ok(out) }
        });
        match expanded {
            Ok(out) => Some(out),
            Err(error) => {
                let place = inside(at, text, error.offset());
                self.problems.push(Problem::new(fault(error), &place));
                None
            }
        }
    }
}

/// A template's error as a spec's.
pub(super) fn fault(error: TemplateError) -> Fault {
    match error {
        TemplateError::Bad { expression, reason, .. } => Fault::Interpolation { expression, reason },
        TemplateError::Required { name, message, .. } => Fault::RequiredVariable { name, message },
        TemplateError::TooLong { .. } => {
            Fault::Limit { what: "the text after interpolation".into(), limit: format!("{} MiB", GROWN_AT_MOST >> 20) }
        }
    }
}

/// The place of the `$` at `offset` of a value. The value is the decoded text (without quotes, folded, unescaped), so
/// the dollar signs are counted: they stand in the file in the same order.
fn inside(at: &At, value: &str, offset: usize) -> At {
    let count = value[..offset].matches('$').count();
    let Some(source) = &at.source else { return at.clone() };
    let end = at.offset.saturating_add(at.len).min(source.text.len());
    let Some(written) = source.text.get(at.offset..end) else { return at.clone() };
    let Some((index, _)) = written.match_indices('$').nth(count) else { return at.clone() };
    let before = &written[..index];
    let line = at.line + before.matches('\n').count();
    let column = match before.rfind('\n') {
        Some(newline) => before[newline + 1..].chars().count() + 1,
        None => at.column + before.chars().count(),
    };
    At { source: at.source.clone(), offset: at.offset + index, len: expression_len(&written[index..]), line, column }
}

/// Bytes of the expression that a text begins with, on its first line.
fn expression_len(text: &str) -> usize {
    let line = text.lines().next().unwrap_or_default();
    if !line.starts_with("${") {
        let name = line[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        return name.map_or(line.len(), |n| n + 1);
    }
    line.find('}').map_or(line.len(), |n| n + 1)
}

/// A variable that a spec asks for, as `config --variables` lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct VariableUse {
    /// The name.
    pub name: String,
    /// Must have a value (`?`).
    pub required: bool,
    /// The text behind `-`, not expanded.
    pub default: String,
    /// The text behind `+`, not expanded.
    pub alternate: String,
}

/// The variables of a tree that was not interpolated, in the order of the file, each once: the last use counts, as in
/// Compose. Expressions that can't be read are left to [`interpolate`].
pub fn variables(node: &Node) -> Vec<VariableUse> {
    let mut found: indexmap::IndexMap<String, VariableUse> = indexmap::IndexMap::new();
    collect(node, &mut |text| variables_of(text, &mut found, 0));
    found.into_values().collect()
}

fn collect(node: &Node, hear: &mut dyn FnMut(&str)) {
    match &node.value {
        Value::String(text) => hear(text),
        Value::Seq(items) => items.iter().for_each(|item| collect(item, hear)),
        Value::Map(entries) => entries.values().for_each(|entry| collect(&entry.node, hear)),
        _ => {}
    }
}

fn variables_of(text: &str, found: &mut indexmap::IndexMap<String, VariableUse>, depth: usize) {
    if depth > template::DEEPEST {
        return;
    }
    for piece in Pieces::of(text).flatten() {
        let (name, used, word) = match piece {
            Piece::Text(_) => continue,
            Piece::Plain(variable) => (variable.name, VariableUse::default(), ""),
            Piece::Operated { variable, operator, word, .. } => {
                let mut used = VariableUse::default();
                match operator {
                    Operator::Default => word.clone_into(&mut used.default),
                    Operator::Alternate => word.clone_into(&mut used.alternate),
                    Operator::Required => used.required = true,
                }
                (variable.name, used, if operator == Operator::Required { "" } else { word })
            }
        };
        found.insert(name.to_owned(), VariableUse { name: name.to_owned(), ..used });
        variables_of(word, found, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::node::{Entry, Source};
    use super::*;

    /// A one-value tree: `image: <written>` with the value that the parser would have read.
    fn tree(written: &str, value: &str) -> Node {
        let text = format!("image: {written}\n");
        let source = Arc::new(Source { path: "compose.yaml".into(), text });
        let at = |offset, len, column| At { source: Some(Arc::clone(&source)), offset, len, line: 1, column };
        let node = Node { value: Value::String(value.into()), at: at(7, written.len(), 8), tag: None };
        let entry = Entry { key_at: at(0, 5, 1), node };
        Node { value: Value::Map([("image".to_owned(), entry)].into()), at: at(0, 0, 1), tag: None }
    }

    fn lookup(name: &str) -> Option<String> {
        (name == "TAG").then(|| "1.2".into())
    }

    fn image(node: &Node) -> &str {
        let Value::Map(entries) = &node.value else { panic!() };
        let Value::String(text) = &entries["image"].node.value else { panic!() };
        text
    }

    #[test]
    fn values_are_expanded_and_missing_ones_told_once() {
        let mut node = tree("web:$TAG-$NONE-$NONE", "web:$TAG-$NONE-$NONE");
        let warnings = interpolate(&mut node, &lookup).unwrap();
        assert_eq!(image(&node), "web:1.2--");
        assert_eq!(warnings.len(), 1);
        assert_eq!((warnings[0].at.line, warnings[0].at.column), (1, 17));
    }

    #[test]
    fn the_column_is_the_expressions_own() {
        for (written, value, line, column) in [
            ("a-${TAG}-${B", "a-${TAG}-${B", 1, 17),
            ("\"a\\t-${B\"", "a\t-${B", 1, 13),
            ("|\n  one $$\n  two ${B", "one $$\ntwo ${B\n", 3, 7),
        ] {
            let error = interpolate(&mut tree(written, value), &lookup).unwrap_err();
            let at = &error.problems()[0].at;
            assert_eq!((at.line, at.column), (line, column), "{written}");
        }
    }

    #[test]
    fn the_screen_marks_the_expression() {
        let error = interpolate(&mut tree("web:${TAG:?}${DB:?set DB}", "web:${TAG:?}${DB:?set DB}"), &lookup);
        insta::assert_snapshot!(error.unwrap_err().screen(false), @r"
        error: required variable `DB` is missing a value: set DB
         --> compose.yaml:1:20
          |
        1 | image: web:${TAG:?}${DB:?set DB}
          |                    ^^^^^^^^^^^^^
          help: set it: DB=… in the `.env` file beside the spec, or `export DB=…`
        ");
    }

    #[test]
    fn variables_are_listed() {
        let node = tree("", "${A:-x${B?}}$$C $A ${D+e}");
        let listed: Vec<_> =
            variables(&node).into_iter().map(|v| (v.name, v.required, v.default, v.alternate)).collect();
        let row = |n: &str, r, d: &str, a: &str| (n.to_owned(), r, d.to_owned(), a.to_owned());
        assert_eq!(listed, [row("A", false, "", ""), row("B", true, "", ""), row("D", false, "", "e")]);
    }
}
