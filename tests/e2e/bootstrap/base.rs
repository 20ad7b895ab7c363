//! The bare Debian that machines are made of: root file systems that mmdebstrap makes once, and the packages that
//! machines fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Raise it when a base changes: it is part of the cache's names.
const VERSION: u32 = 2;

/// Its users: one who may use sudo without a password, one who may not.
const FURNISH: &str = r"
set -eu
useradd --create-home --uid 1000 --shell /bin/sh ada
useradd --create-home --uid 1001 --shell /bin/sh bob
echo 'ada ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ada
";

/// What a machine has from the start. None of them has an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// apt and sudo.
    Bare,
    /// What `make demo` asks for besides a Rust toolchain: git, make, and the linker that Rust needs.
    Builder,
    /// systemd, to be process 1.
    Systemd,
}

impl Base {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Builder => "builder",
            Self::Systemd => "systemd",
        }
    }

    fn packages(self) -> &'static str {
        match self {
            Self::Bare => "ca-certificates,sudo,sysvinit-utils",
            Self::Builder => "ca-certificates,sudo,sysvinit-utils,git,make,gcc,libc6-dev,pkg-config",
            Self::Systemd => "ca-certificates,sudo,systemd,systemd-sysv,dbus",
        }
    }

    /// The root file system, made on first use; `None` (said aloud) where this machine cannot make one.
    pub fn root(self) -> Option<PathBuf> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        able()?;
        let folder = scratch();
        let done = folder.join(format!("debian-12-{}-v{VERSION}", self.name()));
        if done.exists() {
            return Some(done);
        }
        let draft = tempfile::Builder::new().prefix("draft-").tempdir_in(&folder).unwrap().keep();
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=minbase", &format!("--include={}", self.packages())]);
        make.arg(format!("--customize-hook=chroot \"$1\" sh -c '{}'", FURNISH.replace('\'', "'\\''")));
        make.arg("bookworm").arg(&draft);
        // where this machine gets its packages from, the bare one does too
        let sources = Path::new("/etc/apt/sources.list.d/debian.sources");
        if sources.exists() {
            make.arg(sources);
        }
        assert!(make.status().unwrap().success(), "mmdebstrap makes a bare Debian");
        // another process may have been faster
        fs::rename(&draft, &done).or_else(|error| if done.exists() { Ok(()) } else { Err(error) }).unwrap();
        Some(done)
    }
}

/// Whether this machine can hold another.
fn able() -> Option<()> {
    let skip = |reason: &str| {
        eprintln!("SKIPPED: bare machines need {reason}");
        None
    };
    if !rustix::process::getuid().is_root() {
        return skip("root");
    }
    for program in ["mmdebstrap", "slirp4netns"] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err() {
            let required = std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some();
            assert!(!required, "{program} is required (DEVUP_REQUIRE_ENGINES): run scripts/test-machine");
            return skip(program);
        }
    }
    Some(())
}

/// Where what is expensive to make is kept between runs.
pub fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bare-machine");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The packages that machines have fetched so far. Machines read it; each has a layer of its own above it, so that
/// their package managers do not wait for each other's locks.
pub fn archives() -> PathBuf {
    let folder = scratch().join("apt-archives");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Keeps what a machine fetched, for the next.
pub fn keep_archives(fetched: &Path) {
    for entry in fs::read_dir(fetched).into_iter().flatten().flatten() {
        let target = archives().join(entry.file_name());
        if entry.file_name().to_string_lossy().ends_with(".deb") && !target.exists() {
            // on one disk this is whole or not at all; a package that is lost is fetched again
            let _ = fs::rename(entry.path(), target);
        }
    }
}
