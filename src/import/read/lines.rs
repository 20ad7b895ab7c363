//! Manifests of one entry on a line: requirements.txt, Gemfile, go.mod, build.gradle, and files of variables.

use std::sync::LazyLock;

use regex::Regex;

use super::Dependency;
use crate::import::finding::Place;

/// A pattern of ours.
fn pattern(text: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "a constant, which a test compiles")]
    Regex::new(text).unwrap()
}

static REQUIREMENT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^#;]*)"));
static GEM: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*gem\s*\(?\s*["']([^"']+)["'](.*)$"#));
static RUBY: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*ruby\s*\(?\s*["']([^"']+)["']"#));
static MODULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/[^\s]+)\s+(v[^\s]+)"));
static COORDINATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"["'](?:[A-Za-z0-9_.-]+:)([A-Za-z0-9_.-]+)(?::([^"']*))?["']"#));
static PLUGIN: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\bid\s*\(?\s*["']([A-Za-z0-9_.-]+)["']"#));
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$"));

/// Matches of a pattern's first two groups, by line.
fn each(text: &str, pattern: &Regex, file: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(parts) = pattern.captures(line) {
            let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
            found.push(Dependency::new(part(1), part(2), Place::new(file, number + 1)));
        }
    }
    found
}

/// One requirement as pip spells it: `celery[redis]>=5`.
pub fn requirement(text: &str, place: Place) -> Option<Dependency> {
    let parts = REQUIREMENT.captures(text)?;
    let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
    Some(Dependency::new(part(1), &format!("{}{}", part(2), part(3)), place))
}

/// requirements.txt; options and addresses are no names.
pub fn requirements(text: &str, file: &str) -> Vec<Dependency> {
    let named = |line: &str| !line.trim_start().starts_with(['-', '#', '.', '/']) && !line.contains("://");
    let lines = text.lines().enumerate().filter(|(_, line)| named(line));
    lines.filter_map(|(number, line)| requirement(line, Place::new(file, number + 1))).collect()
}

/// Gemfile.
pub fn gems(text: &str, file: &str) -> Vec<Dependency> {
    each(text, &GEM, file)
}

/// The Ruby that a Gemfile wants, with its line.
pub fn ruby(text: &str) -> Option<(String, usize)> {
    text.lines().enumerate().find_map(|(number, line)| Some((RUBY.captures(line)?[1].to_owned(), number + 1)))
}

/// go.mod.
pub fn modules(text: &str, file: &str) -> Vec<Dependency> {
    each(text, &MODULE, file)
}

/// The first line that begins with this word, and what follows it.
pub fn word<'a>(text: &'a str, word: &str) -> Option<(&'a str, usize)> {
    text.lines().enumerate().find_map(|(number, line)| {
        let rest = line.trim_start().strip_prefix(word)?;
        rest.starts_with([' ', '\t']).then(|| (rest.trim(), number + 1))
    })
}

/// build.gradle: coordinates and plugins.
pub fn gradle(text: &str, file: &str) -> Vec<Dependency> {
    let mut found = each(text, &COORDINATE, file);
    found.extend(each(text, &PLUGIN, file));
    found
}

/// `NAME=value` of a file of variables; the value is in `rest`, the name as it stands.
pub fn variables(text: &str, file: &str) -> Vec<Dependency> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let parts = VARIABLE.captures(line)?;
            let place = Place::new(file, number + 1);
            Some(Dependency { name: parts[1].to_owned(), rest: parts[2].trim().to_owned(), place })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Dependency]) -> Vec<(&str, usize)> {
        found.iter().map(|one| (one.name.as_str(), one.place.line)).collect()
    }

    #[test]
    fn each_manifest_gives_names_and_lines() {
        let text = "# web\nDjango>=4.2 # lts\n-r base.txt\npsycopg[binary]==3.1\n\ngit+https://x/y\nzope_interface\n";
        assert_eq!(names(&requirements(text, "r")), [("django", 2), ("psycopg", 4), ("zope-interface", 7)]);
        assert_eq!(requirements(text, "r")[1].rest, "[binary]==3.1");
        let text = "ruby \"3.3.0\"\ngem 'rails', '~> 7'\n  gem \"pg\"\n# gem 'no'\n";
        assert_eq!(names(&gems(text, "Gemfile")), [("rails", 2), ("pg", 3)]);
        assert_eq!(ruby(text), Some(("3.3.0".to_owned(), 1)));
        let text = "module x.io/y\n\ngo 1.22\n\nrequire (\n\tgithub.com/lib/pq v1.10.9\n)\nrequire github.com/a/b v1\n";
        assert_eq!(names(&modules(text, "go.mod")), [("github.com/lib/pq", 6), ("github.com/a/b", 8)]);
        assert_eq!(word(text, "go"), Some(("1.22", 3)));
        let text = "plugins {\n  id 'org.springframework.boot' version '3'\n}\nimplementation \"org.postgresql:postgresql:42\"\n";
        assert_eq!(names(&gradle(text, "build.gradle")), [("postgresql", 4), ("org.springframework.boot", 2)]);
        let text = "A=1\n# B=2\nexport C_D = \"x\"\n";
        let found = variables(text, ".env.example");
        assert_eq!(
            found.iter().map(|v| (v.name.as_str(), v.rest.as_str())).collect::<Vec<_>>(),
            [("A", "1"), ("C_D", "\"x\"")]
        );
    }
}
