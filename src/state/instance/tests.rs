//! Decisions over registries written by hand.

use super::*;
use jiff::Timestamp;
use proptest::prelude::*;

fn name(text: &str) -> ProjectName {
    ProjectName::parse(text).unwrap()
}

fn enter(registry: &mut Registry, path: &str, remote: Option<&str>, decision: &Decision) {
    registry.enter(Entry {
        name: decision.name.clone(),
        base_name: "shop".to_owned(),
        instance: decision.instance.clone(),
        asked: matches!(decision.because, Because::Asked | Because::Explicit),
        path: PathBuf::from(path),
        remote: remote.map(str::to_owned),
        repository: None,
        within: PathBuf::new(),
        named_by_folder: false,
        config_files: vec![],
        last_used: Timestamp::UNIX_EPOCH,
    });
}

struct Case<'a> {
    path: &'a str,
    remote: Option<&'a str>,
    branch: Option<&'a str>,
    asked: Option<&'a str>,
    explicit: Option<&'a str>,
    alive: bool,
}

const PLAIN: Case<'_> =
    Case { path: "/src/shop", remote: Some("host/shop"), branch: None, asked: None, explicit: None, alive: true };

fn run(registry: &Registry, case: &Case<'_>) -> Result<Decision, InstanceError> {
    let explicit = case.explicit.map(name);
    let alive = case.alive;
    decide(
        registry,
        &Wish {
            base: &name("shop"),
            named_by_folder: false,
            clone_name: None,
            repository: None,
            within: Path::new(""),
            main: None,
            path: Path::new(case.path),
            remote: case.remote,
            branch: case.branch,
            asked: case.asked,
            explicit: explicit.as_ref(),
            alive: &move |_| alive,
        },
    )
}

fn with_first() -> Registry {
    let mut registry = Registry::default();
    let first = run(&registry, &PLAIN).unwrap();
    assert_eq!((first.name.as_str(), &first.because), ("shop", &Because::First));
    enter(&mut registry, "/src/shop", Some("host/shop"), &first);
    registry
}

#[test]
fn a_second_checkout_is_named_after_its_folder_or_branch() {
    let registry = with_first();
    for (path, branch, expected) in [
        ("/src/shop-feature", None, "shop-feature"),
        ("/src/Review_42", Some("main"), "shop-review-42"),
        ("/work/shop", Some("feature/Login"), "shop-feature-login"),
        ("/work/shop", Some("main"), "shop-work"),
        ("/shop", None, "shop-2"),
    ] {
        let case = Case { path, branch, ..PLAIN };
        let decision = run(&registry, &case).unwrap();
        assert_eq!(decision.name.as_str(), expected, "{path} {branch:?}");
        assert_eq!(decision.because, Because::Copy { of: "/src/shop".into() });
        assert!(decision.same_project);
    }
}

#[test]
fn a_folder_keeps_its_instance() {
    let mut registry = with_first();
    let case = Case { path: "/work/shop", branch: Some("one"), ..PLAIN };
    let decision = run(&registry, &case).unwrap();
    enter(&mut registry, case.path, case.remote, &decision);
    let later = run(&registry, &Case { branch: Some("two"), ..case }).unwrap();
    assert_eq!((later.name.as_str(), later.because), ("shop-one", Because::Kept));
    assert_eq!(run(&registry, &PLAIN).unwrap().name.as_str(), "shop");
}

#[test]
fn strangers_of_the_same_name_share_nothing() {
    let decision = run(&with_first(), &Case { path: "/x/shop", remote: Some("evil/shop"), ..PLAIN }).unwrap();
    assert_eq!(decision.name.as_str(), "shop-x");
    assert!(!decision.same_project && matches!(decision.because, Because::Stranger { .. }));
    let gone = Case { path: "/x/shop", remote: Some("evil/shop"), alive: false, ..PLAIN };
    assert_eq!(run(&with_first(), &gone).unwrap().name.as_str(), "shop-x", "data of a stranger is not adopted");
    let unknown = Case { path: "/x/shop", remote: None, ..PLAIN };
    assert!(!run(&with_first(), &unknown).unwrap().same_project);
}

