//! What planning and performing take from other rooms: envs, provisioning, secrets, certificate authorities, marks, the
//! journal.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;

use crate::app::confidential::Confidential;
use crate::app::error::{AppError, Result};
use crate::app::marks::ProjectMarks;
use crate::app::project::Project;
use crate::app::provider::ProjectProviders;
use crate::app::request::Request;
use crate::app::wiring::Engine;
use crate::app::workplace::Features;
use crate::base::clock::{Clock as _, SystemClock};
use crate::base::digest::Digest;
use crate::base::files::{self, Access};
use crate::driver::image::{BuildRequest, ImageDriver, ProgressSink};
use crate::engine::{Tools, Workshop};
use crate::envs::bootstrap;
use crate::envs::{Catalogue, Facts, Recipe, build_chain, inject, recipes, surround};
use crate::model::environment::Environment;
use crate::model::event::{Event, Listener};
use crate::model::mount::{Mount, MountKind};
use crate::model::observed::Observed;
use crate::model::service::Service;
use crate::model::task::Provision;
use crate::plan::{
    self, Additions, Answers, ImageChain, ImageMaker, Injection, InjectionSource, Inputs, InsideStep, Plan,
};
use crate::secret::resolve::Commands;
use crate::state::journal::Journal;
use crate::state::store::State;
use crate::task::{inputs, layer, provision};

/// Everything beside the spec and the engine.
pub struct Supplies<'a> {
    engine: &'a Engine,
    project: &'a Project,
    state: &'a State,
    catalogue: Catalogue,
    facts: Facts,
    confidential: Confidential<'a>,
    cache: PathBuf,
    tools: &'a dyn bootstrap::Tools,
    bases: tokio::sync::Mutex<()>,
    /// The user wants builds as they stand.
    plain_builds: bool,
    carriers: tokio::sync::Mutex<()>,
    marks: ProjectMarks<'a>,
    providers: ProjectProviders,
    /// This run performs what it plans, so that providers can be asked.
    performs: bool,
    /// Of a dev container, fetched once for a run.
    pub features: tokio::sync::OnceCell<Features>,
}

fn would_be_lost(service: &str, lost: &provision::Lost) -> AppError {
    let provision::Lost { run, output, memory } = lost;
    AppError::failed(format!(
        "provisioning service {service}: the result of `{run}` would be lost: it writes {output}, and {memory} is a tmpfs, \
         which is empty whenever the container starts"
    ))
    .help(format!("mount a volume at {memory} instead, or do this step under `post_start`"))
}

fn failed(error: &dyn std::fmt::Display) -> AppError {
    AppError::failed(error.to_string())
}

impl<'a> Supplies<'a> {
    /// For one project.
    pub fn of(
        request: &Request,
        engine: &'a Engine,
        project: &'a Project,
        state: &'a State,
        tools: &'a dyn bootstrap::Tools,
    ) -> Result<Self> {
        let environment = project.environment()?;
        let preferences = state.preferences().map_err(|error| failed(&error))?;
        Ok(Self {
            engine,
            project,
            state,
            catalogue: Catalogue::of_project(&environment.working_dir),
            facts: Facts { logins: engine.containers.features().buildkit, ..Facts::of_this_machine() },
            // commands are capabilities: consent comes before anything is applied
            confidential: Confidential::of(request, project, state, Commands::Agreed)?,
            cache: request.layout.cache.clone(),
            tools,
            bases: tokio::sync::Mutex::default(),
            plain_builds: !builds_get_authorities(request, preferences.build_authorities),
            carriers: tokio::sync::Mutex::default(),
            marks: ProjectMarks { state, project: &project.name },
            providers: ProjectProviders::of(request, environment),
            performs: false,
            features: tokio::sync::OnceCell::new(),
        })
    }

    /// Providers that answered to an earlier part of this run are not asked again.
    pub fn know(&self, answers: Answers) {
        self.providers.know(answers);
    }

    /// What providers answered so far.
    pub fn answers(&self) -> Answers {
        self.providers.answers()
    }

    /// For a run that performs its plans.
    #[must_use]
    pub fn performing(self) -> Self {
        Self { performs: true, ..self }
    }

    /// What the planner has to know before the world is looked at.
    pub fn inputs(&self, environment: &Environment) -> Result<Inputs> {
        let features = self.engine.containers.features();
        let mut inputs = Inputs {
            marks: self.state.marks(&self.project.name).map_err(|error| failed(&error))?,
            local: features.local,
            multi_network_create: features.multi_network_create,
            features: Some(features.clone()),
            now: SystemClock.now().as_second(),
            answers: self.performs.then(|| self.providers.answers()),
            ..Inputs::default()
        };
        inputs.file_digests = copied_files(environment, features.local);
        inputs.file_digests.extend(self.confidential.generations(environment)?);
        let general = inject::injection(&self.facts, |_| false, false);
        for (name, service) in environment.services.iter().chain(&environment.disabled) {
            if let Some(env) = &service.env {
                let recipe = self.recipe(env)?;
                let maker = ImageMaker::Env { env: env.clone(), reference: recipe.tag };
                inputs.images.insert(name.clone(), ImageChain { makers: vec![maker] });
            }
            let additions = self.additions(&general, service, features.local)?;
            if additions != Additions::default() {
                inputs.additions.insert(name.clone(), additions);
            }
        }
        Ok(inputs)
    }

