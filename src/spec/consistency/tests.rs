use std::path::Path;

use super::super::node::Map;
use super::super::{canonical, decode, parse, shape};
use super::*;

fn found(services: &str) -> Vec<String> {
    let text = format!(
        "services:\n  b: {{image: x, networks: {{n: }}}}\n  a: {{{services}}}\nnetworks: {{n: }}\nvolumes: {{data: }}\n"
    );
    let mut spec = parse::parse(&decode::decode(text.as_bytes(), Path::new("f")).unwrap()).unwrap().remove(0);
    canonical::canonicalise(&mut spec).unwrap();
    shape::apply(&mut spec).unwrap();
    match check(&spec, &Map::new()) {
        Ok(()) => Vec::new(),
        Err(error) => {
            error.problems().iter().map(|problem| format!("{} {problem}; {}", problem.at.line, problem.help)).collect()
        }
    }
}

#[test]
fn each_contradiction_is_told() {
    for (service, told) in [
        ("command: x", "`services.a` lacks `image` or `build`"),
        ("image: x, env: e", "has both `env` and `image`"),
        ("build: {context: ., dockerfile: D, dockerfile_inline: FROM x}", "both `dockerfile` and `dockerfile_inline`"),
        ("image: x, network_mode: host, networks: [n]", "both `network_mode` and `networks`"),
        ("image: x, network_mode: 'service:c'", "refers to the service `c`"),
        ("image: x, networks: [m]", "refers to the network `m`"),
        ("image: x, depends_on: [c]", "refers to the service `c`"),
        ("image: x, volumes: ['dat:/a']", "did you mean `data`?"),
        ("image: x, secrets: [s]", "refers to the secret `s`"),
        ("image: x, healthcheck: {test: [curl]}", "must begin with `CMD`"),
        ("image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}", "different values"),
        ("image: x, scale: 2, deploy: {replicas: 3}", "different values"),
        ("image: x, scale: 2, container_name: fixed", "no more than one container"),
        ("image: x, scale: -1", "it is negative"),
        ("image: x, volumes: ['data:/a', '/tmp:/a']", "where something is mounted already"),
        ("image: x, tmpfs: /a, volumes: ['data:/a']", "where something is mounted already"),
        (
            "build: {context: ., platforms: [linux/arm64]}, platform: linux/amd64",
            "does not list the service's own platform",
        ),
        ("build: {context: ., additional_contexts: {c: 'service:b'}}", "which is not built"),
        ("image: x, develop: {watch: [{action: sync, path: .}]}", "lacks `target`"),
        ("image: x, ports: [{target: 80, protocol: http}]", "must be tcp, udp or sctp"),
        ("image: x, depends_on: [a]", "a → a"),
    ] {
        let problems = found(service);
        assert!(
            problems.iter().any(|problem| problem.contains(told) && problem.starts_with("3 ")),
            "{service}: {problems:?}"
        );
    }
    assert_eq!(found("image: x, volumes: ['data:/a'], depends_on: [b], networks: [n]"), Vec::<String>::new());
}

#[test]
fn all_problems_are_told_at_once() {
    assert_eq!(found("image: x, secrets: [s], depends_on: [c], networks: [m]").len(), 3);
}
