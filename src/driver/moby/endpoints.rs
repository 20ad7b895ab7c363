//! How a container joins its networks.

use std::collections::HashMap;

use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkingConfig};

use super::create::{some_list, some_map};
use crate::driver::features::Features;
use crate::model::container::{ContainerSpec, NetworkAttachment};

/// The driver option that names the interface inside.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// Endpoints of the create call: all of them where the engine takes them, else the first.
pub(super) fn at_creation(spec: &ContainerSpec, features: &Features) -> Option<NetworkingConfig> {
    if spec.network_mode.is_some() || spec.networks.is_empty() {
        return None;
    }
    let count = if features.multi_network_create { spec.networks.len() } else { 1 };
    let mut endpoints: HashMap<String, EndpointSettings> = spec
        .networks
        .iter()
        .take(count)
        .map(|network| (network.network.clone(), endpoint(network, features)))
        .collect();
    if features.endpoint_mac
        && let (Some(mac), Some(first)) = (&spec.service.mac_address, spec.networks.first())
        && let Some(settings) = endpoints.get_mut(&first.network)
    {
        settings.mac_address.get_or_insert_with(|| mac.clone());
    }
    Some(NetworkingConfig { endpoints_config: Some(endpoints) })
}

/// The container's MAC address where the engine knows one per container only.
pub(super) fn container_mac(spec: &ContainerSpec, features: &Features) -> Option<String> {
    if features.endpoint_mac {
        return None;
    }
    let of_first = spec.networks.first().and_then(|first| first.options.mac_address.clone());
    spec.service.mac_address.clone().or(of_first)
}

/// One endpoint.
pub(super) fn endpoint(network: &NetworkAttachment, features: &Features) -> EndpointSettings {
    let options = &network.options;
    let mut driver_opts = options.driver_opts.clone();
    if let Some(name) = options.interface_name.as_ref().filter(|_| features.interface_name) {
        driver_opts.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    let fixed = options.ipv4_address.is_some() || options.ipv6_address.is_some() || !options.link_local_ips.is_empty();
    EndpointSettings {
        // the engine's own first network has no name service
        aliases: some_list(network.aliases.clone()).filter(|_| network.network != "bridge"),
        ipam_config: fixed.then(|| EndpointIpamConfig {
            ipv4_address: options.ipv4_address.clone(),
            ipv6_address: options.ipv6_address.clone(),
            link_local_ips: some_list(options.link_local_ips.clone()),
        }),
        mac_address: options.mac_address.clone().filter(|_| features.endpoint_mac),
        driver_opts: some_map(&driver_opts),
        gw_priority: options.gw_priority.filter(|_| features.gateway_priority),
        ..EndpointSettings::default()
    }
}
