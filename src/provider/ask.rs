//! Asks the program that provides a service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::Notify;

use super::error::ProviderError;
use super::find::Search;
use super::message::{Message, Messages};
use super::metadata::{Metadata, Takes};
use crate::base::process::{Call, Finished, Stream};
use crate::model::provider::Provider;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The service shall be there.
    Up,
    /// What is held for it may go.
    Down,
    /// It is not used for now; what is held for it stays.
    Stop,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Stop => "stop",
        }
    }
}

/// Whose service it is, and where programs are.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    /// The project's name, by which providers tell what belongs together.
    pub project: &'a str,
    /// The project's folder, in which they run.
    pub folder: &'a Path,
    /// Where they are looked for.
    pub search: &'a Search,
}

/// To say which options it takes, a program needs no time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Set by the docker command line for its own plugins: a provider that sees it would take itself for one of those.
const OF_DOCKER: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";

/// Asks for a service, and waits for the program's end. `told` hears how it goes. Returns the variables for those that
/// depend on the service. A stop is asked only of programs that say that they know it.
pub async fn ask(
    asking: &Asking<'_>,
    verb: Verb,
    (service, provider): (&str, &Provider),
    told: &(dyn Fn(&str) + Send + Sync),
) -> Result<IndexMap<String, String>, ProviderError> {
    let program = asking.search.provider(&provider.kind, asking.folder)?;
    let metadata = metadata(asking, &program).await;
    let takes = metadata.as_ref();
    let takes = match verb {
        Verb::Up => takes.map(|metadata| &metadata.up),
        Verb::Down => takes.map(|metadata| &metadata.down),
        Verb::Stop => match takes.and_then(|metadata| metadata.stop.as_ref()) {
            Some(stop) => Some(stop),
            None => return Ok(IndexMap::new()),
        },
    };
    let call = call(asking, &program)
        .arg(format!("--project-name={}", asking.project))
        .arg(verb.word())
        .args(Takes::arguments(takes, provider)?)
        .arg(service);
    let (mut listening, stop) = (Listening::of(service, told), Notify::new());
    let seen = |stream: Stream, piece: &[u8]| {
        if stream == Stream::Out && !listening.hear(piece) {
            stop.notify_one();
        }
    };
    let ended = tokio::select! {
        ended = call.watch(seen) => Some(ended),
        // what it does after it said that it failed, nobody waits for
        () = stop.notified() => None,
    };
    listening.judge(&provider.kind)?;
    let named = format!("{} compose {}", provider.kind, verb.word());
    if let Some(ended) = ended {
        ended.and_then(Finished::checked).map_err(|error| ProviderError::of_call(&named, error))?;
    }
    Ok(listening.variables)
}

async fn metadata(asking: &Asking<'_>, program: &PathBuf) -> Option<Metadata> {
    let done = call(asking, program).arg("metadata").deadline(PATIENCE).run().await.ok()?;
    done.status.success().then(|| Metadata::read(&done.stdout)).flatten()
}

fn call(asking: &Asking<'_>, program: &PathBuf) -> Call {
    Call::new(program).arg("compose").dir(asking.folder).without_env(OF_DOCKER)
}

/// What was heard so far.
struct Listening<'a> {
    prefix: String,
    told: &'a (dyn Fn(&str) + Send + Sync),
    messages: Messages,
    variables: IndexMap<String, String>,
    /// It said that it failed.
    failed: Option<String>,
    /// It said something that means nothing.
    wrong: Option<String>,
}

impl<'a> Listening<'a> {
    fn of(service: &str, told: &'a (dyn Fn(&str) + Send + Sync)) -> Self {
        let prefix = format!("{}_", service.to_uppercase());
        Self { prefix, told, messages: Messages::default(), variables: IndexMap::new(), failed: None, wrong: None }
    }

    /// Hears a piece; `false`: there is nothing more to wait for.
    fn hear(&mut self, piece: &[u8]) -> bool {
        if self.failed.is_some() || self.wrong.is_some() {
            return false;
        }
        match self.messages.take(piece) {
            Ok(messages) => messages.into_iter().for_each(|message| self.note(message)),
            Err(what) => self.wrong = Some(what),
        }
        self.failed.is_none() && self.wrong.is_none()
    }

    fn note(&mut self, message: Message) {
        match message {
            Message::Info(text) => (self.told)(text.lines().next().unwrap_or_default()),
            Message::Error(text) => drop(self.failed.get_or_insert(text)),
            Message::Variable(name, value) => drop(self.variables.insert(format!("{}{name}", self.prefix), value)),
            Message::RawVariable(name, value) => drop(self.variables.insert(name, value)),
            Message::Debug => {}
        }
    }

    fn judge(&self, kind: &str) -> Result<(), ProviderError> {
        let kind = kind.to_owned();
        if let Some(message) = &self.failed {
            return Err(ProviderError::Said { kind, message: message.trim_end().to_owned() });
        }
        match self.wrong.clone().map_or_else(|| self.messages.end(), Err) {
            Ok(()) => Ok(()),
            Err(what) => Err(ProviderError::Nonsense { kind, what }),
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
