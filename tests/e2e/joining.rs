//! `attach`, `commit`, `export`, and what `up` and `run` take for the same purposes.

use std::io::Read as _;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use crate::engine::{Engine, Kind, engine, within};
use crate::project::{Project, Ran};

const PATIENCE: Duration = Duration::from_mins(1);

const SPEC: &str = r#"
services:
  echo:
    image: IMAGE
    stdin_open: true
    stop_signal: SIGKILL
    command: [sh, -c, "trap 'echo caught; exit 4' INT; while read line; do [ $$line = quit ] && exit 3; echo got $$line; done"]
  loud:
    image: IMAGE
    stop_signal: SIGKILL
    depends_on: [quiet]
    command: [sh, -c, "echo this is loud; exit 0"]
  quiet:
    image: IMAGE
    stop_signal: SIGKILL
    command: [sh, -c, "echo this is quiet; exec sleep 1000"]
"#;

fn docker() -> Option<Engine> {
    engine(Kind::Docker)
}

#[test]
fn attach_types_into_the_program_and_ends_with_its_code() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "attach", SPEC);
    shop.devup(&["attach", "echo"]).expect(1).says("devup up echo");
    shop.devup(&["up", "-d", "echo"]).expect(0);
    let mut command = shop.command(&["attach", "echo"]);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"hello\n").unwrap();
    let (told, answer) = mpsc::channel();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let mut answer = [0; 10];
        let read = stdout.read_exact(&mut answer).map(|()| answer);
        // the pipe stays open with whoever hears of it
        let _ = told.send((read, stdout));
    });
    let Ok((answer, _stdout)) = answer.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        panic!("no answer within {PATIENCE:?}: {:?}", child.wait_with_output());
    };
    assert_eq!(&answer.unwrap(), b"got hello\n");
    std::io::Write::write_all(&mut stdin, b"quit\n").unwrap();
    assert_eq!(ended(child).code, Some(3));
}

/// Waits for its end; what it prints fits into the pipes.
fn ended(mut child: Child) -> Ran {
    if within(PATIENCE, || child.try_wait().unwrap()).is_none() {
        let _ = child.kill();
        panic!("it did not end within {PATIENCE:?}: {:?}", child.wait_with_output());
    }
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn signals_reach_the_program_unless_they_shall_not() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "sigproxy", SPEC);
    shop.devup(&["up", "-d", "echo"]).expect(0);
    let container = shop.container("echo", 1);
    let attached = |arguments: &[&str]| {
        let mut command = shop.command(&[&["attach"], arguments, &["echo"]].concat());
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // its handlers for signals are set before it reads
        within(PATIENCE, || catches_interrupts(child.id()).then_some(())).expect("it listens for signals");
        child
    };
    let interrupt = |child: Child| {
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        ended(child)
    };
    interrupt(attached(&["--no-stdin", "--sig-proxy=false"])).expect(130);
    assert_eq!(engine.running(&shop.name), [container]);
    assert_eq!(interrupt(attached(&["--no-stdin"])).expect(4).out, "caught\n");
}

/// The mask of caught signals has the second bit.
fn catches_interrupts(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim().to_owned();
    u64::from_str_radix(&mask, 16).is_ok_and(|mask| mask & 0b10 != 0)
}

