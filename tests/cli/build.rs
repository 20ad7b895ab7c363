//! What `devup build` says without an engine: the file for bake, and flags that are refused where they stand.

use serde_json::{Value, json};

use crate::environment::TestEnvironment;

const SPEC: &str = "\
name: shop
services:
  web:
    build:
      context: ./web
      additional_contexts: {base: service:base.img, lib: ./lib}
      secrets: [token]
  base.img: {build: {context: ., dockerfile: base/Containerfile}}
  db: {image: db}
secrets: {token: {keyring: token}}
";

fn shop() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("compose.yaml", SPEC).file("web/Dockerfile", "FROM base\n").file("base/Containerfile", "FROM scratch\n");
    env
}

#[test]
fn the_file_for_bake_is_printed() {
    let env = shop();
    let ran = env.run(&["build", "--print", "--ssh", "default", "--build-arg", "V=2", "web"]);
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    assert!(ran.stderr.contains("service web: the secret token is left out"), "{}", ran.stderr);
    let file: Value = serde_json::from_str(&ran.stdout).unwrap();
    // what is printed is shown with the test's own folder masked
    let at = |path: &str| format!("[ROOT]/project/{path}");
    assert_eq!(file["group"]["default"]["targets"], json!(["web", "base_img"]));
    let web = &file["target"]["web"];
    assert_eq!(web["contexts"], json!({"base": "target:base_img", "lib": at("lib")}));
    assert_eq!(
        json!([web["context"], web["dockerfile"], web["ssh"], web["args"], web["tags"], web["output"]]),
        json!([at("web"), at("web/Dockerfile"), ["default="], {"V": "2"}, ["shop-web"], ["type=docker"]])
    );
    assert_eq!(file["target"]["base_img"]["dockerfile"], at("base/Containerfile"));
    // nothing is built of it: nothing is printed, as in Compose
    let nothing = env.run(&["build", "--print", "db"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""));
}

#[test]
fn flags_that_cannot_be_meant_are_refused_with_what_can() {
    let env = shop();
    for (arguments, word) in [
        (["build", "--builder", "remote"], "docker buildx bake --builder"),
        (["build", "--ssh", "key"], "ID=SOCKET"),
        (["build", "--memory", "much"], "512m"),
    ] {
        let ran = env.run(&arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.screen());
        // lines are as wide as the terminal
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(word), "{}", ran.screen());
    }
}
