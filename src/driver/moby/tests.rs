//! What the create call is told, for old and new engines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create::create_body;
use super::http::Identity;
use super::refusal;
use crate::driver::error::DriverError;
use crate::driver::features::{EngineKind, Features};
use crate::driver::unhonoured;
use crate::model::container::{ContainerSpec, NetworkAttachment, PortBinding};
use crate::model::service::{Service, ServiceNetwork};

pub(super) fn docker(minor: u32) -> Features {
    let since = |first| minor >= first;
    Features {
        kind: EngineKind::Docker,
        version: format!("of API 1.{minor}"),
        api: (1, minor),
        platform: "linux/amd64".to_owned(),
        multi_network_create: since(44),
        buildkit: true,
        builder_is_buildkit: since(42),
        named_contexts: since(42),
        start_interval: since(44),
        volume_subpath: since(45),
        image_mount: since(48),
        annotations: since(43),
        endpoint_mac: since(44),
        gateway_priority: since(48),
        interface_name: since(49),
        whole_create: true,
        no_ipv4: since(48),
        recursive_binds: since(44),
        api_socket: "/var/run/docker.sock".to_owned(),
        links: true,
        lists_health: true,
        import_takes_tag: true,
        top_by_default: true,
        runs_healthchecks: true,
        local: true,
        rootless: false,
    }
}

pub(super) fn spec(service: Arc<Service>) -> ContainerSpec {
    ContainerSpec {
        name: "shop-web-1".to_owned(),
        image: "web:1".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        environment: [("A".to_owned(), "1".to_owned())].into(),
        mounts: service.volumes.clone(),
        ports: vec![PortBinding { host_ip: "127.0.0.1".into(), published: 8080, target: 80, protocol: "tcp".into() }],
        networks: ["front", "back"]
            .into_iter()
            .map(|name| NetworkAttachment {
                network: name.to_owned(),
                aliases: vec!["web".to_owned()],
                options: ServiceNetwork::default(),
            })
            .collect(),
        network_mode: None,
        pid_mode: None,
        ipc_mode: None,
        volumes_from: Vec::new(),
        links: Vec::new(),
        service,
    }
}

fn body(service: Value, minor: u32) -> Value {
    let service: Service = serde_json::from_value(service).unwrap();
    create_body(&spec(Arc::new(service)), &docker(minor))
}

/// Every key of `wanted` has its value in `have`; what else is in `have` does not count.
fn assert_holds(have: &Value, wanted: &Value, at: &str) {
    match wanted {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| assert_holds(&have[key], value, &format!("{at}.{key}")));
        }
        other => assert_eq!(have, other, "{at}"),
    }
}

