//! Flags of `config`, with what Compose 2.40 prints for them.

use crate::environment::TestEnvironment;

fn project() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("e.env", "E=q\n");
    let spec = "\
name: p
services:
  a: {build: {context: ., args: [X]}, env_file: e.env, environment: [FOO], links: [b]}
  b: {image: x, models: [m], ports: ['80']}
models: {m: {model: z}, unused: {model: y}}
";
    env.file("compose.yaml", spec);
    env
}

#[test]
fn without_normalising_nothing_is_added() {
    let env = project();
    let ran =
        env.finish(env.command(&["config", "--no-normalize", "--no-path-resolution"]).env("FOO", "f").env("X", "x"));
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert_eq!(
        ran.stdout,
        "\
name: p
services:
  a:
    build:
      context: .
      args:
        X: null
    environment:
      E: q
      FOO: f
    links:
      - b
  b:
    image: x
    models:
      m: null
    ports:
      - mode: ingress
        target: 80
        protocol: tcp
models:
  m:
    model: z
"
    );
}

#[test]
fn models_are_those_that_services_use() {
    let env = project();
    assert_eq!(env.run(&["config", "--models"]).stdout, "z\n");
    assert_eq!(env.run(&["--json", "config", "--models"]).stdout, "[\n  \"z\"\n]\n");
}

#[test]
fn files_of_variables_are_read_with_and_without_the_flag() {
    let env = project();
    let plain = env.run(&["config"]);
    assert!(plain.stdout.contains("E: q"), "{}", plain.stdout);
    assert_eq!(env.run(&["config", "--no-env-resolution"]).stdout, plain.stdout);
}

#[test]
fn keys_without_effect_are_told() {
    let env = project();
    env.file("compose.yaml", "services:\n  b:\n    image: x\n    pre_start: [{command: [y]}]\n");
    let said = env.run(&["config", "-q"]).stderr;
    let wanted = "`services.b.pre_start` has no effect: Compose 2 has no containers that run before a start either";
    assert!(said.contains(&format!("{wanted} (compose.yaml:4:")), "{said}");
}
