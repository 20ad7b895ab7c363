//! Backups by devup, by restic and by a bare loop over the library that devup uses, side by side: 1 GB in 30,000 files,
//! backed up, backed up again unchanged, and restored; in turns, medians, and each restore compared file by file.
//!
//! Wants restic in `RESTIC` or on the PATH, and GNU time. See docs/benchmarks.md.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustic_backend::LocalBackend;
use rustic_core::{
    BackupOptions, ConfigOptions, Credentials, KeyOptions, LocalDestination, LsOptions, PathList, Repository,
    RepositoryBackends, RepositoryOptions, RestoreOptions, SnapshotOptions,
};
use sha2::{Digest, Sha256};

const TOOLS: [&str; 3] = ["devup", "restic", "bare"];
const PHASES: [&str; 3] = ["first", "second", "restore"];
/// devup beside restic, at most.
const LIMITS: [f64; 3] = [1.1, 0.9, 0.9];
const WORDS: &str = "bench";

/// Of each tool and phase: wall and processor time of each round, in seconds.
type Times = BTreeMap<(&'static str, &'static str), Vec<(f64, f64)>>;

struct Bench {
    folder: tempfile::TempDir,
    restic: PathBuf,
    peak: BTreeMap<&'static str, f64>,
    /// Seconds of processor time of the last call: a busy machine does not change them much.
    worked: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare") {
        return bare(&arguments[at + 1], Path::new(&arguments[at + 2]));
    }
    // `cargo test --benches` calls every bench: there is nothing to test here
    if arguments.iter().any(|a| a == "--test" || a == "--list") || !arguments.iter().any(|a| a == "--bench") {
        return;
    }
    let number = |name: &str, otherwise| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let restic = std::env::var_os("RESTIC").map_or_else(|| "restic".into(), PathBuf::from);
    let folder = tempfile::Builder::new().prefix("devup-bench-").tempdir().expect("a temporary folder");
    let mut bench = Bench { folder, restic, peak: BTreeMap::new(), worked: 0.0 };
    let bytes = bench.make(number("FILES", 30_000), number("MEGABYTES", 1000) * 1_000_000);
    let expected = digest(&bench.path("in"));
    let mut times: Times = BTreeMap::new();
    for round in 0..number("ROUNDS", 3) {
        for turn in 0..TOOLS.len() {
            let tool = TOOLS[(turn + usize::try_from(round).unwrap_or(0)) % TOOLS.len()];
            bench.begin(tool);
            for phase in PHASES {
                let took = bench.run(tool, phase);
                times.entry((tool, phase)).or_default().push((took.as_secs_f64(), bench.worked));
            }
            assert_eq!(digest(&bench.restored(tool)), expected, "{tool} restored something else");
            bench.clear();
        }
    }
    bench.report(bytes, &times);
}

