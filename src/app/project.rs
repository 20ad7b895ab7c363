//! The project that a verb works on: what the spec says, under the name that this folder's copy of it has.

use std::sync::Arc;

use crate::app::error::{AppError, Result};
use crate::app::instance::{self, NameSource};
use crate::app::remote::Reach;
use crate::app::request::Request;
use crate::app::select;
use crate::model::environment::Environment;
use crate::model::name::ProjectName;
use crate::model::observed::Container;
use crate::spec::discover::{self, Found};
use crate::spec::load::{self, LoadOptions, Loaded};
use crate::spec::resolve;
use crate::state::instance::Decision;
use crate::state::instantiate;
use crate::state::store::State;

/// A project, with its spec where there is one.
#[derive(Debug, Clone)]
pub struct Project {
    /// The Compose project's name, an instance's suffix included.
    pub name: String,
    /// What the spec says; `None` where the user gave a name and no file.
    pub environment: Option<Environment>,
    /// The spec itself, with places.
    pub spec: Option<Arc<Loaded>>,
    /// Why it has this name.
    pub decision: Option<Decision>,
    /// Nothing but its folder gives it a name.
    pub named_by_folder: bool,
    /// What the user should know: warnings of the spec, names that an instance changed.
    pub remarks: Vec<String>,
}

impl Project {
    /// Loads the spec; there has to be one.
    pub fn load(request: &Request) -> Result<Self> {
        let found = discover::discover(&request.spec, &Reach::of(&request.layout))?;
        Self::of_found(request, &found)
    }

    /// For verbs on what is there already. As in Compose, a name given by `-p` without a file will do, and so will
    /// `COMPOSE_PROJECT_NAME` where the spec can't be read.
    pub fn locate(request: &Request) -> Result<Self> {
        if request.spec.files.is_empty() && request.spec.project_name.is_some() {
            let given = discover::given_name(&request.spec, &request.spec.environment)?;
            if let Some(name) = given {
                return Ok(Self::named(&name));
            }
        }
        match Self::load(request) {
            Err(error @ AppError::Spec(_)) => match discover::given_name(&request.spec, &request.spec.environment) {
                Ok(Some(name)) => Ok(Self::named(&name)),
                _ => Err(error),
            },
            other => other,
        }
    }

    fn named(name: &ProjectName) -> Self {
        Self {
            name: name.to_string(),
            environment: None,
            spec: None,
            decision: None,
            named_by_folder: false,
            remarks: Vec::new(),
        }
    }

    fn of_found(request: &Request, found: &Found) -> Result<Self> {
        let all_resources = request.spec.all_resources;
        let usual = LoadOptions::new(request.spec.current_dir.clone(), Some(request.home.clone()));
        let options = LoadOptions { prune: !all_resources, ..usual };
        let files = Reach::of(&request.layout);
        let first = load::load(found, &files, &options)?;
        let decision = decide(request, &first)?;
        let named_by_folder = first.named_by_folder;
        let loaded = if decision.name == first.project {
            first
        } else {
            // again under the final name: `${COMPOSE_PROJECT_NAME}` and all names made of it are the instance's own
            let renamed = Found { given_name: Some(decision.name.clone()), ..found.clone() };
            load::load(&renamed, &files, &options)?
        };
        let (base_name, old_names) = (decision.base.to_string(), request.spec.has_old_names(&loaded.environment));
        let plain = Environment { base_name, all_resources, old_names, ..resolve::environment(&loaded)? };
        let (environment, said) = instantiate::instantiate(plain, &decision.name, decision.instance.as_ref());
        let mut remarks: Vec<String> =
            loaded.warnings.iter().map(|warning| warning.screen(false).trim_end().to_owned()).collect();
        remarks.extend(said.iter().map(ToString::to_string));
        Ok(Self {
            name: decision.name.to_string(),
            environment: Some(environment),
            spec: Some(Arc::new(loaded)),
            decision: Some(decision),
            named_by_folder,
            remarks,
        })
    }

    /// Who gave it its name.
    pub fn name_source(&self, request: &Request) -> NameSource {
        match (request.names_project() || request.instance.is_some(), self.named_by_folder) {
            (true, _) => NameSource::Given,
            (false, true) => NameSource::Folder,
            (false, false) => NameSource::Spec,
        }
    }

    /// What the spec says; a name alone is not enough for this verb.
    pub fn environment(&self) -> Result<&Environment> {
        self.environment.as_ref().ok_or_else(|| {
            AppError::failed(format!("no spec for project {}: a name alone is not enough here", self.name))
                .help("go to the project's folder, or name its file with `-f FILE`")
        })
    }

    /// The spec has this service, enabled or not. Without a spec nothing is known, and everything counts.
    pub fn declares(&self, service: &str) -> bool {
        self.environment.as_ref().is_none_or(|environment| {
            environment.services.contains_key(service) || environment.disabled.contains_key(service)
        })
    }

    /// The spec has this service, and a profile enables it where it wants one. Without a spec everything counts.
    pub fn enables(&self, service: &str) -> bool {
        self.environment.as_ref().is_none_or(|environment| environment.services.contains_key(service))
    }

    /// Each name is a service of the spec, or one that has containers.
    pub fn check_services(&self, names: &[String], containers: &[Container]) -> Result<()> {
        let declared = self
            .environment
            .iter()
            .flat_map(|environment| environment.services.keys().chain(environment.disabled.keys()));
        let seen = containers.iter().map(Container::service);
        select::known(names, declared.map(String::as_str).chain(seen))
    }
}

/// Which copy of the project this folder is.
fn decide(request: &Request, loaded: &Loaded) -> Result<Decision> {
    let state = State::open(request.layout.clone())?;
    let naming = instance::Naming {
        base: &loaded.project,
        named_by_folder: loaded.named_by_folder,
        working_dir: &loaded.working_dir,
        asked: request.instance.as_deref(),
        explicit: request.names_project().then_some(&loaded.project),
    };
    instance::decide(&state, &naming)
}
