//! Phase 2a: `include`. Other projects' files are read by themselves, in their own folder and environment, and what they
//! define joins this spec; a name that both define must mean the same.

use std::path::{Path, PathBuf};

use super::discover::OnOtherMachine;
use super::dotenv::{self, Variables};
use super::error::{Fault, Problem, SpecError};
use super::model::{File, OtherRepository, Scope};
use super::node::{At, Entry, Node, Value};
use super::path::show;
use super::resolve_path::{Base, clean, relative};

/// What an included file may bring.
const RESOURCES: [&str; 7] = ["services", "volumes", "networks", "secrets", "configs", "models", "tasks"];

/// One entry of `include`.
struct Include {
    paths: Vec<(String, At)>,
    project_directory: Option<String>,
    env_files: Vec<(String, At)>,
}

/// Reads what a document includes into it.
///
/// # Errors
/// Files that are not there or come back to where they are included from, remote ones, and names with two meanings.
pub fn apply(scope: &Scope<'_>, document: &mut Node, path: &Path) -> Result<(), SpecError> {
    let Some(entry) = document.take("include") else { return Ok(()) };
    if entry.node.is_null() {
        return Ok(());
    }
    let Value::Seq(items) = &entry.node.value else {
        let fault = Fault::WrongType {
            path: "include".into(),
            expected: "a list of files".into(),
            found: entry.node.value.kind().into(),
        };
        return Err(SpecError::new(fault, &entry.node.at));
    };
    for (number, item) in items.iter().enumerate() {
        let include = read(item, number)?;
        let imported = load(scope, &include, path)?;
        join(document, imported)?;
    }
    Ok(())
}

fn read(item: &Node, number: usize) -> Result<Include, SpecError> {
    let list = |key: &str| item.get(key).map(strings).unwrap_or_default();
    let include = match &item.value {
        Value::String(path) => {
            Include { paths: vec![(path.clone(), item.at.clone())], project_directory: None, env_files: Vec::new() }
        }
        Value::Map(map) => {
            if let Some((key, entry)) =
                map.iter().find(|(key, _)| !["path", "project_directory", "env_file"].contains(&key.as_str()))
            {
                let fault = Fault::UnknownKey { key: key.clone(), path: format!("include[{number}]") };
                return Err(Problem::new(fault, &entry.key_at)
                    .help("an include takes `path`, `project_directory` and `env_file`")
                    .into());
            }
            let project_directory = item.get("project_directory").and_then(|node| node.value.text());
            Include { paths: list("path"), project_directory, env_files: list("env_file") }
        }
        _ => Include { paths: Vec::new(), project_directory: None, env_files: Vec::new() },
    };
    if include.paths.is_empty() {
        let fault = Fault::MissingKey { path: format!("include[{number}]"), key: "path".into() };
        return Err(SpecError::new(fault, &item.at));
    }
    Ok(include)
}

fn strings(node: &Node) -> Vec<(String, At)> {
    match &node.value {
        Value::Seq(items) => items.iter().flat_map(strings).collect(),
        value => value.text().map(|text| (text, node.at.clone())).into_iter().collect(),
    }
}

fn load(scope: &Scope<'_>, include: &Include, path: &Path) -> Result<Node, SpecError> {
    let mut inputs = Vec::new();
    for (file, at) in &include.paths {
        inputs.push((locate(scope, file, "include", at)?, at));
    }
    let mut including = scope.including.clone();
    including.push(path.to_owned());
    let (main, at) = &inputs[0];
    if let Some(start) = including.iter().position(|known| known == main) {
        let shown = |path: &PathBuf| scope.context.shown(path).display().to_string();
        let chain = including[start..].iter().chain([main]).map(shown).collect();
        return Err(SpecError::new(Fault::Cycle { what: "include", chain }, at));
    }
    let dir = match &include.project_directory {
        Some(dir) => below(&scope.dir, dir),
        None => main.parent().unwrap_or(main).to_owned(),
    };
    let base_dir = match &include.project_directory {
        Some(given) if Path::new(given).is_absolute() => dir.clone(),
        _ => relative(&scope.dir, &dir),
    };
    let environment = environment(scope, include, &dir)?;
    let base = Base { dir: base_dir, home: scope.context.home.clone() };
    let read = |(path, at): (PathBuf, &At)| Ok(File { source: scope.context.source(&path, at)?, path });
    let files = inputs.into_iter().map(read).collect::<Result<Vec<File>, SpecError>>()?;
    let inner = Scope { context: scope.context, dir, environment, including };
    inner.load(&files, Some(&base))
}

