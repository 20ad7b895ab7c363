use std::path::Path;

use serde_json::{Value as Json, json};

use super::super::{decode, parse};
use super::*;

fn service(text: &str) -> Json {
    let text = format!("services: {{a: {{{text}}}}}");
    let mut spec = parse::parse(&decode::decode(text.as_bytes(), Path::new("f")).unwrap()).unwrap().remove(0);
    canonicalise(&mut spec).unwrap();
    spec.to_json()["services"]["a"].take()
}

fn refused(text: &str) -> String {
    let mut spec = parse::parse(&decode::decode(text.as_bytes(), Path::new("f")).unwrap()).unwrap().remove(0);
    canonicalise(&mut spec).unwrap_err().to_string()
}

#[test]
fn short_forms_become_long() {
    assert_eq!(
        service(
            "ports: ['127.0.0.1:8000-8001:80-81/udp', 90], devices: ['/dev/a:/b'], env_file: e, gpus: all, secrets: [s]"
        ),
        json!({
            "ports": [
                {"mode": "ingress", "host_ip": "127.0.0.1", "target": 80, "published": "8000", "protocol": "udp"},
                {"mode": "ingress", "host_ip": "127.0.0.1", "target": 81, "published": "8001", "protocol": "udp"},
                {"mode": "ingress", "target": 90, "protocol": "tcp"}],
            "devices": [{"source": "/dev/a", "target": "/b", "permissions": "rwm"}],
            "env_file": [{"path": "e", "required": true}], "gpus": [{"count": "all"}], "secrets": [{"source": "s"}],
        })
    );
    assert_eq!(
        service(
            "volumes: ['./a:/b/../c:ro,z', 'vol:/v:nocopy', /anon], build: {context: ., ssh: [default, k=./k]}, networks: [n]"
        ),
        json!({
            "volumes": [
                {"type": "bind", "source": "./a", "target": "/c", "read_only": true, "bind": {"selinux": "z", "create_host_path": true}},
                {"type": "volume", "source": "vol", "target": "/v", "volume": {"nocopy": true}},
                {"type": "volume", "target": "/anon", "volume": {}}],
            "build": {"context": ".", "ssh": {"default": null, "k": "./k"}}, "networks": {"n": null},
        })
    );
}

#[test]
fn what_cannot_be_read_has_its_place() {
    assert_eq!(
        refused("services:\n  a:\n    ports: [\"80:x\"]\n"),
        "f:3:13: `services.a.ports[0]` can't be `80:x`: \"x\" is not a port from 0 to 65535"
    );
    assert!(refused("services: {a: {volumes: ['aa::b']}}").contains("nothing between two colons"));
    assert!(refused("volumes: {v: {name: a, external: {name: b}}}").contains("two names"));
}

#[test]
fn backup_becomes_a_mapping() {
    let kept = |text: &str| service(&format!("backup: {text}"))["backup"].take();
    assert_eq!(kept("false"), json!({"kind": "none"}));
    assert_eq!(kept("true"), json!({}));
    assert_eq!(kept("mysql"), json!({"kind": "mysql"}));
    assert_eq!(kept("{kind: sqlite, path: /a}"), json!({"kind": "sqlite", "path": ["/a"]}));
    assert_eq!(
        kept("{command: {dump: 'x | y', load: [z, a b]}}"),
        json!({"command": {"dump": ["/bin/sh", "-c", "x | y"], "load": ["z", "a b"]}})
    );
}
