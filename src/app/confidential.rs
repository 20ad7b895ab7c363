//! The secrets of one project: their values for whoever delivers them, and their absence from what is repeated.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use indexmap::IndexMap;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::engine::SecretResolver;
use crate::model::environment::Environment;
use crate::model::resource::SecretSource;
use crate::plan::{InjectionSource, Operation, Plan};
use crate::secret::look::Standing;
use crate::secret::redact::Redactor;
use crate::secret::resolve::{Commands, Resolver, SecretError, Typed};
use crate::secret::store;
use crate::secret::value::SecretValue;
use crate::spec::discover::{self, Disk};
use crate::state::store::State;

/// Resolves secrets, and takes what it resolved out of the words of programs.
pub struct Confidential<'a> {
    project: &'a Project,
    resolver: Resolver,
    /// Values of secrets that were resolved.
    known: Mutex<Redactor>,
    all_known: tokio::sync::OnceCell<()>,
    /// There is a value that can't be known here: nothing that may hold it is repeated.
    blind: AtomicBool,
}

/// Stands for a program's words where a value is unknown.
const UNSEEN: &str = "(not shown: a secret's value is not known to this command)";

impl<'a> Confidential<'a> {
    /// For one project. Where nobody was asked for consent, commands are refused: what they would say stays unknown.
    pub fn of(request: &Request, project: &'a Project, state: &State, commands: Commands) -> Result<Self> {
        let environment = project.environment()?;
        let preferences = state.preferences().map_err(|error| AppError::failed(error.to_string()))?;
        let secrets = request.layout.state.join("secrets");
        // those of the project's environment files too, as in Compose
        let variables = discover::discover(&request.spec, &Disk)?.environment;
        let resolver = Resolver {
            project: project.name.clone(),
            // a stranger of the same name gets nothing of the other's
            fallback: project.decision.as_ref().filter(|d| d.same_project).map(|_| environment.base_name.clone()),
            working_dir: environment.working_dir.clone(),
            store: Arc::from(store::open(&secrets, preferences.keyring).store),
            variable: Box::new(move |name| variables.get(name).cloned()),
            commands,
            typed: Typed::default(),
        };
        Ok(Self {
            project,
            resolver,
            known: Mutex::default(),
            all_known: tokio::sync::OnceCell::new(),
            blind: AtomicBool::new(false),
        })
    }

    /// How a reference stands.
    pub async fn look(&self, source: &SecretSource) -> Standing {
        self.resolver.look(self.key(source), source).await
    }

    /// What the spec calls it; messages that speak of the project-scoped name would send people looking.
    fn key<'s>(&'s self, source: &'s SecretSource) -> &'s str {
        let Ok(environment) = self.project.environment() else { return &source.name };
        let found = environment.secrets.iter().chain(&environment.configs).find(|(_, known)| *known == source);
        found.map_or(&source.name, |(key, _)| key)
    }

    /// What a plan needs and nobody has: known before anything is changed.
    pub async fn missing(&self, plan: &Plan) -> Vec<(SecretSource, SecretError)> {
        let mut wanted: BTreeMap<&str, &SecretSource> = BTreeMap::new();
        for step in &plan.steps {
            for source in needed(&step.operation) {
                wanted.insert(&source.name, source);
            }
        }
        let mut missing = Vec::new();
        for source in wanted.into_values() {
            if let Standing::Missing(error) | Standing::Asked(error) = self.look(source).await {
                missing.push((source.clone(), error));
            }
        }
        missing
    }

    /// The user typed the value of a secret: it is known until this run ends.
    pub fn typed(&self, source: &SecretSource, value: Vec<u8>) {
        self.resolver.typed.put(&source.name, SecretValue::new(value));
    }

    /// What changes with the values of secrets and configs that are put into containers, by key.
    pub fn generations(&self, environment: &Environment) -> Result<IndexMap<String, String>> {
        let mut generations = IndexMap::new();
        for (key, source) in environment.secrets.iter().chain(&environment.configs) {
            if let Some(generation) = self.resolver.generation(source)? {
                generations.insert(key.clone(), generation);
            }
        }
        Ok(generations)
    }

    /// The project came up with the values of now.
    pub fn remember(&self, environment: &Environment) -> Result<()> {
        for source in environment.secrets.values().chain(environment.configs.values()) {
            self.resolver.remember(source)?;
        }
        Ok(())
    }

    /// Takes out the values of all secrets. An error where one can't be known: nothing may be shown then.
    pub async fn redactor(&self) -> Result<Redactor> {
        let mut redactor = Redactor::default();
        for source in self.project.environment()?.secrets.values().filter(|source| !source.external) {
            let known = match self.look(source).await {
                // it was never made up: it is in no container
                Standing::OnFirstUse => continue,
                Standing::Present(value) => Ok(value),
                Standing::NotAsked => self.resolver.resolve(self.key(source), source).await,
                // a container may have got one, from another shell or before it was taken away
                Standing::Missing(error) | Standing::Asked(error) => Err(error),
            };
            redactor.learn(&known.map_err(|error| {
                AppError::failed(format!("the value can't be taken out of what is shown: {error}"))
                    .help("the same command without --redact shows everything as it is")
            })?);
        }
        Ok(redactor)
    }
}

/// References whose values a step reads.
fn needed(operation: &Operation) -> Vec<&SecretSource> {
    match operation {
        Operation::InjectFiles { files, .. } | Operation::RunBefore { files, .. } => files
            .iter()
            .filter_map(|file| match &file.source {
                InjectionSource::Secret(source) | InjectionSource::Config(source) => Some(source),
                InjectionSource::Text(_) => None,
            })
            .collect(),
        Operation::BuildImage { secrets, .. } | Operation::RunStage { secrets, .. } => secrets.values().collect(),
        _ => Vec::new(),
    }
}

#[async_trait]
impl SecretResolver for Confidential<'_> {
    async fn resolve(&self, source: &SecretSource) -> Result<Vec<u8>, String> {
        let value = self.resolver.resolve(self.key(source), source).await.map_err(|error| error.to_string())?;
        // configs come this way too; they are nothing to hide
        let is_secret = |found: &Environment| found.secrets.values().any(|secret| secret == source);
        if self.project.environment().is_ok_and(is_secret) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).learn(&value);
        }
        Ok(value.expose().to_vec())
    }

    async fn know_all(&self) {
        let Ok(environment) = self.project.environment() else { return };
        let all = async {
            for source in environment.secrets.values().filter(|source| !source.external) {
                // one without a value is in no container either, but for those that only a refused command would tell, or
                // somebody typed once
                let elsewhere =
                    source.prompt.is_some() || source.command.is_some() && self.resolver.commands == Commands::Refused;
                if self.resolve(source).await.is_err() && elsewhere {
                    self.blind.store(true, Ordering::Relaxed);
                }
            }
        };
        self.all_known.get_or_init(|| all).await;
    }

    fn hide(&self, text: &str) -> String {
        if self.blind.load(Ordering::Relaxed) {
            return UNSEEN.to_owned();
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_idle() { text.to_owned() } else { known.text(text) }
    }
}
