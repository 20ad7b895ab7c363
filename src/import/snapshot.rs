//! What a folder holds, as data: which files there are, and the text of those that say something about how it is run.

use std::collections::BTreeMap;

use super::finding::Place;

/// At most so many files are looked at.
pub const MOST_FILES: usize = 5_000;
/// A larger file is listed, and its text is left out.
pub const LARGEST_TEXT: u64 = 256 * 1024;
/// At most so much text altogether.
pub const MOST_TEXT: u64 = 8 * 1024 * 1024;
/// Folders within folders are looked at so deep.
pub const DEEPEST: usize = 4;

/// Folders with nothing of the project's own.
const FOREIGN: [&str; 14] = [
    ".git",
    ".hg",
    ".svn",
    ".venv",
    "venv",
    "node_modules",
    "vendor",
    "target",
    "dist",
    "build",
    "__pycache__",
    ".vagrant",
    ".tox",
    ".idea",
];

/// Names of files whose text is read.
const TELLING: [&str; 48] = [
    ".devcontainer.json",
    ".env.dist",
    ".env.example",
    ".env.sample",
    ".env.template",
    ".node-version",
    ".nvmrc",
    ".python-version",
    ".ruby-version",
    "Cargo.toml",
    "Containerfile",
    "Dockerfile",
    "Gemfile",
    "Pipfile",
    "Procfile",
    "Vagrantfile",
    "app.js",
    "app.py",
    "app.ts",
    "application.properties",
    "application.py",
    "application.yaml",
    "application.yml",
    "asgi.py",
    "base.py",
    "build.gradle",
    "build.gradle.kts",
    "celery.py",
    "composer.json",
    "config.py",
    "database.yml",
    "devcontainer.json",
    "go.mod",
    "index.js",
    "main.go",
    "main.py",
    "main.rs",
    "main.ts",
    "manage.py",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "runtime.txt",
    "rust-toolchain.toml",
    "server.js",
    "server.py",
    "settings.py",
    "wsgi.py",
];

/// Whether nothing below a folder of this name is looked at.
pub fn is_foreign(folder: &str) -> bool {
    FOREIGN.contains(&folder)
}

/// Whether the text of a file of this name is read.
pub fn is_telling(name: &str) -> bool {
    let ends = |suffix: &str| name.len() > suffix.len() && name.ends_with(suffix);
    TELLING.binary_search(&name).is_ok()
        || name.starts_with("requirements") && ends(".txt")
        || name.starts_with("vite.config.")
        || ends(".sh")
        || super::compose::NAMES.contains(&name)
        || super::compose::OVERRIDES.contains(&name)
}

/// A folder at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Files by their path below the folder, with `/`; the text where it was read.
    files: BTreeMap<String, Option<String>>,
    /// What the folder is called; empty where nobody knows.
    pub name: String,
    /// There were more files than are looked at.
    pub cut: bool,
}

impl Snapshot {
    /// Of a folder with this name, nothing in it yet.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, text: Option<String>) {
        self.files.insert(path.into(), text);
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is a file at this path.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether there is a folder at this path.
    pub fn has_folder(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        self.files.range(prefix.clone()..).next().is_some_and(|(file, _)| file.starts_with(&prefix))
    }

    /// The text of a file, where it was read.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// All texts by their paths, sorted.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The project's folder.
    pub fn root(&self) -> Folder<'_> {
        Folder { snapshot: self, path: String::new() }
    }

    /// A folder by its path.
    pub fn folder(&self, path: &str) -> Folder<'_> {
        Folder { snapshot: self, path: path.to_owned() }
    }

    /// The folders directly below, sorted, those with a leading dot left out.
    pub fn folders(&self) -> Vec<Folder<'_>> {
        let mut names: Vec<&str> = self
            .paths()
            .filter_map(|path| Some(path.split_once('/')?.0))
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.dedup();
        names.into_iter().map(|name| Folder { snapshot: self, path: name.to_owned() }).collect()
    }
}

/// One folder of a snapshot.
#[derive(Debug, Clone)]
pub struct Folder<'a> {
    snapshot: &'a Snapshot,
    /// Below the project's folder; empty: that itself.
    pub path: String,
}

impl<'a> Folder<'a> {
    /// A path of this folder as one of the project.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// A place in this folder.
    pub fn place(&self, name: &str, line: usize) -> Place {
        Place::new(self.path_of(name), line)
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.snapshot.has(&self.path_of(name))
    }

    /// A file's text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.snapshot.text(&self.path_of(name))
    }

    /// The first of these names that is there.
    pub fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    /// Texts at or below this folder, by their path in it.
    pub fn texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        self.snapshot.texts().filter_map(move |(path, text)| Some((path.strip_prefix(&prefix)?, text)))
    }

    /// Paths at or below this folder, as seen from it.
    pub fn paths(&self) -> impl Iterator<Item = &'a str> {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        self.snapshot.paths().filter_map(move |path| path.strip_prefix(&prefix))
    }

    /// The first line at or below this folder that has the text in it, in files of this name.
    pub fn find(&self, names: &[&str], text: &str) -> Option<(&'a str, usize)> {
        self.texts().filter(|(path, _)| names.contains(&path.rsplit('/').next().unwrap_or(path))).find_map(
            |(path, content)| {
                let line = content.lines().position(|line| line.contains(text))?;
                Some((path, line + 1))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search_in_it() {
        assert!(TELLING.is_sorted());
        assert!(is_telling("Vagrantfile") && is_telling("requirements-dev.txt") && !is_telling("photo.jpg"));
    }

    #[test]
    fn folders_and_files_are_told_apart() {
        let mut snapshot = Snapshot::default();
        for path in ["a", "web/package.json", "web/src/index.js", ".github/x"] {
            snapshot.add(path, Some("one\ntwo listen(3000)\n".to_owned()));
        }
        assert!(snapshot.has_folder("web/src") && !snapshot.has_folder("a") && !snapshot.has_folder("we"));
        let folders = snapshot.folders();
        assert_eq!(folders.iter().map(|folder| folder.path.as_str()).collect::<Vec<_>>(), ["web"]);
        assert_eq!(folders[0].find(&["index.js"], "listen("), Some(("src/index.js", 2)));
        assert!(folders[0].has("package.json") && !folders[0].has("a"));
    }
}
