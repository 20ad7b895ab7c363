//! Values of secrets reach the container, and nothing else: no screen, no state, no label, no argument, no environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;

use crate::engine::{Engine, Kind, engine};
use crate::project::{Project, Ran};

/// Each source of values with the value that comes from it; no two share a part.
const VALUES: [(&str, &str); 4] = [
    ("by_env", "s3ntinel-environment-41f0"),
    ("by_file", "s3ntinel-file-92ab"),
    ("by_command", "s3ntinel-command-7c3e"),
    ("by_keyring", "s3ntinel-keyring-d805"),
];

const SPEC: &str = r#"
devup: 1
x-service: &service
  image: IMAGE
  command: [sleep, infinity]
  stop_signal: SIGKILL
  secrets: [by_env, by_file, by_command, by_keyring]
services:
  web: { <<: *service }
  built:
    image: BUILT
    build:
      context: .
      dockerfile_inline: |
        FROM IMAGE
        RUN --mount=type=secret,id=by_env test -n "$$(cat /run/secrets/by_env)"
      secrets: [by_env]
    command: [sleep, infinity]
    stop_signal: SIGKILL
  farewell:
    <<: *service
    profiles: [farewell]
    secrets: [by_env, by_file]
    pre_stop:
      - command: [sh, -c, "cat /run/secrets/*; echo; cp /run/secrets/by_file /told; exit 0"]
  loud:
    <<: *service
    profiles: [loud]
    post_start:
      - command: [sh, -c, "echo the value is $$(cat /run/secrets/by_env /run/secrets/by_command); exit 3"]
secrets:
  by_env: { environment: SENTINEL }
  by_file: { file: ./hidden }
  by_command: { command: [cat, hidden-too] }
  by_keyring: { keyring: entry }
"#;

/// Forms in which a value could show up.
fn forms(value: &str) -> [String; 3] {
    let hex = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    [value.to_owned(), base64::engine::general_purpose::STANDARD_NO_PAD.encode(value), hex]
}

