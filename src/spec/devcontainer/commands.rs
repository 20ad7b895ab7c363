//! Commands of a dev container's life: a line for a shell, a program with its arguments, or several side by side.

use indexmap::IndexMap;

use super::configuration::Configuration;
use crate::model::development::{Command, Stage, When};
use crate::spec::node::{Node, Value};

/// Run inside, in this order.
pub const STAGES: [(&str, When); 5] = [
    ("onCreateCommand", When::Created),
    ("updateContentCommand", When::Created),
    ("postCreateCommand", When::Created),
    ("postStartCommand", When::Started),
    ("postAttachCommand", When::Started),
];

/// Run on this machine.
pub const INITIALIZE: &str = "initializeCommand";

/// What runs inside.
pub fn stages(read: &Configuration) -> Vec<Stage> {
    STAGES.iter().filter_map(|(name, when)| stage(read.node.get(name)?, name, *when)).collect()
}

/// What runs on this machine.
pub fn initialize(read: &Configuration) -> Vec<Stage> {
    let node = read.node.get(INITIALIZE);
    node.and_then(|node| stage(node, INITIALIZE, When::Created)).into_iter().collect()
}

/// One property; `None` where there is nothing to run.
pub fn stage(node: &Node, name: &str, when: When) -> Option<Stage> {
    let commands: IndexMap<String, Command> = match &node.value {
        Value::Map(map) => map.iter().filter_map(|(key, entry)| Some((key.clone(), command(&entry.node)?))).collect(),
        _ => command(node).map(|command| (String::new(), command)).into_iter().collect(),
    };
    (!commands.is_empty()).then(|| Stage { name: name.to_owned(), when, commands })
}

fn command(node: &Node) -> Option<Command> {
    match &node.value {
        Value::String(line) if !line.is_empty() => Some(Command::Line(line.clone())),
        Value::Seq(items) if !items.is_empty() => {
            Some(Command::Words(items.iter().filter_map(Node::as_str).map(str::to_owned).collect()))
        }
        _ => None,
    }
}
