//! `secret check`: where the values of a project's secrets come from, and what is missing.

use serde::Serialize;

use super::confidential::Confidential;
use crate::model::environment::Environment;
use crate::model::service::Service;
use crate::secret::look::{self, Standing};

/// One line of `devup secret check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Its key in the spec.
    pub name: String,
    /// It is a config: no secret, but it may come from the same places.
    pub config: bool,
    /// In words: where its value comes from.
    pub from: String,
    /// Whether it has one.
    pub state: Presence,
    /// Why it has none, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Services that get it.
    pub used_by: Vec<String>,
}

/// Whether a secret has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has.
    Present,
    /// It is made up on first use.
    OnFirstUse,
    /// Its command is run when it is used.
    NotAsked,
    /// The user is asked for it when it is used.
    Asked,
    /// It has none.
    Missing,
}

/// Where the values of a project's secrets come from, and whether they are there. Nothing is run and nothing made up.
pub async fn check(environment: &Environment, confidential: &Confidential<'_>) -> Vec<Origin> {
    let secrets = environment.secrets.iter().map(|(key, source)| (key, source, false));
    let configs = environment.configs.iter().map(|(key, source)| (key, source, true));
    let mut origins = Vec::new();
    for (key, source, config) in secrets.chain(configs) {
        let (state, why) = match confidential.look(source).await {
            Standing::Present(_) => (Presence::Present, None),
            Standing::OnFirstUse => (Presence::OnFirstUse, None),
            Standing::NotAsked => (Presence::NotAsked, None),
            Standing::Asked(_) => (Presence::Asked, None),
            Standing::Missing(error) => (Presence::Missing, Some(error.to_string())),
        };
        let uses = |service: &Service| {
            let references = if config { &service.configs } else { &service.secrets };
            let of_build = service.build.iter().filter(|_| !config).flat_map(|build| &build.secrets);
            references.iter().chain(of_build).any(|reference| reference.source == *key)
        };
        let used_by = environment.services.iter().filter(|(_, service)| uses(service));
        let used_by = used_by.map(|(name, _)| name.clone()).collect();
        origins.push(Origin {
            name: key.clone(),
            config,
            from: look::origin(source, &environment.working_dir),
            state,
            why,
            used_by,
        });
    }
    origins
}
