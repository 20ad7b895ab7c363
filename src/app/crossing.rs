//! Calls of an earlier devup that cross with this one. When a devup is killed, the engine goes on with what it was asked last:
//! a container can come to be after everything was looked at, and then stand in its own successor's way.

use std::time::Duration;

use crate::base::retry;
use crate::driver::container::ContainerDriver;
use crate::driver::error::DriverError;
use crate::engine::{Report, StepError};
use crate::model::labels;
use crate::plan::{Operation, Plan};

/// How long an engine may take until it shows a container whose name is taken already.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a container could not be made because this project has one of that name by now, which the plan did not know of:
/// a new look makes a better plan. A name that is somebody else's stays a failure.
pub async fn happened(containers: &dyn ContainerDriver, project: &str, plan: &Plan, report: &Report) -> bool {
    for name in refused(plan, report) {
        if appears(containers, name).await.is_some_and(|owner| owner == project) {
            return true;
        }
    }
    false
}

/// Names of containers that could not be made because they were taken.
fn refused<'p>(plan: &'p Plan, report: &Report) -> Vec<&'p str> {
    let taken = |error: &StepError| matches!(error, StepError::Driver(DriverError::Conflict { .. }));
    let steps = report.failures().filter(|(_, error)| taken(error)).filter_map(|(ended, _)| plan.step(ended.step));
    steps
        .filter_map(|step| match &step.operation {
            Operation::CreateContainer { spec, .. } => Some(spec.name.as_str()),
            _ => None,
        })
        .collect()
}

/// The project of the container, once the engine shows it; `None`: the engine does not say.
async fn appears(containers: &dyn ContainerDriver, name: &str) -> Option<String> {
    let look = async || match containers.container(name).await {
        Ok(found) => found.map(|container| Some(container.label(labels::PROJECT).to_owned())),
        // an engine that fails is not asked again
        Err(_) => Some(None),
    };
    // the engine itself may hang: nobody waits longer for that either
    let seen = tokio::time::timeout(PATIENCE, retry::until(PATIENCE, look)).await;
    seen.ok()?.ok().flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use indexmap::IndexMap;

    use super::*;
    use crate::driver::fake::Fake;
    use crate::engine::Ended;
    use crate::model::container::ContainerSpec;
    use crate::model::event::Outcome;
    use crate::plan::{Cause, ImageUse, Risk, Step, StepId};

    fn spec(name: &str, project: &str) -> ContainerSpec {
        let labels = IndexMap::from([(labels::PROJECT.to_owned(), project.to_owned())]);
        ContainerSpec {
            name: name.to_owned(),
            image: "i".to_owned(),
            labels,
            environment: IndexMap::new(),
            mounts: vec![],
            ports: vec![],
            networks: vec![],
            network_mode: None,
            pid_mode: None,
            ipc_mode: None,
            volumes_from: vec![],
            links: vec![],
            service: Arc::default(),
        }
    }

    /// A plan that makes a container, and how it went.
    fn went(name: &str, error: DriverError) -> (Plan, Report) {
        let image = ImageUse { reference: "i".to_owned(), id: None, made_by: None };
        let operation = Operation::CreateContainer { spec: Box::new(spec(name, "shop")), image, joins: vec![] };
        let step = Step {
            id: StepId(1),
            operation,
            cause: Cause::Missing,
            risk: Risk::None,
            after: vec![],
            follows: vec![],
            service: None,
            tolerated: false,
        };
        let ended = Ended {
            step: StepId(1),
            subject: format!("Container {name}"),
            outcome: Outcome::Failed { error: error.to_string() },
            error: Some(StepError::Driver(error)),
            tolerated: false,
        };
        (Plan { steps: vec![step], ..Plan::default() }, Report { steps: vec![ended], interrupted: false })
    }

    #[tokio::test]
    async fn a_name_taken_by_the_project_itself_wants_a_new_look_and_one_taken_by_others_does_not() {
        let fake = Fake::new().with_image("i", &[]);
        fake.create_container(&spec("shop-a-1", "shop")).await.unwrap();
        fake.create_container(&spec("shop-b-1", "bank")).await.unwrap();
        let conflict = || DriverError::Conflict { attempted: "creating".to_owned(), reason: "in use".to_owned() };
        let full = DriverError::DiskFull { attempted: "creating".to_owned(), reason: "no space".to_owned() };
        for (name, error, expected) in
            [("shop-a-1", conflict(), true), ("shop-b-1", conflict(), false), ("shop-a-1", full, false)]
        {
            let (plan, report) = went(name, error);
            assert_eq!(happened(&fake, "shop", &plan, &report).await, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn a_container_that_the_engine_shows_late_is_waited_for() {
        let fake = Fake::new().with_image("i", &[]);
        let conflict = DriverError::Conflict { attempted: "creating".to_owned(), reason: "in use".to_owned() };
        let (plan, report) = went("shop-a-1", conflict);
        let look = happened(&fake, "shop", &plan, &report);
        let (seen, made) = tokio::join!(look, async {
            tokio::task::yield_now().await;
            fake.create_container(&spec("shop-a-1", "shop")).await
        });
        assert!(seen && made.is_ok());
    }
}