/// Numbers that look like chance and are the same each time.
fn noise(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

impl Bench {
    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A folder with files of mixed sizes, every second one of text: a tenth of them has most of the bytes. And a project beside
    /// it, which has nothing but its spec.
    fn make(&self, files: u64, bytes: u64) -> u64 {
        let mut state = 88_172_645_463_325_252;
        let mut written = 0;
        for at in 0..files {
            let folder = self.path(&format!("in/{}/{}", at % 37, at % 11));
            std::fs::create_dir_all(&folder).expect("a folder");
            let share = if at % 10 == 0 { bytes * 9 / files } else { bytes / files / 9 };
            let size = usize::try_from(share / 2 + noise(&mut state) % share.max(1)).expect("a size");
            let content: Vec<u8> = if at % 2 == 0 {
                (0..size.div_ceil(8)).flat_map(|_| noise(&mut state).to_le_bytes()).collect()
            } else {
                (0..size.div_ceil(24))
                    .flat_map(|_| format!("line {:>18}\n", noise(&mut state) % 5000).into_bytes())
                    .collect()
            };
            std::fs::write(folder.join(format!("file-{at}")), &content).expect("a file");
            written += content.len() as u64;
        }
        std::fs::create_dir(self.path("p")).expect("a folder");
        std::fs::write(self.path("p/devup.yaml"), "devup: 1\nname: bench\nservices: {web: {image: x}}\n")
            .expect("a spec");
        std::fs::write(self.path("key"), WORDS).expect("a passphrase");
        written
    }

    fn clear(&self) {
        for name in ["repo", "back", "home"] {
            let _ = std::fs::remove_dir_all(self.path(name));
        }
    }

    /// An empty repository.
    fn begin(&mut self, tool: &'static str) {
        self.clear();
        std::fs::create_dir(self.path("home")).expect("a home");
        match tool {
            "devup" => {
                let sheet = self.path("sheet").display().to_string();
                self.timed(
                    tool,
                    env!("CARGO_BIN_EXE_devup").as_ref(),
                    &["backup", "init", "../repo", "--sheet", &sheet, "--passphrase-file", "../key"],
                );
            }
            "restic" => drop(self.timed(tool, &self.restic.clone(), &["init", "-q"])),
            _ => self.own("begin"),
        }
    }

    fn run(&mut self, tool: &'static str, phase: &str) -> Duration {
        let devup = Path::new(env!("CARGO_BIN_EXE_devup"));
        let restic = self.restic.clone();
        match (tool, phase) {
            ("devup", "restore") => {
                self.timed(tool, devup, &["restore", "bench", "--into", "../back", "--passphrase-file", "../key"])
            }
            ("devup", _) => self.timed(tool, devup, &["backup", "--folder", "../in", "--passphrase-file", "../key"]),
            ("restic", "restore") => self.timed(tool, &restic, &["restore", "-q", "latest", "--target", "back"]),
            ("restic", _) => self.timed(tool, &restic, &["backup", "-q", "in"]),
            (_, phase) => {
                let began = Instant::now();
                self.own(phase);
                began.elapsed()
            }
        }
    }

    /// The bare loop, in a process of its own.
    fn own(&mut self, phase: &str) {
        let program = std::env::current_exe().expect("this program");
        let folder = self.folder.path().display().to_string();
        self.timed("bare", &program, &["--bare", phase, &folder]);
    }

    /// Where a tool's restore lies.
    fn restored(&self, tool: &str) -> PathBuf {
        match tool {
            "devup" => {
                let folders = std::fs::read_dir(self.path("back/folders")).expect("the part");
                folders.map(|entry| entry.expect("an entry").path()).next().expect("the folder")
            }
            "restic" => self.path("back/in"),
            _ => self.path("back"),
        }
    }

    /// Runs a program under GNU time, checks its exit code, keeps its peak memory, returns its wall time.
    fn timed(&mut self, tool: &'static str, program: &Path, arguments: &[&str]) -> Duration {
        let facts = self.path("facts");
        // devup is at home in its project; the others know of none
        let folder = if tool == "devup" { self.path("p") } else { self.path("") };
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M %U %S", "-o"]).arg(&facts).arg(program).args(arguments).current_dir(folder);
        command.env("HOME", self.path("home")).env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").stdin(Stdio::null());
        command.env("RESTIC_REPOSITORY", "repo").env("RESTIC_PASSWORD_FILE", "key");
        let began = Instant::now();
        let output = command.output().expect("GNU time is installed (Debian: time)");
        let took = began.elapsed();
        assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let facts = std::fs::read_to_string(&facts).expect("what GNU time saw");
        let mut facts = facts.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
        let mut next = || facts.next().expect("three numbers");
        let (kib, user, system) = (next(), next(), next());
        let peak = self.peak.entry(tool).or_default();
        *peak = peak.max(kib);
        self.worked = user + system;
        took
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
    fn report(&self, bytes: u64, times: &Times) {
        println!("{:.2} GB; medians", bytes as f64 / 1e9);
        println!(
            "{:8} {:>9} {:>9} {:>9} {:>8} {:>7}   processor time",
            "", "devup", "restic", "bare", "ratio", "limit"
        );
        let mut missed = 0;
        for (phase, limit) in PHASES.into_iter().zip(LIMITS) {
            let of = |tool| median(times[&(tool, phase)].iter().map(|(wall, _)| *wall));
            let work = |tool| median(times[&(tool, phase)].iter().map(|(_, worked)| *worked));
            let ratio = of("devup") / of("restic");
            missed += usize::from(ratio > limit);
            let [devup, restic, bare] = TOOLS.map(of);
            let [our, their, library] = TOOLS.map(work);
            println!(
                "{phase:8} {devup:>8.2}s {restic:>8.2}s {bare:>8.2}s {ratio:>8.2} {limit:>7}   \
                 {our:.2}s {their:.2}s {library:.2}s"
            );
        }
        for (tool, kib) in &self.peak {
            println!("peak memory of {tool}: {:.0} MiB", kib / 1024.0);
        }
        println!("limits missed: {missed}");
    }
}

/// SHA-256 over names and contents below a folder.
fn digest(folder: &Path) -> String {
    fn add(sum: &mut Sha256, folder: &Path) {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            sum.update(path.file_name().expect("a name").as_encoded_bytes());
            if path.is_dir() {
                add(sum, &path);
            } else {
                sum.update(Sha256::digest(std::fs::read(&path).expect("a file")));
            }
        }
    }
    let mut sum = Sha256::new();
    add(&mut sum, folder);
    hex::encode(sum.finalize())
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What the library costs by itself.
fn bare(phase: &str, folder: &Path) {
    let options: [(String, String); 0] = [];
    let backend = LocalBackend::new(folder.join("repo").to_string_lossy(), options).expect("a folder");
    let backends = RepositoryBackends::new(std::sync::Arc::new(backend), None);
    let settings = RepositoryOptions::default().no_cache(true);
    let credentials = Credentials::password(WORDS);
    let closed = Repository::new(&settings, &backends).expect("a repository");
    match phase {
        "begin" => {
            closed.init(&credentials, &KeyOptions::default(), &ConfigOptions::default()).expect("a new repository");
        }
        "restore" => {
            let repository = closed.open(&credentials).and_then(Repository::to_indexed).expect("its index");
            let snapshot = repository.get_snapshot_from_str("latest", |_| true).expect("a snapshot");
            let node = repository.node_from_path(snapshot.tree, "in".as_ref()).expect("the folder");
            let nodes = repository.ls(&node, &LsOptions::default()).expect("its nodes");
            let target = format!("{}/", folder.join("back").display());
            let target = LocalDestination::new(&target, true, false).expect("a folder");
            let options = RestoreOptions::default();
            let plan = repository.prepare_restore(&options, nodes.clone(), &target, false).expect("a plan");
            repository.restore(plan, &options, nodes, &target).expect("a restore");
        }
        _ => {
            let repository = closed.open(&credentials).and_then(Repository::to_indexed_ids).expect("its index");
            let source = PathList::from_string("in").expect("a folder");
            let options = BackupOptions::default().as_path(PathBuf::from("in")).no_scan(true);
            let snapshot = SnapshotOptions::default().to_snapshot().expect("a snapshot");
            repository.backup(&options, &source, snapshot).expect("a backup");
        }
    }
}
