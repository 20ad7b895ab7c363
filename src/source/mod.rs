//! Where a project comes from: reading a SOURCE as git does, refusing hostile ones, cloning with the user's own git, and
//! what a checkout tells about itself.

pub mod address;
pub mod checkout;
pub mod clone;
pub mod remote;
mod target;
