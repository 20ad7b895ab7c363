//! devup against what others specify: the Compose cases, hostile input. One binary for all of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its case has failed")]

mod compose;
mod devcontainer;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
#[path = "../e2e/engine.rs"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod engine;
#[cfg(target_os = "linux")]
mod hostile;
mod keys;
mod properties;
#[cfg(target_os = "linux")]
mod sessions;
