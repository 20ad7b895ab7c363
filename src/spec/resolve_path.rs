//! Phase 6b: relative paths become paths below the folder they were written for. For the project's own files that folder
//! is absolute; for included and extended files it is first relative to the file that names them, which the outer load
//! then resolves in turn.

use std::path::{Component, Path, PathBuf};

use super::error::{Fault, SpecError};
use super::node::{Node, Value};
use super::path::{below, index, show};

/// Home of the user and the folder that relative paths begin in.
#[derive(Debug, Clone)]
pub struct Base {
    /// Where relative paths begin.
    pub dir: PathBuf,
    /// What `~` stands for; `None` leaves it as it is.
    pub home: Option<PathBuf>,
}

/// Resolves every path of the spec.
pub fn resolve(spec: &mut Node, base: &Base) -> Result<(), SpecError> {
    walk(spec, &[], base)
}

enum Rule {
    Path,
    Context,
    /// Absolute forms of other systems (`C:\x`) stay.
    Foreign,
    Mount,
    Volume,
}

fn rule(path: &[&str]) -> Option<Rule> {
    Some(match path {
        ["services", _, "build", "context"] | ["services", _, "build", "additional_contexts", _] => Rule::Context,
        ["services", _, "build", "ssh", _] | ["configs" | "secrets", _, "file"] => Rule::Foreign,
        ["services", _, "env_file" | "develop", .., "path"]
        | ["services", _, "label_file", _]
        | ["services", _, "extends", "file"] => Rule::Path,
        ["services", _, "volumes", _] => Rule::Mount,
        ["volumes", _] => Rule::Volume,
        _ => return None,
    })
}

fn walk(node: &mut Node, path: &[&str], base: &Base) -> Result<(), SpecError> {
    if path.last().is_some_and(|key| key.starts_with("x-")) {
        return Ok(());
    }
    if let Some(rule) = rule(path) {
        return apply(&rule, node, path, base);
    }
    match &mut node.value {
        Value::Map(map) => map.iter_mut().try_for_each(|(key, entry)| walk(&mut entry.node, &below(path, key), base)),
        Value::Seq(items) => {
            items.iter_mut().enumerate().try_for_each(|(number, item)| walk(item, &below(path, &index(number)), base))
        }
        _ => Ok(()),
    }
}

fn apply(rule: &Rule, node: &mut Node, path: &[&str], base: &Base) -> Result<(), SpecError> {
    match rule {
        Rule::Mount => {
            if node.get("type").and_then(Node::as_str) == Some("bind") {
                let Some(source) = node.get_mut("source").filter(|source| !source.is_null()) else {
                    let fault = Fault::MissingKey { path: show(path), key: "source".into() };
                    return Err(SpecError::new(fault, &node.at));
                };
                rewrite(source, base, Base::foreign);
            }
        }
        Rule::Volume => {
            // a local volume that is a bind mount in disguise
            let is_local = node.get("driver").and_then(Node::as_str) == Some("local");
            if let Some(options) = node.get_mut("driver_opts").filter(|_| is_local)
                && options.get("o").and_then(Node::as_str) == Some("bind")
                && let Some(device) = options.get_mut("device")
            {
                rewrite(device, base, Base::foreign);
            }
        }
        Rule::Path => rewrite(node, base, Base::path),
        Rule::Foreign => rewrite(node, base, Base::foreign),
        Rule::Context => rewrite(node, base, Base::context),
    }
    Ok(())
}

fn rewrite(node: &mut Node, base: &Base, with: fn(&Base, &str) -> String) {
    if let Value::String(text) = &mut node.value {
        *text = with(base, text);
    }
}

impl Base {
    /// A path of this system.
    pub fn path(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let text = self.expand_home(text);
        if Path::new(&text).is_absolute() { text } else { self.join(&text) }
    }

    fn foreign(&self, text: &str) -> String {
        let text = self.expand_home(text);
        if text.starts_with('/') || is_windows_absolute(&text) { text } else { self.join(&text) }
    }

    fn context(&self, text: &str) -> String {
        let remote = ["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:", "target:"];
        if text.contains("://") || remote.iter().any(|prefix| text.starts_with(prefix)) {
            return text.to_owned();
        }
        self.path(text)
    }

    fn expand_home(&self, text: &str) -> String {
        match (text.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) => clean(&format!("{}/{rest}", home.display())),
            _ => text.to_owned(),
        }
    }

    fn join(&self, text: &str) -> String {
        let dir = self.dir.to_string_lossy();
        clean(&if dir.is_empty() { text.to_owned() } else { format!("{dir}/{text}") })
    }
}

fn is_windows_absolute(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.starts_with(r"\\") || matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// A path without `.`, `..` and double slashes, by its text alone; never empty.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// The way from one absolute folder to another, `.` where they are the same.
pub fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut way: PathBuf = std::iter::repeat_n("..", from.len() - shared).collect();
    way.extend(&to[shared..]);
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_text() {
        for (path, cleaned) in
            [("", "."), ("./a/../b", "b"), ("/..//a/", "/a"), ("../../x", "../../x"), ("a/../../b", "../b"), ("/", "/")]
        {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn folders_are_told_relative_to_each_other() {
        assert_eq!(relative(Path::new("/a/b"), Path::new("/a/c/d")), Path::new("../c/d"));
        assert_eq!(relative(Path::new("/a"), Path::new("/a")), Path::new("."));
    }

    #[test]
    fn what_is_no_local_path_stays() {
        let base = Base { dir: "/shop".into(), home: Some("/home/me".into()) };
        assert_eq!(base.context("https://git.example/x.git#main"), "https://git.example/x.git#main");
        assert_eq!(base.context("../x"), "/x");
        assert_eq!(base.foreign(r"C:\data"), r"C:\data");
        assert_eq!(base.path("~/x"), "/home/me/x");
        assert_eq!(base.path("/y/../z"), "/y/../z");
    }
}
