//! Calls of git on repositories that nobody has vouched for.
//!
//! A repository's own configuration can name programs (hooks, file system monitors, pagers, transports, verifiers of
//! signatures). Here they are turned off, and so are the variables that point git elsewhere; callers use plumbing only,
//! and never formats that show content (`-p`). The user's and the system's configuration stay as they are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::process::{Call, Finished, ProcessError};

/// Most bytes of an answer. One that is longer is an error: half a list must never be taken for the whole.
const MOST: usize = 1024 * 1024 * 1024;

/// Lines of what git said that an error shows.
const SHOWN_LINES: usize = 6;

/// Turned off in every call.
const OFF: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    // the refs of a borrowed object store are not asked for: a program that says nothing
    "core.alternateRefsCommand=true",
    "core.quotePath=false",
    "log.showSignature=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "advice.detachedHead=false",
];

/// Variables that would point git elsewhere, or make it write and run what is not wanted.
const FOREIGN: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_ATTR_SOURCE",
    "GIT_EXTERNAL_DIFF",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_QUARANTINE_PATH",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_REF_URI",
];

/// Protocols that git may speak when it asks a remote.
const PROTOCOLS: &str = "file:https:http:ssh:git";
/// Commands that ask one. Others shall speak to nobody: an older git fetches what a partial clone left out whatever
/// `GIT_NO_LAZY_FETCH` says, from an address that the repository names.
const ASKING: &[&str] = &["fetch", "ls-remote", "clone"];

/// For a call that reads what is here. A pipe in the place of a file would keep it waiting forever.
const PATIENCE: Duration = Duration::from_mins(10);
/// For calls that move all that a repository has.
pub const LONG: Duration = Duration::from_hours(6);

/// Git, turned to one repository.
#[derive(Debug, Clone)]
pub struct Git {
    git_dir: PathBuf,
    work_tree: Option<PathBuf>,
    config: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    limit: Duration,
}

/// A call of git that did not give what was wanted.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git, or it did not come to an end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It failed.
    #[error("`git {command}` on {} failed: {words}", git_dir.display())]
    Failed {
        /// The command's name.
        command: String,
        /// On which repository.
        git_dir: PathBuf,
        /// What it said in the end.
        words: String,
    },
    /// Its answer is longer than anything that is looked at.
    #[error("the answer of `git {command}` is longer than {} MiB", MOST / 1024 / 1024)]
    TooLong {
        /// The command's name.
        command: String,
    },
}

impl Git {
    /// On the repository with this folder of git's.
    pub fn on(git_dir: &Path) -> Self {
        Self {
            git_dir: git_dir.to_owned(),
            work_tree: None,
            config: Vec::new(),
            variables: Vec::new(),
            limit: PATIENCE,
        }
    }

    /// With this working tree.
    #[must_use]
    pub fn work_tree(mut self, folder: &Path) -> Self {
        self.work_tree = Some(folder.to_owned());
        self
    }

    /// With this setting, `key=value`. Everybody on the machine can see it.
    #[must_use]
    pub fn config(mut self, setting: impl AsRef<OsStr>) -> Self {
        self.config.push(setting.as_ref().to_owned());
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Stops calls that take longer; by themselves they have ten minutes.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The folder of git's.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    fn call(&self, arguments: &[&str]) -> Call {
        let asks = arguments.first().is_some_and(|command| ASKING.contains(command));
        let mut call = FOREIGN.iter().fold(Call::new("git"), Call::without_env);
        for (name, value) in [
            ("LC_ALL", "C"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_ALLOW_PROTOCOL", if asks { PROTOCOLS } else { "" }),
            // nobody is asked: a question would wait for an answer on a terminal that shows something else
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "false"),
            ("SSH_ASKPASS", "false"),
            ("SSH_ASKPASS_REQUIRE", "force"),
        ] {
            call = call.env(name, value);
        }
        for (name, value) in &self.variables {
            call = call.env(name, value);
        }
        call = OFF.iter().fold(call, |call, setting| call.args(["-c", setting]));
        for setting in &self.config {
            call = call.arg("-c").arg(setting);
        }
        call = call.arg(joined("--git-dir=", &self.git_dir));
        if let Some(tree) = &self.work_tree {
            call = call.arg(joined("--work-tree=", tree)).dir(tree);
        }
        call.deadline(self.limit).args(arguments).keep(MOST)
    }

