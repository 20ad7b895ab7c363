//! Providers of services and models, for one project: asked once in a run, their answers kept for its further rounds.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::app::request::Request;
use crate::engine::{Providers, Told};
use crate::model::environment::Environment;
use crate::model::provider::{Model, Provider};
use crate::plan::Answers;
use crate::provider::{Asking, ProviderError, Search, Verb, ask, serve};

/// Programs that provide something for a project. Whoever has one asks for consent first.
pub struct ProjectProviders {
    project: String,
    folder: PathBuf,
    search: Search,
    answers: Mutex<Answers>,
}

impl ProjectProviders {
    /// For one project.
    pub fn of(request: &Request, environment: &Environment) -> Self {
        Self {
            project: environment.project_name().to_owned(),
            folder: environment.working_dir.clone(),
            search: Search::of(&request.home, |name| request.spec.environment.get(name).cloned()),
            answers: Mutex::default(),
        }
    }

    /// Answers that an earlier part of the same run got: nobody is asked twice.
    pub fn know(&self, answers: Answers) {
        self.note(|known| *known = answers);
    }

    /// What was answered so far.
    pub fn answers(&self) -> Answers {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Answers)) {
        note(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn asking(&self) -> Asking<'_> {
        Asking { project: &self.project, folder: &self.folder, search: &self.search }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function value of map_err")]
fn words(error: ProviderError) -> String {
    error.to_string()
}

#[async_trait]
impl Providers for ProjectProviders {
    async fn up(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String> {
        let variables = ask(&self.asking(), Verb::Up, (service, provider), told).await.map_err(words)?;
        self.note(|answers| drop(answers.services.insert(service.to_owned(), variables)));
        Ok(())
    }

    async fn down(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String> {
        ask(&self.asking(), Verb::Down, (service, provider), told).await.map(drop).map_err(words)
    }

    async fn stop(&self, service: &str, provider: &Provider, told: Told<'_>) -> Result<(), String> {
        ask(&self.asking(), Verb::Stop, (service, provider), told).await.map(drop).map_err(words)
    }

    async fn serve(&self, key: &str, model: &Model, told: Told<'_>) -> Result<(), String> {
        let endpoint = serve(&self.asking(), model, told).await.map_err(words)?;
        self.note(|answers| drop(answers.models.insert(key.to_owned(), endpoint)));
        Ok(())
    }
}
