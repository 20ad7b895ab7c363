//! A feature as a step on top of an image.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::Feature;
use super::definition::SCRIPT;
use crate::model::task::Provision;

/// For whom a feature is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// Whom the container runs as.
    pub container: String,
    /// Who works in it.
    pub remote: String,
}

/// The step; `labels` are those of the image with the feature in it.
pub fn step(feature: &Feature, number: usize, users: &Users, labels: IndexMap<String, String>) -> Provision {
    let folder = format!("/tmp/devup-feature-{number}");
    let place = |(name, path): (&String, &std::path::PathBuf)| (path.clone(), format!("{folder}/{name}"));
    Provision {
        run: script(feature, &folder, users),
        user: Some("root".to_owned()),
        copies: feature.files.iter().map(place).collect(),
        image_environment: feature.definition.environment.clone(),
        image_labels: labels,
        ..Provision::default()
    }
}

fn script(feature: &Feature, folder: &str, users: &Users) -> String {
    let mut script = format!(
        "home() {{ while IFS=: read -r name _ _ _ _ home _; do [ \"$name\" != \"$1\" ] || printf %s \"$home\"; done \
         </etc/passwd; }}\n_CONTAINER_USER={} _REMOTE_USER={}\n\
         _CONTAINER_USER_HOME=$(home \"$_CONTAINER_USER\") _REMOTE_USER_HOME=$(home \"$_REMOTE_USER\")\n\
         export _CONTAINER_USER _REMOTE_USER _CONTAINER_USER_HOME _REMOTE_USER_HOME\n",
        quoted(&users.container),
        quoted(&users.remote)
    );
    let mut options = feature.definition.options.clone();
    options.extend(feature.options.clone());
    for (name, value) in &options {
        let _ = writeln!(script, "export {}={}", variable(name), quoted(value));
    }
    let _ = write!(script, "cd {folder}\nchmod +x {SCRIPT}\n./{SCRIPT}\ncd /\nrm -rf {folder}\n");
    script
}

/// An option's name as that of a variable.
fn variable(option: &str) -> String {
    let word: String = option.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let word = if rest.len() == word.len() { word } else { format!("_{rest}") };
    word.to_ascii_uppercase()
}

fn quoted(word: &str) -> String {
    // only a NUL byte can't be quoted, and it can't be passed on either
    shlex::try_quote(word).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::{Definition, Reference};

    #[test]
    fn options_become_variables() {
        for (option, wanted) in [("version", "VERSION"), ("install-zsh", "INSTALL_ZSH"), ("1a", "_A"), ("__x", "_X")] {
            assert_eq!(variable(option), wanted);
        }
    }

    #[test]
    fn a_value_can_not_become_a_command() {
        let text = r#"{"id": "a", "options": {"greeting": {"default": "hello"}, "name": {"default": "x"}}}"#;
        let feature = Feature {
            reference: Reference::parse("./a").unwrap(),
            definition: Definition::parse(text, "a".into()).unwrap(),
            options: [("name".to_owned(), "'; touch /x; '".to_owned())].into(),
            digest: String::new(),
            files: [("install.sh".to_owned(), "/p/install.sh".into())].into(),
            needs: Vec::new(),
        };
        let users = Users { container: "root".into(), remote: "$(id)".into() };
        let step = step(&feature, 3, &users, IndexMap::new());
        assert!(step.run.contains("export GREETING=hello\n"), "{}", step.run);
        let words = shlex::split(&step.run).unwrap();
        assert!(words.iter().any(|word| word == "NAME='; touch /x; '"), "{words:?}");
        assert!(words.iter().any(|word| word == "_REMOTE_USER=$(id)"), "{words:?}");
        assert_eq!(step.copies.values().collect::<Vec<_>>(), ["/tmp/devup-feature-3/install.sh"]);
    }
}
