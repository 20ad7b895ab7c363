//! An engine for work that waits instead of being woken: archiving and restoring read and write in threads of their own,
//! so the engine's connections are driven by a thread of a runtime beside them.

use tokio::runtime::{Builder, Handle, Runtime};

use super::error::{AppError, Result};
use super::wiring::{self, Engine};
use crate::volume::beside::Reach;
use crate::volume::error::VolumeError;

/// An engine that is reached from threads that wait.
pub struct Live {
    runtime: Runtime,
    /// The engine. Its calls are waited for by [`Live::wait`].
    pub engine: Engine,
}

impl Live {
    /// Connects, outside of any other runtime.
    pub fn connect() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|source| AppError::io("starting the runtime", source))?;
        let engine = runtime.block_on(wiring::connect())?;
        Ok(Self { runtime, engine })
    }

    /// Waits for a call's end.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Drives the engine's connections.
    pub fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// What reaches volumes.
    pub fn reach(&self) -> Result<Reach> {
        let Engine { containers, images, sessions } = self.engine.clone();
        let program = std::env::current_exe().map_err(|source| AppError::io("finding devup's own program", source))?;
        Ok(Reach { containers, images, sessions, program, handle: self.handle() })
    }
}

impl From<VolumeError> for AppError {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Driver(error) => Self::Driver(error),
            other => Self::failed(other.to_string()),
        }
    }
}
