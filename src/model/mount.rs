//! Mounts in canonical form.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::canonical::{Absent, canonical};
use super::quantity::Bytes;
use super::resource::is_false;

/// Kinds of mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A named or anonymous volume.
    #[default]
    Volume,
    /// Memory.
    Tmpfs,
    /// A named pipe of Windows.
    Npipe,
    /// A cluster volume.
    Cluster,
    /// The content of an image.
    Image,
}

/// One entry of `volumes` in long form.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// Kind.
    #[serde(rename = "type")]
    pub kind: MountKind,
    /// Path of the host, key of a volume, image; absent for anonymous volumes and tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Path inside.
    pub target: String,
    /// Read only.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// `consistent cached delegated`: of no effect on Linux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<String>,
    /// Options of a bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<BindOptions>,
    /// Options of a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeOptions>,
    /// Options of a tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs: Option<TmpfsOptions>,
    /// Options of an image mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageOptions>,
}

canonical! {
/// Options of a bind.
pub struct BindOptions {
    /// `z` or `Z`.
    pub selinux: Option<String>,
    /// `rprivate`, `rslave`, …
    pub propagation: Option<String>,
    /// Make the folder where it is missing.
    pub create_host_path: bool,
    /// `enabled disabled writable readonly`.
    pub recursive: Option<String>,
}
}

canonical! {
/// Options of a volume.
pub struct VolumeOptions {
    /// Do not fill it from the image.
    pub nocopy: bool,
    /// A folder inside the volume.
    pub subpath: Option<String>,
    /// Labels of an anonymous volume.
    pub labels: IndexMap<String, String>,
}
}

canonical! {
/// Options of a tmpfs.
pub struct TmpfsOptions {
    /// At most.
    pub size: Option<Bytes>,
    /// Decimal value of the mode bits.
    pub mode: Option<u32>,
}
}

canonical! {
/// Options of an image mount.
pub struct ImageOptions {
    /// A folder inside the image.
    pub subpath: Option<String>,
}
}
