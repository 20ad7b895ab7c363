//! A `devup.yaml` beside a Compose file. It includes the file instead of copying it: its comments stay where they are,
//! and people who use Docker Compose go on with the same file.

use std::sync::Arc;

use serde_json::{Value, json};

use super::finding::{Finding, Place};
use super::section::Section;
use super::{ImportError, Proposal, Snapshot};
use crate::spec::discover::{COMPOSE_NAMES, OVERRIDE_NAMES};
use crate::spec::node::{Node, Source};
use crate::spec::parse;

/// Names of Compose files, best first.
pub const NAMES: [&str; 4] = COMPOSE_NAMES;
/// Names of files that are merged over them.
pub const OVERRIDES: [&str; 4] = OVERRIDE_NAMES;

/// The Compose file that devup and Compose read.
pub fn first(snapshot: &Snapshot) -> Option<&'static str> {
    NAMES.into_iter().find(|name| snapshot.has(name))
}

/// Includes the Compose file, with the file that is merged over it.
pub fn propose(snapshot: &Snapshot) -> Result<Proposal, ImportError> {
    let file = first(snapshot).ok_or(ImportError::Missing("Compose file"))?;
    let over = OVERRIDES.into_iter().find(|name| snapshot.has(name));
    let files: Vec<&'static str> = std::iter::once(file).chain(over).collect();
    let documents: Vec<Node> = files.iter().map(|file| read(snapshot, file)).collect::<Result<_, _>>()?;
    let mut names: Vec<String> = Vec::new();
    for (name, _) in documents.iter().flat_map(|document| document.entries("services")) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let mut conclusions = vec![Finding::at(&Place::new(file, 0), "included as it is")];
    let mut top = Section::default();
    top.note(format!(
        "devup's own part of this project; the services stand in {}, which Docker Compose reads too.",
        files.join(" and ")
    ));
    top.note("To leave Compose for good, rename that file to devup.yaml instead: all of it means the same there.");
    top.comments_only();
    top.put("devup", 1);
    if let Some(name) = documents.iter().rev().find_map(|document| document.get("name")) {
        let place =
            Place::new(name.at.source.as_ref().map_or(file.to_owned(), |s| s.path.display().to_string()), name.at.line);
        conclusions.push(Finding::at(&place, "the project's name, which an included file can't give"));
        // as it stands: it may name variables
        top.note(format!("{place}: an included file can't name the project")).put("name", name.to_json());
    }
    top.put("include", included(&files));
    top.note("tasks:                       # `devup task NAME`");
    let service = names.first().map_or("web", String::as_str);
    top.note(format!("  test: {{ service: {service}, run: ./run-tests }}"));
    top.note("up: []                       # tasks that belong to coming up");
    top.comments_only();
    conclusions.extend(left_behind(&documents));
    let open = unset(&documents);
    let from = files.iter().map(|&file| file.to_owned()).collect();
    Ok(Proposal { from, services: names, conclusions, open, text: top.document() })
}

fn included(files: &[&str]) -> Value {
    match files {
        [one] => json!([one]),
        several => json!([{ "path": several }]),
    }
}

fn read(snapshot: &Snapshot, file: &str) -> Result<Node, ImportError> {
    let unreadable = |reason: String| ImportError::Unreadable { file: file.to_owned(), reason };
    let text = snapshot.text(file).ok_or_else(|| unreadable("no text, or too much of it".to_owned()))?;
    let source = Arc::new(Source { path: file.into(), text: text.to_owned() });
    let mut documents = parse::parse(&source).map_err(|error| unreadable(error.to_string()))?;
    match documents.len() {
        1 => Ok(documents.remove(0)),
        0 => Err(unreadable("there is nothing in it".to_owned())),
        _ => Err(unreadable("several documents in one file".to_owned())),
    }
}

/// Extensions of the top level: nothing reads them, and an included file's are none of this one.
fn left_behind(documents: &[Node]) -> Vec<Finding> {
    let entries = documents.iter().filter_map(Node::as_map).flatten();
    let extensions = entries.filter(|(key, _)| key.starts_with("x-") && *key != "x-devup");
    extensions
        .map(|(key, entry)| {
            let file =
                entry.key_at.source.as_ref().map_or_else(String::new, |source| source.path.display().to_string());
            Finding::at(
                &Place::new(file, entry.key_at.line),
                format!("{key} stays there, and is not printed by `config`"),
            )
        })
        .collect()
}

/// What an included file may not bring along.
fn unset(documents: &[Node]) -> Vec<Finding> {
    let mut open = Vec::new();
    for key in ["x-devup"] {
        for entry in documents.iter().filter_map(|document| document.as_map()?.get(key)) {
            let file =
                entry.key_at.source.as_ref().map_or_else(String::new, |source| source.path.display().to_string());
            let what = "devup's top-level keys of an included file: move them here";
            open.push(Finding::at(&Place::new(file, entry.key_at.line), what));
        }
    }
    open
}
