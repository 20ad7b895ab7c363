//! Programs of this machine that provide a service in place of a container, and docker's model runner: found, asked, heard.
//!
//! The protocol is Compose's: `PROGRAM compose --project-name=P up|down --OPTION=VALUE… SERVICE`, answered by JSON messages
//! on standard output. Consent to run them is the caller's business.

mod ask;
mod error;
mod find;
mod message;
mod metadata;
mod model;

pub use ask::{Asking, Verb, ask};
pub use error::ProviderError;
pub use find::Search;
pub use model::serve;
