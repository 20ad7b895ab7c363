//! A tree against the table.

use std::fmt::Write as _;

use super::super::error::{Fault, MOST_PROBLEMS, Problem};
use super::super::node::{At, Map, Node, Value};
use super::shape::{Form, Kinds, Object, Scalar, Shape};
use super::suggest;
use super::top::SPEC;

/// All problems of a spec, in the order of the file.
pub(super) fn check(root: &Node) -> Vec<Problem> {
    let mut check = Check { path: Vec::new(), problems: Vec::new() };
    match &root.value {
        Value::Map(map) => check.object(&SPEC, map, &root.at),
        other => check.wrong_type(&Shape::Object(&SPEC), other, &root.at),
    }
    check.problems
}

/// All problems of a document that is no spec, in the order of the file; `name` is what messages call it.
pub(super) fn object(table: &'static Object, root: &Node, name: &str) -> Vec<Problem> {
    let mut check = Check { path: vec![Step::Key(name)], problems: Vec::new() };
    match &root.value {
        Value::Map(map) => check.object(table, map, &root.at),
        other => check.wrong_type(&Shape::Object(table), other, &root.at),
    }
    check.problems
}

/// The unknown keys of a part of a spec, wherever they stand in it.
pub(super) fn unknown_keys(shape: &'static Shape, part: &Node, path: &str) -> Vec<Problem> {
    let mut check = Check { path: vec![Step::Key(path)], problems: Vec::new() };
    check.node(shape, part, &part.at);
    check.problems.retain(|problem| matches!(*problem.fault, Fault::UnknownKey { .. }));
    check.problems
}

