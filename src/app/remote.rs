//! Specs of other repositories that a spec includes or extends: read from what was fetched before, and fetched once the
//! user agreed to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::error::{AppError, Result};
use crate::app::request::Request;
use crate::app::trust::{self, Answer, Means};
use crate::base::clock::{Clock as _, SystemClock};
use crate::model::layout::Layout;
use crate::source::remote::{Kept, Remote, RemoteError};
use crate::spec::discover::{self, COMPOSE_NAMES, DEVUP_NAMES, Disk, Files, OnOtherMachine};
use crate::spec::error::{Fault, SpecError};
use crate::spec::node::Source;
use crate::state::store::State;
use crate::trust::capability::{Capability, Kind, Place, Survey};
use crate::trust::verdict::Question;

/// How often a spec may name a repository that only another one names.
const MOST_ROUNDS: usize = 50;

/// This machine's files, and those of repositories that were fetched.
#[derive(Debug, Clone)]
pub struct Reach {
    kept: Kept,
}

impl Reach {
    /// What this user fetched.
    pub fn of(layout: &Layout) -> Self {
        Self { kept: Kept::beneath(layout.includes()) }
    }
}

impl Files for Reach {
    fn is_file(&self, path: &Path) -> bool {
        Disk.is_file(path)
    }

    fn is_repository(&self, folder: &Path) -> bool {
        Disk.is_repository(folder)
    }

    fn folders(&self, folder: &Path) -> Vec<PathBuf> {
        Disk.folders(folder)
    }

    fn read(&self, path: &Path, shown: &Path) -> std::result::Result<Arc<Source>, SpecError> {
        Disk.read(path, shown)
    }

    fn remote(&self, address: &str) -> OnOtherMachine {
        let names: Vec<&str> = COMPOSE_NAMES.into_iter().chain(DEVUP_NAMES).collect();
        let found = Remote::parse(address).and_then(|remote| Ok((self.kept.find(&remote, &names)?, remote)));
        match found {
            Ok((Some(path), remote)) => OnOtherMachine::Fetched { path, shown: remote.shown() },
            Ok((None, remote)) => OnOtherMachine::NotFetched { shown: remote.shown() },
            Err(error) => OnOtherMachine::Refused(error.to_string()),
        }
    }
}

/// Loads with `load`; fetches what is missing for that, each after the user agreed to it.
pub fn with_includes<T>(
    request: &Request,
    ask: &mut dyn FnMut(&Question) -> Answer,
    load: impl Fn() -> Result<T>,
) -> Result<T> {
    for _ in 0..MOST_ROUNDS {
        let error = match load() {
            Err(AppError::Spec(error)) => error,
            other => return other,
        };
        let Some((address, shown, place)) = not_fetched(&error) else { return Err(AppError::Spec(error)) };
        agree(request, &shown, place, ask)?;
        let remote = Remote::parse(&address).map_err(|error| failed(&error))?;
        Kept::beneath(request.layout.includes()).fetch(&remote).map_err(|error| failed(&error))?;
    }
    Err(AppError::failed(format!("the spec names ever more repositories: {MOST_ROUNDS} were fetched")))
}

/// Forgets which commits the branches and tags are that this project includes: they are asked again.
pub fn forget(request: &Request, addresses: impl IntoIterator<Item = String>) {
    let kept = Kept::beneath(request.layout.includes());
    addresses.into_iter().filter_map(|address| Remote::parse(&address).ok()).for_each(|remote| kept.forget(&remote));
}

fn not_fetched(error: &SpecError) -> Option<(String, String, Option<Place>)> {
    error.problems().iter().find_map(|problem| match &*problem.fault {
        Fault::NotFetched { address, shown } => {
            let source = problem.at.source.as_ref();
            let place = source.map(|source| Place { file: source.path.clone(), line: problem.at.line });
            Some((address.clone(), shown.clone(), place))
        }
        _ => None,
    })
}

fn failed(error: &RemoteError) -> AppError {
    AppError::failed(error.to_string()).help("check the address, and that `git ls-remote ADDRESS` works for you")
}

/// What it means to include a file of another repository.
pub fn capability(shown: &str, place: Option<Place>) -> Capability {
    Capability {
        kind: Kind::HostProgram,
        subject: "the spec".to_owned(),
        action: format!("includes {shown}, which git fetches"),
        place,
        scripts: BTreeMap::new(),
    }
}

fn agree(request: &Request, shown: &str, place: Option<Place>, ask: &mut dyn FnMut(&Question) -> Answer) -> Result<()> {
    let folder = discover::discover(&request.spec, &Disk)?.project_directory;
    let state = State::open(request.layout.clone())?;
    let survey = Survey { capabilities: vec![capability(shown, place)] };
    let means = if request.trust { Means::GivenBeforehand } else { Means::Ask(ask) };
    trust::ensure(&state, &folder, &survey, means, SystemClock.now())
}
