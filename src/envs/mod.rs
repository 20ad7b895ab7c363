//! Building blocks: production-like images built from a distribution's packages, by content hash.
//!
//! ```text
//! envs/NAME/env.yaml ─catalogue─▶ Definition ─┐
//!                                             ├─recipe─▶ chain of Recipes (tag, Dockerfile, context) ─build─▶ images
//! the host's CAs, apt sources ─facts─▶ Facts ─┘
//! ```
//!
//! The chain is a pure function of the definitions and the facts: a tag is known before anything is built, so that a
//! plan can name it and a second `up` finds the image there. See `docs/envs.md`.

pub mod apt;
pub mod bootstrap;
pub mod build;
pub mod catalogue;
pub mod definition;
pub mod facts;
pub mod inject;
pub mod login;
pub mod recipe;
mod script;
pub mod surround;

pub use crate::base::authorities;
pub use build::{Workshop, build, build_chain, look};
pub use catalogue::Catalogue;
pub use facts::Facts;
pub use recipe::{Freshness, Recipe, freshness, recipes};
