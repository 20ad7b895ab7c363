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
    env.file("compose.yaml", "services:\n  b:\n    image: x\n    pull_refresh_after: 1h\n");
    let said = env.run(&["config", "-q"]).stderr;
    let wanted = "`services.b.pull_refresh_after` has no effect: Compose has none either";
    assert!(said.contains(&format!("{wanted} (compose.yaml:4:")), "{said}");
}

#[test]
fn steps_before_the_start_are_printed_in_long_form() {
    let env = project();
    let spec = "services:\n  b:\n    image: x\n    pre_start:\n    - command: a 'b c'\n      environment: [E=1]\n    - {image: other, per_replica: true}\n";
    env.file("compose.yaml", spec);
    let ran = env.run(&["config"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.screen());
    let wanted = "\
    pre_start:
      - command:
          - a
          - b c
        environment:
          E: \"1\"
      - image: other
        per_replica: true
";
    assert!(ran.stdout.contains(wanted), "{}", ran.stdout);
    assert_eq!(env.run(&["config", "--images"]).stdout, "other\nx\n");
}

/// What `--environment` lists, of variables that somebody gave or that say where things are.
#[test]
fn the_environment_has_the_projects_name_and_the_folder() {
    let env = project();
    env.file(".env", "FROM_FILE=1\nPWD=/elsewhere\n");
    env.file("compose.yaml", "name: named\nservices:\n  b:\n    image: x\n    environment: [\"AT=${PWD}\"]\n");
    let folder = env.project().canonicalize().unwrap().display().to_string();
    for given in [None, Some("/said/by/the/shell")] {
        let listed = |mut command: std::process::Command| {
            command.env_remove("PWD").envs(given.map(|folder| ("PWD", folder)));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            let wanted = ["COMPOSE_", "FROM_FILE=", "PWD="];
            let lines = text.lines().filter(|line| wanted.iter().any(|wanted| line.starts_with(wanted)));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let at = given.unwrap_or(&folder);
        let expected = ["COMPOSE_PROJECT_NAME=named".to_owned(), "FROM_FILE=1".to_owned(), format!("PWD={at}")];
        assert_eq!(listed(env.command(&["config", "--environment"])), expected);
        let mut config = env.command(&["config"]);
        config.env_remove("PWD").envs(given.map(|folder| ("PWD", folder)));
        let config = String::from_utf8(config.output().unwrap().stdout).unwrap();
        assert!(config.contains(&format!("AT: {at}")), "{config}");
        // the list itself, where there is a Compose to ask
        let Some(compose) = std::env::var_os("DOCKER_COMPOSE").filter(|name| !name.is_empty()) else { continue };
        let mut command = std::process::Command::new(compose);
        command.args(["config", "--environment"]).current_dir(env.project());
        assert_eq!(listed(command), expected);
    }
}
