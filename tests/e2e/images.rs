//! Images: whom the steps of a user's own Dockerfile trust, and which images go with devup.

use base64::Engine as _;

use super::engine::{Kind, engine};
use super::project::{Project, Ran};

/// A certificate of an authority that no machine has; nothing reads it but as text.
fn authority(project: &Project) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(&project.name);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    std::fs::write(project.home().join("company.pem"), pem).unwrap();
    body
}

/// devup on a host with that authority.
fn devup(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = project.command(arguments);
    command.env("SSL_CERT_FILE", project.home().join("company.pem")).envs(variables.iter().copied());
    Ran::of(command)
}

/// What a shell line prints in an image.
fn inside(project: &Project, line: &str) -> String {
    project.devup(&["run", "--rm", "-T", "--no-deps", "--entrypoint", "sh", "web", "-c", line]).expect(0).out
}

const SPEC: &str =
    "services:\n  web: {build: {context: ., target: last}}\n  pure: {build: {context: ., target: pure}}\n";

/// Continuations, a user without rights, a stage on a stage, one that runs nothing, and a heredoc-like word.
const DOCKERFILE: &str = "\
# escape=\\
FROM IMAGE AS first
COPY passwd group /etc/
USER me
RUN cat \"$PIP_CERT\" | busybox grep -q BODY && \\
    busybox ls /usr/local/share/ca-certificates | busybox grep -q devup-
FROM scratch AS pure
COPY --from=first /bin/busybox /busybox
CMD [\"/busybox\", \"RUN\"]
FROM IMAGE AS last
COPY . /context
RUN busybox test -n \"$SSL_CERT_FILE\" -a \"$(echo $((1 <<2)))\" = 4
ENTRYPOINT [\"sh\"]
";

fn steps_trust_whom_the_host_trusts(kind: Kind) {
    let Some(engine) = engine(kind) else { return };
    let project = Project::new(&engine, "trusting", SPEC);
    let body = authority(&project);
    let dockerfile = DOCKERFILE.replace("BODY", &body);
    project.write("Dockerfile", &dockerfile);
    project.write("kept.txt", "kept");
    project.write("passwd", "me:x:1000:1000::/:/bin/sh\n");
    project.write("group", "me:x:1000:\n");
    project.write("left.txt", "left");
    project.write(".dockerignore", "left.txt\ncompose.yaml\n");
    let on_disk = std::fs::read(project.folder().join("Dockerfile")).unwrap();
    devup(&project, &["build", "web", "pure"], &[("DEVUP_BUILD_AUTHORITIES", "0")]).expect(1);
    devup(&project, &["build"], &[]).expect(0);
    assert_eq!(std::fs::read(project.folder().join("Dockerfile")).unwrap(), on_disk);
    assert_eq!(
        inside(&project, "busybox ls -a /context"),
        ".\n..\n.dockerignore\nDockerfile\ngroup\nkept.txt\npasswd\n"
    );
    let carried = format!("cat /usr/local/share/ca-certificates/devup-* | busybox grep -c ^{body}");
    assert_eq!(inside(&project, &carried), "1\n");
    // variables end with the build; what containers are given at their start is another matter
    let (pure, web) = engine.ask(async |docker| {
        let pure = docker.inspect_image(&format!("{}-pure", project.name)).await.unwrap();
        (pure, docker.inspect_image(&format!("{}-web", project.name)).await.unwrap())
    });
    let environment = web.config.and_then(|config| config.env).unwrap_or_default();
    assert!(!environment.iter().any(|variable| variable.contains("devup")), "{environment:?}");
    assert_eq!(
        pure.root_fs.and_then(|root| root.layers).unwrap_or_default().len(),
        1,
        "a stage without RUN stays as it is"
    );
    // the same content again: the cache has it. (Podman puts labels on in any order, so ids differ there.)
    let again = devup(&project, &["build", "web"], &[]).expect(0);
    if kind == Kind::Docker {
        let again = engine.ask(async |docker| docker.inspect_image(&format!("{}-web", project.name)).await.unwrap());
        assert_eq!(again.id, web.id);
    } else {
        again.says("RUN busybox test").says("Using cache");
    }
}

#[test]
fn steps_of_a_dockerfile_trust_whom_the_host_trusts_on_docker() {
    steps_trust_whom_the_host_trusts(Kind::Docker);
}

#[test]
fn steps_of_a_dockerfile_trust_whom_the_host_trusts_on_podman() {
    steps_trust_whom_the_host_trusts(Kind::Podman);
}

#[test]
fn a_build_that_refreshes_its_base_has_the_authorities_in_its_context() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let spec = "services: {web: {build: {context: ., pull: true}}}\n";
    let project = Project::new(&engine, "pulling", spec);
    let body = authority(&project);
    std::fs::copy("/bin/busybox", project.folder().join("busybox")).unwrap();
    project.write(
        "Dockerfile",
        &format!("FROM scratch\nCOPY busybox /bin/sh\nRUN grep -q {body} $CURL_CA_BUNDLE\nENTRYPOINT [\"sh\"]\n"),
    );
    project.write(".dockerignore", "*\n!busybox\n");
    devup(&project, &["build"], &[]).expect(0);
}
