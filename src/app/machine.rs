//! Getting the machine ready: an engine that answers, programs that are needed. What the host room reports becomes an
//! error of a use case here.

use std::path::PathBuf;

use async_trait::async_trait;

use super::error::{AppError, ENGINE_REMEDY, Result};
use crate::driver::locate::Surroundings;
use crate::envs::bootstrap::{Cause, Tools};
use crate::host::bootstrap::{self, Running, Workshop};
use crate::host::error::HostError;
use crate::host::packages;

/// Returns an engine that answers; installs or starts one after consent. Without one: exit code 3, or 4 where only the
/// consent is missing.
pub async fn engine(around: &dyn Surroundings, shop: &Workshop<'_>) -> Result<Running> {
    bootstrap::engine(around, shop).await.map_err(|error| from_host(&error, Wanted::Engine))
}

/// Sees to it that programs are installed (`git`, `mmdebstrap`); returns what was done, in words.
pub async fn programs(names: &[&str], shop: &Workshop<'_>) -> Result<Vec<String>> {
    packages::ensure(names, shop).await.map_err(|error| from_host(&error, Wanted::Program))
}

/// What a failure of the host keeps the user from having.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An engine.
    Engine,
    /// Anything else.
    Program,
}

/// The use case's error, by what the user can do about it.
pub fn from_host(error: &HostError, wanted: Wanted) -> AppError {
    let (message, help) = (error.to_string(), error.remedy());
    match (error, wanted) {
        (HostError::Undecided { .. }, _) => AppError::NeedsDecision { message, help },
        (HostError::File(_), _) | (_, Wanted::Program) => AppError::Failed { message, help },
        (_, Wanted::Engine) => {
            AppError::EngineUnavailable { message, help: help.or_else(|| Some(ENGINE_REMEDY.to_owned())) }
        }
    }
}

/// Programs of the host for building envs: installed, after consent, where they are missing.
pub struct HostTools<'a> {
    /// Whom to ask and whom to tell.
    pub shop: Workshop<'a>,
}

#[async_trait]
impl Tools for HostTools<'_> {
    async fn program(&self, name: &str, package: &str) -> Result<PathBuf, Cause> {
        if which::which(name).is_err() {
            packages::ensure(&[package], &self.shop).await.map_err(|error| Cause::from(error.to_string()))?;
        }
        which::which(name).map_err(|error| format!("{name}: {error}").into())
    }
}
