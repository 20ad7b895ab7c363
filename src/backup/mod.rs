//! Backups: repositories in restic's format, the passphrases that open them, snapshots of parts that become complete ones,
//! and what is got back out of them. Knows nothing of engines and of git: whoever has something to keep hands it over as a
//! [`part::Part`].
//!
//! A backup has two phases. Each part is archived as a snapshot of its own, tagged `part`; when every part is there and
//! counted, they are merged with the manifest into one snapshot tagged `complete`. A kill at any moment leaves at most
//! `part` snapshots behind, which the next backup removes.

pub mod address;
pub mod check;
pub mod copy;
pub mod diff;
pub mod error;
mod extract;
pub mod kept;
pub mod manifest;
pub mod part;
pub mod passphrase;
mod place;
mod rclone;
pub mod recovery;
mod rest;
pub mod restore;
pub mod retention;
pub mod seal;
pub mod session;
pub mod settings;
pub mod snapshot;
mod source;
mod tree;
pub mod vault;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
