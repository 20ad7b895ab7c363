//! Commands of the host, and the scripts in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Site, texts};
use crate::base::digest::Digest;
use crate::model::development::Command;
use crate::trust::capability::{Capability, Kind, Place};

/// `secrets.*.command`.
pub fn command(site: &mut Site<'_, '_>, value: &Value) {
    let words: Vec<&str> = texts("", value).into_iter().map(|(_, word)| word).collect();
    let line = shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "));
    site.report(Kind::HostProgram, format!("runs `{line}` on this machine"));
    let scripts = scripts(site.world.boundary.root(), &words);
    if let Some(last) = site.found.last_mut() {
        last.scripts = scripts;
    }
}

/// `provider` of a service: a program of this machine, which gets these options. One that is named by its path may be the
/// project's own script.
pub fn provider(site: &mut Site<'_, '_>, value: &Value) {
    let program = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let options = value.get("options").and_then(Value::as_object).into_iter().flatten();
    let mut shown = String::new();
    for (name, values) in options {
        for (_, value) in texts("", values) {
            // a join fails for a NUL byte only, which no argument can hold either
            let word = shlex::try_quote(value).unwrap_or_default();
            shown.push_str(&format!(" --{name}={word}"));
        }
    }
    site.report(Kind::HostProgram, format!("runs the provider `{program}` on this machine{}{shown}", with(&shown)));
    if let Some(last) = site.found.last_mut().filter(|_| program.contains('/')) {
        last.scripts = scripts(site.world.boundary.root(), &[program]);
    }
}

fn with(options: &str) -> &'static str {
    if options.is_empty() { "" } else { " with" }
}

/// A command of a dev container that runs on this machine. A line for a shell is shown as it is.
pub fn stage(root: &Path, name: &str, command: &Command, place: Option<Place>) -> Capability {
    let words = command.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = match command {
        Command::Line(line) => line.clone(),
        Command::Words(_) => shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" ")),
    };
    Capability {
        kind: Kind::HostProgram,
        subject: name.to_owned(),
        action: format!("runs `{line}` on this machine"),
        place,
        scripts: scripts(root, &words),
    }
}

/// Every file that the command names: as a word, or as a word within a word (`sh -c "./get.sh db"`). What can't be read
/// is kept as such, so that its appearing asks anew.
fn scripts(root: &Path, words: &[&str]) -> BTreeMap<PathBuf, String> {
    let inner = words.iter().filter_map(|word| shlex::split(word)).flatten();
    let all: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).chain(inner).collect();
    let named = all.iter().filter_map(|word| {
        let path = root.join(word.split_once('=').map_or(word.as_str(), |(_, value)| value));
        let looks_like_one = word.contains('/') && !word.contains(char::is_whitespace);
        (path.is_file() || (looks_like_one && !path.is_dir())).then_some(path)
    });
    named.map(|path| (path.clone(), digest(&path))).collect()
}

fn digest(path: &Path) -> String {
    match File::open(path).and_then(Digest::of_reader) {
        Ok(digest) => digest.to_string(),
        Err(error) => format!("unreadable: {}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_wherever_they_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join("get.sh"), "echo a").unwrap();
        std::fs::write(root.join("key"), "k").unwrap();
        let names = |words: &[&str]| {
            scripts(root, words)
                .into_keys()
                .map(|path| path.strip_prefix(root).unwrap_or(&path).display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["sh", "get.sh"]), ["get.sh"]);
        assert_eq!(names(&["sh", "-c", "./get.sh db"]), ["get.sh"]);
        assert_eq!(names(&["pass", "--file=key"]), ["key"]);
        assert_eq!(names(&["pass", "show"]), Vec::<String>::new());
        assert_eq!(scripts(root, &["./later.sh"])[&root.join("./later.sh")], "unreadable: entity not found");
        let before = scripts(root, &["./get.sh"]);
        std::fs::write(root.join("get.sh"), "rm -rf ~").unwrap();
        assert_ne!(scripts(root, &["./get.sh"]), before);
    }
}
