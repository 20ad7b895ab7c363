//! Values that are free from a list of known ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::{Site, entries, texts};
use crate::trust::capability::Kind;

/// Capabilities that Docker and Podman both give every container by default: adding one again (after `cap_drop: [ALL]`)
/// gives nothing new.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that belong to the container's own network or IPC namespace. Where a service uses the host's
/// namespace, that is a capability of its own.
const OWN_SYSCTLS: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shm_rmid_forced",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.default.disable_ipv6",
];

const LOG_OPTIONS: &[&str] = &[
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

const NETWORK_OPTIONS: &[&str] = &["com.docker.network.driver.mtu", "com.docker.network.bridge.enable_icc", "mtu"];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `cap_add`.
pub fn cap_add(site: &mut Site<'_, '_>, value: &Value) {
    for (path, name) in texts(&site.path, value) {
        let upper = name.to_ascii_uppercase();
        if !DEFAULT_CAPABILITIES.contains(&upper.strip_prefix("CAP_").unwrap_or(&upper)) {
            site.report_at(&path, Kind::KernelCapability, format!("adds the capability {upper}"));
        }
    }
}

/// `devices`.
pub fn devices(site: &mut Site<'_, '_>, value: &Value) {
    for (number, device) in value.as_array().into_iter().flatten().enumerate() {
        let source = device.get("source").and_then(Value::as_str).unwrap_or("?");
        let path = format!("{}[{number}]", site.path);
        site.report_at(&path, Kind::Device, format!("uses the device {source}"));
    }
}

/// `pid` and `uts`.
pub fn namespace(site: &mut Site<'_, '_>, value: &Value) {
    shared_namespace(site, text(value), &["", "private"]);
}

/// `ipc`.
pub fn ipc(site: &mut Site<'_, '_>, value: &Value) {
    shared_namespace(site, text(value), &["", "none", "private", "shareable"]);
}

/// `network_mode`.
pub fn network_mode(site: &mut Site<'_, '_>, value: &Value) {
    let mode = text(value);
    if mode == "bridge" || mode == "default" {
        site.report(Kind::SharedNetwork, "joins the engine's default network, which other containers share");
    } else {
        shared_namespace(site, mode, &["", "none", "private"]);
    }
}

fn shared_namespace(site: &mut Site<'_, '_>, mode: &str, own: &[&str]) {
    let key = site.path.rsplit('.').next().unwrap_or_default().to_owned();
    let of_service = mode.strip_prefix("service:").is_some_and(|service| site.world.has_service(service));
    if own.contains(&mode) || of_service {
        return;
    }
    match mode.strip_prefix("container:") {
        Some(name) => site.report(Kind::ForeignContainer, format!("shares {key} with the container {name}")),
        None if mode == "host" => site.report(Kind::Namespace, format!("shares {key} with the host")),
        None => site.report(Kind::Namespace, format!("uses {key} {mode}")),
    }
}

/// `cgroup`.
pub fn cgroup(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "private"].contains(&text(value)) {
        site.report(Kind::Namespace, format!("uses the cgroup namespace {}", text(value)));
    }
}

/// `userns_mode`.
pub fn userns(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "private"].contains(&text(value)) {
        site.report(Kind::Security, format!("uses the user namespace {}", text(value)));
    }
}

/// `isolation`.
pub fn isolation(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "default", "hyperv"].contains(&text(value)) {
        site.report(Kind::Security, format!("uses the isolation {}", text(value)));
    }
}

/// `oom_score_adj`.
pub fn oom_score(site: &mut Site<'_, '_>, value: &Value) {
    if value.as_i64().is_none_or(|score| score < 0) {
        site.report(Kind::KernelSetting, format!("is spared by the kernel's out-of-memory killer ({value})"));
    }
}

/// `security_opt`.
pub fn security_opt(site: &mut Site<'_, '_>, value: &Value) {
    for (path, option) in texts(&site.path, value) {
        if !["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"].contains(&option) {
            site.report_at(&path, Kind::Security, format!("sets the security option {option}"));
        }
    }
}

/// `storage_opt`.
pub fn storage_opt(site: &mut Site<'_, '_>, value: &Value) {
    for (path, key, value) in entries(&site.path, value) {
        if key != "size" {
            site.report_at(&path, Kind::HostService, format!("sets the storage option {key}={value}"));
        }
    }
}

