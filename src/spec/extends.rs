//! Phase 2b: `extends`. A service takes what another one has and merges its own attributes over it; the other may stand
//! in another file, whose relative paths are then rewritten to start from this one's folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::canonical::canonicalise;
use super::error::{Fault, Problem, SpecError};
use super::include::locate;
use super::merge::{merge, merge_file, settle};
use super::model::Scope;
use super::node::{At, Map, Node, Value};
use super::path::show;
use super::resolve_path::{self, Base, relative};
use super::schema::nearest;
use super::unique;

/// The longest chain of services that extend each other.
const MAX_CHAIN: usize = 64;

/// Replaces every `extends` of a document by what it stands for.
///
/// # Errors
/// Services and files that are not there, and chains that come back or are too long.
pub fn apply(scope: &Scope<'_>, document: &mut Node, path: &Path) -> Result<(), SpecError> {
    let Some(services) = document.get("services") else { return Ok(()) };
    let Some(services) = services.as_map() else {
        let (path, found) = ("services".to_owned(), services.value.kind().into());
        return Err(SpecError::new(Fault::WrongType { path, expected: "a mapping".into(), found }, &services.at));
    };
    let mut work = Work { scope, files: HashMap::new(), chain: Vec::new() };
    let mut resolved = Vec::new();
    for (name, entry) in services {
        if entry.node.get("extends").is_some_and(|extends| !extends.is_null()) {
            resolved.push((name.clone(), work.service(name, services, path, &entry.key_at)?));
        }
    }
    for (name, service) in resolved {
        if let Some(entry) = document.get_mut("services").and_then(|services| services.get_mut(&name)) {
            *entry = service;
        }
    }
    Ok(())
}

struct Work<'a> {
    scope: &'a Scope<'a>,
    /// Files that were extended from, canonical and with their paths rewritten.
    files: HashMap<PathBuf, Rc<Map>>,
    chain: Vec<(PathBuf, String)>,
}

/// What an `extends` says.
struct Target {
    service: String,
    file: Option<String>,
    at: At,
}

impl Work<'_> {
    /// A service with all that it extends merged in.
    fn service(&mut self, name: &str, services: &Map, path: &Path, at: &At) -> Result<Node, SpecError> {
        let Some(entry) = services.get(name) else { return Err(self.missing(name, services, path, at)) };
        let mut own = entry.node.clone();
        self.scope.context.pay(&own)?;
        let Some(extends) = own.take("extends").filter(|extends| !extends.node.is_null()) else { return Ok(own) };
        let target = target(name, &extends.node)?;
        self.enter(name, path, &target.at)?;
        let mut base = match &target.file {
            None => self.service(&target.service, services, path, &target.at)?,
            Some(file) => {
                let file = locate(self.scope, file, "extend", &target.at)?;
                let others = self.file(&file, &target.at)?;
                self.service(&target.service, &others, &file, &target.at)?
            }
        };
        self.chain.pop();
        settle(&mut base);
        if base.is_null() {
            return Ok(own);
        }
        merge(&mut base, own, &["services", name])?;
        Ok(base)
    }

    fn enter(&mut self, name: &str, path: &Path, at: &At) -> Result<(), SpecError> {
        let here = (path.to_owned(), name.to_owned());
        if let Some(start) = self.chain.iter().position(|known| *known == here) {
            let chain = self.chain[start..].iter().chain([&here]).map(|(_, name)| name.clone()).collect();
            return Err(SpecError::new(Fault::Cycle { what: "extends", chain }, at));
        }
        if self.chain.len() >= MAX_CHAIN {
            let fault = Fault::Limit { what: "the chain of `extends`".into(), limit: format!("{MAX_CHAIN} services") };
            return Err(SpecError::new(fault, at));
        }
        self.chain.push(here);
        Ok(())
    }

    fn file(&mut self, path: &Path, at: &At) -> Result<Rc<Map>, SpecError> {
        if let Some(known) = self.files.get(path) {
            return Ok(Rc::clone(known));
        }
        let source = self.scope.context.source(path, at)?;
        let mut spec = Node::empty_map(At::nowhere());
        for document in self.scope.documents(&source)? {
            merge_file(&mut spec, document)?;
            unique::enforce(&mut spec, &[])?;
            canonicalise(&mut spec)?;
            unique::enforce(&mut spec, &[])?;
        }
        let folder = path.parent().unwrap_or(path);
        let base = Base { dir: relative(&self.scope.dir, folder), home: self.scope.context.home.clone() };
        resolve_path::resolve(&mut spec, &base)?;
        let Some(Value::Map(services)) = spec.take("services").map(|entry| entry.node.value) else {
            let path = self.scope.context.shown(path).display().to_string();
            return Err(SpecError::new(Fault::MissingKey { path, key: "services".into() }, at));
        };
        let services = Rc::new(services);
        self.files.insert(path.to_owned(), Rc::clone(&services));
        Ok(services)
    }

    fn missing(&self, name: &str, services: &Map, path: &Path, at: &At) -> SpecError {
        let user = self.chain.last().map_or("", |(_, user)| user);
        let fault =
            Fault::UnknownName { path: show(&["services", user, "extends"]), kind: "service", name: name.to_owned() };
        if let Some(near) = nearest(name, services.keys().map(String::as_str)) {
            return Problem::new(fault, at).help(format!("did you mean `{near}`?")).into();
        }
        let known: Vec<&str> = services.keys().map(String::as_str).take(10).collect();
        let file = self.scope.context.shown(path).display().to_string();
        Problem::new(fault, at).help(format!("the services of {file} are: {}", known.join(", "))).into()
    }
}

fn target(name: &str, extends: &Node) -> Result<Target, SpecError> {
    if let Some(service) = extends.as_str() {
        return Ok(Target { service: service.to_owned(), file: None, at: extends.at.clone() });
    }
    let path = || show(&["services", name, "extends"]);
    if extends.as_map().is_none() {
        let (expected, found) = ("a service's name or a mapping with `service`".into(), extends.value.kind().into());
        return Err(SpecError::new(Fault::WrongType { path: path(), expected, found }, &extends.at));
    }
    let Some(service) = extends.get("service").and_then(|node| node.value.text().map(|text| (text, &node.at))) else {
        return Err(SpecError::new(Fault::MissingKey { path: path(), key: "service".into() }, &extends.at));
    };
    let file = extends.get("file").and_then(|file| file.value.text());
    Ok(Target { service: service.0, file, at: service.1.clone() })
}
