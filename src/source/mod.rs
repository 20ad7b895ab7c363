//! Where a project comes from: cloning with the user's own git, and what a checkout tells about itself.

pub mod checkout;
pub mod clone;
pub mod remote;
mod target;
