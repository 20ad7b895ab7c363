//! Deliberately broken planners: each has to be found out within a number of cases, or the tests above prove nothing.

use std::sync::Arc;

use devup::driver::container::AnonymousVolumes;
use devup::driver::faulty::{Fault, Faulty};
use devup::model::environment::Environment;
use devup::model::labels;
use devup::model::observed::Observed;
use devup::plan::{self, Inputs, Operation, Options, Plan, Step};

use crate::generate::{Random, Scenario};
use crate::satisfies::{Before, in_order, satisfies};
use crate::world::{self, Change, Marks, Run, engine, up};

/// A broken planner is found out within so many cases.
const PATIENCE: usize = 400;

/// A world in which every container carries the hash that is wanted: so a planner sees it whose hash ignores everything.
pub fn blind(environment: &Environment, observed: &mut Observed, options: &Options, inputs: &Inputs) {
    let nothing = Observed { images: observed.images.clone(), ..Observed::default() };
    let external = Options { images_settled: true, ..options.clone() };
    let Ok(wanted) = plan::reconcile(environment, &nothing, &external, inputs) else { return };
    for step in &wanted.steps {
        let Operation::CreateContainer { spec, .. } = &step.operation else { continue };
        for container in &mut observed.containers {
            let same =
                [labels::SERVICE, labels::NUMBER].iter().all(|key| spec.labels.get(*key) == container.labels.get(*key));
            if same {
                container.labels.insert(labels::HASH.to_owned(), spec.labels[labels::HASH].clone());
            }
        }
    }
}

/// A step that does nothing, in the place of one that does something.
fn nothing(step: &mut Step) {
    step.operation = Operation::RemoveImage { reference: "none".to_owned() };
}

fn each(change: impl Fn(&mut Step) + Send + Sync + 'static) -> Change {
    Arc::new(move |mut plan: Plan| {
        plan.steps.iter_mut().for_each(&change);
        plan
    })
}

/// Changes the first step that fits.
fn first(
    fits: impl Fn(&Step) -> bool + Send + Sync + 'static,
    change: impl Fn(&mut Step) + Send + Sync + 'static,
) -> Change {
    Arc::new(move |mut plan: Plan| {
        if let Some(step) = plan.steps.iter_mut().find(|step| fits(step)) {
            change(step);
        }
        plan
    })
}

/// What some case finds wrong with the change.
fn found_out(change: &Change) -> Option<String> {
    let mut random = Random::new(7);
    (0..PATIENCE).find_map(|_| wrong_with(&Scenario::random(&mut random), change, &mut random))
}

#[test]
fn nothing_is_found_wrong_with_the_planner_as_it_is() {
    let unchanged: Change = Arc::new(|plan| plan);
    assert_eq!(found_out(&unchanged), None);
}

fn wrong_with(scenario: &Scenario, change: &Change, random: &mut Random) -> Option<String> {
    let fake = engine();
    let marks = Marks::default();
    let broken = |run: Run<'_>, order: u64| up(&run.changed(Arc::clone(change)).shuffled(order));
    match broken(Run::new(&fake, &scenario.first, &marks), random.next()) {
        Ok(report) if report.is_success() => {}
        other => return Some(format!("{other:?}")),
    }
    // one guard only: a second one in the same statement would wait for the first for ever
    let after = fake.world().clone();
    if let Err(wrong) = satisfies(&scenario.first, &after, None).and_then(|()| in_order(&scenario.first, &after)) {
        return Some(wrong);
    }
    let before = Before::of(&scenario.first, &after);
    let faulty = Faulty::new(fake.clone(), 1 + random.below(12) as u64, Fault::ALL[random.below(4)]);
    let _ = broken(Run::new(&faulty, &scenario.second, &marks), random.next());
    match broken(Run::new(&fake, &scenario.second, &marks), random.next()) {
        Ok(report) if report.is_success() => {}
        other => return Some(format!("{other:?}")),
    }
    if let Err(wrong) = satisfies(&scenario.second, &fake.world(), Some(&before)) {
        return Some(wrong);
    }
    let third = world::plan(&Run::new(&fake, &scenario.second, &marks)).ok()?;
    (!crate::is_still(&scenario.second, &third)).then(|| third.to_string())
}

macro_rules! found_out {
    ($($name:ident: $change:expr;)*) => {$(
        #[test]
        fn $name() {
            assert!(found_out(&($change as Change)).is_some(), "nobody noticed within {PATIENCE} cases");
        }
    )*};
}

fn starts(step: &Step) -> bool {
    matches!(step.operation, Operation::StartContainer { .. })
}
fn creates(step: &Step) -> bool {
    matches!(step.operation, Operation::CreateContainer { .. })
}
fn removes(step: &Step) -> bool {
    matches!(step.operation, Operation::RemoveContainer { .. })
}
fn stops(step: &Step) -> bool {
    matches!(step.operation, Operation::StopContainer { .. })
}
fn loosen(step: &mut Step) {
    step.after.clear();
    step.follows.clear();
}

