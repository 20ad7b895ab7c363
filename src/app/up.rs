//! `up` and `plan`: from the spec to a world that is as it says.
//!
//! The order: lock, consent, one look, ports, plan, question where data would go, apply. Where a pull or build decides
//! what becomes of containers that exist, the image steps are performed first and everything is looked at again.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::app::agree::Agreeing;
use crate::app::before::{self, SaveFirst};
use crate::app::buildable;
use crate::app::crossing;
use crate::app::development;
use crate::app::dotfiles;
use crate::app::error::{AppError, Result};
use crate::app::instance;
use crate::app::ports::Keep;
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::secret;
use crate::app::supplies::Supplies;
use crate::app::trust::{self, Answer};
use crate::app::view::{View, view};
use crate::app::wiring::Engine;
use crate::app::workplace;
use crate::base::clock::{Clock, SystemClock};
use crate::base::lock::{Lock, Owner};
use crate::driver::error::DriverError;
use crate::engine::{Cancel, Level, Pace, Report, StepError, apply};
use crate::envs::bootstrap;
use crate::model::environment::Environment;
use crate::model::event::{Event, Listener, Outcome};
use crate::model::observed::Observed;
use crate::model::resource::SecretSource;
use crate::plan::{self, Answers, Inputs, Operation, Options, Plan, PlanError};
use crate::state::port::choose::Chosen;
use crate::state::store::State;
use crate::trust::capability::Survey;
use crate::trust::verdict::Question;

/// What the user asks for.
#[derive(Debug, Clone, Default)]
pub struct UpRequest {
    /// The planner's part.
    pub options: Options,
    /// A taken port is an error.
    pub strict_ports: bool,
    /// For each wait.
    pub wait_timeout: Option<Duration>,
    /// How far it goes.
    pub aim: Aim,
    /// In place of what the spec says, for this run: what the user's own command line overrides needs no consent.
    pub environment: Option<Environment>,
    /// The user's own files, as this run's command line has them.
    pub dotfiles: dotfiles::Wish,
    /// What becomes of data before it goes.
    pub save_first: SaveFirst,
    /// What providers answered to an earlier part of the same run.
    pub answers: Answers,
}

/// How far a run goes.
#[derive(Debug, Clone, Default)]
pub enum Aim {
    /// Everything is as the spec says.
    #[default]
    Converge,
    /// Images are there.
    Images,
    /// One container more is made, for `run`.
    OneOff(plan::OneOff),
}

/// Questions that come up on the way; answered by whoever has the user.
#[async_trait]
pub trait Questions: Send + Sync {
    /// Exactly this is asked of the machine.
    fn consent(&self, project: &Project, question: &Question) -> Answer;
    /// Data would go for good. `Ok(false)`: it stays, and the plan is made without.
    fn may_lose(&self, plan: &Plan) -> Result<bool>;
    /// The project's data is about to go: it is saved, and how to get it back is said. An error: nothing may go.
    async fn save_first(&self, project: &str, environment: Option<&Environment>, how: &SaveFirst) -> Result<()>;
    /// Told once: another devup works on the project.
    fn waiting_for(&self, owner: Owner);
    /// The value of a secret whose entry is missing; `None`: nobody is there to ask, or nothing was typed.
    fn secret(&self, _project: &Project, _source: &SecretSource) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// What `up` came to.
#[derive(Debug)]
pub struct UpOutcome {
    /// With chosen ports.
    pub environment: Environment,
    /// The last plan.
    pub plan: Plan,
    /// Steps that changed something, over all plans of this run.
    pub changed: usize,
    /// Containers were to be started, too.
    pub started: bool,
    /// How it was performed; the last report where there were several.
    pub report: Report,
    /// Ports of the host, as chosen.
    pub chosen: Vec<Chosen>,
    /// What providers answered.
    pub answers: Answers,
}

/// Brings the environment up.
pub fn up(
    request: &Request,
    engine: &Engine,
    project: &Project,
    wish: &UpRequest,
    questions: &dyn Questions,
    tools: &dyn bootstrap::Tools,
    (listener, cancel): (&dyn Listener, &Cancel),
) -> impl Future<Output = Result<UpOutcome>> {
    // boxed: of a size that its callers need not carry around
    Box::pin(async move {
        let state = open(request)?;
        let subject = Agreeing { request, engine, project, state: &state, questions };
        let agreed = subject.agree().await?;
        // held from before the look until the last step: nobody else's steps come between
        let _lock = lock(request, project, questions, cancel).await?;
        instance::enter(&state, project.environment()?, project.name_source(request), SystemClock.now())?;
        trust::still_holds(&agreed, &subject.survey(project.environment()?).await?)?;
        let told = match wish.aim {
            Aim::Converge => Box::pin(prepare(request, project, &state, listener)).await?,
            Aim::Images | Aim::OneOff(_) => Vec::new(),
        };
        let supplies = Supplies::of(request, engine, project, &state, tools)?.performing();
        let wish = wish.clone();
        supplies.know(wish.answers.clone());
        let mut run = Run {
            subject,
            agreed,
            supplies: &supplies,
            wish,
            told,
            changed: 0,
            lost_ports: 0,
            saved: false,
            listener,
            cancel,
        };
        let mut crossings = 0;
        loop {
            let view = Box::pin(run.look()).await?;
            Box::pin(run.save_first(&view)).await?;
            let report = run.perform(&view.plan).await;
            run.changed += view.plan.changes().count();
            run.note_renewed(&view.plan, &report);
            if run.lost_a_port(&report) {
                continue;
            }
            if crossings < CROSSINGS
                && crossing::happened(&*engine.containers, &project.name, &view.plan, &report).await
            {
                crossings += 1;
                continue;
            }
            if !view.plan.look_again || !report.is_success() {
                return run.end(view, report);
            }
            run.wish.options.images_settled = true;
        }
    })
}

/// One `up` under way.
struct Run<'a> {
    subject: Agreeing<'a>,
    agreed: Survey,
    supplies: &'a Supplies<'a>,
    wish: UpRequest,
    /// Warnings that were told: a run's plans repeat them.
    told: Vec<String>,
    changed: usize,
    lost_ports: u32,
    /// The data was saved before it went.
    saved: bool,
    listener: &'a dyn Listener,
    cancel: &'a Cancel,
}

