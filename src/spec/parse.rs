//! Phase 1: text → trees. YAML 1.2 events become [`Node`]s with their places; anchors, aliases and merge keys are
//! resolved, within bounds that keep any file cheap: a file of some kilobytes can otherwise ask for terabytes.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::decode::at_offset;
use super::error::{Fault, Problem, SpecError};
use super::node::{At, Entry, Map, MergeTag, Node, Source, Value};
use super::scalar::resolve_plain;
use outdent::Outdents;
use places::Places;

mod outdent;
mod places;

/// How deep mappings and lists may stand in each other, aliases followed.
pub const MAX_DEPTH: usize = 96;
/// How many nodes a file may hold once its aliases are followed; long scalars count for more than one.
pub const MAX_NODES: usize = 200_000;
/// A scalar counts as one more node per so many bytes.
const BYTES_PER_NODE: usize = 256;

/// The documents of a file, in order; an empty file has none. Compose reads each as an override of those before it.
///
/// # Errors
/// Bad syntax, duplicate or non-string keys, unknown tags, aliases to nothing or to themselves, and the bounds above.
pub fn parse(source: &Arc<Source>) -> Result<Vec<Node>, SpecError> {
    let mut outdents = Outdents::default();
    let mut refused = None;
    loop {
        let text = outdents.moved(&source.text);
        let mut reader = Reader {
            parser: Parser::new_from_str(&text),
            places: Places::of(source, &outdents),
            anchors: HashMap::new(),
            nodes_left: MAX_NODES,
            scan_error: None,
        };
        let error = match documents(&mut reader) {
            Ok(documents) => return Ok(documents),
            Err(error) => error,
        };
        let Some(scan_error) = reader.scan_error.take() else { return Err(error) };
        let never_ends = reader.places.is_end(&scan_error) || outdents.has_moved(&scan_error);
        drop(reader);
        if !outdents.forgives(&source.text, &scan_error) {
            // a bracket or quote that is never closed: the first line that looked wrong is nearer to it than the end
            return Err(refused.filter(|_| never_ends).unwrap_or(error));
        }
        refused.get_or_insert(error);
    }
}

fn documents(reader: &mut Reader<'_>) -> Result<Vec<Node>, SpecError> {
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::DocumentStart(_) => reader.anchors.clear(),
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            content => {
                let node = reader.node(content, span, 0)?;
                if !node.is_null() {
                    documents.push(node);
                }
            }
        }
    }
    Ok(documents)
}

/// What an anchor names.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    places: Places<'a>,
    anchors: HashMap<usize, Anchored>,
    nodes_left: usize,
    /// What the parser refused the text for.
    scan_error: Option<ScanError>,
}