#[test]
fn everyday_keys_reach_the_engine() {
    let have = body(
        serde_json::from_str(
            r#"{
            "command": ["serve"], "entrypoint": [], "user": "1000:1000", "working_dir": "/w", "hostname": "h",
            "domainname": "d", "tty": true, "stdin_open": true, "stop_signal": "SIGINT", "stop_grace_period": "1.5s",
            "expose": ["90", "100-101/udp"],
            "cap_add": ["NET_ADMIN"], "cap_drop": ["ALL"], "privileged": true, "read_only": true, "init": true,
            "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3},
            "tmpfs": ["/run:size=1m", "/tmp"], "shm_size": "67108864", "mem_limit": "100", "memswap_limit": "-1",
            "mem_swappiness": 10, "cpus": 0.5, "cpuset": "0", "cpu_shares": "512", "pids_limit": 9,
            "oom_kill_disable": true, "oom_score_adj": -5, "restart": "on-failure:3",
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "extra_hosts": ["db=10.0.0.1", "six=[::1]"], "dns": ["1.1.1.1"], "dns_search": ["x"], "dns_opt": ["ndots:1"],
            "sysctls": {"net.core.somaxconn": "1"}, "security_opt": ["no-new-privileges"], "group_add": ["5"],
            "devices": [{"source": "/dev/null", "target": "/dev/x", "permissions": "r"}],
            "device_cgroup_rules": ["c 1:3 r"], "cgroup_parent": "p", "cgroup": "private", "userns_mode": "host",
            "uts": "host", "ipc": "private", "pid": "host", "runtime": "runc", "storage_opt": {"size": "1G"},
            "blkio_config": {"weight": 300, "device_read_bps": [{"path": "/dev/sda", "rate": 1024}]},
            "gpus": [{"count": -1}],
            "healthcheck": {"test": ["CMD", "true"], "interval": "2s", "timeout": "1s", "retries": 4,
                            "start_period": "3s", "start_interval": "500ms"}
        }"#,
        )
        .unwrap(),
        41,
    );
    let wanted: Value = serde_json::from_str(
        r#"{
        "Cmd": ["serve"], "Entrypoint": [""], "User": "1000:1000", "WorkingDir": "/w", "Hostname": "h",
        "Domainname": "d", "Tty": true, "OpenStdin": true, "StopSignal": "SIGINT", "StopTimeout": 2,
        "Env": ["A=1"], "Labels": {"a": "b"}, "Image": "web:1",
        "ExposedPorts": {"80/tcp": {}, "90/tcp": {}, "100/udp": {}, "101/udp": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 2000000000, "Timeout": 1000000000,
                        "Retries": 4, "StartPeriod": 3000000000, "StartInterval": null},
        "HostConfig": {
            "CapAdd": ["NET_ADMIN"], "CapDrop": ["ALL"], "Privileged": true, "ReadonlyRootfs": true, "Init": true,
            "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "nproc", "Soft": 3, "Hard": 3}],
            "Tmpfs": {"/run": "size=1m", "/tmp": ""}, "ShmSize": 67108864, "Memory": 100, "MemorySwap": -1,
            "MemorySwappiness": 10, "NanoCpus": 500000000, "CpusetCpus": "0", "CpuShares": 512, "PidsLimit": 9,
            "OomKillDisable": true, "OomScoreAdj": -5, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            "ExtraHosts": ["db:10.0.0.1", "six:::1"], "Dns": ["1.1.1.1"], "DnsSearch": ["x"], "DnsOptions": ["ndots:1"],
            "Sysctls": {"net.core.somaxconn": "1"}, "SecurityOpt": ["no-new-privileges"], "GroupAdd": ["5"],
            "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}],
            "DeviceCgroupRules": ["c 1:3 r"], "CgroupParent": "p", "CgroupnsMode": "private", "UsernsMode": "host",
            "UTSMode": "host", "IpcMode": "private", "PidMode": "host", "Runtime": "runc", "StorageOpt": {"size": "1G"},
            "BlkioWeight": 300, "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1024}],
            "DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}],
            "NetworkMode": "front",
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
        },
        "NetworkingConfig": {"EndpointsConfig": {"front": {"Aliases": ["web"]}, "back": null}}
    }"#,
    )
    .unwrap();
    assert_holds(&have, &wanted, "");
}

#[test]
fn a_newer_engine_gets_more() {
    let service = json!({
        "mac_address": "02:42:ac:11:00:01", "annotations": {"k": "v"},
        "healthcheck": {"test": ["CMD", "true"], "start_interval": "1s"}
    });
    let old = body(service.clone(), 41);
    assert_holds(&old, &json!({"MacAddress": "02:42:ac:11:00:01", "HostConfig": {"Annotations": null}}), "");
    let new = body(service, 44);
    assert_holds(
        &new,
        &json!({
            "MacAddress": null, "HostConfig": {"Annotations": {"k": "v"}}, "Healthcheck": {"StartInterval": 1_000_000_000},
            "NetworkingConfig": {"EndpointsConfig": {
                "front": {"MacAddress": "02:42:ac:11:00:01"}, "back": {"Aliases": ["web"], "MacAddress": null}}}
        }),
        "",
    );
}

