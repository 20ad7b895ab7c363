//! Answers the questions that use cases come up with, by asking the person at the terminal.

use async_trait::async_trait;

use super::before;
use super::context::Context;
use crate::app::before::SaveFirst;
use crate::app::error::{AppError, Result};
use crate::app::machine::{self, HostTools};
use crate::app::project::Project;
use crate::app::trust::Answer;
use crate::app::up::Questions;
use crate::app::wiring::{self, Engine};
use crate::base::lock::Owner;
use crate::driver::locate::Here;
use crate::host::bootstrap::Workshop;
use crate::model::environment::Environment;
use crate::model::resource::SecretSource;
use crate::plan::Plan;
use crate::trust::verdict::Question;
use crate::ui::ask::OnTerminal;
use crate::ui::consent;
use crate::ui::talk::Talk;
use crate::ui::text::clean;

#[async_trait]
impl Questions for Context {
    fn consent(&self, project: &Project, question: &Question) -> Answer {
        consent::ask(&self.screen, &project.name, question)
    }

    fn may_lose(&self, plan: &Plan) -> Result<bool> {
        let going: Vec<String> = plan.loses_data().map(|(_, what)| clean(what)).collect();
        let question = format!("This would destroy {}. Go on?", going.join(", "));
        self.confirm(&question, "the same command with --yes, once you are sure")?;
        Ok(true)
    }

    async fn save_first(&self, project: &str, environment: Option<&Environment>, how: &SaveFirst) -> Result<()> {
        before::save_beside(self, project, environment, how).await
    }

    fn waiting_for(&self, owner: Owner) {
        let pid = owner.pid.map_or_else(|| "another devup".to_owned(), |pid| format!("devup with pid {pid}"));
        self.screen.say(&format!("waiting for {pid}, which is at work on this project (Ctrl-C: don't wait)"));
    }

    fn secret(&self, project: &Project, source: &SecretSource) -> Result<Option<Vec<u8>>> {
        let entry = source.keyring.as_deref().unwrap_or(&source.name);
        if !self.screen.look.can_ask {
            return Ok(None);
        }
        // a question is the spec's: whose it is stands first, whatever it says
        let prompt = match &source.prompt {
            Some(question) => format!("{}: {} (nothing: stop here)", clean(&project.name), clean(question)),
            None => format!("Value of {} for {} (nothing: stop here)", clean(entry), clean(&project.name)),
        };
        let typed = dialoguer::Password::new().with_prompt(prompt).allow_empty_password(true).interact();
        let typed = typed.map_err(|error| AppError::failed(format!("asking for the value of {entry}: {error}")))?;
        Ok(Some(typed.into_bytes()).filter(|value| !value.is_empty()))
    }
}

/// What host rooms need of this command line: whom to ask, whom to tell, where logs go.
pub struct Host {
    asker: OnTerminal,
    talk: Talk,
    logs: std::path::PathBuf,
}

impl Host {
    /// Of this run.
    pub fn of(context: &Context) -> Result<Self> {
        Ok(Self {
            asker: OnTerminal { screen: context.screen, yes: context.global.yes },
            talk: Talk::new(context.screen),
            logs: context.request()?.layout.logs(),
        })
    }

    /// As the host's rooms want it.
    pub fn workshop(&self) -> Workshop<'_> {
        Workshop { asker: &self.asker, listener: &self.talk, logs: &self.logs }
    }

    /// For building envs.
    pub fn tools(&self) -> HostTools<'_> {
        HostTools { shop: self.workshop() }
    }
}

/// The engine; installed or started, after consent, where there is none.
pub async fn engine(context: &Context, host: &Host) -> Result<Engine> {
    let missing = match wiring::connect().await {
        Ok(engine) => return Ok(engine),
        Err(error) => error,
    };
    if context.global.dry_run {
        return Err(missing);
    }
    let running = machine::engine(&Here::current(), &host.workshop()).await?;
    for done in &running.did {
        context.screen.say(done);
    }
    wiring::connect_to(&running.candidate).await
}
