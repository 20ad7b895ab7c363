//! Secrets in a real Secret Service: gnome-keyring on a session bus of its own, looked at with libsecret's own program.

use std::process::{Command, Stdio};

use crate::environment::TestEnvironment;

/// Whether the programs are there; a machine for tests has to have them.
fn there() -> bool {
    let missing: Vec<&str> = ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"]
        .into_iter()
        .filter(|program| {
            Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("DEVUP_REQUIRE_ENGINES").is_none(), "not installed: {missing:?}");
    eprintln!("skipped: not installed: {missing:?}");
    false
}

/// Runs a script on a bus with an unlocked keyring; `$DEVUP` is devup.
fn on_a_bus(env: &TestEnvironment, script: &str) -> String {
    let mut command = Command::new("dbus-run-session");
    let devup = env.command(&[]);
    let variables = devup.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(variables).env_remove("DBUS_SESSION_BUS_ADDRESS");
    let unlock = "printf unlocked | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1";
    command
        .env("DEVUP", env!("CARGO_BIN_EXE_devup"))
        .current_dir(env.project())
        .args(["--", "sh", "-euc", &format!("{unlock}\n{script}")])
        .stdin(Stdio::null());
    std::fs::create_dir_all(env.home().join("run")).unwrap();
    let ran = env.finish(&mut command);
    assert_eq!(ran.code, Some(0), "{}", ran.screen());
    ran.stdout
}

#[test]
fn values_live_in_the_keyring_and_nowhere_else() {
    if !there() {
        return;
    }
    let env = TestEnvironment::new();
    env.file(
        "devup.yaml",
        "devup: 1\nname: shop\nservices: {web: {image: x, secrets: [api]}}\nsecrets: {api: {keyring: entry}}\n",
    );
    let out = on_a_bus(
        &env,
        "printf s3ntinel-1 | \"$DEVUP\" secret set entry\n\
         \"$DEVUP\" secret get entry; echo\n\
         secret-tool search --all service devup username shop/entry 2>/dev/null | grep '^secret ='\n\
         \"$DEVUP\" secret check\n\
         if grep -r s3ntinel-1 \"$XDG_STATE_HOME\" \"$XDG_CONFIG_HOME\"; then exit 9; fi\n\
         printf s3ntinel-2 | \"$DEVUP\" secret set entry\n\
         \"$DEVUP\" secret export\n\
         \"$DEVUP\" secret rm entry\n\
         if \"$DEVUP\" secret get entry 2>/dev/null; then exit 8; fi\n\
         if secret-tool search --all service devup 2>/dev/null | grep '^secret ='; then exit 7; fi\n",
    );
    insta::assert_snapshot!(out, @"
    s3ntinel-1
    secret = s3ntinel-1
    NAME      FROM          VALUE     USED BY
    api       entry entry   there     web
    entry='s3ntinel-2'
    ");
}
