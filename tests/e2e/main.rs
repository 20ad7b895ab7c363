//! End to end: the program itself on real engines, judged by asking the engine.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod bootstrap;
mod demo;
mod engine;
mod envs;
mod faults;
mod images;
mod lifecycle;
mod onboarding;
mod project;
mod registry;
mod reports;
mod secrets;
mod verbs;
