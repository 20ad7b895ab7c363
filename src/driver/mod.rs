//! Traits per kind of resource, and their adapters. What differs between engines is data: [`features::Features`].

pub mod address;
pub mod container;
pub mod credentials;
pub mod error;
pub mod fake;
pub mod faulty;
pub mod features;
pub mod image;
pub mod locate;
pub mod moby;
pub mod probe;
pub mod session;
pub mod stream;
mod unhonoured;

pub use unhonoured::{Unhonoured, unhonoured, unhonoured_network};
