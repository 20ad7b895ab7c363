//! What the spec's `backup:` says: which data is kept, and how.

use serde::{Deserialize, Serialize};

use super::canonical::{Absent, canonical};

/// The kind that says: the service's data is not kept.
pub const NONE: &str = "none";

canonical! {
/// `backup:` of the whole spec.
pub struct Backup {
    /// Patterns of ignored files that matter, seen from the project's folder.
    pub include: Vec<String>,
    /// Containers are frozen while their volumes are read, where their services do not say otherwise.
    pub pause: Option<bool>,
}
}

canonical! {
/// `backup:` of a service.
pub struct ServiceBackup {
    /// Which kind of server it is, whatever its image looks like; [`NONE`]: its data is not kept.
    pub kind: Option<String>,
    /// Its own programs, for a kind that devup does not know.
    pub command: Option<Commands>,
    /// Files that are databases of `SQLite`, absolute paths inside.
    pub path: Vec<String>,
    /// Its containers are frozen while their volumes are read.
    pub pause: Option<bool>,
    /// Volumes that are not kept: their keys, or the paths inside of those that have none.
    pub exclude: Vec<String>,
}
}

impl ServiceBackup {
    /// Its data is not kept at all.
    pub fn is_off(&self) -> bool {
        self.kind.as_deref() == Some(NONE)
    }
}

canonical! {
/// Programs inside a container that give and take its data.
pub struct Commands {
    /// Prints everything.
    pub dump: Vec<String>,
    /// Takes what `dump` printed, in place of what is there.
    pub load: Vec<String>,
    /// Ends with 0 when the service is ready for either.
    pub check: Vec<String>,
}
}