    /// The answer of a call that has to succeed; without the settings that stand in each, which nobody wants to read.
    fn checked(&self, arguments: &[&str], ended: Finished) -> Result<Vec<u8>, GitError> {
        if ended.success() {
            return Ok(ended.stdout);
        }
        let said = ended.error_text();
        let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
        let words = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        Err(GitError::Failed { command: name(arguments), git_dir: self.git_dir.clone(), words })
    }

    fn run(&self, arguments: &[&str], input: Option<Vec<u8>>) -> Result<Finished, GitError> {
        let mut call = self.call(arguments);
        if let Some(bytes) = input {
            call = call.stdin(bytes);
        }
        let ended = call.run_blocking()?;
        if ended.stdout.len() >= MOST {
            return Err(GitError::TooLong { command: name(arguments) });
        }
        Ok(ended)
    }

    /// The answer of a call that has to succeed.
    pub fn read(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        self.checked(arguments, self.run(arguments, None)?)
    }

    /// The same, where the call reads these bytes.
    pub fn feed(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Result<Vec<u8>, GitError> {
        self.checked(arguments, self.run(arguments, Some(input.into()))?)
    }

    /// The answer; `None` where git says no by a code of its own (1).
    pub fn ask(&self, arguments: &[&str]) -> Result<Option<Vec<u8>>, GitError> {
        let ended = self.run(arguments, None)?;
        if ended.status.code() == Some(1) {
            return Ok(None);
        }
        self.checked(arguments, ended).map(Some)
    }
}

/// The command's name.
fn name(arguments: &[&str]) -> String {
    arguments.first().copied().unwrap_or_default().to_owned()
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut word = OsString::from(option);
    word.push(path);
    word
}

/// The parts of an answer that ends each of them with a NUL byte.
pub fn parts(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// The lines of an answer.
pub fn lines(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_a_remote_may_speak_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let made = Call::new("git").args(arguments.iter().copied()).dir(folder.path()).run_blocking().unwrap();
            assert!(made.success(), "{}", made.error_text());
        };
        run(&["init", "-q", "--bare", "remote.git"]);
        run(&["init", "-q", "."]);
        run(&["remote", "add", "origin", "./remote.git"]);
        let git = Git::on(&folder.path().join(".git")).work_tree(folder.path());
        git.read(&["ls-remote", "origin"]).unwrap();
        // `remote show` stands for any command that would ask though it is not meant to
        let said = git.read(&["remote", "show", "origin"]).unwrap_err().to_string();
        assert!(said.contains("not allowed"), "{said}");
    }

    #[test]
    fn a_call_that_would_wait_forever_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let made = Call::new("git").args(["init", "-q", "."]).dir(folder.path()).run_blocking().unwrap();
        assert!(made.success());
        let made = Call::new("mkfifo").arg(folder.path().join("pipe")).run_blocking().unwrap();
        assert!(made.success());
        let git = Git::on(&folder.path().join(".git")).work_tree(folder.path());
        assert_eq!(git.limit, PATIENCE, "without being asked for");
        let ended = git.within(Duration::from_millis(200)).read(&["hash-object", "--no-filters", "pipe"]);
        assert!(matches!(ended, Err(GitError::Process(_))), "{ended:?}");
    }

    #[test]
    fn nothing_of_the_repository_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let made = Call::new("git").args(["init", "-q", "."]).dir(root).run_blocking().unwrap();
        assert!(made.success(), "{}", made.error_text());
        let program = root.join("evil");
        let mark = root.join("ran");
        std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
        let made = Call::new("chmod").arg("+x").arg(&program).run_blocking().unwrap();
        assert!(made.success());
        let config =
            format!("[core]\n fsmonitor = {0}\n pager = {0}\n alternateRefsCommand = {0}\n", program.display());
        std::fs::write(root.join(".git/config"), config).unwrap();
        std::fs::write(root.join("file"), "x").unwrap();
        // the user's own git would run it
        let status = Call::new("git").args(["status", "-s"]).dir(root).run_blocking().unwrap();
        assert!(mark.exists(), "the trap does not work: {}", status.error_text());
        std::fs::remove_file(&mark).unwrap();
        let git = Git::on(&root.join(".git")).work_tree(root);
        assert!(!git.read(&["status", "--porcelain=v2", "-z", "-uall"]).unwrap().is_empty());
        assert!(!mark.exists());
    }
}