/// A mapping that is being read.
#[derive(Default)]
struct Entries {
    own: Map,
    /// The values of `<<`, with the place of that key.
    merged: Option<(At, Node)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, SpecError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(pair)) => Ok(Some(pair)),
            Some(Err(error)) => {
                let told = self.syntax(&error);
                self.scan_error = Some(error);
                Err(told)
            }
        }
    }

    /// The next event inside a collection, which cannot be the stream's end.
    fn inside(&mut self) -> Result<(Event<'a>, Span), SpecError> {
        self.next()?.ok_or_else(|| {
            let end = self.places.source.text.len();
            let at = at_offset(self.places.source, end, 0);
            SpecError::new(Fault::Syntax("the file ends in the middle of a collection".into()), &at)
        })
    }

    fn syntax(&self, error: &ScanError) -> SpecError {
        let mark = error.marker();
        let offset = self.places.byte(mark.index());
        let problem = Problem::new(Fault::Syntax(error.info().to_owned()), &at_offset(self.places.source, offset, 1));
        if error.info().contains("unknown anchor") {
            return problem.help("an alias `*NAME` needs its anchor `&NAME` before it, in the same file").into();
        }
        problem.into()
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, SpecError> {
        let at = self.places.at(span);
        if depth > MAX_DEPTH {
            let fault = Fault::Limit { what: "the nesting".into(), limit: format!("{MAX_DEPTH} levels") };
            return Err(SpecError::new(fault, &at));
        }
        self.spend(1, &at)?;
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(text.len() / BYTES_PER_NODE, &at)?;
                (anchor, scalar(&text, style, tag.as_deref(), at)?)
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = collection_tag(tag.as_deref(), "seq", &at)?;
                let items = self.items(depth)?;
                (anchor, Node { value: Value::Seq(items), at, tag })
            }
            Event::MappingStart(anchor, tag) => {
                let tag = collection_tag(tag.as_deref(), "map", &at)?;
                let map = self.mapping(depth)?;
                (anchor, Node { value: Value::Map(map), at, tag })
            }
            Event::Alias(id) => return self.alias(id, &at, depth),
            _ => return Err(SpecError::new(Fault::Syntax("a value is missing here".into()), &at)),
        };
        if anchor != 0 {
            let (nodes, depth) = extent(&node);
            // the copy that is kept for later aliases takes memory, too
            self.spend(nodes, &node.at)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, SpecError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.inside()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Map, SpecError> {
        let mut entries = Entries::default();
        loop {
            let (event, span) = self.inside()?;
            if event == Event::MappingEnd {
                return entries.merge();
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.inside()?;
            let value = self.node(event, span, depth + 1)?;
            entries.add(key, value, is_merge)?;
        }
    }

    fn alias(&mut self, id: usize, at: &At, depth: usize) -> Result<Node, SpecError> {
        let Some(anchored) = self.anchors.get(&id) else {
            let fault = Fault::Cycle { what: "alias", chain: vec!["the anchor".into(), "this alias inside it".into()] };
            return Err(SpecError::new(fault, at));
        };
        if depth + anchored.depth > MAX_DEPTH {
            let fault =
                Fault::Limit { what: "the nesting through aliases".into(), limit: format!("{MAX_DEPTH} levels") };
            return Err(SpecError::new(fault, at));
        }
        let nodes = anchored.nodes;
        self.spend(nodes, at)?;
        Ok(self.anchors[&id].node.clone())
    }

    fn spend(&mut self, nodes: usize, at: &At) -> Result<(), SpecError> {
        let Some(left) = self.nodes_left.checked_sub(nodes) else {
            let what = "the file, with its aliases followed,".into();
            let limit = format!("{MAX_NODES} values");
            return Err(Problem::new(Fault::Limit { what, limit }, at)
                .help("an alias repeats its whole anchor: use fewer of them, or smaller anchors")
                .into());
        };
        self.nodes_left = left;
        Ok(())
    }
}

impl Entries {
    fn add(&mut self, key: Node, value: Node, is_merge: bool) -> Result<(), SpecError> {
        if is_merge {
            if let Some((first, _)) = &self.merged {
                return Err(duplicate("<<", &key.at, first));
            }
            self.merged = Some((key.at, value));
            return Ok(());
        }
        let name = match key.value {
            Value::String(name) => name,
            other => {
                let shown = other.text().unwrap_or_default();
                let reason = format!("a key must be a string, but this one is {}", other.kind());
                let mut problem = Problem::new(Fault::BadKey(reason), &key.at);
                if !shown.is_empty() {
                    problem = problem.help(format!("put it in quotes: \"{shown}\""));
                }
                return Err(problem.into());
            }
        };
        if let Some(first) = self.own.get(&name) {
            return Err(duplicate(&name, &key.at, &first.key_at));
        }
        self.own.insert(name, Entry { key_at: key.at, node: value });
        Ok(())
    }

    /// Adds what `<<` brings: own keys win over merged ones, earlier merged mappings over later ones.
    fn merge(self) -> Result<Map, SpecError> {
        let Self { mut own, merged } = self;
        let Some((key_at, node)) = merged else { return Ok(own) };
        let sources = match node.value {
            Value::Seq(items) => items,
            value => vec![Node { value, at: node.at, tag: None }],
        };
        for source in sources {
            let Value::Map(map) = source.value else {
                let path = "<<".to_owned();
                let (expected, found) = ("a mapping or a list of mappings".into(), source.value.kind().into());
                return Err(SpecError::new(Fault::WrongType { path, expected, found }, &key_at));
            };
            for (key, entry) in map {
                own.entry(key).or_insert(entry);
            }
        }
        Ok(own)
    }
}

fn duplicate(key: &str, at: &At, first: &At) -> SpecError {
    Problem::new(Fault::DuplicateKey { key: key.to_owned() }, at).also(first, "first given").into()
}

/// How many nodes a tree has (long scalars count for more), and how many levels below its root.
fn extent(node: &Node) -> (usize, usize) {
    let grown = |(nodes, depth): (usize, usize), child: &Node| {
        let below = extent(child);
        (nodes + below.0, depth.max(below.1 + 1))
    };
    match &node.value {
        Value::Seq(items) => items.iter().fold((1, 0), grown),
        Value::Map(map) => map.values().map(|entry| &entry.node).fold((1, 0), grown),
        Value::String(text) => (1 + text.len() / BYTES_PER_NODE, 0),
        _ => (1, 0),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: At) -> Result<Node, SpecError> {
    if let Some(merge) = merge_tag(tag) {
        return Ok(Node { value: resolve(text, style), at, tag: Some(merge) });
    }
    let value = match tag {
        None => resolve(text, style),
        Some(tag) if tag.is_yaml_core_schema() => core_tag(text, &tag.suffix, &at)?,
        Some(tag) if tag.suffix.is_empty() || tag.suffix == "!" => Value::String(text.to_owned()),
        Some(tag) => return Err(unknown_tag(tag, &at)),
    };
    Ok(Node::new(value, at))
}

fn resolve(text: &str, style: ScalarStyle) -> Value {
    if style == ScalarStyle::Plain { resolve_plain(text) } else { Value::String(text.to_owned()) }
}

/// `!!str` and its like: what the tag says, where the text can be read so.
fn core_tag(text: &str, name: &str, at: &At) -> Result<Value, SpecError> {
    let plain = resolve_plain(text);
    match (name, plain) {
        ("str", _) => Ok(Value::String(text.to_owned())),
        ("int", value @ Value::Int(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null)
        | ("float", value @ Value::Float(..)) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "the spec asks for a float")]
        ("float", Value::Int(value)) => Ok(Value::Float(value as f64, text.to_owned())),
        ("int" | "bool" | "null" | "float", _) => {
            let fault = Fault::Syntax(format!("the tag !!{name} does not fit this value"));
            Err(SpecError::new(fault, at))
        }
        _ => Err(unknown_tag(&Tag { handle: "!!".into(), suffix: name.into() }, at)),
    }
}

fn collection_tag(tag: Option<&Tag>, own: &str, at: &At) -> Result<Option<MergeTag>, SpecError> {
    match tag {
        None => Ok(None),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == own => Ok(None),
        Some(other) => match merge_tag(tag) {
            Some(merge) => Ok(Some(merge)),
            None => Err(unknown_tag(other, at)),
        },
    }
}

fn merge_tag(tag: Option<&Tag>) -> Option<MergeTag> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    match tag.suffix.as_str() {
        "reset" => Some(MergeTag::Reset),
        "override" => Some(MergeTag::Override),
        _ => None,
    }
}

fn unknown_tag(tag: &Tag, at: &At) -> SpecError {
    let name = format!("{}{}", tag.handle, tag.suffix);
    Problem::new(Fault::Syntax(format!("unknown tag {name}")), at)
        .help("the tags of a spec are `!reset` and `!override`; remove any other")
        .into()
}

#[cfg(test)]
mod tests;