    fn recipe(&self, env: &str) -> Result<Recipe> {
        let chain = recipes(&self.catalogue, env, &self.facts).map_err(|error| failed(&error))?;
        chain.into_iter().last().ok_or_else(|| AppError::failed(format!("env {env} has no recipe")))
    }

    /// Certificate authorities and proxies of the host, for one service. `general` is what a service without variables
    /// of its own gets. The file is mounted where the engine sees this machine's files, else put in.
    fn additions(&self, general: &inject::Injection, service: &Service, local: bool) -> Result<Additions> {
        let mut additions = Additions::default();
        let mut wants_file = false;
        for (name, value) in &general.environment {
            let is_path = general.files.contains_key(value);
            // images of envs trust the authorities already
            if (is_path && service.env.is_some()) || service.environment.contains_key(name) {
                continue;
            }
            wants_file |= is_path;
            additions.environment.insert(name.clone(), value.clone());
        }
        for (target, bytes) in general.files.iter().filter(|_| wants_file) {
            if local {
                additions.mounts.push(Mount {
                    kind: MountKind::Bind,
                    source: Some(self.kept(bytes)?.display().to_string()),
                    target: target.clone(),
                    read_only: true,
                    ..Mount::default()
                });
            } else {
                let source = InjectionSource::Text(String::from_utf8_lossy(bytes).into_owned());
                additions.injections.push(Injection { source, target: target.clone(), uid: 0, gid: 0, mode: 0o444 });
            }
        }
        Ok(additions)
    }

    /// A file of these bytes, under a name that says its content: it is written once, and never changes.
    fn kept(&self, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.state.layout().authorities().join(format!("{}.pem", Digest::of(bytes).short(16)));
        if !path.exists() {
            files::create_folder(&self.state.layout().authorities(), Access::Shared).map_err(|error| failed(&error))?;
            files::write_atomic(&path, bytes, Access::Shared).map_err(|error| failed(&error))?;
        }
        Ok(path)
    }

    /// Decides where provisioning steps run, now that their images were looked at. Says whether there are layers.
    pub fn provision(&self, environment: &Environment, observed: &Observed, given: &mut Inputs) -> Result<bool> {
        let mut layers = false;
        for (name, service) in environment.services.iter().filter(|(_, service)| !service.provision.is_empty()) {
            let own = match given.images.get(name).and_then(|chain| chain.makers.last()) {
                Some(maker) => maker.clone(),
                None => ImageMaker::Service {
                    reference: plan::own_image(environment, name, service).map_err(|error| failed(&error))?,
                },
            };
            let reference = own.reference().to_owned();
            let base = match (&own, observed.images.get(&reference)) {
                (ImageMaker::Service { .. }, Some(image)) => format!("{reference} {}", image.id),
                // an env's name is a hash over its content
                _ => reference.clone(),
            };
            if let Some(lost) = provision::lost(service, &service.provision) {
                return Err(would_be_lost(name, &lost));
            }
            let folder = &environment.working_dir;
            let steps = inputs::read(folder, &service.provision).map_err(|error| failed(&error))?;
            let decision = provision::decide(service, folder, &base, &steps);
            if let Some(result) = decision.reference {
                let layer = ImageMaker::Layer { base: reference, reference: result, steps: decision.layers };
                given.images.insert(name.clone(), ImageChain { makers: vec![own, layer] });
                layers = true;
            }
            let inside = decision.inside.into_iter();
            let gone = |output: &String| {
                let place = plan::on_host(&service.volumes, output);
                place.is_some_and(|place| !place.exists())
            };
            let inside: Vec<InsideStep> = inside
                .map(|step| InsideStep {
                    // another machine's files can't be looked at
                    gone: given.local && step.outputs.iter().any(gone),
                    digest: step.digest,
                    step: step.step,
                    outputs: step.outputs,
                    provision: step.provision,
                })
                .collect();
            given.provision.insert(name.clone(), inside);
        }
        Ok(layers)
    }

    /// The project's secrets.
    pub fn confidential(&self) -> &Confidential<'a> {
        &self.confidential
    }

    /// The journal, and whoever else listens.
    pub fn journal<'l>(&self, listener: &'l dyn Listener) -> Both<'l> {
        Both { journal: self.state.journal(&self.project.name, "up", Arc::new(SystemClock)), listener }
    }

    /// What the executor works with.
    pub fn tools<'t>(&'t self, engine: &'t Engine, project: &'t str, listener: &'t dyn Listener) -> Tools<'t> {
        Tools {
            project,
            containers: &*engine.containers,
            images: &*engine.images,
            sessions: &*engine.sessions,
            secrets: &self.confidential,
            workshop: self,
            providers: &self.providers,
            marks: &self.marks,
            listener,
        }
    }

    /// Drops the marks of what is gone. Of that which the plan made nothing is known yet: where it made any, the next run
    /// drops what is left.
    pub fn forget_all_but(&self, observed: &Observed, plan: &Plan) -> Result<()> {
        let makes = |operation: &plan::Operation| {
            matches!(operation, plan::Operation::CreateContainer { .. } | plan::Operation::CreateVolume { .. })
        };
        if plan.steps.iter().any(|step| makes(&step.operation)) {
            return Ok(());
        }
        self.marks.keep_only(observed)
    }
}

