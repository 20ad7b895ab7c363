//! YAML with comments. Values go through the spec's own emitter, so that no text of a file can become structure;
//! comments lose everything that could end them.

use serde_json::{Value, json};

use crate::spec::emit;

/// Keys in their order, each with comments above it.
#[derive(Debug, Clone, Default)]
pub struct Section {
    entries: Vec<Entry>,
    pending: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    comments: Vec<String>,
    key: String,
    /// A YAML anchor; a service's name, of letters, digits, `-` and `_`.
    anchor: Option<String>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Value(Value),
    List(Vec<(Vec<String>, Value)>),
    Section(Section),
    /// `<<: *anchor`
    Merge(String),
    /// Comments without a key below them.
    Nothing,
}

/// Text of a file as a value in a spec: the loader shall see no variables in it.
pub fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

impl Section {
    /// A comment above the next key.
    pub fn note(&mut self, comment: impl Into<String>) -> &mut Self {
        self.pending.push(comment.into());
        self
    }

    /// A key with a value.
    pub fn put(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.push(key, None, Body::Value(value.into()))
    }

    /// A key with a list, each item with comments above it.
    pub fn list(&mut self, key: &str, items: Vec<(Vec<String>, Value)>) -> &mut Self {
        self.push(key, None, Body::List(items))
    }

    /// A key with keys below it.
    pub fn section(&mut self, key: &str, section: Section) -> &mut Self {
        self.push(key, None, Body::Section(section))
    }

    /// The same, under an anchor.
    pub fn anchored(&mut self, key: &str, anchor: &str, section: Section) -> &mut Self {
        self.push(key, Some(anchor.to_owned()), Body::Section(section))
    }

    /// Everything of an anchor's section.
    pub fn merge(&mut self, anchor: &str) -> &mut Self {
        self.push("", None, Body::Merge(anchor.to_owned()))
    }

    /// The comments noted so far stand by themselves.
    pub fn comments_only(&mut self) -> &mut Self {
        self.push("", None, Body::Nothing)
    }

    /// All of another section's keys.
    pub fn append(&mut self, other: Section) -> &mut Self {
        self.entries.extend(other.entries);
        self
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, key: &str, anchor: Option<String>, body: Body) -> &mut Self {
        let comments = std::mem::take(&mut self.pending);
        self.entries.push(Entry { comments, key: key.to_owned(), anchor, body });
        self
    }

    /// As a document; a blank line before each key of the top level that has keys below it.
    pub fn document(&self) -> String {
        let mut out = String::new();
        let mut after_comments = false;
        for entry in &self.entries {
            let apart = after_comments || !matches!(entry.body, Body::Value(_)) || !entry.comments.is_empty();
            if apart && !out.is_empty() {
                out.push('\n');
            }
            entry.write(&mut out, 0);
            after_comments = matches!(entry.body, Body::Nothing);
        }
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        // blocks of services and the like stand apart from each other
        let apart = depth == 1 && self.entries.iter().all(|entry| matches!(entry.body, Body::Section(_)));
        for (number, entry) in self.entries.iter().enumerate() {
            if number > 0 && apart {
                out.push('\n');
            }
            entry.write(out, depth);
        }
    }
}

impl Entry {
    fn write(&self, out: &mut String, depth: usize) {
        comments(out, &self.comments, depth);
        match &self.body {
            Body::Value(value) => indented(out, &emit::yaml(&json!({ self.key.as_str(): value })), depth),
            Body::Merge(anchor) => indented(out, &format!("<<: *{anchor}\n"), depth),
            Body::Nothing => {}
            Body::Section(section) if section.is_empty() => {
                indented(out, &emit::yaml(&json!({ self.key.as_str(): {} })), depth);
            }
            Body::List(items) if items.is_empty() => {
                indented(out, &emit::yaml(&json!({ self.key.as_str(): [] })), depth);
            }
            Body::Section(section) => {
                self.head(out, depth);
                section.write(out, depth + 1);
            }
            Body::List(items) => {
                self.head(out, depth);
                for (notes, item) in items {
                    comments(out, notes, depth + 1);
                    indented(out, &emit::yaml(&json!([item])), depth + 1);
                }
            }
        }
    }

    /// The key alone, as the emitter writes it.
    fn head(&self, out: &mut String, depth: usize) {
        let whole = emit::yaml(&json!({ self.key.as_str(): {} }));
        let head = whole.trim_end().trim_end_matches("{}").trim_end();
        let anchor = self.anchor.as_ref().map(|anchor| format!(" &{anchor}")).unwrap_or_default();
        indented(out, &format!("{head}{anchor}\n"), depth);
    }
}

fn comments(out: &mut String, comments: &[String], depth: usize) {
    for comment in comments {
        indented(out, &format!("# {}\n", one_line(comment)), depth);
    }
}

/// A comment ends at a line's end, and nothing that YAML forbids may stand in it.
fn one_line(text: &str) -> String {
    let plain = |c: char| {
        let harmful = c.is_control()
            || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if harmful { ' ' } else { c }
    };
    text.chars().map(plain).collect::<String>().trim_end().to_owned()
}

fn indented(out: &mut String, text: &str, depth: usize) {
    for line in text.trim_end_matches('\n').split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n("  ", depth));
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::spec::{decode, parse};

    fn read_back(text: &str) -> Value {
        let source = decode::decode(text.as_bytes(), Path::new("out.yaml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
        parse::parse(&source).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).to_json()
    }

    #[test]
    fn comments_stand_above_what_they_are_about() {
        let mut web = Section::default();
        web.note("from a").put("image", "x").list("ports", vec![(vec!["why".to_owned()], json!("80:80"))]);
        let mut services = Section::default();
        services.section("web", web).section("db", Section::default());
        let mut top = Section::default();
        top.note("head").comments_only().put("devup", 1).section("services", services);
        let expected = "# head\n\ndevup: 1\n\nservices:\n  web:\n    # from a\n    image: x\n    ports:\n      # why\n      - 80:80\n\n  db: {}\n";
        assert_eq!(top.document(), expected);
    }

    proptest! {
        #[test]
        fn no_text_becomes_structure(key in any::<String>(), value in any::<String>(), comment in any::<String>()) {
            // what a file may not hold at all is refused when it is written, and is none of this
            let fits = |text: &str| decode::decode(text.as_bytes(), Path::new("x")).is_ok();
            prop_assume!(fits(&key) && fits(&value) && key != "<<" && key != "list");
            let mut inner = Section::default();
            inner.note(comment.clone()).put(&key, value.clone()).note(comment.clone());
            inner.list("list", vec![(vec![comment.clone()], json!(value)), (vec![comment], json!({"run": value}))]);
            let mut top = Section::default();
            top.section("top", inner);
            let expected = json!({"top": {key: value, "list": [value, {"run": value}]}});
            prop_assert_eq!(read_back(&top.document()), expected);
        }
    }
}