#[test]
fn a_moved_folder_takes_its_project_along() {
    let decision = run(&with_first(), &Case { path: "/new/shop", alive: false, ..PLAIN }).unwrap();
    assert_eq!(decision.name.as_str(), "shop");
    assert_eq!(decision.because, Because::Adopted { from: "/src/shop".into() });
}

#[test]
fn the_users_word_wins() {
    let mut registry = with_first();
    let asked = run(&registry, &Case { asked: Some("Try 1"), ..PLAIN }).unwrap();
    assert_eq!((asked.name.as_str(), &asked.because), ("shop-try-1", &Because::Asked));
    enter(&mut registry, PLAIN.path, PLAIN.remote, &asked);
    assert_eq!(run(&registry, &PLAIN).unwrap().name.as_str(), "shop", "asking once says nothing about the next time");
    let taken = run(&registry, &Case { path: "/other", asked: Some("try-1"), ..PLAIN }).unwrap_err();
    assert!(matches!(&taken, InstanceError::Taken { .. }), "{taken}");
    assert!(matches!(run(&registry, &Case { asked: Some("…"), ..PLAIN }), Err(InstanceError::Empty(_))));
    let explicit = run(&registry, &Case { path: "/other", explicit: Some("mine"), ..PLAIN }).unwrap();
    assert_eq!((explicit.name.as_str(), explicit.instance), ("mine", None));
    let both = run(&registry, &Case { explicit: Some("mine"), asked: Some("b"), ..PLAIN }).unwrap();
    assert_eq!(both.name.as_str(), "mine-b");
}

/// A folder without a name in its spec, in a registry of others like it.
struct Nameless<'a> {
    path: &'a str,
    remote: Option<&'a str>,
    repository: &'a str,
    within: &'a str,
    main: Option<&'a str>,
    clone_name: &'a str,
    gone: &'a [&'a str],
}

const FIRST: Nameless<'_> = Nameless {
    path: "/src/shop",
    remote: None,
    repository: "/src/shop/.git",
    within: "",
    main: None,
    clone_name: "shop",
    gone: &[],
};

impl Nameless<'_> {
    fn decide(&self, registry: &Registry) -> Decision {
        let folder = Path::new(self.path).file_name().unwrap().to_str().unwrap();
        decide(
            registry,
            &Wish {
                base: &ProjectName::normalise(folder).unwrap(),
                named_by_folder: true,
                clone_name: Some(&name(self.clone_name)),
                repository: Some(Path::new(self.repository)),
                within: Path::new(self.within),
                main: self.main.map(Path::new),
                path: Path::new(self.path),
                remote: self.remote,
                branch: None,
                asked: None,
                explicit: None,
                alive: &|path| !self.gone.contains(&path.to_str().unwrap()),
            },
        )
        .unwrap()
    }

    fn enter(&self, registry: &mut Registry) -> Decision {
        let decision = self.decide(registry);
        registry.enter(Entry {
            name: decision.name.clone(),
            base_name: decision.base.to_string(),
            instance: decision.instance.clone(),
            asked: false,
            path: self.path.into(),
            remote: self.remote.map(str::to_owned),
            repository: Some(self.repository.into()),
            within: self.within.into(),
            named_by_folder: true,
            config_files: vec![],
            last_used: Timestamp::UNIX_EPOCH,
        });
        decision
    }
}

fn names(decision: &Decision) -> (&str, Option<&str>, bool) {
    (decision.name.as_str(), decision.instance.as_ref().map(|instance| instance.0.as_str()), decision.same_project)
}

