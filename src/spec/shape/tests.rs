use std::path::Path;

use serde_json::{Value as Json, json};

use super::super::{decode, parse};
use super::convert::size;
use super::*;

fn shaped(text: &str) -> Result<Json, String> {
    let text = format!("services: {{a: {{{text}}}}}");
    let mut spec = parse::parse(&decode::decode(text.as_bytes(), Path::new("f")).unwrap()).unwrap().remove(0);
    apply(&mut spec).map_err(|error| error.to_string())?;
    Ok(spec.to_json()["services"]["a"].take())
}

#[test]
fn sizes_are_read_as_docker_reads_them() {
    for (text, bytes) in
        [("1024", 1024), ("1k", 1024), ("1.5 GiB", 1_610_612_736), ("2MB", 2 << 20), ("10b", 10), ("0", 0), ("-1", -1)]
    {
        assert_eq!(size(text), Some(bytes), "{text}");
    }
    for wrong in ["", "x", "1x", "1kbb", "-2", "1e400g", "k", "1ibb"] {
        assert_eq!(size(wrong), None, "{wrong}");
    }
}

#[test]
fn values_get_their_types() {
    assert_eq!(
        shaped(
            "image: x, mem_limit: 1g, cpus: '0.5', init: 'yes', tty: false, stop_grace_period: 90s, labels: [a=1, b], \
             environment: {A: 1.10, B: }, command: a 'b c', expose: [80, '90-91'], ulimits: {n: 1, m: {soft: '2', hard: 3}}, \
             configs: [{source: c, mode: 0440}], extra_hosts: {b: [1.1.1.1, '[::1]']}, cpu_rt_runtime: 400ms, scale: 0, x-own: {a: 1}"
        )
        .unwrap(),
        json!({
            "image": "x", "mem_limit": "1073741824", "cpus": 0.5, "init": true, "stop_grace_period": "1m30s",
            "labels": {"a": "1", "b": ""}, "environment": {"A": "1.1", "B": null}, "command": ["a", "b c"],
            "expose": ["80", "90-91"], "ulimits": {"n": 1, "m": {"soft": 2, "hard": 3}},
            "configs": [{"source": "c", "mode": "0440"}], "extra_hosts": ["b=1.1.1.1", "b=::1"],
            "cpu_rt_runtime": 400_000, "scale": 0, "x-own": {"a": 1},
        })
    );
}

#[test]
fn what_has_no_such_type_has_its_place() {
    assert_eq!(
        shaped("mem_limit: lots").unwrap_err(),
        "f:1:27: `services.a.mem_limit` can't be `lots`: it must be a number of bytes, or a size such as `512m` or `2gb`"
    );
    assert!(shaped("command: \"a 'b\"").unwrap_err().contains("is not closed"));
    assert!(shaped("stop_grace_period: soon").unwrap_err().contains("must be a duration"));
}
