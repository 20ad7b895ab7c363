//! `workstation.yaml`: which files of the user's own a backup of everything keeps.

use serde::{Deserialize, Serialize};

use crate::base::files::{self, Access};

use super::store::{State, StateError};

/// What is kept of the home folder where the user has not said otherwise.
const USUAL: &[&str] = &[
    ".gitconfig",
    ".config/git/**",
    ".ssh/config",
    ".ssh/config.d/**",
    ".ssh/known_hosts",
    ".ssh/*.pub",
    ".profile",
    ".bashrc",
    ".bash_profile",
    ".bash_aliases",
    ".bash_history",
    ".zshrc",
    ".zprofile",
    ".zshenv",
    ".zsh_history",
    ".config/fish/**",
    ".inputrc",
    ".tmux.conf",
    ".config/tmux/**",
    ".vimrc",
    ".config/nvim/**",
    ".emacs.d/init.el",
    ".editorconfig",
    ".config/Code/User/*.json",
    ".config/Code/User/snippets/**",
    ".config/helix/**",
    ".config/zed/*.json",
    ".config/starship.toml",
];

/// What is kept of the home folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workstation {
    /// Patterns of files below the home folder.
    pub include: Vec<String>,
    /// Patterns of files that are left out all the same.
    pub exclude: Vec<String>,
    /// Private keys of SSH are kept, too: only where the user says so.
    pub ssh_keys: bool,
    /// The list of packages that were installed by hand.
    pub packages: bool,
}

impl Default for Workstation {
    fn default() -> Self {
        let include = USUAL.iter().map(|pattern| (*pattern).to_owned()).collect();
        Self { include, exclude: Vec::new(), ssh_keys: false, packages: true }
    }
}

/// Words above the settings that devup writes.
const HEAD: &str = "\
# Files below the home folder that `devup backup --all` keeps, and `devup restore --all` puts back where there are none.
# `**` stands for any folders. Private SSH keys are kept only with `ssh_keys: true`.
";

impl State {
    /// The user's settings; `None`: there are none yet.
    pub fn workstation(&self) -> Result<Option<Workstation>, StateError> {
        let path = self.layout().workstation();
        let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
        let wrong = |reason: String| StateError::Preferences { path: path.clone(), reason };
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
        serde_yaml::from_str(&text)
            .map(Some)
            .map_err(|error| wrong(format!("{error}; the keys are include, exclude, ssh_keys, packages")))
    }

    /// Writes the settings for the first time.
    pub fn write_workstation(&self, settings: &Workstation) -> Result<(), StateError> {
        let path = self.layout().workstation();
        let text = serde_yaml::to_string(settings)
            .map_err(|error| StateError::Preferences { path: path.clone(), reason: error.to_string() })?;
        if let Some(folder) = path.parent() {
            files::create_folder(folder, Access::Shared)?;
        }
        Ok(files::write_atomic(&path, format!("{HEAD}{text}").as_bytes(), Access::Shared)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn settings_are_written_once_and_read_back() {
        let (_folder, state) = temporary();
        assert_eq!(state.workstation().unwrap(), None);
        state.write_workstation(&Workstation::default()).unwrap();
        assert_eq!(state.workstation().unwrap(), Some(Workstation::default()));
        std::fs::write(state.layout().workstation(), "ssh_keys: true\n").unwrap();
        let read = state.workstation().unwrap().unwrap();
        assert!(read.ssh_keys && read.packages && read.include == Workstation::default().include);
        std::fs::write(state.layout().workstation(), "ssh: true\n").unwrap();
        assert!(state.workstation().unwrap_err().to_string().contains("the keys are include"));
    }
}