impl Run<'_> {
    /// Looks at the world, plans, and settles every question that the plan brings up.
    async fn look(&mut self) -> Result<View> {
        let Agreeing { request, engine, project, state, questions } = self.subject;
        let seen = view((request, engine), project, &self.wish, state, self.supplies, Keep::Yes);
        let mut view = Box::pin(seen).await?;
        Box::pin(self.subject.agree_with_image(&view.environment, &self.agreed)).await?;
        if view.plan.needs_yes().next().is_some() && !questions.may_lose(&view.plan)? {
            self.wish.options.keep_changed_volumes = true;
            view.plan = self.wish.plan(&view.environment, &view.observed, &view.inputs)?;
        }
        if let Some(features) = self.supplies.features.get() {
            workplace::record(&view.environment, features)?;
        }
        if matches!(self.wish.aim, Aim::Converge) {
            // what the image asks of this machine beyond what the file does is known only once the image is there
            self.warn(view.environment.development.iter().flat_map(development::lacking));
        }
        self.warn(view.plan.warnings.iter().cloned());
        buildable::check(engine, project, &view.plan)?;
        Box::pin(values(project, state, self.supplies, &view.plan, questions)).await?;
        Ok(view)
    }

    /// Saves what the plan takes away; once in a run, of which everything later is new.
    async fn save_first(&mut self, view: &View) -> Result<()> {
        let how = &self.wish.save_first;
        if self.saved || how.declined {
            return Ok(());
        }
        if before::takes_data(&view.plan, &view.observed, self.wish.options.renew_anon_volumes) {
            let project = &self.subject.project.name;
            self.subject.questions.save_first(project, Some(&view.environment), how).await?;
            self.saved = true;
        }
        Ok(())
    }

    /// Volumes that were made anew because the user wants empty ones are not made anew again by a later plan of this run.
    fn note_renewed(&mut self, plan: &Plan, report: &Report) {
        for ended in report.steps.iter().filter(|ended| ended.outcome == Outcome::Done) {
            if let Some(Operation::CreateVolume { volume, .. }) = plan.step(ended.step).map(|step| &step.operation) {
                self.wish.options.renewed.insert(volume.name.clone());
            }
        }
    }

    fn warn(&mut self, messages: impl Iterator<Item = String>) {
        for message in messages {
            if !self.told.contains(&message) {
                self.listener.on(Event::Warning { message: message.clone() });
                self.told.push(message);
            }
        }
    }

    async fn perform(&self, plan: &Plan) -> Report {
        let Agreeing { request, engine, project, .. } = self.subject;
        let journal = self.supplies.journal(self.listener);
        let pace = Pace {
            width: request.parallel.unwrap_or(Pace::default().width),
            wait_timeout: self.wish.wait_timeout,
            ..Pace::default()
        };
        let tools = self.supplies.tools(engine, &project.name, &journal);
        apply(plan, &tools, pace, self.cancel).await
    }

    /// Somebody took a port between the choice and the start: the next choice sees it taken.
    fn lost_a_port(&mut self, report: &Report) -> bool {
        let taken = |error: &StepError| matches!(error, StepError::Driver(DriverError::PortTaken { .. }));
        let lost =
            !self.wish.strict_ports && self.lost_ports < LOST_PORTS && report.failures().any(|(_, error)| taken(error));
        self.lost_ports += u32::from(lost);
        lost
    }

    fn end(self, view: View, report: Report) -> Result<UpOutcome> {
        self.supplies.forget_all_but(&view.observed, &view.plan)?;
        if report.is_success() && matches!(self.wish.aim, Aim::Converge) {
            self.supplies.confidential().remember(&view.environment)?;
        }
        let View { environment, plan, chosen, .. } = view;
        let started = !self.wish.options.no_start;
        let answers = self.supplies.answers();
        Ok(UpOutcome { environment, plan, changed: self.changed, started, report, chosen, answers })
    }
}

