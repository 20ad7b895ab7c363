//! Keys of a service that an engine cannot honour. Pure, so that a plan can warn before anything is done.

use crate::driver::features::Features;
use crate::model::container::ContainerSpec;
use crate::model::mount::{Mount, MountKind};
use crate::model::resource::Network;
use crate::model::service::Service;

/// A key of the spec that will be of no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhonoured {
    /// As written in the spec: `healthcheck.start_interval`.
    pub key: String,
    /// What the engine would need.
    pub needs: &'static str,
}

/// Collects what is wanted and can't be done.
#[derive(Default)]
struct Notes(Vec<Unhonoured>);

impl Notes {
    fn note(&mut self, wanted: bool, able: bool, key: impl Into<String>, needs: &'static str) {
        if wanted && !able {
            self.0.push(Unhonoured { key: key.into(), needs });
        }
    }
}

/// Everything of the specification that this engine will not do.
pub fn unhonoured(spec: &ContainerSpec, features: &Features) -> Vec<Unhonoured> {
    let service = &*spec.service;
    let mut notes = Notes::default();
    let start_interval = service.healthcheck.as_ref().is_some_and(|check| check.start_interval.is_some());
    notes.note(start_interval, features.start_interval, "healthcheck.start_interval", "Docker 25");
    notes.note(!service.annotations.is_empty(), features.annotations, "annotations", "Docker 24");
    networks(spec, features, &mut notes);
    mounts(spec, features, &mut notes);
    let windows = !features.platform.starts_with("linux");
    notes.note(service.isolation.is_some(), windows, "isolation", "an engine on Windows");
    notes.note(service.credential_spec.is_some(), windows, "credential_spec", "an engine on Windows");
    notes.note(service.cpu_percent.is_some(), windows, "cpu_percent", "an engine on Windows");
    notes.note(service.cpu_count.is_some(), windows, "cpu_count", "an engine on Windows; `cpus` limits on Linux");
    let found_without = "Docker; names of services are found without it";
    notes.note(!service.links.is_empty(), features.links, "links", found_without);
    notes.note(
        !service.external_links.is_empty(),
        features.links,
        "external_links",
        "Docker; join its network instead",
    );
    // measured with Podman 4.3: it accepts them, and its containers are as without
    for (wanted, key) in [
        (service.cgroup.is_some(), "cgroup"),
        (!service.device_cgroup_rules.is_empty(), "device_cgroup_rules"),
        (service.domainname.is_some(), "domainname"),
        (!service.gpus.is_empty(), "gpus"),
        (reserves_devices(service), "deploy.resources.reservations.devices"),
        (service.runtime.is_some(), "runtime"),
    ] {
        notes.note(wanted, features.whole_create, key, "Docker");
    }
    notes.0
}

fn networks(spec: &ContainerSpec, features: &Features, notes: &mut Notes) {
    for (number, network) in spec.networks.iter().enumerate() {
        let key = |name: &str| format!("networks.{}.{name}", network.network);
        let options = &network.options;
        // where an engine knows one address per container only, the first network's takes that place
        let mac = options.mac_address.is_some() && (number > 0 || spec.service.mac_address.is_some());
        notes.note(mac, features.endpoint_mac, key("mac_address"), "Docker 25");
        notes.note(options.gw_priority.is_some(), features.gateway_priority, key("gw_priority"), "Docker 28");
        notes.note(options.interface_name.is_some(), features.interface_name, key("interface_name"), "Docker 28.1");
    }
}

fn mounts(spec: &ContainerSpec, features: &Features, notes: &mut Notes) {
    for mount in &spec.mounts {
        let key = |name: &str| format!("volumes[{}].{name}", mount.target);
        let subpath = mount.volume.as_ref().is_some_and(|volume| volume.subpath.is_some());
        notes.note(subpath, features.volume_subpath, key("volume.subpath"), "Docker 26");
        notes.note(mount.kind == MountKind::Image, features.image_mount, key("type: image"), "Docker 28");
        let part = mount.image.as_ref().is_some_and(|image| image.subpath.is_some());
        notes.note(part, features.image_mount, key("image.subpath"), "Docker 28");
        let recursive = mount.bind.as_ref().and_then(|bind| bind.recursive.as_deref());
        // `disabled` is older than the finer words
        let finer = matches!(recursive, Some("writable" | "readonly"));
        let labelled = recursive.is_some_and(|word| word != "enabled") && is_labelled(mount);
        notes.note(labelled, false, key("bind.recursive"), "a mount without `selinux`");
        notes.note(finer && !labelled, features.recursive_binds, key("bind.recursive"), "Docker 25");
    }
}

fn reserves_devices(service: &Service) -> bool {
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    resources.and_then(|resources| resources.reservations.as_ref()).is_some_and(|least| !least.devices.is_empty())
}

/// A bind with an SELinux label has a form that knows nothing of mounts below it.
fn is_labelled(mount: &Mount) -> bool {
    mount.kind == MountKind::Bind && mount.bind.as_ref().is_some_and(|bind| bind.selinux.is_some())
}

/// The same for a network.
pub fn unhonoured_network(network: &Network, features: &Features) -> Vec<Unhonoured> {
    let mut out = Vec::new();
    if network.enable_ipv4 == Some(false) && !features.no_ipv4 {
        out.push(Unhonoured { key: "enable_ipv4".into(), needs: "Docker 28" });
    }
    out
}
