//! What a spec may ask of the host.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::digest::{Digest, FieldHasher};

/// Kinds of capabilities over the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Files outside the project's folder.
    FilesOutside,
    /// The engine's own socket: whoever has it owns the machine.
    EngineSocket,
    /// All rights over the host.
    Privileged,
    /// Devices of the host, GPUs included.
    Device,
    /// A namespace of the host or of a container outside the project.
    Namespace,
    /// Capabilities of Linux beyond the engine's defaults.
    KernelCapability,
    /// Kernel parameters, real-time scheduling, cgroups.
    KernelSetting,
    /// Security profiles, runtimes, user namespaces.
    Security,
    /// A volume that is not only this project's.
    SharedVolume,
    /// A network that is not only this project's.
    SharedNetwork,
    /// An image's name that is not only this project's.
    SharedImage,
    /// A container outside the project.
    ForeignContainer,
    /// Keys of the user: SSH agent, registry credentials.
    Keys,
    /// A build with extended rights.
    BuildRights,
    /// A program of the host is run.
    HostProgram,
    /// A secret of another project, or of the engine.
    ForeignSecret,
    /// Ports that other machines can reach.
    Publish,
    /// Something of the host's own services: log daemons, volume and network drivers.
    HostService,
    /// Labels by which a resource pretends to belong to another project.
    Impersonation,
    /// A key or value that the table of trust does not know.
    Unknown,
}

/// A place in a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it is shown.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One thing that a spec asks of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Its kind.
    pub kind: Kind,
    /// Who asks: `service web`, `volume data`.
    pub subject: String,
    /// What it would do, as the end of a sentence: `mounts /etc, writable`.
    pub action: String,
    /// Where the spec asks for it.
    pub place: Option<Place>,
    /// Scripts of the host that it runs, with the digests of their bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<PathBuf, String>,
}

/// The line to which one agrees; the place is not part of it, so that moving a line asks nothing anew.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.action)
    }
}

/// All that a spec asks of the host, in the order of the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Survey {
    /// One by one, no two alike.
    pub capabilities: Vec<Capability>,
}

impl Survey {
    /// The spec stays inside its project.
    pub fn is_empty(&self) -> bool {
        self.capabilities.is_empty()
    }

    /// The lines, sorted: what is kept with a consent.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.capabilities.iter().map(ToString::to_string).collect();
        lines.sort();
        lines
    }

    /// Every script with the digest of its bytes.
    pub fn scripts(&self) -> BTreeMap<PathBuf, String> {
        self.capabilities.iter().flat_map(|capability| capability.scripts.clone()).collect()
    }

    /// Digest over kinds, lines and scripts' bytes, whatever their order.
    pub fn digest(&self) -> Digest {
        let mut fields: Vec<String> =
            self.capabilities.iter().map(|capability| format!("{:?} {capability}", capability.kind)).collect();
        fields.sort();
        let mut hasher = FieldHasher::new();
        for field in fields {
            hasher.field(field);
        }
        for (path, digest) in self.scripts() {
            hasher.field(path.as_os_str().as_encoded_bytes()).field(digest);
        }
        hasher.finish()
    }
}
