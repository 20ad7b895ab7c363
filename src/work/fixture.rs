//! Real repositories for tests: a folder with a remote and clones of it, made by git as a user would, with nothing of
//! this machine's configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::at_risk::{Asking, Risk, look};
use super::matter::Matter;
use super::repository::Repository;

/// A folder that goes with the test.
pub(super) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("devup-work-").tempdir().unwrap() }
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// A remote with one commit on `main`, and a clone of it.
    pub(super) fn clone_of_remote(&self, name: &str) -> PathBuf {
        let remote = self.path(&format!("{name}.git"));
        git(self.folder.path(), &["init", "-q", "--bare", &remote.to_string_lossy()]);
        let clone = self.path(name);
        git(self.folder.path(), &["clone", "-q", &remote.to_string_lossy(), name]);
        commit(&clone, "first", "one\n");
        git(&clone, &["push", "-q", "-u", "origin", "main"]);
        clone
    }

    /// What would be lost with the repository in this folder.
    pub(super) fn risk(&self, folder: &Path, offline: bool) -> Risk {
        let repository = Repository::at(folder).unwrap().unwrap();
        let desk = tempfile::tempdir_in(self.folder.path()).unwrap();
        let asking = Asking { offline, not_in: None };
        look(&repository, &desk.path().join("desk"), &asking, &Matter::with(&[]).unwrap())
    }
}

/// Git as a user would call it; it has to succeed.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Git in a folder, with nothing of this machine's configuration.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "gc.auto=0"])
        .args(["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"])
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_EDITOR", "true");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command
}

/// Writes a file and commits it.
pub(super) fn commit(folder: &Path, file: &str, content: &str) {
    std::fs::write(folder.join(file), content).unwrap();
    git(folder, &["add", "--", file]);
    git(folder, &["commit", "-q", "-m", file]);
}
