//! A laptop is lost, and a new one is brought to the same state by one command. What came back is judged by git, by the
//! files themselves and by the engine, never by what devup says.

mod facts;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::engine::{Engine, IMAGE, Kind, engine, within};
use crate::project::{Ran, hermetic};

use facts::{Facts, git, of_folder, of_repository};

/// Opens the repository: the words of its recovery sheet lie in a file.
const KEY: &str = "s3ntinel-of-the-laptop";
/// A secret of the shop.
const SECRET: &str = "s3ntinel-api-key";

/// A machine's world: remotes and backups outside of it, and homes that come and go.
struct World {
    root: tempfile::TempDir,
    engine: Engine,
    home: PathBuf,
    names: Vec<String>,
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
    fn new(engine: &Engine) -> Self {
        let root = tempfile::Builder::new().prefix("devup-laptop").tempdir().unwrap();
        let home = root.path().join("home/ada");
        for folder in [&home, &root.path().join("remotes")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(root.path().join("key"), format!("{KEY}\n")).unwrap();
        let (daemon, port) = git_daemon(&root.path().join("remotes"));
        Self { root, engine: engine.clone(), home, names: Vec::new(), daemon, port }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn name(&mut self, what: &str) -> String {
        let name = format!("lap{}-{what}", std::process::id());
        self.names.push(name.clone());
        name
    }

    fn devup(&self, folder: &Path, words: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(words).current_dir(folder);
        hermetic(&mut command, &self.home);
        command.env("DOCKER_HOST", self.engine.host());
        // nobody's keyring
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("no-bus").display()));
        Ran::of(command)
    }

