//! What a spec may say, but hardly means.

use super::error::Warning;
use super::node::Node;
use super::words;

/// Warnings about a spec whose forms are long.
pub fn on(spec: &Node) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (name, entry) in spec.entries("services") {
        warnings.extend(drives(name, &entry.node));
        for key in ["command", "entrypoint"] {
            let Some(node) = entry.node.get(key) else { continue };
            let ended_at = node.as_str().and_then(|line| words::split(line).ok()).and_then(|words| words.ended_at);
            if let Some(operator) = ended_at {
                let message = format!("`services.{name}.{key}` is no shell: all from `{operator}` on is ignored");
                let help = format!("write `{key}: [sh, -c, \"…\"]` to have a shell run it");
                warnings.push(Warning::new(message, &node.at).help(help));
            }
        }
    }
    warnings
}

/// A volume with a name of one letter is read as a drive of Windows, by Compose and so by devup.
fn drives<'a>(name: &'a str, service: &'a Node) -> impl Iterator<Item = Warning> + 'a {
    let mounts = service.get("volumes").and_then(Node::as_seq).into_iter().flatten();
    mounts.filter_map(move |mount| {
        let source = mount.get("source").filter(|_| mount.get("type").and_then(Node::as_str) == Some("bind"))?;
        let mut chars = source.as_str()?.chars();
        let is_drive = chars.next()?.is_alphabetic() && chars.next()? == ':';
        let message = format!("`services.{name}.volumes` binds a path of Windows, `{}`", source.as_str()?);
        let help = "if a volume was meant, give it a name of two letters or more, or write it in the long form";
        is_drive.then(|| Warning::new(message, &source.at).help(help))
    })
}
