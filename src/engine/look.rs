//! Looks at containers for many waiting steps with few calls: one listing answers all who asked before it was begun.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use crate::driver::container::{ContainerDriver, Scope};
use crate::driver::error::Result;
use crate::model::observed::{Container, Health, State};

/// Shared looks at one project.
pub(super) struct Looks<'a> {
    driver: &'a dyn ContainerDriver,
    scope: Scope,
    asked: AtomicU64,
    last: Mutex<(u64, Arc<Vec<Container>>)>,
    thawed: std::sync::Mutex<HashSet<String>>,
}

impl<'a> Looks<'a> {
    pub(super) fn new(driver: &'a dyn ContainerDriver, project: &str) -> Self {
        Self {
            driver,
            scope: Scope::Project(project.to_owned()),
            asked: AtomicU64::new(0),
            last: Mutex::new((0, Arc::new(Vec::new()))),
            thawed: std::sync::Mutex::default(),
        }
    }

    /// A container was unfrozen in this run. Probes fail while a container is frozen, so a verdict of before tells nothing.
    pub(super) fn thawed(&self, id: &str) {
        self.thawed.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    /// Whether that was so.
    pub(super) fn was_thawed(&self, id: &str) -> bool {
        self.thawed.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// A container as it was at some moment after this call was made; `None`: it is gone. One that ended is inspected,
    /// for its exit code, and so is one that is called unhealthy, which is more than a listing knows.
    pub(super) async fn at(&self, id: &str) -> Result<Option<Container>> {
        if !self.driver.features().lists_health {
            return self.driver.container(id).await;
        }
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let list = {
            let mut last = self.last.lock().await;
            if last.0 < mine {
                let covered = self.asked.load(Ordering::SeqCst);
                *last = (covered, Arc::new(self.driver.containers(&self.scope).await?));
            }
            Arc::clone(&last.1)
        };
        match list.iter().find(|container| container.id == id) {
            Some(container)
                if container.health != Some(Health::Unhealthy)
                    && (container.state != State::Exited || container.exit_code.is_some()) =>
            {
                Ok(Some(container.clone()))
            }
            _ => self.driver.container(id).await,
        }
    }
}