/// The including environment wins over the included project's own `.env`.
fn environment(scope: &Scope<'_>, include: &Include, dir: &Path) -> Result<Variables, SpecError> {
    let mut files: Vec<(PathBuf, At)> =
        include.env_files.iter().map(|(file, at)| (below(&scope.dir, file), at.clone())).collect();
    if files.is_empty() {
        let default = dir.join(".env");
        if scope.context.files.is_file(&default) {
            files.push((default, At::nowhere()));
        }
    }
    let mut environment = scope.environment.clone();
    let mut read = Variables::new();
    for (file, at) in files {
        let source = scope.context.source(&file, &at)?;
        let known = |name: &str| environment.get(name).or_else(|| read.get(name)).cloned();
        let parsed = dotenv::parse(&source, &known)?;
        scope.context.warn(parsed.warnings);
        read.extend(parsed.variables);
    }
    for (name, value) in read {
        environment.entry(name).or_insert(value);
    }
    Ok(environment)
}

/// Joins what was included; the same name twice must mean the same.
fn join(document: &mut Node, mut imported: Node) -> Result<(), SpecError> {
    for kind in RESOURCES {
        let Some(Value::Map(theirs)) = imported.take(kind).map(|entry| entry.node.value) else { continue };
        if document.get(kind).is_none_or(Node::is_null) {
            document.set(kind, Node::empty_map(At::nowhere()));
        }
        let Some(ours) = document.get_mut(kind).and_then(Node::as_map_mut) else { continue };
        for (name, entry) in theirs {
            match ours.get(&name) {
                Some(known) if known.node.to_json() == entry.node.to_json() => {}
                Some(known) => return Err(conflict(kind, &name, known, &entry)),
                None => {
                    ours.insert(name, entry);
                }
            }
        }
    }
    Ok(())
}

fn conflict(kind: &str, name: &str, ours: &Entry, theirs: &Entry) -> SpecError {
    let reason = "is defined here and, differently, in an included file".to_owned();
    Problem::new(Fault::Contradiction { path: show(&[kind, name]), reason }, &ours.key_at)
        .also(&theirs.key_at, "the included one")
        .help("rename one of them, or change the included one with a second file in the include's `path` list")
        .into()
}

fn below(dir: &Path, path: &str) -> PathBuf {
    PathBuf::from(clean(&dir.join(path).to_string_lossy()))
}

/// Where a file is that `include` or `extends` names; one of another repository has been fetched.
pub fn locate(scope: &Scope<'_>, path: &str, what: &'static str, at: &At) -> Result<PathBuf, SpecError> {
    if !is_remote(path) {
        return Ok(below(&scope.dir, path));
    }
    let reason = match scope.context.files.remote(path) {
        OnOtherMachine::Fetched { path: found, shown } => {
            scope.context.remotes.borrow_mut().push(OtherRepository {
                address: path.to_owned(),
                shown,
                at: at.clone(),
            });
            return Ok(found);
        }
        OnOtherMachine::NotFetched { shown } => {
            return Err(SpecError::new(Fault::NotFetched { address: path.to_owned(), shown }, at));
        }
        OnOtherMachine::Refused(_) if path.starts_with("oci://") => {
            let fault = Fault::NotYet { feature: format!("to {what} an artifact of a registry (`oci://`)") };
            return Err(Problem::new(fault, at)
                .help("name a git repository as https://HOST/REPOSITORY.git#REF:PATH")
                .into());
        }
        OnOtherMachine::Refused(reason) => reason,
    };
    Err(SpecError::new(Fault::Remote { what, reason }, at))
}

fn is_remote(path: &str) -> bool {
    path.contains("://") || path.contains("::") || path.starts_with("git@") || path.starts_with("github.com/")
}
