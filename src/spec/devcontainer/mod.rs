//! `devcontainer.json`, as the Development Containers Specification has it: read with places, checked, its variables
//! replaced. `docs/devcontainer.md` tells the user what becomes of each property.

pub mod configuration;
pub mod find;
pub mod jsonc;
pub mod print;
pub mod variables;
pub mod workspace;
