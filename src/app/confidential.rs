//! The secrets of one project: their values for whoever delivers them, and their absence from what is repeated.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::engine::SecretResolver;
use crate::model::environment::Environment;
use crate::model::resource::SecretSource;
use crate::secret::redact::Redactor;
use crate::secret::resolve::{Commands, Resolver};
use crate::secret::store;
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
        let variables = request.spec.environment.clone();
        let resolver = Resolver {
            project: project.name.clone(),
            // a stranger of the same name gets nothing of the other's
            fallback: project.decision.as_ref().filter(|d| d.same_project).map(|_| environment.base_name.clone()),
            working_dir: environment.working_dir.clone(),
            store: Arc::from(store::open(&secrets, preferences.keyring).store),
            variable: Box::new(move |name| variables.get(name).cloned()),
            commands,
        };
        Ok(Self {
            project,
            resolver,
            known: Mutex::default(),
            all_known: tokio::sync::OnceCell::new(),
            blind: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl SecretResolver for Confidential<'_> {
    async fn resolve(&self, source: &SecretSource) -> Result<Vec<u8>, String> {
        let value = self.resolver.resolve(&source.name, source).await.map_err(|error| error.to_string())?;
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
                // one without a value is in no container either, but for those that only a refused command would tell
                if self.resolve(source).await.is_err()
                    && source.command.is_some()
                    && self.resolver.commands == Commands::Refused
                {
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
