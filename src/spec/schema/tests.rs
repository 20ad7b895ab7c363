use std::sync::Arc;

use super::super::node::Source;
use super::super::parse::parse;
use super::*;

fn tree(text: &str) -> Node {
    let source = Arc::new(Source { path: "compose.yaml".into(), text: text.into() });
    parse(&source).unwrap().remove(0)
}

fn screen(text: &str) -> String {
    validate(&tree(text)).unwrap_err().screen(false)
}

/// The remedies alone.
fn helps(text: &str) -> Vec<String> {
    validate(&tree(text)).unwrap_err().findings().into_iter().map(|finding| finding.help).collect()
}

const SAMPLES: [&str; 12] =
    ["null", "\"s\"", "1", "-1", "1.5", "true", "[]", "[\"a\"]", "[1]", "{}", "{\"a\":\"b\"}", "{\"a\":null}"];

/// Where the table is stricter than Compose, which does not look, and what would go wrong later there.
const STRICTER: &[(&str, &str)] = &[
    ("include.[]", "an unknown key of an include is a misspelt one"),
    ("include.[].project_directory", "a number is no path"),
    ("services.k.deploy.replicas", "there is no negative number of containers"),
    ("services.k.scale", "there is no negative number of containers"),
    ("services.k.build.secrets.[].mode", "permissions are not negative"),
    ("services.k.configs.[].mode", "permissions are not negative"),
    ("services.k.secrets.[].mode", "permissions are not negative"),
    ("services.k.volumes.[].tmpfs.mode", "permissions have no fraction"),
    ("services.k.expose", "the engine refuses what is no port"),
    ("services.k.expose.[]", "the engine refuses what is no port"),
    ("services.k.gpus.[]", "an unknown key of a GPU request is a misspelt one"),
    ("services.k.healthcheck.retries", "retries have no fraction"),
    ("services.k.restart", "the engine refuses unknown policies"),
    ("secrets.k.external", "an unknown key is a misspelt one"),
    ("configs.k.external", "an unknown key is a misspelt one"),
];

/// Where the table is more lenient than Compose.
const MORE_LENIENT: &[(&str, &str)] = &[("services.k.group_add.[]", "a fraction is told when groups are read")];

