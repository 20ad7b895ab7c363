//! What a service asks for under `develop.watch`, and which paths a rule is about.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::ignore::{BadPattern, Ignore};
use crate::model::mount::MountKind;
use crate::model::service::{Hook, Service};

/// What happens when a path changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Action {
    /// The image is built, and the containers made anew.
    #[serde(rename = "rebuild")]
    Rebuild,
    /// What changed is copied inside.
    #[serde(rename = "sync")]
    Sync,
    /// The containers are restarted.
    #[serde(rename = "restart")]
    Restart,
    /// Copied, then restarted.
    #[serde(rename = "sync+restart")]
    SyncRestart,
    /// Copied, then a program is run inside.
    #[serde(rename = "sync+exec")]
    SyncExec,
}

impl Action {
    /// Whether what changed is copied.
    pub fn copies(self) -> bool {
        matches!(self, Self::Sync | Self::SyncRestart | Self::SyncExec)
    }

    /// As written in a spec.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Sync => "sync",
            Self::Restart => "restart",
            Self::SyncRestart => "sync+restart",
            Self::SyncExec => "sync+exec",
        }
    }
}

/// An entry of `develop.watch` as written.
#[derive(Debug, Deserialize)]
struct Written {
    path: PathBuf,
    action: Action,
    target: Option<String>,
    exec: Option<Hook>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    initial_sync: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Develop {
    #[serde(default)]
    watch: Vec<Written>,
}

/// One rule, ready to be asked.
#[derive(Debug)]
pub struct Rule {
    /// The service.
    pub service: String,
    /// What is watched, absolute.
    pub path: PathBuf,
    /// What happens.
    pub action: Action,
    /// Where it goes inside; empty where nothing is copied.
    pub target: String,
    /// What is run inside afterwards.
    pub exec: Option<Hook>,
    /// Everything is copied at first.
    pub initial: bool,
    /// Only what these match, relative to `path`; `None`: everything.
    include: Option<Ignore>,
    /// Not what these match, relative to `path`.
    ignore: Ignore,
    /// The build's context, and what its `.dockerignore` leaves out.
    context: Option<(PathBuf, Ignore)>,
}

/// A rule that can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A pattern.
    #[error("services.{service}.develop.watch[{number}].{key}: {error}")]
    Pattern {
        /// Service.
        service: String,
        /// Which rule.
        number: usize,
        /// `ignore` or `include`.
        key: &'static str,
        /// What is wrong.
        error: BadPattern,
    },
    /// Nothing to build.
    #[error("services.{service}.develop.watch[{number}]: `action: rebuild` needs `build:`, which {service} has not")]
    NothingToBuild {
        /// Service.
        service: String,
        /// Which rule.
        number: usize,
    },
    /// Nothing to run.
    #[error("services.{service}.develop.watch[{number}]: `action: sync+exec` needs `exec:` with a command")]
    NothingToRun {
        /// Service.
        service: String,
        /// Which rule.
        number: usize,
    },
    /// A `.dockerignore` that can't be read.
    #[error("services.{service}: {reason}")]
    Context {
        /// Service.
        service: String,
        /// Why.
        reason: String,
    },
    /// It is no list of rules.
    #[error("services.{service}.develop: {reason}")]
    Form {
        /// Service.
        service: String,
        /// Why.
        reason: String,
    },
}

/// What editors and version control write beside the files one means.
const PASSING: &str = "\
.git
**/*___jb_tmp___
**/*___jb_old___
**/.idea
**/.#*
**/#*#
**/4913
**/*~
**/.*.swp
**/.*.swx
**/.*.swo
**/.*.swn
**/.*.kate-swp
**/.goutputstream-*";

/// The rules of one service.
pub fn rules(name: &str, service: &Service) -> Result<Vec<Rule>, RuleError> {
    let Some(develop) = &service.develop else { return Ok(Vec::new()) };
    let form = |error: serde_json::Error| RuleError::Form { service: name.to_owned(), reason: error.to_string() };
    let develop: Develop = serde_json::from_value(develop.clone()).map_err(form)?;
    let numbered = develop.watch.into_iter().enumerate();
    numbered.map(|(number, written)| rule(name, service, number, written)).collect()
}

