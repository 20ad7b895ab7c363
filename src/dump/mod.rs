//! Databases, dumped and loaded by their own tools inside their own containers: nothing of it lies on this machine's disk,
//! and no password leaves the container. What a server is, is told by its image's label, its image or its variables.
//!
//! A dump is a few streams, each cut into numbered pieces of a bounded size, so that its length is known before it is
//! archived. It counts only when each program ended well, and each stream begins and ends as it has to.

mod command;
pub mod error;
mod mariadb;
mod mongo;
mod postgres;
pub mod program;
mod redis;
pub mod rows;
pub mod server;
pub mod settings;
mod sqlite;
pub mod stream;
pub mod users;
