//! Volumes of an engine, file by file: read for a backup and filled by a restore, with owners, modes, links, extended
//! attributes, access lists, devices, holes and times to the nanosecond.
//!
//! The engine's own archives lose half of that, so devup's own program is put into an image of nothing else and run as a
//! small file server beside the volume: no network, a root that can't be written to, no right but those that owners and
//! modes need. [`agent`] is its side, everything else is the host's.

pub mod agent;
pub mod beside;
pub mod entry;
pub mod error;
pub mod fill;
mod image;
pub mod node;
mod program;
mod protocol;
pub mod source;
mod wire;

#[cfg(test)]
mod tests;