found_out! {
    a_container_never_started: first(starts, nothing);
    no_container_started: each(|step| if starts(step) { nothing(step) });
    starts_that_wait_for_nothing: each(|step| if starts(step) { loosen(step) });
    one_start_that_waits_for_nothing: first(|step| starts(step) && step.after.len() > 1, loosen);
    waits_that_are_left_out: each(|step| if matches!(step.operation, Operation::WaitFor { .. }) { nothing(step) });
    creations_that_wait_for_nothing: each(|step| if creates(step) { loosen(step) });
    removals_that_wait_for_nothing: each(|step| if removes(step) { loosen(step) });
    stops_that_wait_for_nothing: each(|step| if stops(step) { loosen(step) });
    renames_that_wait_for_nothing:
        each(|step| if matches!(step.operation, Operation::RenameContainer { .. }) { loosen(step) });
    renames_that_are_left_out:
        each(|step| if matches!(step.operation, Operation::RenameContainer { .. }) { nothing(step) });
    secrets_that_are_left_out:
        each(|step| if matches!(step.operation, Operation::InjectFiles { .. }) { nothing(step) });
    networks_that_are_left_out:
        each(|step| if matches!(step.operation, Operation::ConnectNetwork { .. }) { nothing(step) });
    hooks_that_are_left_out: each(|step| if matches!(step.operation, Operation::RunHook { .. }) { nothing(step) });
    tasks_that_are_left_out: each(|step| if matches!(step.operation, Operation::RunTask { .. }) { nothing(step) });
    volumes_that_are_left_out:
        each(|step| if matches!(step.operation, Operation::CreateVolume { .. }) { nothing(step) });
    leftovers_that_stay: each(|step| if step.cause == plan::Cause::Leftover && removes(step) { nothing(step) });
    orphans_that_stay: each(|step| if step.cause == plan::Cause::Orphan && removes(step) { nothing(step) });
    surplus_that_stays: each(|step| if step.cause == plan::Cause::Surplus && removes(step) { nothing(step) });
    anonymous_volumes_that_go_with_their_container: each(|step| {
        if let Operation::RemoveContainer { volumes, .. } = &mut step.operation {
            *volumes = AnonymousVolumes::Remove;
        }
    });
    joins_that_are_forgotten: each(|step| {
        if let Operation::CreateContainer { joins, .. } = &mut step.operation {
            joins.clear();
        }
    });
    a_variable_that_is_forgotten: each(|step| {
        if let Operation::CreateContainer { spec, .. } = &mut step.operation {
            spec.environment.clear();
        }
    });
    a_volume_removed: Arc::new(|mut plan: Plan| {
        let made = plan.steps.iter().position(removes);
        let volume = plan.steps.iter().find_map(|step| match &step.operation {
            Operation::CreateContainer { spec, .. } => {
                spec.mounts.iter().find_map(|mount| mount.source.clone().filter(|name| name.starts_with("p_")))
            }
            _ => None,
        });
        if let (Some(index), Some(name)) = (made, volume) {
            plan.steps[index].operation = Operation::RemoveVolume { name };
        }
        plan
    });
}

#[test]
fn anonymous_volumes_that_are_not_handed_over() {
    let mut random = Random::new(11);
    let lost = (0..PATIENCE).any(|_| {
        let scenario = Scenario::random(&mut random);
        let (fake, marks) = (engine(), Marks::default());
        up(&Run::new(&fake, &scenario.first, &marks)).unwrap();
        let before = Before::of(&scenario.first, &fake.world());
        let mut run = Run::new(&fake, &scenario.second, &marks);
        run.options.renew_anon_volumes = true;
        up(&run).unwrap();
        satisfies(&scenario.second, &fake.world(), Some(&before)).is_err()
    });
    assert!(lost, "nobody noticed within {PATIENCE} cases");
}

#[test]
fn a_hash_that_ignores_what_changed() {
    let mut random = Random::new(13);
    let stale = (0..PATIENCE).any(|_| {
        let scenario = Scenario::random(&mut random);
        let (fake, marks) = (engine(), Marks::default());
        up(&Run::new(&fake, &scenario.first, &marks)).unwrap();
        let mut run = Run::new(&fake, &scenario.second, &marks);
        run.blind = true;
        up(&run).is_err() || satisfies(&scenario.second, &fake.world(), None).is_err()
    });
    assert!(stale, "nobody noticed within {PATIENCE} cases");
}

#[test]
fn a_cold_up_is_in_order_however_it_is_shuffled() {
    let mut random = Random::new(17);
    for _ in 0..300 {
        let scenario = Scenario::random(&mut random);
        let (fake, marks) = (engine(), Marks::default());
        let report = up(&Run::new(&fake, &scenario.first, &marks).shuffled(random.next())).unwrap();
        assert!(report.is_success(), "{report:?}");
        if let Err(wrong) = in_order(&scenario.first, &fake.world()) {
            panic!("{wrong}\n{}", scenario.text(&scenario.first));
        }
    }
}
