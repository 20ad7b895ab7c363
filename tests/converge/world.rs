//! `up` against the engine in memory, as `devup up` does it: look, plan, perform, and once more where images decide.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use devup::driver::container::ContainerDriver;
use devup::driver::fake::Fake;
use devup::driver::image::{BuildRequest, ImageDriver, ProgressSink};
use devup::driver::session::SessionDriver;
use devup::engine::{self, Cancel, Pace, Providers, Report, SecretResolver, Told, Tools, Workshop};
use devup::model::environment::Environment;
use devup::model::event::Deaf;
use devup::model::provider::{Model, Provider};
use devup::model::resource::SecretSource;
use devup::model::task::Provision;
use devup::observe::{Request, observe};
use devup::plan::{self, DownOptions, Inputs, InsideStep, Options, Plan};

use crate::generate::Random;

/// Value of every secret of the tests.
pub const SECRET: &[u8] = b"open sesame";

/// An engine with the images that generated environments use.
pub fn engine() -> Fake {
    Fake::new()
        .with_image("plain:1", &[])
        .with_image("store:1", &["/anon"])
        .with_registry_image("plain:2", "plain two", &[])
        .with_registry_image("store:2", "store two", &["/anon"])
}

/// Notes in memory.
#[derive(Debug, Default)]
pub struct Marks(Mutex<BTreeSet<String>>);

impl engine::Marks for Marks {
    fn done(&self, container: &str, mark: &str) -> Result<(), String> {
        self.0.lock().unwrap().insert(plan::mark_line(container, mark));
        Ok(())
    }
    fn forget(&self, subject: &str, beginning: &str) -> Result<(), String> {
        let prefix = plan::mark_line(subject, beginning);
        self.0.lock().unwrap().retain(|line| !line.starts_with(&prefix));
        Ok(())
    }
}

struct Secrets;

#[async_trait]
impl SecretResolver for Secrets {
    async fn resolve(&self, _source: &SecretSource) -> Result<Vec<u8>, String> {
        Ok(SECRET.to_vec())
    }
}

struct NoWorkshop;

#[async_trait]
impl Workshop for NoWorkshop {
    async fn build_env(&self, env: &str, _reference: &str, _progress: ProgressSink<'_>) -> Result<(), String> {
        Err(format!("no generated environment uses env {env}"))
    }
    async fn provision(
        &self,
        base: &str,
        _reference: &str,
        _steps: &[Provision],
        _progress: ProgressSink<'_>,
    ) -> Result<(), String> {
        Err(format!("no generated environment provisions {base}"))
    }
    async fn surround(&self, request: BuildRequest) -> Result<BuildRequest, String> {
        Ok(request)
    }
}

#[async_trait]
impl Providers for NoWorkshop {
    async fn up(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("no generated environment has {service} provided"))
    }
    async fn down(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("no generated environment has {service} provided"))
    }
    async fn stop(&self, service: &str, _provider: &Provider, _told: Told<'_>) -> Result<(), String> {
        Err(format!("no generated environment has {service} provided"))
    }
    async fn serve(&self, key: &str, _model: &Model, _told: Told<'_>) -> Result<(), String> {
        Err(format!("no generated environment uses model {key}"))
    }
}

/// All three drivers in one.
pub trait Engine: ContainerDriver + ImageDriver + SessionDriver {}
impl<D: ContainerDriver + ImageDriver + SessionDriver> Engine for D {}

/// Changes a plan before it is performed.
pub type Change = Arc<dyn Fn(Plan) -> Plan + Send + Sync>;

/// One `up`.
pub struct Run<'a> {
    pub engine: &'a dyn Engine,
    pub environment: &'a Environment,
    pub marks: &'a Marks,
    pub options: Options,
    pub order: Option<u64>,
    pub change: Option<Change>,
    /// The planner sees labels as if nothing had changed.
    pub blind: bool,
}

impl<'a> Run<'a> {
    pub fn new(engine: &'a dyn Engine, environment: &'a Environment, marks: &'a Marks) -> Self {
        let options = Options { remove_orphans: true, ..Options::default() };
        Self { engine, environment, marks, options, order: None, change: None, blind: false }
    }

    /// One step at a time, in an order drawn from this number.
    pub fn shuffled(mut self, order: u64) -> Self {
        self.order = Some(order);
        self
    }

