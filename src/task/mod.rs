//! Named tasks and provisioning steps: what is to be run where, and when it has to run again.

pub mod ids;
pub mod inputs;
pub mod layer;
pub mod provision;
