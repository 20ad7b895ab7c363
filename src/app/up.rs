//! `up` and `plan`: from the spec to a world that is as it says.
//!
//! The order: lock, consent, one look, ports, plan, question where data would go, apply. Where a pull or build decides
//! what becomes of containers that exist, the image steps are performed first and everything is looked at again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::app::development;
use crate::app::dotfiles;
use crate::app::error::{AppError, Result};
use crate::app::instance;
use crate::app::ports::{self, Keep};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::secret;
use crate::app::supplies::{self, Supplies};
use crate::app::trust::{self, Answer, Means, Subject};
use crate::app::wiring::Engine;
use crate::app::workplace;
use crate::base::clock::{Clock, SystemClock};
use crate::base::lock::{Lock, Owner};
use crate::driver::container::Scope;
use crate::driver::error::DriverError;
use crate::engine::{Cancel, Level, Pace, Report, StepError, apply};
use crate::envs::bootstrap;
use crate::feature::Feature;
use crate::model::environment::Environment;
use crate::model::event::{Event, Listener};
use crate::model::observed::Observed;
use crate::model::resource::SecretSource;
use crate::observe::{self, observe};
use crate::plan::{self, ImageChain, Inputs, Options, Plan, PlanError};
use crate::state::port::choose::{Chosen, Policy};
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
pub trait Questions: Send + Sync {
    /// Exactly this is asked of the machine.
    fn consent(&self, project: &Project, question: &Question) -> Answer;
    /// Data would go for good. `Ok(false)`: it stays, and the plan is made without.
    fn may_lose(&self, plan: &Plan) -> Result<bool>;
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
}