#[track_caller]
fn shows_none(text: &str, what: &str) {
    for (source, value) in VALUES {
        for form in forms(value) {
            assert!(!text.contains(&form), "{what} shows the value {source}:\n{text}");
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

struct Shop(Project);

impl Shop {
    fn new(engine: &Engine) -> Self {
        let project = Project::new(engine, "hush", "services: {}\n");
        std::fs::remove_file(project.folder().join("compose.yaml")).unwrap();
        project.write("devup.yaml", &SPEC.replace("BUILT", &format!("{}-built", project.name)));
        project.write("hidden", VALUES[1].1);
        project.write("hidden-too", VALUES[2].1);
        let shop = Self(project);
        let mut child = shop.command(&["secret", "set", "entry"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(VALUES[3].1.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        shop
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.0.command(arguments);
        command.env("SENTINEL", VALUES[0].1).env("DEVUP_TRUST", "1");
        // no keyring of this machine
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.0.home().join("no-bus").display()));
        command
    }

    /// Runs devup; what it shows has to be clean.
    #[track_caller]
    fn devup(&self, arguments: &[&str], code: i32) -> Ran {
        let ran = Ran::of(self.command(arguments)).expect(code);
        shows_none(&format!("{}{}", ran.out, ran.err), &arguments.join(" "));
        ran
    }

    /// What devup keeps of the project, but for the entry itself, which lies in a file of its own.
    fn kept(&self) -> Vec<PathBuf> {
        let own = |path: &PathBuf| path.ends_with(format!("secrets/{}/entry", self.0.name));
        files(&self.0.home()).into_iter().filter(|path| !own(path)).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let image = format!("{}-built", self.0.name);
        self.0.engine.ask(async |docker| {
            let options = bollard::query_parameters::RemoveImageOptions { force: true, ..Default::default() };
            let _ = docker.remove_image(&image, Some(options), None).await;
        });
    }
}

#[test]
fn a_value_is_inside_and_nowhere_else() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let shop = Shop::new(&engine);
    for arguments in [
        &["config"][..],
        &["--json", "config"],
        &["config", "--hash", "*"],
        &["trust", "--show"],
        &["secret", "list"],
        &["--json", "secret", "list"],
    ] {
        let ran = Ran::of(shop.command(arguments));
        shows_none(&format!("{}{}", ran.out, ran.err), &arguments.join(" "));
    }
    shop.devup(&["--json", "plan"], 20);
    shop.devup(&["--verbose", "up", "--progress", "json"], 0);
    let container = shop.0.container("web", 1);
    for (source, value) in VALUES {
        assert_eq!(engine.exec(&container, &["cat", &format!("/run/secrets/{source}")]), value, "{source}");
    }
    // as people and programs see it
    for arguments in [
        &["--json", "up"][..],
        &["--json", "ps"],
        &["--json", "images"],
        &["--json", "top", "web"],
        &["--json", "logs"],
        &["--json", "volumes"],
        &["--json", "events", "--since", "10m", "--until", "0s"],
        &["--json", "projects"],
        &["plan"],
    ] {
        shop.devup(arguments, 0);
    }
    // as the engine has it: arguments, environment, labels, mounts
    for service in ["web", "built"] {
        let inspected = engine.inspect(&shop.0.container(service, 1));
        shows_none(&serde_json::to_string(&inspected).unwrap(), &format!("the inspection of {service}"));
    }
    let image = format!("{}-built", shop.0.name);
    let found = engine.ask(async |docker| docker.inspect_image(&image).await).unwrap();
    let history = engine.ask(async |docker| docker.image_history(&image).await).unwrap();
    shows_none(&format!("{found:?} {history:?}"), "the image that was built");
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    for process in processes {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        shows_none(&String::from_utf8_lossy(&line), &format!("the command line of {}", process.path().display()));
    }
    // as devup keeps it: the journal, marks, the registry of projects
    let kept = shop.kept();
    assert!(kept.iter().any(|path| path.to_string_lossy().contains("/journal/")), "{kept:?}");
    for path in kept {
        shows_none(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()), &path.display().to_string());
    }
    shop.devup(&["--yes", "destroy"], 0);
}

/// What a program inside prints is its own; where devup repeats it in an error or keeps it, the values are taken out.
#[test]
fn a_failure_that_repeats_a_value_is_shown_without_it() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let shop = Shop::new(&engine);
    for arguments in [&["up", "loud"][..], &["--json", "up", "loud"], &["up", "--progress", "plain", "loud"]] {
        let ran = shop.devup(arguments, 1);
        assert!(ran.err.contains("the value is [secret]"), "{}", ran.err);
    }
    for path in shop.kept() {
        shows_none(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()), &path.display().to_string());
    }
    // a source that fails says which, and not what it got before
    std::fs::remove_file(shop.0.folder().join("hidden-too")).unwrap();
    shop.devup(&["up", "--force-recreate", "web"], 1).says("by_command");
}

#[test]
fn hooks_of_a_stop_tell_no_value() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let shop = Shop::new(&engine);
    shop.devup(&["up", "-d", "--no-deps", "farewell"], 0);
    let ran = shop.devup(&["restart", "farewell"], 0);
    // it did speak: its words are there, or what stands for them
    assert_eq!(engine.exec(&shop.0.container("farewell", 1), &["cat", "/told"]), VALUES[1].1);
    ran.says("not shown");
    let spec = std::fs::read_to_string(shop.0.folder().join("devup.yaml")).unwrap();
    let known = spec.replace("  by_command: { command: [cat, hidden-too] }\n", "").replace(", by_command", "");
    shop.0.write("devup.yaml", &known);
    shop.devup(&["up", "-d", "--no-deps", "farewell"], 0);
    shop.devup(&["restart", "farewell"], 0).says("[secret]");
    shop.devup(&["--profile", "farewell", "down"], 0).says("[secret]");
}

const OWNED: &str = r#"
services:
  web:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    configs:
      - { source: conf, target: /etc/own.conf, uid: "5", gid: "6", mode: "0640" }
      - { source: conf, target: /etc/plain.conf }
configs:
  conf: { file: ./conf }
"#;

