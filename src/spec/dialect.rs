//! Whose file a spec is. In one of devup's own, devup's keys stand beside Compose's; in a Compose file they stand under
//! `x-devup`, so that Docker Compose reads the same file.

use std::path::Path;

use super::discover::{DEVUP_NAMES, OVERLAY_NAMES};
use super::node::Node;

/// Where a Compose file keeps devup's keys.
const EXTENSION: &str = "x-devup";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// devup's keys stand beside Compose's.
    Devup,
    /// devup's keys stand under `x-devup`.
    Compose,
}

impl Dialect {
    /// By the file's name, else by its `devup:` key.
    pub fn of(path: &Path, document: &Node) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let own = DEVUP_NAMES.contains(&name) || OVERLAY_NAMES.contains(&name);
        if own || document.get("devup").is_some() { Self::Devup } else { Self::Compose }
    }
}

/// Whether `x-devup` stands anywhere in a document.
pub fn has_extension(document: &Node) -> bool {
    let below = |section: &str| document.entries(section).any(|(_, entry)| entry.node.get(EXTENSION).is_some());
    document.get(EXTENSION).is_some() || below("services") || below("secrets")
}
