//! Keys of a service that an engine cannot honour. Pure, so that a plan can warn before anything is done.

use crate::driver::features::Features;
use crate::model::container::ContainerSpec;
use crate::model::mount::MountKind;

/// A key of the spec that will be of no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhonoured {
    /// As written in the spec: `healthcheck.start_interval`.
    pub key: String,
    /// What the engine would need.
    pub needs: &'static str,
}

/// Everything of the specification that this engine will not do.
pub fn unhonoured(spec: &ContainerSpec, features: &Features) -> Vec<Unhonoured> {
    let service = &*spec.service;
    let mut out = Vec::new();
    let mut note = |wanted: bool, able: bool, key: String, needs: &'static str| {
        if wanted && !able {
            out.push(Unhonoured { key, needs });
        }
    };
    let start_interval = service.healthcheck.as_ref().is_some_and(|check| check.start_interval.is_some());
    note(start_interval, features.start_interval, "healthcheck.start_interval".into(), "Docker 25");
    note(!service.annotations.is_empty(), features.annotations, "annotations".into(), "Docker 24");
    for (number, network) in spec.networks.iter().enumerate() {
        let key = |name: &str| format!("networks.{}.{name}", network.network);
        let options = &network.options;
        // where an engine knows one address per container only, the first network's takes that place
        let mac = options.mac_address.is_some() && (number > 0 || service.mac_address.is_some());
        note(mac, features.endpoint_mac, key("mac_address"), "Docker 25");
        note(options.gw_priority.is_some(), features.gateway_priority, key("gw_priority"), "Docker 28");
        note(options.interface_name.is_some(), features.interface_name, key("interface_name"), "Docker 28.1");
    }
    for mount in &spec.mounts {
        let key = |name: &str| format!("volumes[{}].{name}", mount.target);
        let subpath = mount.volume.as_ref().is_some_and(|volume| volume.subpath.is_some());
        note(subpath, features.volume_subpath, key("volume.subpath"), "Docker 26");
        note(mount.kind == MountKind::Image, features.image_mount, key("type: image"), "Docker 28");
    }
    let linux = features.platform.starts_with("linux");
    note(service.isolation.is_some(), !linux, "isolation".into(), "an engine on Windows");
    note(service.credential_spec.is_some(), !linux, "credential_spec".into(), "an engine on Windows");
    note(service.cpu_percent.is_some(), !linux, "cpu_percent".into(), "an engine on Windows");
    note(!spec.links.is_empty(), features.links, "links".into(), "Docker; names of services are found without it");
    out
}
