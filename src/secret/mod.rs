//! Secrets: where their values come from, values that never print, and their removal from output.
//!
//! The spec holds references only ([`crate::model::resource::SecretSource`]). A value is read when a plan is applied, goes
//! into the container as a file, and is forgotten; it is never in an argument, a label, a log or an error text.

mod file_store;
mod fingerprint;
mod generate;
mod keyring_store;
pub mod look;
pub mod redact;
pub mod resolve;
mod revision;
pub mod store;
pub mod value;
