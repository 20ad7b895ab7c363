//! What builds ask beyond a Dockerfile and its folder: named contexts, further rights, checks, the file for bake.

use super::engine::{Engine, Kind, engine};
use super::project::{Project, Ran};

/// The engine's API, as `(1, 45)`'s second number.
fn minor(engine: &Engine) -> u32 {
    let version = engine.ask(async |docker| docker.version().await.unwrap()).api_version.unwrap_or_default();
    version.rsplit('.').next().and_then(|minor| minor.parse().ok()).unwrap()
}

const CONTEXTS: &str = "\
services:
  web:
    build:
      context: ./web
      network: none
      additional_contexts:
        lib: ./lib
        base: service:base
        tool: docker-image://IMAGE
    entrypoint: [sh, -c]
    network_mode: none
    stop_signal: SIGKILL
  base:
    build: {context: ./base, network: none}
";

#[test]
fn named_contexts_are_folders_services_and_images() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "contexts", CONTEXTS);
    project.write("lib/kept.txt", "from the folder\n");
    project.write("lib/left.txt", "left\n");
    project.write("lib/.dockerignore", "left.txt\n");
    project.write("base/Dockerfile", "FROM IMAGE\nENV FROM_BASE=inherited\nRUN echo based > /based\n");
    project.write(
        "web/Dockerfile",
        "FROM base\nCOPY --from=lib . /lib/\nCOPY --from=tool /bin/busybox /tool\nCOPY own.txt /\n\
         RUN test \"$FROM_BASE\" = inherited && cat /based /own.txt\n",
    );
    project.write("web/own.txt", "own\n");
    if minor(&engine) < 42 {
        project.devup(&["build"]).expect(1).says("additional_contexts").says("Docker 23");
        return;
    }
    // the base is built first, though nobody asked for it
    project.devup(&["build", "web"]).expect(0);
    let inside = |line: &str| project.devup(&["run", "--rm", "-T", "--no-deps", "web", line]).expect(0).out;
    assert_eq!(
        inside("busybox ls -A /lib; cat /lib/kept.txt /based; /tool echo $FROM_BASE"),
        ".dockerignore\nkept.txt\nfrom the folder\nbased\ninherited\n"
    );
    // base images are asked of registries then; the other service's is not
    project.write("base/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\nENV FROM_BASE=fresh\n");
    std::fs::copy("/bin/busybox", project.folder().join("base/busybox")).unwrap();
    project.write("web/Dockerfile", "FROM base\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"test $FROM_BASE = fresh\"]\n");
    project.write("compose.yaml", &CONTEXTS.replace("        tool: docker-image://IMAGE\n", ""));
    project.devup(&["build", "--pull"]).expect(0);
    // a folder that is not there is said by its context's name
    project.write("compose.yaml", &CONTEXTS.replace("./lib", "./nowhere"));
    project.devup(&["build"]).expect(1).says("additional_contexts: lib").says("nowhere is no folder");
}

#[test]
fn further_rights_of_a_build_need_consent_and_are_passed_on() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let spec = "services: {web: {build: {context: ., entitlements: [network.host]}}}\n";
    let project = Project::new(&engine, "rights", spec);
    // older builders don't know the flag that makes use of the right
    let flag = if minor(&engine) < 42 { "" } else { "--network=host" };
    project.write(
        "Dockerfile",
        &format!("FROM IMAGE\nRUN {flag} busybox ip link | busybox grep -q lo && echo done > /done\n"),
    );
    project.devup(&["build"]).expect(4).says("builds with extended rights");
    let with = |project: &Project| {
        let mut command = project.command(&["build"]);
        command.env("DEVUP_TRUST", "1");
        Ran::of(command)
    };
    with(&project).expect(0);
    // the words of a step that fails come through this way too
    project.write("Dockerfile", &format!("FROM IMAGE\nRUN {flag} echo the real cause; exit 4\n"));
    let failed = with(&project).expect(1).says("the real cause");
    assert!(failed.err.contains("exit code: 4"), "{}", failed.err);
    // this one the daemon itself has to allow
    project.write("compose.yaml", "services: {web: {build: {context: ., privileged: true}}}\n");
    with(&project).expect(1).says("security.insecure is not allowed");
    project.write("compose.yaml", "services: {web: {build: {context: ., provenance: true}}}\n");
    with(&project).expect(1).says("containerd image store");
}

#[test]
fn what_no_engine_can_build_is_refused_where_it_stands_before_anything_is_made() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "impossible", "");
    let spec = "services:\n  db: { image: IMAGE }\n  web:\n    build:\n      context: .\n      dockerfile_inline: FROM IMAGE\n      cache_to: ['type=local,dest=cache']\n";
    project.write("compose.yaml", spec);
    for arguments in [&["up", "-d"][..], &["build"]] {
        let ran = project.devup(arguments).expect(1).says("`type=inline`").says("service web");
        assert!(ran.err.contains("compose.yaml:7)"), "{}", ran.err);
    }
    assert!(engine.containers(&project.name).is_empty());
}

#[test]
fn flags_that_the_engine_cannot_honour_are_told() {
    let spec = "services: {web: {build: {context: ., dockerfile_inline: \"FROM IMAGE\"}}}\n";
    if let Some(engine) = engine(Kind::Docker) {
        let project = Project::new(&engine, "flags", spec);
        project.devup(&["build", "--memory", "512m"]).expect(0).says("--memory has no effect");
        project.devup(&["build", "--provenance", "false", "--sbom=false", "--builder", "default"]).expect(0);
        project.devup(&["build", "--sbom=true"]).expect(1).says("containerd image store");
        if minor(&engine) < 46 {
            project.devup(&["build", "--check"]).expect(1).says("Docker 27");
        } else {
            project.devup(&["build", "--check"]).expect(0).says("web: no warnings");
            project.write("compose.yaml", "services: {web: {build: .}}\n");
            project.write("Dockerfile", "FROM IMAGE as x\n");
            project.devup(&["build", "--check"]).expect(1).says("Dockerfile:1:").says("FromAsCasing");
        }
    }
    if let Some(engine) = engine(Kind::Podman) {
        let project = Project::new(&engine, "flags", spec);
        project.devup(&["build", "--check"]).expect(1).says("cannot do this");
        project.devup(&["build", "--provenance=true"]).expect(1).says("BuildKit");
        project.devup(&["build", "--provenance=false", "--memory", "512m"]).expect(0);
    }
}