fn rule(name: &str, service: &Service, number: usize, written: Written) -> Result<Rule, RuleError> {
    let owned = || name.to_owned();
    if written.action == Action::Rebuild && service.build.is_none() {
        return Err(RuleError::NothingToBuild { service: owned(), number });
    }
    if written.action == Action::SyncExec && written.exec.as_ref().is_none_or(|exec| exec.command.is_empty()) {
        return Err(RuleError::NothingToRun { service: owned(), number });
    }
    let patterns = |key, list: &[String]| {
        Ignore::parse(&list.join("\n")).map_err(|error| RuleError::Pattern { service: owned(), number, key, error })
    };
    let include = if written.include.is_empty() { None } else { Some(patterns("include", &written.include)?) };
    let passing = PASSING.lines().map(str::to_owned).chain(written.ignore).collect::<Vec<_>>();
    Ok(Rule {
        service: owned(),
        path: written.path,
        action: written.action,
        target: written.target.unwrap_or_default(),
        exec: written.exec,
        initial: written.initial_sync,
        include,
        ignore: patterns("ignore", &passing)?,
        context: context(name, service)?,
    })
}

/// A build whose context is a folder here.
fn context(name: &str, service: &Service) -> Result<Option<(PathBuf, Ignore)>, RuleError> {
    let Some(build) = service.build.as_ref().filter(|build| Path::new(&build.context).is_absolute()) else {
        return Ok(None);
    };
    let folder = PathBuf::from(&build.context);
    let dockerfile = build.dockerfile.as_deref().unwrap_or("Dockerfile");
    let ignore = Ignore::of_context(&folder, dockerfile)
        .map_err(|reason| RuleError::Context { service: name.to_owned(), reason })?;
    Ok(Some((folder, ignore)))
}

impl Rule {
    /// Where a path goes inside; `None`: the rule is not about it. For rules that copy nothing it is empty.
    pub fn inside(&self, path: &Path) -> Option<String> {
        let relative = slashed(path.strip_prefix(&self.path).ok()?);
        let known = relative.is_empty() || self.include.as_ref().is_none_or(|include| include.excludes(&relative));
        if !known || self.leaves_out(path, &relative) {
            return None;
        }
        if !self.action.copies() {
            return Some(String::new());
        }
        let target = self.target.trim_end_matches('/');
        Some(if relative.is_empty() && target.is_empty() {
            "/".to_owned()
        } else if relative.is_empty() {
            target.to_owned()
        } else {
            format!("{target}/{relative}")
        })
    }

    /// A folder that is left out, and nothing in it may come back: it need not be looked into.
    pub fn skips(&self, folder: &Path) -> bool {
        let Ok(relative) = folder.strip_prefix(&self.path).map(slashed) else { return true };
        let (below, in_context) = (self.ignore.may_bring_back_below(&relative), self.below_context(folder));
        (self.ignore.excludes(&relative) && !below)
            || in_context.is_some_and(|(ignore, path)| ignore.excludes(&path) && !ignore.may_bring_back_below(&path))
    }

    /// The place inside of all that the rule copies.
    pub fn is_target(&self, inside: &str) -> bool {
        self.action.copies() && self.target.trim_end_matches('/') == inside.trim_end_matches('/')
    }

    /// The service's containers see the folder itself: there is nothing to copy.
    pub fn is_mounted(&self, service: &Service) -> bool {
        let binds = service.volumes.iter().filter(|mount| mount.kind == MountKind::Bind);
        self.action.copies()
            && binds.filter_map(|mount| mount.source.as_deref()).any(|source| self.path.starts_with(source))
    }

    fn leaves_out(&self, path: &Path, relative: &str) -> bool {
        self.ignore.excludes(relative) || self.below_context(path).is_some_and(|(ignore, path)| ignore.excludes(&path))
    }

    fn below_context(&self, path: &Path) -> Option<(&Ignore, String)> {
        let (folder, ignore) = self.context.as_ref()?;
        let relative = slashed(path.strip_prefix(folder).ok()?);
        (!relative.is_empty()).then_some((ignore, relative))
    }
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::build::Build;
    use crate::model::mount::Mount;