/// Brings the environment up.
pub async fn up(
    request: &Request,
    engine: &Engine,
    project: &Project,
    wish: &UpRequest,
    questions: &dyn Questions,
    tools: &dyn bootstrap::Tools,
    (listener, cancel): (&dyn Listener, &Cancel),
) -> Result<UpOutcome> {
    let state = open(request)?;
    let agreed = agree(request, engine, project, &state, questions).await?;
    // held from before the look until the last step: nobody else's steps come between
    let _lock = lock(request, project, questions, cancel).await?;
    instance::enter(&state, project.environment()?, project.name_source(request), SystemClock.now())?;
    trust::still_holds(&agreed, &survey(request, engine, project, project.environment()?).await?)?;
    let mut told = match wish.aim {
        Aim::Converge => Box::pin(prepare(request, project, &state, listener)).await?,
        Aim::Images | Aim::OneOff(_) => Vec::new(),
    };
    let supplies = Supplies::of(request, engine, project, &state, tools)?;
    let mut wish = wish.clone();
    let mut changed = 0;
    let mut lost_ports = 0;
    loop {
        let mut view = Box::pin(view((request, engine), project, &wish, &state, &supplies, Keep::Yes)).await?;
        Box::pin(agree_with_image(request, engine, project, &state, (&view.environment, &agreed), questions)).await?;
        if view.plan.needs_yes().next().is_some() && !questions.may_lose(&view.plan)? {
            wish.options.keep_changed_volumes = true;
            view.plan = wish.plan(&view.environment, &view.observed, &view.inputs)?;
        }
        if let Some(features) = supplies.features.get() {
            workplace::record(&view.environment, features)?;
        }
        if matches!(wish.aim, Aim::Converge) {
            remind(&view.environment, &mut told, listener);
        }
        for warning in &view.plan.warnings {
            listener.on(Event::Warning { message: warning.clone() });
        }
        Box::pin(values(project, &state, &supplies, &view.plan, questions)).await?;
        let report = perform(request, engine, project, &view.plan, &supplies, (&wish, listener, cancel)).await;
        changed += view.plan.changes().count();
        // somebody took a port between the choice and the start: the next choice sees it taken
        if !wish.strict_ports && lost_ports < LOST_PORTS && lost_a_port(&report) {
            lost_ports += 1;
            continue;
        }
        if !view.plan.look_again || !report.is_success() {
            supplies.forget_all_but(&view.observed, &view.plan)?;
            if report.is_success() && matches!(wish.aim, Aim::Converge) {
                supplies.confidential().remember(&view.environment)?;
            }
            let View { environment, plan, chosen, .. } = view;
            let started = !wish.options.no_start;
            return Ok(UpOutcome { environment, plan, changed, started, report, chosen });
        }
        wish.options.images_settled = true;
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
        let typed = match own {
            Some(entry) => questions.secret(project, &source)?.map(|value| (entry, value)),
            None => None,
        };
        match typed {
            Some((entry, value)) => secret::set(state, &project.name, entry, value)?,
            None => missing.push(error.to_string()),
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

/// Tells what the image asks of this machine beyond what the file does: that is known only once the image is there.
fn remind(environment: &Environment, told: &mut Vec<String>, listener: &dyn Listener) {
    let lacking = environment.development.iter().flat_map(development::lacking);
    for message in lacking {
        if !told.contains(&message) {
            listener.on(Event::Warning { message: message.clone() });
            told.push(message);
        }
    }
}

/// How often ports are chosen again because somebody was faster.
const LOST_PORTS: u32 = 3;

fn lost_a_port(report: &Report) -> bool {
    let taken = |error: &StepError| matches!(error, StepError::Driver(DriverError::PortTaken { .. }));
    report.failures().any(|(_, error)| taken(error))
}

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

/// Everything that the spec asks of this machine, as of now.
async fn survey(request: &Request, engine: &Engine, project: &Project, environment: &Environment) -> Result<Survey> {
    let Some(loaded) = project.spec.as_deref() else { return Ok(Survey::default()) };
    let neighbours = trust::neighbours(engine, environment).await?;
    let given_files = request.given_files(&loaded.config_files, &loaded.env_files);
    let neighbours = Some(&neighbours);
    Ok(trust::look(&Subject { environment, loaded, neighbours, given_files: &given_files, home: &request.home }))
}

/// Sees to it that the user agrees to all of that.
pub async fn agree(
    request: &Request,
    engine: &Engine,
    project: &Project,
    state: &State,
    questions: &dyn Questions,
) -> Result<Survey> {
    let survey = survey(request, engine, project, project.environment()?).await?;
    ensure(request, project, state, &survey, questions)?;
    Ok(survey)
}

fn ensure(
    request: &Request,
    project: &Project,
    state: &State,
    survey: &Survey,
    questions: &dyn Questions,
) -> Result<()> {
    let mut ask = |question: &Question| questions.consent(project, question);
    let means = if request.trust { Means::GivenBeforehand } else { Means::Ask(&mut ask) };
    trust::ensure(state, &project.environment()?.working_dir, survey, means, SystemClock.now())
}

/// A dev container's image may ask for rights, mounts and more by itself: that is known only once the image is there.
async fn agree_with_image(
    request: &Request,
    engine: &Engine,
    project: &Project,
    state: &State,
    (environment, agreed): (&Environment, &Survey),
    questions: &dyn Questions,
) -> Result<()> {
    if environment.development.is_none() {
        return Ok(());
    }
    let survey = survey(request, engine, project, environment).await?;
    if survey.digest() == agreed.digest() { Ok(()) } else { ensure(request, project, state, &survey, questions) }
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

struct View {
    environment: Environment,
    observed: Observed,
    inputs: Inputs,
    plan: Plan,
    chosen: Vec<Chosen>,
}

async fn view(
    (request, engine): (&Request, &Engine),
    project: &Project,
    wish: &UpRequest,
    state: &State,
    supplies: &Supplies<'_>,
    keep: Keep,
) -> Result<View> {
    let mut environment = match &wish.environment {
        Some(environment) => environment.clone(),
        None => project.environment()?.clone(),
    };
    for (name, count) in &wish.options.scale {
        if let Some(service) = environment.services.get_mut(name).or_else(|| environment.disabled.get_mut(name)) {
            service.scale = Some(*count);
        }
    }
    let mut inputs = supplies.inputs(&environment)?;
    let options = wish.options_for(&environment);
    let references = plan::references(&environment, &options, &inputs).map_err(refused)?;
    let bases = supplies::unprovisioned(&environment, &inputs);
    let wanted: Vec<String> = references.into_iter().chain(bases).collect::<BTreeSet<_>>().into_iter().collect();
    let looked_for = observe::Request::for_up(&environment, wanted);
    let mut observed = observe(&*engine.containers, &*engine.images, &looked_for).await?;
    let features =
        describe((request, engine), wish, (state, &project.name), supplies, (&mut environment, &mut observed)).await?;
    let provisioned = supplies.provision(&environment, &observed, &mut inputs)?;
    if workplace::put(&environment, &observed, features, &mut inputs)? || provisioned {
        // layers have names only now that their bases are known
        let layers =
            inputs.images.values().flat_map(|chain: &ImageChain| &chain.makers).map(plan::ImageMaker::reference);
        for reference in layers.map(str::to_owned).collect::<Vec<_>>() {
            if !observed.images.contains_key(&reference)
                && let Some(image) = engine.images.image(&reference).await?
            {
                observed.images.insert(reference, image);
            }
        }
    }
    let chosen = match wish.aim {
        Aim::Converge => choose_ports(engine, state, &mut environment, wish.strict_ports, keep).await?,
        // ports of a `run` are those of its command line; images have none
        Aim::Images | Aim::OneOff(_) => Vec::new(),
    };
    development::check_ports(&environment, &chosen)?;
    let plan = wish.plan(&environment, &observed, &inputs)?;
    Ok(View { environment, observed, inputs, plan, chosen })
}

/// Completes the dev container with what its image and its features say; returns the features.
async fn describe<'s>(
    (request, engine): (&Request, &Engine),
    wish: &UpRequest,
    (state, project): (&State, &str),
    supplies: &'s Supplies<'_>,
    (environment, observed): (&mut Environment, &mut Observed),
) -> Result<&'s [Feature]> {
    let Some(development) = &mut environment.development else { return Ok(&[]) };
    development::find_secrets(request, state, project, development)?;
    let refresh = wish.options.pull == Some(plan::Pull::Always);
    let fetched =
        supplies.features.get_or_try_init(|| Box::pin(workplace::features(request, environment, refresh))).await?;
    let base = workplace::base(environment).and_then(|reference| observed.images.get(&reference));
    development::describe(environment, base, &fetched.ordered)?;
    if matches!(wish.aim, Aim::Converge) {
        dotfiles::put(environment, &wish.dotfiles, state)?;
    }
    // volumes that only the image asks for were not looked for before
    for volume in environment.volumes.values() {
        if !observed.volumes.iter().any(|known| known.name == volume.name) {
            observed.volumes.extend(engine.containers.volume(&volume.name).await?);
        }
    }
    Ok(&fetched.ordered)
}

impl UpRequest {
    /// Where nobody names services, a dev container may have said which ones count.
    fn options_for(&self, environment: &Environment) -> Options {
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

    fn plan(&self, environment: &Environment, observed: &Observed, inputs: &Inputs) -> Result<Plan> {
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
fn refused(error: PlanError) -> AppError {
    AppError::failed(error.to_string())
}

async fn perform(
    request: &Request,
    engine: &Engine,
    project: &Project,
    plan: &Plan,
    supplies: &Supplies<'_>,
    (wish, listener, cancel): (&UpRequest, &dyn Listener, &Cancel),
) -> Report {
    let journal = supplies.journal(listener);
    let pace = Pace {
        width: request.parallel.unwrap_or(Pace::default().width),
        wait_timeout: wish.wait_timeout,
        ..Pace::default()
    };
    let tools = supplies.tools(engine, &project.name, &journal);
    apply(plan, &tools, pace, cancel).await
}

/// Ports of the host: what was chosen before, what the spec names, or what is free.
async fn choose_ports(
    engine: &Engine,
    state: &State,
    environment: &mut Environment,
    strict: bool,
    keep: Keep,
) -> Result<Vec<Chosen>> {
    if environment.services.values().all(|service| service.ports.is_empty()) {
        return Ok(Vec::new());
    }
    let everyone = engine.containers.containers(&Scope::AllProjects).await?;
    let place = if engine.containers.features().local { ports::Engine::Here } else { ports::Engine::Elsewhere };
    let policy = if strict { Policy::Strict } else { Policy::Move };
    ports::settle(state, environment, &everyone, place, policy, keep)
}