#[test]
fn a_worktree_of_a_nameless_project_is_an_instance_of_it() {
    let tree = Nameless { path: "/trees/feature", main: Some("/src/shop"), ..FIRST };
    // also where devup was never in the first working tree
    let mut registry = Registry::default();
    assert_eq!(names(&tree.enter(&mut registry)), ("shop-feature", Some("feature"), true));
    assert_eq!(names(&FIRST.enter(&mut registry)), ("shop", None, true), "the first tree has the plain name");
    assert_eq!(names(&tree.decide(&registry)), ("shop-feature", Some("feature"), true));
    assert_eq!(tree.decide(&registry).because, Because::Kept);
    // without a first working tree the first worktree has the clone's name
    let bare = Nameless { path: "/src/main", repository: "/src/store.git", clone_name: "store", ..FIRST };
    assert_eq!(names(&bare.enter(&mut registry)), ("store", None, true));
    let second = Nameless { path: "/src/fix", ..bare };
    assert_eq!(names(&second.decide(&registry)), ("store-fix", Some("fix"), true));
}

#[test]
fn a_second_clone_of_a_nameless_project_is_an_instance_of_it() {
    let mut registry = Registry::default();
    let first = Nameless { remote: Some("host/shop"), ..FIRST };
    first.enter(&mut registry);
    let clone = Nameless { path: "/tmp/review", repository: "/tmp/review/.git", clone_name: "review", ..first };
    assert_eq!(names(&clone.enter(&mut registry)), ("shop-review", Some("review"), true));
    let local = Nameless {
        path: "/tmp/copy",
        repository: "/tmp/copy/.git",
        clone_name: "copy",
        remote: Some("/src/shop"),
        ..FIRST
    };
    assert_eq!(names(&local.decide(&registry)), ("shop-copy", Some("copy"), true), "a clone of the first folder");
    let stranger = Nameless { remote: Some("host/other"), ..clone };
    let elsewhere = Nameless { path: "/tmp/other", repository: "/tmp/other/.git", ..stranger };
    assert_eq!(elsewhere.decide(&registry).instance, None);
    // two projects of one repository are two projects
    let part = Nameless { path: "/src/shop/api", within: "api", ..first };
    assert_eq!(names(&part.enter(&mut registry)), ("api", None, true));
    let part = Nameless { path: "/tmp/review/api", within: "api", ..clone };
    assert_eq!(names(&part.decide(&registry)), ("api-review", Some("review"), true));
}

#[test]
fn a_renamed_folder_keeps_its_name_where_its_remote_tells_who_it_is() {
    let mut registry = Registry::default();
    let first = Nameless { remote: Some("host/shop"), ..FIRST };
    first.enter(&mut registry);
    let renamed = Nameless {
        path: "/src/store",
        repository: "/src/store/.git",
        clone_name: "store",
        gone: &["/src/shop"],
        ..first
    };
    let decision = renamed.decide(&registry);
    assert_eq!(names(&decision), ("shop", None, true));
    assert_eq!(decision.because, Because::Adopted { from: "/src/shop".into() });
    let unknown = Nameless { remote: None, ..renamed };
    assert_eq!(unknown.decide(&registry).name.as_str(), "store", "as Compose names it");
}

proptest! {
    #[test]
    fn no_two_folders_share_a_name_and_each_keeps_its_own(
        paths in prop::collection::vec("/[ab-]{1,3}/(shop|shop-a|[a-zA-Zé]{1,4})", 1..12),
        branches in prop::collection::vec(prop::option::of("[a-z/]{1,6}"), 12),
    ) {
        let mut registry = Registry::default();
        let mut names = std::collections::BTreeMap::new();
        for (path, branch) in paths.iter().zip(&branches) {
            let case = Case { path, branch: branch.as_deref(), ..PLAIN };
            let decision = run(&registry, &case).unwrap();
            enter(&mut registry, path, PLAIN.remote, &decision);
            let before = names.insert(path.clone(), decision.name.clone());
            prop_assert!(before.is_none_or(|before| before == decision.name));
        }
        let distinct: std::collections::BTreeSet<_> = names.values().collect();
        prop_assert_eq!(distinct.len(), names.len());
    }
}
