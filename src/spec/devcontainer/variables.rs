//! `${…}` in a `devcontainer.json`: what is known before there is a container. The rest stays as it stands:
//! `${containerEnv:…}` for the moment a command runs, and what belongs to other tools for good.

use std::borrow::Cow;

use crate::spec::dotenv::Variables;
use crate::spec::error::{Fault, Problem, SpecError};
use crate::spec::node::{At, Node, Value};

/// What the variables stand for.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The process's environment.
    pub environment: Variables,
    /// The folder of the project on this machine.
    pub local_folder: String,
    /// The same folder inside, once it is known.
    pub container_folder: Option<String>,
    /// The dev container's id; `None` leaves the variable as it is.
    pub id: Option<String>,
}

/// Replaces the variables in every string of a tree; keys are left alone.
pub fn substitute(node: &mut Node, known: &Known) -> Result<(), SpecError> {
    match &mut node.value {
        Value::String(text) => {
            if let Cow::Owned(replaced) = replace(text, &|name, arguments| known.value(name, arguments))
                .map_err(|expression| nameless(expression, &node.at))?
            {
                *text = replaced;
            }
        }
        Value::Seq(items) => items.iter_mut().try_for_each(|item| substitute(item, known))?,
        Value::Map(map) => map.values_mut().try_for_each(|entry| substitute(&mut entry.node, known))?,
        _ => {}
    }
    Ok(())
}

fn nameless(expression: String, at: &At) -> SpecError {
    let reason = "it lacks the name of a variable".to_owned();
    let help = "write `${localEnv:NAME}` or `${localEnv:NAME:default}`";
    Problem::new(Fault::Interpolation { expression, reason }, at).help(help).into()
}

/// What a variable stands for: `Ok(None)` leaves it, `Err` lacks its argument.
type Answer = Result<Option<String>, ()>;

impl Known {
    fn value(&self, name: &str, arguments: &[&str]) -> Answer {
        match name {
            "localEnv" | "env" => {
                let (variable, default) = argument(arguments)?;
                let value = self.environment.get(variable).map(String::as_str);
                Ok(Some(value.or(default).unwrap_or_default().to_owned()))
            }
            "containerEnv" => argument(arguments).map(|_| None),
            "localWorkspaceFolder" => Ok(Some(self.local_folder.clone())),
            "localWorkspaceFolderBasename" => Ok(Some(basename(&self.local_folder).to_owned())),
            "containerWorkspaceFolder" => Ok(self.container_folder.clone()),
            "containerWorkspaceFolderBasename" => {
                Ok(self.container_folder.as_deref().map(|folder| basename(folder).to_owned()))
            }
            "devcontainerId" => Ok(self.id.clone()),
            _ => Ok(None),
        }
    }
}

/// `${containerEnv:NAME:default}`, once a container is there.
pub fn container_environment(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let value = |name: &str, arguments: &[&str]| match (name, argument(arguments)) {
        ("containerEnv", Ok((variable, default))) => {
            Ok(Some(lookup(variable).or_else(|| default.map(str::to_owned)).unwrap_or_default()))
        }
        _ => Ok(None),
    };
    // what lacks a name was refused when the file was read
    replace(text, &value).map_or_else(|_| text.to_owned(), Cow::into_owned)
}

fn argument<'a>(arguments: &[&'a str]) -> Result<(&'a str, Option<&'a str>), ()> {
    match arguments {
        [] | ["", ..] => Err(()),
        [name, rest @ ..] => Ok((name, rest.first().copied())),
    }
}

fn basename(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Replaces each `${name:argument…}` that the function knows. The error is the expression that lacks its argument.
fn replace<'t>(text: &'t str, value: &dyn Fn(&str, &[&str]) -> Answer) -> Result<Cow<'t, str>, String> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let expression = &rest[start..];
        let Some(end) = expression.find('}') else { break };
        let whole = &expression[..=end];
        let mut parts = whole[2..end].split(':');
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<&str> = parts.collect();
        match value(name, &arguments) {
            Ok(Some(replaced)) => out.push_str(&replaced),
            Ok(None) => out.push_str(whole),
            Err(()) => return Err(whole.to_owned()),
        }
        rest = &expression[end + 1..];
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            environment: [("HOME".to_owned(), "/home/ada".to_owned()), ("EMPTY".to_owned(), String::new())].into(),
            local_folder: "/home/ada/shop".to_owned(),
            container_folder: Some("/workspaces/shop".to_owned()),
            id: None,
        }
    }

    fn text(text: &str) -> String {
        let mut node = Node::string(text, At::nowhere());
        substitute(&mut node, &known()).unwrap();
        node.as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_known_is_replaced_and_the_rest_stays() {
        for (given, wanted) in [
            ("${localEnv:HOME}/x", "/home/ada/x"),
            ("${localEnv:NOPE}", ""),
            ("${localEnv:NOPE:a}b", "ab"),
            ("${localEnv:EMPTY:a}", ""),
            ("${env:HOME}", "/home/ada"),
            ("${localWorkspaceFolder} ${localWorkspaceFolderBasename}", "/home/ada/shop shop"),
            ("${containerWorkspaceFolder} ${containerWorkspaceFolderBasename}", "/workspaces/shop shop"),
            ("${containerEnv:PATH}:/x", "${containerEnv:PATH}:/x"),
            ("${templateOption:variant} ${devcontainerId}", "${templateOption:variant} ${devcontainerId}"),
            ("${localEnv:HOME", "${localEnv:HOME"),
            ("$HOME ${HOME}", "$HOME ${HOME}"),
        ] {
            assert_eq!(text(given), wanted, "{given}");
        }
    }

    #[test]
    fn a_variable_without_a_name_is_an_error() {
        for given in ["${localEnv}", "a${localEnv:}", "${containerEnv}"] {
            let mut node = Node::string(given, At::nowhere());
            assert!(substitute(&mut node, &known()).unwrap_err().to_string().contains("lacks the name"), "{given}");
        }
    }

    #[test]
    fn the_containers_variables_come_last() {
        let lookup = |name: &str| (name == "PATH").then(|| "/bin".to_owned());
        assert_eq!(
            container_environment("${containerEnv:PATH}:/x ${containerEnv:A:b}${other}", &lookup),
            "/bin:/x b${other}"
        );
    }
}
