//! From changed paths to what has to be done: once each, however many events there were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::rule::{Action, Rule};

/// What has to be done, in this order: rebuilds, copies, restarts, programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Services to build and make anew.
    pub rebuild: BTreeSet<String>,
    /// By service: where it goes inside, and what the host has there or had.
    pub copy: BTreeMap<String, BTreeMap<String, PathBuf>>,
    /// Services to restart.
    pub restart: BTreeSet<String>,
    /// Rules (by number) whose program is run.
    pub exec: BTreeSet<usize>,
}

impl Batch {
    /// What these changes ask for.
    pub fn of<'a>(rules: &[Rule], changed: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut batch = Self::default();
        for path in changed {
            for (number, rule) in rules.iter().enumerate() {
                if let Some(inside) = rule.inside(path) {
                    batch.add(number, rule, path, inside);
                }
            }
        }
        batch
    }

    fn add(&mut self, number: usize, rule: &Rule, path: &Path, inside: String) {
        let service = || rule.service.clone();
        if rule.action.copies() {
            // of two rules with one place inside the later one wins, as in a list of copies
            self.copy.entry(service()).or_default().insert(inside, path.to_owned());
        }
        match rule.action {
            Action::Rebuild => drop(self.rebuild.insert(service())),
            Action::Restart | Action::SyncRestart => drop(self.restart.insert(service())),
            Action::SyncExec => drop(self.exec.insert(number)),
            Action::Sync => {}
        }
    }

    /// Nothing has to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::watch::rule::tests::one;

    /// Made once: patterns take their time.
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(rules);

    fn rules() -> Vec<Rule> {
        let exec = json!({"command": ["true"]});
        let mut rules = vec![
            one(&json!({"path": "/p/src", "action": "sync", "target": "/app", "ignore": ["x", "**/*.log"]})),
            one(&json!({"path": "/p/conf", "action": "sync+restart", "target": "/etc/app"})),
            one(&json!({"path": "/p/src/db", "action": "sync+exec", "target": "/db", "exec": exec})),
            one(&json!({"path": "/p/flag", "action": "restart"})),
        ];
        rules[3].service = "worker".into();
        rules
    }

    fn batch(paths: &[&str]) -> Batch {
        Batch::of(&RULES, paths.iter().map(Path::new))
    }

    #[test]
    fn each_action_is_done_once() {
        let made = batch(&["/p/src/a", "/p/src/a", "/p/src/db/1.sql", "/p/src/db/2.sql", "/p/flag", "/p/conf/c", "/q"]);
        let copies: Vec<&str> = made.copy["web"].keys().map(String::as_str).collect();
        assert_eq!(copies, ["/app/a", "/app/db/1.sql", "/app/db/2.sql", "/db/1.sql", "/db/2.sql", "/etc/app/c"]);
        assert_eq!(made.restart.iter().map(String::as_str).collect::<Vec<_>>(), ["web", "worker"]);
        assert_eq!(made.exec.iter().copied().collect::<Vec<_>>(), [2]);
        assert!(made.rebuild.is_empty());
        assert!(batch(&["/p/src/x/deep", "/p/src/deep/a.log", "/elsewhere"]).is_empty());
    }

    /// Paths near the rules: in them, beside them, left out by them.
    fn path() -> impl Strategy<Value = PathBuf> {
        let part = prop::sample::select(vec!["src", "db", "conf", "flag", "x", "a", "b.log", "p", "..data"]);
        prop::collection::vec(part, 0..5).prop_map(|parts| Path::new("/p").join(parts.join("/")))
    }

    fn of(paths: &[PathBuf]) -> Batch {
        Batch::of(&RULES, paths.iter().map(PathBuf::as_path))
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            paths in prop::collection::vec(path(), 0..20), seed in any::<prop::sample::Index>()
        ) {
            let mut other = paths.clone();
            other.reverse();
            if !paths.is_empty() {
                other.push(paths[seed.index(paths.len())].clone());
            }
            prop_assert_eq!(of(&paths), of(&other));
        }

        #[test]
        fn two_batches_ask_for_what_one_does(
            a in prop::collection::vec(path(), 0..10), b in prop::collection::vec(path(), 0..10)
        ) {
            let (mut joined, right) = (of(&a), of(&b));
            joined.rebuild.extend(right.rebuild);
            joined.restart.extend(right.restart);
            joined.exec.extend(right.exec);
            for (service, copies) in right.copy {
                joined.copy.entry(service).or_default().extend(copies);
            }
            let all: Vec<PathBuf> = a.into_iter().chain(b).collect();
            prop_assert_eq!(of(&all), joined);
        }

        #[test]
        fn what_is_copied_keeps_its_place_below_the_target(paths in prop::collection::vec(path(), 0..20)) {
            for (inside, path) in of(&paths).copy.values().flatten() {
                let pairs = [("/p/src/db", "/db"), ("/p/src", "/app"), ("/p/conf", "/etc/app")];
                let fits = |(from, to): &(&str, &str)| {
                    let (Ok(here), Ok(there)) = (path.strip_prefix(from), Path::new(inside).strip_prefix(to)) else {
                        return false;
                    };
                    here == there
                };
                prop_assert!(pairs.iter().any(fits), "{inside} of {}", path.display());
                let below = path.strip_prefix("/p/src").unwrap_or(path);
                prop_assert!(!below.starts_with("x") || path.starts_with("/p/conf"), "{}", path.display());
            }
        }
    }
}
