//! The tree that every phase of loading works on: YAML's data with the place each part came from.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::scalar;

/// One file (or other text) that was read, kept whole so that errors can show the line.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// As shown to the user: relative to the current directory where that is shorter.
    pub path: PathBuf,
    /// The text as decoded, without a byte order mark.
    pub text: String,
}

/// Where a node was written. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file; `None` for what no file says (defaults, command line, environment).
    pub source: Option<Arc<Source>>,
    /// Byte offset of the first character in `source.text`.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl At {
    /// The place of what no file says.
    pub const fn nowhere() -> Self {
        Self { source: None, offset: 0, len: 0, line: 0, column: 0 }
    }
}

/// What a tag asks of the merge phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeTag {
    /// `!reset`: the key is removed, or set back to its default.
    Reset,
    /// `!override`: replaces instead of merging.
    Override,
}

/// A YAML node with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The data.
    pub value: Value,
    /// Where it stands.
    pub at: At,
    /// `!reset` or `!override`, where given.
    pub tag: Option<MergeTag>,
}

/// YAML's data, resolved by the 1.2 core schema (with Compose's reading of `yes`/`no` as strings).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole numbers.
    Int(i64),
    /// Other numbers; the text is kept, so that `1.10` as a string stays `1.10`.
    Float(f64, String),
    /// Everything else that is scalar.
    String(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file. Keys are strings: others are refused by the parser.
    Map(IndexMap<String, Entry>),
}

/// A mapping's value, with the place of its key for "unknown key" errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key_at: At,
    /// The value.
    pub node: Node,
}

/// A mapping's entries, in the order of the file.
pub type Map = IndexMap<String, Entry>;

impl Value {
    /// What it is, with its article, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(..) => "a number",
            Self::String(_) => "a string",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar's text as Compose prints it (`0x10` is `16`, `1.10` is `1.1`); `None` for lists, mappings and null.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::String(text) => Some(text.clone()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value, text) => Some(scalar::float_text(*value, text)),
            Self::Null | Self::Seq(_) | Self::Map(_) => None,
        }
    }
}

impl Node {
    /// A node without a tag.
    pub const fn new(value: Value, at: At) -> Self {
        Self { value, at, tag: None }
    }

    /// A string.
    pub fn string(text: impl Into<String>, at: At) -> Self {
        Self::new(Value::String(text.into()), at)
    }

    /// An empty mapping.
    pub fn empty_map(at: At) -> Self {
        Self::new(Value::Map(Map::new()), at)
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = &self.value { Some(*value) } else { None }
    }

    /// The whole number, if it is one.
    pub const fn as_int(&self) -> Option<i64> {
        if let Value::Int(value) = &self.value { Some(*value) } else { None }
    }

    /// The entries, if it is a mapping.
    pub const fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The entries to change, if it is a mapping.
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// The items, if it is a list.
    pub const fn as_seq(&self) -> Option<&Vec<Self>> {
        if let Value::Seq(items) = &self.value { Some(items) } else { None }
    }

    /// The items to change, if it is a list.
    pub const fn as_seq_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Value::Seq(items) = &mut self.value { Some(items) } else { None }
    }

    /// A mapping's value under a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// A mapping's value under a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.node)
    }

    /// Sets a key of a mapping; does nothing to what is no mapping. A key that is there keeps its place in the order.
    pub fn set(&mut self, key: &str, node: Self) {
        if let Some(map) = self.as_map_mut() {
            if let Some(entry) = map.get_mut(key) {
                entry.node = node;
            } else {
                map.insert(key.to_owned(), Entry { key_at: node.at.clone(), node });
            }
        }
    }

    /// Takes a key out of a mapping.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        self.as_map_mut()?.shift_remove(key)
    }

    /// Entries of the mapping under `key`; nothing where there is none.
    pub fn entries(&self, key: &str) -> impl Iterator<Item = (&String, &Entry)> {
        self.get(key).and_then(Self::as_map).into_iter().flatten()
    }

    /// Entries of the mapping under `key`, to change.
    pub fn entries_mut(&mut self, key: &str) -> impl Iterator<Item = (&String, &mut Entry)> {
        self.get_mut(key).and_then(Self::as_map_mut).into_iter().flatten()
    }

    /// The same data as JSON; whole numbers stay whole.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value, text) => scalar::float_json(*value, text),
            Value::String(text) => text.clone().into(),
            Value::Seq(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(map) => map
                .iter()
                .map(|(key, entry)| (key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}
