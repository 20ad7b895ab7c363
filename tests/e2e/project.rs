//! A project in a folder of its own, and devup run on it with a home of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::engine::Engine;

/// A project on one engine. Everything it left on the engine is removed when it goes.
pub struct Project {
    pub name: String,
    pub engine: Engine,
    root: tempfile::TempDir,
}

impl Project {
    /// A folder with this spec in it. The name is unique to this run.
    pub fn new(engine: &Engine, what: &str, spec: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e{}x{number}-{what}", std::process::id());
        let root = tempfile::Builder::new().prefix("devup-e2e").tempdir().expect("a temporary folder");
        std::fs::create_dir_all(root.path().join("home")).expect("a home");
        std::fs::create_dir_all(root.path().join(&name)).expect("a folder");
        let project = Self { name, engine: engine.clone(), root };
        project.write("compose.yaml", spec);
        project
    }

    pub fn folder(&self) -> PathBuf {
        self.root.path().join(&self.name)
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Writes a file of the project; `IMAGE` in it is the test image.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.folder().join(file);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        std::fs::write(path, text.replace("IMAGE", super::engine::IMAGE)).expect("a file");
    }

    /// devup, hermetic but for the engine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(arguments).current_dir(self.folder());
        hermetic(&mut command, &self.home());
        command.env("DOCKER_HOST", self.engine.host());
        command
    }

    pub fn devup(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// In the background, output piped.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("devup starts")
    }

    /// Name of a service's container.
    pub fn container(&self, service: &str, number: u32) -> String {
        format!("{}-{service}-{number}", self.name)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if !super::engine::answers(&self.engine, std::time::Duration::ZERO) {
            return;
        }
        if std::thread::panicking() {
            eprintln!("containers of {} at the end:", self.name);
            for container in self.engine.containers(&self.name) {
                eprintln!("  {} {:?}", super::engine::name_of(&container), container.status);
            }
        }
        self.engine.clean(&self.name);
    }
}

/// The docker-compose program: the one that `DOCKER_COMPOSE` names, or where Debian and Docker put it.
pub fn docker_compose() -> Option<PathBuf> {
    let usual = ["/usr/libexec/docker/cli-plugins/docker-compose", "/usr/lib/docker/cli-plugins/docker-compose"];
    let named = std::env::var_os("DOCKER_COMPOSE").filter(|name| !name.is_empty()).map(PathBuf::from);
    let found = named
        .or_else(|| which::which("docker-compose").ok())
        .or_else(|| usual.iter().map(PathBuf::from).find(|path| path.exists()));
    if found.is_none() {
        eprintln!("SKIPPED: no docker-compose here to compare with (DOCKER_COMPOSE names one)");
    }
    found
}

/// Nothing of the caller's environment but the path.
pub fn hermetic(command: &mut Command, home: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8");
}

/// How a run ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(mut command: Command) -> Self {
        Self::from(command.stdin(Stdio::null()).output().expect("devup starts"))
    }

    /// Fails the test with everything that was printed unless the exit code is this.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Fails the test unless stderr or stdout has this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "{text:?} is not said\n--- stdout\n{}\n--- stderr\n{}",
            self.out,
            self.err
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
