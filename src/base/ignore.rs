//! `.dockerignore`: which files stay out of a build's context.
//!
//! The rules are those of Docker: one pattern per line; `#` begins a comment in the first column; blank lines do not count;
//! a leading `/` means nothing; `!` brings back; the last pattern that matches a path or one of its parents decides; `*`
//! and `?` stay within a folder, `**` does not.

use std::fs;
use std::path::Path;

use regex::Regex;

/// The patterns of one file.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// As cleaned, to see whether anything below a folder may come back.
    text: String,
    brings_back: bool,
}

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: `{pattern}` is no pattern")]
pub struct BadPattern {
    line: usize,
    pattern: String,
}

impl Ignore {
    /// What stays out of a build's context: `<Dockerfile>.dockerignore` counts before `.dockerignore`.
    pub fn of_context(folder: &Path, dockerfile: &str) -> Result<Self, String> {
        for path in [folder.join(format!("{dockerfile}.dockerignore")), folder.join(".dockerignore")] {
            match fs::read(&path) {
                Ok(text) => {
                    return Self::parse(&String::from_utf8_lossy(&text))
                        .map_err(|error| format!("{}: {error}", path.display()));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
            }
        }
        Ok(Self::default())
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut patterns = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let (brings_back, rest) = match line.trim().strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line.trim()),
            };
            if rest.is_empty() {
                continue;
            }
            let text = clean(rest);
            if text == "." {
                // the context itself cannot be left out
                continue;
            }
            let bad = |_| BadPattern { line: number + 1, pattern: line.trim().to_owned() };
            patterns.push(Pattern { regex: Regex::new(&to_regex(&text)).map_err(bad)?, text, brings_back });
        }
        Ok(Self { patterns })
    }

    /// Whether the path (relative, with `/`) stays out.
    pub fn excludes(&self, path: &str) -> bool {
        let mut out = false;
        for pattern in &self.patterns {
            // only a pattern that could change the verdict has to be tried
            if pattern.brings_back == out && self_or_parents(path).any(|part| pattern.regex.is_match(part)) {
                out = !pattern.brings_back;
            }
        }
        out
    }

    /// Whether something below an excluded folder may be brought back, so that the folder has to be read.
    pub fn may_bring_back_below(&self, folder: &str) -> bool {
        self.patterns.iter().filter(|pattern| pattern.brings_back).any(|pattern| {
            let wild = pattern.text.find(['*', '?', '[', '\\']).unwrap_or(pattern.text.len());
            let (fixed, below) = (&pattern.text[..wild], format!("{folder}/"));
            fixed.starts_with(&below) || (wild < pattern.text.len() && below.starts_with(fixed))
        })
    }
}

/// The path and each of its parents.
fn self_or_parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain(std::iter::once(path))
}

/// Go's `filepath.Clean`, then without a leading slash.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // above the root there is nothing
            ".." if pattern.starts_with('/') => {}
            other => parts.push(other),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// The pattern as a regular expression over a whole path.
fn to_regex(pattern: &str) -> String {
    let mut out = String::from(r"(?s)\A");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' if rest.starts_with('*') => {
                rest = &rest[1..];
                rest = rest.strip_prefix('/').unwrap_or(rest);
                out.push_str(if rest.is_empty() { ".*" } else { "(?:.*/)?" });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => match rest.find(']') {
                Some(end) => {
                    let class = &rest[..end];
                    rest = &rest[end + 1..];
                    out.push('[');
                    out.push_str(&class.replace('[', r"\[").replace("&&", r"&\&"));
                    out.push(']');
                }
                // an open class is no pattern, and the regular expression says so
                None => out.push('['),
            },
            '\\' => {
                let literal = rest.chars().next().unwrap_or('\\');
                rest = &rest[literal.len_utf8().min(rest.len())..];
                out.push_str(&regex::escape(&literal.to_string()));
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push_str(r"\z");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &str, path: &str) -> bool {
        Ignore::parse(patterns).unwrap().excludes(path)
    }

    #[test]
    fn what_stays_out() {
        for (patterns, path, out) in [
            ("*.log", "a.log", true),
            ("*.log", "deep/a.log", false),
            ("**/*.log", "a.log", true),
            ("**/*.log", "very/deep/a.log", true),
            ("node_modules", "node_modules/a/b.js", true),
            ("node_modules", "web/node_modules/a.js", false),
            ("**/node_modules", "web/node_modules/a.js", true),
            ("/rooted", "rooted", true),
            ("./a/../b/", "b", true),
            ("# comment", "# comment", false),
            ("te?p", "temp", true),
            ("te?p", "te/p", false),
            ("[a-c].txt", "b.txt", true),
            ("[a-c].txt", "d.txt", false),
            ("[^a-c].txt", "d.txt", true),
            (r"\*.txt", "*.txt", true),
            (r"\*.txt", "a.txt", false),
            ("a.b", "axb", false),
            ("docs/**", "docs/x/y", true),
            ("docs/**", "docs", false),
            ("**", "anything/at/all", true),
            ("*\n!README.md", "README.md", false),
            ("*\n!README.md", "LICENSE", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false),
            ("vendor\n!vendor/keep", "vendor/keep/a", false),
            ("vendor\n!vendor/keep", "vendor/drop/a", true),
            ("\u{feff}secret", "secret", true),
            ("  spaced  ", "spaced", true),
            (".", "anything", false),
            ("größe?.txt", "größe1.txt", true),
        ] {
            assert_eq!(excluded(patterns, path), out, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn an_excluded_folder_is_read_only_if_something_may_come_back() {
        let back = |patterns: &str, folder: &str| Ignore::parse(patterns).unwrap().may_bring_back_below(folder);
        assert!(back("vendor\n!vendor/keep", "vendor"));
        assert!(back("*\n!**/*.md", "any"));
        assert!(back("*\n!src/*/a", "src"));
        assert!(!back("vendor\n!src/keep", "vendor"));
        assert!(!back("vendor", "vendor"));
    }

    #[test]
    fn a_bad_pattern_is_named_by_line() {
        assert_eq!(Ignore::parse("ok\n[a").unwrap_err().to_string(), "line 2: `[a` is no pattern");
    }
}
