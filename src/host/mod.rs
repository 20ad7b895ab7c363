//! The machine devup runs on: what it is, what is fit about it and what not, its package manager, and how to get an
//! engine going on it.
//!
//! ```text
//! facts ─┐
//!        ├─ plan::engine_plan (pure) ─ consent ─ bootstrap (performs, waits for the socket) ─▶ an engine that answers
//! situation ─┘
//! snapshot ─ checks::checks (pure) ─▶ [Check]          packages::ensure: a missing program, after consent
//! ```

pub mod bootstrap;
pub mod check;
pub mod checks;
pub mod command;
pub mod consent;
pub mod daemon;
pub mod error;
pub mod facts;
pub mod packages;
pub mod plan;

pub mod situation;
pub mod snapshot;
pub mod timer;
