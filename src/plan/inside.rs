//! Provisioning steps that write beneath mounts: which are due. A step is done once per hash of itself and its inputs
//! for as long as the mounted thing is the same one, however often the container is made anew.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::decide::Scene;
use super::options::{InsideStep, mark_line};
use super::resources::{Resources, Standing};
use super::slots::{Fate, Slot, is_anonymous};
use crate::model::labels;
use crate::model::mount::{Mount, MountKind};
use crate::model::observed;
use crate::model::resource::Volume;

/// What holds the result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Holder {
    /// A named volume.
    Volume {
        /// The engine's name.
        name: String,
    },
    /// An anonymous volume of the container.
    Anonymous {
        /// Where it is mounted.
        target: String,
    },
    /// A path of the host.
    Bind {
        /// The path that is mounted.
        source: String,
        /// Where the result lies on the host.
        result: PathBuf,
    },
    /// Nothing that outlives the container.
    Container,
}

/// How it is kept that a step was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProvisionMark {
    /// Hash over the step without what its inputs hold: a newer result takes the place of this step's older one.
    pub step: String,
    /// Hash over the step and its inputs.
    pub digest: String,
    /// What holds its results, one per output.
    pub holders: Vec<Holder>,
}

impl ProvisionMark {
    /// As it is kept with each holder.
    pub fn text(&self) -> String {
        format!("{}{}", self.beginning(), self.digest)
    }

    /// As it is kept where the step made nothing at the place where its result was looked for: that nothing is there
    /// later is then no reason to do it again.
    pub fn text_without_result(&self) -> String {
        format!("{} nothing", self.text())
    }

    /// What marks of this step begin with, whatever its inputs held.
    pub fn beginning(&self) -> String {
        format!("provision:{}:", self.step)
    }
}

/// Who a named volume is, as marks are kept for it: its name, and the number it got when devup made it. `None` where it
/// has no such number: another volume of the name could not be told from it.
pub fn volume_subject(volume: &observed::Volume) -> Option<String> {
    let id = volume.labels.get(labels::VOLUME_ID)?;
    Some(format!("volume:{}@{id}", volume.name))
}

/// Who an anonymous volume is: its name is random.
pub fn anonymous_subject(name: &str) -> Option<String> {
    is_anonymous(name).then(|| format!("volume:{name}"))
}

/// Who a path of the host is.
pub fn bind_subject(source: &str) -> String {
    format!("bind:{source}")
}

/// The mount that shows a path inside: the nearest above it.
pub fn nearest<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let shows = |mount: &&Mount| Path::new(path).starts_with(&mount.target);
    mounts.iter().filter(shows).max_by_key(|mount| Path::new(&mount.target).components().count())
}

/// Where a path inside lies on the host, if a bind shows it.
pub fn on_host(mounts: &[Mount], path: &str) -> Option<PathBuf> {
    let mount = nearest(mounts, path).filter(|mount| mount.kind == MountKind::Bind)?;
    let rest = Path::new(path).strip_prefix(&mount.target).ok()?;
    Some(Path::new(mount.source.as_ref()?).join(rest))
}

/// How it is kept that a step was done for a container with these mounts.
pub(super) fn mark(inside: &InsideStep, mounts: &[Mount]) -> ProvisionMark {
    let mut holders: Vec<Holder> = Vec::new();
    for output in &inside.outputs {
        let holder = holder(mounts, output);
        if !holders.contains(&holder) {
            holders.push(holder);
        }
    }
    if holders.is_empty() {
        holders.push(Holder::Container);
    }
    ProvisionMark { step: inside.step.clone(), digest: inside.digest.clone(), holders }
}

fn holder(mounts: &[Mount], output: &str) -> Holder {
    let Some(mount) = nearest(mounts, output) else { return Holder::Container };
    match (mount.kind, &mount.source) {
        (MountKind::Volume, None) => Holder::Anonymous { target: mount.target.clone() },
        (MountKind::Volume, Some(name)) => Holder::Volume { name: name.clone() },
        (MountKind::Bind, Some(source)) => Holder::Bind {
            source: source.clone(),
            result: on_host(mounts, output).unwrap_or_else(|| PathBuf::from(source)),
        },
        _ => Holder::Container,
    }
}

