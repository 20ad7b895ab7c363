//! The command line as its users see it: whole screens, in a world of their own (no engine, no home, no variables).
#![allow(clippy::unwrap_used, reason = "tests")]

mod environment;
mod frame;
mod init;
mod json_schema;
mod wrong_specs;
