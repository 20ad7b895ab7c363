//! `devup init`: templates, next steps, and what it refuses.

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

#[test]
fn without_a_template_the_known_ones_are_named() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["init", "shop"]).screen(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: which template?
      help: devup init --template django shop
            django  A small shop on Django, PostgreSQL, Redis, Celery and nginx, with seed data and tests
    ");
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
