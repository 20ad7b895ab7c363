//! What git has on this machine that no remote has: found ([`at_risk`]), taken into a folder ([`capture`]), and put back
//! from it ([`replay`]), which is then proven ([`verify`]).
//!
//! A repository here is hostile until somebody vouches for it. Its working trees are read through a repository of
//! devup's own ([`view`]) that borrows its objects and its index but none of its configuration, so that no hook, filter,
//! monitor or transport of it is ever run. What "no remote has" means is the remotes' own answer from this very run
//! ([`remote`]); the remote-tracking branches are only what they once said.

pub mod at_risk;
mod bundle;
pub mod capture;
pub mod description;
pub mod encoded;
pub mod error;
pub mod files;
pub mod find;
pub mod fingerprint;
#[cfg(test)]
mod fixture;
mod index;
pub mod matter;
mod objects;
mod proof;
mod remote;
pub mod replay;
pub mod repository;
mod state;
mod status;
pub mod verify;
mod view;