#[test]
fn a_container_becomes_an_image_with_what_was_changed() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "commit", SPEC);
    shop.devup(&["up", "-d", "quiet"]).expect(0);
    engine.exec(&shop.container("quiet", 1), &["touch", "/made"]);
    let image = format!("{}/quiet:made", shop.name);
    shop.devup(&["--dry-run", "commit", "quiet", &image]).expect(20).says(&image);
    assert!(engine.ask(async |docker| docker.inspect_image(&image).await).is_err(), "a dry run makes nothing");
    let arguments = ["commit", "-a", "Ada", "-m", "why not", "-c", "ENV STAGE=late", "--pause=false", "quiet", &image];
    let id = shop.devup(&arguments).expect(0).out.trim().to_owned();
    let found = engine.ask(async |docker| docker.inspect_image(&image).await).expect("the image is there");
    assert_eq!(found.id.as_deref(), Some(id.as_str()));
    assert_eq!((found.author.as_deref(), found.comment.as_deref()), (Some("Ada"), Some("why not")));
    assert!(found.config.unwrap().env.unwrap().contains(&"STAGE=late".to_owned()));
    shop.devup(&["commit", "--index", "2", "quiet", &image]).expect(1).says("container #2");
    engine
        .ask(async |docker| {
            docker.remove_image(&image, None::<bollard::query_parameters::RemoveImageOptions>, None).await
        })
        .expect("the image goes");
}

#[test]
fn an_export_is_all_there_is_or_no_file() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "export", SPEC);
    shop.devup(&["export", "-o", "none.tar", "quiet"]).expect(1);
    assert!(!shop.folder().join("none.tar").exists());
    shop.devup(&["up", "-d", "quiet"]).expect(0);
    engine.exec(&shop.container("quiet", 1), &["touch", "/made"]);
    let holds = |archive: &[u8]| {
        let mut archive = tar::Archive::new(archive);
        archive.entries().unwrap().any(|entry| entry.unwrap().path().unwrap().ends_with("made"))
    };
    shop.devup(&["export", "-o", "quiet.tar", "quiet"]).expect(0);
    assert!(holds(&std::fs::read(shop.folder().join("quiet.tar")).unwrap()));
    let output = shop.command(&["export", "quiet"]).output().unwrap();
    assert!(output.status.success() && holds(&output.stdout));
    let on_a_terminal = format!("{} export quiet", env!("CARGO_BIN_EXE_devup"));
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &on_a_terminal, "/dev/null"]).current_dir(shop.folder());
    crate::project::hermetic(&mut command, &shop.home());
    command.env("DOCKER_HOST", engine.host());
    Ran::of(command).expect(2).says("devup export -o quiet.tar quiet");
}

#[test]
fn whose_output_up_shows_is_chosen() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "shown", SPEC);
    let shown = |arguments: &[&str]| {
        let all = [&["up", "--menu=false", "--abort-on-container-exit"], arguments, &["loud"]].concat();
        let ran = shop.devup(&all).expect(0);
        shop.devup(&["down"]).expect(0);
        (ran.out.contains("this is loud"), ran.out.contains("this is quiet"))
    };
    assert_eq!(shown(&[]), (true, false));
    assert_eq!(shown(&["--attach-dependencies"]), (true, true));
    assert_eq!(shown(&["--attach-dependencies", "--no-attach", "loud"]), (false, true));
    assert_eq!(shown(&["--no-attach", "loud"]), (false, false));
    shop.devup(&["up", "--attach", "loud", "--attach-dependencies"]).expect(2);
}

#[test]
fn variables_of_a_run_come_from_files_too() {
    let Some(engine) = docker() else { return };
    let shop = Project::new(&engine, "envfile", SPEC);
    shop.write("one", "A=1\nB=${X}-${A}\nC=\"q\"\n");
    shop.write("two", "A=2\nD=${A}\n");
    let run = |arguments: &[&str]| {
        let files = ["--env-from-file", "one", "--env-from-file", "two", "quiet", "sh", "-c", "echo $A $B $C $D"];
        shop.devup(&[&["run", "-q", "--rm", "-T"], arguments, &files].concat()).expect(0).out
    };
    // what docker-compose 2.40 prints
    assert_eq!(run(&[]), "1 -1 q 1\n");
    assert_eq!(run(&["-e", "A=cmd", "-e", "X=given"]), "cmd given-cmd q cmd\n");
    shop.devup(&["run", "--rm", "--env-from-file", "none", "quiet", "true"]).expect(1).says("none");
}
