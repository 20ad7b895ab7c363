//! Writes YAML as Docker Compose does: two spaces, lists indented, strings quoted only where they would be read as something else.

use std::fmt::Write;

use serde_json::Value;

use super::node;
use super::scalar::resolve_plain;

/// A JSON value as a YAML document.
pub fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0),
        Value::Array(items) if !items.is_empty() => list(&mut out, items, 0),
        scalar => {
            out.push_str(&flat(scalar, 0));
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, map: &serde_json::Map<String, Value>, depth: usize) {
    for (key, value) in map {
        indent(out, depth);
        entry(out, key, value, depth);
    }
}

fn entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    out.push_str(&one_line(key));
    out.push(':');
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(out, map, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            list(out, items, depth + 1);
        }
        scalar => {
            out.push(' ');
            out.push_str(&flat(scalar, depth + 1));
            out.push('\n');
        }
    }
}

fn list(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => {
                for (number, (key, value)) in map.iter().enumerate() {
                    if number > 0 {
                        indent(out, depth + 1);
                    }
                    entry(out, key, value, depth + 1);
                }
            }
            Value::Array(inner) if !inner.is_empty() => {
                let mut nested = String::new();
                list(&mut nested, inner, depth + 1);
                out.push_str(nested.trim_start());
            }
            scalar => {
                out.push_str(&flat(scalar, depth + 1));
                out.push('\n');
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// What fits behind a key: scalars and empty collections.
fn flat(value: &Value, depth: usize) -> String {
    match value {
        Value::String(string) => text(string, depth),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        other => other.to_string(),
    }
}

fn text(string: &str, depth: usize) -> String {
    if string.contains('\n') && is_block(string) {
        return block(string, depth);
    }
    one_line(string)
}

fn one_line(string: &str) -> String {
    if is_plain(string) {
        return string.to_owned();
    }
    let printable = string.chars().all(|c| !c.is_control() && c != '\u{feff}' && c != '\u{2028}' && c != '\u{2029}');
    if printable
        && matches!(resolve_plain(string), node::Value::String(_))
        && !is_old_word(string)
        && !is_old_number(string)
    {
        return format!("'{}'", string.replace('\'', "''"));
    }
    double_quoted(string)
}

/// Words that older readers take for booleans.
fn is_old_word(string: &str) -> bool {
    ["y", "yes", "on", "n", "no", "off"].contains(&string.to_ascii_lowercase().as_str())
}

/// Whether the string reads as itself without quotes.
fn is_plain(string: &str) -> bool {
    let Some(first) = string.chars().next() else { return false };
    let second = string.chars().nth(1);
    let starts_well = !"-?:,[]{}#&*!|>'\"%@`= 	<".contains(first)
        || (matches!(first, '-' | '?' | ':') && second.is_some_and(|c| !c.is_whitespace()));
    starts_well
        && !string.ends_with([' ', ':', '\t'])
        && !string.contains(": ")
        && !string.contains(" #")
        && !string.starts_with("---")
        && !string.starts_with("...")
        && string
            .chars()
            .all(|c| !c.is_control() && c != '\u{feff}' && c != '\u{2028}' && c != '\u{2029}' && c != '\u{85}')
        && matches!(resolve_plain(string), node::Value::String(_))
        && !is_old_word(string)
        && !is_old_number(string)
        && !looks_like_a_date(string)
}

/// Numbers to the base of 60, as older readers know them: `1:30`.
fn is_old_number(string: &str) -> bool {
    let mut parts = string.strip_prefix(['-', '+']).unwrap_or(string).split(':');
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let first = parts.next().is_some_and(|part| is_digits(part) && part.starts_with(|c: char| c.is_ascii_digit()));
    let rest: Vec<&str> = parts.collect();
    let is_sixtieth = |part: &&str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|number| number < 60);
    first && !rest.is_empty() && rest.iter().all(is_sixtieth)
}

/// Dates, which older readers turn into points in time.
fn looks_like_a_date(string: &str) -> bool {
    let mut parts = string.splitn(3, '-');
    let digits = |part: Option<&str>, count: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| count.contains(&part.bytes().take_while(u8::is_ascii_digit).count()))
    };
    digits(parts.next(), 4..=4) && digits(parts.next(), 1..=2) && digits(parts.next(), 1..=2)
}

/// Whether a literal block keeps the string: lines that are printable and do not begin or end with what a block would lose.
fn is_block(string: &str) -> bool {
    string.lines().all(|line| !line.ends_with([' ', '\t']) && line.chars().all(|c| c == '\t' || !c.is_control()))
        && !string.starts_with([' ', '\n', '\t'])
        && !string.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
}

fn block(string: &str, depth: usize) -> String {
    let trimmed = string.trim_end_matches('\n');
    let mut out = String::from(match string.len() - trimmed.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in trimmed.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(&mut out, depth.max(1));
            out.push_str(line);
        }
    }
    out.extend(std::iter::repeat_n('\n', (string.len() - trimmed.len()).saturating_sub(1)));
    out
}

fn double_quoted(string: &str) -> String {
    let mut out = String::from('"');
    for c in string.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                // writing to a string cannot fail
                let _ = write!(out, "\\U{:08X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{decode, parse};
    use super::*;

    fn read_back(text: &str) -> Value {
        let source = decode::decode(text.as_bytes(), Path::new("out.yaml")).unwrap();
        parse::parse(&source).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).to_json()
    }

    #[test]
    fn output_reads_as_compose_writes_it() {
        let value = json!({"a": {"command": ["echo", "x: y", "8080", "yes"], "n": null, "e": {}, "l": [], "i": 3},
            "list": [{"k": 1, "m": {"z": true}}, [1, [2]]], "text": "one\ntwo\n", "#": "- x"});
        let expected = "a:\n  command:\n    - echo\n    - 'x: y'\n    - \"8080\"\n    - \"yes\"\n  \"n\": null\n  e: {}\n  l: []\n  i: 3\n\
            list:\n  - k: 1\n    m:\n      z: true\n  - - 1\n    - - 2\ntext: |\n  one\n  two\n'#': '- x'\n";
        assert_eq!(yaml(&value), expected);
        assert_eq!(read_back(expected), value);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "([-:?#&*!|>'\"%@`,\\[\\]{} a0.\n\t=<~])\
{0,8}"
                .prop_map(Value::from),
            prop::sample::select(vec![
                "null",
                "true",
                "1e3",
                "0x1",
                "~",
                "<<",
                "2020-01-01",
                "on",
                "1_0",
                ".inf",
                "--- a"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[-a: #'\n]{0,4}", inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let document = json!({"value": value});
            prop_assert_eq!(read_back(&yaml(&document)), document);
        }
    }
}
