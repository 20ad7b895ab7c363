//! Manifests → data with the line of each part. Readers never fail on what they don't know: they say which file can't be
//! read, and the rest goes on.

pub mod dockerfile;
pub mod json;
pub mod lines;
pub mod procfile;
pub mod toml;
pub mod tree;
pub mod version;
pub mod xml;

use super::finding::Place;

/// Something that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// In lowercase, as registries spell it.
    pub name: String,
    /// What is said about it: versions, features.
    pub rest: String,
    /// Where.
    pub place: Place,
}

impl Dependency {
    /// A dependency; its name is put in lowercase, with Python's `_` as `-`.
    pub fn new(name: &str, rest: &str, place: Place) -> Self {
        Self { name: name.trim().to_lowercase().replace('_', "-"), rest: rest.trim().to_owned(), place }
    }
}

/// The first of these dependencies that is named.
pub fn named<'a>(dependencies: &'a [Dependency], names: &[&str]) -> Option<&'a Dependency> {
    names.iter().find_map(|name| dependencies.iter().find(|one| one.name == *name))
}
