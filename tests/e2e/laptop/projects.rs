//! The laptop's projects, each with work that nobody else has.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::facts::{self, git};
use super::world::{World, write};
use crate::dumps::MARIADB;
use crate::engine::IMAGE;

/// Lets a person in.
const PASSWORD: &str = "s3ntinel-of-the-database";

/// A spec with one service that only waits.
fn spec(name: &str) -> String {
    format!(
        "devup: 1\nname: {name}\nservices:\n  web: {{ image: {IMAGE}, command: [sleep, infinity], stop_signal: SIGKILL }}\n"
    )
}

/// The shop's: its service keeps data in a volume, and in one without a name; `PostgreSQL` and Redis.
fn shop_spec(name: &str) -> String {
    let spec = spec(name).replace("SIGKILL }", "SIGKILL, volumes: ['data:/data', /scratch] }");
    format!(
        "{spec}  db:\n    env: postgres-15\n    environment: {{ POSTGRES_USER: ada, POSTGRES_DB: shop, POSTGRES_PASSWORD: \
         {PASSWORD} }}\n    volumes: ['rows:/var/lib/postgresql/data']\n  cache: {{ env: redis-7, volumes: ['cache:/data'] \
         }}\nvolumes: {{ data: {{}}, rows: {{}}, cache: {{}} }}\n"
    )
}

/// The blog's: files, and `MariaDB` in an env of its own.
fn blog_spec(name: &str) -> String {
    let spec = spec(name).replace("SIGKILL }", "SIGKILL, volumes: ['pictures:/data'] }");
    format!(
        "{spec}  db: {{ env: maria, volumes: ['rows:/var/lib/mysql'] }}\nvolumes: {{ pictures: {{}}, rows: {{}} }}\n"
    )
}

/// The shop: branches and tags that nobody else has, three stashes, an index that is neither the commit nor the files, a
/// submodule with work of its own, ignored settings.
pub fn shop(world: &mut World) -> PathBuf {
    let name = world.name("shop");
    let library = world.clone("library", false, &[("lib.rs", "fn one() {}\n")]);
    fs::remove_dir_all(library).unwrap();
    let shop =
        world.clone("shop", false, &[("devup.yaml", &shop_spec(&name)), ("a", "1\n"), (".gitignore", ".env\nout/\n")]);
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
pub fn blog(world: &mut World) -> PathBuf {
    let name = world.name("blog");
    let blog = world.clone(
        "blog",
        true,
        &[("devup.yaml", &blog_spec(&name)), ("envs/maria/env.yaml", MARIADB), ("post", "one\n")],
    );
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
pub fn alone(world: &mut World) -> PathBuf {
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
pub fn pair(world: &mut World) -> PathBuf {
    let (api, web) = (world.name("api"), world.name("web"));
    let pair = world.clone("pair", true, &[("api/devup.yaml", &spec(&api)), ("web/devup.yaml", &spec(&web))]);
    fs::write(pair.join("web/index"), "not added\n").unwrap();
    pair
}

/// A folder that is in no repository.
pub fn plain(world: &mut World) -> PathBuf {
    let name = world.name("plain");
    let plain = world.home.join("src/plain");
    write(&plain.join("devup.yaml"), &spec(&name));
    write(&plain.join("todo"), "in no repository\n");
    plain
}
