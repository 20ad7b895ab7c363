//! Images: whom the steps of a user's own Dockerfile trust, and which images go with devup.

use base64::Engine as _;

use super::engine::{Engine, Kind, PrivateDocker, engine};
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

/// Every reference that the engine has.
fn references(engine: &Engine) -> Vec<String> {
    let listed = engine
        .ask(async |docker| docker.list_images(None::<bollard::query_parameters::ListImagesOptions>).await.unwrap());
    let mut all: Vec<String> = listed.into_iter().flat_map(|image| image.repo_tags).collect();
    all.retain(|reference| reference != "<none>:<none>");
    all.sort();
    all
}

/// How many images have no name any more.
fn nameless(engine: &Engine) -> usize {
    let listed = engine
        .ask(async |docker| docker.list_images(None::<bollard::query_parameters::ListImagesOptions>).await.unwrap());
    listed.iter().filter(|image| image.repo_tags.iter().all(|reference| reference == "<none>:<none>")).count()
}

#[test]
fn uninstall_takes_the_images_along_that_devup_made() {
    // on an engine of its own: devup's traces of every project go
    let folder = tempfile::tempdir().unwrap();
    let Some(own) = PrivateDocker::start(folder.path()) else { return };
    let engine = &own.engine;
    let spec = "\
services:
  web: {build: {context: ., dockerfile_inline: \"FROM IMAGE\\nCOPY compose.yaml /spec\\n\"}, command: [sleep, infinity], stop_signal: SIGKILL}
  app: {image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, x-devup: {provision: [{run: 'touch /data/done'}]}}
";
    let project = Project::new(engine, "uninstall", spec);
    authority(&project);
    // that engine has no bridge: builds beside a proxy on loopback use the host's network
    let local = [("HTTP_PROXY", "http://127.0.0.1:9")];
    let before = references(engine);
    let has = |what: &str| references(engine).iter().any(|reference| reference.starts_with(what));
    let built = format!("{}-web:latest", project.name);
    devup(&project, &["up"], &local).expect(0);
    assert!(has(&built) && has("localhost/devup-layer:") && has("localhost/devup-authorities:"));
    devup(&project, &["down", "--rmi", "local"], &[]).expect(0);
    assert!(!has(&built) && !has("localhost/devup-layer:") && has("localhost/devup-authorities:"));

    devup(&project, &["up"], &local).expect(0);
    assert_eq!(nameless(engine), 0);
    project.write("compose.yaml", &format!("{spec}# a change\n"));
    devup(&project, &["up", "--build"], &local).expect(0);
    assert_eq!(nameless(engine), 1, "the first build lost its name to the second");
    // what somebody else gave a name stays, whatever labels it has
    engine.ask(async |docker| {
        let options = bollard::query_parameters::TagImageOptions { repo: Some("mine".into()), tag: Some("1".into()) };
        docker.tag_image(&built, Some(options)).await.unwrap();
    });
    let shown = devup(&project, &["uninstall", "--dry-run"], &[]).expect(0).says(&format!("image     {built}"));
    assert!(shown.out.contains("image     localhost/devup-layer:"), "{}", shown.out);
    assert!(has(&built));
    devup(&project, &["uninstall", "--yes"], &[]).expect(0);
    let mut left = before.clone();
    left.push("mine:1".to_owned());
    left.sort();
    assert_eq!(references(engine), left);
    assert_eq!(nameless(engine), 0);
    assert!(engine.containers(&project.name).is_empty());
}

#[test]
fn a_dry_run_says_whether_something_would_change() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project =
        Project::new(&engine, "dry", "services: {a: {image: IMAGE}, b: {image: IMAGE, pull_policy: daily}}\n");
    project.devup(&["build"]).expect(0).says("No services to build");
    project.devup(&["--dry-run", "build"]).expect(0);
    project.devup(&["--dry-run", "pull", "--policy", "missing"]).expect(0);
    project.devup(&["--dry-run", "pull"]).expect(20).says("pull image");
    project.devup(&["--dry-run", "run", "a", "true"]).expect(20).says("create container");
    project.write("compose.yaml", "services: {a: {build: {context: ., dockerfile_inline: FROM IMAGE}}}\n");
    project.devup(&["--dry-run", "build"]).expect(20).says("build image");
    assert!(engine.containers(&project.name).is_empty());
}

#[test]
fn a_key_without_effect_is_named_with_its_service() {
    let service = "image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL";
    if let Some(engine) = engine(Kind::Docker) {
        let version = engine.ask(async |docker| docker.version().await.unwrap()).api_version.unwrap_or_default();
        let minor: u32 = version.rsplit('.').next().and_then(|minor| minor.parse().ok()).unwrap();
        let spec =
            format!("services: {{a: {{{service}, healthcheck: {{test: [CMD, 'true'], start_interval: 1s}}}}}}\n");
        let project = Project::new(&engine, "unhonoured", &spec);
        let said = "service a: `healthcheck.start_interval` has no effect on Docker";
        let plan = project.devup(&["plan"]).expect(20);
        assert_eq!(minor < 44, plan.out.contains(said) || plan.err.contains(said), "{}{}", plan.out, plan.err);
        let times = plan.out.matches(said).count() + plan.err.matches(said).count();
        assert_eq!(times, usize::from(minor < 44), "once: {}{}", plan.out, plan.err);
        let up = project.devup(&["up"]).expect(0);
        assert_eq!(minor < 44, up.err.contains(said), "{}", up.err);
    }
    if let Some(engine) = engine(Kind::Podman) {
        let spec = format!("services: {{a: {{{service}, links: ['b:other']}}, b: {{{service}}}}}\n");
        let project = Project::new(&engine, "unhonoured", &spec);
        project.devup(&["plan"]).expect(20).says("service a: `links` has no effect on Podman");
        project.devup(&["up"]).expect(0).says("service a: `links` has no effect on Podman");
    }
}