/// A mount can't give a file of this machine another owner: it is copied in, and made anew when it changes.
#[test]
fn a_file_gets_the_owner_and_the_mode_that_the_spec_says() {
    for kind in [Kind::Docker, Kind::Podman] {
        let Some(engine) = engine(kind) else { continue };
        let project = Project::new(&engine, "owned", OWNED);
        project.write("conf", "one\n");
        project.devup(&["up"]).expect(0);
        let container = project.container("web", 1);
        let look = || {
            let owner = engine.exec(&container, &["busybox", "stat", "-c", "%u:%g:%a", "/etc/own.conf"]);
            let texts = engine.exec(&container, &["cat", "/etc/own.conf", "/etc/plain.conf"]);
            (owner.trim().to_owned(), texts)
        };
        assert_eq!(look(), ("5:6:640".to_owned(), "one\none\n".to_owned()), "{kind:?}");
        project.devup(&["plan"]).expect(0);
        project.write("conf", "two\n");
        project.devup(&["up"]).expect(0);
        assert_eq!(look(), ("5:6:640".to_owned(), "two\ntwo\n".to_owned()), "{kind:?}");
    }
}

const ROTATED: &str = r#"
devup: 1
x-service: &service
  image: IMAGE
  stop_signal: SIGKILL
  command: [sh, -c, "echo it is $$(cat /run/secrets/*); exec sleep infinity"]
services:
  stored: { <<: *service, secrets: [stored] }
  given: { <<: *service, secrets: [given] }
  neither: { <<: *service, command: [sleep, infinity] }
secrets:
  stored: { keyring: entry }
  given: { environment: GIVEN }
"#;

fn rotating(engine: &Engine) -> Project {
    let project = Project::new(engine, "rotate", "services: {}\n");
    std::fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    project.write("devup.yaml", ROTATED);
    project
}

/// devup with this variable, and no keyring of this machine.
fn with(project: &Project, given: Option<&str>, arguments: &[&str], input: &str) -> Ran {
    let mut command = project.command(arguments);
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", project.home().join("no-bus").display()));
    if let Some(value) = given {
        command.env("GIVEN", value);
    }
    let path = project.home().join("typed");
    std::fs::write(&path, input).unwrap();
    Ran::from(command.stdin(std::fs::File::open(path).unwrap()).output().unwrap())
}

#[test]
fn all_that_is_missing_is_told_before_anything_is_changed() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = rotating(&engine);
    let ran = with(&project, None, &["up"], "").expect(1);
    ran.says("2 secrets have no value; nothing was changed").says("devup secret set entry").says("export GIVEN");
    assert!(engine.containers(&project.name).is_empty() && engine.networks(&project.name).is_empty());
    with(&project, None, &["secret", "set", "entry"], "stored value").expect(0);
    with(&project, None, &["up", "stored", "neither"], "").expect(0);
    with(&project, None, &["up"], "").expect(1).says("export GIVEN");
    assert_eq!(engine.running(&project.name).len(), 2);
}

#[test]
fn a_rotated_value_restarts_only_who_uses_it() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = rotating(&engine);
    with(&project, None, &["secret", "set", "entry"], "stored-one").expect(0);
    with(&project, Some("given-one"), &["up"], "").expect(0);
    let secret =
        |service: &str| engine.exec(&project.container(service, 1), &["cat", &format!("/run/secrets/{service}")]);
    let mut before = engine.ids(&project.name);
    let mut changed = |given: Option<&str>| {
        with(&project, given, &["up"], "").expect(0);
        let now = engine.ids(&project.name);
        let mut names: Vec<String> =
            now.iter().filter(|(name, id)| before.get(*name) != Some(*id)).map(|(name, _)| name.clone()).collect();
        names.sort();
        before = now;
        names
    };
    assert_eq!(changed(Some("given-one")), Vec::<String>::new());
    assert_eq!(changed(None), Vec::<String>::new(), "a shell without the variable changes nothing");
    with(&project, None, &["secret", "set", "entry"], "stored-two").expect(0);
    assert_eq!(changed(None), [project.container("stored", 1)]);
    assert_eq!(changed(Some("given-two")), [project.container("given", 1)]);
    assert_eq!((secret("stored").as_str(), secret("given").as_str()), ("stored-two", "given-two"));
    let inspected = serde_json::to_string(&engine.inspect(&project.container("given", 1))).unwrap();
    assert!(!inspected.contains("given-two"), "{inspected}");
}

