//! End to end: the program itself on real engines, judged by asking the engine.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod before;
mod bootstrap;
mod builds;
mod data;
mod demo;
mod devcontainer;
mod drill;
mod dumps;
mod endpoints;
mod engine;
mod envs;
mod faults;
mod features;
mod first;
mod images;
mod instances;
mod joining;
mod keeping;
mod laptop;
mod lifecycle;
mod listings;
mod locks;
mod onboarding;
mod oneoff;
mod partly;
mod project;
mod provision;
mod registry;
mod reports;
mod scenario;
mod scenarios;
mod secrets;
mod sight;
mod unsaved;
mod verbs;
mod watch;
mod workplace;
