//! Clones with the real git, over paths and `file://`.

use super::*;
use std::fs;

struct World {
    folder: tempfile::TempDir,
}

#[expect(clippy::unused_self, reason = "what is done in the world reads as its doing")]
impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let origin = world.path("origin/shop");
        fs::create_dir_all(&origin).unwrap();
        world.git(&origin, &["init", "-q", "-b", "main"]);
        fs::write(origin.join("compose.yaml"), "services: {}\n").unwrap();
        world.git(&origin, &["add", "."]);
        world.git(&origin, &["commit", "-qm", "one"]);
        world.git(&origin, &["commit", "-q", "--allow-empty", "-m", "two"]);
        world.git(&origin, &["branch", "feature"]);
        fs::create_dir(world.path("home")).unwrap();
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(path)
    }

    fn git(&self, dir: &Path, args: &[&str]) -> String {
        let call = Call::new("git").args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(args).dir(dir);
        call.run_blocking().unwrap().checked().unwrap().text()
    }

    fn request(&self, source: &str) -> CloneRequest {
        let current_dir = self.path("home");
        CloneRequest {
            address: Address::parse(source, &current_dir).unwrap(),
            dir: None,
            branch: None,
            depth: None,
            submodules: true,
            current_dir,
            on_terminal: false,
        }
    }

    fn fetch(&self, request: &CloneRequest) -> Result<Fetched, CloneError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fetch(request))
    }

    fn left_over(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("home")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|n| n.starts_with('.')).collect()
    }
}

#[test]
fn a_clone_is_made_once_and_then_left_alone() {
    let world = World::new();
    let request = world.request("../origin/shop");
    let target = world.path("home/shop");
    assert_eq!(world.fetch(&request).unwrap(), Fetched::Cloned(target.clone()));
    fs::write(target.join("compose.yaml"), "my work").unwrap();
    for source in ["../origin/shop", "../origin/shop/", "../origin/shop/.git"] {
        assert_eq!(world.fetch(&world.request(source)).unwrap(), Fetched::Existing(target.clone()), "{source}");
    }
    let url = format!("file://{}", world.path("origin/shop").display());
    assert_eq!(world.fetch(&world.request(&url)).unwrap(), Fetched::Existing(target.clone()));
    assert_eq!(fs::read_to_string(target.join("compose.yaml")).unwrap(), "my work");
    assert_eq!(world.left_over(), Vec::<String>::new());
}

#[test]
fn branch_depth_and_folder_are_followed() {
    let world = World::new();
    let request = CloneRequest {
        branch: Some("feature".to_owned()),
        depth: Some(1),
        dir: Some("copy".into()),
        ..world.request("../origin/shop")
    };
    let fetched = world.fetch(&request).unwrap();
    assert_eq!(fetched.folder(), world.path("home/copy"));
    assert_eq!(world.git(fetched.folder(), &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(world.git(fetched.folder(), &["branch", "--show-current"]), "feature");
}

#[test]
fn other_things_in_the_way_are_named_and_kept() {
    let world = World::new();
    let target = world.path("home/shop");
    fs::create_dir(&target).unwrap();
    let request = world.request("../origin/shop");
    fs::write(target.join("notes"), "mine").unwrap();
    let error = world.fetch(&request).unwrap_err().to_string();
    // the remedy stands on the screen (tests/cli/source.rs)
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(fs::read_to_string(target.join("notes")).unwrap(), "mine");
    fs::remove_file(target.join("notes")).unwrap();
    assert!(matches!(world.fetch(&request).unwrap(), Fetched::Cloned(_)), "an empty folder is no obstacle");
    world.git(&target, &["remote", "set-url", "origin", "https://ada:pw@other.example/shop"]);
    let error = world.fetch(&request).unwrap_err().to_string();
    assert!(error.contains("other.example/shop") && !error.contains("pw"), "{error}");
    fs::remove_dir_all(&target).unwrap();
    fs::write(&target, "a file").unwrap();
    assert!(world.fetch(&request).unwrap_err().to_string().contains("a file"));
}

#[test]
fn a_failed_clone_leaves_nothing_and_what_was_left_is_no_obstacle() {
    let world = World::new();
    let missing = world.request("../origin/none");
    let error = world.fetch(&missing).unwrap_err();
    assert!(matches!(&error, CloneError::Git { detail, .. } if !detail.is_empty()), "{error}");
    assert!(!world.path("home/none").exists());
    assert_eq!(world.left_over(), Vec::<String>::new());
    // as a kill in the middle leaves it
    fs::create_dir_all(world.path("home/.shop.devup-partial/repository/.git")).unwrap();
    assert!(matches!(world.fetch(&world.request("../origin/shop")).unwrap(), Fetched::Cloned(_)));
    assert_eq!(world.left_over(), Vec::<String>::new());
}

#[test]
fn branches_cannot_become_options() {
    let world = World::new();
    let mark = world.path("mark");
    let hostile = format!("--upload-pack=touch {}", mark.display());
    let request = CloneRequest { branch: Some(hostile), ..world.request("../origin/shop") };
    assert!(world.fetch(&request).is_err());
    assert!(!mark.exists());
}

#[test]
fn submodules_do_not_reach_repositories_of_this_machine() {
    let world = World::new();
    let origin = world.path("origin/shop");
    let secret = world.path("origin/secret");
    fs::create_dir_all(&secret).unwrap();
    world.git(&secret, &["init", "-q"]);
    world.git(&secret, &["commit", "-q", "--allow-empty", "-m", "s"]);
    let url = format!("file://{}", secret.display());
    world.git(&origin, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "sub"]);
    world.git(&origin, &["commit", "-qm", "sub"]);
    let error = world.fetch(&world.request("../origin/shop")).unwrap_err().to_string();
    assert!(error.contains("not allowed"), "{error}");
    let without = CloneRequest { submodules: false, ..world.request("../origin/shop") };
    assert!(world.fetch(&without).is_ok());
}

#[test]
fn worktrees_know_their_branch_and_origin() {
    use crate::source::checkout::Checkout;
    let world = World::new();
    let fetched = world.fetch(&world.request("../origin/shop")).unwrap();
    let worktree = world.path("home/shop-feature");
    world.git(fetched.folder(), &["worktree", "add", "-q", "-b", "login", &worktree.to_string_lossy()]);
    let first = Checkout::of(fetched.folder()).unwrap();
    let second = Checkout::of(&worktree).unwrap();
    assert_eq!((first.linked, first.branch.as_deref()), (false, Some("main")));
    assert_eq!((second.linked, second.branch.as_deref()), (true, Some("login")));
    assert!(first.origin.is_some());
    assert_eq!(first.origin, second.origin);
}
