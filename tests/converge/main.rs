//! Convergence: random environments, a change to another random environment, a fault at any call, any order of steps,
//! and then one more `up`. A predicate that knows nothing of the planner judges the world by what is in it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod generate;
mod mutations;
mod plans;
mod satisfies;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use devup::driver::fake::{Fake, World};
use devup::driver::faulty::{Fault, Faulty};
use devup::model::environment::Environment;
use devup::model::service::Condition;
use devup::plan::{DownOptions, Plan};

use generate::{Random, Scenario};
use satisfies::{Before, satisfies};
use world::{Marks, Run, down, engine, up};

/// Cases of the sweep, `(pair of environments, fault, call, order)`, where `DEVUP_CONVERGE_CASES` does not say.
const CASES: usize = 5_600;
/// At most this many per pair, so that many pairs are seen.
const PER_PAIR: usize = 26;
/// Tests that share the cases, to run side by side.
const PARTS: u64 = 4;

fn from_environment<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    let Ok(number) = text.parse() else { panic!("{variable}={text}: not a number") };
    Some(number)
}

/// `DEVUP_SEED`; fixed where it is not set, so that every run on every machine tests the same.
fn seed() -> u64 {
    from_environment("DEVUP_SEED").unwrap_or(20_240_601)
}

/// One case; the error says everything needed to repeat it.
fn case(scenario: &Scenario, at: u64, fault: Fault, order: u64) -> Result<u64, String> {
    let fake = engine();
    let marks = Marks::default();
    let first = up(&Run::new(&fake, &scenario.first, &marks).shuffled(order))?;
    if !first.is_success() {
        return Err(format!("the first up failed: {first:?}"));
    }
    let before = Before::of(&scenario.first, &fake.world());
    satisfies(&scenario.first, &fake.world(), None).map_err(|wrong| format!("after the first up: {wrong}"))?;
    let faulty = Faulty::new(fake.clone(), at, fault);
    // what it reports is not what counts
    let _ = up(&Run::new(&faulty, &scenario.second, &marks).shuffled(order.wrapping_add(1)));
    let again = up(&Run::new(&fake, &scenario.second, &marks).shuffled(order.wrapping_add(2)))?;
    if !again.is_success() {
        return Err(format!("the up after the fault failed: {again:?}"));
    }
    satisfies(&scenario.second, &fake.world(), Some(&before))?;
    let third = world::plan(&Run::new(&fake, &scenario.second, &marks))?;
    if !is_still(&scenario.second, &third) {
        return Err(format!("a third up would do something:\n{third}"));
    }
    Ok(faulty.calls())
}

/// Nothing is done, but that a job that ended runs again where nobody waits for its end (as in Compose, an `up` starts
/// what does not run), and with it the jobs that it waits for.
fn is_still(environment: &Environment, plan: &Plan) -> bool {
    let ends = |name: &str| environment.services[name].command.as_ref().is_some_and(|command| command[0] != "serve");
    let awaited = |name: &str| {
        environment.services.values().any(|other| {
            let dependency = other.depends_on.get(name);
            dependency.is_some_and(|dependency| dependency.condition == Condition::ServiceCompletedSuccessfully)
        })
    };
    let services: Vec<&str> = plan.steps.iter().map(|step| step.service.as_deref().unwrap_or_default()).collect();
    services.iter().all(|name| environment.services.contains_key(*name) && ends(name))
        && (services.is_empty() || services.iter().any(|name| !awaited(name)))
}

