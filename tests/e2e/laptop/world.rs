//! A machine that can be lost: remotes and backups outside of it, homes that come and go, and an engine.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::facts::git;
use crate::engine::{Engine, within};
use crate::project::{Ran, hermetic};

/// Opens the repository: the words of its recovery sheet lie in a file.
const KEY: &str = "s3ntinel-of-the-laptop";
/// A secret of the shop.
pub const SECRET: &str = "s3ntinel-api-key";

/// All of it.
pub struct World {
    root: tempfile::TempDir,
    pub engine: Engine,
    pub home: PathBuf,
    pub names: Vec<String>,
    daemon: Child,
    port: u16,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        self.names.iter().for_each(|name| self.engine.clean(name));
    }
}

impl World {
    pub fn new(engine: &Engine) -> Self {
        let root = tempfile::Builder::new().prefix("devup-laptop").tempdir().unwrap();
        let home = root.path().join("home/ada");
        for folder in [&home, &root.path().join("remotes")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(root.path().join("key"), format!("{KEY}\n")).unwrap();
        let (daemon, port) = git_daemon(&root.path().join("remotes"));
        Self { root, engine: engine.clone(), home, names: Vec::new(), daemon, port }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn name(&mut self, what: &str) -> String {
        let name = format!("lap{}-{what}", std::process::id());
        self.names.push(name.clone());
        name
    }

    pub fn devup(&self, folder: &Path, words: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(words).current_dir(folder);
        hermetic(&mut command, &self.home);
        command.env("DOCKER_HOST", self.engine.host());
        // nobody's keyring
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("no-bus").display()));
        Ran::of(command)
    }

    /// A remote with one commit, and a clone of it in the home folder. `served`: by a git daemon; else by the file system.
    pub fn clone(&self, what: &str, served: bool, files: &[(&str, &str)]) -> PathBuf {
        let remote = self.path(&format!("remotes/{what}.git"));
        let seed = self.path(&format!("seed-{what}"));
        fs::create_dir_all(&seed).unwrap();
        git(&seed, &["init", "-q", "."]);
        for (name, content) in files {
            write(&seed.join(name), content);
        }
        git(&seed, &["add", "-A"]);
        git(&seed, &["commit", "-qm", "first"]);
        git(self.root.path(), &["clone", "-q", "--bare", &seed.to_string_lossy(), &remote.to_string_lossy()]);
        let url = if served {
            format!("git://127.0.0.1:{}/{what}.git", self.port)
        } else {
            format!("file://{}", remote.display())
        };
        let folder = self.home.join("src").join(what);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        git(&self.home, &["clone", "-q", &url, &folder.to_string_lossy()]);
        folder
    }

    /// The laptop is gone: its home, and all that the engine has of it.
    pub fn lose(&mut self) {
        self.names.iter().for_each(|name| self.engine.clean(name));
        fs::remove_dir_all(&self.home).unwrap();
        self.home = self.path("home/ada-again");
        fs::create_dir_all(&self.home).unwrap();
    }

    /// Keeps the secret, read from a file.
    pub fn keep_secret(&self, shop: &Path) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(["secret", "set", "api"]).current_dir(shop);
        hermetic(&mut command, &self.home);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("no-bus").display()));
        let value = self.path("value");
        fs::write(&value, SECRET).unwrap();
        let ended = command.stdin(fs::File::open(value).unwrap()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// The words of the recovery sheet, in a file: all that is left besides the repository.
    pub fn recovery_words(&self) -> String {
        let sheet = fs::read_to_string(self.path("sheet")).unwrap();
        let words = sheet.lines().find_map(|line| line.trim().strip_prefix("passphrase")).unwrap().trim();
        let file = self.path("words");
        fs::write(&file, words).unwrap();
        file.to_string_lossy().into_owned()
    }
}

/// A file, with the folders that it lies in.
pub fn write(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// Git's own server, on a port that was free a moment ago.
fn git_daemon(base: &Path) -> (Child, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // the program itself: `git daemon` would be its parent, and leave it behind
    let programs = git(base, &["--exec-path"]);
    let child = Command::new(Path::new(&programs).join("git-daemon"))
        .args(["--reuseaddr", "--export-all", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", base.display()))
        .arg(base)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("git daemon");
    let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
    within(Duration::from_secs(10), answers).expect("git daemon answers");
    (child, port)
}
