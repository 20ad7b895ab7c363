//! Phase 7: every attribute gets its type: sizes in bytes, durations in Go's notation, lists of `key=value` as mappings.
//! [`tables`] says which attribute has which shape, in the order in which Compose prints them.

mod convert;
pub mod tables;

pub use convert::size;

use super::error::{Fault, SpecError};
use super::node::{Map, Node, Value};
use super::path::{below, index, show};

/// What a value becomes.
#[derive(Debug)]
pub enum Shape {
    /// As it is.
    Any,
    /// A string; numbers and booleans become their text.
    Text,
    /// Left out where false.
    Flag,
    /// Kept also where false.
    OptFlag,
    /// Left out where 0.
    Whole,
    /// Kept also where 0.
    OptWhole,
    /// A fraction; left out where 0.
    Number,
    /// Microseconds: a number, or a duration.
    Micros,
    /// Bytes as a decimal string; left out where 0.
    Bytes,
    /// A duration; left out where 0.
    Span,
    /// A duration, kept also where 0.
    OptSpan,
    /// Words of a command; a string is split as a shell would. Kept also where empty.
    Command,
    /// A health check's test: a string is for the shell.
    Test,
    /// Strings; one alone is a list of one.
    Texts,
    /// Text by name; from `key=value`, and nothing is an empty text.
    Labels,
    /// Text by name; from `key=value`, and nothing stays nothing.
    Variables,
    /// Lists of text by name.
    MultiTexts,
    /// `name=address`, sorted.
    Hosts,
    /// Octal text.
    FileMode,
    /// One number, or a soft and a hard one.
    Ulimit,
    /// `id` or `id=path`.
    Ssh,
    /// A number, or `all` for -1.
    Count,
    /// Each item has the same shape.
    List(&'static Shape),
    /// Each value has the same shape; the keys are the user's.
    Dict(&'static Shape),
    /// Known keys, each with its shape.
    Record(&'static [(&'static str, Shape)]),
}

/// Gives the whole spec its types.
pub fn apply(spec: &mut Node) -> Result<(), SpecError> {
    shape(spec, &tables::SPEC, &[]).map(|_| ())
}

/// Whether the value says something, or can be left out.
type Kept = bool;

fn shape(node: &mut Node, wanted: &Shape, path: &[&str]) -> Result<Kept, SpecError> {
    node.tag = None;
    if node.is_null() {
        return Ok(false);
    }
    match wanted {
        Shape::Record(fields) => record(node, fields, path).map(|()| true),
        Shape::List(item) => list(node, item, path),
        Shape::Dict(value) => dict(node, value, path),
        scalar => convert::convert(node, scalar, path),
    }
}

fn record(node: &mut Node, fields: &[(&'static str, Shape)], path: &[&str]) -> Result<(), SpecError> {
    let Value::Map(map) = &mut node.value else { return Err(wrong(node, path, "a mapping")) };
    let mut rest = std::mem::take(map);
    let mut ordered = Map::with_capacity(rest.len());
    for (key, wanted) in fields {
        if let Some(mut entry) = rest.shift_remove(*key)
            && shape(&mut entry.node, wanted, &below(path, key))?
        {
            ordered.insert((*key).to_owned(), entry);
        }
    }
    ordered.extend(rest);
    node.value = Value::Map(ordered);
    Ok(())
}

fn list(node: &mut Node, item: &Shape, path: &[&str]) -> Result<Kept, SpecError> {
    let Value::Seq(items) = &mut node.value else { return Err(wrong(node, path, "a list")) };
    for (number, node) in items.iter_mut().enumerate() {
        shape(node, item, &below(path, &index(number)))?;
    }
    Ok(!items.is_empty())
}

fn dict(node: &mut Node, value: &Shape, path: &[&str]) -> Result<Kept, SpecError> {
    let Value::Map(map) = &mut node.value else { return Err(wrong(node, path, "a mapping")) };
    for (key, entry) in map.iter_mut() {
        if !key.starts_with("x-") || matches!(path, ["services"] | ["services", _, "depends_on"]) || path.len() == 1 {
            shape(&mut entry.node, value, &below(path, key))?;
        }
    }
    Ok(!map.is_empty())
}

fn wrong(node: &Node, path: &[&str], expected: &str) -> SpecError {
    let fault = Fault::WrongType { path: show(path), expected: expected.into(), found: node.value.kind().into() };
    SpecError::new(fault, &node.at)
}

fn bad(node: &Node, path: &[&str], reason: impl Into<String>) -> SpecError {
    let value = node.value.text().unwrap_or_else(|| node.value.kind().to_owned());
    SpecError::new(Fault::BadValue { path: show(path), value, reason: reason.into() }, &node.at)
}

#[cfg(test)]
mod tests;
