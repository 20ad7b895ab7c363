//! Scenarios of the command line as a table (`tests/fixtures/scenarios`), each played by devup and, where it is installed,
//! by Docker Compose: what holds for one has to hold for the other. State is judged by asking the engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran, docker_compose, hermetic};
use crate::scenario::{Difference, Scenario, Step};
use crate::sight::{Sight, exchange, get};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/scenarios");
const PATIENCE: Duration = Duration::from_secs(30);

/// Who plays.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Player {
    Devup,
    Compose(PathBuf),
}

impl Player {
    /// devup, and Docker Compose where it is.
    fn all() -> Vec<Self> {
        std::iter::once(Self::Devup).chain(docker_compose().map(Self::Compose)).collect()
    }

    fn program(&self) -> &Path {
        match self {
            Self::Devup => Path::new(env!("CARGO_BIN_EXE_devup")),
            Self::Compose(program) => program,
        }
    }

    fn label(&self) -> &'static str {
        if *self == Self::Devup { "devup" } else { "compose" }
    }
}

/// Plays every scenario of a file with everybody, side by side.
fn play(file: &str) {
    let Some(engine) = engine(Kind::Docker) else { return };
    let text = std::fs::read_to_string(format!("{FOLDER}/{file}.yaml")).expect("the table");
    if text.contains("ECHO") {
        engine.import_program(ECHO, &Path::new(FOLDER).join("echo.c"));
    }
    let (engine, text) = (&engine, text.as_str());
    let players = Player::all();
    let names: Vec<&str> = players.iter().map(Player::label).collect();
    std::thread::scope(|scope| {
        for player in players {
            scope.spawn(move || {
                for mut scenario in table(text) {
                    if player == Player::Devup {
                        scenario.steps = scenario.steps.into_iter().map(Step::for_devup).collect();
                    }
                    Stage::new(engine, &player, &scenario).perform();
                }
            });
        }
    });
    println!("{file}: {} scenarios hold for {}", table(text).len(), names.join(" and "));
}

fn table(text: &str) -> Vec<Scenario> {
    serde_yaml::from_str(text).expect("a table of scenarios")
}

/// The image of a program that answers datagrams.
const ECHO: &str = "devup-test/echo:1";

/// A scenario with its project and its player.
struct Stage<'a> {
    project: Project,
    player: &'a Player,
    scenario: &'a Scenario,
    variables: BTreeMap<&'static str, String>,
}

impl<'a> Stage<'a> {
    fn new(engine: &Engine, player: &'a Player, scenario: &'a Scenario) -> Self {
        let project = Project::new(engine, player.label(), "");
        for (file, text) in &scenario.files {
            project.write(file, &text.replace("ECHO", ECHO));
            if text.starts_with("#!") {
                use std::os::unix::fs::PermissionsExt as _;
                let executable = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(project.folder().join(file), executable).expect("a program");
            }
        }
        let tcp = |at: &str| TcpListener::bind(at).and_then(|socket| socket.local_addr()).expect("a port").port();
        let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let first = tcp("127.0.0.1:0").min(65_000);
        let variables = BTreeMap::from([
            ("HTTP", tcp("127.0.0.1:0").to_string()),
            ("UDP", udp.to_string()),
            ("RANGE", format!("{first}-{}", first + 20)),
        ]);
        Self { project, player, scenario, variables }
    }

    fn perform(&self) {
        let mut before = Sight::of(&self.project);
        for step in &self.scenario.steps {
            self.act(step);
            let mut missed = Vec::new();
            let settled = within(PATIENCE, || {
                let now = Sight::of(&self.project);
                missed = now.misses(step, &before);
                missed.is_empty().then_some(now)
            });
            before = settled.unwrap_or_else(|| panic!("{}: {missed:#?}", self.place(step)));
        }
    }

    fn act(&self, step: &Step) {
        if let Some(line) = &step.run {
            self.run(step, line);
        }
        if let Some(service) = &step.remove {
            self.project.engine.remove(&self.project.container(service, 1));
        }
        let Some(answer) = &step.answers else { return };
        let mut last = String::new();
        let answered = within(PATIENCE, || {
            last = match (&step.get, &step.send) {
                (Some(path), _) => get(&self.variables["HTTP"], path),
                (_, Some(word)) => exchange(&self.variables["UDP"], word),
                _ => panic!("{}: who is to answer?", self.place(step)),
            };
            (last == *answer).then_some(())
        });
        assert!(answered.is_some(), "{}: answered {last:?}", self.place(step));
    }

    fn run(&self, step: &Step, line: &str) {
        let ran = Ran::of(self.command(step, line));
        let said = format!("\n--- stdout\n{}\n--- stderr\n{}", ran.out, ran.err);
        assert_eq!(ran.code, Some(step.code), "{}{said}", self.place(step));
        let both = format!("{}{}", ran.out, ran.err);
        let named = |text: &String| text.replace("PROJECT", &self.project.name);
        for text in step.says.iter().map(named) {
            assert!(both.contains(&text), "{}: {text:?} is not said{said}", self.place(step));
        }
        for text in step.silent.iter().map(named) {
            assert!(!both.contains(&text), "{}: {text:?} is said{said}", self.place(step));
        }
        if let Some(text) = &step.prints {
            assert_eq!(ran.out, *text, "{}{said}", self.place(step));
        }
    }

    /// Ended after two minutes: what stays forever shall fail the test and not hang it.
    fn command(&self, step: &Step, line: &str) -> Command {
        let words = shlex::split(line).expect("words").into_iter().map(|word| {
            OsString::from(
                self.variables.iter().fold(word, |word, (name, value)| word.replace(&format!("${{{name}}}"), value)),
            )
        });
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "120"]).arg(self.player.program()).args(words);
        hermetic(&mut command, &self.project.home());
        command.current_dir(self.project.folder()).env("DOCKER_HOST", self.project.engine.host());
        command.envs(&self.variables).envs(&step.env);
        command
    }

    fn place(&self, step: &Step) -> String {
        let what = step.run.as_deref().or(step.remove.as_deref()).or(step.get.as_deref()).unwrap_or("send");
        format!("{}, {:?}, at `{what}`", self.player.label(), self.scenario.about)
    }
}

/// A test per file of the table, and one that no file was forgotten.
macro_rules! tables {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*

        #[test]
        fn every_table_is_played_and_differences_have_a_reason() {
            let played = [$(stringify!($name)),*];
            let reasons = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compose.md")).unwrap();
            for entry in std::fs::read_dir(FOLDER).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|kind| kind != "yaml") {
                    continue;
                }
                assert!(played.iter().any(|name| path.file_stem().unwrap() == *name), "{} is not played", path.display());
                let scenarios = table(&std::fs::read_to_string(&path).unwrap());
                let differences = scenarios.iter().flat_map(|scenario| &scenario.steps).filter_map(|step| step.devup.as_ref());
                for Difference { because, .. } in differences {
                    assert!(reasons.contains(because), "{}: docs/compose.md does not say {because:?}", path.display());
                }
            }
        }
    };
}

tables!(attach conformity names_and_resources rm orphans exit_code_from port_ranges hooks pause profiles providers recreate restart scale start_stop wait);