/// `sysctls`.
pub fn sysctls(site: &mut Site<'_, '_>, value: &Value) {
    for (path, key, value) in entries(&site.path, value) {
        if !OWN_SYSCTLS.contains(&key) {
            site.report_at(&path, Kind::KernelSetting, format!("sets the kernel parameter {key}={value}"));
        }
    }
}

/// `logging.driver`.
pub fn log_driver(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "json-file", "local", "none"].contains(&text(value)) {
        site.report(Kind::HostService, format!("sends its logs to {}", text(value)));
    }
}

/// `logging.options`.
pub fn log_options(site: &mut Site<'_, '_>, value: &Value) {
    for (path, key, value) in entries(&site.path, value) {
        if !LOG_OPTIONS.contains(&key) {
            site.report_at(&path, Kind::HostService, format!("sets the log option {key}={value}"));
        }
    }
}

/// `ports[].host_ip`.
pub fn host_ip(site: &mut Site<'_, '_>, value: &Value) {
    let address = text(value);
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if bare.is_empty() || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback()) {
        return;
    }
    let port = site.siblings.get("published").and_then(Value::as_str).unwrap_or("any port").to_owned();
    site.report(Kind::Publish, format!("publishes {port} on {address}, where other machines can reach it"));
}

/// `build.network`.
pub fn build_network(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "none", "default"].contains(&text(value)) {
        site.report(Kind::Namespace, format!("builds on the network {}", text(value)));
    }
}

/// A bind's `propagation`.
pub fn propagation(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "private", "rprivate"].contains(&text(value)) {
        site.report(Kind::Namespace, format!("shares mounts with the host ({})", text(value)));
    }
}

/// `networks.*.driver`.
pub fn network_driver(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "default", "bridge"].contains(&text(value)) {
        site.report(Kind::HostService, format!("uses the network driver {}", text(value)));
    }
}

/// `networks.*.driver_opts`.
pub fn network_options(site: &mut Site<'_, '_>, value: &Value) {
    for (path, key, value) in entries(&site.path, value) {
        if !NETWORK_OPTIONS.contains(&key) {
            site.report_at(&path, Kind::HostService, format!("sets the network option {key}={value}"));
        }
    }
}

/// `volumes.*.driver`.
pub fn volume_driver(site: &mut Site<'_, '_>, value: &Value) {
    if !["", "default", "local"].contains(&text(value)) {
        site.report(Kind::HostService, format!("uses the volume driver {}", text(value)));
    }
}

/// `networks.*.ipam`.
pub fn ipam(site: &mut Site<'_, '_>, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match key.as_str() {
            "driver" if ["", "default"].contains(&text(value)) => {}
            "config" => pools(site, value),
            _ => site.report(Kind::HostService, format!("sets the address management's {key} to {value}")),
        }
    }
}

/// A pool of public addresses would take the host's way to them.
fn pools(site: &mut Site<'_, '_>, value: &Value) {
    for (number, pool) in value.as_array().into_iter().flatten().enumerate() {
        let subnet = pool.get("subnet").and_then(Value::as_str);
        if let Some(subnet) = subnet.filter(|subnet| !is_private_pool(subnet)) {
            let path = format!("{}.config[{number}]", site.path);
            site.report_at(&path, Kind::HostService, format!("takes the address pool {subnet} from the host's routes"));
        }
    }
}

/// Inside the ranges of RFC 1918, RFC 6598 (shared), RFC 3927 and RFC 4193.
fn is_private_pool(subnet: &str) -> bool {
    const FOUR: [(Ipv4Addr, u32); 5] = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
    ];
    let Some((address, length)) = subnet.split_once('/') else { return false };
    let Ok(length) = length.parse::<u32>() else { return false };
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        let within = |(net, bits): &(Ipv4Addr, u32)| {
            length >= *bits && length <= 32 && (u32::from(address) ^ u32::from(*net)) >> (32 - bits) == 0
        };
        return FOUR.iter().any(within);
    }
    address.parse::<Ipv6Addr>().is_ok_and(|address| (7..=128).contains(&length) && address.is_unique_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_pools_are_free() {
        for inside in ["10.1.0.0/16", "172.28.0.0/16", "192.168.7.0/24", "fd00:1::/64"] {
            assert!(is_private_pool(inside), "{inside}");
        }
        for outside in ["8.8.8.0/24", "172.0.0.0/8", "0.0.0.0/0", "10.0.0.0/7", "2001:db8::/32", "10.0.0.0", "x/8"] {
            assert!(!is_private_pool(outside), "{outside}");
        }
    }
}
