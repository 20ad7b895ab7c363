//! Sees to it that the user agrees to what a spec asks of this machine, before anything is done for it.

use crate::app::error::Result;
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::trust::{self, Means, Subject};
use crate::app::up::Questions;
use crate::app::wiring::Engine;
use crate::base::clock::{Clock as _, SystemClock};
use crate::model::environment::Environment;
use crate::state::store::State;
use crate::trust::capability::Survey;
use crate::trust::verdict::Question;

/// Whose spec it is, on which engine, and who is asked.
#[derive(Clone, Copy)]
pub struct Agreeing<'a> {
    /// What the command line says.
    pub request: &'a Request,
    /// Knows whose the names are that the spec writes out.
    pub engine: &'a Engine,
    /// The spec.
    pub project: &'a Project,
    /// Keeps the answers.
    pub state: &'a State,
    /// Who is asked.
    pub questions: &'a dyn Questions,
}

impl Agreeing<'_> {
    /// Everything that the spec asks of this machine, as of now.
    pub async fn survey(&self, environment: &Environment) -> Result<Survey> {
        let Some(loaded) = self.project.spec.as_deref() else { return Ok(Survey::default()) };
        let neighbours = trust::neighbours(self.engine, environment).await?;
        let given_files = self.request.given_files(&loaded.config_files, &loaded.env_files);
        let (neighbours, home) = (Some(&neighbours), &*self.request.home);
        Ok(trust::look(&Subject { environment, loaded, neighbours, given_files: &given_files, home }))
    }

    /// Sees to it that the user agrees to all of that.
    pub async fn agree(&self) -> Result<Survey> {
        let survey = self.survey(self.project.environment()?).await?;
        self.ensure(&survey)?;
        Ok(survey)
    }

    fn ensure(&self, survey: &Survey) -> Result<()> {
        let mut ask = |question: &Question| self.questions.consent(self.project, question);
        let means = if self.request.trust { Means::GivenBeforehand } else { Means::Ask(&mut ask) };
        trust::ensure(self.state, &self.project.environment()?.working_dir, survey, means, SystemClock.now())
    }

    /// A dev container's image may ask for rights, mounts and more by itself: that is known only once the image is there.
    pub async fn agree_with_image(&self, environment: &Environment, agreed: &Survey) -> Result<()> {
        if environment.development.is_none() {
            return Ok(());
        }
        let survey = self.survey(environment).await?;
        if survey.digest() == agreed.digest() { Ok(()) } else { self.ensure(&survey) }
    }
}
