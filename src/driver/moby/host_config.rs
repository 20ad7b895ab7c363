//! What the host grants a container: limits, namespaces, devices, rights.

use std::collections::HashMap;

use bollard::models::{
    DeviceMapping, DeviceRequest, HostConfig, HostConfigLogConfig, PortBinding, PortMap, ResourcesBlkioWeightDevice,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum, ThrottleDevice,
};
use serde_json::Value;

use super::create::{integer, some_list, some_map, some_true};
use super::mounts;
use crate::driver::features::Features;
use crate::model::container::ContainerSpec;
use crate::model::labels;
use crate::model::quantity::Bytes;
use crate::model::service::{Logging, Service, Ulimit};

/// The host's side of the create call.
pub(super) fn host_config(spec: &ContainerSpec, features: &Features) -> HostConfig {
    let service = &*spec.service;
    let mut host = HostConfig {
        annotations: some_map(&service.annotations).filter(|_| features.annotations),
        // it ends with whoever talks to it, and leaves nothing behind when that was killed
        auto_remove: some_true(spec.labels.contains_key(labels::HELPER)),
        binds: some_list(mounts::binds(spec, features)),
        cap_add: some_list(service.cap_add.clone()),
        cap_drop: some_list(service.cap_drop.clone()),
        cgroup_parent: service.cgroup_parent.clone(),
        cgroupns_mode: service.cgroup.as_ref().and_then(|mode| mode.parse().ok()),
        device_cgroup_rules: some_list(service.device_cgroup_rules.clone()),
        devices: some_list(devices(service)),
        dns: some_list(service.dns.clone()),
        dns_options: some_list(service.dns_opt.clone()),
        dns_search: some_list(service.dns_search.clone()),
        extra_hosts: some_list(service.extra_hosts.iter().map(|host| extra_host(host)).collect()),
        group_add: some_list(service.group_add.clone()),
        init: service.init,
        ipc_mode: spec.ipc_mode.clone().or_else(|| service.ipc.clone()),
        isolation: service.isolation.as_ref().and_then(|isolation| isolation.parse().ok()),
        links: some_list(spec.links.clone()).filter(|_| features.links),
        log_config: service.logging.as_ref().and_then(log_config),
        mounts: some_list(mounts::mounts(spec, features)),
        network_mode: network_mode(spec),
        oom_score_adj: service.oom_score_adj,
        pid_mode: spec.pid_mode.clone().or_else(|| service.pid.clone()),
        port_bindings: port_bindings(spec),
        privileged: some_true(service.privileged),
        readonly_rootfs: some_true(service.read_only),
        restart_policy: restart_policy(service),
        runtime: service.runtime.clone(),
        security_opt: some_list(service.security_opt.clone()),
        shm_size: service.shm_size.map(|size| size.0),
        storage_opt: some_map(&service.storage_opt),
        sysctls: some_map(&service.sysctls),
        tmpfs: mounts::tmpfs(service),
        userns_mode: service.userns_mode.clone(),
        uts_mode: service.uts.clone(),
        volumes_from: some_list(spec.volumes_from.clone()),
        ..HostConfig::default()
    };
    limits(service, &mut host);
    block_io(service, &mut host);
    host
}

/// The network that the container is created on.
fn network_mode(spec: &ContainerSpec) -> Option<String> {
    spec.network_mode
        .clone()
        .or_else(|| spec.networks.first().map(|first| first.network.clone()))
        .or_else(|| spec.service.network_mode.clone())
}

fn limits(service: &Service, host: &mut HostConfig) {
    host.memory = service.mem_limit.map(|size| size.0);
    host.memory_reservation = service.mem_reservation.map(|size| size.0);
    host.memory_swap = service.memswap_limit.map(|size| size.0);
    host.memory_swappiness = integer(service.mem_swappiness.as_ref());
    host.nano_cpus = service.cpus.map(nano_cpus);
    host.cpu_count = service.cpu_count;
    host.cpu_percent = service.cpu_percent.map(rounded);
    host.cpu_period = integer(service.cpu_period.as_ref());
    host.cpu_quota = integer(service.cpu_quota.as_ref());
    host.cpu_realtime_period = integer(service.cpu_rt_period.as_ref());
    host.cpu_realtime_runtime = integer(service.cpu_rt_runtime.as_ref());
    host.cpu_shares = integer(service.cpu_shares.as_ref());
    host.cpuset_cpus.clone_from(&service.cpuset);
    host.oom_kill_disable = service.oom_kill_disable;
    host.pids_limit = service.pids_limit;
    host.ulimits = some_list(service.ulimits.iter().map(|(name, limit)| ulimit(name, *limit)).collect());
    let mut requests: Vec<DeviceRequest> = service.gpus.iter().map(|gpu| device_request(gpu, true)).collect();
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    if let Some(most) = resources.and_then(|resources| resources.limits.as_ref()) {
        host.memory = most.memory.map(|Bytes(size)| size).or(host.memory);
        host.nano_cpus = most.cpus.map(nano_cpus).or(host.nano_cpus);
        host.pids_limit = most.pids.or(host.pids_limit);
    }
    if let Some(least) = resources.and_then(|resources| resources.reservations.as_ref()) {
        host.memory_reservation = least.memory.map(|Bytes(size)| size).or(host.memory_reservation);
        requests.extend(least.devices.iter().map(|device| device_request(device, false)));
    }
    host.device_requests = some_list(requests);
}

