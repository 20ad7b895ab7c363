//! Strings in places that the specification types become numbers and booleans, as Compose does after interpolation.

use super::super::error::{Fault, MOST_PROBLEMS, Problem, Warning};
use super::super::excerpt::quoted;
use super::super::node::{Node, Value};

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Int,
    Float,
    Bool,
}

/// Where typed values stand, `*` being any key and `[]` any item. The same places as in Compose's loader.
const PLACES: &[(&str, To)] = &[
    ("services.*.cpu_count", To::Int),
    ("services.*.cpu_percent", To::Float),
    ("services.*.cpu_period", To::Int),
    ("services.*.cpu_quota", To::Int),
    ("services.*.cpu_rt_period", To::Int),
    ("services.*.cpu_rt_runtime", To::Int),
    ("services.*.cpus", To::Float),
    ("services.*.cpu_shares", To::Int),
    ("services.*.init", To::Bool),
    ("services.*.depends_on.*.required", To::Bool),
    ("services.*.depends_on.*.restart", To::Bool),
    ("services.*.deploy.replicas", To::Int),
    ("services.*.deploy.update_config.parallelism", To::Int),
    ("services.*.deploy.update_config.max_failure_ratio", To::Float),
    ("services.*.deploy.rollback_config.parallelism", To::Int),
    ("services.*.deploy.rollback_config.max_failure_ratio", To::Float),
    ("services.*.deploy.restart_policy.max_attempts", To::Int),
    ("services.*.deploy.placement.max_replicas_per_node", To::Int),
    ("services.*.healthcheck.retries", To::Int),
    ("services.*.healthcheck.disable", To::Bool),
    ("services.*.oom_kill_disable", To::Bool),
    ("services.*.oom_score_adj", To::Int),
    ("services.*.pids_limit", To::Int),
    ("services.*.ports.[].target", To::Int),
    ("services.*.privileged", To::Bool),
    ("services.*.read_only", To::Bool),
    ("services.*.scale", To::Int),
    ("services.*.stdin_open", To::Bool),
    ("services.*.tty", To::Bool),
    ("services.*.ulimits.*", To::Int),
    ("services.*.ulimits.*.hard", To::Int),
    ("services.*.ulimits.*.soft", To::Int),
    ("services.*.volumes.[].read_only", To::Bool),
    ("services.*.volumes.[].volume.nocopy", To::Bool),
    ("networks.*.external", To::Bool),
    ("networks.*.internal", To::Bool),
    ("networks.*.attachable", To::Bool),
    ("networks.*.enable_ipv4", To::Bool),
    ("networks.*.enable_ipv6", To::Bool),
    ("volumes.*.external", To::Bool),
    ("secrets.*.external", To::Bool),
    ("configs.*.external", To::Bool),
];

/// Casts every typed place of a tree.
pub(super) fn cast(root: &mut Node, warnings: &mut Vec<Warning>, problems: &mut Vec<Problem>) {
    for (place, to) in PLACES {
        let steps: Vec<_> = place.split('.').collect();
        let mut work = Cast { to: *to, path: Vec::new(), warnings, problems };
        work.descend(root, &steps);
    }
}

struct Cast<'a> {
    to: To,
    path: Vec<String>,
    warnings: &'a mut Vec<Warning>,
    problems: &'a mut Vec<Problem>,
}

impl Cast<'_> {
    fn descend(&mut self, node: &mut Node, steps: &[&str]) {
        let Some((step, rest)) = steps.split_first() else { return self.value(node) };
        match (&mut node.value, *step) {
            (Value::Seq(items), "[]") => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.enter(index.to_string(), item, rest);
                }
            }
            (Value::Map(entries), "*") => {
                for (key, entry) in entries {
                    self.enter(key.clone(), &mut entry.node, rest);
                }
            }
            (Value::Map(entries), key) => {
                if let Some(entry) = entries.get_mut(key) {
                    self.enter(key.to_owned(), &mut entry.node, rest);
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, step: String, node: &mut Node, rest: &[&str]) {
        self.path.push(step);
        self.descend(node, rest);
        self.path.pop();
    }

    fn value(&mut self, node: &mut Node) {
        if self.problems.len() > MOST_PROBLEMS {
            return;
        }
        let Value::String(text) = &node.value else { return };
        let (value, kind) = match self.to {
            To::Int => (text.parse().ok().map(Value::Int), "a whole number"),
            To::Float => (float(text), "a number"),
            To::Bool => (self.boolean(text, node).map(Value::Bool), "`true` or `false`"),
        };
        if let Some(value) = value {
            node.value = value;
        } else {
            let reason = format!("it must be {kind}");
            let fault = Fault::BadValue { path: self.path.join("."), value: text.clone(), reason };
            self.problems.push(Problem::new(fault, &node.at).help(format!("write {kind} here")));
        }
    }

    /// The words of YAML 1.1, which people still write.
    fn boolean(&mut self, text: &str, node: &Node) -> Option<bool> {
        let value = match text.to_ascii_lowercase().as_str() {
            "true" => return Some(true),
            "false" => return Some(false),
            "y" | "yes" | "on" => true,
            "n" | "no" | "off" => false,
            _ => return None,
        };
        let message = format!("{} is a boolean of YAML 1.1 only", quoted(text));
        self.warnings.push(Warning::new(message, &node.at).help(format!("write `{value}`")));
        Some(value)
    }
}

fn float(text: &str) -> Option<Value> {
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| text.parse().map_or_else(|_| Value::Float(number, text.to_owned()), Value::Int))
}
