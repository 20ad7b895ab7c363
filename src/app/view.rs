//! One look at the world for an `up`: what is wanted with all that images and features add to it, what there is, and what
//! would be done.

use std::collections::BTreeSet;

use crate::app::development;
use crate::app::dotfiles;
use crate::app::error::Result;
use crate::app::ports::{self, Keep};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::supplies::{self, Supplies};
use crate::app::up::{Aim, UpRequest, refused};
use crate::app::wiring::Engine;
use crate::app::workplace;
use crate::driver::container::Scope;
use crate::feature::Feature;
use crate::model::environment::Environment;
use crate::model::observed::Observed;
use crate::observe::{self, observe};
use crate::plan::{self, ImageChain, Inputs, Plan};
use crate::state::port::choose::{Chosen, Policy};
use crate::state::store::State;

/// The world as it is, and what would be done to it.
pub struct View {
    /// As wanted, with chosen ports.
    pub environment: Environment,
    /// As it is.
    pub observed: Observed,
    /// What else planning knew.
    pub inputs: Inputs,
    /// What would be done.
    pub plan: Plan,
    /// Ports of the host, as chosen.
    pub chosen: Vec<Chosen>,
}

/// Looks at the world and plans.
pub async fn view(
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
