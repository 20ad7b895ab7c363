//! `make demo` from a fresh clone, first try, as a user who has only a Rust toolchain, git, make and apt.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::base::Base;
use super::machine::{ADA, Machine, ROOT};
use super::network::Network;

/// The toolchain that runs this test, and the sources of the dependencies that it fetched.
fn toolchain() -> (PathBuf, PathBuf) {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let home =
        std::env::var_os("CARGO_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".cargo"), PathBuf::from);
    (PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()), home)
}

#[test]
#[ignore = "builds devup anew, and a shop's images: make bare"]
fn make_demo_succeeds_first_try_on_a_bare_machine() {
    let (rust, cargo) = toolchain();
    let registry = cargo.join("registry");
    // dependencies that this machine has built already are not built again; the program itself is
    let built = Path::new(env!("CARGO_BIN_EXE_devup")).parent().unwrap();
    let folders: [(&Path, &str); 3] =
        [(&rust, "/opt/rust"), (&registry, registry.to_str().unwrap()), (built, "/home/ada/target/debug")];
    let Some(machine) = Machine::with("demo", Base::Builder, Network::Open, &folders) else { return };
    machine.trust_as_here();
    assert!(!machine.has("/usr/sbin/dockerd") && !machine.has("/usr/bin/mmdebstrap"), "nothing is there yet");

    // what is ada's: folders to write in, and not each file of the layers below them
    // cargo knows a dependency by the path of its sources: they are where they are here, and ada gets there
    let home = cargo.display();
    let own = format!(
        "chmod a+x /root && chown ada:ada /home/ada /home/ada/target {home} && \
         cd /home/ada/target/debug && chown -R ada:ada .cargo-lock .fingerprint && \
         rm -rf incremental {{build,.fingerprint}}/devup-* deps/*devup* deps/e2e-* *devup* && \
         find . {home} -type d -exec chown ada:ada {{}} +"
    );
    machine.run(ROOT, "/", &["/bin/bash", "-c", &own]).expect(0);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("devup.bundle");
    let mut pack = Command::new("git");
    pack.args(["bundle", "create", "--quiet"]).arg(&bundle).arg("HEAD").current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(pack.status().unwrap().success(), "git bundles this repository");
    machine.copy_in(&bundle, "/srv");
    machine.run(ADA, "/home/ada", &["git", "clone", "--quiet", "/srv/devup.bundle", "devup"]).expect(0);

    let path = "PATH=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin";
    let status = machine
        .inside(ADA, "/home/ada/devup")
        .args(["env", path, &format!("CARGO_HOME={home}"), "CARGO_TARGET_DIR=/home/ada/target", "make", "demo"])
        .status()
        .unwrap();
    if !status.success() {
        eprintln!("{}", health_of_all(&machine));
    }
    assert!(status.success(), "`make demo` ended with {status}");
    let shop = "/home/ada/devup/target/demo/shop";
    let services = machine.devup_in(ADA, shop, &["ps", "--services", "--status", "running"]).expect(0);
    assert_eq!(services.stdout.lines().count(), 5, "it is left running: {}", services.stdout);
}

/// What each container's probes said, asked of the engine.
fn health_of_all(machine: &Machine) -> String {
    let containers = machine.ask_engine("/containers/json?all=1").unwrap_or_default();
    let ids = containers.as_array().into_iter().flatten().filter_map(|container| container["Id"].as_str());
    let states = ids.filter_map(|id| Some(machine.ask_engine(&format!("/containers/{id}/json"))?["State"].to_string()));
    states.collect::<Vec<_>>().join("\n")
}