struct Check<'a> {
    path: Vec<Step<'a>>,
    problems: Vec<Problem>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Check<'a> {
    /// `services.web.ports[0]`; `the spec` at the top.
    fn path(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if out.is_empty() => out.push_str(key),
                Step::Key(key) => {
                    out.push('.');
                    out.push_str(key);
                }
                Step::Index(index) => {
                    let _ = write!(out, "[{index}]");
                }
            }
        }
        if out.is_empty() { "the spec".into() } else { out }
    }

    fn report(&mut self, fault: Fault, at: &At, help: Option<String>) {
        let problem = Problem::new(fault, at);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// `here` is the place of the key that holds the node, or of the node itself.
    fn node(&mut self, shape: &'static Shape, node: &'a Node, here: &At) {
        if self.problems.len() > MOST_PROBLEMS {
            return;
        }
        let Some(shape) = of_kind(shape, &node.value) else {
            let at = if node.is_null() { here } else { &node.at };
            return self.wrong_type(shape, &node.value, at);
        };
        match (shape, &node.value) {
            (Shape::List(of), Value::Seq(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.node(of, item, &item.at);
                    self.path.pop();
                }
            }
            (Shape::Names { what, strict, of }, Value::Map(map)) => self.names(what, *strict, of, map),
            (Shape::Object(object), Value::Map(map)) => self.object(object, map, here),
            (Shape::Scalar(scalar), _) => self.scalar(scalar, node),
            _ => {}
        }
    }

    fn names(&mut self, what: &str, strict: bool, of: &'static Shape, map: &'a Map) {
        for (key, entry) in map {
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if strict && (key.is_empty() || !key.chars().all(good)) {
                let reason = format!("a {what}'s name has only letters, digits, `.`, `_` and `-`");
                let help = "rename it".to_owned();
                let fault = Fault::BadValue { path: self.path(), value: key.clone(), reason };
                self.report(fault, &entry.key_at, Some(help));
            }
            self.path.push(Step::Key(key));
            self.node(of, &entry.node, &entry.key_at);
            self.path.pop();
        }
    }

    fn object(&mut self, object: &'static Object, map: &'a Map, here: &At) {
        for (name, entry) in map {
            if self.problems.len() > MOST_PROBLEMS {
                return;
            }
            if let Some(key) = object.keys.iter().find(|key| key.name == name) {
                self.path.push(Step::Key(name));
                self.node(key.shape, &entry.node, &entry.key_at);
                self.path.pop();
            } else if !name.starts_with("x-") {
                let fault = Fault::UnknownKey { key: name.clone(), path: self.path() };
                let help = suggest::for_unknown_key(object, name, &entry.node);
                self.report(fault, &entry.key_at, help);
            }
        }
        for key in object.required.iter().filter(|key| !map.contains_key(**key)) {
            let shape = object.keys.iter().find(|k| k.name == *key).map(|k| k.shape);
            let help = shape.map(|shape| format!("add `{key}: {}`", example(shape)));
            self.report(Fault::MissingKey { path: self.path(), key: (*key).to_owned() }, here, help);
        }
    }

    fn scalar(&mut self, scalar: &Scalar, node: &Node) {
        let Some(text) = node.value.text() else { return };
        if text.contains('$') && matches!(node.value, Value::String(_)) {
            // an expression that was left in on purpose (`config --no-interpolate`)
            return;
        }
        let bad = |reason: String| Fault::BadValue { path: self.path(), value: text.clone(), reason };
        match scalar.form {
            Form::Free => {}
            Form::Words(words) if words.contains(&text.as_str()) => {}
            Form::Words(words) => {
                let fault = bad(format!("it is none of {}", words.join(", ")));
                let part = || words.iter().copied().find(|word| text.len() > 2 && word.contains(&text));
                let meant = suggest::nearest(&text, words.iter().copied()).or_else(part);
                let help = meant.map(|word| format!("did you mean `{word}`?"));
                self.report(fault, &node.at, help.or_else(|| Some(format!("write one of {}", words.join(", ")))));
            }
            Form::Range(least, most) => {
                let reason = match text.parse::<i64>() {
                    Ok(number) if (least..=most).contains(&number) => return,
                    Ok(_) if most == i64::MAX => format!("it must be {least} or more"),
                    Ok(_) => format!("it must be from {least} to {most}"),
                    Err(_) => "it is not a whole number".to_owned(),
                };
                let fault = bad(reason.clone());
                let range = reason.trim_start_matches("it must be ");
                let help = if range == reason { "write a whole number" } else { &format!("write a number {range}") };
                self.report(fault, &node.at, Some(help.to_owned()));
            }
            Form::Checked(check) => {
                if let Err(reason) = check(&text) {
                    let help =
                        (!scalar.example.is_empty()).then(|| format!("for example: {}", self.shown(scalar.example)));
                    let fault = bad(reason);
                    self.report(fault, &node.at, help);
                }
            }
        }
    }

    /// `key: example`, or `- example` in a list.
    fn shown(&self, example: &str) -> String {
        match self.path.last() {
            Some(Step::Key(key)) => format!("`{key}: {example}`"),
            None => format!("`{example}`"),
            Some(Step::Index(_)) => format!("`- {example}`"),
        }
    }

    fn wrong_type(&mut self, shape: &Shape, found: &Value, at: &At) {
        let expected = expected(shape).join(" or ");
        let help = match (found, found.text()) {
            (Value::Null, _) => {
                format!("give it a value, for example {}, or remove the key", self.shown(&example(shape)))
            }
            (_, Some(text)) if takes(shape, Kinds::STRING) => {
                format!("put it in quotes: {}", self.shown(&format!("\"{text}\"")))
            }
            (_, Some(text)) if item_takes(shape, found) => {
                let item = if matches!(found, Value::String(_)) { format!("{text:?}") } else { text };
                format!("write it as a list: {}", self.shown(&format!("[{item}]")))
            }
            (Value::String(text), _) if takes(shape, Kinds::BOOL) || takes(shape, Kinds::INT) => {
                format!("write it without quotes, for example {}; not {text:?}", self.shown(&example(shape)))
            }
            _ => format!("for example: {}", self.shown(&example(shape))),
        };
        let fault = Fault::WrongType { path: self.path(), expected, found: found.kind().into() };
        self.report(fault, at, Some(help));
    }
}

