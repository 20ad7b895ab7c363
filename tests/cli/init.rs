//! `devup init`: what it proposes for a folder, templates, next steps, and what it refuses.

use crate::environment::TestEnvironment;

#[test]
fn templates_are_listed() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["init", "--list"]).screen(), @r"
    exit: 0
    --- stdout
    django  A small shop on Django, PostgreSQL, Redis, Celery and nginx, with seed data and tests
    --- stderr
    ");
}

/// A whole screen beside the other snapshots.
fn screen(name: &str, screen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/init");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

/// A small Django project without a spec.
fn django() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("manage.py", "").file("requirements.txt", "Django>=4.2\npsycopg[binary]\n");
    env.file("shop/settings.py", "HOST = os.environ['POSTGRES_HOST']\n").file(".env.example", "SECRET_KEY=\n");
    env
}

#[test]
fn in_an_empty_folder_the_templates_are_named() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["init", "shop"]).screen(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is nothing to make a spec from: the folder is empty
      help: begin with a template: devup init --template django shop
            or write a devup.yaml; `devup init --list` lists the templates
    ");
}

#[test]
fn a_spec_is_made_from_what_the_folder_holds() {
    let env = django();
    screen("dry-run", &env.run(&["init", "--dry-run"]).screen());
    assert!(!env.project().join("devup.yaml").exists());
    screen("written", &env.run(&["init"]).screen());
    let first = std::fs::read_to_string(env.project().join("devup.yaml")).unwrap();
    assert_eq!(env.run(&["init", "--dry-run"]).stdout, first, "what is shown is what is written");
    screen("there-already", &env.run(&["init"]).screen());
    assert_eq!(env.run(&["init", "--force"]).code, Some(0));
    assert_eq!(env.run(&["config", "--services"]).stdout, "db\nweb\n");
}

#[test]
fn a_bare_devup_shows_what_it_would_write_where_nobody_can_be_asked() {
    let env = django();
    screen("bare", &env.run(&[]).screen());
    assert!(!env.project().join("devup.yaml").exists());
    let ran = env.run(&["--json"]);
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &shown["written"], &shown["services"][1]), (Some(4), &false.into(), &"web".into()));
    let open = &shown["open"][0]["place"];
    assert_eq!((&open["file"], &open["line"]), (&".env.example".into(), &1.into()));
    // yes is an answer: it is written, and the engine is what is missing next
    let ran = env.run(&["--yes"]);
    assert_eq!(ran.code, Some(3), "{}", ran.screen());
    assert!(env.project().join("devup.yaml").is_file());
}

#[test]
fn what_is_a_spec_or_none_of_devups_business_is_said() {
    let env = TestEnvironment::new();
    env.file("notes.txt", "");
    screen("unknown", &env.run(&["init"]).screen());
    screen("no-procfile", &env.run(&["init", "--from", "procfile"]).screen());
    env.file("compose.yaml", "services: {web: {image: x}}\n").file("package.json", "{}");
    screen("spec-already", &env.run(&["init"]).screen());
}

#[test]
fn a_vagrantfile_becomes_services_and_what_was_not_read_is_listed() {
    let env = TestEnvironment::new();
    env.file("Vagrantfile", include_str!("../fixtures/vagrant/02-three-tiers.rb"));
    env.file("provision/web.sh", "systemctl start nginx\n");
    screen("from-vagrant", &env.run(&["init", "--from", "vagrant"]).screen());
    assert_eq!(env.run(&["config", "--services"]).stdout, "db\nweb\n");
}

/// The spec as it is understood, without extensions and the version of devup's schema, and without a word of warning.
fn config(env: &TestEnvironment) -> serde_json::Value {
    let ran = env.run(&["config", "--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.screen());
    let mut spec: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    spec.as_object_mut().unwrap().retain(|key, _| key != "devup" && !key.starts_with("x-"));
    spec
}

/// `config` of a Compose file, and of the spec that is made from it.
fn round_trip(files: &[(&str, &str)]) -> (TestEnvironment, String) {
    let env = TestEnvironment::new();
    for (path, text) in files {
        env.file(path, text);
    }
    let before = config(&env);
    let made = env.run(&["init", "--from", "compose"]);
    assert_eq!(made.code, Some(0), "{}", made.screen());
    assert_eq!(config(&env), before);
    (env, made.screen())
}

#[test]
fn a_compose_file_and_the_spec_made_from_it_mean_the_same() {
    let compose = "\
name: ${PROJECT:-shop}
x-app: &app { restart: unless-stopped }
services:
  web: { <<: *app, build: ./web, ports: [\"8080:80\"], env_file: web.env, volumes: [\"./src:/src\", data:/data], depends_on: [db] }
  db: { image: \"postgres:${PG:-15}\", networks: [inner], secrets: [key], profiles: [] }
volumes: { data: {} }
networks: { inner: { internal: true } }
secrets: { key: { file: ./key.txt } }
";
    let over = "services: {web: {environment: {DEBUG: \"1\"}, ports: !override [\"9090:80\"]}}\n";
    let files = [("web.env", "A=1\n"), ("key.txt", "k"), (".env", "PG=16\n"), ("web/Dockerfile", "FROM scratch\n")];
    let with = |more: &[(&'static str, &'static str)]| [&files[..], more].concat();
    let (env, made) = round_trip(&with(&[("compose.yaml", compose)]));
    screen("from-compose", &made);
    let spec = std::fs::read_to_string(env.project().join("devup.yaml")).unwrap();
    screen("from-compose-spec", &spec);
    round_trip(&with(&[("docker-compose.yml", compose), ("docker-compose.override.yml", over)]));
}

#[test]
fn a_project_is_made_once() {
    let env = TestEnvironment::new();
    let ran = env.run(&["init", "--template", "django", "shop"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("Project shop is in shop, "), "{}", ran.stderr);
    assert!(env.project().join("shop/devup.yaml").is_file());
    insta::assert_snapshot!(env.run(&["init", "--template", "django", "."]).screen(), @r"
    exit: 4
    --- stdout
    --- stderr
    error: . is not empty: there is shop
      help: name another folder, or overwrite what is in the way with --force
    ");
}
