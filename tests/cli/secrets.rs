//! `devup secret`: values come by standard input, go to private files where no keyring answers, and show up nowhere else.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::environment::TestEnvironment;

const SENTINEL: &str = "s3ntinel-9f2c";

fn project() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file(
        "devup.yaml",
        "devup: 1\nname: shop\nservices: {web: {image: x, secrets: [api, made]}}\nsecrets:\n  api: {keyring: api_key}\n  made: {keyring: made_up, generate: 20}\n",
    );
    env
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_value_is_kept_listed_printed_and_forgotten() {
    let env = project();
    insta::assert_snapshot!(env.run(&["secret", "list"]).screen(), @"
    exit: 0
    --- stdout
    NAME      VALUE                  USED BY
    api_key   missing                api
    made_up   made up on first use   made
    --- stderr
    warning: no keyring answers here (Platform failure: zbus error: Failed to connect to address `unix:path=[ROOT]/home/no-bus.sock`: No such file or directory (os error 2)); secrets are kept in [ROOT]/home/.local/state/devup/secrets, in files that only you can read
    ");
    insta::assert_snapshot!(env.feed(&["secret", "set", "api_key"], format!("{SENTINEL}\n").as_bytes()).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    warning: no keyring answers here (Platform failure: zbus error: Failed to connect to address `unix:path=[ROOT]/home/no-bus.sock`: No such file or directory (os error 2)); secrets are kept in [ROOT]/home/.local/state/devup/secrets, in files that only you can read
    api_key is kept for project shop.
    ");
    insta::assert_snapshot!(env.run(&["secret", "list"]).screen(), @"
    exit: 0
    --- stdout
    NAME      VALUE                  USED BY
    api_key   kept                   api
    made_up   made up on first use   made
    --- stderr
    ");
    let got = env.run(&["secret", "get", "api_key"]);
    assert_eq!((got.code, got.stdout.as_str()), (Some(0), SENTINEL), "{}", got.stderr);
    insta::assert_snapshot!(env.run(&["secret", "rm", "api_key"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    api_key is forgotten.
    ");
    insta::assert_snapshot!(env.run(&["secret", "get", "api_key"]).screen(), @"
    exit: 1
    --- stdout
    --- stderr
    error: [ROOT]/home/.local/state/devup/secrets has no entry api_key of project shop
      help: devup secret set api_key
    ");
    insta::assert_snapshot!(env.run(&["secret", "rm", "api_key"]).screen(), @"
    exit: 1
    --- stdout
    --- stderr
    error: [ROOT]/home/.local/state/devup/secrets has no entry api_key of project shop
      help: `devup secret list` shows the entries
    ");
}

#[test]
fn it_lies_in_one_private_file_and_on_no_screen() {
    let env = project();
    let screens = [
        env.feed(&["--verbose", "secret", "set", "api_key"], SENTINEL.as_bytes()),
        env.run(&["secret", "list"]),
        env.run(&["--json", "secret", "list"]),
        env.run(&["--json", "config"]),
        env.run(&["config", "--environment"]),
        env.run(&["doctor"]),
        env.run(&["up"]),
        env.run(&["--json", "plan"]),
    ];
    for ran in screens {
        assert!(!ran.screen().contains(SENTINEL), "{}", ran.screen());
    }
    let all = files(&env.home());
    let holding: Vec<&PathBuf> =
        all.iter().filter(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(SENTINEL)).collect();
    let [file] = holding.as_slice() else { panic!("{holding:?}") };
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700), "{}", file.display());
}

#[test]
fn bytes_stay_as_they_are_but_for_one_line_end() {
    let env = project();
    for (given, kept) in [(&b"a\n\n"[..], "a\n"), (b"a\r\n", "a"), (b" a b ", " a b ")] {
        assert_eq!(env.feed(&["secret", "set", "api_key"], given).code, Some(0));
        assert_eq!(env.run(&["secret", "get", "api_key"]).stdout, kept);
    }
}

#[test]
fn wrong_values_and_names_are_refused() {
    let env = project();
    insta::assert_snapshot!(env.feed(&["secret", "set", "api_key"], b"\n").screen(), @"
    exit: 2
    --- stdout
    --- stderr
    warning: no keyring answers here (Platform failure: zbus error: Failed to connect to address `unix:path=[ROOT]/home/no-bus.sock`: No such file or directory (os error 2)); secrets are kept in [ROOT]/home/.local/state/devup/secrets, in files that only you can read
    error: the value of api_key is empty
      help: printf %s VALUE | devup secret set NAME
    ");
    for name in ["../other", "a/b", "", ".", "a\nb"] {
        let ran = env.feed(&["secret", "set", name], b"value");
        assert!(matches!(ran.code, Some(1 | 2)), "{name:?}: {}", ran.screen());
        assert!(ran.stderr.contains("help: ") && !ran.stderr.contains("value "), "{name:?}: {}", ran.screen());
    }
    // a value has no place on the command line
    assert_eq!(env.run(&["secret", "set", "api_key", SENTINEL]).code, Some(2));
    assert_eq!(env.run(&["secret", "get", "api_key"]).code, Some(1), "nothing was kept");
}

#[test]
fn another_project_has_entries_of_its_own() {
    let env = project();
    assert_eq!(env.feed(&["secret", "set", "api_key"], SENTINEL.as_bytes()).code, Some(0));
    let other = env.run(&["-p", "other", "secret", "get", "api_key"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(1), ""), "{}", other.stderr);
    assert_eq!(env.run(&["-p", "shop", "secret", "get", "api_key"]).stdout, SENTINEL);
}

#[test]
fn a_check_says_where_each_value_comes_from_and_what_is_missing() {
    let env = TestEnvironment::new();
    env.file("key.pem", "key");
    env.file(
        "devup.yaml",
        "devup: 1\nname: shop\nservices:\n  web: {image: x, secrets: [api, made, key, told, token]}\n  worker: {image: x, secrets: [api]}\nsecrets:\n  api: {keyring: api_key}\n  made: {keyring: made_up, generate: 20}\n  key: {file: ./key.pem}\n  told: {command: [touch, ran]}\n  token: {environment: TOKEN}\n",
    );
    env.feed(&["secret", "set", "other"], b"x");
    insta::assert_snapshot!(env.run(&["secret", "check"]).screen(), @"
    exit: 1
    --- stdout
    NAME      FROM                VALUE                   USED BY
    api       entry api_key       missing                 web, worker
    made      entry made_up       made up on first use    web
    key       file key.pem        there                   web
    told      command touch ran   asked when it is used   web
    token     variable TOKEN      missing                 web
    --- stderr
    warning: secret api: [ROOT]/home/.local/state/devup/secrets has no entry shop/api_key; make one with `devup secret set api_key`
    warning: secret token: the variable TOKEN is not set; set it, e.g. `export TOKEN=…`, and run devup again
    ");
    let json = env.run(&["--json", "secret", "check"]);
    assert_eq!(json.code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(found[0]["state"], "missing");
    assert_eq!(found[0]["used_by"], serde_json::json!(["web", "worker"]));
    assert!(!env.project().join("ran").exists(), "nothing is run");
}

#[test]
fn entries_go_out_to_a_file_and_come_back() {
    let env = project();
    env.file("entries", "api_key='two words'\nother=\"a\\nb\"\n");
    insta::assert_snapshot!(env.run(&["secret", "import", "entries"]).screen(), @"
    exit: 0
    --- stdout
    --- stderr
    warning: no keyring answers here (Platform failure: zbus error: Failed to connect to address `unix:path=[ROOT]/home/no-bus.sock`: No such file or directory (os error 2)); secrets are kept in [ROOT]/home/.local/state/devup/secrets, in files that only you can read
    api_key is kept for project shop.
    other is kept for project shop.
    ");
    let exported = env.run(&["secret", "export"]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    for name in ["api_key", "other"] {
        assert_eq!(env.run(&["secret", "rm", name]).code, Some(0));
    }
    assert_eq!(env.feed(&["secret", "import", "-"], exported.stdout.as_bytes()).code, Some(0));
    assert_eq!(env.run(&["secret", "get", "other"]).stdout, "a\nb");
    let json = env.run(&["secret", "export", "--format", "json", "api_key"]);
    assert_eq!(json.stdout, "{\n  \"api_key\": \"two words\"\n}\n");
    insta::assert_snapshot!(env.feed(&["secret", "import", "-"], b"api_key=new\nthird=3\n").screen(), @"
    exit: 1
    --- stdout
    --- stderr
    error: kept already, with other values: api_key; nothing was changed
      help: --replace puts those of the file in their place
    ");
    assert_eq!(env.run(&["secret", "get", "third"]).code, Some(1), "all or nothing");
    assert_eq!(env.feed(&["secret", "import", "--replace", "-"], b"api_key=new\n").code, Some(0));
    assert_eq!(env.run(&["secret", "get", "api_key"]).stdout, "new");
}

#[test]
fn a_variable_of_the_environment_file_is_a_source() {
    let env = TestEnvironment::new();
    env.file("compose.yaml", "services: {web: {image: x, secrets: [token]}}\nsecrets: {token: {environment: TOKEN}}\n");
    let missing = env.run(&["secret", "check"]);
    assert_eq!(missing.code, Some(1), "{}", missing.screen());
    env.file(".env", "TOKEN=sesame\n");
    let there = env.run(&["secret", "check"]);
    assert_eq!(there.code, Some(0), "{}", there.screen());
    assert!(!there.screen().contains("sesame"), "{}", there.screen());
}
