//! Anonymous volumes that a new container takes over from the one it replaces.

use super::decide::Scene;
use super::draft::Draft;
use super::slots::is_anonymous;
use crate::model::mount::{Mount, MountKind};
use crate::model::observed::Container;

/// Mounts of the old container's anonymous volumes at the places where the new one wants anonymous volumes.
pub(super) fn mounts(scene: &Scene, draft: &Draft, current: &Container) -> Vec<Mount> {
    if scene.options.renew_anon_volumes {
        return Vec::new();
    }
    let named: Vec<&str> = scene.environment.volumes.values().map(|volume| volume.name.as_str()).collect();
    let image = scene.observed.images.get(&draft.spec.image);
    let wants = |target: &str| {
        let mounted = draft.spec.mounts.iter().find(|mount| mount.target == target);
        match mounted {
            Some(mount) => mount.kind == MountKind::Volume && mount.source.is_none(),
            // an image that nobody has looked at may want it: keeping too much is better than losing
            None => {
                !draft.spec.service.tmpfs.iter().any(|tmpfs| tmpfs.split(':').next() == Some(target))
                    && image.is_none_or(|image| image.volumes.iter().any(|volume| volume == target))
            }
        }
    };
    current
        .mounts
        .iter()
        .filter(|mount| {
            mount.kind == "volume" && is_anonymous(&mount.source) && !named.contains(&mount.source.as_str())
        })
        .filter(|mount| wants(&mount.target))
        .map(|mount| Mount {
            kind: MountKind::Volume,
            source: Some(mount.source.clone()),
            target: mount.target.clone(),
            ..Mount::default()
        })
        .collect()
}

/// Puts inherited volumes in the place of the anonymous ones that would be made.
pub(super) fn into(mounts: &mut Vec<Mount>, inherited: &[Mount]) {
    for volume in inherited {
        match mounts.iter_mut().find(|mount| mount.target == volume.target) {
            Some(mount) => mount.source.clone_from(&volume.source),
            None => mounts.push(volume.clone()),
        }
    }
}
