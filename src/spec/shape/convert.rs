//! Conversions of single attributes.

use indexmap::IndexMap;

use super::super::error::SpecError;
use super::super::merge::texts;
use super::super::node::{Entry, Map, Node, Value};
use super::super::path::{below, index};
use super::super::scalar::float_value;
use super::super::words;
use super::{Kept, Shape, bad, wrong};
use crate::model::quantity::Span;

/// Converts a value that is not null; tells whether it says something.
pub fn convert(node: &mut Node, wanted: &Shape, path: &[&str]) -> Result<Kept, SpecError> {
    match wanted {
        Shape::Text => text(node, path).map(|()| node.as_str() != Some("")),
        Shape::Flag => flag(node, path),
        Shape::OptFlag => flag(node, path).map(|_| true),
        Shape::Whole => whole(node, path).map(|number| number != 0),
        Shape::OptWhole => whole(node, path).map(|_| true),
        Shape::Micros => micros(node, path),
        Shape::Number => number(node, path),
        Shape::Bytes => bytes(node, path),
        Shape::Span => span(node, path),
        Shape::OptSpan => span(node, path).map(|_| true),
        Shape::Command => command(node, path).map(|()| true),
        Shape::Test => test(node, path),
        Shape::Texts => strings(node, path),
        Shape::Labels => variables(node, path, true),
        Shape::Variables => variables(node, path, false),
        Shape::MultiTexts => multi_texts(node, path),
        Shape::Hosts => hosts(node, path),
        Shape::FileMode => file_mode(node, path).map(|()| true),
        Shape::Ulimit => ulimit(node, path).map(|()| true),
        Shape::Ssh => ssh(node),
        Shape::Count => count(node, path),
        Shape::Any | Shape::List(_) | Shape::Dict(_) | Shape::Record(_) => Ok(true),
    }
}

fn text(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    match node.value.text() {
        Some(text) => {
            node.value = Value::String(text);
            Ok(())
        }
        None => Err(wrong(node, path, "a string")),
    }
}

fn flag(node: &mut Node, path: &[&str]) -> Result<bool, SpecError> {
    let value = match &node.value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Some(true),
            "false" | "n" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    };
    let Some(value) = value else { return Err(bad(node, path, "it must be `true` or `false`")) };
    node.value = Value::Bool(value);
    Ok(value)
}

fn whole(node: &mut Node, path: &[&str]) -> Result<i64, SpecError> {
    let value = match &node.value {
        Value::Int(value) => Some(*value),
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and far within i64")]
        Value::Float(value, _) if value.fract() == 0.0 && value.abs() < 1e15 => Some(*value as i64),
        _ => None,
    };
    let Some(value) = value else { return Err(bad(node, path, "it must be a whole number")) };
    node.value = Value::Int(value);
    Ok(value)
}

fn micros(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    if let Some(span) = node.as_str().and_then(|text| text.parse::<Span>().ok()) {
        node.value = Value::Int(span.nanos() / 1_000);
    }
    whole(node, path).map(|number| number != 0)
}

fn number(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    let value = match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "numbers of CPUs are small")]
        Value::Int(value) => Some(*value as f64),
        Value::Float(value, _) => Some(*value),
        Value::String(text) => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
        _ => None,
    };
    let Some(value) = value else { return Err(bad(node, path, "it must be a number")) };
    node.value = float_value(value);
    Ok(value != 0.0)
}

fn bytes(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    let value = match &node.value {
        Value::Int(value) => Some(*value),
        Value::String(text) => size(text),
        Value::Float(value, _) => size(&value.to_string()),
        _ => None,
    };
    let Some(value) = value else {
        return Err(bad(node, path, "it must be a number of bytes, or a size such as `512m` or `2gb`"));
    };
    node.value = Value::String(value.to_string());
    Ok(value != 0)
}

/// `1.5g`, `512 MB`, `1024`: powers of 1024, whatever the suffix's spelling. `-1` is no limit.
pub fn size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let digits = text.rfind(|c: char| c.is_ascii_digit() || c == '.')? + 1;
    let (number, suffix) = text.split_at(digits);
    let suffix = suffix.trim_start_matches(' ').to_ascii_lowercase();
    let unit = suffix.strip_suffix("ib").or_else(|| suffix.strip_suffix('b')).unwrap_or(&suffix);
    let power = match unit {
        "" if suffix != "ib" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let number: f64 = number.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
    let bytes = number * 1024f64.powi(power);
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63, and parts of a byte are dropped")]
    (bytes < 9.2e18).then_some(bytes as i64)
}

fn span(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    let text = node.value.text().unwrap_or_default();
    let span: Span =
        text.parse().map_err(|_| bad(node, path, "it must be a duration such as `1m30s`, `500ms` or `2h`"))?;
    node.value = Value::String(span.to_string());
    Ok(!span.0.is_zero())
}

