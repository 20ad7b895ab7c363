//! What a spec may say. One table of all keys (the Compose Specification's and devup's own) gives both the checks with
//! their places and remedies, and the JSON Schema for editors.

mod check;
mod contradictions;
mod deploy;
mod devcontainer;
mod devup;
mod forms;
mod lift;
mod parts;
mod paths;
mod print;
mod service;
mod shape;
mod suggest;
mod top;
mod versions;

pub(in crate::spec) use contradictions::secret_sources;
pub use devup::SCHEMA_VERSION;
pub use lift::lift;
pub use paths::{KeyPath, key_paths};
pub use print::json_schema;
pub use suggest::nearest;

use super::error::{Problem, SpecError};
use super::node::Node;

/// All problems of a `devcontainer.json`, in the order of the file. A property that the specification does not have is
/// no reason to refuse the file: other tools keep theirs there.
pub fn validate_devcontainer(root: &Node) -> Vec<Problem> {
    check::object(&devcontainer::DEVCONTAINER, root, DEVCONTAINER_ROOT)
}

/// How the whole file is called in messages about it.
pub const DEVCONTAINER_ROOT: &str = "devcontainer.json";

/// The properties of a `devcontainer.json`, each with what becomes of it.
pub fn devcontainer_properties() -> impl Iterator<Item = (&'static str, &'static str)> {
    devcontainer::DEVCONTAINER.keys.iter().map(|key| (key.name, key.about))
}

/// Checks a spec against the table: unknown keys, wrong kinds, values that mean nothing, keys that are missing or
/// exclude each other. All problems are told at once, in the order of the file; only a spec that was written for a
/// later devup gets nothing but that answer. Call it after [`lift`], interpolation and merging.
pub fn validate(root: &Node) -> Result<(), SpecError> {
    let too_new = versions::too_new(root);
    if let Some(error) = SpecError::collect(too_new) {
        return Err(error);
    }
    let mut problems: Vec<Problem> = check::check(root);
    problems.extend(versions::not_yet(root));
    problems.extend(contradictions::check(root));
    SpecError::collect(problems).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
