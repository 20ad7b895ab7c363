//! One room per language: a folder → the application in it, if there is one.

pub mod go;
pub mod java;
pub mod node;
pub mod php;
pub mod python;
pub mod ruby;
pub mod rust;

use std::sync::LazyLock;

use regex::Regex;

use super::app::App;
use super::blocks::Blocks;
use super::finding::{Finding, Place};
use super::snapshot::Folder;

/// Reads one language's files in a folder.
pub type Reader = fn(&Folder, &Blocks) -> Option<App>;

/// All languages; where a folder has several, the first that knows what runs is taken. Node comes last: its manifest
/// stands in many projects only to build their styles.
pub const READERS: [Reader; 7] = [python::read, ruby::read, php::read, java::read, go::read, rust::read, node::read];

static PORT: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#"(?i)(?:listen|run|start|bind|serve|addr|port)[^\n]{0,80}?(?:["'`:\s(=|]|0\.0\.0\.0:|127\.0\.0\.1:|localhost:)([1-9][0-9]{1,4})\b"#;
    #[expect(clippy::unwrap_used, reason = "a constant, which tests compile")]
    Regex::new(text).unwrap()
});

/// A port that a program's own lines name, with the place; told where it listens on loopback only.
fn port_in(folder: &Folder, names: &[&str], open: &mut Vec<Finding>) -> Option<(u16, Place)> {
    let mut texts = folder.texts().filter(|(path, _)| names.contains(&path.rsplit('/').next().unwrap_or(path)));
    texts.find_map(|(path, text)| {
        let found = text.lines().enumerate().find_map(|(number, line)| {
            let port = PORT.captures(line)?.get(1)?.as_str().parse::<u16>().ok().filter(|port| *port >= 80)?;
            Some((port, number + 1, line.contains("127.0.0.1") || line.contains("localhost:")))
        });
        let (port, line, loopback) = found?;
        let place = folder.place(path, line);
        if loopback {
            let what = "listens on the container's own loopback, where no published port can reach it: use 0.0.0.0";
            open.push(Finding::at(&place, what));
        }
        Some((port, place))
    })
}

/// A file with nothing but a version.
fn version_file(folder: &Folder, name: &str) -> Option<(String, Place)> {
    let text = folder.text(name)?.trim().to_owned();
    (!text.is_empty()).then(|| (text, folder.place(name, 1)))
}

/// A manifest that can't be read is told, and the rest goes on.
fn told<T>(read: Result<T, String>, folder: &Folder, name: &str, open: &mut Vec<Finding>) -> Option<T> {
    read.map_err(|reason| open.push(Finding::at(&folder.place(name, 0), format!("could not be read: {reason}")))).ok()
}