    /// A remote with one commit, and a clone of it in the home folder. `served`: by a git daemon; else by the file system.
    fn clone(&self, what: &str, served: bool, files: &[(&str, &str)]) -> PathBuf {
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
    fn lose(&mut self) {
        self.names.iter().for_each(|name| self.engine.clean(name));
        fs::remove_dir_all(&self.home).unwrap();
        self.home = self.path("home/ada-again");
        fs::create_dir_all(&self.home).unwrap();
    }
}

fn write(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// A spec with one service that only waits.
fn spec(name: &str) -> String {
    format!(
        "devup: 1\nname: {name}\nservices:\n  web: {{ image: {IMAGE}, command: [sleep, infinity], stop_signal: SIGKILL }}\n"
    )
}

/// The shop's: its service keeps data in a volume, and in one without a name.
fn spec_with_data(name: &str) -> String {
    let spec = spec(name).replace("SIGKILL }", "SIGKILL, volumes: ['data:/data', /scratch] }");
    format!("{spec}volumes: {{ data: {{}} }}\n")
}

/// Files of all kinds in both volumes.
const FILL: &str = "b=busybox; cd /data; $b mkdir -p deep/er; echo one > 'odd  name'; echo two > deep/er/two; \
    $b chmod 640 deep/er/two; $b chown 12:34 deep/er/two; $b ln -s ../nowhere deep/link; $b ln deep/er/two deep/hard; \
    echo three > /scratch/three";

/// What the container sees in them: names, modes, owners, links, times, contents.
fn data(engine: &Engine, name: &str) -> String {
    let look = "busybox ls -lnR --full-time /data /scratch; busybox find /data /scratch -type f -exec busybox md5sum {} ';' | busybox sort";
    engine.exec(&format!("{name}-web-1"), &["sh", "-c", look])
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

/// The shop: branches and tags that nobody else has, three stashes, an index that is neither the commit nor the files, a
/// submodule with work of its own, ignored settings.
fn shop(world: &mut World) -> PathBuf {
    let name = world.name("shop");
    let library = world.clone("library", false, &[("lib.rs", "fn one() {}\n")]);
    fs::remove_dir_all(library).unwrap();
    let shop = world.clone(
        "shop",
        false,
        &[("devup.yaml", &spec_with_data(&name)), ("a", "1\n"), (".gitignore", ".env\nout/\n")],
    );
    let url = format!("file://{}", world.path("remotes/library.git").display());
    git(&shop, &["submodule", "--quiet", "add", &url, "libs/inner"]);
    git(&shop, &["commit", "-qam", "a submodule"]);
    for n in 1..=3 {
        fs::write(shop.join("a"), format!("stash {n}\n")).unwrap();
        fs::write(shop.join("new"), format!("untracked {n}\n")).unwrap();
        git(&shop, &["stash", "push", "-q", "-u", "-m", &format!("number {n}")]);
    }
    for branch in ["feature/login", "feature/search"] {
        git(&shop, &["checkout", "-q", "-b", branch]);
        fs::write(shop.join("b"), branch).unwrap();
        git(&shop, &["add", "b"]);
        git(&shop, &["commit", "-qm", branch]);
    }
    git(&shop, &["tag", "-am", "not pushed", "v1"]);
    fs::write(shop.join("b"), "staged").unwrap();
    git(&shop, &["add", "b"]);
    fs::write(shop.join("b"), "changed again").unwrap();
    fs::remove_file(shop.join("a")).unwrap();
    write(&shop.join("notes/odd \n name"), "untracked");
    write(&shop.join(".env"), "KEY=1\n");
    symlink("nowhere", shop.join("link")).unwrap();
    write(&shop.join("run"), "#!/bin/sh\n");
    fs::set_permissions(shop.join("run"), fs::Permissions::from_mode(0o750)).unwrap();
    git(&shop, &["config", "user.email", "ada@shop"]);
    write(&shop.join(".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
    let inner = shop.join("libs/inner");
    fs::write(inner.join("lib.rs"), "fn two() {}\n").unwrap();
    git(&inner, &["commit", "-qam", "unpushed in the submodule"]);
    fs::write(inner.join("lib.rs"), "fn three() {}\n").unwrap();
    shop
}

/// The blog, behind a server: a second working tree, a commit on no branch, branches that only the remote has.
fn blog(world: &mut World) -> PathBuf {
    let name = world.name("blog");
    let blog = world.clone("blog", true, &[("devup.yaml", &spec(&name)), ("post", "one\n")]);
    let tree = blog.with_file_name("blog-hotfix");
    git(&blog, &["worktree", "add", "-q", "-b", "hotfix", &tree.to_string_lossy()]);
    fs::write(tree.join("post"), "fixed\n").unwrap();
    git(&tree, &["commit", "-qam", "a fix"]);
    fs::write(tree.join("post"), "fixed, and changed\n").unwrap();
    git(&blog, &["checkout", "-q", "--detach"]);
    fs::write(blog.join("post"), "lonely\n").unwrap();
    git(&blog, &["commit", "-qam", "on no branch"]);
    blog
}

/// A repository that was never pushed anywhere, in the middle of a merge.
fn alone(world: &mut World) -> PathBuf {
    let name = world.name("alone");
    let alone = world.home.join("src/alone");
    write(&alone.join("devup.yaml"), &spec(&name));
    git(&alone, &["init", "-q", "."]);
    git(&alone, &["add", "-A"]);
    git(&alone, &["commit", "-qm", "first"]);
    git(&alone, &["checkout", "-q", "-b", "other"]);
    write(&alone.join("x"), "theirs\n");
    git(&alone, &["add", "x"]);
    git(&alone, &["commit", "-qm", "theirs"]);
    git(&alone, &["checkout", "-q", "main"]);
    write(&alone.join("x"), "ours\n");
    git(&alone, &["add", "x"]);
    git(&alone, &["commit", "-qm", "ours"]);
    assert!(!facts::command(&alone).args(["merge", "-q", "other"]).output().unwrap().status.success());
    alone
}

/// One repository with two projects.
fn pair(world: &mut World) -> PathBuf {
    let (api, web) = (world.name("api"), world.name("web"));
    let pair = world.clone("pair", true, &[("api/devup.yaml", &spec(&api)), ("web/devup.yaml", &spec(&web))]);
    fs::write(pair.join("web/index"), "not added\n").unwrap();
    pair
}

#[test]
fn a_lost_laptop_comes_back_with_one_command() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let mut world = World::new(&engine);
    let (shop, blog, alone, pair) = (shop(&mut world), blog(&mut world), alone(&mut world), pair(&mut world));
    let plain = world.home.join("src/plain");
    let name = world.name("plain");
    write(&plain.join("devup.yaml"), &spec(&name));
    write(&plain.join("todo"), "in no repository\n");
    for folder in [&shop, &blog, &alone, &pair.join("api"), &pair.join("web"), &plain] {
        world.devup(folder, &["up"]).expect(0);
    }
    keep_secret(&world, &shop);
    let shop_name = world.names[0].clone();
    engine.exec(&format!("{shop_name}-web-1"), &["sh", "-c", FILL]);
    let data_before = data(&engine, &shop_name);
    assert!(data_before.contains("odd  name") && data_before.contains("deep/er/two"), "{data_before}");
    write(&world.home.join(".vimrc"), "set number\n");
    write(&world.home.join(".ssh/config"), "Host git.example\n");
    write(&world.home.join(".ssh/id_work"), "-----BEGIN OPENSSH PRIVATE KEY-----\nnobody said that it may be kept\n");
    let repositories =
        [shop.clone(), shop.join("libs/inner"), blog.clone(), blog.with_file_name("blog-hotfix"), alone, pair];
    let before: Vec<Facts> = repositories.iter().map(|folder| of_repository(folder)).collect();
    let plain_before = of_folder(&plain);
    let (key, store) = (world.path("key"), world.path("backups"));
    let (key, store) = (key.to_string_lossy(), store.to_string_lossy());
    let root = world.path("");
    world.devup(&root, &["backup", "init", &store, "--sheet", "sheet", "--passphrase-file", &key]).expect(0);
    let said = world.devup(&root, &["backup", "--all", "--passphrase-file", &key]).expect(0);
    assert!(
        said.err.contains("\n  .vimrc\n") && said.out.contains(".ssh/id_work: private keys"),
        "{}{}",
        said.err,
        said.out
    );
    assert_eq!(
        before,
        repositories.iter().map(|folder| of_repository(folder)).collect::<Vec<_>>(),
        "a backup changed something"
    );
    let words = recovery_words(&world);
    let old_home = world.home.clone();
    world.lose();

    let command = ["restore", "--all", "--from", &store, "--passphrase-file", &words];
    let said = world.devup(&root, &command).expect(0);
    assert!(!said.out.contains("NOT"), "{}", said.out);
    let moved = |folder: &Path| world.home.join(folder.strip_prefix(&old_home).unwrap());
    for (folder, before) in repositories.iter().zip(&before) {
        facts::assert_equal(&of_repository(&moved(folder)), before, folder);
    }
    facts::assert_equal(&of_folder(&moved(&plain)), &plain_before, &plain);
    for name in &world.names {
        assert_eq!(engine.running(name), [format!("{name}-web-1")], "{name} is up");
    }
    assert_eq!(fs::read_to_string(world.home.join(".vimrc")).unwrap(), "set number\n");
    assert!(world.home.join(".ssh/config").exists() && !world.home.join(".ssh/id_work").exists());
    assert_eq!(data(&engine, &shop_name), data_before);
    let secret = world.devup(&moved(&shop), &["secret", "get", "api"]).expect(0);
    assert_eq!(secret.out.trim_end(), SECRET);
    // once more: nothing is done twice, and nothing is overwritten
    fs::write(moved(&shop).join("newer"), "work\n").unwrap();
    world.devup(&root, &command).expect(0);
    assert_eq!(fs::read_to_string(moved(&shop).join("newer")).unwrap(), "work\n");
}

fn keep_secret(world: &World, shop: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
    command.args(["secret", "set", "api"]).current_dir(shop);
    hermetic(&mut command, &world.home);
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", world.path("no-bus").display()));
    let value = world.path("value");
    fs::write(&value, SECRET).unwrap();
    let ended = command.stdin(fs::File::open(value).unwrap()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// The words of the recovery sheet, in a file: all that is left besides the repository.
fn recovery_words(world: &World) -> String {
    let sheet = fs::read_to_string(world.path("sheet")).unwrap();
    let words = sheet.lines().find_map(|line| line.trim().strip_prefix("passphrase")).unwrap().trim();
    let file = world.path("words");
    fs::write(&file, words).unwrap();
    file.to_string_lossy().into_owned()
}