/// Sees to it that every secret that the plan needs has a value: entries are asked for where somebody is there, and what is
/// missing then is told at once.
async fn values(
    project: &Project,
    state: &State,
    supplies: &Supplies<'_>,
    plan: &Plan,
    questions: &dyn Questions,
) -> Result<()> {
    let mut missing = Vec::new();
    for (source, error) in supplies.confidential().missing(plan).await {
        // another project's entries are not this one's to make
        let own = source.keyring.as_ref().filter(|entry| !entry.contains('/'));
        let asks = own.is_some() || source.prompt.is_some();
        let typed = if asks { questions.secret(project, &source)? } else { None };
        match (typed, own) {
            (Some(value), Some(entry)) => secret::set(state, &project.name, entry, value)?,
            (Some(value), None) => supplies.confidential().typed(&source, value),
            (None, _) => missing.push(error.to_string()),
        }
    }
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(AppError::failed(one.clone()).help("`devup secret check` shows where each value comes from")),
        many => {
            let lines: String = many.iter().map(|line| format!("\n  {line}")).collect();
            Err(AppError::failed(format!("{} secrets have no value; nothing was changed:{lines}", many.len()))
                .help("`devup secret check` shows where each value comes from"))
        }
    }
}

/// What a dev container wants of this machine before anything else; consent was given. Returns what was told.
async fn prepare(request: &Request, project: &Project, state: &State, listener: &dyn Listener) -> Result<Vec<String>> {
    let Some(development) = &project.environment()?.development else { return Ok(Vec::new()) };
    let told = development::unmet(request, state, &project.name, development)?;
    for message in told.iter().cloned() {
        listener.on(Event::Warning { message });
    }
    development::initialize(development, listener).await?;
    Ok(told)
}

/// How often everything is looked at again because a call of an earlier devup was still on its way.
const CROSSINGS: u32 = 3;
/// How often ports are chosen again because somebody was faster.
const LOST_PORTS: u32 = 3;

/// What `up` would do.
pub async fn plan(
    request: &Request,
    engine: &Engine,
    project: &Project,
    wish: &UpRequest,
) -> Result<(Plan, Vec<Chosen>)> {
    let state = open(request)?;
    let supplies = Supplies::of(request, engine, project, &state, &NoTools)?;
    let view = view((request, engine), project, wish, &state, &supplies, Keep::No).await?;
    Ok((view.plan, view.chosen))
}

/// Planning installs nothing.
struct NoTools;

#[async_trait]
impl bootstrap::Tools for NoTools {
    async fn program(&self, name: &str, _package: &str) -> Result<PathBuf, bootstrap::Cause> {
        Err(format!("{name} is not looked for while planning").into())
    }
}

/// The project's lock, which every verb holds that changes the project: the second devup waits for the first, and takes
/// over from a dead one. An interrupt ends the waiting.
pub async fn lock(request: &Request, project: &Project, questions: &dyn Questions, cancel: &Cancel) -> Result<Lock> {
    let path = request.layout.lock(&project.name);
    tokio::select! {
        taken = Lock::take(&path, |owner| questions.waiting_for(owner)) => {
            taken.map_err(|error| AppError::failed(error.to_string()))
        }
        () = cancel.reaches(Level::Finish) => {
            Err(AppError::Interrupted { message: "interrupted while waiting; nothing was done".to_owned() })
        }
    }
}

fn open(request: &Request) -> Result<State> {
    State::open(request.layout.clone()).map_err(|error| AppError::failed(error.to_string()))
}

impl UpRequest {
    /// Where nobody names services, a dev container may have said which ones count.
    pub(in crate::app) fn options_for(&self, environment: &Environment) -> Options {
        let mut options = self.options.clone();
        if let Some(development) = &environment.development
            && options.services.is_empty()
            && !development.run_services.is_empty()
        {
            options.services.clone_from(&development.run_services);
            options.services.push(development.service.clone());
        }
        options
    }

    pub(in crate::app) fn plan(&self, environment: &Environment, observed: &Observed, inputs: &Inputs) -> Result<Plan> {
        let options = &self.options_for(environment);
        let made = match &self.aim {
            Aim::Converge => plan::reconcile(environment, observed, options, inputs),
            Aim::Images => plan::bring(environment, observed, options, inputs),
            Aim::OneOff(one) => plan::one_off(environment, observed, options, inputs, one),
        };
        made.map_err(refused)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function value of map_err")]
pub(in crate::app) fn refused(error: PlanError) -> AppError {
    AppError::failed(error.to_string())
}
