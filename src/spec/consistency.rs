//! Phase 8: what only the whole spec can show to be wrong: references to nothing, attributes that exclude each other,
//! dependencies that run in a circle. All that is found is told at once.

mod graph;
mod service;

use super::error::{Fault, Problem, SpecError};
use super::node::{At, Map, Node};
use super::path::show;
use super::schema::nearest;

/// What a check looks at.
struct Checked<'a> {
    spec: &'a Node,
    /// Services that no profile enables.
    disabled: &'a Map,
    problems: Vec<Problem>,
}

/// Checks a typed spec whose disabled services are taken out.
pub fn check(spec: &Node, disabled: &Map) -> Result<(), SpecError> {
    let mut checked = Checked { spec, disabled, problems: Vec::new() };
    for (name, entry) in spec.entries("services") {
        service::check(&mut checked, name, entry);
    }
    for (name, entry) in spec.entries("tasks") {
        checked.task(name, &entry.node);
    }
    checked.up();
    graph::check(&mut checked);
    SpecError::collect(checked.problems).map_or(Ok(()), Err)
}

impl Checked<'_> {
    fn contradiction(&mut self, path: &[&str], reason: impl Into<String>, at: &At) -> &mut Problem {
        self.tell(Fault::Contradiction { path: show(path), reason: reason.into() }, at)
    }

    fn tell(&mut self, fault: Fault, at: &At) -> &mut Problem {
        self.problems.push(Problem::new(fault, at));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// A reference to something at the top; tells where it leads nowhere.
    fn refers(&mut self, path: &[&str], kind: &'static str, name: &str, at: &At) {
        let section = if kind == "service" { "services".to_owned() } else { format!("{kind}s") };
        if self.spec.get(&section).is_some_and(|all| all.get(name).is_some()) {
            return;
        }
        let known: Vec<String> = self.spec.entries(&section).map(|(key, _)| key.clone()).collect();
        let help = if self.disabled.contains_key(name) && kind == "service" {
            Some("it is disabled: enable one of its profiles with `--profile`, or make it `required: false`".to_owned())
        } else {
            nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
        };
        let problem = self.tell(Fault::UnknownName { path: show(path), kind, name: name.to_owned() }, at);
        if let Some(help) = help {
            problem.help = help;
        }
    }

    fn task(&mut self, name: &str, task: &Node) {
        let Some(service) = task.get("service") else { return };
        let target = service.as_str().unwrap_or_default();
        if !self.disabled.contains_key(target) {
            self.refers(&["tasks", name, "service"], "service", target, &service.at);
        }
    }

    fn up(&mut self) {
        let spec = self.spec;
        for task in spec.get("up").and_then(Node::as_seq).into_iter().flatten() {
            self.refers(&["up"], "task", task.as_str().unwrap_or_default(), &task.at);
        }
    }
}

#[cfg(test)]
mod tests;
