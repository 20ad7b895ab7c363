//! Mounts in the engine's two forms: `Mounts`, which says everything but SELinux labels, and `Binds` for these and for
//! folders that a remote engine has to make.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::models::{
    Mount as EngineMount, MountBindOptions, MountImageOptions, MountTmpfsOptions, MountType, MountVolumeOptions,
};

use super::create::{some_map, some_true};
use crate::driver::features::Features;
use crate::model::container::ContainerSpec;
use crate::model::mount::{Mount, MountKind};
use crate::model::service::Service;

/// Whether a bind has to be written in the short form: SELinux labels exist only there, and only there does an engine
/// on another machine make a missing folder.
fn is_short(mount: &Mount, features: &Features) -> bool {
    let Some(options) = mount.bind.as_ref().filter(|_| mount.kind == MountKind::Bind) else { return false };
    options.selinux.is_some() || (options.create_host_path && !features.local)
}

/// Binds in short form.
pub(super) fn binds(spec: &ContainerSpec, features: &Features) -> Vec<String> {
    spec.mounts.iter().filter(|mount| is_short(mount, features)).filter_map(short).collect()
}

fn short(mount: &Mount) -> Option<String> {
    let options = mount.bind.clone().unwrap_or_default();
    let mut words = vec![if mount.read_only { "ro".to_owned() } else { "rw".to_owned() }];
    words.extend(options.selinux);
    words.extend(options.propagation);
    Some(format!("{}:{}:{}", mount.source.as_ref()?, mount.target, words.join(",")))
}

/// All other mounts.
pub(super) fn mounts(spec: &ContainerSpec, features: &Features) -> Vec<EngineMount> {
    spec.mounts.iter().filter(|mount| !is_short(mount, features)).map(|mount| long(mount, features)).collect()
}

fn long(mount: &Mount, features: &Features) -> EngineMount {
    EngineMount {
        target: Some(mount.target.clone()),
        source: mount.source.clone(),
        typ: Some(match mount.kind {
            MountKind::Bind => MountType::BIND,
            MountKind::Volume => MountType::VOLUME,
            MountKind::Tmpfs => MountType::TMPFS,
            MountKind::Npipe => MountType::NPIPE,
            MountKind::Cluster => MountType::CLUSTER,
            MountKind::Image => MountType::IMAGE,
        }),
        read_only: some_true(mount.read_only),
        consistency: mount.consistency.clone(),
        bind_options: mount.bind.as_ref().filter(|_| mount.kind == MountKind::Bind).map(|bind| MountBindOptions {
            propagation: bind.propagation.as_ref().and_then(|mode| mode.parse().ok()),
            non_recursive: some_true(bind.recursive.as_deref() == Some("disabled")),
            read_only_non_recursive: some_true(bind.recursive.as_deref() == Some("writable")),
            read_only_force_recursive: some_true(bind.recursive.as_deref() == Some("readonly")),
            ..MountBindOptions::default()
        }),
        volume_options: mount.volume.as_ref().filter(|_| mount.kind == MountKind::Volume).map(|volume| {
            MountVolumeOptions {
                no_copy: some_true(volume.nocopy),
                labels: some_map(&volume.labels),
                subpath: volume.subpath.clone().filter(|_| features.volume_subpath),
                ..MountVolumeOptions::default()
            }
        }),
        image_options: mount
            .image
            .as_ref()
            .filter(|_| mount.kind == MountKind::Image)
            .map(|image| MountImageOptions { subpath: image.subpath.clone() }),
        tmpfs_options: mount.tmpfs.as_ref().filter(|_| mount.kind == MountKind::Tmpfs).map(|tmpfs| MountTmpfsOptions {
            size_bytes: tmpfs.size.map(|size| size.0),
            mode: tmpfs.mode.map(i64::from),
            ..MountTmpfsOptions::default()
        }),
    }
}

/// `tmpfs:` of the service.
pub(super) fn tmpfs(service: &Service) -> Option<HashMap<String, String>> {
    (!service.tmpfs.is_empty()).then(|| {
        let split = |text: &String| {
            let (path, options) = text.split_once(':').unwrap_or((text, ""));
            (path.to_owned(), options.to_owned())
        };
        service.tmpfs.iter().map(split).collect()
    })
}

/// Folders of this machine to make before the container: the engine would make them as root, and they are the user's.
pub(super) fn folders_to_make(spec: &ContainerSpec, features: &Features) -> Vec<PathBuf> {
    let wanted =
        |mount: &&Mount| mount.kind == MountKind::Bind && mount.bind.as_ref().is_some_and(|bind| bind.create_host_path);
    if !features.local {
        return Vec::new();
    }
    spec.mounts.iter().filter(wanted).filter_map(|mount| mount.source.as_ref()).map(PathBuf::from).collect()
}
