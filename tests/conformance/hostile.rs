//! Hostile specs: each gets an answer, cheaply. The loader runs in a process of its own, whose processor time the kernel
//! limits and whose peak memory it reports.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use devup::spec::discover::{Disk, Request, discover};
use devup::spec::load::{LoadOptions, load};
use devup::spec::resolve;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Seconds of processor time for one answer.
const MOST_SECONDS: u64 = 2;
/// KiB of resident memory at the peak.
const MOST_MEMORY: u64 = 256 << 10;
/// Backstop: nothing gets this far before the kernel says no.
const ADDRESS_SPACE: u64 = 2 << 30;
/// Names the child's case.
const CASE: &str = "DEVUP_TEST_HOSTILE_CASE";

#[test]
fn every_case_has_a_cheap_answer() {
    let Some(cases) = std::env::var_os("DEVUP_CASES") else {
        eprintln!("skipped: DEVUP_CASES is not set");
        return;
    };
    let mut count = 0;
    for case in std::fs::read_dir(Path::new(&cases).join("hostile-yaml")).unwrap() {
        let case = case.unwrap().path();
        answer_of(&case);
        count += 1;
    }
    assert!(count > 0, "no cases in {}", cases.display());
}

/// A bomb of every kind that the cases do not have: breadth by `extends`, by ranges of ports, by long scalars.
#[test]
fn bombs_of_other_kinds_have_a_cheap_answer() {
    let chain = lines(1..3000, |n| format!("  s{n}: {{extends: s{}}}\n", n - 1));
    let wide = lines(0..2000, |n| format!("  s{n}: {{extends: base}}\n"));
    let labels = lines(0..2000, |n| format!("      l{n}: {n}\n"));
    let ports = "'1-65000:1-65000', ".repeat(100);
    let long = "a".repeat(100_000);
    let aliases = "*a, ".repeat(10_000);
    for spec in [
        format!("services:\n  s0: {{image: x}}\n{chain}"),
        format!("services:\n  base:\n    image: x\n    labels:\n{labels}{wide}"),
        format!("services:\n  a: {{image: x, ports: [{ports}]}}\n"),
        format!("x-a: &a {long}\nx-b: [{aliases}]\nservices: {{a: {{image: x}}}}\n"),
        format!("services: {{a: {{image: x, command: {}}}}}\n", "'${A:-'".repeat(3000)),
        format!("{}a: 1\n", "- ".repeat(100_000)),
        format!("a: {}\n", "{a: ".repeat(100_000)),
        "? ".repeat(100_000),
        "&a ".repeat(50_000),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("compose.yaml"), spec).unwrap();
        answer_of(folder.path());
    }
}

fn lines(numbers: Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}

fn answer_of(case: &Path) {
    let test = std::env::current_exe().unwrap();
    let output = Command::new(test)
        .args(["--exact", "hostile::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .env_remove("COMPOSE_FILE")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {}\n{stdout}", case.display(), output.status);
    let peak: u64 = stdout
        .lines()
        .find_map(|line| {
            line.split_once("VmHWM:").map(|(_, rest)| rest.trim().trim_end_matches(" kB").parse().unwrap())
        })
        .expect("the child reports its peak");
    assert!(peak < MOST_MEMORY, "{}: {peak} KiB at the peak", case.display());
}

/// Not a test by itself: what [`answer_of`] runs.
#[test]
#[ignore = "run by the other tests, with a case"]
fn child() {
    let Some(case) = std::env::var_os(CASE) else { return };
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Cpu, limit(MOST_SECONDS)).unwrap();
    setrlimit(Resource::As, limit(ADDRESS_SPACE)).unwrap();
    let request = Request { current_dir: case.clone().into(), ..Request::default() };
    let options = LoadOptions::new(case.into(), None);
    let answer = discover(&request, &Disk)
        .and_then(|found| load(&found, &Disk, &options))
        .and_then(|loaded| resolve::environment(&loaded));
    if let Err(error) = answer {
        let screen = error.screen(false);
        assert!(screen.starts_with("error: ") && screen.contains("help: "), "{screen}");
        assert!(screen.len() < 20_000, "{} bytes of error", screen.len());
    }
    print!("{}", std::fs::read_to_string("/proc/self/status").unwrap());
}
