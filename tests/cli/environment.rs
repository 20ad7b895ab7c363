//! A world of its own for one test: an empty home, a fixed PATH, no variables, no engine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folders of one test. They go with it.
pub struct TestEnvironment {
    root: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl TestEnvironment {
    /// An empty home and an empty project folder.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("devup-cli-").tempdir().unwrap();
        for folder in ["home", "project"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    /// The folder that commands run in.
    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Writes a file of the project.
    pub fn file(&self, path: impl AsRef<Path>, content: &str) -> &Self {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// The program with these arguments, without any variable of the outside.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let home = self.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            // an address where nobody listens: no test of this binary may find the machine's engine
            .env("DOCKER_HOST", format!("unix://{}", home.join("no-engine.sock").display()))
            // nor its keyring
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", home.join("no-bus.sock").display()))
            .stdin(Stdio::null());
        command
    }

    /// The folder that takes the user's home's place.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Runs the program to its end, with this on its standard input.
    pub fn feed(&self, arguments: &[&str], text: &[u8]) -> Ran {
        let path = self.root.path().join("stdin");
        std::fs::write(&path, text).unwrap();
        self.finish(self.command(arguments).stdin(std::fs::File::open(path).unwrap()))
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(&mut self.command(arguments))
    }

    /// Runs a prepared command to its end.
    pub fn finish(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: self.hide(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.hide(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// What differs from run to run is replaced by a word.
    fn hide(&self, text: &str) -> String {
        text.replace(&*self.root.path().to_string_lossy(), "[ROOT]").replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }
}

impl Ran {
    /// The whole screen as one text, for snapshots.
    pub fn screen(&self) -> String {
        let code = self.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        format!("exit: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}