#[test]
fn logs_can_be_shown_without_the_values() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = rotating(&engine);
    with(&project, None, &["secret", "set", "entry"], "stored-value").expect(0);
    with(&project, Some("given-value"), &["up"], "").expect(0);
    let plain = with(&project, Some("given-value"), &["logs"], "").expect(0);
    plain.says("it is stored-value").says("it is given-value");
    for arguments in [&["logs", "--redact"][..], &["--json", "logs", "--redact"]] {
        let ran = with(&project, Some("given-value"), arguments, "").expect(0);
        assert!(!ran.out.contains("stored-value") && !ran.out.contains("given-value"), "{}", ran.out);
        ran.says("it is [secret]");
    }
    // what the container got is not known to a shell without the variable: nothing is shown
    let ran = with(&project, None, &["logs", "--redact"], "").expect(1);
    assert!(!ran.out.contains("given-value") && !ran.out.contains("stored-value"), "{}", ran.out);
    ran.says("export GIVEN");
}

/// Runs devup at a terminal of its own; `answers`: what is typed once these words were shown.
fn at_a_terminal(project: &Project, arguments: &[&str], answers: &[(&str, &str)]) -> (bool, String) {
    use std::io::{Read, Write};
    let plain = project.command(arguments);
    let words = std::iter::once(plain.get_program()).chain(plain.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(project.folder()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("script (util-linux) makes a terminal");
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut seen, mut piece, mut answers) = (Vec::new(), [0; 4096], answers.iter().peekable());
    loop {
        let read = stdout.read(&mut piece).unwrap_or(0);
        if read == 0 {
            break;
        }
        seen.extend_from_slice(&piece[..read]);
        if let Some((_, answer)) = answers.next_if(|(words, _)| String::from_utf8_lossy(&seen).contains(words)) {
            writeln!(stdin, "{answer}").unwrap();
        }
    }
    (child.wait().unwrap().success(), String::from_utf8_lossy(&seen).into_owned())
}

/// What somebody types.
const TYPED: &str = "n0t-kept-7731";

#[test]
fn a_typed_secret_is_asked_for_when_it_is_needed_and_kept_nowhere() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let project = Project::new(&engine, "typed", "");
    std::fs::remove_file(project.folder().join("compose.yaml")).unwrap();
    let spec = "devup: 1\nservices:\n  web: { image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, secrets: [otp, token] }\nsecrets:\n  otp: { prompt: 'One-time password' }\n  token: { environment: TOKEN_OF_TEST, prompt: 'The token' }\n";
    project.write("devup.yaml", spec);
    // nobody is there: all that is missing, before anything is changed
    let refused = project.devup(&["up"]).expect(1).says("2 secrets have no value; nothing was changed");
    assert!(refused.err.contains("secret otp: its value is typed at a terminal"), "{}", refused.err);
    assert!(refused.err.contains("TOKEN_OF_TEST"), "{}", refused.err);
    assert!(project.engine.containers(&project.name).is_empty());
    project.devup(&["secret", "check"]).expect(0).says("you are asked when it is used");
    let answers = [("One-time password", TYPED), ("The token", "t0ken-7732")];
    let (good, screen) = at_a_terminal(&project, &["up"], &answers);
    assert!(good, "{screen}");
    assert!(!screen.contains(TYPED), "{screen}");
    let read = |file: &str| project.engine.exec(&project.container("web", 1), &["cat", file]);
    assert_eq!((read("/run/secrets/otp"), read("/run/secrets/token")), (TYPED.to_owned(), "t0ken-7732".to_owned()));
    // nothing to do: nothing to ask
    project.devup(&["up"]).expect(0);
    project.devup(&["plan"]).expect(0);
    let (good, screen) = at_a_terminal(&project, &["up"], &[]);
    assert!(good && !screen.contains("One-time"), "{screen}");
    let kept = std::process::Command::new("grep").args(["-rlF", TYPED]).arg(project.home()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "", "it is kept nowhere");
    // a variable that is set is no question
    project.devup(&["down"]).expect(0);
    let mut command = project.command(&["up"]);
    command.env("TOKEN_OF_TEST", "x");
    let refused = crate::project::Ran::of(command).expect(1);
    assert!(refused.err.contains("secret otp") && !refused.err.contains("TOKEN_OF_TEST"), "{}", refused.err);
}
