//! The user's preferences: `config.yaml`. Few on purpose; every one has a flag or a variable that overrides it.

use serde::Deserialize;

use crate::base::files;
use crate::model::development::Dotfiles;

use super::store::{State, StateError};

/// What the user prefers on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Refuse a taken port instead of choosing another one, as `--strict-ports` does.
    pub strict_ports: bool,
    /// `false`: secrets are kept in files (0600) although there is a keyring.
    pub keyring: Option<bool>,
    /// `false`: builds of users' own Dockerfiles do not get this machine's certificate authorities.
    pub build_authorities: Option<bool>,
    /// The user's own files, put into every dev container.
    pub dotfiles: Option<Dotfiles>,
}

const KEYS: &[&str] = &["strict_ports", "keyring", "build_authorities", "dotfiles"];

impl State {
    /// Reads the preferences; those of no file are the defaults.
    pub fn preferences(&self) -> Result<Preferences, StateError> {
        let path = self.layout().preferences();
        let Some(bytes) = files::read_optional(&path)? else { return Ok(Preferences::default()) };
        let wrong = |reason: String| StateError::Preferences { path: path.clone(), reason };
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Preferences::default());
        }
        serde_yaml::from_str(&text).map_err(|error| wrong(format!("{error}; the keys are {}", KEYS.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;
    use std::fs;

    #[test]
    fn preferences_are_read_and_wrong_ones_explained() {
        let (_folder, state) = temporary();
        assert_eq!(state.preferences().unwrap(), Preferences::default());
        let path = state.layout().preferences();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "# nothing yet\n").unwrap();
        assert_eq!(state.preferences().unwrap(), Preferences::default());
        fs::write(&path, "strict_ports: true\n").unwrap();
        assert!(state.preferences().unwrap().strict_ports);
        fs::write(&path, "strict_port: true\n").unwrap();
        let error = state.preferences().unwrap_err().to_string();
        assert!(error.contains("strict_port") && error.contains("the keys are strict_ports"), "{error}");
    }
}