/// `DEVUP_BUILD_AUTHORITIES`, else the user's preference, else yes.
fn builds_get_authorities(request: &Request, preferred: Option<bool>) -> bool {
    match request.spec.environment.get("DEVUP_BUILD_AUTHORITIES").map(|value| value.trim().to_lowercase()).as_deref() {
        None | Some("") => preferred.unwrap_or(true),
        Some(value) => !["0", "no", "false", "off"].contains(&value),
    }
}

/// References of images on which services with provisioning stand.
pub fn unprovisioned(environment: &Environment, inputs: &Inputs) -> Vec<String> {
    let provisioned = environment.services.iter().filter(|(_, service)| !service.provision.is_empty());
    provisioned
        .filter_map(|(name, service)| match inputs.images.get(name).and_then(|chain| chain.makers.first()) {
            Some(maker) => Some(maker.reference().to_owned()),
            None => plan::own_image(environment, name, service).ok(),
        })
        .collect()
}

#[async_trait]
impl Workshop for Supplies<'_> {
    async fn build_env(&self, env: &str, _reference: &str, progress: ProgressSink<'_>) -> Result<(), String> {
        let chain = recipes(&self.catalogue, env, &self.facts).map_err(|error| error.to_string())?;
        let workshop = crate::envs::Workshop {
            images: &*self.engine.images,
            tools: self.tools,
            facts: &self.facts,
            cache: &self.cache,
            progress,
        };
        // several envs stand on one base: it is made once, and what stands on it side by side
        let below = chain.len().saturating_sub(1).max(1);
        {
            let _one_at_a_time = self.bases.lock().await;
            build_chain(&workshop, &chain[..below]).await.map_err(|error| error.to_string())?;
        }
        build_chain(&workshop, &chain).await.map(drop).map_err(|error| error.to_string())
    }

    async fn provision(
        &self,
        base: &str,
        reference: &str,
        steps: &[Provision],
        progress: ProgressSink<'_>,
    ) -> Result<(), String> {
        let images: &dyn ImageDriver = &*self.engine.images;
        let image = images.image(base).await.map_err(|error| error.to_string())?;
        let image = image.ok_or_else(|| format!("the image {base} is not there"))?;
        let given = inject::injection(&self.facts, |_| false, false);
        let proxies = self.facts.proxies.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let surroundings = layer::Surroundings {
            proxies,
            host_network: self.facts.proxy_is_local(),
            variables: given.environment.into_iter().filter(|(_, value)| value == inject::BUNDLE_PATH).collect(),
            files: given.files.into_iter().collect(),
        };
        let request =
            layer::request(base, &image, reference, steps, &surroundings).map_err(|error| error.to_string())?;
        images.build(&request, progress).await.map(drop).map_err(|error| error.to_string())
    }

    async fn surround(&self, mut request: BuildRequest) -> Result<BuildRequest, String> {
        let given = surround::surroundings(&self.facts).filter(|_| !self.plain_builds);
        if let Some(given) = &given {
            // builds run side by side, and share one image
            let _one_at_a_time = self.carriers.lock().await;
            surround::carry(&*self.engine.images, given).await.map_err(|error| error.to_string())?;
        }
        request.surroundings = given;
        surround::proxies(&self.facts, &mut request.build);
        Ok(request)
    }
}

/// Digests of files that are put into containers instead of mounted: a container with another content is made anew.
fn copied_files(environment: &Environment, local: bool) -> IndexMap<String, String> {
    let mut digests = IndexMap::new();
    for service in environment.services.values().chain(environment.disabled.values()) {
        let secrets = service.secrets.iter().map(|reference| (reference, &environment.secrets));
        let configs = service.configs.iter().map(|reference| (reference, &environment.configs));
        for (reference, sources) in secrets.chain(configs).filter(|(one, _)| !local || one.has_owner_or_mode()) {
            let file = sources.get(&reference.source).and_then(|source| source.file.as_ref());
            // one that can't be read is told when it is needed
            let bytes = file.and_then(|file| std::fs::read(environment.working_dir.join(file)).ok());
            if let Some(bytes) = bytes {
                digests.insert(reference.source.clone(), Digest::of(bytes).to_string());
            }
        }
    }
    digests
}

/// Journal and audience.
pub struct Both<'l> {
    journal: Journal,
    listener: &'l dyn Listener,
}

impl Listener for Both<'_> {
    fn on(&self, event: Event) {
        self.journal.on(event.clone());
        self.listener.on(event);
    }
}
