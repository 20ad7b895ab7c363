//! Who talks to what: the only place that names concrete drivers.

use std::sync::Arc;

use crate::app::error::{AppError, ENGINE_REMEDY, Result};
use crate::driver::container::ContainerDriver;
use crate::driver::error::DriverError;
use crate::driver::image::ImageDriver;
use crate::driver::locate::{self, Candidate, Here};
use crate::driver::moby;
use crate::driver::session::SessionDriver;

/// An engine, connected.
#[derive(Clone)]
pub struct Engine {
    /// Containers, networks, volumes.
    pub containers: Arc<dyn ContainerDriver>,
    /// Images.
    pub images: Arc<dyn ImageDriver>,
    /// Logs, exec, copying and the like.
    pub sessions: Arc<dyn SessionDriver>,
}

impl Engine {
    /// One driver that does all of it.
    pub fn of<D: ContainerDriver + ImageDriver + SessionDriver + 'static>(driver: Arc<D>) -> Self {
        Self { containers: driver.clone(), images: driver.clone(), sessions: driver }
    }
}

/// Connects with the engine that the docker command line would use: the first one that answers.
pub async fn connect() -> Result<Engine> {
    let candidates = locate::locate(&Here::current()).map_err(|error| AppError::EngineUnavailable {
        message: error.to_string(),
        help: Some("`devup doctor` says more".to_owned()),
    })?;
    let mut first: Option<DriverError> = None;
    for Candidate { address, .. } in &candidates {
        match moby::connect(address).await {
            Ok(driver) => return Ok(Engine::of(Arc::new(driver))),
            // an engine that is there but closed to this user says more than one that is not there
            Err(error) if first.is_none() || matches!(error, DriverError::NoRight { .. }) => first = Some(error),
            Err(_) => {}
        }
    }
    Err(first.map_or_else(
        || AppError::EngineUnavailable {
            message: "no engine was found".to_owned(),
            help: Some(ENGINE_REMEDY.to_owned()),
        },
        AppError::from,
    ))
}

/// Connects with one engine, at an address that is known to answer.
pub async fn connect_to(candidate: &Candidate) -> Result<Engine> {
    let driver = moby::connect(&candidate.address).await?;
    Ok(Engine::of(Arc::new(driver)))
}
