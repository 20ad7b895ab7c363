//! JSON with comments and trailing commas → the tree that all of the spec's rooms work on, with places.

use std::sync::Arc;

use jsonc_parser::ast::{self, ObjectProp};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::spec::decode::at_offset;
use crate::spec::error::{Fault, Problem, SpecError};
use crate::spec::node::{At, Entry, Map, Node, Source, Value};
use crate::spec::parse::{MAX_DEPTH, MAX_NODES};

/// What editors accept in a `devcontainer.json`, and nothing of JSON5 beyond.
fn dialect() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Reads a file's text; an empty one is an error.
pub fn parse(source: &Arc<Source>) -> Result<Node, SpecError> {
    let parsed = parse_to_ast(&source.text, &CollectOptions::default(), &dialect());
    let parsed = parsed.map_err(|error| {
        let at = place(source, error.range());
        wrong(error.kind().to_string(), &at)
    })?;
    let Some(value) = parsed.value else {
        return Err(wrong("the file is empty".into(), &at_offset(source, 0, 0)));
    };
    let mut reader = Reader { source, nodes_left: MAX_NODES, reached: (0, 1, 1) };
    reader.node(&value, 0)
}

fn wrong(reason: String, at: &At) -> SpecError {
    let help = "check commas, quotes and brackets around this place; comments and trailing commas are fine";
    Problem::new(Fault::NotJson(reason), at).help(help).into()
}

fn place(source: &Arc<Source>, range: Range) -> At {
    let mut start = range.start.min(source.text.len());
    while !source.text.is_char_boundary(start) {
        start -= 1;
    }
    at_offset(source, start, range.end.saturating_sub(start))
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    nodes_left: usize,
    /// Offset, line and column of the last place: values come in the order of the text, so each character is counted once.
    reached: (usize, usize, usize),
}

impl Reader<'_> {
    fn place(&mut self, range: Range) -> At {
        let (offset, mut line, mut column) = self.reached;
        let text = &self.source.text;
        let Some(passed) = text.get(offset..range.start) else { return place(self.source, range) };
        match passed.rfind('\n') {
            Some(newline) => {
                line += passed.bytes().filter(|byte| *byte == b'\n').count();
                column = passed[newline + 1..].chars().count() + 1;
            }
            None => column += passed.chars().count(),
        }
        self.reached = (range.start, line, column);
        let source = Some(Arc::clone(self.source));
        At { source, offset: range.start, len: range.end.saturating_sub(range.start), line, column }
    }

    fn node(&mut self, value: &ast::Value<'_>, depth: usize) -> Result<Node, SpecError> {
        let at = self.place(value.range());
        if depth > MAX_DEPTH {
            let fault = Fault::Limit { what: "the nesting".into(), limit: format!("{MAX_DEPTH} levels") };
            return Err(SpecError::new(fault, &at));
        }
        self.nodes_left = self.nodes_left.checked_sub(1).ok_or_else(|| {
            let fault = Fault::Limit { what: "the file".into(), limit: format!("{MAX_NODES} values") };
            SpecError::new(fault, &at)
        })?;
        let value = match value {
            ast::Value::StringLit(text) => Value::String(text.value.clone().into_owned()),
            ast::Value::NumberLit(number) => number_of(number.value, &at)?,
            ast::Value::BooleanLit(boolean) => Value::Bool(boolean.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::Array(array) => {
                let items = array.elements.iter().map(|item| self.node(item, depth + 1));
                Value::Seq(items.collect::<Result<_, _>>()?)
            }
            ast::Value::Object(object) => Value::Map(self.entries(&object.properties, depth)?),
        };
        Ok(Node::new(value, at))
    }

    fn entries(&mut self, properties: &[ObjectProp<'_>], depth: usize) -> Result<Map, SpecError> {
        let mut map = Map::new();
        for property in properties {
            let key_at = self.place(property.name.range());
            let key = property.name.as_str().to_owned();
            let node = self.node(&property.value, depth + 1)?;
            if let Some(first) = map.get(&key) {
                let first: &Entry = first;
                let problem = Problem::new(Fault::DuplicateKey { key }, &key_at);
                return Err(problem.also(&first.key_at, "first given").into());
            }
            map.insert(key, Entry { key_at, node });
        }
        Ok(map)
    }
}

fn number_of(text: &str, at: &At) -> Result<Value, SpecError> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Value::Int(whole));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Float(number, text.to_owned())),
        _ => Err(wrong(format!("{text} is no number that can be represented"), at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn read(text: &str) -> Result<Node, SpecError> {
        parse(&Arc::new(Source { path: PathBuf::from("devcontainer.json"), text: text.to_owned() }))
    }

    #[test]
    fn comments_and_trailing_commas_are_fine_and_places_are_kept() {
        let node = read("// a\n{\n  /* b */ \"image\": \"x\", // c\n  \"ports\": [1, 2.5,],\n}\n").unwrap();
        assert_eq!(node.to_json(), serde_json::json!({"image": "x", "ports": [1, 2.5]}));
        let image = &node.as_map().unwrap()["image"];
        assert_eq!((image.key_at.line, image.key_at.column), (3, 11));
        assert_eq!((image.node.at.line, image.node.at.column), (3, 20));
    }

    #[test]
    fn what_is_no_such_json_is_refused_with_its_place() {
        for (text, place, reason) in [
            ("", "devcontainer.json:1:1", "empty"),
            ("{\n \"a\": 1\n \"b\": 2 }", "devcontainer.json:2:8", "comma"),
            ("{ 'a': 1 }", "devcontainer.json:1:3", ""),
            ("{ \"a\": 1, \"a\": 2 }", "devcontainer.json:1:11", "twice"),
            ("{ \"a\": é }", "devcontainer.json:1:8", ""),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(place) && error.contains(reason), "{text}: {error}");
        }
        let deep = format!("{}{}", "[".repeat(400), "]".repeat(400));
        assert!(read(&deep).unwrap_err().to_string().contains("nesting"));
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
