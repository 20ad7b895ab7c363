//! Every name that devup uses on disk, in one place.
//!
//! ```text
//! $XDG_CONFIG_HOME/devup/            ~/.config/devup
//!   config.yaml                      the user's preferences
//! $XDG_STATE_HOME/devup/             ~/.local/state/devup, 0700
//!   version                          the layout's version: an older devup refuses newer state
//!   projects.json                    registry: name, instance, path, remote, last use
//!   ports.json                       chosen ports per project
//!   trust.json                       consent given: hash of capabilities and scripts
//!   locks/<project>.lock             held while a project changes; holds the owner's pid and verb
//!   locks/.state.lock                held for the moment in which one of the files above is rewritten
//!   journal/<project>.jsonl          what was done, one line per step
//!   marks/<project>.json             hooks, tasks and provisioning done, by container
//!   authorities/<digest>.pem         certificate authorities of the host, mounted into containers
//!   authorities/<digest>.pem         certificate authorities of the host, bound into containers
//!   logs/                            engines and installers started by devup
//!   secrets/<project>/<name>         0600: only where there is no keyring
//! $XDG_CACHE_HOME/devup/             ~/.cache/devup: may be removed at any time
//!   engine.json                      the engine's last answers (features, registry verdicts)
//! ```

use std::path::{Path, PathBuf};

/// Version of the layout and of the files in it. Raise it with a migration in `state`.
pub const STATE_VERSION: u32 = 1;

/// The three roots. Made once from the environment, then handed down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Preferences.
    pub config: PathBuf,
    /// What devup must remember.
    pub state: PathBuf,
    /// What devup may forget.
    pub cache: PathBuf,
}

impl Layout {
    /// XDG's rules: the variables where they are absolute paths, else the folders below `home`.
    pub fn from_variables(home: &Path, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let root = |variable: &str, default: &str| {
            lookup(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .unwrap_or_else(|| home.join(default))
                .join("devup")
        };
        Self {
            config: root("XDG_CONFIG_HOME", ".config"),
            state: root("XDG_STATE_HOME", ".local/state"),
            cache: root("XDG_CACHE_HOME", ".cache"),
        }
    }

    /// The user's preferences.
    pub fn preferences(&self) -> PathBuf {
        self.config.join("config.yaml")
    }
    /// Which files of the user's own are kept by a backup of everything.
    pub fn workstation(&self) -> PathBuf {
        self.config.join("workstation.yaml")
    }
    /// Version of the state.
    pub fn version(&self) -> PathBuf {
        self.state.join("version")
    }
    /// Registry of projects.
    pub fn projects(&self) -> PathBuf {
        self.state.join("projects.json")
    }
    /// Chosen ports.
    pub fn ports(&self) -> PathBuf {
        self.state.join("ports.json")
    }
    /// Consent given.
    pub fn trust(&self) -> PathBuf {
        self.state.join("trust.json")
    }
    /// Lock of one project.
    pub fn lock(&self, project: &str) -> PathBuf {
        self.state.join("locks").join(format!("{project}.lock"))
    }
    /// Lock of the state's own files; no project's name begins with a dot.
    pub fn state_lock(&self) -> PathBuf {
        self.state.join("locks").join(".state.lock")
    }
    /// Journal of one project.
    pub fn journal(&self, project: &str) -> PathBuf {
        self.state.join("journal").join(format!("{project}.jsonl"))
    }
    /// What was done inside the containers of one project.
    pub fn marks(&self, project: &str) -> PathBuf {
        self.state.join("marks").join(format!("{project}.json"))
    }
    /// What this machine calls itself.
    pub fn machine(&self) -> PathBuf {
        self.state.join("machine.json")
    }
    /// How the automatic backups went.
    pub fn automatic_backups(&self) -> PathBuf {
        self.state.join("backup/automatic.json")
    }

    /// How drills of backups went.
    pub fn drills(&self) -> PathBuf {
        self.state.join("backup/drills.json")
    }
    /// Whether the user was told where backups go.
    pub fn told_of_backups(&self) -> PathBuf {
        self.state.join("backup/told.json")
    }
    /// Logs of what devup started.
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }
    /// What was backed up last.
    pub fn backed_up(&self) -> PathBuf {
        self.state.join("backups.json")
    }
    /// Work on its way back from backups.
    pub fn returns(&self) -> PathBuf {
        self.state.join("returns.json")
    }
    /// Secrets of a project where there is no keyring.
    pub fn secrets(&self, project: &str) -> PathBuf {
        self.state.join("secrets").join(project)
    }
    /// The host's own certificate authorities, one file per content: bound into containers.
    pub fn authorities(&self) -> PathBuf {
        self.state.join("authorities")
    }
    /// Specs of other repositories that specs include.
    pub fn includes(&self) -> PathBuf {
        self.cache.join("includes")
    }
    /// The engine's last answers.
    pub fn engine_cache(&self) -> PathBuf {
        self.cache.join("engine.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_variables_do_not_count() {
        let layout = Layout::from_variables(Path::new("/home/ada"), |name| match name {
            "XDG_STATE_HOME" => Some("/state".to_owned()),
            "XDG_CACHE_HOME" => Some("cache".to_owned()),
            _ => None,
        });
        assert_eq!(layout.state, Path::new("/state/devup"));
        assert_eq!(layout.cache, Path::new("/home/ada/.cache/devup"));
        assert_eq!(layout.config, Path::new("/home/ada/.config/devup"));
    }
}
