//! `devcontainer.json`, as the Development Containers Specification has it: found, read with places, checked, its
//! variables replaced, and said in the words of the spec. `docs/devcontainer.md` tells the user what becomes of each
//! property.

pub mod build_options;
pub mod commands;
pub mod configuration;
pub mod features;
pub mod find;
pub mod image_ports;
pub mod jsonc;
pub mod lower;
pub mod metadata;
pub mod mount;
pub mod ports;
pub mod print;
pub mod run_args;
pub mod variables;
pub mod workspace;
