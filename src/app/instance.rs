//! Under which name a folder's project works, and its entry in the registry.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::git::address::Address;
use crate::model::environment::Environment;
use crate::model::name::ProjectName;
use crate::source::checkout::Checkout;
use crate::state::instance::{self, Decision, Wish};
use crate::state::registry::Entry;
use crate::state::store::State;

use super::error::{AppError, Result};

/// What the user and the spec say about the name.
#[derive(Debug, Clone, Copy)]
pub struct Naming<'a> {
    /// As the spec, or the folder, gives it.
    pub base: &'a ProjectName,
    /// Nothing but the folder gives it.
    pub named_by_folder: bool,
    /// The project's folder.
    pub working_dir: &'a Path,
    /// `--instance` or `DEVUP_INSTANCE`.
    pub asked: Option<&'a str>,
    /// `-p`, or `COMPOSE_PROJECT_NAME` of this process. One that stands in the project's `.env` is the same in every
    /// checkout, so it is the base.
    pub explicit: Option<&'a ProjectName>,
}

/// Decides under which name the folder works: see [`instance::decide`].
pub fn decide(state: &State, naming: &Naming<'_>) -> Result<Decision> {
    let registry = state.registry()?;
    let path = canonical(naming.working_dir);
    let checkout = Checkout::of(&path);
    let remote = remote(checkout.as_ref());
    let within = within(checkout.as_ref(), &path);
    let main = checkout.as_ref().and_then(Checkout::main).map(|main| main.join(&within));
    let clone_name = checkout.as_ref().and_then(Checkout::clone_name).and_then(|name| ProjectName::normalise(&name));
    let wish = Wish {
        base: naming.base,
        named_by_folder: naming.named_by_folder,
        clone_name: clone_name.as_ref(),
        repository: checkout.as_ref().map(|checkout| checkout.common.as_path()),
        within: &within,
        main: main.as_deref(),
        path: &path,
        remote: remote.as_deref(),
        branch: checkout.as_ref().and_then(|checkout| checkout.branch.as_deref()),
        asked: naming.asked,
        explicit: naming.explicit,
        alive: &Path::is_dir,
    };
    instance::decide(&registry, &wish).map_err(|error| AppError::failed(error.to_string()))
}

/// Who gave the project its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSource {
    /// The command line.
    Given,
    /// The spec.
    Spec,
    /// Its folder.
    Folder,
}

/// Enters the project in the registry: before the first change is made, so that no two folders begin under one name.
pub fn enter(state: &State, environment: &Environment, source: NameSource, now: Timestamp) -> Result<()> {
    let Some(name) = environment.project.clone() else { return Ok(()) };
    let path = canonical(&environment.working_dir);
    let checkout = Checkout::of(&path);
    let entry = Entry {
        name,
        base_name: environment.base_name.clone(),
        instance: environment.instance.clone(),
        asked: source == NameSource::Given,
        named_by_folder: source == NameSource::Folder,
        remote: remote(checkout.as_ref()),
        within: within(checkout.as_ref(), &path),
        repository: checkout.map(|checkout| checkout.common),
        path,
        config_files: environment.config_files.clone(),
        last_used: now,
    };
    Ok(state.enter_project(&entry)?)
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Where the folder lies within its working tree.
fn within(checkout: Option<&Checkout>, path: &Path) -> PathBuf {
    let rest = checkout.and_then(|checkout| path.strip_prefix(&checkout.top).ok());
    rest.map(Path::to_owned).unwrap_or_default()
}

fn remote(checkout: Option<&Checkout>) -> Option<String> {
    let checkout = checkout?;
    let origin = checkout.origin.as_deref()?;
    Address::parse(origin, &checkout.top).ok().map(|address| address.normalised())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::instance::Because;
    use crate::state::store::temporary;

    fn checkout(folder: &Path, name: &str, origin: &str, branch: &str) -> PathBuf {
        let top = folder.join(name);
        std::fs::create_dir_all(top.join(".git")).unwrap();
        std::fs::write(top.join(".git/HEAD"), format!("ref: refs/heads/{branch}\n")).unwrap();
        std::fs::write(top.join(".git/config"), format!("[remote \"origin\"]\n\turl = {origin}\n")).unwrap();
        canonical(&top)
    }

    #[test]
    fn checkouts_of_one_repository_are_copies_and_others_are_strangers() {
        let (folder, state) = temporary();
        let first = checkout(folder.path(), "a", "https://h/team/shop.git", "main");
        let second = checkout(folder.path(), "b", "git@h:team/shop.git", "login");
        let stranger = checkout(folder.path(), "c", "https://h/evil/shop", "main");
        let base = ProjectName::parse("shop").unwrap();
        let at = |path: &Path| {
            let naming = Naming { base: &base, named_by_folder: false, working_dir: path, asked: None, explicit: None };
            decide(&state, &naming).unwrap()
        };
        let decision = at(&first);
        let environment = Environment {
            project: Some(decision.name),
            base_name: "shop".to_owned(),
            working_dir: first.clone(),
            ..Environment::default()
        };
        enter(&state, &environment, NameSource::Spec, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(at(&first).because, Because::Kept);
        let copy = at(&second);
        assert_eq!((copy.name.as_str(), copy.same_project), ("shop-b", true));
        let other = at(&stranger);
        assert_eq!((other.name.as_str(), other.same_project), ("shop-c", false));
    }
}