#[test]
fn deploy_counts_before_the_short_keys() {
    let have = body(
        json!({
            "mem_limit": "1", "cpus": 1.0, "restart": "always",
            "deploy": {
                "resources": {
                    "limits": {"cpus": 0.25, "memory": "50", "pids": 7},
                    "reservations": {"memory": "20", "devices": [{"capabilities": ["gpu"], "device_ids": ["0"], "driver": "nvidia"}]}
                },
                "restart_policy": {"condition": "any", "max_attempts": 3}
            }
        }),
        41,
    );
    let wanted = json!({"HostConfig": {
        "Memory": 50, "NanoCpus": 250_000_000, "PidsLimit": 7, "MemoryReservation": 20,
        "DeviceRequests": [{"Driver": "nvidia", "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}],
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": null}
    }});
    assert_holds(&have, &wanted, "");
}

#[test]
fn mounts_of_every_kind() {
    let have = body(
        json!({"volumes": [
            {"type": "bind", "source": "/a", "target": "/b", "read_only": true,
             "bind": {"propagation": "rslave", "create_host_path": true}},
            {"type": "bind", "source": "/s", "target": "/t", "bind": {"selinux": "Z"}},
            {"type": "volume", "source": "v", "target": "/v", "volume": {"nocopy": true, "subpath": "p"}},
            {"type": "volume", "target": "/anonymous"},
            {"type": "tmpfs", "target": "/m", "tmpfs": {"size": "1024", "mode": 448}}
        ]}),
        41,
    );
    let host = &have["HostConfig"];
    assert_eq!(host["Binds"], json!(["/s:/t:rw,Z"]));
    let mounts = host["Mounts"].as_array().unwrap();
    let wanted = [
        json!({"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true, "BindOptions": {"Propagation": "rslave"}}),
        json!({"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"NoCopy": true, "Subpath": null}}),
        json!({"Type": "volume", "Source": null, "Target": "/anonymous"}),
        json!({"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 1024, "Mode": 448}}),
    ];
    assert_eq!(mounts.len(), wanted.len());
    for (have, wanted) in mounts.iter().zip(&wanted) {
        assert_holds(have, wanted, "mount");
    }
}

#[test]
fn moments_are_exact() {
    let at = |nanos| super::sessions::moment(jiff::Timestamp::from_nanosecond(nanos).unwrap());
    assert_eq!(at(1_136_073_845_000_000_001), "1136073845.000000001");
    assert_eq!(at(1_136_073_845_120_000_000), "1136073845.120000000");
}

#[test]
fn refusals_by_status_and_words() {
    let identity = Identity { address: "unix:///x".into(), engine: "Docker 1".into() };
    let told = |status, words: &str| {
        refusal::from_answer(&identity, "starting it", status, json!({ "message": words }).to_string().as_bytes())
    };
    let port = |status, words: &str| match told(status, words) {
        DriverError::PortTaken { port, .. } => Some(port),
        _ => None,
    };
    for (words, wanted) in [
        (
            "driver failed programming external connectivity on endpoint a-1 (93b2): Bind for 127.0.0.1:8080 failed: port is already allocated",
            8080,
        ),
        (
            "driver failed programming external connectivity on endpoint a (3f): Error starting userland proxy: listen tcp4 127.0.0.1:8081: bind: address already in use",
            8081,
        ),
        (
            "failed to set up container networking: driver failed programming external connectivity on endpoint x (e5): failed to bind host port for 0.0.0.0:8082:172.17.0.2:80/tcp: address already in use",
            8082,
        ),
        ("rootlessport listen tcp 127.0.0.1:8083: bind: address already in use", 8083),
        (
            "Ports are not available: exposing port TCP 127.0.0.1:8084 -> 127.0.0.1:0: listen tcp 127.0.0.1:8084: bind: address already in use",
            8084,
        ),
    ] {
        assert_eq!(port(500, words), Some(wanted), "{words}");
    }
    assert!(matches!(told(500, "mkdir /var/lib/docker/x: no space left on device"), DriverError::DiskFull { .. }));
    assert!(told(404, "No such container: x").is_not_found());
    assert!(told(500, "no container with name or ID \"x\" found: no such container").is_not_found());
    let conflict = "Conflict. The container name \"/x\" is already in use by container \"0f\".";
    assert!(matches!(told(409, conflict), DriverError::Conflict { .. }));
    for (status, words, wanted) in [
        (
            400,
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"nope\": executable file not found in $PATH: unknown",
            false,
        ),
        (
            400,
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown",
            false,
        ),
        (
            404,
            "crun: executable file `nope` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            false,
        ),
        (
            400,
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/etc/passwd\": permission denied: unknown",
            true,
        ),
        (
            400,
            "OCI runtime create failed: runc create failed: unable to start container process: exec: \"/etc\": is a directory: unknown",
            true,
        ),
    ] {
        let told = told(status, words);
        assert!(matches!(told, DriverError::NoProgram { found, .. } if found == wanted), "{told:?}");
    }
    let mount =
        "OCI runtime create failed: rootfs_linux.go:76: mounting \"/a\" to rootfs at \"/b\": no such file or directory";
    assert!(matches!(told(400, mount), DriverError::Failed { .. }), "a mount is no program");
    assert!(matches!(told(500, "boom"), DriverError::Failed { .. }));
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(matches!(refusal::unreachable(&identity, "x", &denied), DriverError::NoRight { .. }));
}

#[test]
fn an_old_engine_is_told_from_a_new_one() {
    let service: Service = serde_json::from_value(serde_json::json!({
        "healthcheck": {"test": ["CMD", "true"], "start_interval": "1s"},
        "annotations": {"a": "b"}
    }))
    .unwrap();
    let spec = spec(Arc::new(service));
    let keys = |minor| {
        let features = docker(minor);
        unhonoured(&spec, &features).into_iter().map(|found| found.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(41), ["healthcheck.start_interval", "annotations"]);
    assert!(keys(44).is_empty());
}