    pub(crate) fn one(written: &serde_json::Value) -> Rule {
        let service = Service { develop: Some(json!({ "watch": [written] })), ..Service::default() };
        rules("web", &service).unwrap().remove(0)
    }

    fn inside(rule: &Rule, path: &str) -> Option<String> {
        rule.inside(Path::new(path))
    }

    #[test]
    fn paths_get_their_place_inside() {
        let rule = one(&json!({"path": "/p/src", "action": "sync", "target": "/app/"}));
        assert_eq!(inside(&rule, "/p/src/a/b.py").as_deref(), Some("/app/a/b.py"));
        assert_eq!(inside(&rule, "/p/src").as_deref(), Some("/app"));
        assert_eq!(inside(&rule, "/p/srcs/a"), None);
        let root = one(&json!({"path": "/p", "action": "sync", "target": "/"}));
        assert_eq!(inside(&root, "/p/a").as_deref(), Some("/a"));
        let file = one(&json!({"path": "/p/app.conf", "action": "sync+restart", "target": "/etc/app.conf"}));
        assert_eq!(inside(&file, "/p/app.conf").as_deref(), Some("/etc/app.conf"));
        assert_eq!(inside(&file, "/p/other.conf"), None);
    }

    #[test]
    fn what_is_left_out() {
        let rule = one(&json!({"path": "/p", "action": "sync", "target": "/a",
            "ignore": ["node_modules", "*.log", "!keep.log"], "include": ["**/*.py", "node_modules", "*.log"]}));
        for (path, there) in [
            ("/p/x.py", true),
            ("/p/deep/x.py", true),
            ("/p/x.js", false),
            ("/p/node_modules/x.py", false),
            ("/p/a.log", false),
            ("/p/keep.log", true),
            ("/p/.git/x.py", false),
            ("/p/.x.py.swp", false),
            ("/p/x.py~", false),
        ] {
            assert_eq!(inside(&rule, path).is_some(), there, "{path}");
        }
        assert!(rule.skips(Path::new("/p/node_modules")) && !rule.skips(Path::new("/p/deep")));
    }

    #[test]
    fn a_builds_dockerignore_counts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".dockerignore"), "**/*.md\n!README.md\n").unwrap();
        let context = folder.path().to_string_lossy().into_owned();
        let service = Service {
            build: Some(Build { context, ..Build::default() }),
            develop: Some(json!({"watch": [{"path": folder.path().join("docs"), "action": "rebuild"}]})),
            ..Service::default()
        };
        let rule = rules("web", &service).unwrap().remove(0);
        assert_eq!(rule.inside(&folder.path().join("docs/a.md")), None);
        assert_eq!(rule.inside(&folder.path().join("docs/a.txt")).as_deref(), Some(""));
    }

    #[test]
    fn what_cannot_work_is_said_with_its_place() {
        let refused = |written: serde_json::Value| {
            let service = Service { develop: Some(json!({ "watch": [written] })), ..Service::default() };
            rules("web", &service).unwrap_err().to_string()
        };
        let rebuild = refused(json!({"path": "/p", "action": "rebuild"}));
        assert_eq!(rebuild, "services.web.develop.watch[0]: `action: rebuild` needs `build:`, which web has not");
        assert!(refused(json!({"path": "/p", "action": "sync+exec", "target": "/"})).contains("needs `exec:`"));
        let pattern = refused(json!({"path": "/p", "action": "sync", "target": "/", "include": ["[a"]}));
        assert_eq!(pattern, "services.web.develop.watch[0].include: line 1: `[a` is no pattern");
    }

    #[test]
    fn a_folder_that_is_mounted_anyway_is_not_copied() {
        let rule = one(&json!({"path": "/p/src/a", "action": "sync", "target": "/a"}));
        let mount = |source: &str, kind| Mount { source: Some(source.into()), kind, ..Mount::default() };
        let service = |mount| Service { volumes: vec![mount], ..Service::default() };
        assert!(rule.is_mounted(&service(mount("/p/src", MountKind::Bind))));
        assert!(!rule.is_mounted(&service(mount("/p/srcs", MountKind::Bind))));
        assert!(!rule.is_mounted(&service(mount("/p/src", MountKind::Volume))));
    }
}