/// The shape, or the one of its forms, that takes this kind of value.
fn of_kind(shape: &'static Shape, value: &Value) -> Option<&'static Shape> {
    let fits = match (shape, value) {
        (Shape::Either(forms), _) => return forms.iter().find_map(|form| of_kind(form, value)),
        (Shape::Any, _) | (Shape::List(_), Value::Seq(_)) | (Shape::Names { .. } | Shape::Object(_), Value::Map(_)) => {
            true
        }
        (Shape::Scalar(scalar), value) => kind(value).is_some_and(|kind| scalar.kinds.has(kind)),
        _ => false,
    };
    fits.then_some(shape)
}

/// The kind of a scalar.
fn kind(value: &Value) -> Option<Kinds> {
    Some(match value {
        Value::Null => Kinds::NULL,
        Value::Bool(_) => Kinds::BOOL,
        Value::Int(_) => Kinds::INT,
        Value::Float(number, _) if number.fract() == 0.0 => Kinds::INT,
        Value::Float(..) => Kinds::NUMBER,
        Value::String(_) => Kinds::STRING,
        Value::Seq(_) | Value::Map(_) => return None,
    })
}

fn takes(shape: &Shape, kinds: Kinds) -> bool {
    match shape {
        Shape::Scalar(scalar) => scalar.kinds.has(kinds),
        Shape::Either(forms) => forms.iter().any(|form| takes(form, kinds)),
        _ => false,
    }
}

/// Whether a list of this shape would take the scalar as an item.
fn item_takes(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::List(of) => kind(value).is_some_and(|kind| takes(of, kind)),
        Shape::Either(forms) => forms.iter().any(|form| item_takes(form, value)),
        _ => false,
    }
}

/// What a shape takes, in words.
fn expected(shape: &Shape) -> Vec<&'static str> {
    match shape {
        Shape::Any => vec!["anything"],
        Shape::Scalar(scalar) => scalar.kinds.names(),
        Shape::List(_) => vec!["a list"],
        Shape::Names { .. } | Shape::Object(_) => vec!["a mapping"],
        Shape::Either(forms) => {
            let mut all: Vec<_> = forms.iter().flat_map(|form| expected(form)).collect();
            all.dedup();
            all
        }
    }
}

/// Mappings whose first key says little.
const TYPICAL: &[(&str, &str)] = &[
    ("spec", "services: { web: { image: \"debian:12\" } }"),
    ("service", "{ image: \"debian:12\" }"),
    ("healthcheck", "{ test: curl -f http://localhost }"),
    ("deploy", "{ replicas: 2 }"),
    ("resources", "{ limits: { memory: 512M } }"),
    ("develop", "{ watch: [] }"),
    ("ipam", "{ config: [{ subnet: 172.28.0.0/16 }] }"),
    ("secret", "{ file: ./secret.txt }"),
    ("config", "{ file: ./config.txt }"),
    ("backup", "{ include: [certs/*.pem] }"),
    ("service_backup", "{ kind: sqlite, path: /data/app.db }"),
];

/// How a value of a shape is written.
pub(super) fn example(shape: &Shape) -> String {
    match shape {
        Shape::Any => "value".into(),
        Shape::Scalar(Scalar { form: Form::Words(words), .. }) => words[0].into(),
        Shape::Scalar(Scalar { form: Form::Range(least, _), example: "", .. }) => (*least).max(1).to_string(),
        Shape::Scalar(Scalar { example, .. }) if !example.is_empty() => {
            example.split(" or ").next().unwrap_or_default().into()
        }
        Shape::Scalar(scalar) if scalar.kinds.has(Kinds::BOOL) => "true".into(),
        Shape::Scalar(scalar) if scalar.kinds.has(Kinds::INT) => "1".into(),
        Shape::Scalar(_) => "text".into(),
        Shape::List(of) => format!("[{}]", example(of)),
        Shape::Names { what, of, .. } => format!("{{ {}: {} }}", what.to_uppercase(), example(of)),
        Shape::Object(object) => {
            if let Some((_, typical)) = TYPICAL.iter().find(|(name, _)| *name == object.name) {
                return (*typical).into();
            }
            let wanted = object.required.first().copied();
            let key = object.keys.iter().find(|key| wanted.is_none_or(|name| name == key.name));
            key.map_or_else(|| "{}".into(), |key| format!("{{ {}: {} }}", key.name, short_example(key.shape)))
        }
        Shape::Either(forms) => {
            let long = forms.iter().rfind(|form| !matches!(form, Shape::Scalar(s) if s.kinds == Kinds::NULL));
            let first = forms.iter().find(|form| !matches!(form, Shape::Scalar(s) if s.kinds == Kinds::NULL));
            first.or(long).map_or_else(|| "value".into(), |form| example(form))
        }
    }
}

/// As [`example`], but one level deep.
fn short_example(shape: &Shape) -> String {
    match shape {
        Shape::Object(_) | Shape::Names { .. } => "{ … }".into(),
        other => example(other),
    }
}