/// One pair of environments, under many faults. Returns the number of cases.
fn sweep_pair(pair: u64, most: usize) -> usize {
    let seed = seed();
    // every pair has a generator of its own, so that it can be repeated alone
    let mut random = Random::new(seed.wrapping_add(pair.wrapping_mul(0xD1B5_4A32_D192_ED03)));
    let scenario = Scenario::random(&mut random);
    let told = |wrong: String, at: u64, fault: Option<Fault>, order: u64| -> ! {
        panic!(
            "pair {pair}, call {at}, {fault:?}, order {order} (repeat with DEVUP_SEED={seed} DEVUP_PAIR={pair}):\n{wrong}\n\
             first: {}\nsecond: {}",
            scenario.text(&scenario.first),
            scenario.text(&scenario.second)
        )
    };
    // a panic (of an assertion in the planner) has to name its case too
    let case = |at: u64, fault: Fault, order: u64| {
        let tried = AssertUnwindSafe(|| case(&scenario, at, fault, order));
        catch_unwind(tried).unwrap_or_else(|_| Err("it panicked, see above".to_owned()))
    };
    let order = random.next();
    let calls = match case(0, Fault::Refused, order) {
        Ok(calls) => calls,
        Err(wrong) => told(wrong, 0, None, order),
    };
    let all: Vec<(u64, Fault)> =
        (1..=calls).flat_map(|at| Fault::ALL.into_iter().map(move |fault| (at, fault))).collect();
    let faults = most.saturating_sub(1).min(all.len());
    for _ in 0..faults {
        let (at, fault) = all[random.below(all.len())];
        let order = random.next();
        if let Err(wrong) = case(at, fault, order) {
            told(wrong, at, Some(fault), order);
        }
    }
    1 + faults
}

/// Every `PARTS`th pair from this one on, until this part of the cases is done.
fn sweep(part: u64) {
    println!("seed {}", seed());
    if let Some(pair) = from_environment::<u64>("DEVUP_PAIR") {
        if pair % PARTS == part {
            sweep_pair(pair, usize::MAX);
        }
        return;
    }
    let wanted =
        from_environment::<usize>("DEVUP_CONVERGE_CASES").unwrap_or(CASES).div_ceil(usize::try_from(PARTS).unwrap());
    let mut cases = 0;
    let mut pairs = 0;
    while cases < wanted {
        cases += sweep_pair(part + pairs * PARTS, PER_PAIR);
        pairs += 1;
    }
    println!("{cases} cases in {pairs} pairs of environments, seed {}", seed());
}

#[test]
fn after_any_fault_one_more_up_converges_1() {
    sweep(0);
}

#[test]
fn after_any_fault_one_more_up_converges_2() {
    sweep(1);
}

#[test]
fn after_any_fault_one_more_up_converges_3() {
    sweep(2);
}

#[test]
fn after_any_fault_one_more_up_converges_4() {
    sweep(3);
}

#[test]
fn after_any_fault_one_more_down_leaves_nothing() {
    let mut random = Random::new(seed());
    for _ in 0..400 {
        let scenario = Scenario::random(&mut random);
        let (fake, marks) = (engine(), Marks::default());
        // what a change that failed half-way left has to go too
        up(&Run::new(&fake, &scenario.first, &marks)).unwrap();
        let faulty = Faulty::new(fake.clone(), random.below(16) as u64, Fault::ALL[random.below(4)]);
        let _ = up(&Run::new(&faulty, &scenario.second, &marks).shuffled(random.next()));
        let with_spec = random.percent(50);
        let options = DownOptions { volumes: random.percent(50), remove_orphans: true, ..DownOptions::default() };
        let named = |fake: &Fake| {
            let tokens = |world: &World| {
                let named = world.volumes.iter().filter(|(name, _)| name.starts_with("p_"));
                named.map(|(name, volume)| (name.clone(), volume.token.clone())).collect::<BTreeMap<_, _>>()
            };
            tokens(&fake.world())
        };
        let before = named(&fake);
        let faulty = Faulty::new(fake.clone(), random.below(16) as u64, Fault::ALL[random.below(4)]);
        let _ = down(&Run::new(&faulty, &scenario.second, &marks).shuffled(random.next()), with_spec, &options);
        let again = down(&Run::new(&fake, &scenario.second, &marks).shuffled(random.next()), with_spec, &options);
        let told = format!(
            "{again:?}\nfirst: {}\nsecond: {}",
            scenario.text(&scenario.first),
            scenario.text(&scenario.second)
        );
        assert!(again.is_ok_and(|report| report.is_success()), "{told}");
        assert!(fake.world().containers.is_empty(), "{told}");
        assert!(fake.world().networks.is_empty(), "{told}");
        if options.volumes {
            assert!(named(&fake).is_empty(), "{told}");
        } else {
            assert_eq!(named(&fake), before, "data went without having been asked for: {told}");
        }
    }
}
