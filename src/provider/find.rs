//! Where programs are looked for: plugins of the docker command line first, then PATH.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::ProviderError;

/// Where the docker command line looks for plugins on every machine.
const SYSTEM: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Folders with programs.
#[derive(Debug, Clone)]
pub struct Search {
    /// Of plugins, the first counts most.
    plugins: Vec<PathBuf>,
    /// `PATH`.
    path: Option<OsString>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    cli_plugins_extra_dirs: Vec<PathBuf>,
}

impl Search {
    /// As the docker command line of this process's variables would search.
    pub fn of(home: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = variable("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
        let folder = given.map_or_else(|| home.join(".docker"), PathBuf::from);
        // a file that can't be read names no further folders, as in the docker command line
        let config = std::fs::read(folder.join("config.json")).ok();
        let config: Config = config.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut plugins = config.cli_plugins_extra_dirs;
        plugins.push(folder.join("cli-plugins"));
        plugins.extend(SYSTEM.map(PathBuf::from));
        Self { plugins, path: variable("PATH").map(OsString::from) }
    }

    /// A plugin of the docker command line.
    pub(super) fn plugin(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(&self.plugins).ok()?;
        which::which_in(format!("docker-{name}"), Some(folders), "/").ok()
    }

    /// The program of a provider's `type`; one with a `/` is a path, relative ones seen from `project`.
    pub(super) fn provider(&self, kind: &str, project: &Path) -> Result<PathBuf, ProviderError> {
        if kind == "compose" {
            return Err(ProviderError::Reserved);
        }
        let missing = || ProviderError::NoProgram { kind: kind.to_owned() };
        if kind.contains('/') {
            return which::which_in(project.join(kind), None::<OsString>, "/").map_err(|_| missing());
        }
        let on_path = || which::which_in(kind, self.path.as_ref(), "/").ok();
        self.plugin(kind).or_else(on_path).ok_or_else(missing)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn program(path: &Path) -> PathBuf {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    #[test]
    fn plugins_come_before_path_and_a_path_is_the_projects_own() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let bin = home.join("bin").display().to_string();
        let search = || Search::of(home, |name| (name == "PATH").then(|| bin.clone()));
        let find = |kind: &str| search().provider(kind, &home.join("project"));
        assert!(matches!(find("cloud"), Err(ProviderError::NoProgram { .. })));
        let on_path = program(&home.join("bin/cloud"));
        assert_eq!(find("cloud").unwrap(), on_path);
        let own = program(&home.join(".docker/cli-plugins/docker-cloud"));
        assert_eq!(find("cloud").unwrap(), own);
        let extra = home.join("more");
        let config = serde_json::json!({ "cliPluginsExtraDirs": [extra] });
        std::fs::write(home.join(".docker/config.json"), config.to_string()).unwrap();
        let further = program(&extra.join("docker-cloud"));
        assert_eq!(find("cloud").unwrap(), further);
        let script = program(&home.join("project/tools/provide.sh"));
        assert_eq!(find("./tools/provide.sh").unwrap().canonicalize().unwrap(), script.canonicalize().unwrap());
        assert!(matches!(find("compose"), Err(ProviderError::Reserved)));
    }

    #[test]
    fn what_is_not_executable_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("cloud"), "").unwrap();
        let search = Search::of(folder.path(), |name| (name == "PATH").then(|| bin.display().to_string()));
        assert!(matches!(search.provider("cloud", folder.path()), Err(ProviderError::NoProgram { .. })));
    }
}
