//! Performs a plan, and decides nothing.
//!
//! Steps whose predecessors are done run side by side, up to a bound. What is below a failure is skipped; independent
//! branches finish. Everything happens in the caller's task: dropping the future stops everything.

mod apply;
mod cancel;
mod error;
mod look;
mod perform;
mod ports;
mod program;
mod provision;
mod report;
pub mod session;
mod stage;
mod wait;

pub use apply::{Pace, apply};
pub use cancel::{Cancel, Canceller, Level};
pub use error::StepError;
pub use ports::{Marks, Providers, SecretResolver, Told, Tools, Workshop};
pub use report::{Ended, Report};