    pub fn changed(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    fn inputs(&self) -> Inputs {
        let mut inputs = Inputs { marks: self.marks.0.lock().unwrap().clone(), ..Inputs::default() };
        for (name, service) in &self.environment.services {
            for provision in &service.provision {
                let step = InsideStep {
                    digest: provision.run.clone(),
                    step: provision.run.clone(),
                    outputs: provision.outputs.clone(),
                    gone: false,
                    provision: provision.clone(),
                };
                inputs.provision.entry(name.clone()).or_default().push(step);
            }
        }
        inputs
    }
}

/// Nothing of the engine in memory takes this long; a wait that would last for ever ends the test instead of hanging it.
const DEADLINE: Duration = Duration::from_mins(1);

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limited = async { tokio::time::timeout(DEADLINE, future).await };
    runtime.block_on(limited).unwrap_or_else(|_| Err(format!("still not done after {DEADLINE:?}")))
}

async fn planned(run: &Run<'_>, settled: bool) -> Result<Plan, String> {
    let mut options = run.options.clone();
    options.images_settled = settled;
    let inputs = run.inputs();
    let images = plan::references(run.environment, &options, &inputs).map_err(|error| error.to_string())?;
    let request = Request::for_up(run.environment, images);
    let mut observed = observe(run.engine, run.engine, &request).await.map_err(|error| error.to_string())?;
    if run.blind {
        crate::mutations::blind(run.environment, &mut observed, &options, &inputs);
    }
    plan::reconcile(run.environment, &observed, &options, &inputs).map_err(|error| error.to_string())
}

/// What the next `up` would do.
pub fn plan(run: &Run<'_>) -> Result<Plan, String> {
    block_on(planned(run, false))
}

/// One `up`, to its end.
pub fn up(run: &Run<'_>) -> Result<Report, String> {
    block_on(async {
        let mut settled = false;
        loop {
            let mut plan = planned(run, settled).await?;
            check_shape(&plan)?;
            if let Some(change) = &run.change {
                plan = change(plan);
            }
            let report = perform(run, &plan).await;
            if !plan.look_again || !report.is_success() {
                return Ok(report);
            }
            settled = true;
        }
    })
}

async fn perform(run: &Run<'_>, plan: &Plan) -> Report {
    let tools = Tools {
        project: run.environment.project_name(),
        containers: run.engine,
        images: run.engine,
        sessions: run.engine,
        secrets: &Secrets,
        workshop: &NoWorkshop,
        providers: &NoWorkshop,
        marks: run.marks,
        listener: &Deaf,
    };
    let pace = match run.order {
        None => Pace::default(),
        Some(order) => {
            let mut random = Random::new(order);
            Pace { width: 1, pick: Some(Box::new(move |ready| random.below(ready))), ..Pace::default() }
        }
    };
    engine::apply(plan, &tools, pace, &Cancel::never()).await
}

/// What a `down` would do; without the environment it goes by labels alone.
pub fn plan_down(run: &Run<'_>, with_spec: bool, options: &DownOptions) -> Result<Plan, String> {
    block_on(async {
        let request = Request::for_project(run.environment.project_name());
        let observed = observe(run.engine, run.engine, &request).await.map_err(|error| error.to_string())?;
        plan::down(Some(run.environment).filter(|_| with_spec), &observed, options).map_err(|error| error.to_string())
    })
}

/// One `down`, to its end.
pub fn down(run: &Run<'_>, with_spec: bool, options: &DownOptions) -> Result<Report, String> {
    let plan = plan_down(run, with_spec, options)?;
    check_shape(&plan)?;
    block_on(async { Ok(perform(run, &plan).await) })
}

/// Every step comes after what it waits for and what it uses.
fn check_shape(plan: &Plan) -> Result<(), String> {
    for (index, step) in plan.steps.iter().enumerate() {
        let known = |id: &plan::StepId| (id.0 as usize) <= index && id.0 > 0;
        if step.id.0 as usize != index + 1 || !step.after.iter().chain(&step.follows).all(known) {
            return Err(format!("step {} is out of order in\n{plan}", step.id));
        }
        for target in step.operation.targets() {
            if let plan::ContainerTarget::MadeBy { step: maker, .. } = target
                && !known(maker)
            {
                return Err(format!("step {} uses the later step {maker} in\n{plan}", step.id));
            }
        }
    }
    Ok(())
}
