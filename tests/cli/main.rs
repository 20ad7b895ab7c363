//! The command line as its users see it: whole screens, in a world of their own (no engine, no home, no variables).
#![allow(clippy::unwrap_used, reason = "tests")]

mod back;
mod backup;
mod build;
mod commands;
mod config;
mod consent;
mod environment;
mod frame;
mod help;
mod include;
mod init;
mod json;
mod json_schema;
mod keyring;
mod kills;
mod places;
mod schedule;
mod secrets;
mod source;
mod wipe;
mod wrong_specs;
