//! What the programs of the fake do: how long they run, how they end, and what they print.

use bytes::Bytes;

use super::world::{FakeContainer, World};
use crate::driver::stream::Chunk;
use crate::model::observed::{Health, State};

/// Notes when a container turned healthy or ended well.
pub(super) fn settle(world: &mut World, name: &str) {
    let moment = world.moment();
    if let Ok(container) = world.container_mut("looking at a container", name) {
        let well = container.health == Some(Health::Healthy)
            || (container.state == State::Exited && container.exit_code == Some(0));
        if well && container.settled == 0 {
            container.settled = moment;
        }
    }
}

/// The words of its program, those of a shell's line where a shell runs it.
fn words(container: &FakeContainer) -> Vec<&str> {
    let command = container.spec.service.command.as_deref().unwrap_or_default();
    match command {
        [shell, flag, line] if shell.ends_with("sh") && flag == "-c" => line.split_whitespace().collect(),
        words => words.iter().map(String::as_str).collect(),
    }
}

pub(super) fn first_word(container: &FakeContainer) -> &str {
    words(container).first().copied().unwrap_or_default()
}

fn second_number(container: &FakeContainer) -> i64 {
    words(container).get(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

pub(super) fn run(container: &mut FakeContainer) {
    container.state = State::Running;
    container.exit_code = None;
    let check = container.spec.service.healthcheck.as_ref().filter(|check| !check.disable);
    container.health = check.and_then(|check| check.test.as_ref()).map(|_| Health::Starting);
    if first_word(container) == "exit" {
        let code = second_number(container);
        end(container, code);
    }
}

/// Time passes for a container.
pub(super) fn tick(container: &mut FakeContainer) {
    if container.state != State::Running {
        return;
    }
    if first_word(container) == "job" {
        let code = second_number(container);
        end(container, code);
    } else if container.health == Some(Health::Starting) {
        let test = container.spec.service.healthcheck.as_ref().and_then(|check| check.test.as_ref());
        let mut words = test.into_iter().flatten().flat_map(|part| part.split_whitespace());
        let bad = words.any(|word| word.rsplit('/').next() == Some("bad"));
        container.health = Some(if bad { Health::Unhealthy } else { Health::Healthy });
    }
}

pub(super) fn end(container: &mut FakeContainer, code: i64) {
    if matches!(container.state, State::Running | State::Paused | State::Restarting) {
        container.state = State::Exited;
        container.exit_code = Some(code);
        container.health = container.health.map(|_| Health::Unhealthy);
    }
}

/// What a program printed, and its exit code.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Its output.
    pub(super) chunks: Vec<Chunk>,
    /// Its exit code.
    pub(super) code: i64,
}

impl Said {
    fn out(text: String, code: i64) -> Self {
        Self { chunks: vec![Chunk::Out(Bytes::from(text))], code }
    }

    fn err(text: String, code: i64) -> Self {
        Self { chunks: vec![Chunk::Err(Bytes::from(text))], code }
    }
}

/// What a program says that is run in a container: a few of them are known, all others repeat their command line.
pub(super) fn said(container: &FakeContainer, command: &[String]) -> Said {
    match command {
        [shell, flag, line] if shell.ends_with("sh") && flag == "-c" => script(line),
        [cat, paths @ ..] if cat == "cat" && !paths.is_empty() => read(container, paths),
        [stat, flag, format, paths @ ..] if stat == "stat" && flag == "-c" && format == "%a %u %g" => {
            let found = container.files.iter().filter(|file| paths.contains(&file.target));
            Said::out(found.map(|file| format!("{:o} {} {}\n", file.mode, file.uid, file.gid)).collect(), 0)
        }
        words => Said::out(format!("{}\n", words.join(" ")), i64::from(words.iter().any(|word| word == "fail"))),
    }
}

/// A line of a shell: `echo`, also to standard error, and `exit`; what else is in it says nothing.
pub(super) fn script(line: &str) -> Said {
    let mut said = Said { chunks: Vec::new(), code: i64::from(line.split_whitespace().any(|word| word == "fail")) };
    for part in line.split(';') {
        let words: Vec<&str> = part.split_whitespace().collect();
        match words.as_slice() {
            ["echo", words @ .., ">&2"] => said.chunks.extend(Said::err(format!("{}\n", words.join(" ")), 0).chunks),
            ["echo", words @ ..] => said.chunks.extend(Said::out(format!("{}\n", words.join(" ")), 0).chunks),
            ["exit", code] => {
                said.code = code.parse().unwrap_or(0);
                break;
            }
            _ => {}
        }
    }
    said
}

/// Files that were put in.
fn read(container: &FakeContainer, paths: &[String]) -> Said {
    let mut said = Said::default();
    for path in paths {
        match container.files.iter().rfind(|file| file.target == *path) {
            Some(file) => said.chunks.push(Chunk::Out(Bytes::copy_from_slice(&file.content))),
            None => {
                said.chunks
                    .extend(Said::err(format!("cat: can't open '{path}': No such file or directory\n"), 1).chunks);
                said.code = 1;
            }
        }
    }
    said
}
