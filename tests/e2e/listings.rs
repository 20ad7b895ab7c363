//! What Compose prints as JSON, its exit codes and its flags, beside those of devup.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engine::{Kind, engine, within};
use crate::project::{Project, Ran, docker_compose, hermetic};

const SPEC: &str = r#"
services:
  web:
    image: IMAGE
    command: [sleep, infinity]
    stop_signal: SIGKILL
    ports: ["127.0.0.1::80"]
    labels: { colour: green }
    volumes: ["data:/data"]
  job: { image: IMAGE, command: [sh, -c, "echo done; exit 3"] }
  extra: { image: IMAGE, profiles: [more] }
  built: { build: { context: . }, profiles: [never], labels: { who: "${WHO:-me}", what: "${WHAT-}" } }
volumes: { data: {}, spare: {} }
networks: { unused: {} }
"#;

/// Commands that answer in JSON.
const IN_JSON: [&str; 7] = [
    "ps -a --format json",
    "images --format json",
    "volumes --format json",
    "ls -a --format json",
    "stats --no-stream --format json web",
    "version --format json",
    "events --json --since 10m --until 0s",
];

/// Commands with the same exit code and the same words on standard output.
const SAME: [&str; 22] = [
    "ps -q web",
    "ps --services",
    "ps --status exited --services",
    "ps --status paused -q",
    "ps --orphans=false --services",
    "port web 80",
    "port web 81",
    "port nosuch 80",
    "logs --no-log-prefix job",
    "exec -T web true",
    "exec -T web false",
    "exec -T -e WORD=said -w /tmp web sh -c 'echo $WORD $PWD'",
    "exec -T -u 1000 web id -u",
    "exec -T --index 5 web true",
    "config --services",
    "config --volumes",
    "config --images",
    "config --profiles",
    "config --networks",
    "up nosuch",
    "wait nosuch",
    "pull nosuch",
];

/// Commands with the same lines on standard output; Compose prints them in another order each time.
const SAME_LINES: [&str; 4] = [
    "config --variables",
    "--all-resources config --volumes",
    "--all-resources config --networks",
    "--profile never --compatibility config --images",
];

/// Verbs with Compose's options. Those of `build` and `config` are about more than the command line.
const VERBS: &str = "attach commit cp create down events exec export images kill logs ls pause port ps pull push restart rm run scale \
     start stats stop top unpause up version volumes wait watch";

fn with(program: &Path, project: &Project, line: &str) -> Ran {
    let mut command = Command::new("timeout");
    command.arg("120").arg(program).args(shlex::split(line).unwrap()).current_dir(project.folder());
    hermetic(&mut command, &project.home());
    command.env("DOCKER_HOST", project.engine.host());
    Ran::of(command)
}

fn devup() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_devup"))
}

#[test]
fn json_and_exit_codes_are_those_of_compose() {
    let (Some(engine), Some(compose)) = (engine(Kind::Docker), docker_compose()) else { return };
    let project = Project::new(&engine, "listings", SPEC);
    with(devup(), &project, "up -d").expect(0);
    let ended = || (engine.running(&project.name) == [project.container("web", 1)]).then_some(());
    within(std::time::Duration::from_mins(1), ended).expect("the job ends");
    for line in IN_JSON {
        // Compose's `events` fails at its end
        let (theirs, ours) = (with(&compose, &project, line), with(devup(), &project, line).expect(0));
        let lacking: Vec<String> = fields(&theirs.out).difference(&fields(&ours.out)).cloned().collect();
        assert!(lacking.is_empty(), "{line}: without {lacking:?}\n{}", ours.out);
    }
    let mut different = Vec::new();
    for line in SAME {
        let (theirs, ours) = (with(&compose, &project, line), with(devup(), &project, line));
        if (theirs.code, &theirs.out) != (ours.code, &ours.out) {
            different.push(format!(
                "{line}: {:?} {:?}, not {:?} {:?}; {}",
                ours.code, ours.out, theirs.code, theirs.out, ours.err
            ));
        }
    }
    for line in SAME_LINES {
        let sorted = |program| {
            let ran = with(program, &project, line).expect(0).out;
            let mut lines: Vec<String> = ran.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let (theirs, ours) = (sorted(compose.as_path()), sorted(devup()));
        if theirs != ours {
            different.push(format!("{line}: {ours:?}, not {theirs:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Names of the fields of a JSON array's first object, or of the first of several lines.
fn fields(text: &str) -> BTreeSet<String> {
    let first = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let first = match first.expect("something").expect("JSON") {
        Value::Array(all) => all.into_iter().next().expect("an item"),
        one => one,
    };
    first.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn every_option_of_composes_lifecycle_is_there() {
    let Some(compose) = docker_compose() else { return };
    let help = |program: &Path, verb: &str| {
        let said = Command::new(program).args(verb.split_whitespace()).arg("--help").output().expect("it starts");
        options(&String::from_utf8_lossy(&said.stdout))
    };
    let mut missing = Vec::new();
    for verb in std::iter::once("").chain(VERBS.split_whitespace()) {
        let ours = help(devup(), verb);
        let theirs = help(&compose, verb);
        assert!(!theirs.is_empty(), "no options of `{verb}` were found");
        missing.extend(theirs.into_iter().filter(|option| !ours.contains(option)).map(|option| (verb, option)));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// `-s` and `--long` at the beginning of the lines of a help screen, and other spellings that devup tells of.
fn options(screen: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in screen.lines().filter(|line| line.starts_with("  ")) {
        let words = line.trim_start().split([' ', ',', '=', '[', '.']);
        found.extend(words.filter(|word| !word.is_empty()).take_while(|word| word.starts_with('-')).map(str::to_owned));
        let aliases = line.split_once("[alias").and_then(|(_, rest)| rest.split_once(": "));
        let names = aliases.into_iter().flat_map(|(_, names)| names.trim_end_matches(']').split(", "));
        found.extend(names.map(str::to_owned));
    }
    found
}
