//! devup makes workstations disposable. This is the map of the house, one line per room; `docs/ARCHITECTURE.md` says
//! why it stands as it does, and `tests/architecture.rs` keeps it so: a room uses lower floors only, and neighbours on
//! one floor do not use each other.

// floor 0: knows nothing of devup
pub mod base;
// floor 1: the nouns, pure data
pub mod model;
// floor 2: each knows the nouns and one part of the outside
pub mod driver;
pub mod git;
pub mod secret;
pub mod spec;
pub mod state;
// floor 3: pure decisions and long jobs
pub mod backup;
pub mod dump;
pub mod envs;
pub mod feature;
pub mod host;
pub mod import;
pub mod observe;
pub mod plan;
pub mod provider;
pub mod source;
pub mod task;
pub mod trust;
pub mod volume;
pub mod watch;
pub mod work;
// floor 4: performs a plan, decides nothing
pub mod engine;
// floor 5: one use case per file
pub mod app;
// floor 6: renders, computes nothing
pub mod ui;
// floor 7: one file per command
pub mod cli;