/// Each key of the specification with a sample of each kind, against what Compose makes of it.
#[test]
fn the_table_agrees_with_compose() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema/verdicts.tsv");
    let rows = std::fs::read_to_string(fixture).unwrap();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for row in rows.lines().filter(|row| !row.starts_with('#')) {
        let [verdicts, key, template] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        for (verdict, sample) in verdicts.chars().zip(SAMPLES) {
            let text = template.replace('@', sample);
            let mut root = tree(&text);
            let interpolated = super::super::interpolate::interpolate(&mut root, &|_| None);
            let ours = interpolated.and_then(|_| validate(&root));
            compared += 1;
            let known = match (verdict, ours.is_ok()) {
                ('+', true) | ('-', false) | ('?', _) => true,
                ('+', false) => STRICTER.iter().any(|(at, _)| *at == key),
                _ => MORE_LENIENT.iter().any(|(at, _)| *at == key),
            };
            if !known {
                wrong.push(format!("{verdict} {key} {sample}: {ours:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 5000, "{compared}");
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(screen("services:\n  web:\n    imgae: nginx\n    port: [80]\n    ports: 80\nvolume: {}\n"), @r"
    error: unknown key `imgae` in `services.web`
     --> compose.yaml:3:5
      |
    3 |     imgae: nginx
      |     ^^^^^
      help: did you mean `image`?

    error: unknown key `port` in `services.web`
     --> compose.yaml:4:5
      |
    4 |     port: [80]
      |     ^^^^
      help: did you mean `ports`?

    error: `services.web.ports` must be a list, but it is a number
     --> compose.yaml:5:12
      |
    5 |     ports: 80
      |            ^^
      help: write it as a list: `ports: [80]`

    error: unknown key `volume` in the spec
     --> compose.yaml:6:1
      |
    6 | volume: {}
      | ^^^^^^
      help: did you mean `volumes`?
    ");
}

#[test]
fn keys_in_wrong_places_are_shown_the_right_one() {
    for (text, help) in [
        ("image: nginx", "`image` belongs to a service: indent it below `services: NAME:`"),
        ("web: { image: nginx }", "services stand under `services:`; indent `web` below it"),
        ("service: {}", "did you mean `services`?"),
        (
            "services: { web: { image: a, services: {} } }",
            "`services` belongs to the top level of the spec, not into a service",
        ),
        ("services: { web: { image: a, cmd: x } }", "did you mean `command`?"),
        ("services: { web: { image: a, dependsOn: [] } }", "did you mean `depends_on`?"),
        ("services: { web: { image: a, interval: 1s } }", "`interval` belongs under `healthcheck:`"),
        (
            "services: { web: { image: a, healthcheck: { ports: [] } } }",
            "`ports` belongs to the service itself; check the indentation",
        ),
        ("services: { web: { build: { dockerFile: x } } }", "did you mean `dockerfile`?"),
        ("volumes: { a: { nonsense: 1 } }", "the keys here are `driver`, `driver_opts`, `external`, `labels`, `name`"),
    ] {
        assert_eq!(helps(text), [help], "{text}");
    }
}

#[test]
fn wrong_kinds_come_with_an_example() {
    for (text, help) in [
        ("services: { web: { image: a, ports: 80 } }", "write it as a list: `ports: [80]`"),
        ("services: { web: { image: 1 } }", "put it in quotes: `image: \"1\"`"),
        (
            "services: { web: { image: a, healthcheck: [] } }",
            "for example: `healthcheck: { test: curl -f http://localhost }`",
        ),
        ("services: { web: }", "give it a value, for example `web: { image: \"debian:12\" }`, or remove the key"),
        (
            "services: { web: { image: a, use_api_socket: \"true\" } }",
            "write it without quotes, for example `use_api_socket: true`; not \"true\"",
        ),
        ("services: { web: { image: a, depends_on: { db: {} } } }", "add `condition: service_started`"),
        ("services: { web: { image: a, pull_policy: sometimes } }", "for example: `pull_policy: missing`"),
        ("services: { web: { image: a, cgroup: hots } }", "did you mean `host`?"),
        ("services: { web: { image: a, ports: [\"99999:80\"] } }", "for example: `- \"8080:80\"`"),
    ] {
        assert_eq!(helps(text), [help], "{text}");
    }
}

#[test]
fn a_later_schema_is_refused_before_anything_else() {
    let text = "devup: 2\nsomething: new\n";
    insta::assert_snapshot!(screen(text), @r"
    error: this spec needs a newer devup: `devup: 2` is a later schema than 1; this is devup 0.1.0
     --> compose.yaml:1:8
      |
    1 | devup: 2
      |        ^
      help: install a newer devup; `devup --version` prints what you have
    ");
    assert!(screen("requires: '>=9'\n").contains("this spec needs a newer devup: `requires: >=9`"));
    assert!(screen("x-devup: { devup: 7 }\n").contains("`devup: 7` is a later schema than 1"));
    assert!(screen("requires: newest\n").contains("`requires` can't be `newest`"));
    assert!(validate(&tree("devup: 1\nrequires: '>=0.1'\nservices: { a: { image: b } }")).is_ok());
}

#[test]
fn what_is_not_built_yet_is_refused() {
    assert!(
        screen("machines: { default: { env: debian-12 } }")
            .contains("`machines` (virtual machines) is not available yet")
    );
}

#[test]
fn backup_takes_a_word_a_truth_or_a_mapping() {
    for good in [
        "postgres",
        "false",
        "true",
        "none",
        "{ kind: sqlite, path: [/data/a.db, /data/b.db], exclude: [data], pause: true }",
        "{ command: { dump: 'x | y', load: [z], check: c } }",
        "{ pause: false }",
    ] {
        let spec = format!("services: {{ db: {{ image: a, backup: {good} }} }}");
        assert!(validate(&tree(&spec)).is_ok(), "{good}: {}", screen(&spec));
    }
    assert!(validate(&tree("backup: { include: [certs/*.pem], pause: true }")).is_ok());
    for (bad, told) in [
        ("services: { db: { image: a, backup: postgre } }", "did you mean `postgres`?"),
        ("services: { db: { image: a, backup: sqlite } }", "has the kind sqlite, but no `path`"),
        ("services: { db: { image: a, backup: { path: /a } } }", "has `path`, but no kind"),
        ("services: { db: { image: a, backup: { kind: redis, path: /a } } }", "has `path`, but its kind is not sqlite"),
        ("services: { db: { image: a, backup: { kind: sqlite, path: a.db } } }", "it is not the whole path"),
        ("services: { db: { image: a, backup: { kind: sqlite, path: /a/../b } } }", "it is not the whole path"),
        ("services: { db: { image: a, backup: { command: { dump: x } } } }", "lacks `load`"),
        (
            "services: { db: { image: a, backup: { kind: redis, command: { dump: x, load: y } } } }",
            "can't have both `kind` and `command`",
        ),
        ("services: { db: { image: a, backup: { paths: /a } } }", "did you mean `path`?"),
        ("backup: daily", "`backup` must be a mapping"),
        ("backup: { include: [../secrets] }", "it leads out of the project's folder"),
        ("backup: { include: ['a[b'] }", "`backup.include[0]` can't be `a[b`"),
    ] {
        assert!(screen(bad).contains(told), "{bad}: {}", screen(bad));
    }
}

#[test]
fn devups_keys_are_known_in_both_places() {
    let own = "
services:
  db: { env: postgres-15, provision: [ { run: make, inputs: [Makefile] } ] }
secrets: { p: { keyring: db, generate: 24 } }
tasks: { t: { service: db, run: make test, stage: unit } }
up: [t]
";
    let shared = "
services:
  db: { image: postgres, x-devup: { env: postgres-15, provision: [ { run: make, inputs: [Makefile] } ] } }
secrets: { p: { file: ./p, x-devup: { keyring: db, generate: 24 } } }
x-devup:
  tasks: { t: { service: db, run: make test, stage: unit } }
  up: [t]
";
    let spread = "
services:
  db: { image: postgres }
secrets: { p: { file: ./p } }
x-devup:
  services: { db: { env: postgres-15, provision: [ { run: make, inputs: [Makefile] } ] } }
  secrets: { p: { keyring: db, generate: 24 } }
  tasks: { t: { service: db, run: make test, stage: unit } }
  up: [t]
";
    let mut trees = [own, shared, spread].map(tree);
    for tree in &mut trees {
        assert!(validate(tree).is_ok());
        lift(tree).unwrap();
        validate(tree).unwrap();
    }
    assert_eq!(trees[0].to_json(), trees[1].to_json());
    assert_eq!(trees[0].to_json(), trees[2].to_json());
}

#[test]
fn a_key_given_twice_by_x_devup_is_an_error() {
    let mut root = tree("up: [a]\nx-devup: { up: [b] }\n");
    let error = lift(&mut root).unwrap_err();
    assert_eq!(error.findings()[0].help, "keep one: either under `x-devup` or beside it");
    assert!(lift(&mut tree("x-devup: { services: { web: { env: a } } }")).is_err());
}

#[test]
fn only_devups_keys_stand_under_x_devup() {
    let mut root = tree("services: { web: { image: a, x-devup: { environment: { A: b }, provisions: [] } } }");
    let error = lift(&mut root).unwrap_err();
    let told: Vec<_> = error.findings().into_iter().map(|finding| (finding.message, finding.help)).collect();
    assert_eq!(told[0].0, "unknown key `environment` in `services.web.x-devup`");
    assert_eq!(told[1].1, "did you mean `provision`?");
}

#[test]
fn sources_exclude_each_other() {
    for (text, part) in [
        ("secrets: { a: { file: x, keyring: y } }", "can't have both `file` and `keyring`"),
        ("secrets: { a: { file: x, generate: 9 } }", "has `generate`, but no `keyring`"),
        ("secrets: { a: {} }", "has no source for its value"),
        ("configs: { a: { file: x, content: y } }", "can't have both `file` and `content`"),
        ("services: { a: { image: x, env: y } }", "can't have both `env` and `image`"),
    ] {
        assert!(screen(text).contains(part), "{text}");
    }
}

/// The manual lists the flags that have a counterpart.
#[test]
fn the_manual_has_every_flag_of_a_dev_container() {
    let manual = include_str!("../../../docs/devcontainer.md");
    for flag in crate::spec::devcontainer::run_args::flags().chain(crate::spec::devcontainer::build_options::flags()) {
        assert!(manual.contains(&format!("`{flag}`")), "docs/devcontainer.md lacks {flag}");
    }
}