fn command(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    if let Value::String(line) = &node.value {
        let words = words::split(line).map_err(|reason| bad(node, path, reason))?.words;
        node.value = Value::Seq(words.into_iter().map(|word| Node::string(word, node.at.clone())).collect());
        return Ok(());
    }
    let Value::Seq(items) = &mut node.value else { return Err(wrong(node, path, "a string or a list of strings")) };
    items.iter_mut().enumerate().try_for_each(|(number, item)| text(item, &below(path, &index(number))))
}

fn test(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    if let Value::String(line) = &node.value {
        let words = ["CMD-SHELL".to_owned(), line.clone()];
        node.value = Value::Seq(words.map(|word| Node::string(word, node.at.clone())).into());
    }
    strings(node, path)
}

fn strings(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    if !matches!(node.value, Value::Seq(_) | Value::Map(_)) {
        let at = node.at.clone();
        let item = std::mem::replace(node, Node::new(Value::Null, at));
        node.value = Value::Seq(vec![item]);
    }
    let Value::Seq(items) = &mut node.value else { return Err(wrong(node, path, "a list of strings")) };
    for (number, item) in items.iter_mut().enumerate() {
        text(item, &below(path, &index(number)))?;
    }
    Ok(!items.is_empty())
}

fn variables(node: &mut Node, path: &[&str], nothing_is_empty: bool) -> Result<Kept, SpecError> {
    if let Value::Seq(items) = &node.value {
        let mut map = Map::with_capacity(items.len());
        for item in items {
            let text = item.value.text().unwrap_or_default();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Value::String(value.to_owned())),
                None => (text.as_str(), Value::Null),
            };
            if name.ends_with(char::is_whitespace) {
                return Err(bad(item, path, "there is a space before the `=`"));
            }
            map.insert(name.to_owned(), Entry { key_at: item.at.clone(), node: Node::new(value, item.at.clone()) });
        }
        node.value = Value::Map(map);
    }
    let Value::Map(map) = &mut node.value else { return Err(wrong(node, path, "a mapping or a list of `name=value`")) };
    for (key, entry) in map.iter_mut() {
        entry.node.tag = None;
        if !entry.node.is_null() {
            text(&mut entry.node, &below(path, key))?;
        } else if nothing_is_empty {
            entry.node.value = Value::String(String::new());
        }
    }
    Ok(!map.is_empty())
}

fn multi_texts(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    let Value::Map(map) = &mut node.value else { return Err(wrong(node, path, "a mapping")) };
    for (key, entry) in map.iter_mut() {
        strings(&mut entry.node, &below(path, key))?;
    }
    Ok(!map.is_empty())
}

fn hosts(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    let mut by_host: IndexMap<String, Vec<String>> = IndexMap::new();
    for item in texts(node) {
        let text = item.value.text().unwrap_or_default();
        let Some((host, addresses)) = text.split_once('=').or_else(|| text.split_once(':')) else {
            if node.as_map().is_some() {
                continue;
            }
            return Err(bad(&item, path, "it has to be `name=address`"));
        };
        if host.is_empty() || host.contains([':', '=']) {
            return Err(bad(&item, path, "the host's name is missing or holds `:` or `=`"));
        }
        let addresses = addresses
            .split(',')
            .map(|address| address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address).to_owned());
        by_host.entry(host.to_owned()).or_default().extend(addresses);
    }
    let mut all: Vec<String> = by_host
        .iter()
        .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}={address}")))
        .collect();
    all.sort();
    node.value = Value::Seq(all.into_iter().map(|text| Node::string(text, node.at.clone())).collect());
    Ok(!by_host.is_empty())
}

fn file_mode(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    let bits = match &node.value {
        Value::Int(bits) => Some(*bits),
        Value::String(text) => i64::from_str_radix(text.trim_start_matches("0o"), 8).ok(),
        _ => None,
    };
    let Some(bits) = bits else { return Err(bad(node, path, "it must be an octal mode such as `0440`")) };
    node.value = Value::String(format!("0{bits:o}"));
    Ok(())
}

fn ulimit(node: &mut Node, path: &[&str]) -> Result<(), SpecError> {
    if let Value::Map(map) = &mut node.value {
        for (key, entry) in map.iter_mut().filter(|(key, _)| !key.starts_with("x-")) {
            whole(&mut entry.node, &below(path, key))?;
        }
        return Ok(());
    }
    whole(node, path).map(|_| ())
}

#[expect(clippy::unnecessary_wraps, reason = "one of the conversions")]
fn ssh(node: &mut Node) -> Result<Kept, SpecError> {
    let Value::Map(map) = &node.value else { return Ok(true) };
    let keys = map.iter().map(|(id, entry)| {
        let text = entry.node.value.text().filter(|path| !path.is_empty());
        let text = text.map_or_else(|| id.clone(), |path| format!("{id}={path}"));
        Node::string(text, entry.key_at.clone())
    });
    let keys: Vec<Node> = keys.collect();
    let said = !keys.is_empty();
    node.value = Value::Seq(keys);
    Ok(said)
}

fn count(node: &mut Node, path: &[&str]) -> Result<Kept, SpecError> {
    if node.as_str().is_some_and(|text| text.eq_ignore_ascii_case("all")) {
        node.value = Value::Int(-1);
    }
    whole(node, path).map(|number| number != 0)
}