fn nano_cpus(cpus: f64) -> i64 {
    rounded(cpus * 1e9)
}

#[expect(clippy::cast_possible_truncation, reason = "far below the bounds of i64")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

fn ulimit(name: &str, limit: Ulimit) -> ResourcesUlimits {
    let (soft, hard) = match limit {
        Ulimit::Single(both) => (both, both),
        Ulimit::Pair { soft, hard } => (soft, hard),
    };
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(soft), hard: Some(hard) }
}

/// An entry of `deploy.resources.reservations.devices` or of `gpus`. All devices where neither count nor ids are given.
fn device_request(device: &Value, gpu: bool) -> DeviceRequest {
    let texts = |key: &str| -> Vec<String> {
        let list = device.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut capabilities = texts("capabilities");
    if gpu && !capabilities.iter().any(|capability| capability == "gpu") {
        capabilities.push("gpu".to_owned());
    }
    let ids = texts("device_ids");
    let count = match device.get("count") {
        Some(Value::String(all)) if all == "all" => Some(-1),
        count => integer(count),
    };
    let options = device.get("options").and_then(Value::as_object).map(|options| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        options.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    });
    DeviceRequest {
        driver: device.get("driver").and_then(Value::as_str).map(str::to_owned),
        count: count.or(if ids.is_empty() { Some(-1) } else { None }),
        device_ids: some_list(ids),
        capabilities: some_list(vec![capabilities]),
        options,
    }
}

fn devices(service: &Service) -> Vec<DeviceMapping> {
    let path = |text: &str, other: &str| Some(if text.is_empty() { other.to_owned() } else { text.to_owned() });
    service
        .devices
        .iter()
        .map(|device| DeviceMapping {
            path_on_host: Some(device.source.clone()),
            path_in_container: path(&device.target, &device.source),
            cgroup_permissions: path(&device.permissions, "rwm"),
        })
        .collect()
}

/// The engine's form is `name:address`; the spec's canonical one is `name=address`.
fn extra_host(host: &str) -> String {
    match host.split_once('=') {
        Some((name, address)) => {
            let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
            format!("{name}:{bare}")
        }
        None => host.to_owned(),
    }
}

fn log_config(logging: &Logging) -> Option<HostConfigLogConfig> {
    (logging.driver.is_some() || !logging.options.is_empty())
        .then(|| HostConfigLogConfig { typ: logging.driver.clone(), config: some_map(&logging.options) })
}

fn port_bindings(spec: &ContainerSpec) -> Option<PortMap> {
    let mut map: PortMap = HashMap::new();
    for port in &spec.ports {
        let inside = format!("{}/{}", port.target, port.protocol);
        map.entry(inside).or_default().get_or_insert_default().push(PortBinding {
            host_ip: Some(port.host_ip.clone()),
            // empty: the engine chooses
            host_port: Some(if port.published == 0 { String::new() } else { port.published.to_string() }),
        });
    }
    (!map.is_empty()).then_some(map)
}

/// `deploy.restart_policy` counts before `restart`, as in Compose.
fn restart_policy(service: &Service) -> Option<RestartPolicy> {
    let deployed = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    let (name, most) = match (deployed, service.restart.as_deref()) {
        (Some(policy), _) => {
            let name = match policy.condition.as_deref() {
                Some("none") => "no",
                Some("any") | None => "always",
                Some(other) => other,
            };
            (name, policy.max_attempts)
        }
        (None, Some(text)) => {
            let (name, most) = text.split_once(':').unwrap_or((text, ""));
            (name, most.parse().ok())
        }
        (None, None) => return None,
    };
    let name: RestartPolicyNameEnum = name.parse().ok()?;
    Some(RestartPolicy {
        name: Some(name),
        // engines refuse a count with any other policy
        maximum_retry_count: most.filter(|_| name == RestartPolicyNameEnum::ON_FAILURE),
    })
}

fn block_io(service: &Service, host: &mut HostConfig) {
    let Some(config) = &service.blkio_config else { return };
    let entries = |key: &str| config.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let path = |entry: &Value| entry.get("path").and_then(Value::as_str).map(str::to_owned);
    let throttles = |key: &str| {
        let list = entries(key);
        some_list(
            list.iter().map(|entry| ThrottleDevice { path: path(entry), rate: integer(entry.get("rate")) }).collect(),
        )
    };
    host.blkio_weight = integer(config.get("weight")).and_then(|weight| u16::try_from(weight).ok());
    host.blkio_weight_device = some_list(
        entries("weight_device")
            .iter()
            .map(|entry| ResourcesBlkioWeightDevice {
                path: path(entry),
                weight: integer(entry.get("weight")).and_then(|weight| usize::try_from(weight).ok()),
            })
            .collect(),
    );
    host.blkio_device_read_bps = throttles("device_read_bps");
    host.blkio_device_write_bps = throttles("device_write_bps");
    host.blkio_device_read_iops = throttles("device_read_iops");
    host.blkio_device_write_iops = throttles("device_write_iops");
}
