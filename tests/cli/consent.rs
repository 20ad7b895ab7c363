//! Consent to what a spec asks of the machine: `devup trust`, its exit codes, and the command to type.

use crate::environment::TestEnvironment;

const SPEC: &str = "\
services:
  web:
    image: x
    privileged: true
    volumes:
      - /etc:/outside
";

fn asking() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("compose.yaml", SPEC);
    env
}

#[test]
fn nothing_is_asked_where_nothing_is_wanted() {
    let env = TestEnvironment::new();
    env.file("compose.yaml", "services: {web: {image: x, volumes: [\"./:/here\"]}}\n");
    insta::assert_snapshot!(env.run(&["trust"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    The spec asks for nothing beyond its own folder and resources.
    ");
    assert_eq!(env.run(&["trust", "--show"]).code, Some(0));
}

#[test]
fn the_list_has_places() {
    let env = asking();
    insta::assert_snapshot!(env.run(&["trust", "--show"]).screen(), @"
    exit: 4
    --- stdout
    service web runs privileged: all rights over the host   (compose.yaml:4)
    service web mounts /etc, writable   (compose.yaml:6)
    --- stderr
    Not allowed yet: `devup trust` asks.
    ");
}

#[test]
fn without_a_terminal_it_names_the_command_to_type() {
    let env = asking();
    insta::assert_snapshot!(env.run(&["trust"]).screen(), @"
    exit: 4
    --- stdout
    --- stderr
    error: the spec asks for this on your machine, and nobody is at the terminal to allow it:
      service web runs privileged: all rights over the host   (compose.yaml:4)
      service web mounts /etc, writable   (compose.yaml:6)
      help: devup --project-directory [ROOT]/project trust
    ");
}

#[test]
fn yes_to_every_question_is_no_consent() {
    let env = asking();
    for ran in [env.run(&["--yes", "trust"]), env.finish(env.command(&["trust"]).env("DEVUP_YES", "1"))] {
        assert_eq!(ran.code, Some(4), "{}", ran.screen());
        assert!(ran.stderr.contains("devup --project-directory [ROOT]/project trust"), "{}", ran.stderr);
    }
    assert_eq!(env.run(&["trust", "--show"]).code, Some(4));
}

#[test]
fn it_is_kept_until_it_is_taken_back() {
    let env = asking();
    insta::assert_snapshot!(env.run(&["--trust", "trust"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    Allowed. `devup trust --revoke` takes it back.
    ");
    assert_eq!(env.run(&["trust", "--show"]).code, Some(0));
    assert_eq!(env.run(&["trust"]).code, Some(0), "asked once");
    insta::assert_snapshot!(env.run(&["trust", "--revoke"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    Consent is taken back.
    ");
    insta::assert_snapshot!(env.run(&["trust", "--revoke"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    There was no consent.
    ");
    assert_eq!(env.run(&["trust"]).code, Some(4));
}

#[test]
fn a_variable_is_as_good_as_the_option() {
    let env = asking();
    let with = |value: &str| env.finish(env.command(&["trust"]).env("DEVUP_TRUST", value));
    assert_eq!(with("0").code, Some(4));
    assert_eq!(with("").code, Some(4));
    assert_eq!(with("1").code, Some(0));
}

#[test]
fn what_changed_is_asked_again_and_shown_alone() {
    let env = asking();
    assert_eq!(env.run(&["--trust", "trust"]).code, Some(0));
    env.file("compose.yaml", &SPEC.replace("/etc:/outside", "/usr:/outside"));
    insta::assert_snapshot!(env.run(&["trust"]).screen(), @"
    exit: 4
    --- stdout
    --- stderr
    error: the spec asks for this on your machine, and nobody is at the terminal to allow it:
      - service web mounts /etc, writable
      + service web mounts /usr, writable   (compose.yaml:6)
      help: devup --project-directory [ROOT]/project trust
    ");
    // no longer asking for something needs no answer
    env.file("compose.yaml", "services: {web: {image: x, privileged: true, volumes: [\"/etc:/outside\"]}}\n");
    assert_eq!(env.run(&["trust"]).code, Some(0));
}

#[test]
fn it_holds_for_this_folder_only() {
    let env = asking();
    env.file("other/compose.yaml", SPEC);
    assert_eq!(env.run(&["--trust", "trust"]).code, Some(0));
    let ran = env.finish(env.command(&["trust"]).current_dir(env.project().join("other")));
    assert_eq!(ran.code, Some(4), "{}", ran.screen());
    assert!(ran.stderr.contains("devup --project-directory [ROOT]/project/other trust"), "{}", ran.stderr);
}