/// What deciding about steps looks at.
pub(super) struct Judging<'s, 'a> {
    pub(super) scene: &'s Scene<'a>,
    pub(super) volumes: &'s Resources<'a, Volume>,
}

impl Judging<'_, '_> {
    /// The steps that a container has to be prepared with, with how each is kept.
    pub(super) fn due<'i>(&'i self, service: &str, slot: &Slot) -> Vec<(&'i InsideStep, ProvisionMark)> {
        let steps = self.scene.inputs.provision.get(service).into_iter().flatten();
        let marked = steps.map(|inside| (inside, mark(inside, &slot.draft.spec.mounts)));
        marked.filter(|(inside, mark)| !self.is_done(slot, inside, mark)).collect()
    }

    fn is_done(&self, slot: &Slot, inside: &InsideStep, mark: &ProvisionMark) -> bool {
        let marks = &self.scene.inputs.marks;
        mark.holders.iter().all(|holder| {
            self.subject(slot, holder).is_some_and(|subject| {
                (marks.contains(&mark_line(&subject, &mark.text())) && !inside.gone)
                    || marks.contains(&mark_line(&subject, &mark.text_without_result()))
            })
        })
    }

    /// Who holds the result; `None`: it is yet to be made.
    fn subject(&self, slot: &Slot, holder: &Holder) -> Option<String> {
        // what was done in a container goes with it
        let container = || slot.current.filter(|_| slot.fate == Fate::Keep).map(|current| current.id.clone());
        match holder {
            Holder::Bind { source, .. } => Some(bind_subject(source)),
            Holder::Container => container(),
            Holder::Volume { name } => {
                if self.volumes.get(name).is_some_and(|volume| volume.standing != Standing::Stays) {
                    return None;
                }
                let volume = self.scene.observed.volumes.iter().find(|volume| volume.name == *name)?;
                volume_subject(volume).or_else(container)
            }
            Holder::Anonymous { target } => {
                let current = slot.current?;
                if slot.fate != Fate::Keep && self.scene.options.renew_anon_volumes {
                    return None;
                }
                let mounted = current.mounts.iter().find(|mount| mount.target == *target)?;
                anonymous_subject(&mounted.source)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(kind: MountKind, source: Option<&str>, target: &str) -> Mount {
        Mount { kind, source: source.map(str::to_owned), target: target.to_owned(), ..Mount::default() }
    }

    #[test]
    fn the_nearest_mount_holds_the_result() {
        let mounts = [
            mount(MountKind::Bind, Some("/home/ada/shop"), "/workspace"),
            mount(MountKind::Volume, Some("shop_modules"), "/workspace/web/node_modules"),
            mount(MountKind::Volume, None, "/cache"),
            mount(MountKind::Tmpfs, None, "/tmp"),
        ];
        let bind = Holder::Bind { source: "/home/ada/shop".into(), result: "/home/ada/shop/built/app.js".into() };
        for (output, expected) in [
            ("/workspace/built/app.js", bind),
            ("/workspace/web/node_modules", Holder::Volume { name: "shop_modules".into() }),
            ("/cache/x", Holder::Anonymous { target: "/cache".into() }),
            ("/tmp/x", Holder::Container),
            ("/workspaces", Holder::Container),
        ] {
            assert_eq!(holder(&mounts, output), expected, "{output}");
        }
        assert_eq!(on_host(&mounts, "/workspace/a"), Some(PathBuf::from("/home/ada/shop/a")));
        assert_eq!(on_host(&mounts, "/workspace/web/node_modules/a"), None, "the volume hides the folder");
    }

    #[test]
    fn a_volume_is_told_from_a_later_one_of_its_name() {
        let volume = |id: Option<&str>| observed::Volume {
            name: "shop_data".into(),
            driver: "local".into(),
            labels: id.map(|id| (labels::VOLUME_ID.to_owned(), id.to_owned())).into_iter().collect(),
            mountpoint: None,
        };
        assert_ne!(volume_subject(&volume(Some("a"))), volume_subject(&volume(Some("b"))));
        assert_eq!(volume_subject(&volume(None)), None);
        assert_eq!(anonymous_subject("shop_data"), None);
    }
}
