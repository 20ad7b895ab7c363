//! What cannot be read back from the world: the registry of projects and their instances, chosen ports, consent given,
//! the journal, the user's preferences.
//!
//! Everything lies in the folders of [`crate::model::layout`]. A file is replaced whole (written beside, synced,
//! renamed) under one short lock, so that devups running side by side never lose each other's entries. A file that
//! can't be read is set aside, said once, and begun anew. What an older devup wrote is migrated; what a newer one wrote
//! is refused.

pub mod automatic;
pub mod backed;
pub mod consent;
pub mod drills;
pub mod instance;
pub mod instantiate;
pub mod journal;
pub mod machine;
pub mod marks;
pub mod port;
pub mod preferences;
pub mod registry;
pub mod returned;
pub mod store;
pub mod told;
mod version;
pub mod workstation;
