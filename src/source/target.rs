//! The folder to clone into: what stands there decides whether to clone, to go on, or to refuse.

use std::path::{Path, PathBuf};

use super::checkout::Checkout;
use super::clone::CloneError;
use crate::git::address::{Address, without_password};

/// What to do with the target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing is there, or an empty folder.
    Free,
    /// A clone of the same repository.
    SameClone,
}

/// Looks at the target.
pub(super) fn inspect(target: &Path, address: &Address) -> Result<Target, CloneError> {
    let refused = |reason: String| CloneError::TargetTaken { target: target.to_owned(), reason };
    let Ok(found) = std::fs::symlink_metadata(target) else { return Ok(Target::Free) };
    if !found.is_dir() && !target.is_dir() {
        return Err(refused("there is a file of that name".to_owned()));
    }
    let mut entries = std::fs::read_dir(target).map_err(|error| refused(error.to_string()))?;
    if entries.next().is_none() {
        return Ok(Target::Free);
    }
    let top: Option<PathBuf> = std::fs::canonicalize(target).ok();
    let checkout = top.as_deref().and_then(Checkout::of).filter(|checkout| Some(&checkout.top) == top.as_ref());
    let Some(checkout) = checkout else {
        return Err(refused("the folder is not empty, and it is no clone".to_owned()));
    };
    let Some(origin) = checkout.origin else {
        return Err(refused("it holds a repository without a remote `origin`".to_owned()));
    };
    match Address::parse(&origin, &checkout.top) {
        Ok(other) if other.normalised() == address.normalised() => Ok(Target::SameClone),
        _ => Err(refused(format!("it holds a clone of {}", without_password(&origin)))),
    }
}
